"""What people were told of hand-offs, in the first shard. The leader writes it."""

from __future__ import annotations

from pager.model.handoff import Memory
from pager.ports import NotLeader
from pager.store import codec
from pager.store.connection import Connection
from pager.store.keys import Keys
from pager.store.scripts import script


class RedisHandbook:
    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    async def load(self) -> Memory:
        """Raises UnreadableError."""
        stored = await self._connection.call("GET", self._keys.handoffs)
        return codec.handoffs.decode(stored) if stored else Memory()

    async def save(self, memory: Memory, token: int) -> None:
        """Raises NotLeader where a leader with a later `token` has written."""
        keys = [self._keys.fence, self._keys.handoffs]
        if not await self._connection.run(script("keep"), keys, [token, codec.handoffs.encode(memory)]):
            raise NotLeader(f"a leader after {token} tells of hand-offs")
