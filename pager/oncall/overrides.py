"""Overrides, in order, each on what the earlier left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from pager.model.schedule import Override, OverrideKind
from pager.oncall.instants import FOREVER, instant, zone
from pager.oncall.layers import Place, Places

Base = Callable[[Collection[str]], Places]
Active = Callable[[datetime], tuple[tuple[Override, ...], datetime]]
"""From a moment to the overrides that are on, and until when that holds."""


def in_order(*parts: Active) -> Active:
    """Those of each part on what the parts before left."""

    def find(at: datetime) -> tuple[tuple[Override, ...], datetime]:
        found = [part(at) for part in parts]
        return tuple(override for some, _ in found for override in some), min(until for _, until in found)

    return find


def find_active(overrides: Iterable[Override], timezone: str) -> Active:
    """`timezone` is the schedule's."""
    tz = zone(timezone)
    spans = [(instant(o.start, tz), instant(o.end, tz), o) for o in overrides]

    def find(at: datetime) -> tuple[tuple[Override, ...], datetime]:
        until = min((edge for start, end, _ in spans for edge in (start, end) if edge > at), default=FOREVER)
        return tuple(o for start, end, o in spans if start <= at < end), until

    return find


def apply(overrides: Collection[Override], base: Base) -> Places:
    """`base` gives what is on without the people removed. Someone removed stands in no layer: so the layers are asked again."""
    places, until = base({o.user for o in overrides if o.kind is OverrideKind.REMOVE})
    for override in overrides:
        places = _one(override, places)
    return places, until


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
    which = (f" {override.id}" if override.id else "") + (f" by {override.by}" if override.by else "")
    return f"override{which}{f': {override.reason}' if override.reason else ''}"


def _unique(places: tuple[Place, ...]) -> tuple[Place, ...]:
    """Each person once, where they stood first."""
    found: dict[str, Place] = {}
    for place in places:
        found.setdefault(place.user, place)
    return tuple(found.values())
