"""The doors of the core: what the pure rooms need from outside, as Protocols. Adapters live in store, channels and telemetry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from pager.model.event import Entry, EntryId, Fault
from pager.model.outgoing import Outgoing, Priority
from pager.model.snapshot import Code, Identity, Snapshot, Suffices
from pager.notify.card import Card


class StoreUnavailable(Exception):
    """The store can't be reached, or can't write. Nothing can be said about what was under way."""


class OutboxEntry(msgspec.Struct, frozen=True):
    """An entry handed to this worker. `redelivered`: some worker had it before, so it may have been sent."""

    priority: Priority
    id: str
    item: Outgoing
    redelivered: bool = False


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One incident's change: all of it is written, or nothing.

    A part (record, incident, policy) that is the same object in `after` as in `before`, or None in both, is neither checked nor written; the
    others are checked against the version in `before` (None: must be absent) and written with the next version. Checked too, all before the
    first write: `fence`, the incident's score in the deadlines is still exactly that of the claim and has not passed; `finishes`, the outbox
    entry is still pending for this worker (it is acknowledged and deleted with the commit); `once`, never seen before. The incident's deadline,
    its place among open or resolved, the counts by state, and whether chats are to be told follow from `after.incident`. With nothing but
    `finishes`, the entry is only finished. `confirmed`: somebody will be told that it is recorded, so it must be wherever that counts."""

    before: Snapshot
    after: Snapshot
    entries: tuple[Entry, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    codes: tuple[Code, ...] = ()
    fence: float | None = None
    finishes: tuple[Priority, str] | None = None
    once: str = ""
    confirmed: bool = False


class Outcome(StrEnum):
    DONE = "done"
    CONFLICT = "conflict"  # somebody else changed it: load and decide again
    STALE = "stale"  # the claim or the outbox entry is no longer ours: drop it
    REPLAYED = "replayed"  # `once` was seen before


class Claim(msgspec.Struct, frozen=True):
    """A due incident, ours until `fence` (a score, milliseconds since the epoch) has passed. `due_at` is its score before the claim."""

    number: int
    fence: float
    due_at: datetime


class Incidents(Protocol):
    async def now(self) -> datetime:
        """The store's clock, UTC: the only clock that decisions see."""

    async def by_identity(self, identities: Sequence[Identity], suffices: Suffices | None = None) -> tuple[datetime, list[Snapshot]]:
        """The store's time and, in order, what it knows of each identity: its record, and unless that suffices the incident it points to (whole)."""

    async def by_number(self, numbers: Sequence[int]) -> tuple[datetime, list[Snapshot]]:
        """The same by incident number. An unknown number gives an empty snapshot, one that can't be read a snapshot that is `unreadable`."""

    def part_of(self, scope: str) -> int:
        """The part of the store where everything of this scope is."""

    async def numbers(self, count: int, part: int = 0) -> list[int]:
        """New incident numbers, never handed out before, for incidents of a part."""

    async def commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        """Each commits or conflicts alone; in order; in one round trip."""

    async def timeline(self, number: int) -> list[Entry]: ...
    async def open_numbers(self) -> list[int]:
        """Every incident that is not resolved, ascending."""

    async def resolved_numbers(self, limit: int) -> list[int]:
        """The most lately resolved, newest first."""

    async def counts(self) -> dict[str, int]:
        """How many incidents are in each state; states without any are left out."""

    async def code(self, address: str, code: str) -> Code | None: ...

    async def secret(self) -> bytes:
        """32 random bytes, made once for the installation."""

    async def save_config(self, config: bytes) -> None: ...

    async def load_config(self) -> bytes | None:
        """What was saved last; None before that."""


class Deadlines(Protocol):
    async def now(self) -> datetime: ...

    async def claim(self, limit: int, lease: timedelta) -> tuple[datetime, list[Claim]]:
        """The store's time, and incidents that are due by it, leased to the caller: due again for others when the lease is over."""

    async def next_at(self) -> datetime | None:
        """The earliest deadline of all, claimed ones by their lease."""

    async def wait(self, limit: timedelta) -> None:
        """Return when a deadline nearer than the earliest was armed by anybody, or after `limit`."""


class Outbox(Protocol):
    async def take(self, limit: int, wait: timedelta) -> list[OutboxEntry]:
        """Up to `limit` entries, the best priority first; waits up to `wait` when there are none. After a start it first gives what this
        worker's name still has pending, and takes over what absent workers left."""

    async def begin(self, entries: Sequence[OutboxEntry]) -> list[Begun]:
        """Right before sending, in one round trip: what stands in the records now, and whether the entries are still ours."""

    async def drop(self, entry: OutboxEntry) -> None:
        """Finish an entry that changes no incident (a notice)."""

    async def leave(self, entry: OutboxEntry) -> None: ...  # for a worker of a newer release to take over


class Begun(msgspec.Struct, frozen=True):
    """`owned` False: another worker took it over, keep off. `begun_before`: a send of this very attempt was begun once already, by us or another:
    it may be out, so look it up first."""

    owned: bool
    begun_before: bool
    snapshot: Snapshot
    now: datetime


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

    async def finish(self, entries: Sequence[AlertEntry]) -> None:
        """Acknowledge and delete."""

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


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel sends. `id` is unique to the page (`42-3`) or empty for a notice; `code` is the page's reply code; `callback` is where
    receipts go, or empty. `text` says all that matters; a channel with room for more shows `card` instead, with `text` for where it can't
    be shown (a phone's lock screen). `thread` is the same for all messages about an incident, or empty; `link` is a page with buttons to
    answer by, or empty."""

    address: str
    text: str
    id: str = ""
    code: str = ""
    callback: str = ""
    valid_for: timedelta = timedelta(minutes=5)
    card: Card | None = None
    thread: str = ""
    link: str = ""
    subject: str = ""
    urgent: bool = False


class Sent(msgspec.Struct, frozen=True):
    """The provider said yes. `expects_receipt`: it will tell later whether it arrived."""

    receipt: str
    expects_receipt: bool = True
    found: bool = False


class TryAgain(msgspec.Struct, frozen=True):
    """Surely not done; the same provider may do it after `after`."""

    after: timedelta
    why: str


class GiveUp(msgspec.Struct, frozen=True):
    """Will not be done. `fault` says what is worth trying next."""

    why: str
    fault: Fault = Fault.PROVIDER


SendResult = Sent | TryAgain | GiveUp


class Fate(StrEnum):
    """What a provider says became of a message."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Status(msgspec.Struct, frozen=True):
    fate: Fate
    why: str = ""
    fault: Fault = Fault.ADDRESS


class Channel(Protocol):
    """One account at one vendor. Never raises for what the vendor says or for a broken line: that is in the result."""

    name: str
    kind: str

    async def send(self, message: Message) -> SendResult:
        """Returns within the provider's timeout. An ambiguous end (a time-out, a 500) is looked up before it is called anything."""

    async def find(self, message: Message, since: datetime) -> Sent | None:
        """Whether this very message (by its code, to its address) was accepted since then."""

    async def status(self, receipt: str) -> Status: ...

    async def check(self) -> str | None:
        """None when the credentials work, else what is wrong and what to do."""

    async def close(self) -> None: ...


class Post(msgspec.Struct, frozen=True, array_like=True):
    """What is known of an incident's message in a chat channel. `receipt` is the vendor's name for it, empty before it is there; `version` the
    incident's version that it shows, `told` how many entries of the timeline its thread has told. `trying` is set from before a new message is
    asked for until its answer is noted, to how many entries it would have told (1 for the first message): the message may be there already."""

    address: str
    provider: str
    receipt: str = ""
    version: int = 0
    told: int = 0
    trying: int = 0


class Boards(Protocol):
    """Which incidents' chat messages are to be looked at, and what is known of those messages. A commit that says something about an incident
    that `is_shown` puts it there."""

    async def claim(self, limit: int, lease: timedelta) -> list[Claim]:
        """Incidents to look at now, leased to the caller."""

    async def done(self, claim: Claim, version: int) -> None:
        """What `version` of the incident says is shown. Where it has changed since, it is due again."""

    async def again(self, claim: Claim, at: datetime) -> None: ...
    async def posts(self, number: int) -> list[Post]: ...
    async def save(self, number: int, post: Post) -> None: ...


class Board(Protocol):
    """A chat where an incident has one message in a channel, kept up to date, and a thread under it. Never raises for what the vendor says
    or for a broken line. `key` names a message: the same message asked for again has the same key."""

    name: str

    async def post(self, address: str, card: Card, text: str, key: str) -> SendResult:
        """A new message in the channel `address` (`#payments` or the vendor's id)."""

    async def update(self, receipt: str, card: Card, text: str) -> SendResult:
        """Show this card in place of what the message shows. Done twice, it is as if done once."""

    async def reply(self, receipt: str, text: str, key: str) -> SendResult:
        """Several lines into the thread under the message."""

    async def find_post(self, address: str, key: str, since: datetime) -> Sent | None: ...
    async def find_reply(self, receipt: str, key: str) -> Sent | None: ...


class Refusals(Protocol):
    """Remembers wrong codes, by the number they came from."""

    async def wrong(self, address: str) -> int:
        """Count one more; how many within the last 15 minutes."""

    async def count(self, address: str) -> int: ...


class NotLeader(Exception):
    """Another leads meanwhile, and has written: what was asked for is not done."""


class Leader(Protocol):
    """One worker at a time leads, for what only one may do."""

    async def lead(self, lease: timedelta) -> int | None:
        """Become the leader for `lease`, or stay it for so much longer. The fencing token, the same as long as this process leads, and larger
        than any before; None while another one leads. What a leader writes goes with its token, and is refused once a larger one was seen."""

    async def resign(self) -> None:
        """Lead no longer. Does nothing where another leads."""


class Meter(Protocol):
    """What is counted and timed for those who watch from outside."""

    def alerts(self, outcome: str, count: int = 1) -> None: ...
    def page(self, channel: str, result: str) -> None: ...
    def reply(self, channel: str, result: str) -> None: ...

    def paged_after(self, seconds: float) -> None:
        """From the store's acceptance of the alert to the provider's yes, for first pages."""

    def late(self, seconds: float) -> None: ...  # how late a deadline was acted upon
    def conflicts(self, count: int) -> None: ...
    def failure(self, where: str) -> None: ...  # something that should not happen, and was survived
    def left(self, where: str, count: int = 1) -> None: ...  # what can't be read was left to workers of a newer release
