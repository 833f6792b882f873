"""Wrong codes, counted by the number they came from."""

from __future__ import annotations

from datetime import timedelta

from pager.store.connection import Connection
from pager.store.keys import Keys

REMEMBERED = timedelta(minutes=15)


class RedisRefusals:
    """The port Refusals. The time runs from the last wrong one."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    async def wrong(self, address: str) -> int:
        key = self._keys.refusals(address)
        count, _ = await self._connection.pipe([("INCR", key), ("EXPIRE", key, int(REMEMBERED.total_seconds()))], atomic=True)
        return int(count)

    async def count(self, address: str) -> int:
        return int(await self._connection.call("GET", self._keys.refusals(address)) or 0)
