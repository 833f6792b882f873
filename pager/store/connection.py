"""The connection to Redis or Valkey: bounded, and with one kind of error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from hiredis import pack_command

from pager.ports import StoreUnavailable
from pager.store.address import Address, ask_once, read_url, socket_url
from pager.store.finding import ANSWER_TIMEOUT, Cluster, Finder, Named, Sentinels
from pager.store.keys import slot_of
from pager.store.scripts import Script
from pager.store.wire import Arg, Command, ReplyError, Wire

__all__ = ["LONGEST_BLOCK", "Arg", "Command", "Connection", "Connections", "Refused", "Subscription", "connect", "socket_url"]

LONGEST_BLOCK = timedelta(seconds=10)
"""The longest that a blocking read may be asked to wait."""
_MOST_IDLE = 32
_RECEIVED_WITHIN, _ON_DISK_WITHIN = 300, 500  # milliseconds
_ELSEWHERE = ("READONLY", "MASTERDOWN", "UNBLOCKED", "LOADING", "MOVED", "ASK", "CLUSTERDOWN")
"""What a server says that is not, or no longer, the one to ask."""


class Connection:
    """Commands of everybody share one line; reads that wait at the server take one of their own each, so that nobody waits for them. Replies
    are those of the wire (RESP2), as bytes. Every method raises StoreUnavailable for whatever goes wrong, be it the network or the server's
    refusal. Nothing is tried again by itself: whoever called knows whether that is harmless."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._line: Wire | None = None
        self._opening: asyncio.Task[Wire] | None = None
        self._address: Address | None = None
        self._idle: list[Wire] = []
        self._lines: set[Wire] = set()
        self._closed = False
        self.epoch = 0
        """How many lines for commands there have been: another one may lead to a server that missed the last writes."""

    # --- asking -----------------------------------------------------------------------------------------------------------------------
    async def ready(self) -> None:
        """Have a line, so that what is asked before anything else is awaited goes over the one that `epoch` counts."""
        await self._ready()

    async def call(self, *command: Arg) -> Any:
        line = self._line if self._line is not None and not self._line.lost else await self._ready()
        [reply] = await line.ask_packed((pack_command(command),))  # type: ignore[arg-type]
        if isinstance(reply, ReplyError):
            raise self._refused(reply)
        return reply

    def tell(self, commands: Sequence[Command]) -> None:
        """Send, and don't wait for the answer: whether it arrives, nobody is told."""
        if self._line is not None and not self._line.lost:
            self._line.ask(commands).add_done_callback(lambda asked: asked.cancelled() or asked.exception())

    async def pipe(self, commands: Sequence[Command], atomic: bool = False) -> list[Any]:
        """The replies, in order. `atomic`: as one transaction."""
        line = self._line if self._line is not None and not self._line.lost else await self._ready()
        if not atomic:
            return self._all_good(await line.ask(commands))
        *queued, replies = await line.ask([("MULTI",), *commands, ("EXEC",)])
        return self._all_good(self._all_good([*queued, replies])[-1])

    async def block(self, commands: Sequence[Command]) -> list[Any]:
        """Like `pipe`, for what waits at the server, up to LONGEST_BLOCK."""
        return self._all_good(await self._alone(commands))

    async def confirmed(self, commands: Sequence[Command], replicas: int) -> list[Any]:
        """Like `pipe`; where `replicas` is not 0, what was written is on the disks of so many of them, too. Raises StoreUnavailable when they
        don't say so in time: then it may be written all the same."""
        if not replicas:
            return await self.pipe(commands)
        *replies, received, on_disk = self._all_good(await self._alone([*commands, *_confirmation(replicas)]))
        _check(received, on_disk, replicas)
        return replies

    async def _alone(self, commands: Sequence[Command]) -> list[Any]:
        """Over a line that nobody else uses meanwhile."""
        line = self._idle.pop() if self._idle else await self._open(LONGEST_BLOCK + ANSWER_TIMEOUT)
        try:
            replies = await line.ask(commands)
        except BaseException:
            line.end("nobody waits for the answer")  # and so the server hands nothing more to it
            raise
        if line.lost or self._closed or len(self._idle) >= _MOST_IDLE:
            line.end("not needed")
        else:
            self._idle.append(line)
        return replies

    async def run(self, script: Script, keys: Sequence[Arg], args: Sequence[Arg], replicas: int = 0) -> Any:
        """Run a script by its hash; a server that was restarted is given its text again. `replicas` as in `confirmed`."""
        if replicas:
            return await self._run_confirmed(script, keys, args, replicas)
        line = self._line if self._line is not None and not self._line.lost else await self._ready()
        [reply] = await line.ask((("EVALSHA", script.sha, len(keys), *keys, *args),))
        if isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT"):  # surely not run
            [reply] = await line.ask((("EVAL", script.body, len(keys), *keys, *args),))
        if isinstance(reply, ReplyError):
            raise self._refused(reply)
        return reply

    async def _run_confirmed(self, script: Script, keys: Sequence[Arg], args: Sequence[Arg], replicas: int) -> Any:
        for text in (("EVALSHA", script.sha), ("EVAL", script.body)):
            reply, received, on_disk = await self._alone([(*text, len(keys), *keys, *args), *_confirmation(replicas)])
            if not (isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT")):
                break
        self._all_good([reply, received, on_disk])
        _check(received, on_disk, replicas)
        return reply

    async def ask_other(self, address: Address, *commands: Command) -> list[Any]:
        """Ask another server of the same installation, once; errors are among the replies. Raises StoreUnavailable."""
        return await ask_once(address, self._finder.login, commands)

    def subscription(self, channel: str) -> Subscription:
        return Subscription(self._open, channel)

    async def close(self) -> None:
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        self._leave(set(self._lines), "closed")
        await asyncio.sleep(0)  # the transports are told

    # --- lines ------------------------------------------------------------------------------------------------------------------------
    async def _ready(self) -> Wire:
        """The line for commands. Whoever comes while it is being opened waits for the same attempt."""
        if self._line is not None and not self._line.lost:
            return self._line
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._reopen())
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            if self._closed and opening.cancelled():
                raise StoreUnavailable("the connection to the store is closed") from None
            raise

    def _opened(self, opening: asyncio.Task[Wire]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # whoever waited has it; perhaps nobody did

    async def _reopen(self) -> Wire:
        line = await self._open(ANSWER_TIMEOUT)
        self._line = line
        self.epoch += 1
        return line

    async def _open(self, limit: timedelta, told: Callable[[Any], None] | None = None) -> Wire:
        if self._closed:
            raise StoreUnavailable("the connection to the store is closed")
        address = await self._finder.find()
        if self._address is not None and self._address != address:
            self._leave(set(self._lines), f"the store is at {address} now")
        self._address = address
        line = Wire(limit, told)
        self._lines.add(line)
        line.on_end(lambda: self._forget(line))
        try:
            await self._finder.open(address, line)
        except BaseException:
            line.end("not opened")
            raise
        return line

    def _forget(self, line: Wire) -> None:
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)

    def _leave(self, lines: set[Wire], why: str) -> None:
        for line in lines:
            line.end(why)

    # --- replies ----------------------------------------------------------------------------------------------------------------------
    def _all_good(self, replies: list[Any]) -> list[Any]:
        for reply in replies:
            if isinstance(reply, ReplyError):
                raise self._refused(reply)
        return replies

    def _refused(self, reply: ReplyError) -> Refused:
        text = str(reply)
        if text.startswith(_ELSEWHERE):
            self._leave(set(self._lines), text)
        refused = Refused(f"the store refuses: {text}")
        refused.__cause__ = reply
        return refused


