"""Incidents whose deadline has come."""

from __future__ import annotations

from datetime import timedelta

import structlog

from pager.advance import Advance, Item
from pager.model.event import Due
from pager.model.snapshot import UnreadableError
from pager.ports import Deadlines, Meter

BATCH = 256
LEASE = timedelta(seconds=2)  # a worker that died with a claim delays it by this much; a slower one is refused and nothing is lost
LONGEST_NAP = timedelta(seconds=1)

log = structlog.get_logger()


class DeadlineLoop:
    def __init__(self, deadlines: Deadlines, advance: Advance, meter: Meter) -> None:
        self._deadlines = deadlines
        self._advance = advance
        self._meter = meter

    async def run_once(self) -> int:
        """Advance what is due; returns how many incidents were."""
        now, claims = await self._deadlines.claim(BATCH, LEASE)
        if not claims:
            return 0
        results = await self._advance.events([Item(claim.number, Due(), fence=claim.fence) for claim in claims])
        for claim, result in zip(claims, results, strict=True):
            if isinstance(result.error, UnreadableError):  # the lease runs out for those who can read it
                self._meter.left("deadlines")
                log.warning("deadline.left", incident=claim.number, why=str(result.error))
                continue
            self._meter.late((now - claim.due_at).total_seconds())
            if result.error is not None:
                log.error("deadline.failed", incident=claim.number, exc_info=result.error)
        return len(claims)

    async def nap(self) -> None:
        """Sleep until the next deadline, or until somebody arms a nearer one; never longer than a second."""
        at = await self._deadlines.next_at()
        if at is None:
            return await self._deadlines.wait(LONGEST_NAP)
        until = at - await self._deadlines.now()
        if until > timedelta(0):
            await self._deadlines.wait(min(until, LONGEST_NAP))
        return None
