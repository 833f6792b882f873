"""A worker's part in the consumer groups of some streams: what is its own, and what absent workers left.

An entry stays pending under the name it was handed to until it is acknowledged, whatever becomes of the process. It changes hands only when
the presence key of that name is gone: a slow worker keeps what it has."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pager.store import codec
from pager.store.connection import Arg, Command, Connection, Refused
from pager.store.newer import is_for, shelf
from pager.store.scripts import script

FIRST = "0-0"  # before every entry
LOOK_FOR_ABSENT = timedelta(seconds=1)

RawEntry = tuple[str, list[bytes] | None]
"""An entry's id, and its fields and values in turn; None where the entry is gone and only its place among the pending is left."""


class Group:
    """`presence` gives the presence key of a worker, `can_tell` whether its absence means anything. Ids are text throughout."""

    def __init__(
        self,
        connection: Connection,
        streams: Sequence[str],
        group: str,
        worker: str,
        presence: Callable[[str], str],
        can_tell: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._streams = streams
        self._group = group
        self._worker = worker
        self._presence = presence
        self._can_tell = can_tell
        self._made = False
        self._next_look = float("-inf")

    async def ready(self) -> None:
        """Make the groups where they are missing. New ones begin with the oldest entry there is."""
        if self._made:
            return
        for stream in self._streams:
            try:
                await self._connection.call("XGROUP", "CREATE", stream, self._group, "0", "MKSTREAM")
            except Refused as refused:
                if not refused.is_about("BUSYGROUP"):
                    raise
        self._made = True

    def lost(self, refused: Refused) -> bool:
        """Whether the groups are gone (somebody emptied the store). They are made again by the next `ready`."""
        if refused.is_about("NOGROUP"):
            self._made = False
        return not self._made

    def new(self, count: int, wait: timedelta) -> Command:
        """The command that reads what nobody was handed yet, waiting for it."""
        block = ("BLOCK", max(1, wait // timedelta(milliseconds=1))) if wait > timedelta(0) else ()
        fresh = [">"] * len(self._streams)
        return ("XREADGROUP", "GROUP", self._group, self._worker, "COUNT", count, *block, "STREAMS", *self._streams, *fresh)

    async def mine(self, stream: str, after: str, count: int) -> list[RawEntry]:
        """What is pending under this worker's name, in order, from the entry that follows `after`."""
        reply = await self._connection.call(
            "XREADGROUP", "GROUP", self._group, self._worker, "COUNT", count, "STREAMS", stream, after
        )  # fmt: skip
        return entries_of(reply[0][1]) if reply else []

    async def forget(self, stream: str, ids: Sequence[str]) -> None:
        """Acknowledge entries that are not in the stream any more."""
        if ids:
            await self._connection.call("XACK", stream, self._group, *ids)

    async def leave(self, stream: str, ids: Sequence[str]) -> None:
        """Let go of entries of ours: a worker of a newer release inherits them."""
        if ids:
            args: list[Arg] = [self._group, self._worker, shelf(codec.level()), *ids]
            await self._connection.run(script("leave"), [stream], args)

    async def inherit(self, limit: int) -> list[tuple[str, list[RawEntry]]]:
        """Take over up to `limit` entries that absent workers left, by stream. Looks once a second."""
        now = time.monotonic()
        if now < self._next_look or not self._can_tell():
            return []
        self._next_look = now + LOOK_FOR_ABSENT.total_seconds()
        taken: list[tuple[str, list[RawEntry]]] = []
        for stream, worker in await self._absent():
            if limit <= 0:
                self._next_look = now  # there is more
                break
            left = await self._connection.run(
                script("take_over"), [stream, self._presence(worker)], [self._group, self._worker, worker, limit]
            )
            taken.append((stream, entries_of(left)))
            limit -= len(left)
        return taken

    async def _absent(self) -> list[tuple[str, str]]:
        """Streams with the workers that are known there and not present."""
        infos = await self._connection.pipe([("XINFO", "CONSUMERS", stream, self._group) for stream in self._streams])
        known = [
            (stream, name)
            for stream, consumers in zip(self._streams, infos, strict=True)
            for name in map(_name, consumers)
            if name != self._worker and is_for(name, codec.level())
        ]
        if not known:
            return []
        present = await self._connection.pipe([("EXISTS", self._presence(name)) for _, name in known])
        return [who for who, there in zip(known, present, strict=True) if not there]


def entries_of(reply: Sequence[Any]) -> list[RawEntry]:
    return [(entry[0].decode(), entry[1]) for entry in reply if entry]


def _name(consumer: Sequence[Any]) -> str:
    """Of the flat pairs that XINFO CONSUMERS gives for one."""
    name: bytes = dict(zip(consumer[::2], consumer[1::2], strict=True))[b"name"]
    return name.decode()
