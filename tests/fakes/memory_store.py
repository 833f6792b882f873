"""The store in memory, on a clock that stands still until it is moved: what the Redis adapters do, deterministic and without waiting.

One `MemoryStore` is one installation; `worker(name)` gives a worker's adapters on it. Asking twice for the same name is a restart: what was in hand is
pending. Blocking calls return at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from pager.loops.handoffs import Book
from pager.model.alert import AlertRecord
from pager.model.event import Entry, EntryId
from pager.model.handoff import Memory
from pager.model.incident import Incident
from pager.model.mute import Silence
from pager.model.outgoing import Limit, Outgoing, Priority, SendPage
from pager.model.policy import Policy
from pager.model.rota import RotaFacts, Span
from pager.model.schedule import Override
from pager.model.snapshot import Code, Identity, Pointer, Snapshot, Suffices
from pager.ports import (
    AlertEntry,
    AlertStream,
    Begun,
    Boards,
    Claim,
    Commit,
    DeadLetter,
    Deadlines,
    Incidents,
    Leader,
    NotLeader,
    Outbox,
    OutboxEntry,
    Outcome,
    Post,
    Refusals,
    RotaStore,
    Sending,
    StoreUnavailable,
)

_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PRESENT, CODES, REQUESTS, MARKS, MARKERS = timedelta(seconds=3), timedelta(days=7), timedelta(days=1), timedelta(days=1), timedelta(days=7)
NIGHTS, NIGHTS_MOST = timedelta(days=14), 50

T = TypeVar("T")


class Clock:
    """UTC."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        self.now = start

    def advance(self, by: timedelta) -> None:
        self.now += by

    @property
    def ms(self) -> int:
        return (self.now - _EPOCH) // _MS


LEFT = "left to a newer release"  # there is none here


