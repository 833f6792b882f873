"""One connection to a server: commands go out as they come, and replies come back in their order (RESP2)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, cast

from hiredis import ProtocolError, Reader, ReplyError, pack_command

from pager.ports import StoreUnavailable

__all__ = ["Arg", "Command", "ReplyError", "Wire"]

Arg = str | bytes | int | float
Command = tuple[Arg, ...]


class _Waiting:
    """Somebody who waits for some replies, or no longer does: they are read all the same."""

    __slots__ = ("asked_at", "count", "future", "replies")

    def __init__(self, future: asyncio.Future[list[Any]], count: int, asked_at: float) -> None:
        self.future = future
        self.count = count
        self.asked_at = asked_at
        self.replies: list[Any] = []


class Wire(asyncio.Protocol):
    """Many may ask at once. What is asked within one turn of the event loop goes out in one write. Whatever goes wrong ends the connection,
    and everybody who waits is told StoreUnavailable: what became of their commands is unknown.

    `limit`: the longest that the server may be silent while somebody waits. `told` gets what it says unasked, after SUBSCRIBE."""

    def __init__(self, limit: timedelta, told: Callable[[Any], None] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit.total_seconds()
        self._told = told
        self._reader = Reader()
        self._waiting: deque[_Waiting] = deque()
        self._out: list[bytes] = []
        self._heard_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._ended: list[Callable[[], None]] = []
        self.lost = False
        self.why = ""

    # --- asking -----------------------------------------------------------------------------------------------------------------------
    def ask(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]]:
        """The replies, in order; an error that the server answered is a ReplyError among them. The commands are sent, in this order and
        with nothing between them, whether or not somebody awaits what this returns."""
        return self.ask_packed([pack_command(command) for command in commands])  # type: ignore[arg-type]

    def ask_packed(self, packed: Sequence[bytes]) -> asyncio.Future[list[Any]]:
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        if self.lost or self._transport is None:
            future.set_exception(self._error())
            return future
        if not packed:
            future.set_result([])
            return future
        now = self._loop.time()
        if self._waiting or self._out:  # the server is busy for us: let this turn of the loop gather what there is
            if not self._out:
                self._loop.call_soon(self._flush)
            self._out += packed
        else:
            self._transport.write(packed[0] if len(packed) == 1 else b"".join(packed))
        self._waiting.append(_Waiting(future, len(packed), now))
        if self._watch is None:
            self._watch = self._loop.call_later(self._limit, self._look)
        return future

    def _flush(self) -> None:
        if self._transport is not None and not self.lost:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _look(self) -> None:
        """One timer for everybody: the server must not be silent for too long while somebody waits."""
        self._watch = None
        if self.lost or not self._waiting:
            return
        left = max(self._waiting[0].asked_at, self._heard_at) + self._limit - self._loop.time()
        if left <= 0:
            self.end(f"no answer for {self._limit:g} s")
        else:
            self._watch = self._loop.call_later(left, self._look)

    # --- what asyncio calls -----------------------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # of whatever loop

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        reader, waiting = self._reader, self._waiting
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not False:
                if not waiting:
                    self._unasked(reply)
                    continue
                first = waiting[0]
                first.replies.append(reply)
                if len(first.replies) == first.count:
                    waiting.popleft()
                    if not first.future.done():
                        first.future.set_result(first.replies)
        except ProtocolError as error:
            self.end(f"it does not speak the protocol of Redis: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(str(exc) if exc else "it closed the connection")

    # --- ending -----------------------------------------------------------------------------------------------------------------------
    def on_end(self, call: Callable[[], None]) -> None:
        """Have `call` called when the connection ends."""
        self._ended.append(call)

    def end(self, why: str) -> None:
        """End the connection; once. Everybody who waits is told why."""
        if self.lost:
            return
        self.lost, self.why = True, why
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        while self._waiting:
            future = self._waiting.popleft().future
            if not future.done():
                future.set_exception(self._error())
        for call in self._ended:
            call()

    def _unasked(self, reply: Any) -> None:
        if self._told is None:
            # Such as "-ERR max number of clients reached", right after the connection was accepted.
            self.end(str(reply) if isinstance(reply, ReplyError) else "it answers what nobody asked")
        else:
            self._told(reply)

    def _error(self) -> StoreUnavailable:
        return StoreUnavailable(f"the store can't be reached: {self.why or 'not connected'}")
