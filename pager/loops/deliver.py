"""From the outboxes to the providers. Each provider has slots of its own, so that a hung one holds up nobody else's pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import structlog

from pager.advance import Advance
from pager.loops.hands import Hands, must_be_read
from pager.loops.paging import Composer, Folder, Paging, Together
from pager.loops.piles import Key, Piles
from pager.loops.telling import MOST_TOGETHER, Telling
from pager.model.outgoing import Limit, LookUp, Notice, SendPage
from pager.model.snapshot import UnreadableError
from pager.ports import Channel, Meter, Outbox, OutboxEntry, Sending, StoreUnavailable

ROOM = 4096  # entries in hand: those of a hung provider wait here, while the others' pass them by
MOST_WAITING = 20_000  # pages that wait for room on their person's phone, beside those
_PAUSE, _LOOK = 0.2, 0.1  # seconds: while the store is away, and while there is no room

log = structlog.get_logger()


class Deliver:
    def __init__(
        self,
        outbox: Outbox,
        advance: Advance,
        channels: Callable[[], Mapping[str, Channel]],
        compose: Composer,
        meter: Meter,
        monotonic: Callable[[], float] = time.monotonic,
        part: Callable[[int], int] | None = None,
        folder: Folder | None = None,
    ) -> None:
        """`part`: where the store has several, that of an incident. Without `folder` pages are neither bounded nor folded."""
        self._outbox = outbox
        self._meter = meter
        self._folder = folder
        self._hands = Hands(outbox, advance, channels, meter, monotonic, part)
        self._paging = Paging(self._hands, compose)
        self._telling = Telling(self._hands, folder.limits_of_notice if folder else lambda _: ())
        self._together = Together(self._hands, self._paging, folder) if folder else None
        self._stopping = asyncio.Event()
        self._piles = Piles(self._one, self._several)
        self._notices = Piles(self._one, self._several, MOST_TOGETHER)
        self._in_hand = 0
        self._room = asyncio.Event()

    async def run(self, stopping: asyncio.Event, progress: Callable[[], None]) -> None:
        """Until `stopping`; then what is under way is finished, and what has not begun stays in the outbox for whoever comes next."""
        self._stopping = stopping
        async with asyncio.TaskGroup() as batchers:
            started = self._hands.start(batchers)
            async with asyncio.TaskGroup() as sends:
                while not stopping.is_set():
                    progress()
                    await self._take(sends, stopping)
            for batcher in started:
                batcher.cancel()

    async def run_once(self) -> int:
        """One step for tests: take what is there and see it through, but for pages that wait for room."""
        async with asyncio.TaskGroup() as batchers:
            started = self._hands.start(batchers)
            try:
                entries = await self._outbox.take(ROOM, timedelta(0))
                keys = [self._pile_of(entry) for entry in entries]
                for entry, key in zip(entries, keys, strict=True):
                    if key is not None:
                        self._pile_for(entry).add(key, entry)
                await asyncio.gather(*(self._see_through(entry) for entry, key in zip(entries, keys, strict=True) if key is None))
                await self._piles.once()
                await self._notices.once()
                return len(entries)
            finally:
                for batcher in started:
                    batcher.cancel()

    async def _take(self, sends: asyncio.TaskGroup, stopping: asyncio.Event) -> None:
        if self._in_hand >= ROOM:
            self._room.clear()
            await self._room.wait()
            return
        room = min(256, ROOM - self._in_hand)
        try:
            if self._piles.waiting < MOST_WAITING:
                entries = await self._outbox.take(room, timedelta(seconds=1))
            else:  # what is critical goes past all that waits
                await asyncio.sleep(_LOOK)
                entries = await self._outbox.critical(room)
        except StoreUnavailable:
            await asyncio.sleep(_PAUSE)
            return
        for entry in entries:
            key = self._pile_of(entry)
            if key is None:
                self._in_hand += 1
                sends.create_task(self._in_room(entry))
            elif (piles := self._pile_for(entry)).add(key, entry):
                sends.create_task(piles.serve(key, stopping))

    async def _in_room(self, entry: OutboxEntry) -> None:
        try:
            await self._guarded(entry)
        finally:
            self._in_hand -= 1
            self._room.set()

    # --- what others for the same person may be sent with -----------------------------------------------------------------------------
    def _pile_for(self, entry: OutboxEntry) -> Piles:
        return self._notices if isinstance(entry.item, Notice) else self._piles

    def _pile_of(self, entry: OutboxEntry) -> Key | None:
        """Where it waits for its turn; None: it is sent for itself, at once."""
        item = entry.item
        if isinstance(item, Notice):
            return self._telling.pile_of(item)
        if self._together is None or not isinstance(item, SendPage) or not item.user:
            return None
        bounded = bool(self._limits(entry))
        if not (item.released or item.digest or bounded):
            return None
        return Key(self._hands.part(item.incident), item.user, item.channel, item.address, item.provider, bounded)

    def _limits(self, entry: OutboxEntry) -> tuple[Limit, ...]:
        return self._folder.limits(entry.item) if self._folder and isinstance(entry.item, SendPage) else ()

    async def _one(self, entry: OutboxEntry) -> timedelta | None:
        return await self._guarded(entry)

    async def _several(self, key: Key, entries: Sequence[OutboxEntry]) -> tuple[list[OutboxEntry], timedelta | None]:
        if self._together is None or self._stopping.is_set():
            return [], None
        try:
            if isinstance(entries[0].item, Notice):
                return await self._telling.together(entries, self._stopping)
            return await self._together.send(key.provider, entries)
        except Exception:
            self._meter.failure("deliver")
            log.exception("deliver.failed", entries=len(entries), first=entries[0].id)
            return [], None

    # --- one entry --------------------------------------------------------------------------------------------------------------------
    async def _guarded(self, entry: OutboxEntry) -> timedelta | None:
        try:
            return await self._see_through(entry)
        except Exception:
            # The entry stays pending under our name: a restart, or whoever takes over from us, tries it again.
            self._meter.failure("deliver")
            log.exception("deliver.failed", entry=entry.id, incident=entry.item.incident)
            return None

    async def _see_through(self, entry: OutboxEntry) -> timedelta | None:
        try:
            return await self._deal_with(entry)
        except UnreadableError as error:
            await self._hands.leave(entry, str(error))
            return None

    async def _deal_with(self, entry: OutboxEntry) -> timedelta | None:
        """After how long it is to be tried again, where a limit has no room for it now."""
        if isinstance(entry.item, Notice):
            return await self._telling.tell(entry, entry.item, self._stopping)
        async with self._hands.slot(entry.item.provider, entry):
            if self._stopping.is_set():
                return None
            [begun] = await self._hands.started(Sending((entry,), self._limits(entry)))
            if begun.wait is not None or not self._hands.is_ours(entry, begun):
                return begun.wait
            must_be_read(begun.snapshot)
            match entry.item:
                case SendPage():
                    event = await self._paging.page(entry, entry.item, begun)
                case LookUp():
                    event = await self._paging.look_up(entry.item, begun.snapshot)
        await self._hands.done(entry, event)
        return None
