"""Commits of one batch that build on each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from pager.model.incident import Incident
from pager.model.policy import Policy
from pager.model.snapshot import Pointer, Snapshot
from pager.noise.group import PREFIX
from pager.ports import Commit


class Chain:
    """Commits of one batch that share pointers, or an incident: each goes on from what the one before leaves. Where that one conflicts, so do
    those that build on it. Turns taken are counted on."""

    def __init__(self) -> None:
        self._pointers: dict[tuple[int, str], Pointer] = {}
        self._incidents: dict[int, tuple[Incident, Policy | None]] = {}
        self._turns: defaultdict[int, Counter[str]] = defaultdict(Counter)

    def as_left(self, part: int, snapshot: Snapshot, names: Sequence[str]) -> Snapshot:
        """The snapshot with its pointers, and its incident, as they stand now."""
        if taken := self._turns.get(part):
            turns = {schedule: snapshot.turns.get(schedule, 0) + taken[schedule] for schedule in {*snapshot.turns, *taken}}
            snapshot = replace(snapshot, turns=turns)
        if not self._pointers and not self._incidents:
            return snapshot
        changed = {name: self._pointers[part, name] for name in names if (part, name) in self._pointers}
        if changed:
            snapshot = replace(snapshot, pointers={**snapshot.pointers, **changed})
        groups = {p.incident for name, p in snapshot.pointers.items() if name.startswith(PREFIX) and p.incident in self._incidents}
        if groups:
            snapshot = replace(snapshot, groups={**snapshot.groups, **{number: self._incidents[number] for number in groups}})
        if snapshot.incident is not None and snapshot.incident.number in self._incidents:
            incident, policy = self._incidents[snapshot.incident.number]
            snapshot = replace(snapshot, incident=incident, policy=policy)
        return snapshot

    def goes_on(self, part: int, commit: Commit) -> None:
        before, after = commit.before, commit.after
        if commit.turns:
            self._turns[part].update(commit.turns)
        if not (after.pointers or (after.incident is not None and after.incident.group)):
            return
        for name, (was, pointer) in commit.changed_pointers().items():
            self._pointers[part, name] = replace(pointer, version=was.version + 1 if was else 1)
        if after.incident is not None and after.incident is not before.incident:
            version = before.incident.version + 1 if before.incident else 1
            self._incidents[after.incident.number] = replace(after.incident, version=version), after.policy
