"""Overrides, in order, each on what the earlier left."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from pager.model.schedule import Override, OverrideKind, Schedule
from pager.oncall.instants import instant, zone
from pager.oncall.layers import Place

Base = Callable[[Collection[str]], tuple[Place, ...]]


def active(schedule: Schedule, at: datetime) -> list[Override]:
    tz = zone(schedule.timezone)
    return [o for o in schedule.overrides if instant(o.start, tz) <= at < instant(o.end, tz)]


def apply(overrides: list[Override], base: Base) -> tuple[Place, ...]:
    """`base` gives what the layers say without the people removed. Someone removed stands in no layer: so the layers are asked again."""
    removed = {o.user for o in overrides if o.kind is OverrideKind.REMOVE}
    places = base(removed)
    for override in overrides:
        places = _one(override, places)
    return places


def _one(override: Override, places: tuple[Place, ...]) -> tuple[Place, ...]:
    mine = Place(override.user, _because(override), override.origin)
    match override.kind:
        case OverrideKind.REPLACE if override.instead_of is None:
            return (mine,)
        case OverrideKind.REPLACE:
            return _unique(tuple(mine if p.user == override.instead_of else p for p in places))
        case OverrideKind.ADD:
            return _unique((*places, mine))
        case OverrideKind.REMOVE:
            return tuple(p for p in places if p.user != override.user)


def _because(override: Override) -> str:
    who = f" by {override.by}" if override.by else ""
    return f"override{who}{f': {override.reason}' if override.reason else ''}"


def _unique(places: tuple[Place, ...]) -> tuple[Place, ...]:
    """Each person once, where they stood first."""
    found: dict[str, Place] = {}
    for place in places:
        found.setdefault(place.user, place)
    return tuple(found.values())


def override_edges(schedule: Schedule, at: datetime) -> list[datetime]:
    tz = zone(schedule.timezone)
    return [edge for o in schedule.overrides for edge in (instant(o.start, tz), instant(o.end, tz)) if edge > at]
