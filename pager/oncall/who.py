"""Who is on call at one moment, and over a time: layers, then overrides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from pager.model.person import Person
from pager.model.schedule import OnCall, Schedule
from pager.oncall.layers import layer_edges, on_layers
from pager.oncall.overrides import active, apply, override_edges


class Shift(msgspec.Struct, frozen=True):
    """From `start` until `end` (UTC, half open) the same people are on call for the same reasons."""

    start: datetime
    end: datetime
    on_call: tuple[OnCall, ...]


def who(schedule: Schedule, at: datetime, people: Mapping[str, Person]) -> tuple[OnCall, ...]:
    """Everybody on call at that moment (UTC), with the reason and until when the answer holds."""
    places = apply(active(schedule, at), lambda removed: on_layers(schedule, at, people, removed))
    until = next_change(schedule, at, people)
    return tuple(OnCall(user=p.user, because=p.because, origin=p.origin, until=until) for p in places)


def next_change(schedule: Schedule, at: datetime, people: Mapping[str, Person]) -> datetime | None:
    """When the answer may change next; None: never."""
    return min((*layer_edges(schedule, at, people), *override_edges(schedule, at)), default=None)


def shifts(schedule: Schedule, start: datetime, end: datetime, people: Mapping[str, Person]) -> tuple[Shift, ...]:
    """The time from `start` to `end` without a gap; neighbours with the same people and reasons are one. A shift with nobody is in it, too."""
    found: list[Shift] = []
    at = start
    while at < end:
        on_call = who(schedule, at, people)
        until = min(next_change(schedule, at, people) or end, end)
        if found and _same(found[-1].on_call, on_call):
            found[-1] = Shift(found[-1].start, until, found[-1].on_call)
        else:
            found.append(Shift(at, until, on_call))
        at = until
    return tuple(found)


def _same(some: tuple[OnCall, ...], others: tuple[OnCall, ...]) -> bool:
    return [(o.user, o.because) for o in some] == [(o.user, o.because) for o in others]
