"""Deadlines: a sorted set of incident numbers by the moment each must be looked at again."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from pager.ports import Claim, StoreUnavailable
from pager.store.connection import Connection
from pager.store.keys import Keys
from pager.store.scores import at_score, moment
from pager.store.scripts import script


class RedisDeadlines:
    """The port Deadlines. `wait` is for one caller at a time."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys
        self._wakes = connection.subscription(keys.wake)

    async def now(self) -> datetime:
        return moment(await self._connection.call("TIME"))

    async def claim(self, limit: int, lease: timedelta) -> tuple[datetime, list[Claim]]:
        lease_ms = max(1, lease // timedelta(milliseconds=1))
        time, fence, due = await self._connection.run(script("claim"), [self._keys.deadlines], [lease_ms, limit])
        pairs = zip(due[::2], due[1::2], strict=True)
        return moment(time), [Claim(int(number), float(fence), at_score(float(score))) for number, score in pairs]

    async def next_at(self) -> datetime | None:
        first = await self._connection.call("ZRANGE", self._keys.deadlines, 0, 0, "WITHSCORES")
        return at_score(float(first[1])) if first else None

    async def wait(self, limit: timedelta) -> None:
        """The wakes of this process come the same way as those of others. What was published between two waits ends the next one at once:
        better one look too many than one too few. Where no subscription is to be had, it is a sleep."""
        try:
            await self._wakes.heard(limit)
        except StoreUnavailable:
            await asyncio.sleep(limit.total_seconds())

    async def close(self) -> None:
        await self._wakes.close()
