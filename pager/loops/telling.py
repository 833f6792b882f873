"""Notices, from the outbox to whoever carries them: each for itself, or one message for several that wait for the same address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from pager.loops.hands import Hands
from pager.loops.piles import Key, wait_for
from pager.model.outgoing import Limit, Notice
from pager.notify.gathering import may_wait, together
from pager.notify.plan import TEAM
from pager.ports import Begun, GiveUp, Message, OutboxEntry, Sending, SendResult, Sent, TryAgain

MOST_TOGETHER = 5000
"""Notices for the same address that wait for room; so many are told at once, whatever the limit says."""
_TRIES = 4
_LOOK_BACK = timedelta(hours=1)  # a notice that was handed out before is looked for among what was sent since
_LONGEST_PAUSE = 2.0  # seconds between tries of what is told for itself
_LONGEST_IN_PILE = 30.0  # and where others for the same address wait behind
_LOOK = timedelta(seconds=15)  # how often those that wait are looked at
_AT_ONCE = 250  # entries, to the store

log = structlog.get_logger()


class Telling:
    def __init__(self, hands: Hands, limits: Callable[[Notice], tuple[Limit, ...]] = lambda _: ()) -> None:
        """`limits`: what a notice to a person counts for."""
        self._hands = hands
        self._limits_of = limits

    def pile_of(self, notice: Notice) -> Key | None:
        """Where it waits for its turn; None: it is told at once, for itself. A channel has no limit, but what its vendor holds up is told together."""
        if not (may_wait(notice) and (_is_of_a_team(notice) or self._limits(notice))):
            return None
        return Key(self._hands.part(notice.incident), notice.user, notice.channel, notice.address, notice.providers[0])

    async def tell(self, entry: OutboxEntry, notice: Notice, stopping: asyncio.Event) -> timedelta | None:
        """After how long it is to be told, where a limit has no room for it now. One try at each provider, and a few more where they may do it
        later, without a slot in between: a notice that does not get through is said in the log, and costs nobody a page."""
        limits = self._limits(notice)
        for left in reversed(range(_TRIES)):
            async with self._hands.slot(notice.providers[0], entry):
                if stopping.is_set():
                    return None
                [begun] = await self._hands.started(Sending((entry,), limits))
                if begun.wait is not None:
                    return min(begun.wait, _LOOK)
                if not self._hands.is_ours(entry, begun):
                    return None
                if self._is_late(notice, begun.now):
                    break
                limits = ()  # it is counted
                again = entry.redelivered or begun.begun_before
                after = await self._told_by_any(notice, begun.now - _LOOK_BACK if again else None)
            if after is None or not left:
                break
            longest = _LONGEST_IN_PILE if self.pile_of(notice) else _LONGEST_PAUSE
            await wait_for(stopping, min(after.total_seconds(), longest))
        await self._hands.done(entry, None)
        return None

    async def together(self, entries: Sequence[OutboxEntry], stopping: asyncio.Event) -> tuple[list[OutboxEntry], timedelta | None]:
        """One message for all of them. Those that still wait; and for how long, where a limit has no room now."""
        first, *others = entries
        notice = _notice(first)
        limits = self._limits(notice) if len(entries) < MOST_TOGETHER else ()
        async with self._hands.slot(notice.providers[0], first):
            [begun] = await self._hands.started(Sending((first,), limits))
        if begun.wait is not None:
            return list(entries), min(begun.wait, _LOOK)
        mine = ([first] if self._hands.is_ours(first, begun) else []) + await self._ours(others)
        wanted = [notice for notice in map(_notice, mine) if not self._is_late(notice, begun.now)]
        if wanted and not await self._say(together(wanted), mine, begun, stopping):
            return [], None
        await self._hands.dropped(*mine)
        return [], None

    async def _say(self, notice: Notice, mine: Sequence[OutboxEntry], begun: Begun, stopping: asyncio.Event) -> bool:
        """False where we stop before it is told."""
        again = any(entry.redelivered for entry in mine)
        for left in reversed(range(_TRIES)):
            if stopping.is_set():
                return False
            async with self._hands.slot(notice.providers[0], mine[0]):
                after = await self._told_by_any(notice, begun.now - _LOOK_BACK if again else None)
            if after is None or not left:
                break
            await wait_for(stopping, min(after.total_seconds(), _LONGEST_IN_PILE))
        return True

    async def _ours(self, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        some = [Sending(tuple(entries[start : start + _AT_ONCE]), look=True) for start in range(0, len(entries), _AT_ONCE)]
        looked = await asyncio.gather(*map(self._hands.started, some))
        owned = [begun for begun_ in looked for begun in begun_]
        return [entry for entry, begun in zip(entries, owned, strict=True) if self._hands.is_ours(entry, begun)]

    def _limits(self, notice: Notice) -> tuple[Limit, ...]:
        return self._limits_of(notice) if may_wait(notice) and not _is_of_a_team(notice) else ()

    def _is_late(self, notice: Notice, now: datetime) -> bool:
        is_late = notice.useless_after is not None and now >= notice.useless_after
        if is_late:
            self._hands.meter.page(notice.channel, "notice_late")
            log.warning("notice.late", kind=notice.kind, user=notice.user, via=notice.channel, after=str(notice.useless_after))
        return is_late

    async def _told_by_any(self, notice: Notice, maybe_since: datetime | None) -> timedelta | None:
        """None: it is told, or never will be; else after how long it is worth another try. `maybe_since`: it may have been told since then."""
        message = Message(address=notice.address, text=notice.text, thread=notice.thread, subject=notice.subject)
        after: timedelta | None = None
        for name in notice.providers:
            channel = self._hands.channel(name)
            if channel is None:
                continue
            try:
                found = await channel.find(message, maybe_since) if maybe_since is not None else None
                result: SendResult = found if found is not None else await channel.send(message)
            except Exception as error:
                self._hands.meter.failure("deliver")
                log.exception("notice.internal_error", incident=notice.incident, provider=name)
                result = GiveUp(f"internal error: {type(error).__name__}: {error}")
            self._hands.meter.page(notice.channel, "notice" if isinstance(result, Sent) else "notice_failed")
            if isinstance(result, Sent):
                log.info("notice.sent", incident=notice.incident, kind=notice.kind, user=notice.user, via=notice.channel)
                return None
            if isinstance(result, TryAgain):
                after = min(after, result.after) if after is not None else result.after
            log.warning("notice.failed", incident=notice.incident, kind=notice.kind, user=notice.user, provider=name, why=result.why)
        return after


def _notice(entry: OutboxEntry) -> Notice:
    if not isinstance(entry.item, Notice):
        raise TypeError(f"entry {entry.id} is no notice")
    return entry.item


def _is_of_a_team(notice: Notice) -> bool:
    """It goes to a channel, which rings nobody."""
    return notice.user.startswith(TEAM)
