"""From the outboxes to the providers. Each provider has slots of its own, so that a hung one holds up nobody else's pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from pager.advance import Advance, Advanced, Item, TooManyConflicts
from pager.loops.batcher import Batcher, PartedBatcher
from pager.loops.slots import Slots
from pager.model.event import Event, PageAccepted, PageDeferred, PageDelivered, PageFailed, PageUnconfirmed
from pager.model.incident import Page, PageState, State
from pager.model.outgoing import LookUp, Notice, SendPage
from pager.model.snapshot import Snapshot, UnreadableError
from pager.ports import Begun, Channel, Fate, GiveUp, Message, Meter, Outbox, OutboxEntry, SendResult, Sent, StoreUnavailable, TryAgain

SLOTS = 64  # sends under way at one provider
ROOM = 4096  # entries in hand: those of a hung provider wait here, while the others' pass them by
FRESH = 2.0  # seconds that what the store said is good for: less than it takes until another has taken over from us
_ASKED_AT_MOST = 3  # times: a store that is always so slow keeps nobody from being paged
_NOTICE_TRIES = 4
_LOOK_BACK = timedelta(hours=1)  # a notice that was handed out before is looked for among what was sent since
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds between tries while the store is away

T = TypeVar("T")

log = structlog.get_logger()


class Composer(Protocol):
    """Words a page right before it is sent."""

    def __call__(self, snapshot: Snapshot, page: Page, now: datetime) -> Message: ...


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
    ) -> None:
        """`part`: where the store has several, that of an incident."""
        self._outbox = outbox
        self._advance = advance
        self._monotonic = monotonic
        self._channels = channels
        self._compose = compose
        self._meter = meter
        self._slots: dict[str, Slots] = {}
        self._begin: Batcher[OutboxEntry, Begun] = (
            Batcher(outbox.begin) if part is None else PartedBatcher(outbox.begin, lambda entry: part(entry.item.incident))
        )
        self._finish: Batcher[Item, Advanced] = (
            Batcher(advance.events) if part is None else PartedBatcher(advance.events, lambda item: part(item.number))
        )
        self._in_hand = 0
        self._room = asyncio.Event()

    async def run(self, stopping: asyncio.Event, progress: Callable[[], None]) -> None:
        """Until `stopping`; then what is under way is finished, and what has not begun stays in the outbox for whoever comes next."""
        async with asyncio.TaskGroup() as batchers:
            helpers = [batchers.create_task(self._begin.run()), batchers.create_task(self._finish.run())]
            async with asyncio.TaskGroup() as sends:
                while not stopping.is_set():
                    progress()
                    await self._take(sends, stopping)
            for helper in helpers:
                helper.cancel()

    async def run_once(self) -> int:
        """One step for tests: take what is there and see it through."""
        helpers = [asyncio.ensure_future(self._begin.run()), asyncio.ensure_future(self._finish.run())]
        try:
            entries = await self._outbox.take(ROOM, timedelta(0))
            never = asyncio.Event()
            await asyncio.gather(*(self._see_through(entry, never) for entry in entries))
            return len(entries)
        finally:
            for helper in helpers:
                helper.cancel()

    async def _take(self, sends: asyncio.TaskGroup, stopping: asyncio.Event) -> None:
        if self._in_hand >= ROOM:
            self._room.clear()
            await self._room.wait()
            return
        try:
            entries = await self._outbox.take(min(256, ROOM - self._in_hand), timedelta(seconds=1))
        except StoreUnavailable:
            await asyncio.sleep(_FIRST_PAUSE * 4)
            return
        for entry in entries:
            self._in_hand += 1
            sends.create_task(self._guarded(entry, stopping))

    async def _guarded(self, entry: OutboxEntry, stopping: asyncio.Event) -> None:
        try:
            await self._see_through(entry, stopping)
        except Exception:
            # The entry stays pending under our name: a restart, or whoever takes over from us, tries it again.
            self._meter.failure("deliver")
            log.exception("deliver.failed", entry=entry.id, incident=entry.item.incident)
        finally:
            self._in_hand -= 1
            self._room.set()

    async def _see_through(self, entry: OutboxEntry, stopping: asyncio.Event) -> None:
        try:
            await self._deal_with(entry, stopping)
        except UnreadableError as error:
            await self._leave(entry, str(error))

    async def _deal_with(self, entry: OutboxEntry, stopping: asyncio.Event) -> None:
        if isinstance(entry.item, Notice):
            await self._tell(entry, entry.item, stopping)
            return
        async with self._slot(entry.item.provider, entry):
            if stopping.is_set():
                return
            begun = await self._begun(entry)
            if not self._ours(entry, begun):
                return
            _must_be_read(begun.snapshot)
            match entry.item:
                case SendPage():
                    event = await self._send_or_fail(entry, entry.item, begun)
                case LookUp():
                    event = await self._look_up(entry.item, begun.snapshot)
        await self._done(entry, event)

    def _slot(self, provider: str, entry: OutboxEntry) -> AbstractAsyncContextManager[None]:
        return self._slots.setdefault(provider, Slots(SLOTS)).one(entry.priority)

    def _ours(self, entry: OutboxEntry, begun: Begun) -> bool:
        if not begun.owned:
            log.info("deliver.not_ours", entry=entry.id, incident=entry.item.incident)
        return begun.owned

    async def _begun(self, entry: OutboxEntry) -> Begun:
        """How it stands now. An answer that was long on its way, or that met us stopped, tells how it stood: meanwhile somebody may have
        answered, or another worker has taken the entry over."""
        for _ in range(_ASKED_AT_MOST):
            begun, age = await _until_stored(lambda: self._timed(entry))
            if age <= FRESH or not begun.owned:
                break
        return begun

    async def _timed(self, entry: OutboxEntry) -> tuple[Begun, float]:
        asked = self._monotonic()
        return await self._begin(entry), self._monotonic() - asked

    async def _done(self, entry: OutboxEntry, event: Event | None) -> None:
        if event is None:
            await _until_stored(lambda: self._outbox.drop(entry))
            return
        item = Item(entry.item.incident, event, finishes=(entry.priority, entry.id))
        result = await _until_stored(lambda: self._finish(item))
        if result.error is not None:
            raise result.error

    async def _leave(self, entry: OutboxEntry, why: str) -> None:
        """To those who can read it. They look for what we may have sent before they send."""
        await _until_stored(lambda: self._outbox.leave(entry))
        self._meter.left("deliver")
        log.warning("deliver.left", entry=entry.id, incident=entry.item.incident, why=why)

    # --- a page -----------------------------------------------------------------------------------------------------------------------
    async def _send_or_fail(self, entry: OutboxEntry, item: SendPage, begun: Begun) -> Event | None:
        """A fault of our own must not end in silence: the page counts as failed, and the chain goes on to the next way."""
        try:
            return await self._send(entry, item, begun)
        except UnreadableError:
            raise
        except Exception as error:
            self._meter.failure("deliver")
            log.exception("page.internal_error", incident=item.incident, page=item.seq)
            return PageFailed(item.seq, item.attempt, f"internal error: {type(error).__name__}: {error}")

    async def _send(self, entry: OutboxEntry, item: SendPage, begun: Begun) -> Event | None:
        page = self._wanted(item, begun)
        if page is None:
            return None
        channel = self._channels().get(page.provider)
        if channel is None:
            return PageFailed(page.seq, page.attempt, f"provider {page.provider} is not configured any more")
        message = self._compose(begun.snapshot, page, begun.now)
        again = begun.begun_before or entry.redelivered
        began = asyncio.get_running_loop().time()
        found = None
        if again or page.attempt > 1:
            found = await channel.find(message, page.due_at)
            # That took a while.
            if found is None and self._wanted(item, await self._begun(entry)) is None:
                return None
        result: SendResult = found if found is not None else await channel.send(message)
        if found is None and again and isinstance(result, Sent):
            self._meter.page(page.channel, "sent_maybe_twice")
        if isinstance(result, Sent) and page.stage == 0 and not page.repeat and begun.snapshot.incident is not None:
            taken = asyncio.get_running_loop().time() - began
            self._meter.paged_after((begun.now - begun.snapshot.incident.opened_at).total_seconds() + taken)
        return self._event(page, result, begun)

    def _wanted(self, item: SendPage, begun: Begun) -> Page | None:
        """The page, where it is ours to send and nobody has answered."""
        _must_be_read(begun.snapshot)
        page = begun.snapshot.incident.page(item.seq) if begun.snapshot.incident else None
        no = why_not(begun.snapshot, page, item) if begun.owned else "another worker has taken it over"
        if no is None:
            return page
        log.info("page.withdrawn", incident=item.incident, page=item.seq, why=no)
        self._meter.page(page.channel if page else "none", "withdrawn")
        return None

    def _event(self, page: Page, result: SendResult, begun: Begun) -> Event:
        facts = {"incident": begun.snapshot.incident and begun.snapshot.incident.number, "page": page.seq, "user": page.user}
        match result:
            case Sent():
                self._meter.page(page.channel, "found" if result.found else "accepted")
                log.info("page.accepted", via=page.channel, provider=page.provider, receipt=result.receipt, **facts)
                return PageAccepted(page.seq, page.attempt, page.provider, result.receipt, result.found, result.expects_receipt)
            case TryAgain():
                self._meter.page(page.channel, "deferred")
                log.warning("page.deferred", via=page.channel, provider=page.provider, why=result.why, **facts)
                return PageDeferred(page.seq, page.attempt, result.after, result.why)
            case GiveUp():
                self._meter.page(page.channel, "failed")
                log.warning("page.failed", via=page.channel, provider=page.provider, why=result.why, **facts)
                return PageFailed(page.seq, page.attempt, result.why, result.fault)

    async def _look_up(self, item: LookUp, snapshot: Snapshot) -> Event | None:
        """No receipt came: ask. What the provider does not know to have arrived is not trusted."""
        page = snapshot.incident.page(item.seq) if snapshot.incident else None
        channel = self._channels().get(item.provider)
        if page is None or page.state is not PageState.ACCEPTED:
            return None
        if channel is None:
            return PageUnconfirmed(item.seq, f"provider {item.provider} is not configured any more")
        status = await channel.status(page.receipt)
        match status.fate:
            case Fate.DELIVERED:
                return PageDelivered(item.seq)
            case Fate.FAILED:
                self._meter.page(page.channel, "undelivered")
                return PageFailed(item.seq, page.attempt, status.why, status.fault)
            case Fate.PENDING | Fate.UNKNOWN:
                self._meter.page(page.channel, "unconfirmed")
                return PageUnconfirmed(item.seq, status.why or "no receipt in time")

    # --- a notice ---------------------------------------------------------------------------------------------------------------------
    async def _tell(self, entry: OutboxEntry, notice: Notice, stopping: asyncio.Event) -> None:
        """One try at each provider, and a few more where they may do it later, without a slot in between: a notice that does not get through is
        said in the log, and costs nobody a page."""
        for left in reversed(range(_NOTICE_TRIES)):
            async with self._slot(notice.providers[0], entry):
                if stopping.is_set():
                    return
                begun = await self._begun(entry)
                if not self._ours(entry, begun):
                    return
                if notice.useless_after is not None and begun.now >= notice.useless_after:
                    self._meter.page(notice.channel, "notice_late")
                    log.warning("notice.late", kind=notice.kind, user=notice.user, via=notice.channel, after=str(notice.useless_after))
                    break
                again = entry.redelivered or begun.begun_before
                after = await self._told_by_any(notice, begun.now - _LOOK_BACK if again else None)
            if after is None or not left:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), min(after.total_seconds(), _LONGEST_PAUSE))
        await self._done(entry, None)

    async def _told_by_any(self, notice: Notice, maybe_since: datetime | None) -> timedelta | None:
        """None: it is told, or never will be; else after how long it is worth another try. `maybe_since`: it may have been told since then."""
        message = Message(address=notice.address, text=notice.text, thread=notice.thread, subject=notice.subject)
        after: timedelta | None = None
        for name in notice.providers:
            channel = self._channels().get(name)
            if channel is None:
                continue
            try:
                found = await channel.find(message, maybe_since) if maybe_since is not None else None
                result: SendResult = found if found is not None else await channel.send(message)
            except Exception as error:
                self._meter.failure("deliver")
                log.exception("notice.internal_error", incident=notice.incident, provider=name)
                result = GiveUp(f"internal error: {type(error).__name__}: {error}")
            self._meter.page(notice.channel, "notice" if isinstance(result, Sent) else "notice_failed")
            if isinstance(result, Sent):
                log.info("notice.sent", incident=notice.incident, kind=notice.kind, user=notice.user, via=notice.channel)
                return None
            if isinstance(result, TryAgain):
                after = min(after, result.after) if after is not None else result.after
            log.warning("notice.failed", incident=notice.incident, kind=notice.kind, user=notice.user, provider=name, why=result.why)
        return after


def _must_be_read(snapshot: Snapshot) -> None:
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


async def _until_stored(do: Callable[[], Awaitable[T]]) -> T:
    """Go on trying while the store is away: what was sent must be noted, and what was taken must not be dropped."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return await do()
        except (StoreUnavailable, TooManyConflicts):
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
