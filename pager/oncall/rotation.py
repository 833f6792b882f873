"""Turns of a rotation: hand-off k is `starts + k * every` on the wall clock."""

from __future__ import annotations

import calendar
from datetime import datetime
from zoneinfo import ZoneInfo

from pager.model.schedule import Every, Layer
from pager.oncall.instants import instant, wall


def handoff(layer: Layer, turn: int, tz: ZoneInfo) -> datetime:
    """The instant at which turn `turn` begins."""
    return instant(_wall_handoff(layer.starts, layer.every, turn), tz)


def turn_at(layer: Layer, at: datetime, tz: ZoneInfo) -> int | None:
    """The turn that is on at `at`; None before the rotation starts."""
    if at < handoff(layer, 0, tz):
        return None
    turn = max(_guess(layer, wall(at, tz)), 0)
    while handoff(layer, turn, tz) > at:  # the clocks moved between: at most a few turns off
        turn -= 1
    while handoff(layer, turn + 1, tz) <= at:
        turn += 1
    return turn


def _wall_handoff(starts: datetime, every: Every, turn: int) -> datetime:
    if not every.months:
        return starts + turn * every.wall
    months = starts.month - 1 + turn * every.months
    year, month = starts.year + months // 12, months % 12 + 1
    day = min(starts.day, calendar.monthrange(year, month)[1])  # always from the original day: the 31st comes back
    return starts.replace(year=year, month=month, day=day)


def _guess(layer: Layer, now: datetime) -> int:
    if not layer.every.months:
        return (now - layer.starts) // layer.every.wall
    months = (now.year - layer.starts.year) * 12 + now.month - layer.starts.month
    return months // layer.every.months - 1


def names_from(layer: Layer, turn: int) -> tuple[str | None, ...]:
    """The rotation's slots in order of succession from that turn on, each once."""
    first = turn % len(layer.users)
    return layer.users[first:] + layer.users[:first]
