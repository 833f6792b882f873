"""Commits as the flat keys and arguments of `lua/commit.lua`, which says what the operations mean."""

from __future__ import annotations

from collections.abc import Set
from datetime import timedelta
from typing import TypeVar

from pager.model.alert import AlertRecord
from pager.model.incident import Incident, State
from pager.model.snapshot import Pointer
from pager.ports import Commit
from pager.store import codec
from pager.store.codec import Codec
from pager.store.connection import Arg
from pager.store.keys import OUTBOX_GROUP, Keys
from pager.store.scores import milliseconds
from pager.store.shards import ONE, Shards

CODES_KEPT = timedelta(days=7)
REQUESTS_KEPT = timedelta(days=1)
MARKERS_KEPT = timedelta(days=7)
"""How long an acknowledge or resolve that knows no incident waits for a late trigger."""

Part = TypeVar("Part", AlertRecord, Incident, Pointer)


class Batch:
    """Commits for one call of the script. `policies` are the refs that the store has for sure, `new_policies` those that come with it."""

    def __init__(self, keys: Keys, worker: str, policies: Set[str], shards: Shards = ONE) -> None:
        self._keys = keys
        self._shards = shards
        self._worker = worker
        self._known = policies
        self.new_policies: set[str] = set()
        self._count = 0
        self._checked: list[Arg] = []
        self._written: list[Arg] = []
        self._fenced: list[Arg] = []
        self._args: list[Arg] = []

    def add(self, commit: Commit) -> None:
        """Raises ValueError for an incident that is open and has no deadline: nobody would ever look at it again."""
        start = len(self._args)
        self._args += (_number(commit), 0)
        operations = self._checks(commit) + self._puts(commit) + self._moves(commit) + self._says(commit) + self._counts(commit)
        self._args[start + 1] = operations
        self._count += 1

    def call(self) -> tuple[list[Arg], list[Arg]]:
        """KEYS and ARGV."""
        keys = self._keys
        fixed: list[Arg] = [
            keys.deadlines,
            keys.resolved,
            keys.audit,
            keys.counts,
            *keys.outboxes,
            keys.boards,
            keys.suppressed,
            keys.number,
        ]
        kept: list[Arg] = [int(kept.total_seconds()) for kept in (CODES_KEPT, REQUESTS_KEPT, MARKERS_KEPT)]
        head: list[Arg] = [self._count, OUTBOX_GROUP, self._worker, *kept, keys.wake, len(self._checked), len(self._fenced)]
        return fixed + self._checked + self._written, head + self._fenced + self._args

    # Each of these returns how many operations it added.
    def _checks(self, commit: Commit) -> int:
        count = 0
        if commit.once:
            self._checked.append(self._keys.once(commit.once))
            self._args += ("once", "")
            count += 1
        if commit.finishes is not None:
            priority, entry = commit.finishes
            self._args += ("mine", int(priority), entry)
            count += 1
        if commit.fence is not None and (incident := commit.before.incident) is not None:
            self._fenced.append(incident.number)
            self._args += ("fence", _score(commit.fence))
            count += 1
        return count

    def _puts(self, commit: Commit) -> int:
        """Record, incident and pointers: first all checks, then all values."""
        before, after = commit.before, commit.after
        puts: list[Arg] = []
        if after.record is not None and after.record is not before.record:
            self._check(self._keys.alert(after.record.alert.scope, after.record.alert.dedup_key), before.record)
            puts += ("put" if after.record.incident else "mark", _next(codec.records, before.record, after.record))
        if after.incident is not None and after.incident is not before.incident:
            self._check(self._keys.incident(after.incident.number), before.incident)
            puts += ("put", _next(codec.incidents, before.incident, after.incident))
        for name, (was, pointer) in commit.changed_pointers().items() if after.pointers else ():
            self._check(self._keys.pointer(name), was)
            puts += ("mark", _next(codec.pointers, was, pointer))
        for name in commit.relies:
            self._check(self._keys.pointer(name), before.pointers.get(name))
        relied = len(commit.relies)
        if commit.relies_on_incident() and before.incident is not None:
            self._check(self._keys.incident(before.incident.number), before.incident)
            relied += 1
        self._args += puts
        return len(puts) + relied + self._policy(commit)  # as many checks as puts, and a put is two arguments

    def _check(self, key: str, before: AlertRecord | Incident | Pointer | None) -> None:
        self._checked.append(key)
        self._args += ("is", codec.prefix(before.version) if before is not None and before.version else b"")

    def _policy(self, commit: Commit) -> int:
        incident, policy = commit.after.incident, commit.after.policy
        if incident is None or policy is None or incident is commit.before.incident:
            return 0
        ref = incident.policy_ref
        if ref in self._known or ref in self.new_policies:
            return 0
        self.new_policies.add(ref)
        self._written.append(self._keys.policy(ref))
        self._args += ("also", codec.policies.encode(policy))
        return 1

    def _moves(self, commit: Commit) -> int:
        """The deadline, open or resolved, and the counts: all follow from the incident."""
        before, after = commit.before.incident, commit.after.incident
        if after is None:
            return 0
        if after is before:
            return self._rearm(after) if commit.fence is not None else 0
        was, is_open = before.is_open if before else None, after.is_open
        self._deadline(after)
        count = 1
        if before is None:
            self._args += ("new", self._shards.counted(after.number))
            count += 1
        if not is_open and was is not False:
            self._args += ("ended", milliseconds(after.resolved_at or after.since))
            count += 1
        elif is_open and was is False:
            self._args += ("opened", "")
            count += 1
        if before is None or before.state is not after.state:
            self._args += ("state", before.state.value if before else "", after.state.value)
            count += 1
        waited = before is not None and before.waits_for_a_word
        # A release before this one had those in that a storm holds back: out with them, too.
        if after.waits_for_a_word is not waited or (before is not None and before.state is State.SUPPRESSED is not after.state):
            self._args += ("held", "1" if after.waits_for_a_word else "0")
            count += 1
        return count

    def _deadline(self, incident: Incident) -> None:
        if not incident.is_open:
            self._args += ("done", "")
            return
        at = incident.next_deadline
        if at is None:
            raise ValueError(f"incident {incident.number} is {incident.state} and has no deadline")
        self._args += ("due", milliseconds(at))

    def _rearm(self, incident: Incident) -> int:
        """A claim that led to no change: the lease gives way to the deadline. Where that has passed it stays, so that nothing spins."""
        if not incident.is_open:
            self._args += ("done", "")
        elif incident.next_deadline is not None:
            self._args += ("again", milliseconds(incident.next_deadline))
        else:
            return 0
        return 1

    def _says(self, commit: Commit) -> int:
        count = 0
        number = commit.after.incident.number if commit.after.incident else 0
        if commit.entries and number:
            self._written.append(self._keys.log(number))
            self._args += ("log", codec.entries.encode(commit.entries))
            count += 1
            if commit.after.incident is not None and commit.after.incident.is_shown:
                self._args += ("show", "")
                count += 1
        elif commit.entries:
            self._args += ("audit", codec.entries.encode(commit.entries))
            count += 1
        for item in commit.outgoing:
            self._args += ("send", int(item.priority), codec.outgoing.encode(item))
        for code in commit.codes:
            self._written.append(self._keys.code(code.address, code.code))
            self._args += ("code", codec.codes.encode(code))
        return count + len(commit.outgoing) + len(commit.codes)

    def _counts(self, commit: Commit) -> int:
        for user, at in commit.night_pages:
            self._written += (self._keys.nights(user), self._keys.night_people, self._keys.rota_version)
            self._args += ("night", user, milliseconds(at))
        if (member := commit.new_member()) is not None and commit.after.incident is not None:
            self._written.append(self._keys.members(commit.after.incident.number))
            self._args += ("member", codec.identities.encode(member))
        for name in commit.joins:
            self._written.append(self._keys.waiting(name))
            self._args += ("join", "")
        for name, grace in commit.wakes:
            self._written.append(self._keys.waiting(name))
            self._args += ("wake", int(grace.total_seconds() * 1000))
        for schedule in commit.turns:
            self._written.append(self._keys.turns)
            self._args += ("turn", schedule)
        return (member is not None) + len(commit.night_pages) + len(commit.joins) + len(commit.wakes) + len(commit.turns)


def _number(commit: Commit) -> int:
    incident = commit.after.incident
    if incident is not None:
        return incident.number
    return commit.entries[0].incident if commit.entries else 0


def _next(part: Codec[Part], before: Part | None, after: Part) -> bytes:
    return part.encode(after, before.version + 1 if before is not None else 1)


def _score(fence: float) -> str:
    return str(int(fence)) if fence == int(fence) else repr(fence)
