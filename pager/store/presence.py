"""Who is there: a key a worker keeps alive, so that nobody takes over what it holds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from pager.ports import StoreUnavailable
from pager.store.connection import Command, Connection

KEPT = timedelta(seconds=3)
"""A worker that has not refreshed for this long is absent. Refresh about once a second, and once before the first `take`."""
_LAPSED = 2.0  # seconds since our own last refresh: those of others, a second apart from it, may be over
_SETTLED = 2.0  # seconds in which everybody who is there refreshes
_TRUSTED = 6.0  # seconds without settling, after which a line that lapses all the time does not keep us from taking over


class Presence:
    """The presence keys of one worker, one for each hash tag that it takes entries from, by the connections to them."""

    def __init__(self, keys: Mapping[Connection, Sequence[str]], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._monotonic = monotonic
        self._last: float | None = None
        self._failed = False
        self._back = self._unsettled = float("-inf")

    async def refresh(self) -> None:
        """Wherever it can. Raises StoreUnavailable when that was not everywhere."""
        kept = KEPT // timedelta(milliseconds=1)
        try:
            await self._everywhere(lambda key: ("SET", key, "1", "PX", kept))
        except StoreUnavailable:
            self._failed = True
            raise
        now = self._monotonic()
        if self._failed or (self._last is not None and now - self._last > _LAPSED):
            if self._last is None or self._last - self._back >= _SETTLED:
                self._unsettled = now
            self._back = now
        self._last, self._failed = now, False

    def can_tell(self) -> bool:
        """Whether who has no key is absent. A store that was away may have lost everybody's, and one that comes and goes takes some refreshes
        and not others: the living first get time for theirs, else what they are about to send would be taken over, and sent twice."""
        now = self._monotonic()
        if self._failed or self._last is None:
            return not self._failed
        settled = now - self._back >= _SETTLED or now - self._unsettled >= _TRUSTED
        return settled and now - self._last <= _LAPSED

    async def leave(self) -> None:
        """What is still pending goes to others at once."""
        await self._everywhere(lambda key: ("DEL", key))

    async def _everywhere(self, command: Callable[[str], Command]) -> None:
        asks = [connection.pipe([command(key) for key in keys]) for connection, keys in self._keys.items()]
        for answer in await asyncio.gather(*asks, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
