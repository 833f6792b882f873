"""Hours: recurring windows on the wall clock. A window over midnight belongs to the day it starts."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from pager.model.hours import Hours
from pager.oncall.instants import instant, wall, zone

_DAY = timedelta(days=1)
_LOOK_AHEAD = 367  # days: a window that does not come within a year never comes


class Standing(msgspec.Struct, frozen=True):
    """Whether a moment is inside of some hours, and until when that holds; None: outside, and they never come."""

    inside: bool
    until: datetime | None


def contains(hours: Hours, at: datetime, default_timezone: str) -> bool:
    return _span_around(hours, at, default_timezone) is not None


def next_opening(hours: Hours, at: datetime, default_timezone: str) -> datetime | None:
    """When the hours begin next, strictly after `at`; None when they never do."""
    tz = zone(hours.timezone or default_timezone)
    first = wall(at, tz).date() - _DAY
    if hours.first_date is not None:
        first = max(first, hours.first_date)
    for k in range(_LOOK_AHEAD):
        span = _span(hours, first + k * _DAY, tz)
        if span is not None and span[0] > at:
            return span[0]
    return None


def standing(hours: Hours, at: datetime, default_timezone: str) -> Standing:
    inside = _span_around(hours, at, default_timezone)
    return Standing(True, inside[1]) if inside else Standing(False, next_opening(hours, at, default_timezone))


def _span_around(hours: Hours, at: datetime, default_timezone: str) -> tuple[datetime, datetime] | None:
    tz = zone(hours.timezone or default_timezone)
    today = wall(at, tz).date()
    for day in (today, today - _DAY, today + _DAY, today - 2 * _DAY):  # a jump over midnight or the date line moves a day's edges
        span = _span(hours, day, tz)
        if span is not None and span[0] <= at < span[1]:
            return span
    return None


def _span(hours: Hours, day: date, tz: ZoneInfo) -> tuple[datetime, datetime] | None:
    """The window that starts on that day, half open; None where the day is not one of its days."""
    if day.weekday() not in hours.days:
        return None
    if (hours.first_date and day < hours.first_date) or (hours.last_date and day > hours.last_date):
        return None
    ends = day if hours.end > hours.start else day + _DAY
    start, end = instant(_at(day, hours.start), tz), instant(_at(ends, hours.end), tz)
    return (start, end) if start < end else None


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock)
