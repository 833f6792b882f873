"""Who a schedule's layers put on call: the later layer wins where it has somebody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec

from pager.model.origin import Origin
from pager.model.person import Person
from pager.model.schedule import Layer, Schedule
from pager.oncall.instants import instant, zone
from pager.oncall.rotation import handoff, names_from, turn_at
from pager.oncall.windows import contains, next_edge


class Place(msgspec.Struct, frozen=True):
    """Somebody on call, and why. `layer` is empty for who came by an override."""

    user: str
    because: str
    origin: Origin | None
    layer: str = ""


def on_layers(schedule: Schedule, at: datetime, people: Mapping[str, Person], removed: Collection[str]) -> tuple[Place, ...]:
    """`removed` people stand in no layer."""
    for layer in reversed(schedule.layers):
        found = _on_layer(schedule, layer, at, people, removed)
        if found:
            return found
    return ()


def _on_layer(
    schedule: Schedule, layer: Layer, at: datetime, people: Mapping[str, Person], removed: Collection[str]
) -> tuple[Place, ...]:  # fmt: skip
    tz = zone(schedule.timezone)
    if layer.only and not any(contains(hours, at, schedule.timezone) for hours in layer.only):
        return ()
    if layer.ends is not None and at >= instant(layer.ends, tz):
        return ()
    turn = turn_at(layer, at, tz)
    if turn is None:
        return ()
    slots = names_from(layer, turn)
    if slots[0] is None and layer.take == 1:
        return ()  # a blank slot is meant: nobody steps in
    places: list[Place] = []
    missing: list[str] = []
    for user in slots:
        if len(places) == layer.take:
            break
        if user is None or any(place.user == user for place in places):
            continue
        why = why_not_there(user, at, people, removed)
        if why:
            missing.append(f"{user} {why}")
            continue
        because = f"layer {layer.name}, turn {turn + 1}" + (f" ({'; '.join(missing)})" if missing else "")
        places.append(Place(user, because, layer.origin, layer.name))
    return tuple(places)


def why_not_there(user: str, at: datetime, people: Mapping[str, Person], removed: Collection[str]) -> str:
    """Why that person stands in no layer at that moment; empty when they do."""
    if user in removed:
        return "is removed by an override"
    person = people.get(user)
    if person is None:
        return "is not in the config"
    tz = zone(person.timezone)
    for away in person.away:
        if instant(away.start, tz) <= at < instant(away.end, tz):
            return f"is away{f': {away.reason}' if away.reason else ''}"
    return ""


def layer_edges(schedule: Schedule, at: datetime, people: Mapping[str, Person]) -> list[datetime]:
    """Moments after `at` at which the answer of the layers may change: the nearest of each kind."""
    tz = zone(schedule.timezone)
    edges: list[datetime] = []
    for layer in schedule.layers:
        turn = turn_at(layer, at, tz)
        edges.append(handoff(layer, 0 if turn is None else turn + 1, tz))
        edges += [edge for hours in layer.only if (edge := next_edge(hours, at, schedule.timezone))]
        if layer.ends is not None:
            edges.append(instant(layer.ends, tz))
        for user in layer.users:
            person = people.get(user) if user else None
            for away in person.away if person else ():
                zone_of = zone(person.timezone)  # type: ignore[union-attr]
                edges += [instant(away.start, zone_of), instant(away.end, zone_of)]
    return [edge for edge in edges if edge > at]
