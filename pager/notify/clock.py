"""Moments as people read them, on the wall clock of a zone: `Mon 5 Jan 09:00 CET`."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


def when(at: datetime, zone: str, *, date: bool = True) -> str:
    """A moment (UTC) there; without its date where the weekday says enough."""
    there = at.astimezone(ZoneInfo(zone))
    return f"{_day(there, date)} {there:%H:%M} {_abbreviation(there)}"


def since(start: datetime, now: datetime, zone: str) -> str:
    """A moment (UTC) of late, by the clock alone: `18:00`, `Fri 18:00`, `5 Jan 18:00`."""
    there = start.astimezone(ZoneInfo(zone))
    if now - start < timedelta(days=1):
        return f"{there:%H:%M}"
    return f"{there:%a %H:%M}" if now - start < timedelta(days=6) else f"{there.day} {there:%b %H:%M}"


def from_to(start: datetime, end: datetime | None, zone: str) -> str:
    """The zone stands once, unless the clocks change between the two; `from …` where nobody knows the end."""
    if end is None:
        return f"from {when(start, zone)}"
    first, last = start.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone))
    same = _abbreviation(first) == _abbreviation(last)
    opening = f"{_day(first, True)} {first:%H:%M}"
    if same and first.date() == last.date():
        return f"{opening} to {last:%H:%M} {_abbreviation(last)}"
    return f"{opening if same else when(start, zone)} to {when(end, zone)}"


def _day(there: datetime, date: bool) -> str:
    return f"{there:%a} {there.day} {there:%b}" if date else f"{there:%a}"


def _abbreviation(there: datetime) -> str:
    """Zones without letters of their own are called by their distance from UTC."""
    name = there.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name
