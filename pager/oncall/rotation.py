"""Turns of a rotation: hand-off k is `starts + k * every` on the wall clock, or, with named shifts, where shift after shift ends."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from pager.model.schedule import Layer
from pager.oncall.instants import instant, wall

Slots = tuple[str | None, ...]


class Turn(msgspec.Struct, frozen=True):
    """`number` counts from 0. `order` holds the slots in order of succession, the turn's own first. Half open, UTC."""

    number: int
    start: datetime
    end: datetime
    order: Slots
    shift: str = ""


def turn_at(layer: Layer, at: datetime, tz: ZoneInfo) -> Turn | None:
    """The turn that is on at `at`; None before the rotation starts."""
    if at < handoff(layer, 0, tz):
        return None
    number = max(_guess(layer, wall(at, tz)), 0)
    while handoff(layer, number, tz) > at:  # the clocks moved between: at most a few turns off
        number -= 1
    while (end := handoff(layer, number + 1, tz)) <= at:
        number += 1
    return Turn(number, handoff(layer, number, tz), end, order(layer, number), _shift(layer, number))


def handoff(layer: Layer, number: int, tz: ZoneInfo) -> datetime:
    """The instant at which a turn begins."""
    return instant(_wall_handoff(layer, number), tz)


def order(layer: Layer, number: int) -> Slots:
    """The slots from that turn's own on, each once."""
    slots, first = layer.users, number
    if layer.shifts:
        round_, k = divmod(number, len(layer.shifts))
        slots, first = layer.shifts[k].users, round_
        if not slots:  # the layer's users go on from one such shift to the next
            shared = [j for j, shift in enumerate(layer.shifts) if not shift.users]
            slots, first = layer.users, round_ * len(shared) + shared.index(k)
    first %= len(slots)
    return slots[first:] + slots[:first]


def _shift(layer: Layer, number: int) -> str:
    return layer.shifts[number % len(layer.shifts)].name if layer.shifts else ""


def _wall_handoff(layer: Layer, number: int) -> datetime:
    starts, every = layer.starts, layer.every
    if layer.shifts:
        round_, k = divmod(number, len(layer.shifts))
        return starts + round_ * _round(layer) + sum((shift.lasts for shift in layer.shifts[:k]), timedelta(0))
    if not every.months:
        return starts + number * every.wall
    months = starts.month - 1 + number * every.months
    year, month = starts.year + months // 12, months % 12 + 1
    day = min(starts.day, calendar.monthrange(year, month)[1])  # always from the original day: the 31st comes back
    return starts.replace(year=year, month=month, day=day)


def _round(layer: Layer) -> timedelta:
    return sum((shift.lasts for shift in layer.shifts), timedelta(0))


def _guess(layer: Layer, now: datetime) -> int:
    if layer.shifts:
        return (now - layer.starts) // _round(layer) * len(layer.shifts)
    if not layer.every.months:
        return (now - layer.starts) // layer.every.wall
    months = (now.year - layer.starts.year) * 12 + now.month - layer.starts.month
    return months // layer.every.months - 1