class _Stream(Generic[T]):
    """With one consumer group. `pending` says who holds what; `moved` are entries that were handed out more than once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: EntryId = (0, 0)
        self._delivered: EntryId = (0, 0)
        self.entries: dict[EntryId, T] = {}
        self.pending: dict[EntryId, str] = {}
        self.added: Callable[[], None] = lambda: None
        """Called after each new entry."""

    def add(self, item: T) -> EntryId:
        ms = max(self._clock.ms, self._last[0])
        self._last = (ms, self._last[1] + 1 if ms == self._last[0] else 0)
        self.entries[self._last] = item
        self.added()
        return self._last

    def new(self, worker: str, limit: int) -> list[EntryId]:
        if self._delivered == self._last:
            return []
        ids = [id_ for id_ in self.entries if id_ > self._delivered][: max(limit, 0)]
        for id_ in ids:
            self._delivered = id_
            self.pending[id_] = worker
        return ids

    def mine(self, worker: str) -> list[EntryId]:
        return sorted(id_ for id_, who in self.pending.items() if who == worker) if self.pending else []

    def take_over(self, worker: str, present: Iterable[str], limit: int) -> list[EntryId]:
        if not self.pending:
            return []
        left = sorted(id_ for id_, who in self.pending.items() if who not in (worker, LEFT) and who not in present)[:limit]
        self.pending.update(dict.fromkeys(left, worker))
        return left

    def leave(self, id_: EntryId, worker: str) -> None:
        if self.pending.get(id_) == worker:
            self.pending[id_] = LEFT

    def finish(self, id_: EntryId) -> bool:
        self.entries.pop(id_, None)
        return self.pending.pop(id_, None) is not None


class MemoryStore:
    """`down` makes every call raise StoreUnavailable."""

    def __init__(self, clock: Clock | None = None, stream: str = "pager:alerts") -> None:
        self.clock = clock or Clock()
        self.down = False
        self.records: dict[Identity, AlertRecord] = {}
        self.incidents: dict[int, Incident] = {}
        self.policies: dict[str, Policy] = {}
        self.scores: dict[int, float] = {}
        self.resolved: dict[int, float] = {}
        self.boards: dict[int, float] = {}
        self.posts: dict[int, dict[str, Post]] = {}
        self.logs: dict[int, list[Entry]] = {}
        self.audit: list[Entry] = []
        self.outboxes = [_Stream[Outgoing](self.clock) for _ in Priority]
        self.alerts = _Stream[dict[bytes, bytes]](self.clock)
        self.retried: set[EntryId] = set()
        self.dead: list[DeadLetter] = []
        self.config: bytes | None = None
        self.last_number = 0
        self.wrong: dict[str, list[datetime]] = {}
        self._kept: dict[tuple[Any, ...], tuple[Any, datetime]] = {}
        self._processes = itertools.count()
        self._workers: set[str] = set()
        self.leader: tuple[int, tuple[str, int], int] | None = None  # token, who, until
        self.leader_token = 0
        self.leader_seen = 0
        self.handoffs = Memory()
        self.overrides: list[tuple[str, Override]] = []
        self.override_number = 0
        self.silences: list[Silence] = []
        self.silence_number = 0
        self.calendars: dict[str, tuple[Span, ...]] = {}
        self.night_pages: dict[str, tuple[datetime, ...]] = {}
        self.rota_version = 0
        self.turns: dict[str, int] = {}
        self.waiting: dict[str, set[int]] = {}
        self._limits: dict[str, datetime] = {}
        self.members: dict[int, list[Identity]] = {}

    def worker(self, name: str) -> MemoryWorker:
        self._workers.add(name)
        return MemoryWorker(self, name, next(self._processes))

    def reach(self) -> None:
        if self.down:
            raise StoreUnavailable("the store is down")

    def wait_for(self, limit: Limit) -> timedelta:
        """How long until there is room again: not past 0, where there is."""
        return self._paid(limit) - limit.every * (limit.burst - 1) - self.clock.now

    def spend(self, limit: Limit) -> None:
        self._limits[limit.name] = self._paid(limit) + limit.every

    def _paid(self, limit: Limit) -> datetime:
        now = self.clock.now
        paid = self._limits[limit.name] = min(self._limits.get(limit.name, now), now + limit.every * limit.burst)
        return max(paid, now)

    # --- what is kept for a while -----------------------------------------------------------------------------------------------------
    def keep(self, key: tuple[Any, ...], value: Any, kept: timedelta) -> None:
        self._kept[key] = (value, self.clock.now + kept)

    def kept(self, key: tuple[Any, ...]) -> Any:
        value, until = self._kept.get(key, (None, self.clock.now))
        return value if until > self.clock.now else None

    def drop(self, key: tuple[Any, ...]) -> None:
        self._kept.pop(key, None)

    def present(self) -> set[str]:
        return {worker for worker in self._workers if self.kept(("worker", worker))}

    def fenced(self, token: int) -> None:
        if token < self.leader_seen:
            raise NotLeader(f"a leader after {token} was here")
        self.leader_seen = token

    # --- leases -----------------------------------------------------------------------------------------------------------------------
    def lease(self, scores: dict[int, float], limit: int, lease: timedelta) -> list[Claim]:
        due = sorted((score, number) for number, score in scores.items() if score <= self.clock.ms)[:limit]
        fence = float(self.clock.ms + max(1, lease // _MS))
        scores.update({number: fence for _, number in due})
        return [Claim(number, fence, _EPOCH + score * _MS) for score, number in due]

    # --- snapshots --------------------------------------------------------------------------------------------------------------------
    def record(self, identity: Identity) -> AlertRecord | None:
        record = self.records.get(identity)
        marker_is_over = record is not None and record.incident == 0 and self.kept(("marker", identity)) is None
        return None if marker_is_over else record

    def by_identity(self, identity: Identity) -> Snapshot:
        record = self.record(identity)
        return self._snapshot(record, self.incidents.get(record.incident) if record else None)

    def by_number(self, number: int) -> Snapshot:
        incident = self.incidents.get(number)
        return self._snapshot(self.record(Identity(incident.scope, incident.dedup_key)) if incident else None, incident)

    def _snapshot(self, record: AlertRecord | None, incident: Incident | None) -> Snapshot:
        return Snapshot(record, incident, self.policies.get(incident.policy_ref) if incident else None, turns=dict(self.turns))

    # --- committing -------------------------------------------------------------------------------------------------------------------
    def commit(self, commit: Commit, worker: str, moved: set[int]) -> Outcome:
        outcome = self._check(commit, worker, moved)
        if outcome is Outcome.DONE:
            self._write(commit)
            moved.update({commit.after.incident.number} if commit.after.incident is not None else ())
        return outcome

    def _check(self, commit: Commit, worker: str, moved: set[int]) -> Outcome:
        before, after = commit.before, commit.after
        if commit.once and self.kept(("once", commit.once)):
            return Outcome.REPLAYED
        if commit.finishes is not None:
            priority, id_ = commit.finishes
            if self.outboxes[priority].pending.get(entry_id(id_)) != worker:
                return Outcome.STALE
        if commit.fence is not None and before.incident is not None:
            number = before.incident.number
            if number in moved:
                return Outcome.CONFLICT
            if self.scores.get(number) != commit.fence or commit.fence <= self.clock.ms:
                return Outcome.STALE
        record, incident = after.record, after.incident
        if record is not None and record is not before.record and _version(self.record(_identity(record))) != _version(before.record):
            return Outcome.CONFLICT
        changed = incident is not None and incident is not before.incident
        if incident is not None and changed and _version(self.incidents.get(incident.number)) != _version(before.incident):
            return Outcome.CONFLICT
        if (
            commit.relies_on_incident()
            and before.incident
            and _version(self.incidents.get(before.incident.number)) != before.incident.version
        ):
            return Outcome.CONFLICT
        relied = {name: was for name, (was, _) in commit.changed_pointers().items()} | {n: before.pointers.get(n) for n in commit.relies}
        if any(_version(self.pointer(name)) != _version(was) for name, was in relied.items()):
            return Outcome.CONFLICT
        return Outcome.DONE

    def pointer(self, name: str) -> Pointer | None:
        found: Pointer | None = self.kept(("pointer", name))
        return found

    def _write(self, commit: Commit) -> None:
        before, after = commit.before, commit.after
        if after.record is not None and after.record is not before.record:
            self.records[_identity(after.record)] = replace(after.record, version=_version(before.record) + 1)
            if after.record.incident == 0:
                self.keep(("marker", _identity(after.record)), True, MARKERS)
        if after.incident is not None and after.incident is not before.incident:
            self.incidents[after.incident.number] = replace(after.incident, version=_version(before.incident) + 1)
            self.last_number = max(self.last_number, after.incident.number)
            if after.policy is not None:
                self.policies.setdefault(after.incident.policy_ref, after.policy)
        if (member := commit.new_member()) is not None and after.incident is not None:
            self.members.setdefault(after.incident.number, []).append(member)
        if after.incident is not None and (commit.fence is not None or after.incident is not before.incident):
            self._arm(after.incident, changed=after.incident is not before.incident)
        for name, (was, pointer) in commit.changed_pointers().items():
            self.keep(("pointer", name), replace(pointer, version=_version(was) + 1), MARKERS)
        for name in commit.joins:
            self.waiting.setdefault(name, set()).add(after.incident.number if after.incident else 0)
        for name, grace in commit.wakes:
            soon = float(self.clock.ms + grace // _MS)
            self.scores.update({n: min(soon, self.scores.get(n, soon)) for n in self.waiting.pop(name, set())})
        for entry in commit.entries:
            self.audit.append(entry)
            if after.incident is not None:
                self.logs.setdefault(after.incident.number, []).append(entry)
        if commit.entries and after.incident is not None and after.incident.is_shown:
            self.boards.setdefault(after.incident.number, float(self.clock.ms))
        for item in commit.outgoing:
            self.outboxes[item.priority].add(item)
        for code in commit.codes:
            self.keep(("code", code.address, code.code.upper()), code, CODES)
        for schedule in commit.turns:
            self.turns[schedule] = self.turns.get(schedule, 0) + 1
        for user, at in commit.night_pages:
            kept = [page for page in self.night_pages.get(user, ()) if page > self.clock.now - NIGHTS]
            self.night_pages[user] = (*kept, at)[-NIGHTS_MOST:]
            self.rota_version += 1
        if commit.once:
            self.keep(("once", commit.once), True, REQUESTS)
        if commit.finishes is not None:
            self.outboxes[commit.finishes[0]].finish(entry_id(commit.finishes[1]))

    def _arm(self, incident: Incident, changed: bool) -> None:
        number, at = incident.number, incident.next_deadline
        if not incident.is_open:
            self.scores.pop(number, None)
            if changed:
                self.resolved.setdefault(number, _score(incident.resolved_at or incident.since))
            return
        if at is None and changed:
            raise ValueError(f"incident {number} is {incident.state} and has no deadline")
        self.resolved.pop(number, None)
        if at is not None and (changed or _score(at) > self.clock.ms):
            self.scores[number] = _score(at)


class _Adapter:
    def __init__(self, store: MemoryStore, name: str, process: int) -> None:
        self._store = store
        self._name = name
        self._process = process

    async def now(self) -> datetime:
        self._store.reach()
        return self._store.clock.now


class MemoryIncidents(_Adapter):
    _counted = 0

    async def by_identity(self, identities: Sequence[Identity], suffices: Suffices | None = None) -> tuple[datetime, list[Snapshot]]:
        self._counted = self._store.last_number  # as the last load saw it
        found = [(identity, self._store.by_identity(identity)) for identity in identities]
        return await self.now(), [
            Snapshot(snap.record, turns=snap.turns) if suffices and snap.record and suffices(identity, snap.record) else snap
            for identity, snap in found
        ]

    async def by_number(self, numbers: Sequence[int]) -> tuple[datetime, list[Snapshot]]:
        return await self.now(), [self._store.by_number(number) for number in numbers]

    async def pointers(self, names: Sequence[str], part: int = 0) -> list[Pointer | None]:
        self._store.reach()
        return [self._store.pointer(name) for name in names]

    def part_of(self, scope: str) -> int:
        return 0

    async def numbers(self, count: int, part: int = 0) -> list[int]:
        self._store.reach()
        first = self._store.last_number + 1
        self._store.last_number += max(count, 0)
        return list(range(first, self._store.last_number + 1))

    def likely(self, count: int, part: int = 0) -> list[int]:
        return list(range(self._counted + 1, self._counted + count + 1))

    async def commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        self._store.reach()
        moved = set[int]()
        return [self._store.commit(commit, self._name, moved) for commit in commits]

    async def members(self, number: int, limit: int) -> list[tuple[Identity, AlertRecord | None]]:
        self._store.reach()
        return [(identity, self._store.record(identity)) for identity in self._store.members.get(number, ())[:limit]]

    async def timeline(self, number: int) -> list[Entry]:
        self._store.reach()
        return list(self._store.logs.get(number, ()))

    async def open_numbers(self) -> list[int]:
        self._store.reach()
        return sorted(self._store.scores)

    async def suppressed_numbers(self) -> list[int]:
        self._store.reach()
        return sorted(number for number, incident in self._store.incidents.items() if incident.waits_for_a_word)

    async def resolved_numbers(self, limit: int) -> list[int]:
        self._store.reach()
        return [number for _, number in sorted(((at, n) for n, at in self._store.resolved.items()), reverse=True)][: max(limit, 0)]

    async def counts(self) -> dict[str, int]:
        self._store.reach()
        states = [incident.state.value for incident in self._store.incidents.values()]
        return {state: states.count(state) for state in sorted(set(states))}

    async def code(self, address: str, code: str) -> Code | None:
        self._store.reach()
        found: Code | None = self._store.kept(("code", address, code.upper()))
        return found

    async def secret(self) -> bytes:
        self._store.reach()
        return bytes(range(32))

    async def save_config(self, config: bytes) -> None:
        self._store.reach()
        self._store.config = config

    async def load_config(self) -> bytes | None:
        self._store.reach()
        return self._store.config


class MemoryDeadlines(_Adapter):
    async def claim(self, limit: int, lease: timedelta) -> tuple[datetime, list[Claim]]:
        return await self.now(), self._store.lease(self._store.scores, limit, lease)

    async def next_at(self) -> datetime | None:
        self._store.reach()
        return _EPOCH + min(self._store.scores.values()) * _MS if self._store.scores else None

    async def wait(self, limit: timedelta) -> None:
        """Nobody is there to arm anything meanwhile."""


class MemoryOutbox(_Adapter):
    def __init__(self, store: MemoryStore, name: str, process: int) -> None:
        super().__init__(store, name, process)
        self._handed: set[tuple[Priority, EntryId]] = set()

    async def take(self, limit: int, wait: timedelta) -> list[OutboxEntry]:
        self._store.reach()
        streams = list(zip(Priority, self._store.outboxes, strict=True))
        again = [(p, i) for p, stream in streams for i in stream.mine(self._name) if (p, i) not in self._handed][:limit]
        taken = [self._entry(p, i, redelivered=True) for p, i in again] or self._inherited(limit)
        for priority, stream in streams if not taken or not taken[0].redelivered else ():
            taken += [self._entry(priority, id_) for id_ in stream.new(self._name, limit - len(taken))]
        return taken

    async def critical(self, limit: int) -> list[OutboxEntry]:
        self._store.reach()
        return [self._entry(Priority.CRITICAL, id_) for id_ in self._store.outboxes[Priority.CRITICAL].new(self._name, limit)]

    def _inherited(self, limit: int) -> list[OutboxEntry]:
        taken: list[OutboxEntry] = []
        for priority, stream in zip(Priority, self._store.outboxes, strict=True):
            left = stream.take_over(self._name, self._store.present(), limit - len(taken))
            taken += [self._entry(priority, id_, redelivered=True) for id_ in left]
        return taken

    def _entry(self, priority: Priority, id_: EntryId, redelivered: bool = False) -> OutboxEntry:
        self._handed.add((priority, id_))
        return OutboxEntry(priority, _text(id_), self._store.outboxes[priority].entries[id_], redelivered)

    def unheard(self, entries: Sequence[OutboxEntry]) -> None:
        """The answer to a `take` was lost on its way: what it handed over is pending, and not in hand."""
        self._handed.difference_update((entry.priority, entry_id(entry.id)) for entry in entries)

    async def begin(self, entries: Sequence[OutboxEntry]) -> list[Begun]:
        return [begun for [begun] in await self.start([Sending((entry,)) for entry in entries])]

    async def start(self, sendings: Sequence[Sending]) -> list[list[Begun]]:
        self._store.reach()
        return [self._start(sending) for sending in sendings]

    def _start(self, sending: Sending) -> list[Begun]:
        again = any(self._marks(entry)[-1:] == [self._mark(entry, sending)] for entry in sending.entries)
        limits = () if sending.look or again else sending.limits
        wait = max([self._store.wait_for(limit) for limit in limits], default=timedelta(0))
        begun = [self._begin(entry, sending, wait) for entry in sending.entries]
        if wait <= timedelta(0) and not sending.look and any(each.owned for each in begun):
            for limit in limits:
                self._store.spend(limit)
            for code in sending.codes:
                self._store.keep(("code", code.address, code.code.upper()), code, CODES)
        return begun

    def _begin(self, entry: OutboxEntry, sending: Sending, wait: timedelta) -> Begun:
        owned = self._store.outboxes[entry.priority].pending.get(entry_id(entry.id)) == self._name
        snapshot, now = self._store.by_number(entry.item.incident), self._store.clock.now
        if not owned or wait > timedelta(0):
            return Begun(owned=owned, begun_before=False, snapshot=snapshot, now=now, wait=wait if owned else None)
        mine, before = self._mark(entry, sending), self._marks(entry)
        if not sending.look and isinstance(entry.item, SendPage) and before[-1:] != [mine]:
            self._store.keep(_mark_of(entry.item), [*before, mine], MARKS)
        leads = tuple(dict.fromkeys(lead for *_, lead in before if lead))
        others = [one for one in before if one != mine]
        return Begun(owned=owned, begun_before=bool(others), snapshot=snapshot, now=now, leads=leads if others else ())

    def _mark(self, entry: OutboxEntry, sending: Sending) -> tuple[Any, ...]:
        return self._process, entry.priority, entry.id, sending.lead

    def _marks(self, entry: OutboxEntry) -> list[tuple[Any, ...]]:
        return (self._store.kept(_mark_of(entry.item)) if isinstance(entry.item, SendPage) else None) or []

    async def drop(self, *entries: OutboxEntry) -> None:
        self._store.reach()
        empty = Snapshot()
        for entry in entries:
            self._store.commit(Commit(before=empty, after=empty, finishes=(entry.priority, entry.id)), self._name, set())

    async def leave(self, entry: OutboxEntry) -> None:
        self._store.reach()
        self._store.outboxes[entry.priority].leave(entry_id(entry.id), self._name)


def _mark_of(item: SendPage) -> tuple[Any, ...]:
    return "sent", item.incident, item.seq, item.attempt


class MemoryAlerts(_Adapter):
    _seen: EntryId = (0, 0)

    async def take(self, limit: int, wait: timedelta) -> tuple[EntryId, list[AlertEntry]]:
        self._store.reach()
        stream = self._store.alerts
        ids = stream.mine(self._name)[:limit] or stream.take_over(self._name, self._store.present(), limit) or stream.new(self._name, limit)
        entries = [self._entry(id_) for id_ in ids]
        if not entries:
            return (0, 0), []
        return min([*stream.pending, *self._store.retried, *(entry.id for entry in entries)]), entries

    def unheard(self, entries: Sequence[AlertEntry]) -> None:
        """As in the outbox; what is pending is read again in any case."""

    async def ahead(self, limit: int) -> list[AlertEntry]:
        self._store.reach()
        stream = self._store.alerts
        after = max([self._seen, *stream.mine(self._name)])
        ids = [id_ for id_ in stream.entries if id_ > after][:limit]
        self._seen = max([self._seen, *ids])
        return [self._entry(id_) for id_ in ids]

    def _entry(self, id_: EntryId) -> AlertEntry:
        fields = dict(self._store.alerts.entries[id_])
        first = entry_id(fields.pop(b"pagerd-id", _text(id_).encode()).decode())
        return AlertEntry(first, fields, _text(id_))

    async def finish(self, entries: Sequence[AlertEntry]) -> None:
        self._store.reach()
        for entry in entries:
            self._store.alerts.finish(entry_id(entry.stream_id))
            self._store.retried.discard(entry.id)

    async def settle(self) -> None:
        """Nothing is put off here: a crash before `finish` leaves the same behind."""
        self._store.reach()

    async def bury(self, letters: Sequence[tuple[AlertEntry, str]]) -> None:
        self._store.reach()
        for entry, reason in letters:
            if self._store.alerts.finish(entry_id(entry.stream_id)):
                self._store.dead.append(DeadLetter(_text(entry.id), reason, dict(entry.fields), self._store.clock.now))
            self._store.retried.discard(entry.id)

    async def leave(self, entries: Sequence[AlertEntry]) -> None:
        self._store.reach()
        for entry in entries:
            self._store.alerts.leave(entry_id(entry.stream_id), self._name)

    async def backlog(self) -> int:
        self._store.reach()
        return len(self._store.alerts.entries)

    async def add(self, fields: Mapping[str, str]) -> str:
        self._store.reach()
        return _text(self._store.alerts.add({name.encode(): value.encode(errors="replace") for name, value in fields.items()}))

    async def add_many(self, alerts: Sequence[Mapping[str, str]]) -> list[str]:
        return [await self.add(fields) for fields in alerts]

    async def dead(self) -> list[DeadLetter]:
        self._store.reach()
        return list(self._store.dead)

    async def retry(self, ids: Sequence[str]) -> list[str]:
        self._store.reach()
        moved = [letter for letter in self._store.dead if letter.id in set(ids)]
        self._store.dead = [letter for letter in self._store.dead if letter not in moved]
        for letter in moved:
            self._store.alerts.add({b"pagerd-id": letter.id.encode(), **letter.fields})
            self._store.retried.add(entry_id(letter.id))
        return [letter.id for letter in moved]


class MemoryPresence(_Adapter):
    async def refresh(self) -> None:
        self._store.reach()
        self._store.keep(("worker", self._name), True, PRESENT)

    async def leave(self) -> None:
        self._store.reach()
        self._store.drop(("worker", self._name))


class MemoryBoards(_Adapter):
    async def claim(self, limit: int, lease: timedelta) -> list[Claim]:
        self._store.reach()
        return self._store.lease(self._store.boards, limit, lease)

    async def done(self, claim: Claim, version: int) -> None:
        self._store.reach()
        incident = self._store.incidents.get(claim.number)
        if incident is not None and incident.version != version:
            self._due(claim, float(self._store.clock.ms))
        elif self._store.boards.get(claim.number) == claim.fence:
            del self._store.boards[claim.number]

    async def again(self, claim: Claim, at: datetime) -> None:
        self._store.reach()
        self._due(claim, _score(at))

    def _due(self, claim: Claim, at: float) -> None:
        if self._store.boards.get(claim.number) == claim.fence:
            self._store.boards[claim.number] = at

    async def posts(self, number: int) -> list[Post]:
        self._store.reach()
        return list(self._store.posts.get(number, {}).values())

    async def save(self, number: int, post: Post) -> None:
        self._store.reach()
        self._store.posts.setdefault(number, {})[post.address] = post


class MemoryRefusals(_Adapter):
    async def wrong(self, address: str) -> int:
        self._store.wrong.setdefault(address, []).append(await self.now())
        return await self.count(address)

    async def count(self, address: str) -> int:
        since = await self.now() - timedelta(minutes=15)
        return len([at for at in self._store.wrong.get(address, ()) if at > since])


class MemorySweeper(_Adapter):
    async def sweep(self, cursor: int = 0, count: int = 1000) -> MemorySwept:
        """All of it in one step."""
        self._store.reach()
        repaired = [n for n, incident in self._store.incidents.items() if incident.is_open and n not in self._store.scores]
        self._store.scores.update(dict.fromkeys(repaired, float(self._store.clock.ms)))
        return MemorySwept(0, len(self._store.incidents), repaired)

    async def trim_audit(self, before: datetime, token: int) -> None:
        self._store.reach()
        self._store.fenced(token)

    async def retire(self, before: datetime, token: int, count: int = 200) -> int:
        self._store.reach()
        over = [number for number, at in sorted(self._store.resolved.items(), key=lambda i: i[1]) if at < _score(before)][:count]
        if over:
            self._store.fenced(token)
        for number in over:
            incident = self._store.incidents.pop(number)
            del self._store.resolved[number]
            self._store.logs.pop(number, None)
            self._store.posts.pop(number, None)
            record = self._store.records.get(Identity(incident.scope, incident.dedup_key))
            if record is not None and record.incident == number:
                del self._store.records[_identity(record)]
        return len(over)


class MemoryHandbook(_Adapter):
    async def load(self) -> Memory:
        self._store.reach()
        return self._store.handoffs

    async def save(self, memory: Memory, token: int) -> None:
        self._store.reach()
        self._store.fenced(token)
        self._store.handoffs = memory


class MemoryLeader(_Adapter):
    async def lead(self, lease: timedelta) -> int | None:
        self._store.reach()
        now, held = self._store.clock.ms, self._store.leader
        if held is not None and held[2] > now and held[1] != (self._name, self._process) and held[1][0] != self._name:
            return None
        if held is None or held[2] <= now or held[1] != (self._name, self._process):
            self._store.leader_token = max(now, self._store.leader_token + 1)
        self._store.leader = (self._store.leader_token, (self._name, self._process), now + lease // timedelta(milliseconds=1))
        return self._store.leader_token

    async def resign(self) -> None:
        self._store.reach()
        if self._store.leader is not None and self._store.leader[1] == (self._name, self._process):
            self._store.leader = None


class MemoryRota(_Adapter):
    async def facts(self, known: int = 0) -> RotaFacts | None:
        self._store.reach()
        store = self._store
        if store.rota_version == known:
            return None
        by_schedule: dict[str, tuple[Override, ...]] = {}
        for schedule, override in store.overrides:
            by_schedule[schedule] = (*by_schedule.get(schedule, ()), override)
        return RotaFacts(
            overrides=by_schedule,
            silences=tuple(store.silences),
            calendars=dict(store.calendars),
            night_pages=dict(store.night_pages),
            version=store.rota_version,
        )

    async def wait(self, limit: timedelta) -> None:
        """Nobody is there to change anything meanwhile."""

    async def add_override(self, schedule: str, override: Override, said: Entry) -> Override:
        self._store.reach()
        self._store.override_number += 1
        kept = replace(override, id=str(self._store.override_number))
        self._store.overrides.append((schedule, kept))
        self._changed(replace(said, what=f"override {kept.id}: {said.what}"))
        return kept

    async def remove_override(self, id_: str, said: Entry) -> bool:
        self._store.reach()
        left = [(schedule, override) for schedule, override in self._store.overrides if override.id != id_]
        if len(left) == len(self._store.overrides):
            return False
        self._store.overrides = left
        self._changed(replace(said, what=f"override {id_}: {said.what}"))
        return True

    async def add_silence(self, silence: Silence, said: Entry) -> Silence:
        self._store.reach()
        self._store.silence_number += 1
        kept = replace(silence, id=str(self._store.silence_number))
        self._store.silences.append(kept)
        self._changed(replace(said, what=f"silence {kept.id}: {said.what}"))
        return kept

    async def end_silence(self, id_: str, at: datetime, said: Entry) -> Silence | None:
        self._store.reach()
        known = next((silence for silence in self._store.silences if silence.id == id_ and silence.end > at), None)
        if known is None:
            return None
        ended = replace(known, start=min(known.start, at), end=at, ended_by=said.who)
        self._store.silences[self._store.silences.index(known)] = ended
        self._changed(replace(said, what=f"silence {id_}: {said.what}"))
        return ended

    async def drop_ended(self, before: datetime, token: int) -> int:
        self._store.reach()
        overrides = [(schedule, override) for schedule, override in self._store.overrides if override.end >= before]
        silences = [silence for silence in self._store.silences if silence.end >= before]
        dropped = len(self._store.overrides) - len(overrides) + len(self._store.silences) - len(silences)
        if dropped:
            self._store.fenced(token)
            self._store.overrides, self._store.silences = overrides, silences
            self._changed()
        return dropped

    async def save_calendar(self, name: str, spans: tuple[Span, ...] | None, token: int) -> None:
        self._store.reach()
        self._store.fenced(token)
        self._store.calendars.pop(name, None)
        if spans is not None:
            self._store.calendars[name] = spans
        self._changed()

    def _changed(self, *said: Entry) -> None:
        self._store.audit.extend(said)
        self._store.rota_version += 1


class MemorySwept(msgspec.Struct, frozen=True):
    cursor: int
    looked_at: int
    repaired: list[int]


class MemoryWorker:
    """All adapters of one worker process."""

    def __init__(self, store: MemoryStore, name: str, process: int) -> None:
        self.incidents: Incidents = MemoryIncidents(store, name, process)
        self.deadlines: Deadlines = MemoryDeadlines(store, name, process)
        self.outbox: Outbox = MemoryOutbox(store, name, process)
        self.boards: Boards = MemoryBoards(store, name, process)
        self.alerts: AlertStream = MemoryAlerts(store, name, process)
        self.presence = MemoryPresence(store, name, process)
        self.refusals: Refusals = MemoryRefusals(store, name, process)
        self.sweeper = MemorySweeper(store, name, process)
        self.leader: Leader = MemoryLeader(store, name, process)
        self.handbook: Book = MemoryHandbook(store, name, process)
        self.rota: RotaStore = MemoryRota(store, name, process)


def entry_id(text: str) -> EntryId:
    ms, _, sequence = text.partition("-")
    return int(ms), int(sequence)


def _text(id_: EntryId) -> str:
    return f"{id_[0]}-{id_[1]}"


def _identity(record: AlertRecord) -> Identity:
    return Identity(record.alert.scope, record.alert.dedup_key)


def _version(part: AlertRecord | Incident | Pointer | None) -> int:
    return part.version if part is not None else 0


def _score(at: datetime) -> float:
    """Whole milliseconds, rounded up."""
    return float(-((_EPOCH - at) // _MS))
