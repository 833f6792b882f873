"""Who leads: a lease in the first shard. What a leader may do is checked, wherever it does it, against the latest token seen there."""

from __future__ import annotations

import secrets
from datetime import timedelta

from pager.store.connection import Connection
from pager.store.keys import Keys
from pager.store.scripts import script


class RedisLeader:
    """The port Leader."""

    def __init__(self, connection: Connection, worker: str, keys: Keys) -> None:
        self._connection = connection
        self._worker = worker
        self._keys = keys
        self._process = secrets.token_hex(8)

    async def lead(self, lease: timedelta) -> int | None:
        keys, kept = [self._keys.leader, self._keys.token], lease // timedelta(milliseconds=1)
        token = await self._connection.run(script("lead"), keys, [self._worker, self._process, kept])
        return int(token) if token else None

    async def resign(self) -> None:
        await self._connection.run(script("resign"), [self._keys.leader], [self._process])
