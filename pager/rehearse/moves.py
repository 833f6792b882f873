"""Where two timelines differ: who was on call and who will be, interval by interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from pager.model.hours import Hours
from pager.model.schedule import OnCall
from pager.oncall.instants import wall, zone
from pager.oncall.who import Shift

Span = tuple[datetime, datetime]
"""Half open, UTC."""

_DAY = timedelta(days=1)


class Moved(msgspec.Struct, frozen=True):
    """From `start` until `end` (UTC, half open) other people are on call. Somebody stands in `old` or `new` once for each reason they had meanwhile."""

    start: datetime
    end: datetime
    old: tuple[OnCall, ...]
    new: tuple[OnCall, ...]

    @property
    def lasts(self) -> timedelta:
        return self.end - self.start


def users(on_call: Iterable[OnCall]) -> tuple[str, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(o.user for o in on_call))


def moved(old: Sequence[Shift], new: Sequence[Shift]) -> tuple[Moved, ...]:
    """The times at which they have other people, merged where the same people follow on the same. Both reach without a gap from one moment to
    another, the same for both. In what order people stand, and why, is no difference."""
    found: list[Moved] = []
    j = k = 0
    while j < len(old) and k < len(new):
        start, end = max(old[j].start, new[k].start), min(old[j].end, new[k].end)
        before, after = old[j].on_call, new[k].on_call
        if not _same(before, after):
            _append(found, Moved(start, end, _timeless(before), _timeless(after)))
        j, k = j + (old[j].end == end), k + (new[k].end == end)
    return tuple(found)


def _append(found: list[Moved], one: Moved) -> None:
    last = found[-1] if found else None
    if last is not None and last.end == one.start and _same(last.old, one.old) and _same(last.new, one.new):
        found[-1] = Moved(last.start, one.end, _together(last.old, one.old), _together(last.new, one.new))
    else:
        found.append(one)


def _same(some: Iterable[OnCall], others: Iterable[OnCall]) -> bool:
    return set(users(some)) == set(users(others))


def _timeless(on_call: Iterable[OnCall]) -> tuple[OnCall, ...]:
    return tuple(replace(o, until=None) for o in on_call)


def _together(some: tuple[OnCall, ...], more: tuple[OnCall, ...]) -> tuple[OnCall, ...]:
    return some + tuple(o for o in more if o not in some)


# --- several at once ------------------------------------------------------------------------------------------------------------------
def overlaid(timelines: Sequence[Sequence[Shift]], always: tuple[OnCall, ...], whole: Span) -> tuple[Shift, ...]:
    """Everybody of any of the timelines, and those who are there `always`."""
    edges = sorted({*whole, *(shift.start for timeline in timelines for shift in timeline)})
    places = [0] * len(timelines)
    found = []
    for start, end in pairwise(edges):
        there: list[OnCall] = []
        for k, timeline in enumerate(timelines):
            while places[k] < len(timeline) - 1 and timeline[places[k]].end <= start:
                places[k] += 1
            there += timeline[places[k]].on_call if timeline else ()
        found.append(Shift(start, end, (*there, *always)))
    return tuple(found)


# --- for one person -------------------------------------------------------------------------------------------------------------------
class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What changes for one person: time on call that they get and that they lose, and in how many nights. Two schedules at once count once; who
    leaves one schedule for another gets and loses."""

    user: str
    gets: timedelta
    loses: timedelta
    nights_more: int
    nights_fewer: int


def share(user: str, night: Hours, moves: Iterable[Moved]) -> Share | None:
    """None where nothing changes for them. `night` names its zone."""
    gets: list[Span] = []
    loses: list[Span] = []
    for move in moves:
        before, after = user in users(move.old), user in users(move.new)
        if before != after:
            (gets if after else loses).append((move.start, move.end))
    if not gets and not loses:
        return None
    return Share(
        user=user,
        gets=_length(gets),
        loses=_length(loses),
        nights_more=len(nights(gets, night)),
        nights_fewer=len(nights(loses, night)),
    )


def _length(spans: list[Span]) -> timedelta:
    total, reached = timedelta(0), None
    for start, end in sorted(spans):
        start = start if reached is None else max(start, reached)
        total += max(end - start, timedelta(0))
        reached = end if reached is None else max(end, reached)
    return total


def nights(spans: Iterable[Span], night: Hours) -> set[date]:
    """The nights that any of the spans touches, each by the day it begins. On whatever day of the week: the load is the same."""
    tz = zone(night.timezone or "UTC")
    begins, ends = (timedelta(hours=at.hour, minutes=at.minute) for at in (night.start, night.end))
    ends += _DAY if ends <= begins else timedelta(0)
    found: set[date] = set()
    for start, end in spans:
        first = (wall(start, tz) - ends).date() + _DAY
        last = (wall(end, tz) - begins - timedelta.resolution).date()
        found.update(first + k * _DAY for k in range((last - first).days + 1))
    return found
