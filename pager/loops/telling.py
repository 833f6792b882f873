"""Notices, from the outbox to whoever carries them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from pager.loops.hands import Hands
from pager.model.outgoing import Notice
from pager.ports import GiveUp, Message, OutboxEntry, SendResult, Sent, TryAgain

_TRIES = 4
_LOOK_BACK = timedelta(hours=1)  # a notice that was handed out before is looked for among what was sent since
_LONGEST_PAUSE = 2.0  # seconds between tries

log = structlog.get_logger()


class Telling:
    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def tell(self, entry: OutboxEntry, notice: Notice, stopping: asyncio.Event) -> None:
        """One try at each provider, and a few more where they may do it later, without a slot in between: a notice that does not get through is
        said in the log, and costs nobody a page."""
        for left in reversed(range(_TRIES)):
            async with self._hands.slot(notice.providers[0], entry):
                if stopping.is_set():
                    return
                begun = await self._hands.begun(entry)
                if not self._hands.is_ours(entry, begun):
                    return
                if notice.useless_after is not None and begun.now >= notice.useless_after:
                    self._hands.meter.page(notice.channel, "notice_late")
                    log.warning("notice.late", kind=notice.kind, user=notice.user, via=notice.channel, after=str(notice.useless_after))
                    break
                again = entry.redelivered or begun.begun_before
                after = await self._told_by_any(notice, begun.now - _LOOK_BACK if again else None)
            if after is None or not left:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), min(after.total_seconds(), _LONGEST_PAUSE))
        await self._hands.done(entry, None)

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
