"""Incidents: what is loaded, what is written, and when each is to be looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from pager.model.alert import AlertRecord
from pager.model.event import Entry
from pager.model.outgoing import Outgoing, Priority
from pager.model.snapshot import Code, Identity, Pointer, Snapshot, Suffices


class StoreUnavailable(Exception):
    """The store can't be reached, or can't write. Nothing can be said about what was under way."""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One incident's change: all of it is written, or nothing.

    A part (record, incident, policy) that is the same object in `after` as in `before`, or None in both, is neither checked nor written; the
    others are checked against the version in `before` (None: must be absent) and written with the next version. Checked too, all before the
    first write: `fence`, the incident's score in the deadlines is still exactly that of the claim and has not passed; `finishes`, the outbox
    entry is still pending for this worker (it is acknowledged and deleted with the commit); `once`, never seen before. The incident's deadline,
    its place among open or resolved, the counts by state, and whether chats are to be told follow from `after.incident`. With nothing but
    `finishes`, the entry is only finished. `confirmed`: somebody will be told that it is recorded, so it must be wherever that counts.
    A group's alerts are listed under their incident. Pointers are parts, too, each by its name. `relies` are names of pointers that are only
    checked: they are still as in `before`. `joins` puts the incident among those that wait for a name, `wakes` has all that wait for a name
    looked at after that time, and no longer wait. `night_pages`: who was paged in their night, and when; kept for two weeks, at most 50 a
    person. `turns`: schedules of which one more turn is taken; whoever took the same one at the same time is no conflict."""

    before: Snapshot
    after: Snapshot
    entries: tuple[Entry, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    codes: tuple[Code, ...] = ()
    fence: float | None = None
    finishes: tuple[Priority, str] | None = None
    once: str = ""
    confirmed: bool = False
    night_pages: tuple[tuple[str, datetime], ...] = ()
    relies: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    wakes: tuple[tuple[str, timedelta], ...] = ()
    turns: tuple[str, ...] = ()

    def new_member(self) -> Identity | None:
        """The alert that is one more of a group's incident by this."""
        record, incident = self.after.record, self.after.incident
        if record is None or incident is None or not incident.group or record.incident != incident.number:
            return None
        known = self.before.record is not None and self.before.record.incident == incident.number
        return None if known else Identity(record.alert.scope, record.alert.dedup_key)

    def new_mutes(self) -> Iterable[tuple[str, str]]:
        """Kind and rule of each that did not mute the incident before."""
        before, after = self.before.incident, self.after.incident
        if after is None or not after.mutes or (before is not None and after.mutes is before.mutes):
            return ()
        return [(one.kind, one.rule) for one in after.mutes if before is None or one not in before.mutes]

    def relies_on_incident(self) -> bool:
        """A repeat of one of a group's alerts: whoever ends their incident does not write its record, so it must still be as it was read."""
        record, incident = self.after.record, self.after.incident
        if record is None or record is self.before.record or incident is None or incident is not self.before.incident:
            return False
        return record.open and record.member is not None and record.incident == incident.number

    def changed_pointers(self) -> dict[str, tuple[Pointer | None, Pointer]]:
        """By name, before and after."""
        before = self.before.pointers
        return {name: (before.get(name), pointer) for name, pointer in self.after.pointers.items() if pointer is not before.get(name)}


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

    async def pointers(self, names: Sequence[str], part: int = 0) -> list[Pointer | None]:
        """Those of a part of the store, in order. Raises UnreadableError."""

    def part_of(self, scope: str) -> int:
        """The part of the store where everything of this scope is."""

    async def numbers(self, count: int, part: int = 0) -> list[int]:
        """New incident numbers, never handed out before, for incidents of a part."""

    def likely(self, count: int, part: int = 0) -> list[int]:
        """The next numbers of a part as the last `by_identity` saw it. They are not handed out: where somebody else opens an incident by one
        of them first, the commit that does so is a conflict."""

    async def commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        """Each commits or conflicts alone; in order; in one round trip. One may go on from what an earlier one of them leaves: then its `before`
        has the next version."""

    async def members(self, number: int, limit: int) -> list[tuple[Identity, AlertRecord | None]]:
        """The first alerts of a group's incident, in the order in which they came into it, as they are now. Raises UnreadableError."""

    async def timeline(self, number: int) -> list[Entry]: ...
    async def open_numbers(self) -> list[int]:
        """Every incident that is not resolved, ascending."""

    async def suppressed_numbers(self) -> list[int]:
        """Every incident that is suppressed by something that people say or take back, ascending: not by a storm."""

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
