"""Upkeep: invariants swept, what is over dropped, gauges read. What the cadence runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from pager.loops.cadence import Cadence

AUDIT_KEPT = timedelta(days=7)  # in the store
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
    async def retire(self, before: datetime) -> int: ...
    async def trim_audit(self, before: datetime) -> None: ...
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
        cadence.every(timedelta(seconds=1), "sweep", self.sweep)
        cadence.every(timedelta(minutes=10), "retire", self.retire)
        cadence.every(timedelta(seconds=2), "gauges", self.read_gauges)

    async def sweep(self) -> None:
        """An open incident without a deadline would never be looked at again. There should be none: each found is counted, and due now."""
        swept = await self._keeper.sweep(self._cursor, _LOOKED_AT)
        self._cursor = swept.cursor
        if swept.repaired:
            self._gauges.repaired(len(swept.repaired))
            log.error("invariant.repaired", incidents=swept.repaired)

    async def retire(self) -> None:
        now = await self._keeper.now()
        while await self._keeper.retire(now - self._retained()):
            pass
        await self._keeper.trim_audit(now - AUDIT_KEPT)

    async def read_gauges(self) -> None:
        self._gauges.incidents(await self._keeper.counts())
        backlogs = await self._keeper.backlogs()
        self.waiting = backlogs.get("alerts", 0)
        for name, count in backlogs.items():
            self._gauges.backlog(name, count)
