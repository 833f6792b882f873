"""What whoever sends has in hands: the outbox asked and the results noted in batches, slots at each provider."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import structlog

from pager.advance import Advance, Advanced, Item, TooManyConflicts
from pager.loops.batcher import Batcher, PartedBatcher
from pager.loops.slots import Slots
from pager.model.event import Event
from pager.model.incident import Page, PageState, State
from pager.model.outgoing import SendPage
from pager.model.snapshot import Snapshot, UnreadableError
from pager.ports import Begun, Channel, Meter, Outbox, OutboxEntry, Sending, StoreUnavailable

SLOTS = 64  # sends under way at one provider
FRESH = 2.0  # seconds that what the store said is good for: less than it takes until another has taken over from us
_ASKED_AT_MOST = 3  # times: a store that is always so slow keeps nobody from being paged
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds between tries while the store is away

T = TypeVar("T")

log = structlog.get_logger()


class Hands:
    def __init__(
        self,
        outbox: Outbox,
        advance: Advance,
        channels: Callable[[], Mapping[str, Channel]],
        meter: Meter,
        monotonic: Callable[[], float],
        part: Callable[[int], int] | None = None,
    ) -> None:
        """`part`: where the store has several, that of an incident."""
        self._outbox = outbox
        self._monotonic = monotonic
        self._channels = channels
        self.meter = meter
        self.code = advance.code
        self.part = part or (lambda _: 0)
        self._slots: dict[str, Slots] = {}
        self._begin: Batcher[Sending, list[Begun]] = (
            Batcher(self._start) if part is None else PartedBatcher(self._start, lambda sending: part(_number(sending)))
        )
        self._finish: Batcher[Item, Advanced] = (
            Batcher(advance.events) if part is None else PartedBatcher(advance.events, lambda item: part(item.number))
        )

    def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """To be cancelled once nothing is under way."""
        return [group.create_task(batcher.run()) for batcher in (self._begin, self._finish)]

    def channel(self, provider: str) -> Channel | None:
        return self._channels().get(provider)

    def slot(self, provider: str, entry: OutboxEntry) -> AbstractAsyncContextManager[None]:
        return self._slots.setdefault(provider, Slots(SLOTS)).one(entry.priority)

    # --- before a send ----------------------------------------------------------------------------------------------------------------
    async def begun(self, entry: OutboxEntry) -> Begun:
        return (await self.started(Sending((entry,))))[0]

    async def started(self, sending: Sending) -> list[Begun]:
        """How it stands now. An answer that was long on its way, or that met us stopped, tells how it stood: meanwhile somebody may have
        answered, or another worker has taken the entry over."""
        for _ in range(_ASKED_AT_MOST):
            begun, age = await until_stored(lambda: self._timed(sending))
            if age <= FRESH or not any(each.owned for each in begun):
                break
        return begun

    def is_ours(self, entry: OutboxEntry, begun: Begun) -> bool:
        if not begun.owned:
            log.info("deliver.not_ours", entry=entry.id, incident=entry.item.incident)
        return begun.owned

    def wanted(self, item: SendPage, begun: Begun) -> Page | None:
        """The page, where it is ours to send and nobody has answered. Raises UnreadableError."""
        must_be_read(begun.snapshot)
        page = begun.snapshot.incident.page(item.seq) if begun.snapshot.incident else None
        no = why_not(begun.snapshot, page, item) if begun.owned else "another worker has taken it over"
        if no is None:
            return page
        log.info("page.withdrawn", incident=item.incident, page=item.seq, why=no)
        self.meter.page(page.channel if page else "none", "withdrawn")
        return None

    async def _timed(self, sending: Sending) -> tuple[list[Begun], float]:
        asked = self._monotonic()
        return await self._begin(sending), self._monotonic() - asked

    async def _start(self, sendings: Sequence[Sending]) -> list[list[Begun]]:
        if any(sending.limits or sending.codes or sending.look or len(sending.entries) != 1 for sending in sendings):
            return await self._outbox.start(sendings)
        return [[begun] for begun in await self._outbox.begin([sending.entries[0] for sending in sendings])]

    # --- after it ---------------------------------------------------------------------------------------------------------------------
    async def done(self, entry: OutboxEntry, event: Event | None) -> None:
        if event is None:
            return await self.dropped(entry)
        item = Item(entry.item.incident, event, finishes=(entry.priority, entry.id))
        result = await until_stored(lambda: self._finish(item))
        if result.error is not None:
            raise result.error

    async def dropped(self, *entries: OutboxEntry) -> None:
        """Finish what changes no incident."""
        await until_stored(lambda: self._outbox.drop(*entries))

    async def leave(self, entry: OutboxEntry, why: str) -> None:
        """To those who can read it. They look for what we may have sent before they send."""
        await until_stored(lambda: self._outbox.leave(entry))
        self.meter.left("deliver")
        log.warning("deliver.left", entry=entry.id, incident=entry.item.incident, why=why)


def _number(sending: Sending) -> int:
    return sending.entries[0].item.incident


def must_be_read(snapshot: Snapshot) -> None:
    """Raises UnreadableError: an incident that can't be read is not one that is gone."""
    if snapshot.unreadable:
        raise UnreadableError(snapshot.unreadable)


def why_not(snapshot: Snapshot, page: Page | None, item: SendPage) -> str | None:
    """Read right before sending: why the page is not wanted any more, or None when it is."""
    if snapshot.incident is None or page is None:
        return "its incident is gone"
    if snapshot.incident.state is not State.TRIGGERED:
        return f"the incident is {snapshot.incident.state}"
    if page.state is not PageState.QUEUED or page.attempt != item.attempt:
        return page.why or f"the page is {page.state}"
    return None


async def until_stored(do: Callable[[], Awaitable[T]]) -> T:
    """Go on trying while the store is away: what was sent must be noted, and what was taken must not be dropped."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return await do()
        except (StoreUnavailable, TooManyConflicts):
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
