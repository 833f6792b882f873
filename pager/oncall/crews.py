"""Who is on call together, and for how long: shifts without their reasons. Where one crew follows another, there is a hand-off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from pager.oncall.who import Shift


class Crew(msgspec.Struct, frozen=True):
    """From `start` until `end` (UTC, half open) just these people are on call, in the order of the schedule; `end` None: nobody knows. Of the first
    crew of a time it may have begun before `start`."""

    start: datetime
    end: datetime | None
    users: tuple[str, ...]


def crews(shifts: Sequence[Shift]) -> tuple[Crew, ...]:
    """The same time as the shifts, whose end is where our knowledge ends. Neighbours with the same people are one, whatever the reasons."""
    found: list[Crew] = []
    for shift in shifts:
        users = tuple(dict.fromkeys(on_call.user for on_call in shift.on_call))
        if found and set(found[-1].users) == set(users):
            found[-1] = Crew(found[-1].start, shift.end, found[-1].users)
        else:
            found.append(Crew(shift.start, shift.end, users))
    return (*found[:-1], Crew(found[-1].start, None, found[-1].users)) if found else ()


def at(crews: Sequence[Crew], moment: datetime) -> int:
    """Which of them is on call then. Raises LookupError where the moment is not among theirs."""
    for k, crew in enumerate(crews):
        if crew.start <= moment and (crew.end is None or moment < crew.end):
            return k
    raise LookupError(f"no crew at {moment}")


def stint(crews: Sequence[Crew], k: int, user: str) -> tuple[datetime, datetime | None]:
    """From when until when the person is on call without a break, around the crew `k` that they are of."""
    first, last = k, k
    while first > 0 and user in crews[first - 1].users:
        first -= 1
    while last + 1 < len(crews) and user in crews[last + 1].users:
        last += 1
    return crews[first].start, crews[last].end
