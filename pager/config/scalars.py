"""The scalars of the config: durations, times, numbers, text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from pager.config.reading import Scalar
from pager.config.tree import as_int

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


def read_duration(text: str) -> timedelta:
    """`30s 5m 2h 1d 1w`, or several together: `1h30m`. Raises ValueError."""
    if not _DURATION.fullmatch(text):
        raise ValueError("such as 30s, 5m, 2h, 1d, 1w or 1h30m")
    return timedelta(seconds=sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(text)))


def _positive(text: str) -> timedelta:
    span = read_duration(text)
    if span <= timedelta(0):
        raise ValueError("more than nothing")
    return span


def _clock(text: str) -> time:
    found = _CLOCK.fullmatch(text)
    if not found or (text > "24:00" and len(text) == 5):
        raise ValueError('such as "09:00"')
    return time(int(found[1]) % 24, int(found[2]))


def _wall(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("such as 2026-01-05T09:00") from None
    if at.tzinfo is not None:
        raise ValueError("without a time zone: it is wall-clock time where this stands")
    return at


def _reason(text: str) -> str:
    if not text.strip():
        raise ValueError("say why: it is what people read")
    return text


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("such as 2026-01-05T09:00, or with its zone, 2026-01-05T09:00Z") from None


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = as_int(text)
        if number is None or number < least:
            raise ValueError(f"at least {least}")
        return number

    return parse


TEXT = Scalar("text", str, {"type": ["string", "number", "boolean"]})
REASON = Scalar("a reason", _reason, {"type": ["string", "number", "boolean"]})
DURATION = Scalar("a duration", read_duration, {"type": "string", "pattern": r"^(\d+(\.\d+)?[smhdw])+$"})
SPAN = Scalar("a duration", _positive, {"type": "string", "pattern": r"^(\d+(\.\d+)?[smhdw])+$"})
CLOCK = Scalar("a time of day", _clock, {"type": "string", "pattern": r"^\d{1,2}:\d\d$"})
WALL = Scalar("a date and time", _wall, {"type": "string"})
MOMENT = Scalar("a date and time", _moment, {"type": "string"})
DATE = Scalar("a date", date.fromisoformat, {"type": "string"}, "such as 2026-01-05")
COUNT = Scalar("a whole number", _whole(0), {"type": "integer", "minimum": 0})
POSITIVE = Scalar("a whole number", _whole(1), {"type": "integer", "minimum": 1})
