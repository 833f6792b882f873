"""The outboxes: one stream per priority, shared by all workers through a consumer group."""

from __future__ import annotations

import math
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from pager.model.outgoing import Notice, Priority, SendPage
from pager.model.snapshot import Snapshot, UnreadableError
from pager.ports import Begun, Commit, OutboxEntry, Sending
from pager.store import codec
from pager.store.batch import CODES_KEPT, Batch
from pager.store.connection import LONGEST_BLOCK, Arg, Command, Connection, Refused
from pager.store.group import FIRST, Group, RawEntry, entries_of
from pager.store.keys import OUTBOX_GROUP, Keys
from pager.store.scores import moment
from pager.store.scripts import script
from pager.store.snapshots import Snapshots

MARKS_KEPT = timedelta(days=1)
MOST_AT_ONCE = 500
MOST_REMEMBERED = 8192  # entries handed out, before those finished since are forgotten

log = structlog.get_logger()


class _Recall(msgspec.Struct):
    """How far a walk over what is pending under our name has come."""

    outbox: int = 0
    after: str = FIRST
    seen: set[tuple[Priority, str]] = msgspec.field(default_factory=set)


class RedisOutbox:
    """The port Outbox. `take` is for one caller at a time."""

    def __init__(
        self, connection: Connection, snapshots: Snapshots, worker: str, keys: Keys, can_tell: Callable[[], bool] = lambda: True
    ) -> None:
        """`can_tell`: whether a worker without a presence key is absent."""
        self._connection = connection
        self._snapshots = snapshots
        self._worker = worker
        self._keys = keys
        self._group = Group(connection, keys.outboxes, OUTBOX_GROUP, worker, keys.worker, can_tell)
        self._process = secrets.token_hex(8)
        self._handed: set[tuple[Priority, str]] = set()
        self._remembered = MOST_REMEMBERED
        self._spare: list[OutboxEntry] = []
        self._recall: _Recall | None = _Recall()
        self._unread: list[tuple[Priority, str]] = []

    # --- taking -----------------------------------------------------------------------------------------------------------------------
    async def take(self, limit: int, wait: timedelta) -> list[OutboxEntry]:
        """An answer lost on its way leaves entries pending under our name that we don't know of: after any error they are looked for, and
        told from those in hand. Raises StoreUnavailable."""
        return await self._handed_out(lambda: self._best(limit, wait))

    async def critical(self, limit: int) -> list[OutboxEntry]:
        return await self._handed_out(lambda: self._fresh(limit, Priority.CRITICAL))

    async def _handed_out(self, asked: Callable[[], Awaitable[list[OutboxEntry]]]) -> list[OutboxEntry]:
        try:
            await self._group.ready()
            entries = await asked()
            while self._unread:
                priority, id_ = self._unread[-1]
                await self._group.leave(self._keys.outboxes[priority], [id_])
                self._unread.pop()
        except BaseException as error:
            self._spare, self._recall = [], _Recall()
            if isinstance(error, Refused) and self._group.lost(error):
                return []
            raise
        self._handed.update((entry.priority, entry.id) for entry in entries)
        if len(self._handed) > self._remembered and self._recall is None:
            self._recall = _Recall()
        return entries

    async def _best(self, limit: int, wait: timedelta) -> list[OutboxEntry]:
        if self._recall is not None and (recalled := await self._recalled(self._recall, limit)):
            return recalled
        if inherited := await self._inherited(limit):
            return inherited
        fresh = self._spare + await self._fresh(limit)
        if not fresh and wait > timedelta(0):
            fresh = await self._awaited(limit, wait)
        fresh.sort(key=lambda entry: entry.priority)
        self._spare = fresh[limit:]
        return fresh[:limit]

    async def _recalled(self, recall: _Recall, limit: int) -> list[OutboxEntry]:
        """What is pending under our name and not in hand: after a start all of it."""
        found: list[OutboxEntry] = []
        while recall.outbox < len(self._keys.outboxes) and len(found) < limit:
            priority, stream = Priority(recall.outbox), self._keys.outboxes[recall.outbox]
            page = await self._group.mine(stream, recall.after, limit - len(found))
            if not page:
                recall.outbox, recall.after = recall.outbox + 1, FIRST
                continue
            recall.after = page[-1][0]
            recall.seen.update((priority, id_) for id_, _ in page)
            unknown = [(id_, fields) for id_, fields in page if (priority, id_) not in self._handed]
            found += self._read(priority, unknown, redelivered=True)
            await self._group.forget(stream, [id_ for id_, fields in page if fields is None])
        if recall.outbox == len(self._keys.outboxes):
            self._handed &= recall.seen
            self._remembered = max(MOST_REMEMBERED, 2 * len(self._handed))  # what waits for its turn is pending for long
            self._recall = None
        return found

    async def _inherited(self, limit: int) -> list[OutboxEntry]:
        taken = await self._group.inherit(limit)
        return [
            entry for stream, raw in taken for entry in self._read(Priority(self._keys.outboxes.index(stream)), raw, redelivered=True)
        ]  # fmt: skip

    async def _fresh(self, limit: int, last: Priority = Priority.NOTICE) -> list[OutboxEntry]:
        reply = await self._connection.run(script("take"), self._keys.outboxes[: last + 1], [OUTBOX_GROUP, self._worker, limit])
        return [entry for priority, raw in zip(Priority, reply, strict=False) for entry in self._read(priority, entries_of(raw))]

    async def _awaited(self, limit: int, wait: timedelta) -> list[OutboxEntry]:
        """One read over all outboxes, whose count is of each: what is over the limit is kept for the next time."""
        each = max(1, limit // len(self._keys.outboxes))
        [reply] = await self._connection.block([self._group.new(each, min(wait, LONGEST_BLOCK))])
        priorities = {stream.encode(): Priority(k) for k, stream in enumerate(self._keys.outboxes)}
        return [entry for stream, raw in reply or () for entry in self._read(priorities[stream], entries_of(raw))]

    # --- sending ----------------------------------------------------------------------------------------------------------------------
    async def begin(self, entries: Sequence[OutboxEntry]) -> list[Begun]:
        return [begun for [begun] in await self.start([Sending((entry,)) for entry in entries])]

    async def start(self, sendings: Sequence[Sending]) -> list[list[Begun]]:
        started: list[list[Begun]] = []
        batch: list[Sending] = []
        for sending in sendings:
            if batch and sum(len(each.entries) for each in batch) + len(sending.entries) > MOST_AT_ONCE:
                started += await self._start(batch)
                batch = []
            batch.append(sending)
        return started + await self._start(batch) if batch else started

    async def close(self) -> None:
        """What is in hand stays pending: others get it."""

    async def _start(self, sendings: Sequence[Sending]) -> list[list[Begun]]:
        numbers = [_read_of(entry) for sending in sendings for entry in sending.entries]
        beside = self._snapshots.record_keys(numbers)
        keys: list[Arg] = [*self._keys.outboxes, *map(self._keys.incident, numbers), *beside]
        kept: list[Arg] = [int(time.total_seconds()) for time in (MARKS_KEPT, CODES_KEPT)]
        args: list[Arg] = [OUTBOX_GROUP, self._worker, self._process, *kept, len(numbers), len(beside), len(sendings)]
        for sending in sendings:
            self._say(sending, keys, args)
        time, letters, stored, marks, waits = await self._connection.run(script("begin"), keys, args)
        records = dict(zip(beside, stored[len(numbers) :], strict=True))
        now, snapshots = moment(time), iter(await self._snapshots.around(stored[: len(numbers)], beside=records))
        self._mark(sendings, letters.decode(), marks)  # after the last read, which would wait for it
        heard = zip(letters.decode(), marks, strict=True)
        return [
            [_begun(*next(heard), wait, next(snapshots), now) for _ in sending.entries]
            for sending, wait in zip(sendings, waits, strict=True)
        ]  # fmt: skip

    def _say(self, sending: Sending, keys: list[Arg], args: list[Arg]) -> None:
        args += (
            0 if sending.look else 2 if _alone(sending) else 1,
            sending.lead,
            len(sending.limits),
            len(sending.codes),
            len(sending.entries),
        )
        for limit in sending.limits:
            keys.append(self._keys.limit(limit.name))
            args += (math.ceil(limit.every.total_seconds() * 1000), limit.burst)
        args += [codec.codes.encode(code) for code in sending.codes]
        for entry in sending.entries:
            item = entry.item
            args += (int(entry.priority), entry.id, int(isinstance(item, SendPage)))
            if isinstance(item, SendPage):
                keys.append(self._keys.sent(item.incident, item.seq, item.attempt))
        keys += [self._keys.code(code.address, code.code) for code in sending.codes]

    def _mark(self, sendings: Sequence[Sending], letters: str, marks: Sequence[bytes]) -> None:
        """Where nothing else is written before a send, it does not wait for the mark either: that the entry is pending says the same to whoever
        comes after a crash."""
        commands: list[Command] = []
        at = 0
        for sending in sendings:
            entry, item = sending.entries[0], sending.entries[0].item
            mine = f"{self._process}:{entry.id}"
            before = marks[at].decode()
            if _alone(sending) and letters[at] in "FB" and isinstance(item, SendPage) and not before.endswith(mine):
                kept = int(MARKS_KEPT.total_seconds())
                commands.append(
                    ("SET", self._keys.sent(item.incident, item.seq, item.attempt), f"{before[-300:]} {mine}".strip(), "EX", kept)
                )
            at += len(sending.entries)
        self._connection.tell(commands)

    async def drop(self, *entries: OutboxEntry) -> None:
        """Does nothing for an entry that has become another worker's."""
        for start in range(0, len(entries), MOST_AT_ONCE):
            some = entries[start : start + MOST_AT_ONCE]
            batch = Batch(self._keys, self._worker, frozenset())
            for entry in some:
                batch.add(Commit(before=Snapshot(), after=Snapshot(), finishes=(entry.priority, entry.id)))
            await self._connection.run(script("commit"), *batch.call())
            self._handed.difference_update((entry.priority, entry.id) for entry in some)

    async def leave(self, entry: OutboxEntry) -> None:
        await self._group.leave(self._keys.outboxes[entry.priority], [entry.id])
        self._handed.discard((entry.priority, entry.id))

    def _read(self, priority: Priority, raw: Iterable[RawEntry], redelivered: bool = False) -> list[OutboxEntry]:
        """What can't be read is left to a release that can: it must not hold up the others."""
        entries: list[OutboxEntry] = []
        for id_, fields in raw:
            if fields is None:
                continue
            try:
                entries.append(OutboxEntry(priority, id_, codec.outgoing.decode(fields[1]), redelivered))
            except UnreadableError as error:
                log.error("outbox.unreadable", entry=id_, priority=priority.name, why=str(error))
                self._snapshots.newer.met(error)
                self._unread.append((priority, id_))
        return entries


def _read_of(entry: OutboxEntry) -> int:
    """The incident that must be read; that of a notice is not, its text is final."""
    return 0 if isinstance(entry.item, Notice) else entry.item.incident


def _alone(sending: Sending) -> bool:
    """Nothing is written before it is sent but that it was begun."""
    return not (sending.look or sending.limits or sending.codes or sending.lead or len(sending.entries) > 1)


def _begun(letter: str, mark: bytes, wait: int, snapshot: Snapshot, now: datetime) -> Begun:
    """`mark`: who began it before, each as `process:entry`, and where that was in a message for several, `=` and the page it went by."""
    leads = tuple(dict.fromkeys(lead for each in mark.decode().split() if (lead := each.partition("=")[2])))
    later = timedelta(milliseconds=wait) if letter == "W" else None
    return Begun(owned=letter != "N", begun_before=letter == "B", snapshot=snapshot, now=now, leads=leads, wait=later)
