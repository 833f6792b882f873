"""Calendars of others: events that say who is on call, or which days are holidays."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from pager.model.origin import Origin


class Series(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """An event, with its repetitions. `start`, `also` and `without` are naive wall-clock times in `zone`. `length` runs on the wall clock, or with
    `exact` by the stopwatch. `rules` are those of RFC 5545, 3.3.10. `users` are those it names. `days`: whole days."""

    start: datetime
    length: timedelta
    zone: str
    summary: str = ""
    users: tuple[str, ...] = ()
    days: bool = False
    exact: bool = False
    rules: tuple[str, ...] = ()
    also: tuple[datetime, ...] = ()
    without: tuple[datetime, ...] = ()


class Calendar(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, eq=False):
    """Just one of `file` (in the config folder) and `url` (a secret) is set. `people` maps a text of the summary, or an attendee's address, to a user.
    `timezone` is where its whole days and its times without a zone are; None: where the calendar says. `series` is what stands in the file.
    One is equal to itself only: what is worked out of it is remembered."""

    name: str
    file: str = ""
    url: str = ""
    every: timedelta = timedelta(minutes=15)
    people: dict[str, str] = {}
    timezone: str | None = None
    series: tuple[Series, ...] = ()
    origin: Origin | None = None
