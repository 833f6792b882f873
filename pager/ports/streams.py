"""What comes in and what goes out: the alerts stream and the outboxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from pager.model.event import EntryId
from pager.model.outgoing import Limit, Outgoing, Priority
from pager.model.snapshot import Code, Snapshot


class OutboxEntry(msgspec.Struct, frozen=True):
    """An entry handed to this worker. `redelivered`: some worker had it before, so it may have been sent."""

    priority: Priority
    id: str
    item: Outgoing
    redelivered: bool = False


class Sending(msgspec.Struct, frozen=True):
    """One message about to be sent, for all of `entries`, which are pages of one part of the store. It counts once for each of `limits`, and where
    one of them leaves no room now, nothing is begun. Else `codes` are kept with it, and where it speaks for several, `lead`: the id (`42-3`) that
    the message goes by. `look`: only read how it stands."""

    entries: tuple[OutboxEntry, ...]
    limits: tuple[Limit, ...] = ()
    codes: tuple[Code, ...] = ()
    lead: str = ""
    look: bool = False


class Outbox(Protocol):
    async def take(self, limit: int, wait: timedelta) -> list[OutboxEntry]:
        """Up to `limit` entries, the best priority first; waits up to `wait` when there are none. After a start it first gives what this
        worker's name still has pending, and takes over what absent workers left."""

    async def critical(self, limit: int) -> list[OutboxEntry]:
        """Up to `limit` first pages of critical incidents that nobody was handed yet, without waiting for any."""

    async def begin(self, entries: Sequence[OutboxEntry]) -> list[Begun]:
        """Right before sending, in one round trip: what stands in the records now, and whether the entries are still ours."""

    async def start(self, sendings: Sequence[Sending]) -> list[list[Begun]]:
        """The same of messages: in order, what there is to know of the entries of each. Where the first is to `wait`, all are."""

    async def drop(self, *entries: OutboxEntry) -> None:
        """Finish entries that change no incident (notices)."""

    async def leave(self, entry: OutboxEntry) -> None: ...  # for a worker of a newer release to take over


class Begun(msgspec.Struct, frozen=True):
    """`owned` False: another worker took it over, keep off. `begun_before`: a send of this very attempt was begun once already, by us or another:
    it may be out, so look it up first; `leads` are the messages in which that was, where they spoke for several. `wait`: nothing is begun,
    since a limit has no room for so long."""

    owned: bool
    begun_before: bool
    snapshot: Snapshot
    now: datetime
    leads: tuple[str, ...] = ()
    wait: timedelta | None = None


class AlertEntry(msgspec.Struct, frozen=True):
    """An entry of the alerts stream. `id` is its identity and order; `stream_id` the id under which it stands in the stream now
    (another one after `dead retry`)."""

    id: EntryId
    fields: Mapping[bytes, bytes]
    stream_id: str


class DeadLetter(msgspec.Struct, frozen=True, array_like=True):
    """An entry that could not be understood. `id` is the entry's id in the alerts stream."""

    id: str
    reason: str
    fields: dict[bytes, bytes]
    at: datetime


class AlertStream(Protocol):
    async def take(self, limit: int, wait: timedelta) -> tuple[EntryId, list[AlertEntry]]:
        """The oldest id still pending for anybody, and up to `limit` entries in order. First what this worker's name has pending (after a start,
        and whatever of the last batch was neither finished nor buried), and what absent workers left."""

    async def ahead(self, limit: int) -> list[AlertEntry]:
        """Up to `limit` entries behind the last that were taken, each shown once. They stay where they are, and are taken in their turn."""

    async def finish(self, entries: Sequence[AlertEntry]) -> None:
        """Acknowledge and delete: with the next `take`, or a moment later."""

    async def settle(self) -> None: ...  # acknowledge and delete now what is to be

    async def bury(self, letters: Sequence[tuple[AlertEntry, str]]) -> None:
        """Move entries to the dead letters, with their reasons; atomically."""

    async def leave(self, entries: Sequence[AlertEntry]) -> None: ...  # for a worker of a newer release to take over
    async def backlog(self) -> int: ...
    async def add(self, fields: Mapping[str, str]) -> str: ...

    async def add_many(self, alerts: Sequence[Mapping[str, str]]) -> list[str]:
        """Their ids, in order; in one round trip. When it raises, any of them may have been added."""

    async def dead(self) -> list[DeadLetter]: ...

    async def retry(self, ids: Sequence[str]) -> list[str]:
        """Move dead letters back into the stream, keeping their ids; returns those that were there."""