class Subscription:
    """Listening to one channel, on a connection of its own; for one listener at a time."""

    def __init__(self, open_: Callable[[timedelta, Callable[[Any], None]], Awaitable[Wire]], channel: str) -> None:
        self._open = open_
        self._channel = channel
        self._line: Wire | None = None
        self._something = asyncio.Event()

    async def heard(self, limit: timedelta) -> bool:
        """Whether anything was published since the last call, or is within `limit`. True right after subscribing, too: what came before
        was missed. Raises StoreUnavailable; the next call subscribes again."""
        line = self._line
        if line is None:
            await self._subscribe()
            return True
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await self._something.wait()
        except TimeoutError:
            return False
        self._something.clear()
        if line.lost:
            self._line = None
            raise StoreUnavailable(f"the store can't be reached: {line.why}")
        return True

    async def _subscribe(self) -> None:
        self._something.clear()
        line = await self._open(ANSWER_TIMEOUT, lambda _: self._something.set())
        [answer] = await line.ask([("SUBSCRIBE", self._channel)])
        if isinstance(answer, ReplyError):
            line.end(str(answer))
            raise Refused(f"the store refuses: {answer}")
        line.on_end(self._something.set)
        self._line = line

    async def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.end("closed")


class Refused(StoreUnavailable):
    """The server answered, with an error. `is_about` tells by the code its message begins with."""

    def is_about(self, code: str) -> bool:
        return code in str(self.__cause__)


def _confirmation(replicas: int) -> tuple[Command, Command]:
    """WAIT first: a replica that is asked by WAITAOF together with the write answers before its disk has it, and then only a second later."""
    return ("WAIT", replicas, _RECEIVED_WITHIN), ("WAITAOF", 1, replicas, _ON_DISK_WITHIN)


def _check(received: int, on_disk: Sequence[int], replicas: int) -> None:
    here, there = on_disk
    if here < 1 or there < replicas:
        raise StoreUnavailable(
            f"the store does not confirm: of {replicas} replicas {received} received it and {there} have it on disk"
            + ("" if here else ", and the master itself has not")
        )


class Connections:
    """The connections to one installation's store: one for everything, or one for each slot in use where it is a cluster. Raises ValueError
    for a URL that can't be read."""

    def __init__(self, url: str) -> None:
        self._place = read_url(url)
        self._made: dict[int, Connection] = {}

    def holding(self, key: str) -> Connection:
        """To where this key is; opened at the first command."""
        slot = slot_of(key) if self._place.kind == "cluster" else 0
        if slot not in self._made:
            self._made[slot] = Connection(self._finder(slot))
        return self._made[slot]

    def _finder(self, slot: int) -> Finder:
        place = self._place
        if place.kind == "cluster":
            return Cluster(place, slot)
        return Sentinels(place) if place.kind == "sentinel" else Named(place.addresses[0], place.login)

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._made.values())

    async def close(self) -> None:
        for connection in self:
            await connection.close()


def connect(url: str) -> Connection:
    """A connection to what the URL names, a cluster excepted. Raises ValueError for one that can't be read."""
    return Connections(url).holding("")
