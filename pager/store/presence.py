"""Who is there: a key a worker keeps alive, so that nobody takes over what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from pager.store.connection import Command, Connection

KEPT = timedelta(seconds=3)
"""A worker that has not refreshed for this long is absent. Refresh about once a second, and once before the first `take`."""


class Presence:
    """The presence keys of one worker, one for each hash tag that it takes entries from, by the connections to them."""

    def __init__(self, keys: Mapping[Connection, Sequence[str]]) -> None:
        self._keys = keys

    async def refresh(self) -> None:
        """Wherever it can. Raises StoreUnavailable when that was not everywhere."""
        kept = KEPT // timedelta(milliseconds=1)
        await self._everywhere(lambda key: ("SET", key, "1", "PX", kept))

    async def leave(self) -> None:
        """What is still pending goes to others at once."""
        await self._everywhere(lambda key: ("DEL", key))

    async def _everywhere(self, command: Callable[[str], Command]) -> None:
        asks = [connection.pipe([command(key) for key in keys]) for connection, keys in self._keys.items()]
        for answer in await asyncio.gather(*asks, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
