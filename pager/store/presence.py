"""Who is there: a key a worker keeps alive, so that nobody takes over what it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from pager.ports import StoreUnavailable
from pager.store.connection import Connection

KEPT = timedelta(seconds=3)
"""A worker that has not refreshed for this long is absent. Refresh about once a second, and once before the first `take`."""
_LAPSED = 2.0  # seconds since our own last refresh: those of others, a second apart from it, may be over
_SETTLED = 2.0  # seconds in which everybody who is there refreshes
_TRUSTED = 6.0  # seconds after which a line that lapses again and again does not keep us from taking over any longer


class Presence:
    """`keys` are the presence keys of one worker, one for each hash tag that it takes entries from."""

    def __init__(self, connection: Connection, keys: tuple[str, ...], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._keys = keys
        self._monotonic = monotonic
        self._last: float | None = None
        self._back = float("-inf")

    async def refresh(self) -> None:
        """Raises StoreUnavailable."""
        kept = KEPT // timedelta(milliseconds=1)
        try:
            await self._connection.pipe([("SET", key, "1", "PX", kept) for key in self._keys])
        except StoreUnavailable:
            self._last = float("-inf") if self._last is None else self._last
            raise
        now = self._monotonic()
        if self._last is not None and now - self._last > _LAPSED and now - self._back > _TRUSTED:
            self._back = now
        self._last = now

    def can_tell(self) -> bool:
        """Whether who has no key is absent. A store that was away has lost everybody's: the living first get time to refresh theirs, else
        what they are about to send would be taken over, and sent twice."""
        now = self._monotonic()
        return self._last is None or (now - self._last <= _LAPSED and now - self._back >= _SETTLED)

    async def leave(self) -> None:
        """What is still pending goes to others at once."""
        await self._connection.pipe([("DEL", key) for key in self._keys])
