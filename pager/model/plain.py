"""Plain values: what JSON, the store and CEL can all hold."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from typing import Any

MAX_DEPTH = 100
"""Maps and lists inside one another, of a body. What monitoring tools send has about ten."""
KEPT_DEPTH = MAX_DEPTH + 10
"""The same of what is made of a body, which stands some levels deep in its alert."""

_LEAST, _MOST = -(2**63), 2**64 - 1  # what msgpack holds; JSON itself knows no bounds


def plain(value: Any, depth: int = KEPT_DEPTH) -> Any:
    """A copy of a value made of None, bool, str, int, float, list and dict with keys of text. Never raises.

    What has no such form becomes text: numbers beyond 64 bits their digits, NaN and infinity their names, times RFC 3339, durations seconds
    (`90s`), half surrogates a question mark; what stands deeper than `depth`, and objects of other types, what they are in brackets."""
    match value:
        case str():
            return plain_text(value)
        case None | bool():
            return value
        case int():
            return int(value) if _LEAST <= value <= _MOST else _digits(value)
        case float():
            return float(value) if math.isfinite(value) else _no_number(value)
        case dict():
            if depth <= 0:
                return "(nested too deeply)"
            copy: dict[str, Any] = {}
            for key, inner in value.items():  # no comprehension: it would take a second frame a level
                name = key if type(key) is str and key.isascii() else _key(key)
                copy[name] = inner if type(inner) is str and inner.isascii() else plain(inner, depth - 1)
            return copy
        case list() | tuple() | set() | frozenset():
            if depth <= 0:
                return "(nested too deeply)"
            items = []
            for inner in value:
                items.append(plain(inner, depth - 1))
            return items
        case _:
            return _other(value)


def plain_text(text: str) -> str:
    """The same text without half surrogates, which UTF-8 can't hold."""
    if text.isascii():
        return str.__str__(text)  # a member of a StrEnum becomes its value
    return str.encode(text, "utf-8", "replace").decode("utf-8")


def deeper_than(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether more than `depth` maps and lists stand inside one another."""
    level = [value]
    for _ in range(depth):
        level = [inner for one in level if isinstance(one, (dict, list)) for inner in (one.values() if isinstance(one, dict) else one)]
    return any(isinstance(one, (dict, list)) for one in level)


def _key(key: Any) -> str:
    found = key if isinstance(key, str) else plain(key, 0)
    return plain_text(found) if isinstance(found, str) else str(found)


def _digits(number: int) -> str:
    try:
        return str(int(number))
    except ValueError:  # more digits than Python is willing to write
        return hex(number)


def _no_number(number: float) -> str:
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _other(value: Any) -> str:
    match value:
        case datetime() | date() | time():
            return value.isoformat().replace("+00:00", "Z")
        case timedelta():
            return f"{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"
        case bytes() | bytearray():
            return bytes(value).decode("utf-8", "replace")
        case _:
            return f"({type(value).__name__})"
