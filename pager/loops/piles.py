"""Pages, and notices, that wait for the same person over the same channel: one after the other, and, where several wait, in one message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import msgspec

from pager.model.outgoing import SendPage
from pager.ports import OutboxEntry

UNFOLDED = 3  # pages that wait are sent each for itself up to here, where no limit holds them up; from the fourth on they are folded
AT_ONCE = 1000  # pages read for one message
LULL = 1.0  # seconds between messages where a limit counts them, once more came than are sent each for itself
QUIET, GATHERED = 0.5, 5.0  # seconds without another page of those that were muted until now, and how long that is waited for at most


class Key(msgspec.Struct, frozen=True):
    """Pages, or notices, that one message may speak for."""

    part: int
    user: str
    channel: str
    address: str
    provider: str
    bounded: bool = True  # a limit counts its messages


One = Callable[[OutboxEntry], Awaitable[timedelta | None]]
"""Send a page. After how long it is to be tried again, where a limit has no room for it now."""
Several = Callable[[Key, Sequence[OutboxEntry]], Awaitable[tuple[list[OutboxEntry], timedelta | None]]]
"""Send one message for as many of them as it can speak for. Those that still wait, and for how long where a limit has no room."""


_NEVER = (float("-inf"), 0)


class _Pile:
    def __init__(self) -> None:
        self.waiting: list[OutboxEntry] = []
        self.more = asyncio.Event()
        self.held_up = False  # a limit had no room for it


class Piles:
    """Entries stay pending in the outbox while they wait here: whoever takes over finds them."""

    def __init__(self, one: One, several: Several, at_once: int = AT_ONCE) -> None:
        """`at_once`: taken for one message."""
        self._at_once = at_once
        self._one = one
        self._several = several
        self._piles: dict[Key, _Pile] = {}
        self._lately: dict[Key, tuple[float, int]] = {}  # when one was sent last, and how many without a lull
        self.waiting = 0

    def add(self, key: Key, entry: OutboxEntry) -> bool:
        """True where somebody must `serve` the pile from now on."""
        pile = self._piles.get(key)
        started = pile is None
        if pile is None:
            pile = self._piles[key] = _Pile()
        pile.waiting.append(entry)
        pile.more.set()
        self.waiting += 1
        return started

    async def serve(self, key: Key, stopping: asyncio.Event) -> None:
        """Until nothing waits, or `stopping`. Where many come one after the other, the few messages that a limit allows are not spent on the first of
        them: each is held for a moment, and speaks for all that came meanwhile."""
        pile = self._piles[key]
        try:
            while pile.waiting and not stopping.is_set():
                if (held := self._held(key)) > 0:
                    await wait_for(stopping, held)
                    if stopping.is_set():
                        break
                await self._gathered(pile)
                wait = await self._serve_once(key, pile)
                if wait is not None:
                    await wait_for(stopping, wait.total_seconds())
        finally:
            self.waiting -= len(pile.waiting)
            del self._piles[key]

    async def once(self) -> None:
        """A step for tests: as far as it goes without waiting."""
        for key, pile in list(self._piles.items()):
            while pile.waiting and await self._serve_once(key, pile) is None:
                pass
            if not pile.waiting:
                del self._piles[key]

    def _held(self, key: Key) -> float:
        """For how many seconds."""
        at, count = self._lately.get(key, _NEVER)
        return at + LULL - asyncio.get_running_loop().time() if key.bounded and count >= UNFOLDED else 0.0

    def _served(self, key: Key, count: int) -> None:
        now, (at, before) = asyncio.get_running_loop().time(), self._lately.get(key, _NEVER)
        self._lately[key] = now, count + (before if now - at <= 2 * LULL else 0)

    async def _gathered(self, pile: _Pile) -> None:
        """What muted one may have muted others: they come at the same moment."""
        ends = asyncio.get_running_loop().time() + GATHERED
        while any(_released(entry) for entry in pile.waiting) and asyncio.get_running_loop().time() < ends:
            pile.more.clear()
            await wait_for(pile.more, QUIET)
            if not pile.more.is_set():
                return

    async def _serve_once(self, key: Key, pile: _Pile) -> timedelta | None:
        taken, pile.waiting = _next(pile, self._at_once)
        left, wait = taken, None
        try:
            if pile.held_up or len(taken) > UNFOLDED or (len(taken) > 1 and any(map(_released, taken))):
                left, wait = await self._several(key, taken)
            else:
                waits = await asyncio.gather(*(self._one(entry) for entry in taken))
                left = [entry for entry, after in zip(taken, waits, strict=True) if after is not None]
                wait = max((after for after in waits if after is not None), default=None)
        finally:
            pile.waiting = left + pile.waiting
            pile.held_up = wait is not None
            self.waiting -= len(taken) - len(left)
            self._served(key, len(taken) - len(left))
        return wait


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Until it happens, or that long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _next(pile: _Pile, at_once: int) -> tuple[list[OutboxEntry], list[OutboxEntry]]:
    """Those to send now, and the others. The digest goes behind the rest and for itself; but where a limit holds them up, in one with it."""
    waiting = sorted(pile.waiting, key=lambda entry: (_is_digest(entry), entry.priority))
    now = len(waiting) if pile.held_up else sum(not _is_digest(entry) for entry in waiting) or len(waiting)
    now = min(now, at_once)
    return waiting[:now], waiting[now:]


def _released(entry: OutboxEntry) -> bool:
    return isinstance(entry.item, SendPage) and (entry.item.released or entry.item.digest)


def _is_digest(entry: OutboxEntry) -> bool:
    return isinstance(entry.item, SendPage) and entry.item.digest
