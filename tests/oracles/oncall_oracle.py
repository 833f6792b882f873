"""Who is on call, worked out the slow way: hand-off by hand-off from the start, and every wall-clock time found by walking the minutes. Shares
nothing with the code it judges."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from pager.model.hours import Hours
from pager.model.person import Limits, Person
from pager.model.schedule import Layer, OverrideKind, Schedule

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
Pages = Mapping[str, tuple[datetime, ...]]
There = Callable[[str], bool]


@lru_cache(maxsize=50_000)
def moment(wall: datetime, zone: str) -> datetime:
    """The first minute at which the clocks of the zone show this time, or a later one: it may be skipped."""
    tz = ZoneInfo(zone)
    spot = wall.replace(tzinfo=UTC)
    ahead = max((spot + k * DAY).astimezone(tz).utcoffset() or MINUTE * 0 for k in (-1, 0, 1))
    at = spot - ahead - MINUTE
    while at.astimezone(tz).replace(tzinfo=None) < wall:
        at += MINUTE
    return at


def on_call(schedule: Schedule, at: datetime, people: dict[str, Person], pages: Pages | None = None) -> list[str]:
    running = [o for o in schedule.overrides if moment(o.start, schedule.timezone) <= at < moment(o.end, schedule.timezone)]
    gone = {o.user for o in running if o.kind is OverrideKind.REMOVE}

    def is_there(user: str) -> bool:
        return user not in gone and user in people and not _is_away(people[user], at)

    def is_fresh(user: str) -> bool:
        return is_there(user) and not _is_tired(people[user], at, (pages or {}).get(user, ()))

    found = _by_itself(schedule, at, people, is_fresh, strict=True) or _by_itself(schedule, at, people, is_there, strict=False)
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


def _by_itself(schedule: Schedule, at: datetime, people: dict[str, Person], there: There, strict: bool) -> list[str]:
    covering = _holiday(schedule, at, there)
    if covering:
        return [covering]
    found: list[str] = []
    for layer in schedule.layers:
        found = _layer(schedule, layer, at, people, there, strict) or found
    return found


# --- layers ---------------------------------------------------------------------------------------------------------------------------
def _layer(schedule: Schedule, layer: Layer, at: datetime, people: dict[str, Person], there: There, strict: bool) -> list[str]:
    zone = layer.timezone or schedule.timezone
    if layer.only and not any(_inside(hours, at, zone) for hours in layer.only):
        return []
    if (layer.begins and at < moment(layer.begins, zone)) or (layer.ends and at >= moment(layer.ends, zone)):
        return []
    began: dict[str, datetime] = {}  # since when each has had turn after turn
    found: list[str] = []
    for wall, slots in _turns(layer):
        start = moment(wall, zone)
        if start > at:
            break
        blank = layer.take == 1 and slots[0] is None
        by_right = [] if blank else _first(slots, lambda u, start=start: u in people and not _is_away(people[u], start), layer.take)  # type: ignore[misc]
        began = {u: began.get(u, start) for u in by_right}

        def tires(user: str, start: datetime = start, began: dict[str, datetime] = began) -> bool:
            limits = people[user].limits
            if not strict or limits is None or limits.consecutive_weeks is None:
                return False
            weeks = (start - began.get(user, start)) // timedelta(weeks=1)
            return weeks % (limits.consecutive_weeks + 1) == limits.consecutive_weeks

        found = [] if blank else _first(slots, lambda u: there(u) and not tires(u), layer.take)
    return found


def _first(slots: list[str | None], fits: There, count: int) -> list[str]:
    return list(dict.fromkeys(u for u in slots if u is not None and fits(u)))[:count]


def _turns(layer: Layer) -> Iterator[tuple[datetime, list[str | None]]]:
    """Each turn's wall-clock start, and its slots from its own on."""
    if not layer.shifts:
        for k in range(1_000_000):
            yield _handoff(layer, k), [layer.users[(k + j) % len(layer.users)] for j in range(len(layer.users))]
    wall, shared, rounds = layer.starts, 0, 0
    while True:
        for shift in layer.shifts:
            users, k = (shift.users, rounds) if shift.users else (layer.users, shared)
            shared += not shift.users
            yield wall, [users[(k + j) % len(users)] for j in range(len(users))]
            wall += shift.lasts
        rounds += 1


def _handoff(layer: Layer, turn: int) -> datetime:
    if not layer.every.months:
        return layer.starts + turn * layer.every.wall
    year, month = divmod(layer.starts.year * 12 + layer.starts.month - 1 + turn * layer.every.months, 12)
    return layer.starts.replace(year=year, month=month + 1, day=min(layer.starts.day, calendar.monthrange(year, month + 1)[1]))


# --- holidays -------------------------------------------------------------------------------------------------------------------------
def _holiday(schedule: Schedule, at: datetime, there: There) -> str | None:
    rule = schedule.holidays
    if rule is None:
        return None
    for year in (at.year - 1, at.year, at.year + 1):
        for k, day in enumerate(_public(rule.country, rule.region, year)):
            start = datetime(day.year, day.month, day.day)
            if moment(start, schedule.timezone) <= at < moment(start + DAY, schedule.timezone):
                order = [rule.users[(k + j) % len(rule.users)] for j in range(len(rule.users))]
                return next((u for u in order if there(u)), None)
    return None


@lru_cache(maxsize=256)
def _public(country: str, region: str | None, year: int) -> list[date]:
    return sorted(holidays.country_holidays(country, subdiv=region, years=[year]))


# --- people ---------------------------------------------------------------------------------------------------------------------------
def _is_away(person: Person, at: datetime) -> bool:
    return any(moment(a.start, person.timezone) <= at < moment(a.end, person.timezone) for a in person.away)


def _is_tired(person: Person, at: datetime, pages: tuple[datetime, ...]) -> bool:
    limits = person.limits
    if limits is None:
        return False
    by_night: dict[datetime, list[datetime]] = {}
    for page in pages:
        if _inside(limits.night, page, person.timezone):
            by_night.setdefault(_over(limits, page, person.timezone), []).append(page)
    for over, mine in by_night.items():
        if limits.pages_per_night and len(mine) >= limits.pages_per_night and mine[limits.pages_per_night - 1] <= at < over:
            return True
        if limits.rest and over <= at < mine[-1] + limits.rest:
            return True
    return False


@lru_cache(maxsize=10_000)
def _over(limits: Limits, page: datetime, zone: str) -> datetime:
    """The end of the night in which that page came."""
    at = page
    while _inside(limits.night, at, zone):
        at += 15 * MINUTE
    while not _inside(limits.night, at, zone):
        at -= MINUTE
    return at + MINUTE


def _inside(hours: Hours, at: datetime, zone: str) -> bool:
    zone = hours.timezone or zone
    today = at.astimezone(ZoneInfo(zone)).date()
    for day in (today - 2 * DAY, today - DAY, today, today + DAY):
        if day.weekday() not in hours.days:
            continue
        if (hours.first_date and day < hours.first_date) or (hours.last_date and day > hours.last_date):
            continue
        end = day if hours.end > hours.start else day + DAY
        if moment(datetime.combine(day, hours.start), zone) <= at < moment(datetime.combine(end, hours.end), zone):
            return True
    return False
