"""Incidents as messages in chat channels: one in each channel, kept up to date, with what happened in the thread under it.

What is due to be looked at stands in the store, once an incident, however often it changed: so changes fold into as many updates as the
chat takes. Nobody is paged by this, and no page waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from pager.decide import Rules
from pager.model.alert import AlertRecord
from pager.model.event import Entry
from pager.model.incident import Incident, Page, State
from pager.model.snapshot import Snapshot, UnreadableError
from pager.notify.card import Card
from pager.notify.cards import headline, incident_card, page_card, told
from pager.notify.plan import BOARD
from pager.ports import Board, Boards, Claim, GiveUp, Incidents, Meter, Post, SendResult, Sent, StoreUnavailable, TryAgain

PACE = timedelta(seconds=1)  # between rounds in one channel: what Slack allows
LOOK = timedelta(seconds=75)  # all that one look may take; what is not said by then is said by the next
LEASE = timedelta(seconds=90)  # longer than a look, so that nobody else is at it meanwhile
LEFT_FOR = timedelta(seconds=2)
_AT_ONCE = 32
_LOOK_EVERY, _SELDOM = 0.25, 2.0  # seconds; seldom where no chat is in use, and there is only to clean up

log = structlog.get_logger()


class Show:
    """`vendors` gives the boards in use, by provider."""

    def __init__(
        self,
        boards: Boards,
        incidents: Incidents,
        vendors: Callable[[], Mapping[str, Board]],
        rules: Callable[[], Rules],
        meter: Meter,
        look: timedelta = LOOK,
    ) -> None:
        self._boards = boards
        self._incidents = incidents
        self._vendors = vendors
        self._rules = rules
        self._meter = meter
        self._longest = look.total_seconds()
        self._free_at: dict[str, datetime] = {}  # by channel

    async def run(self) -> None:
        """Until cancelled. Raises StoreUnavailable."""
        while True:
            if not await self.run_once():
                await asyncio.sleep(_LOOK_EVERY if self._vendors() else _SELDOM)

    async def run_once(self) -> int:
        """Look at what is due. Returns how many incidents that were."""
        claims = await self._boards.claim(_AT_ONCE, LEASE)
        if not claims:
            return 0
        now, snapshots = await self._incidents.by_number([claim.number for claim in claims])
        free = []
        for claim, snapshot in zip(claims, snapshots, strict=True):
            free_at = self._reserve(snapshot.incident, now)
            if free_at > now:
                await self._boards.again(claim, free_at)
            else:
                free.append((claim, snapshot))
        await asyncio.gather(*(self._guarded(claim, snapshot, now) for claim, snapshot in free))
        return len(claims)

    async def _guarded(self, claim: Claim, snapshot: Snapshot, now: datetime) -> None:
        """One that can't be shown must not hold up the others. Its claim lapses, and it is looked at again."""
        try:
            async with asyncio.timeout(self._longest):
                await self._look(claim, snapshot, now)
        except UnreadableError as error:  # those who can read it have a look meanwhile
            self._meter.left("show")
            log.warning("chat.left", incident=claim.number, why=str(error))
            await self._boards.again(claim, now + LEFT_FOR)
        except StoreUnavailable as error:
            log.warning("chat.interrupted", incident=claim.number, why=str(error))
        except TimeoutError:
            self._meter.page("chat", "not_shown")
            log.warning("chat.not_shown", incident=claim.number, why="the chat did not answer in time")
        except Exception:
            self._meter.failure("show")
            log.exception("chat.failed", incident=claim.number)

    def _reserve(self, incident: Incident | None, now: datetime) -> datetime:
        """Now, with its channels taken for a while; or when the last of them is free."""
        chats = incident.chats if incident else ()
        free_at = max((self._free_at.get(chat, now) for chat in chats), default=now)
        if free_at <= now:
            self._free_at = {chat: at for chat, at in self._free_at.items() if at > now} | dict.fromkeys(chats, now + PACE)
        return free_at

    async def _look(self, claim: Claim, snapshot: Snapshot, now: datetime) -> None:
        if snapshot.unreadable:
            raise UnreadableError(snapshot.unreadable)
        incident, vendors = snapshot.incident, self._vendors()
        if incident is None or snapshot.record is None or not vendors:
            return await self._boards.done(claim, incident.version if incident else 0)
        known = {post.address: post for post in await self._boards.posts(incident.number)}
        timeline = await self._incidents.timeline(incident.number)
        waits = []
        for post in self._channels(incident, known, vendors):
            waits.append(await self._channel(vendors[post.provider], post, snapshot, timeline, now))
        for page in _asked_in_chat(incident):
            if page.provider in vendors:
                waits.append(await self._direct(vendors[page.provider], known.get(page.receipt), page, snapshot, now))
        after = [wait for wait in waits if wait is not None]
        if after:
            return await self._boards.again(claim, await self._incidents.now() + max(after))
        return await self._boards.done(claim, incident.version)

    def _channels(self, incident: Incident, known: Mapping[str, Post], vendors: Mapping[str, Board]) -> list[Post]:
        """What is known of the message in each of its channels. Where the provider has left the config, another begins a new one."""
        first = next((name for name in self._rules().planner.carrying(BOARD) if name in vendors), "")
        posts = [known.get(chat, Post(chat, first)) for chat in incident.chats]
        posts = [p if p.provider in vendors else Post(p.address, first, told=p.told) for p in posts]
        return [post for post in posts if post.provider]

    # --- a channel --------------------------------------------------------------------------------------------------------------------
    async def _channel(self, vendor: Board, post: Post, snapshot: Snapshot, timeline: Sequence[Entry], now: datetime) -> timedelta | None:
        """Bring the message up to date, and then its thread. How long to wait for another try; None when all is said, or never will be."""
        incident, _ = _known(snapshot)
        card = self._card(snapshot, now)
        if not post.receipt:
            result = await self._first(vendor, post, incident, card)
            if not isinstance(result, Sent):
                return self._missed(result, incident.number, post.address)
            # One that was found shows what it was posted with, which may be old by now.
            post = replace(post, receipt=result.receipt, version=0 if result.found else incident.version, trying=0)
            await self._shown(incident.number, post)
        if post.version < incident.version:
            result = await vendor.update(post.receipt, card, headline(card))
            if isinstance(result, Sent):
                post = replace(post, version=incident.version)
                await self._shown(incident.number, post)
            elif (wait := self._missed(result, incident.number, post.address)) is not None:
                return wait
        return await self._thread(vendor, post, incident.number, timeline)

    async def _first(self, vendor: Board, post: Post, incident: Incident, card: Card) -> SendResult:
        """Its message, found where it may have been posted before."""
        key = f"{incident.thread}:{post.address}"
        if post.trying and (found := await vendor.find_post(post.address, key, incident.opened_at)):
            return replace(found, found=True)
        await self._boards.save(incident.number, replace(post, trying=1))
        return await vendor.post(post.address, card, headline(card), key)

    async def _thread(self, vendor: Board, post: Post, number: int, timeline: Sequence[Entry]) -> timedelta | None:
        """What its thread has not told yet, as one message."""
        if post.trying > post.told and await vendor.find_reply(post.receipt, _key(number, post)):
            post = replace(post, told=post.trying, trying=0)
        text = told(timeline[post.told :], self._rules().names)
        if not text:
            return None
        post = replace(post, trying=len(timeline))
        await self._boards.save(number, post)
        result = await vendor.reply(post.receipt, text, _key(number, post))
        if not isinstance(result, Sent):
            return self._missed(result, number, post.address)
        await self._boards.save(number, replace(post, told=len(timeline), trying=0))
        return None

    # --- a page in a direct message ---------------------------------------------------------------------------------------------------
    async def _direct(self, vendor: Board, post: Post | None, page: Page, snapshot: Snapshot, now: datetime) -> timedelta | None:
        """The buttons of a page must not outlive the question: it shows who took it, and what became of it."""
        incident, record = _known(snapshot)
        if incident.state is State.TRIGGERED if post is None else post.version >= incident.version:
            return None
        rules = self._rules()
        service = rules.config.services.get(incident.service)
        card = replace(self._card(snapshot, now), page=page.seq)
        if incident.state is State.TRIGGERED:
            card = page_card(incident, record, page, service, now, None, rules.names)
        result = await vendor.update(page.receipt, card, headline(card))
        if not isinstance(result, Sent):
            return self._missed(result, incident.number, page.address)
        await self._shown(incident.number, Post(page.receipt, page.provider, page.receipt, incident.version))
        return None

    # --- both -------------------------------------------------------------------------------------------------------------------------
    def _card(self, snapshot: Snapshot, now: datetime) -> Card:
        (incident, record), rules = _known(snapshot), self._rules()
        return incident_card(incident, record, snapshot.policy, rules.config.services.get(incident.service), now, rules.names)

    async def _shown(self, number: int, post: Post) -> None:
        await self._boards.save(number, post)
        self._meter.page("chat", "shown")

    def _missed(self, result: TryAgain | GiveUp, number: int, chat: str) -> timedelta | None:
        self._meter.page("chat", "not_shown")
        log.warning("chat.not_shown", incident=number, channel=chat, why=result.why)
        return result.after if isinstance(result, TryAgain) else None


def _known(snapshot: Snapshot) -> tuple[Incident, AlertRecord]:
    """The incident, and its alert as it was known then: the identity's record may have gone on with a later incident."""
    incident, record = snapshot.incident, snapshot.own
    assert incident is not None
    assert record is not None
    return incident, record


def _key(number: int, post: Post) -> str:
    """Names a message of the thread by the entries that it tells: from `told` up to `trying`."""
    return f"{number}:{post.told}-{post.trying}"


def _asked_in_chat(incident: Incident) -> list[Page]:
    """Pages in a chat that were accepted. While it is triggered the latest of each person: that one asks in place of those before. A message for
    several incidents stays as it is."""
    pages = [page for page in incident.pages if page.channel == "chat" and page.state.is_out and page.receipt and not page.folded]
    return list({page.user: page for page in pages}.values()) if incident.state is State.TRIGGERED else pages
