"""A page, or one message for several of them, from the outbox to its provider; and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from pager.loops.hands import Hands, must_be_read
from pager.model.event import Event, PageAccepted, PageDeferred, PageDelivered, PageFailed, PageUnconfirmed
from pager.model.incident import Page, PageState
from pager.model.outgoing import Limit, LookUp, Notice, SendPage
from pager.model.snapshot import FOLD, Code, Snapshot, UnreadableError
from pager.notify.folding import Told
from pager.ports import Begun, Channel, Fate, GiveUp, Message, OutboxEntry, Sending, SendResult, Sent, Status, TryAgain

log = structlog.get_logger()


class Composer(Protocol):
    """Words a page right before it is sent."""

    def __call__(self, snapshot: Snapshot, page: Page, now: datetime) -> Message: ...


class Folder(Protocol):
    """How many pages a phone gets, and the words of one message for several."""

    def limits(self, item: SendPage) -> tuple[Limit, ...]: ...
    def limits_of_notice(self, notice: Notice) -> tuple[Limit, ...]: ...
    def spoken_for(self, waiting: Sequence[Told], now: datetime) -> list[Told]: ...
    def together(self, lead: Told, told: Sequence[Told], now: datetime) -> Message: ...


class Paging:
    def __init__(self, hands: Hands, compose: Composer) -> None:
        self._hands = hands
        self._compose = compose
        self._asked: dict[tuple[str, str], asyncio.Task[Status]] = {}

    async def page(self, entry: OutboxEntry, item: SendPage, begun: Begun) -> Event | None:
        """A fault of our own must not end in silence: the page counts as failed, and the chain goes on to the next way."""
        try:
            return await self._send(entry, item, begun)
        except UnreadableError:
            raise
        except Exception as error:
            self._hands.meter.failure("deliver")
            log.exception("page.internal_error", incident=item.incident, page=item.seq)
            return PageFailed(item.seq, item.attempt, _internal(error))

    async def _send(self, entry: OutboxEntry, item: SendPage, begun: Begun) -> Event | None:
        page = self._hands.wanted(item, begun)
        if page is None:
            return None
        channel = self._hands.channel(page.provider)
        if channel is None:
            return PageFailed(page.seq, page.attempt, _gone(page.provider))
        message = self._compose(begun.snapshot, page, begun.now)
        again = begun.begun_before or entry.redelivered
        began = asyncio.get_running_loop().time()
        found, folded = None, ""
        if again or page.attempt > 1:
            found, folded = await self.find(channel, message, page.due_at, begun.leads)
            if found is None:  # that took a while; and it may have been part of a message for several, which is answered for all of them
                [now] = await self._hands.started(Sending((entry,), codes=self.codes_of(item, ()) if item.user else ()))
                if self._hands.wanted(item, now) is None:
                    return None
        result: SendResult = found if found is not None else await channel.send(message)
        if found is None and again and isinstance(result, Sent):
            self._hands.meter.page(page.channel, "sent_maybe_twice")
        self.measure(page, result, begun, asyncio.get_running_loop().time() - began)
        return self.event(page, result, item.incident, folded)

    def codes_of(self, item: SendPage, pages: tuple[tuple[int, int], ...]) -> tuple[Code, ...]:
        """What a reply to the page's message is said of: `pages`, or the page alone where there are none."""
        codes = [Code(FOLD, f"{item.incident}-{item.seq}", item.incident, item.seq, item.user, pages)]
        if item.channel == "sms":
            codes.append(Code(item.address, self._hands.code(item.incident, item.seq), item.incident, item.seq, item.user, pages))
        return tuple(codes)

    async def find(self, channel: Channel, message: Message, since: datetime, leads: Iterable[str]) -> tuple[Sent | None, str]:
        """Whether it is out: by itself, or in a message that went by another's id; and by which."""
        leads = tuple(leads)
        for lead in dict.fromkeys((message.id, *leads)):
            found = await channel.find(message if lead == message.id else self.by(lead, message), since)
            if found is not None:
                return found, lead if lead in leads else ""
        return None, ""

    def by(self, lead: str, message: Message) -> Message:
        """The message as it goes by that page."""
        number, _, seq = lead.partition("-")
        return replace(message, id=lead, code=self._hands.code(int(number), int(seq)))

    def measure(self, page: Page, result: SendResult, begun: Begun, taken: float = 0.0) -> None:
        if isinstance(result, Sent) and page.stage == 0 and not page.repeat and begun.snapshot.incident is not None:
            self._hands.meter.paged_after((begun.now - begun.snapshot.incident.opened_at).total_seconds() + taken)

    def event(self, page: Page, result: SendResult, incident: int, folded: str = "", count: int = 1) -> Event:
        facts = {"incident": incident, "page": page.seq, "user": page.user, "via": page.channel, "provider": page.provider}
        match result:
            case Sent():
                self._hands.meter.page(page.channel, "found" if result.found else "accepted")
                log.info("page.accepted", receipt=result.receipt, folded=folded, **facts)
                return PageAccepted(
                    page.seq, page.attempt, page.provider, result.receipt, result.found, result.expects_receipt, folded, count
                )
            case TryAgain():
                self._hands.meter.page(page.channel, "deferred")
                log.warning("page.deferred", why=result.why, **facts)
                return PageDeferred(page.seq, page.attempt, result.after, result.why)
            case GiveUp():
                self._hands.meter.page(page.channel, "failed")
                log.warning("page.failed", why=result.why, **facts)
                return PageFailed(page.seq, page.attempt, result.why, result.fault)

    # --- what became of it ------------------------------------------------------------------------------------------------------------
    async def look_up(self, item: LookUp, snapshot: Snapshot) -> Event | None:
        """No receipt came: ask. What the provider does not know to have arrived is not trusted."""
        must_be_read(snapshot)
        page = snapshot.incident.page(item.seq) if snapshot.incident else None
        channel = self._hands.channel(item.provider)
        if page is None or page.state is not PageState.ACCEPTED:
            return None
        if channel is None:
            return PageUnconfirmed(item.seq, _gone(item.provider))
        status = await self._status(item.provider, channel, page)
        match status.fate:
            case Fate.DELIVERED:
                return PageDelivered(item.seq)
            case Fate.FAILED:
                self._hands.meter.page(page.channel, "undelivered")
                return PageFailed(item.seq, page.attempt, status.why, status.fault)
            case Fate.PENDING | Fate.UNKNOWN:
                self._hands.meter.page(page.channel, "unconfirmed")
                return PageUnconfirmed(item.seq, status.why or "no receipt in time")

    async def _status(self, provider: str, channel: Channel, page: Page) -> Status:
        """Asked once for all pages that one message spoke for, when they ask at the same time."""
        if not page.folded:
            return await channel.status(page.receipt)
        key = (provider, page.receipt)
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(channel.status(page.receipt))
            self._asked[key].add_done_callback(lambda _: asyncio.get_running_loop().call_later(1, self._asked.pop, key, None))
        return await asyncio.shield(self._asked[key])


