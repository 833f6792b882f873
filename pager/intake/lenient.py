"""JSON as tools really write it: a broken byte, or half an emoji of a text cut in its middle, should not cost the page."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import msgspec

from pager.model.plain import plain

_STRUCTURED = ("labels", "details", "links", "images")
_decode = msgspec.json.Decoder().decode


def read_json(raw: bytes) -> Any:
    """The value, with what is no text or number mended as `plain` does. Raises json.JSONDecodeError, which knows line and column, and
    RecursionError."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return plain(_slowly(raw.decode("utf-8-sig", "replace")))


def unfolded(fields: dict[str, Any]) -> dict[str, Any]:
    """The same where what has structure may have come as JSON in a text, as from a shell or a form."""
    found = dict(fields)
    for name in _STRUCTURED:
        if isinstance(found.get(name), str):
            with suppress(
                msgspec.DecodeError, UnicodeEncodeError, RecursionError
            ):  # else it stays text, and read_fields notes what it is not
                found[name] = _decode(found[name].encode())
    return found


def _slowly(text: str) -> Any:
    # Not strict: a line break inside a text, as shells write it, is no reason to refuse the rest.
    return json.loads(text, strict=False, parse_int=_whole, parse_float=_decimal, parse_constant=str)


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= 20 else digits  # Python itself refuses some thousand digits


def _decimal(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits
