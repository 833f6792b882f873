"""The alerts stream, and the dead letters beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from pager.model.event import EntryId
from pager.ports import AlertEntry, DeadLetter
from pager.store.connection import LONGEST_BLOCK, Arg, Command, Connection, Refused
from pager.store.group import FIRST, Group, RawEntry, entries_of
from pager.store.keys import ALERTS_GROUP, StreamKeys
from pager.store.scores import at_score
from pager.store.scripts import script

FIRST_ID, REASON = b"pagerd-id", b"pagerd-reason"
_ID = re.compile(rb"\d{1,19}-\d{1,19}")
_A_MOMENT = timedelta(milliseconds=10)  # in which the pages of what was read reach their providers: what is done waits so long
_PAGE = 100  # dead letters read at once: each may be large


class RedisAlertStream:
    """The port AlertStream. `take` is for one caller at a time, and what it gave is either finished or buried before the next one: the
    rest is given again. `replicas`: how many must have what is added on disk before it counts."""

    def __init__(
        self, connection: Connection, worker: str, keys: StreamKeys, replicas: int = 0, can_tell: Callable[[], bool] = lambda: True
    ) -> None:
        """`can_tell`: whether a worker without a presence key is absent."""
        self._connection = connection
        self._replicas = replicas
        self._keys = keys
        self._group = Group(connection, [keys.stream], ALERTS_GROUP, worker, keys.worker, can_tell)
        self._handed: set[str] = set()
        self._done: list[AlertEntry] = []  # to be finished
        self._several = False  # came with the last take
        self._unsure = True  # there may be entries pending under our name that are not in hand
        self._seen: EntryId = (0, 0)  # as far as it was read ahead

    # --- reading ----------------------------------------------------------------------------------------------------------------------
    async def take(self, limit: int, wait: timedelta) -> tuple[EntryId, list[AlertEntry]]:
        try:
            await self._group.ready()
            oldest, entries = await self._next(limit, wait)
        except BaseException as error:
            self._unsure = True
            if isinstance(error, Refused) and self._group.lost(error):
                return (0, 0), []
            raise
        self._handed = {entry.stream_id for entry in entries}
        self._several = len(entries) > 1
        return min([oldest, *(entry.id for entry in entries)]) if entries else (0, 0), entries

    async def _next(self, limit: int, wait: timedelta) -> tuple[EntryId, list[AlertEntry]]:
        if again := await self._again(limit) or await self._inherited(limit):
            return _oldest(*await self._connection.pipe(self._ask_oldest())), again
        if self._done and not self._several and wait > timedelta(0):
            oldest, fresh = await self._fresh(limit, min(wait, _A_MOMENT), ())
            if fresh:
                return oldest, fresh
        done, self._done = self._done, []
        try:
            return await self._fresh(limit, wait, done)
        except BaseException:
            self._done += done
            raise

    async def _fresh(self, limit: int, wait: timedelta, done: Sequence[AlertEntry]) -> tuple[EntryId, list[AlertEntry]]:
        """One round trip: what is `done` is finished before, and the questions behind a blocking read are answered once it is."""
        reads = [self._group.new(limit, min(wait, LONGEST_BLOCK)), *self._ask_oldest()]
        *_, reply, pending, retried = await self._connection.block([*self._finishing(done), *reads])
        return _oldest(pending, retried), _read(entries_of(reply[0][1])) if reply else []

    async def _again(self, limit: int) -> list[AlertEntry]:
        if not (self._unsure or self._handed):
            return []
        await self.settle()
        raw = await self._group.mine(self._keys.stream, FIRST, limit)
        await self._group.forget(self._keys.stream, [id_ for id_, fields in raw if fields is None])
        self._unsure = bool(raw)
        return _read(raw)

    async def _inherited(self, limit: int) -> list[AlertEntry]:
        return _read([entry for _, raw in await self._group.inherit(limit) for entry in raw])

    async def ahead(self, limit: int) -> list[AlertEntry]:
        after = _text(max([self._seen, *(_id(handed.encode()) for handed in self._handed)]))
        found = _read(entries_of(await self._connection.call("XRANGE", self._keys.stream, f"({after}", "+", "COUNT", limit)))
        if found:
            self._seen = _id(found[-1].stream_id.encode())
        return found

    def _ask_oldest(self) -> list[Command]:
        return [("XPENDING", self._keys.stream, ALERTS_GROUP), ("ZRANGE", self._keys.retried, 0, 0, "WITHSCORES")]

    async def backlog(self) -> int:
        """Entries not finished, waiting or in hand. (The group's own lag is unknown once an unread entry was deleted.)"""
        return int(await self._connection.call("XLEN", self._keys.stream))

    # --- writing ----------------------------------------------------------------------------------------------------------------------
    async def add(self, fields: Mapping[str, str]) -> str:
        [id_] = await self.add_many([fields])
        return id_

    async def add_many(self, alerts: Sequence[Mapping[str, str]]) -> list[str]:
        """Their ids, in order; in one round trip. When it raises, any of them may have been added."""
        commands: list[Command] = [("XADD", self._keys.stream, "*", *_flat(fields)) for fields in alerts]
        reply = await self._connection.confirmed(commands, self._replicas)
        return [id_.decode() for id_ in reply]

    async def finish(self, entries: Sequence[AlertEntry]) -> None:
        """No write of its own, which a page that is under way would have to wait for. Until then they are handed out again after a crash, and
        known by their ids to have been applied."""
        self._done += entries
        self._handed.difference_update(entry.stream_id for entry in entries)

    async def settle(self) -> None:
        done, self._done = self._done, []
        try:
            await self._connection.pipe(self._finishing(done))
        except BaseException:
            self._done += done
            raise

    def _finishing(self, done: Sequence[AlertEntry]) -> list[Command]:
        if not done:
            return []
        ids, stream = [entry.stream_id for entry in done], self._keys.stream
        commands: list[Command] = [("MULTI",), ("XACK", stream, ALERTS_GROUP, *ids), ("XDEL", stream, *ids)]
        if retried := [_text(entry.id) for entry in done if _text(entry.id) != entry.stream_id]:
            commands.append(("ZREM", self._keys.retried, *retried))
        return [*commands, ("EXEC",)]

    async def bury(self, letters: Sequence[tuple[AlertEntry, str]]) -> None:
        if not letters:
            return
        args: list[Arg] = [ALERTS_GROUP]
        for entry, reason in letters:
            args += (entry.stream_id, _text(entry.id), reason.encode(errors="replace"))
        await self._connection.run(script("bury"), [self._keys.stream, self._keys.dead, self._keys.retried], args)
        self._handed.difference_update(entry.stream_id for entry, _ in letters)

    async def leave(self, entries: Sequence[AlertEntry]) -> None:
        ids = [entry.stream_id for entry in entries]
        await self._group.leave(self._keys.stream, ids)
        self._handed.difference_update(ids)

    # --- dead letters -----------------------------------------------------------------------------------------------------------------
    async def dead(self) -> list[DeadLetter]:
        """In the order of their burial."""
        return [letter for _, letter in await self._dead()]

    async def retry(self, ids: Sequence[str]) -> list[str]:
        wanted, moved = set(ids), list[str]()
        for stands, letter in await self._dead():
            if letter.id not in wanted:
                continue
            keys = [self._keys.dead, self._keys.stream, self._keys.retried]
            if await self._connection.run(script("retry"), keys, [stands, letter.id, letter.id.partition("-")[0]]):
                moved.append(letter.id)
        return moved

    async def _dead(self) -> list[tuple[str, DeadLetter]]:
        """With where each stands."""
        letters: list[tuple[str, DeadLetter]] = []
        after = "-"
        while page := entries_of(await self._connection.call("XRANGE", self._keys.dead, after, "+", "COUNT", _PAGE)):
            letters += [(id_, _letter(id_, fields or [])) for id_, fields in page]
            after = f"({page[-1][0]}"
        return letters


def _read(raw: Sequence[RawEntry]) -> list[AlertEntry]:
    return [_entry(id_, _pairs(fields)) for id_, fields in raw if fields is not None]


def _entry(stands: str, fields: dict[bytes, bytes]) -> AlertEntry:
    """A retried dead letter says its first id. That lies in the past: what claims another is somebody else's field."""
    own, first = _id(stands.encode()), fields.get(FIRST_ID)
    if first is not None and _ID.fullmatch(first) and _id(first) <= own:
        del fields[FIRST_ID]
        own = _id(first)
    return AlertEntry(own, fields, stands)


def _letter(stands: str, flat: Sequence[bytes]) -> DeadLetter:
    fields = _pairs(flat)
    id_, reason = fields.pop(FIRST_ID, stands.encode()), fields.pop(REASON, b"")
    return DeadLetter(id_.decode(), reason.decode(), fields, at_score(_id(stands.encode())[0]))


def _oldest(pending: Sequence[object], retried: Sequence[bytes]) -> EntryId:
    """Of all pending entries by their first ids. Retried ones are older than where they stand, by the set of those."""
    _, smallest, *_ = pending
    oldest = _id(smallest) if isinstance(smallest, bytes) else (2**63, 0)
    return min(oldest, (int(retried[1]), 0)) if retried else oldest


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _flat(fields: Mapping[str, str]) -> list[bytes]:
    """Lone surrogates, which JSON can carry and UTF-8 can't, become question marks."""
    return [text.encode(errors="replace") for pair in fields.items() for text in pair]


def _id(text: bytes) -> EntryId:
    milliseconds, _, sequence = text.partition(b"-")
    return int(milliseconds), int(sequence)


def _text(id_: EntryId) -> str:
    return f"{id_[0]}-{id_[1]}"