class _Waits(msgspec.Struct, frozen=True):
    """A page that is still wanted."""

    entry: OutboxEntry
    item: SendPage
    told: Told
    begun: Begun


class Together:
    """One message for all pages that wait for a person over a channel."""

    def __init__(self, hands: Hands, paging: Paging, folder: Folder) -> None:
        self._hands = hands
        self._paging = paging
        self._folder = folder

    async def send(self, provider: str, entries: Sequence[OutboxEntry]) -> tuple[list[OutboxEntry], timedelta | None]:
        """Those that still wait; and for how long, where a limit has no room now. A fault of our own leaves them pending under our name."""
        async with self._hands.slot(provider, entries[0]):
            waiting = await self._wanted(entries, await self._hands.started(Sending(tuple(entries), look=True)))
            waiting = await self._not_out_yet(waiting)
            if not waiting:
                return [], None
            chosen = self._folder.spoken_for([one.told for one in waiting], waiting[0].begun.now)
            by_id = {one.told.id: one for one in waiting}
            mine = [by_id[told.id] for told in chosen]
            lead = _lead(mine)
            ours = {one.told.id for one in mine}
            rest = [one.entry for one in waiting if one.told.id not in ours]
            sending = self._sending([one.entry for one in mine], lead.item, chosen)
            begun = await self._hands.started(sending)
            wait = max((each.wait for each in begun if each.wait), default=None)
            if wait is not None:
                return [*(one.entry for one in mine), *rest], wait
            mine = await self._wanted(sending.entries, begun)
            if mine:
                await self._speak(lead.told, mine)
            return rest, None

    async def _wanted(self, entries: Sequence[OutboxEntry], begun: Sequence[Begun]) -> list[_Waits]:
        """Those that are ours, and that nobody has answered; the others are finished."""
        found: list[_Waits] = []
        for entry, how in zip(entries, begun, strict=True):
            item, snapshot = entry.item, how.snapshot
            if not isinstance(item, SendPage) or not self._hands.is_ours(entry, how):
                continue
            try:
                page = self._hands.wanted(item, how)
            except UnreadableError as error:
                await self._hands.leave(entry, str(error))
                continue
            if page is None or snapshot.incident is None or snapshot.record is None:
                await self._hands.done(entry, None)
            else:
                found.append(_Waits(entry, item, Told(snapshot.incident, snapshot.record, page, snapshot.policy), how))
        return found

    async def _not_out_yet(self, waiting: list[_Waits]) -> list[_Waits]:
        """Without those whose send was begun before and is found; each message is looked for once."""
        answers: dict[str, Sent | None] = {}
        left: list[_Waits] = []
        for one in waiting:
            found, folded = None, ""
            channel = self._hands.channel(one.item.provider) if self._may_be_out(one) else None
            for lead in (one.told.id, *one.begun.leads) if channel else ():
                if lead not in answers and channel is not None:
                    message = self._paging.by(lead, Message(address=one.told.page.address, text=""))
                    answers[lead] = await channel.find(message, one.told.page.due_at)
                if (found := answers[lead]) is not None:
                    folded = lead if lead in one.begun.leads else ""
                    break
            if found is None:
                left.append(one)
            else:
                await self._hands.done(one.entry, self._paging.event(one.told.page, found, one.item.incident, folded))
        return left

    def _may_be_out(self, one: _Waits) -> bool:
        """Without a limit a page may be sent before the mark that says so is written."""
        return one.begun.begun_before or (one.entry.redelivered and not self._folder.limits(one.item))

    def _sending(self, entries: Sequence[OutboxEntry], item: SendPage, told: Sequence[Told]) -> Sending:
        """The code of `item` stands for all of them, and so does its id."""
        pages = tuple((one.incident.number, one.page.seq) for one in told)
        limits = self._folder.limits(item)
        if len(told) == 1:
            return Sending(tuple(entries), limits)
        return Sending(tuple(entries), limits, self._paging.codes_of(item, pages), f"{item.incident}-{item.seq}")

    async def _speak(self, lead: Told, mine: Sequence[_Waits]) -> None:
        if len(mine) == 1 and mine[0].told.id == lead.id:  # alone in the end
            [one] = mine
            return await self._hands.done(one.entry, await self._paging.page(one.entry, one.item, one.begun))
        result = await self._result(lead, mine)
        if isinstance(result, Sent) and any(one.begun.begun_before for one in mine):
            self._hands.meter.page(lead.page.channel, "sent_maybe_twice")
        self._hands.meter.folded(len(mine))
        for one in mine:
            self._paging.measure(one.told.page, result, one.begun)
        events = [self._paging.event(one.told.page, result, one.item.incident, lead.id, len(mine)) for one in mine]
        await asyncio.gather(*(self._hands.done(one.entry, event) for one, event in zip(mine, events, strict=True)))

    async def _result(self, lead: Told, mine: Sequence[_Waits]) -> SendResult:
        channel = self._hands.channel(lead.page.provider)
        if channel is None:
            return GiveUp(_gone(lead.page.provider))
        try:
            return await channel.send(self._folder.together(lead, [one.told for one in mine], mine[0].begun.now))
        except Exception as error:
            self._hands.meter.failure("deliver")
            log.exception("page.internal_error", incident=lead.incident.number, page=lead.page.seq, folded=len(mine))
            return GiveUp(_internal(error))


def _lead(waiting: Sequence[_Waits]) -> _Waits:
    """Whose id and code the message goes by: one by which no other has gone, where there is one. What that other said may be answered yet, and
    the answer is said of what it named."""
    led = {lead for one in waiting for lead in (*one.begun.leads, one.told.page.folded)}
    return min(waiting, key=lambda one: (one.told.id in led, one.begun.begun_before or one.entry.redelivered))


def _gone(provider: str) -> str:
    return f"provider {provider} is not configured any more"


def _internal(error: Exception) -> str:
    return f"internal error: {type(error).__name__}: {error}"
