"""Who is on call, worked out the slow way: hand-off by hand-off from the start, and every wall-clock time found by walking the minutes. Shares
nothing with the code it judges."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pager.model.hours import Hours
from pager.model.person import Person
from pager.model.schedule import Layer, OverrideKind, Schedule

MINUTE = timedelta(minutes=1)


@lru_cache(maxsize=20_000)
def moment(wall: datetime, zone: str) -> datetime:
    """The first minute at which the clocks of the zone show this time, or a later one: it may be skipped."""
    at = wall.replace(tzinfo=UTC) - timedelta(hours=26)
    tz = ZoneInfo(zone)
    step = timedelta(hours=1)
    while (at + step).astimezone(tz).replace(tzinfo=None) < wall:
        at += step
    while at.astimezone(tz).replace(tzinfo=None) < wall:
        at += MINUTE
    return at


def on_call(schedule: Schedule, at: datetime, people: dict[str, Person]) -> list[str]:
    running = [o for o in schedule.overrides if moment(o.start, schedule.timezone) <= at < moment(o.end, schedule.timezone)]
    gone = {o.user for o in running if o.kind is OverrideKind.REMOVE}
    found: list[str] = []
    for layer in schedule.layers:
        found = _layer(schedule, layer, at, people, gone) or found
    for override in running:
        match override.kind:
            case OverrideKind.ADD:
                found = [*found, *([] if override.user in found else [override.user])]
            case OverrideKind.REMOVE:
                found = [u for u in found if u != override.user]
            case OverrideKind.REPLACE if override.instead_of:
                swapped = [override.user if u == override.instead_of else u for u in found]
                found = [u for k, u in enumerate(swapped) if u not in swapped[:k]]
            case OverrideKind.REPLACE:
                found = [override.user]
    return found


def _layer(schedule: Schedule, layer: Layer, at: datetime, people: dict[str, Person], gone: set[str]) -> list[str]:
    if layer.only and not any(_inside(hours, at, schedule.timezone) for hours in layer.only):
        return []
    if layer.ends and at >= moment(layer.ends, schedule.timezone):
        return []
    turn = -1
    while moment(_handoff(layer, turn + 1), schedule.timezone) <= at:
        turn += 1
    if turn < 0:
        return []
    order = [layer.users[(turn + k) % len(layer.users)] for k in range(len(layer.users))]
    if layer.take == 1 and order[0] is None:
        return []
    there = [u for u in order if u is not None and u not in gone and u in people and not _is_away(people[u], at)]
    return list(dict.fromkeys(there))[: layer.take]


def _handoff(layer: Layer, turn: int) -> datetime:
    if not layer.every.months:
        return layer.starts + turn * layer.every.wall
    year, month = divmod(layer.starts.year * 12 + layer.starts.month - 1 + turn * layer.every.months, 12)
    return layer.starts.replace(year=year, month=month + 1, day=min(layer.starts.day, calendar.monthrange(year, month + 1)[1]))


def _is_away(person: Person, at: datetime) -> bool:
    return any(moment(a.start, person.timezone) <= at < moment(a.end, person.timezone) for a in person.away)


def _inside(hours: Hours, at: datetime, zone: str) -> bool:
    zone = hours.timezone or zone
    today = at.astimezone(ZoneInfo(zone)).date()
    for day in (today - timedelta(days=2), today - timedelta(days=1), today, today + timedelta(days=1)):
        if day.weekday() not in hours.days:
            continue
        end = day if hours.end > hours.start else day + timedelta(days=1)
        if moment(datetime.combine(day, hours.start), zone) <= at < moment(datetime.combine(end, hours.end), zone):
            return True
    return False
