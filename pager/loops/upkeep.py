"""Upkeep: invariants swept, what is over dropped, gauges read. What the cadence runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from pager.loops.cadence import Cadence
from pager.loops.lead import Lead

AUDIT_KEPT = timedelta(days=7)  # in the store
ENDED_KEPT = timedelta(days=30)  # overrides and silences, after their end
_LOOKED_AT = 200  # keys a second: a million incidents are looked at every few hours, for next to nothing

log = structlog.get_logger()


class Sweep(Protocol):
    @property
    def cursor(self) -> int: ...
    @property
    def repaired(self) -> list[int]: ...


class Keeper(Protocol):
    """What upkeep needs of the store."""

    async def now(self) -> datetime: ...
    async def sweep(self, cursor: int, count: int) -> Sweep: ...
    async def retire(self, before: datetime, token: int) -> int: ...
    async def trim_audit(self, before: datetime, token: int) -> None: ...
    async def drop_ended(self, before: datetime, token: int) -> int: ...
    async def counts(self) -> dict[str, int]: ...
    async def backlogs(self) -> dict[str, int]: ...


class Gauges(Protocol):
    def repaired(self, count: int) -> None: ...
    def incidents(self, counts: Mapping[str, int]) -> None: ...
    def backlog(self, stream: str, count: int) -> None: ...


class Upkeep:
    def __init__(self, keeper: Keeper, gauges: Gauges, retained: Callable[[], timedelta]) -> None:
        self._keeper = keeper
        self._gauges = gauges
        self._retained = retained
        self._cursor = 0
        self.waiting = 0  # alerts in the stream, at the last look

    def on(self, cadence: Cadence) -> None:
        """What every worker does: what it shows, and how much it may take in, depends on it."""
        cadence.every(timedelta(seconds=2), "gauges", self.read_gauges)

    def lead_on(self, cadence: Cadence, lead: Lead) -> None:
        """What one does for all."""
        cadence.every(timedelta(seconds=1), "sweep", lead.only(self.sweep))
        cadence.every(timedelta(minutes=10), "retire", lead.only(self.retire))

    async def sweep(self, token: int) -> None:
        """An open incident without a deadline would never be looked at again. There should be none: each found is counted, and due now.
        Harmless when two do it at once, so it goes without the token."""
        swept = await self._keeper.sweep(self._cursor, _LOOKED_AT)
        self._cursor = swept.cursor
        if swept.repaired:
            self._gauges.repaired(len(swept.repaired))
            log.error("invariant.repaired", incidents=swept.repaired)

    async def retire(self, token: int) -> None:
        now = await self._keeper.now()
        while await self._keeper.retire(now - self._retained(), token):
            pass
        await self._keeper.trim_audit(now - AUDIT_KEPT, token)
        await self._keeper.drop_ended(now - ENDED_KEPT, token)

    async def read_gauges(self) -> None:
        self._gauges.incidents(await self._keeper.counts())
        backlogs = await self._keeper.backlogs()
        self.waiting = backlogs.get("alerts", 0)
        for name, count in backlogs.items():
            self._gauges.backlog(name, count)
