"""The one writer: load what a decision depends on, decide, commit. A conflict means that somebody else was first: load and decide again."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from pager.advance.chain import Chain
from pager.decide import Decision, Rules, decide, in_turn, needs
from pager.escalate.draft import NOTHING_SHARED, Shared
from pager.model.alert import Action, Alert, Severity
from pager.model.event import AlertSeen, Answer, Entry, Event
from pager.model.incident import Page
from pager.model.outgoing import Notice, Outgoing, Priority, SendPage
from pager.model.snapshot import Code, Identity, Pointer, Snapshot, UnreadableError
from pager.noise.dedup import Meaning, only_repeats, settled
from pager.noise.group import PREFIX
from pager.notify.codes import page_code
from pager.notify.telling import dead_letter_notice
from pager.ports import Commit, Incidents, Meter, Outcome

_WARY = 100  # rounds after a conflict in which numbers are handed out before they are used
_ROUNDS = 50  # of conflicts before a change is called impossible; each round somebody's change went through


class Item(msgspec.Struct, frozen=True):
    """An event about an incident, with what its commit is bound to (see Commit)."""

    number: int
    event: Event
    fence: float | None = None
    finishes: tuple[Priority, str] | None = None
    once: str = ""
    confirmed: bool = False


class Advanced(msgspec.Struct, frozen=True):
    outcome: Outcome
    answer: Answer | None = None
    error: Exception | None = None  # deciding failed, or it can't be read (UnreadableError): nothing was written


class TooManyConflicts(Exception):
    """The change could not be written, though nothing is broken: try again."""


class Advance:
    def __init__(self, incidents: Incidents, rules: Callable[[], Rules], secret: bytes, meter: Meter) -> None:
        self._incidents = incidents
        self._rules = rules
        self._secret = secret
        self._meter = meter
        self._fresh: defaultdict[int, deque[int]] = defaultdict(deque)  # numbers handed out, by part of the store
        self._wary = 0

    # --- alerts -----------------------------------------------------------------------------------------------------------------------
    async def alerts(self, seen: Sequence[AlertSeen]) -> list[AlertSeen]:
        """Apply alerts, those of one identity in the order of their entries. Returns when all are committed, but for those whose identity this
        release can't read: these are given back."""
        unread: list[AlertSeen] = []
        waiting: dict[Identity, list[AlertSeen]] = {}
        for alert in sorted(seen, key=lambda s: s.entry):
            waiting.setdefault(Identity(alert.alert.scope, alert.alert.dedup_key), []).append(alert)
        waiting = in_turn(waiting, self._rules())
        for tries in range(_ROUNDS):
            if not waiting:
                return unread
            self._wary = _WARY if tries else max(0, self._wary - 1)
            waiting = await self._alert_round(waiting, unread)
        raise TooManyConflicts(f"{len(waiting)} identities")

    async def now(self) -> datetime:
        return await self._incidents.now()

    def is_critical(self, alert: Alert) -> bool:
        """Whether it would open a critical incident, so far as can be said before it is decided about."""
        if alert.action is not Action.TRIGGER:
            return False
        router = self._rules().router
        return alert.severity is Severity.CRITICAL or (router.makes_critical and router.assign(alert).severity is Severity.CRITICAL)

    async def _alert_round(self, waiting: dict[Identity, list[AlertSeen]], unread: list[AlertSeen]) -> dict[Identity, list[AlertSeen]]:
        """One load, one commit; what is left to do."""
        now, snapshots = await self._incidents.by_identity(list(waiting), lambda identity, record: only_repeats(record, waiting[identity]))
        if any(snapshot.unreadable for snapshot in snapshots):
            unread += [s for snap, seen in zip(snapshots, waiting.values(), strict=True) if snap.unreadable for s in seen]
            waiting = {identity: seen for (identity, seen), snap in zip(waiting.items(), snapshots, strict=True) if not snap.unreadable}
            snapshots = [snap for snap in snapshots if not snap.unreadable]
        snapshots = [_as_it_stands(snap) for snap in snapshots]
        parts = [self._part(seen) for seen in waiting.values()]
        opening = Counter(part for part, snap, seen in zip(parts, snapshots, waiting.values(), strict=True) if _may_open(snap, seen))
        numbers = await self._numbers(opening)
        rules = self._rules()
        names = [
            [name for alert in seen for name in needs(snap, alert, rules)] for snap, seen in zip(snapshots, waiting.values(), strict=True)
        ]
        snapshots = await self._with_groups(await self._pointed(parts, snapshots, names))
        chain, folded = Chain(), list[_Fold]()
        for part, snap, asked, seen in zip(parts, snapshots, names, waiting.values(), strict=True):
            folded.append(self._fold(chain.as_left(part, snap, asked), seen, rules, now, numbers.get(part) or deque()))
            chain.goes_on(part, folded[-1].commit)
        outcomes = await self._incidents.commit([fold.commit for fold in folded])
        left: dict[Identity, list[AlertSeen]] = {}
        became, muted = list[str](), Counter[tuple[str, str]]()
        for identity, fold, outcome in zip(waiting, folded, outcomes, strict=True):
            if outcome is Outcome.CONFLICT:
                left[identity] = waiting[identity]
                self._meter.conflicts(1)
                continue
            became += fold.outcomes
            muted.update(fold.commit.new_mutes())
            if fold.rest:
                left[identity] = fold.rest
        for name, count in Counter(became).items():
            self._meter.alerts(name, count)
        self._count_mutes(muted)
        return left

    def _fold(self, before: Snapshot, seen: list[AlertSeen], rules: Rules, now: datetime, numbers: deque[int]) -> _Fold:
        """Decide about alerts of one identity one after the other, as one change; up to where a second incident would begin. `numbers` are
        those of new incidents."""
        current = before
        entries: list[Entry] = []
        outgoing: list[Outgoing] = []
        outcomes: list[str] = []
        shared = NOTHING_SHARED
        for k, alert in enumerate(seen):
            decision = decide(current, alert, rules, now, fresh=numbers[0] if numbers else 0)
            if _opens(decision) or decision.meaning is Meaning.JOINS:
                if current.incident is not before.incident:  # one incident a commit: the second goes with the next round
                    return _Fold(self._commit(before, current, entries, outgoing, shared=shared), outcomes, seen[k:])
                # An older incident of the identity is not touched.
                before = _joined(before, decision)
                if _opens(decision):
                    numbers.popleft()
            current = decision.after
            entries += decision.entries
            outgoing += decision.outgoing
            shared |= decision.shared
            outcomes.append(_outcome(decision))
        return _Fold(self._commit(before, current, entries, outgoing, shared=shared), outcomes, [])

    async def _pointed(
        self, parts: Sequence[int], snapshots: Sequence[Snapshot], names: Sequence[Sequence[str]]
    ) -> list[Snapshot]:  # fmt: skip
        """The snapshots with the pointers that each needs, of its part of the store."""
        wanted: defaultdict[int, dict[str, None]] = defaultdict(dict)
        for part, asked in zip(parts, names, strict=True):
            if asked:
                wanted[part].update(dict.fromkeys(asked))
        found = {part: dict(zip(asked, await self._incidents.pointers(list(asked), part), strict=True)) for part, asked in wanted.items()}
        return [
            replace(snap, pointers={name: found[part][name] or Pointer() for name in asked}) if asked else snap
            for part, snap, asked in zip(parts, snapshots, names, strict=True)
        ]

    async def _with_groups(self, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
        """With the incidents of the groups that they might come into."""
        wanted = [{p.incident for name, p in snap.pointers.items() if p.incident and name.startswith(PREFIX)} for snap in snapshots]
        if not any(wanted):
            return list(snapshots)
        numbers = list(set[int]().union(*wanted))
        _, found = await self._incidents.by_number(numbers)
        known = {n: (s.incident, s.policy) for n, s in zip(numbers, found, strict=True) if s.incident is not None}
        return [
            replace(snap, groups={n: known[n] for n in asked if n in known}) if asked else snap
            for snap, asked in zip(snapshots, wanted, strict=True)
        ]

    async def _numbers(self, wanted: Mapping[int, int]) -> dict[int, deque[int]]:
        """Numbers for so many new incidents of each part: those that come next, where nobody else opens incidents, too."""
        numbers: dict[int, deque[int]] = {}
        for part, count in wanted.items():
            fresh = self._fresh[part]
            if not fresh and not self._wary:  # a round trip, and a write, less on the way to a page
                numbers[part] = deque(self._incidents.likely(count, part))
                continue
            if (missing := count - len(fresh)) > 0:
                fresh.extend(await self._incidents.numbers(missing, part))
            numbers[part] = fresh
        return numbers

    def _part_of(self, snapshot: Snapshot) -> int:
        return self._incidents.part_of(snapshot.incident.scope) if snapshot.incident else 0

    def _part(self, seen: Sequence[AlertSeen]) -> int:
        return self._incidents.part_of(seen[0].alert.scope)

    # --- everything else --------------------------------------------------------------------------------------------------------------
    async def events(self, items: Sequence[Item]) -> list[Advanced]:
        """Apply events, each to its incident; in order where several are of one incident. One result each, in order."""
        results: list[Advanced | None] = [None] * len(items)
        waiting = list(range(len(items)))
        for _ in range(_ROUNDS + len(items)):
            if not waiting:
                break
            first: dict[int, int] = {}
            for k in waiting:
                first.setdefault(items[k].number, k)
            await self._event_round(items, list(first.values()), results)
            waiting = [k for k in waiting if results[k] is None]
        if waiting:
            raise TooManyConflicts(f"{len(waiting)} events")
        return [r for r in results if r is not None]

    async def _event_round(self, items: Sequence[Item], which: list[int], results: list[Advanced | None]) -> None:
        now, snapshots = await self._incidents.by_number([items[k].number for k in which])
        rules = self._rules()
        parts = [self._part_of(snapshot) for snapshot in snapshots]
        names = [needs(snap, items[k].event, rules) for k, snap in zip(which, snapshots, strict=True)]
        snapshots = await self._pointed(parts, snapshots, names)
        chain, decided = Chain(), list[tuple[int, Decision, Commit]]()
        for k, part, loaded, asked in zip(which, parts, snapshots, names, strict=True):
            item, snapshot = items[k], chain.as_left(part, loaded, asked)
            if snapshot.unreadable:
                results[k] = Advanced(Outcome.STALE, error=UnreadableError(snapshot.unreadable))
                continue
            try:
                decision = decide(snapshot, item.event, rules, now)
            except Exception as error:  # one incident that can't be decided must not hold up the others
                self._meter.failure("decide")
                results[k] = Advanced(Outcome.STALE, error=error)
                continue
            commit = self._commit(snapshot, decision.after, decision.entries, decision.outgoing, item, decision.shared)
            decided.append((k, decision, commit))
            chain.goes_on(part, commit)
        outcomes = await self._incidents.commit([commit for _, _, commit in decided])
        muted = Counter[tuple[str, str]]()
        for (k, decision, commit), outcome in zip(decided, outcomes, strict=True):
            if outcome is Outcome.CONFLICT:
                self._meter.conflicts(1)
                continue
            results[k] = Advanced(outcome, decision.answer)
            if outcome is Outcome.DONE:
                muted.update(commit.new_mutes())
        self._count_mutes(muted)

    async def once(self, request: str) -> bool:
        """Whether this request is seen for the first time; from now on it has been."""
        nothing = Snapshot()
        [outcome] = await self._incidents.commit([Commit(before=nothing, after=nothing, once=request)])
        return outcome is not Outcome.REPLAYED

    async def notice(self, notice: Notice, once: str) -> None:
        """Tell somebody something that belongs to no incident, a single time for `once`."""
        nothing = Snapshot()
        entry = Entry(await self._incidents.now(), 0, f"notice.{notice.kind}", "pagerd", f"to {notice.user} by {notice.channel}")
        await self._incidents.commit([Commit(before=nothing, after=nothing, entries=(entry,), outgoing=(notice,), once=once)])

    async def change(self, by: str, what: str) -> None:
        """Record in the audit that something was changed out there. Nobody is paged for it."""
        nothing = Snapshot()
        entry = Entry(await self._incidents.now(), 0, "change.recorded", by, what)
        await self._incidents.commit([Commit(before=nothing, after=nothing, entries=(entry,), confirmed=True)])

    async def dead_letters(self, count: int, reason: str) -> None:
        """Say that alerts could not be read: each is in the audit, and once an hour somebody is told."""
        rules, now = self._rules(), await self._incidents.now()
        notice = dead_letter_notice(rules.config, rules.planner, count, reason)
        entry = Entry(now, 0, "alert.dead", "pagerd", f"{count} unreadable: {reason}")
        nothing = Snapshot()
        said = Commit(before=nothing, after=nothing, entries=(entry,))
        told = Commit(before=nothing, after=nothing, outgoing=(notice,) if notice else (), once=f"dead:{now:%Y-%m-%dT%H}")
        await self._incidents.commit([said, told])

    # --- both -------------------------------------------------------------------------------------------------------------------------
    def _commit(
        self,
        before: Snapshot,
        after: Snapshot,
        entries: Iterable[Entry],
        outgoing: Iterable[Outgoing],
        item: Item | None = None,
        shared: Shared = NOTHING_SHARED,
    ) -> Commit:
        out = tuple(outgoing)
        return Commit(
            before=before,
            after=after,
            entries=tuple(entries),
            outgoing=out,
            codes=tuple(self._codes(after, out)),
            fence=item.fence if item else None,
            finishes=item.finishes if item else None,
            once=item.once if item else "",
            confirmed=item.confirmed if item else False,
            relies=shared.relies,
            joins=shared.joins,
            wakes=shared.wakes,
            night_pages=shared.night_pages,
            turns=shared.turns,
        )

    def _count_mutes(self, muted: Mapping[tuple[str, str], int]) -> None:
        for (kind, rule), count in muted.items():
            self._meter.muted(kind, rule, count)

    def _codes(self, after: Snapshot, outgoing: Iterable[Outgoing]) -> Iterable[Code]:
        """A reply by SMS names a page by its code."""
        for item in outgoing:
            page: Page | None = after.incident.page(item.seq) if isinstance(item, SendPage) and after.incident else None
            if page is not None and page.channel == "sms" and page.attempt == 1:
                yield Code(page.address, self.code(item.incident, page.seq), item.incident, page.seq, page.user)

    def code(self, incident: int, seq: int) -> str:
        return page_code(self._secret, incident, seq)


def _as_it_stands(snapshot: Snapshot) -> Snapshot:
    record = settled(snapshot.record, snapshot.incident)
    return snapshot if record is snapshot.record else replace(snapshot, record=record)


def _joined(before: Snapshot, decision: Decision) -> Snapshot:
    """What a commit goes on from whose alert opens an incident, or comes into that of its group."""
    after = decision.after.incident
    known = before.groups.get(after.number) if after is not None and decision.meaning is Meaning.JOINS else None
    incident, policy = known or (None, None)
    return Snapshot(before.record, incident, policy, before.pointers, turns=before.turns)


class _Fold(msgspec.Struct, frozen=True):
    commit: Commit
    outcomes: list[str]
    rest: list[AlertSeen]


_OPENING = frozenset((Meaning.OPENS, Meaning.OPENS_ACKNOWLEDGED, Meaning.OPENS_RESOLVED))


def _opens(decision: Decision) -> bool:
    return decision.meaning in _OPENING


def _may_open(snapshot: Snapshot, seen: list[AlertSeen]) -> bool:
    """Whether one round may open an incident for these, never more than one: a fold ends where a second one would begin."""
    actions = {s.alert.action for s in seen}
    settled = snapshot.record is not None and snapshot.record.open and Action.RESOLVE not in actions
    return Action.TRIGGER in actions and not settled


def _outcome(decision: Decision) -> str:
    suppressed = _opens(decision) and decision.after.incident is not None and decision.after.incident.state == "suppressed"
    return "suppressed" if suppressed else str(decision.meaning)
