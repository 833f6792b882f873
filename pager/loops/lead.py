"""What only one worker does: it leads as long as it renews its lease."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import structlog

from pager.loops.cadence import Cadence, Job
from pager.ports import Leader, NotLeader, StoreUnavailable

LEASE = timedelta(seconds=5)
RENEW = timedelta(seconds=1)

log = structlog.get_logger()


class Gauge(Protocol):
    def leads(self, it_does: bool) -> None: ...


class Lead:
    def __init__(self, leader: Leader, gauge: Gauge) -> None:
        self._leader = leader
        self._gauge = gauge
        self._token: int | None = None

    def on(self, cadence: Cadence) -> None:
        cadence.every(RENEW, "lead", self.renew)

    async def renew(self) -> None:
        """Lead, or go on to. Without a store nobody knows who does: then we don't. While it is asked we still do: jobs of the same second must
        not find nobody, and what a leader of the past writes is refused."""
        before, token = self._token, None
        try:
            token = await self._leader.lead(LEASE)
        finally:
            self._token = token
            self._gauge.leads(self._token is not None)
            if (before is None) != (self._token is None):
                log.info("leader.gone" if self._token is None else "leader.here", token=self._token or before)

    def only(self, job: Callable[[int], Awaitable[None]]) -> Job:
        """The job, given the fencing token, and left out where another worker leads. One that lost the lead under way is refused what it
        wants to write."""

        async def led() -> None:
            if self._token is None:
                return
            try:
                await job(self._token)
            except NotLeader as error:
                log.warning("leader.refused", why=str(error))

        return led

    async def resign(self) -> None:
        """Another may lead at once."""
        self._token = None
        with suppress(StoreUnavailable):  # then the lease runs out
            await self._leader.resign()
