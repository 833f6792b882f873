"""Deadlines: a sorted set of incident numbers by the moment each must be looked at again."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from pager.ports import Claim, StoreUnavailable
from pager.store.connection import Arg, Connection
from pager.store.keys import Keys
from pager.store.newer import Newer
from pager.store.scores import at_score, moment
from pager.store.scripts import script

_MS = timedelta(milliseconds=1)


class RedisDeadlines:
    """The port Deadlines. `wait` is for one caller at a time."""

    def __init__(self, connection: Connection, keys: Keys, newer: Newer | None = None) -> None:
        self._newer = newer or Newer()
        self._connection = connection
        self._keys = keys
        self._wakes = connection.subscription(keys.wake)

    async def now(self) -> datetime:
        return moment(await self._connection.call("TIME"))

    async def claim(self, limit: int, lease: timedelta) -> tuple[datetime, list[Claim]]:
        args: list[Arg] = [max(1, lease // _MS), limit, self._newer.head_start // _MS]
        time, fence, due = await self._connection.run(script("claim"), [self._keys.deadlines], args)
        pairs = zip(due[::2], due[1::2], strict=True)
        return moment(time), [Claim(int(number), float(fence), at_score(float(score))) for number, score in pairs]

    async def next_at(self) -> datetime | None:
        first = await self._connection.call("ZRANGE", self._keys.deadlines, 0, 0, "WITHSCORES")
        return at_score(float(first[1])) + self._newer.head_start if first else None

    async def wait(self, limit: timedelta) -> None:
        """The wakes of this process come the same way as those of others. What was published between two waits ends the next one at once:
        better one look too many than one too few. Where no subscription is to be had, it is a sleep."""
        try:
            await self._wakes.heard(limit)
        except StoreUnavailable:
            await asyncio.sleep(limit.total_seconds())

    async def close(self) -> None:
        await self._wakes.close()
