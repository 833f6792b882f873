"""Break-glass: when the store is gone for long, people are told directly, from memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

import structlog

from pager.model.config import Config
from pager.ports import Channel, GiveUp, Message, SendResult, Sent, StoreUnavailable

log = structlog.get_logger()


class StoreClock(Protocol):
    async def ping(self) -> None:
        """Raises StoreUnavailable when the store does not answer, or can't write."""


class BreakGlass:
    """Keeps nothing but what it needs to page when nothing else works. Clock readings are monotonic seconds."""

    def __init__(
        self,
        store: StoreClock,
        config: Callable[[], Config],
        channels: Callable[[], Mapping[str, Channel]],
        count: Callable[[str], None],
        started: float,
    ) -> None:
        self._store = store
        self._config = config
        self._channels = channels
        self._count = count
        self._seen = started
        self._told: float | None = None

    async def run_once(self, now: float) -> bool:
        """Look whether the store answers; True when it does. Without it for `after`, tell everybody named, again `every` so often."""
        try:
            await self._store.ping()
        except StoreUnavailable as error:
            await self._gone(now, str(error))
            return False
        if self._told is not None:
            await self._tell(f"pagerd: the store is back after {_span(now - self._seen)}. Alerts are handled again.")
        self._seen, self._told = now, None
        return True

    async def _gone(self, now: float, why: str) -> None:
        contacts = self._config().settings.break_glass
        gone = now - self._seen
        if contacts is None or gone < contacts.after.total_seconds():
            return
        if self._told is not None and now - self._told < contacts.every.total_seconds():
            return
        self._told = now
        log.error("break_glass", gone=round(gone), why=why)
        await self._tell(
            f"pagerd: CRITICAL: the store has been unreachable for {_span(gone)} ({why[:80]}). "
            "Alerts are NOT being paged. Look at your monitoring directly, and mend the store."
        )

    async def _tell(self, text: str) -> None:
        """All at once: a provider that hangs must not keep the others waiting."""
        contacts = self._config().settings.break_glass
        if contacts is None:
            return
        ways = [("sms", address) for address in contacts.sms] + [("email", address) for address in contacts.email]
        for reached in await asyncio.gather(*(self._reach(channel, address, text) for channel, address in ways)):
            self._count("sent" if reached else "failed")

    async def _reach(self, channel: str, address: str, text: str) -> bool:
        """The first provider of the channel that says yes."""
        channels = self._channels()
        names = [name for name in self._config().channels.get(channel, ()) if name in channels]
        if not names and "console" in channels:
            names = ["console"]
        for name in names:
            result: SendResult
            try:
                result = await channels[name].send(Message(address=address, text=text, urgent=True))
            except Exception as error:  # a fault of ours must not end the watch, nor keep the next provider from being tried
                result = GiveUp(f"internal error: {type(error).__name__}: {error}")
            if isinstance(result, Sent):
                log.warning("break_glass.sent", to=address, provider=name)
                return True
            log.error("break_glass.failed", to=address, provider=name, why=result.why)
        if not names:
            log.error("break_glass.failed", to=address, why=f"no provider carries {channel}")
        return False


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
