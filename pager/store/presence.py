"""Who is there: a key a worker keeps alive, so that nobody takes over what it holds."""

from __future__ import annotations

from datetime import timedelta

from pager.store.connection import Connection

KEPT = timedelta(seconds=3)
"""A worker that has not refreshed for this long is absent. Refresh about once a second, and once before the first `take`."""


class Presence:
    """`keys` are the presence keys of one worker, one for each hash tag that it takes entries from."""

    def __init__(self, connection: Connection, keys: tuple[str, ...]) -> None:
        self._connection = connection
        self._keys = keys

    async def refresh(self) -> None:
        kept = KEPT // timedelta(milliseconds=1)
        await self._connection.pipe([("SET", key, "1", "PX", kept) for key in self._keys])

    async def leave(self) -> None:
        """What is still pending goes to others at once."""
        await self._connection.pipe([("DEL", key) for key in self._keys])
