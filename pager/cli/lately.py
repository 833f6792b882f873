"""Incidents read batch by batch: a hundred thousand are never in memory at once."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pager.model.snapshot import Snapshot

if TYPE_CHECKING:
    from pager.wiring.desk import Desk

_BATCH = 1000  # incidents read in one round trip
EVERY_RESOLVED = 2**31  # as many as are kept


async def open_since(desk: Desk, since: datetime) -> AsyncIterator[Snapshot]:
    """Those that were open at some time since then. No drills. What can't be read is said on stderr, and left out."""
    still_open = await desk.incidents.open_numbers()
    async for snapshot in _without_drills(desk, still_open):
        yield snapshot
    known, ended = set(still_open), await desk.incidents.resolved_numbers(EVERY_RESOLVED)
    async for snapshot in _without_drills(desk, [number for number in ended if number not in known]):
        incident = snapshot.incident
        assert incident is not None
        if incident.resolved_at is not None and incident.resolved_at < since:
            return  # and so were all that follow: the newest come first
        yield snapshot


async def each(desk: Desk, numbers: Sequence[int]) -> AsyncIterator[tuple[datetime, Snapshot]]:
    """Those that are there, in order, each with the time at which it was read. What can't be read is said on stderr, and left out."""
    for start in range(0, len(numbers), _BATCH):
        asked = numbers[start : start + _BATCH]
        now, snapshots = await desk.incidents.by_number(asked)
        for number, snapshot in zip(asked, snapshots, strict=True):
            if snapshot.unreadable:
                print(f"incident {number} is left out: {snapshot.unreadable}", file=sys.stderr)
            elif snapshot.incident is not None:
                yield now, snapshot


async def _without_drills(desk: Desk, numbers: Sequence[int]) -> AsyncIterator[Snapshot]:
    async for _, snapshot in each(desk, numbers):
        if snapshot.incident is not None and not snapshot.incident.drill:
            yield snapshot
