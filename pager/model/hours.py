"""The one shape for hours in the config: `{days, from, to, timezone}`."""

from __future__ import annotations

from datetime import date, time

import msgspec

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recurring window on the wall clock. Times are naive and read in `timezone`, or where that is None in the zone of whatever
    holds the window. A window over midnight belongs to the day it starts; `start == end` is a whole day."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # Monday is 0
    start: time = time(0, 0)
    end: time = time(0, 0)
    timezone: str | None = None
    first_date: date | None = None
    last_date: date | None = None  # inclusive
