"""The one writer: load what a decision depends on, decide, commit. A conflict means that somebody else was first: load and decide again."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from pager.decide import Decision, Rules, decide
from pager.model.alert import Action
from pager.model.event import AlertSeen, Answer, Entry, Event
from pager.model.incident import Page
from pager.model.outgoing import Notice, Outgoing, Priority, SendPage
from pager.model.snapshot import Code, Identity, Snapshot, UnreadableError
from pager.noise.dedup import Meaning, only_repeats
from pager.notify.codes import page_code
from pager.notify.telling import dead_letter_notice
from pager.ports import Commit, Incidents, Meter, Outcome

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
        self._fresh: defaultdict[int, deque[int]] = defaultdict(deque)  # numbers, by the part of the store they are for

    # --- alerts -----------------------------------------------------------------------------------------------------------------------
    async def alerts(self, seen: Sequence[AlertSeen]) -> list[AlertSeen]:
        """Apply alerts, those of one identity in the order of their entries. Returns when all are committed, but for those whose identity this
        release can't read: these are given back."""
        unread: list[AlertSeen] = []
        waiting: dict[Identity, list[AlertSeen]] = {}
        for alert in sorted(seen, key=lambda s: s.entry):
            waiting.setdefault(Identity(alert.alert.scope, alert.alert.dedup_key), []).append(alert)
        for _ in range(_ROUNDS):
            if not waiting:
                return unread
            waiting = await self._alert_round(waiting, unread)
        raise TooManyConflicts(f"{len(waiting)} identities")

    async def _alert_round(self, waiting: dict[Identity, list[AlertSeen]], unread: list[AlertSeen]) -> dict[Identity, list[AlertSeen]]:
        """One load, one commit; what is left to do."""
        now, snapshots = await self._incidents.by_identity(list(waiting), lambda identity, record: only_repeats(record, waiting[identity]))
        if any(snapshot.unreadable for snapshot in snapshots):
            unread += [s for snap, seen in zip(snapshots, waiting.values(), strict=True) if snap.unreadable for s in seen]
            waiting = {identity: seen for (identity, seen), snap in zip(waiting.items(), snapshots, strict=True) if not snap.unreadable}
            snapshots = [snap for snap in snapshots if not snap.unreadable]
        await self._fill(Counter(self._part(seen) for snap, seen in zip(snapshots, waiting.values(), strict=True) if _may_open(snap, seen)))
        rules = self._rules()
        turns = _Turns(self._incidents.part_of)
        folded = [self._fold(snap, seen, rules, now, turns) for snap, seen in zip(snapshots, waiting.values(), strict=True)]
        outcomes = await self._incidents.commit([fold.commit for fold in folded])
        left: dict[Identity, list[AlertSeen]] = {}
        became: list[str] = []
        for identity, fold, outcome in zip(waiting, folded, outcomes, strict=True):
            if outcome is Outcome.CONFLICT:
                left[identity] = waiting[identity]
                self._meter.conflicts(1)
                continue
            became += fold.outcomes
            if fold.rest:
                left[identity] = fold.rest
        for name, count in Counter(became).items():
            self._meter.alerts(name, count)
        return left

    def _fold(self, before: Snapshot, seen: list[AlertSeen], rules: Rules, now: datetime, turns: _Turns) -> _Fold:
        """Decide about alerts of one identity one after the other, as one change; up to where a second incident would begin."""
        current, read = before, before.turns
        decisions: list[Decision] = []
        numbers = self._fresh[self._part(seen)]
        for k, alert in enumerate(seen):
            decision = decide(turns.known_to(current, read, alert.alert.scope), alert, rules, now, fresh=numbers[0] if numbers else 0)
            if _opens(decision):
                if current.incident is not before.incident:  # one incident a commit: the second goes with the next round
                    return _Fold(self._commit(before, current, decisions), [_outcome(d) for d in decisions], seen[k:])
                numbers.popleft()
                before = Snapshot(record=before.record)  # an older incident of the identity is not touched
            current = decision.after
            decisions.append(decision)
            turns.take(decision, alert.alert.scope)
        return _Fold(self._commit(before, current, decisions), [_outcome(d) for d in decisions], [])

    async def _fill(self, wanted: Mapping[int, int]) -> None:
        for part, count in wanted.items():
            if (missing := count - len(self._fresh[part])) > 0:
                self._fresh[part].extend(await self._incidents.numbers(missing, part))

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
        rules, turns = self._rules(), _Turns(self._incidents.part_of)
        decided: list[tuple[int, Decision, Commit]] = []
        for k, snapshot in zip(which, snapshots, strict=True):
            item = items[k]
            if snapshot.unreadable:
                results[k] = Advanced(Outcome.STALE, error=UnreadableError(snapshot.unreadable))
                continue
            scope = snapshot.incident.scope if snapshot.incident else ""
            try:
                decision = decide(turns.known_to(snapshot, snapshot.turns, scope), item.event, rules, now)
            except Exception as error:  # one incident that can't be decided must not hold up the others
                self._meter.failure("decide")
                results[k] = Advanced(Outcome.STALE, error=error)
                continue
            turns.take(decision, scope)
            decided.append((k, decision, self._commit(snapshot, decision.after, (decision,), item)))
        outcomes = await self._incidents.commit([commit for _, _, commit in decided])
        for (k, decision, _), outcome in zip(decided, outcomes, strict=True):
            if outcome is Outcome.CONFLICT:
                self._meter.conflicts(1)
            else:
                results[k] = Advanced(outcome, decision.answer)

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
    def _commit(self, before: Snapshot, after: Snapshot, decisions: Sequence[Decision], item: Item | None = None) -> Commit:
        out = tuple(outgoing for decision in decisions for outgoing in decision.outgoing)
        return Commit(
            before=before,
            after=after,
            entries=tuple(entry for decision in decisions for entry in decision.entries),
            outgoing=out,
            codes=tuple(self._codes(after, out)),
            fence=item.fence if item else None,
            finishes=item.finishes if item else None,
            once=item.once if item else "",
            confirmed=item.confirmed if item else False,
            night_pages=tuple(page for decision in decisions for page in decision.night_pages),
            turns=tuple(schedule for decision in decisions for schedule in decision.turns),
        )

    def _codes(self, after: Snapshot, outgoing: Iterable[Outgoing]) -> Iterable[Code]:
        """A reply by SMS names a page by its code."""
        for item in outgoing:
            page: Page | None = after.incident.page(item.seq) if isinstance(item, SendPage) and after.incident else None
            if page is not None and page.channel == "sms" and page.attempt == 1:
                yield Code(page.address, self.code(item.incident, page.seq), item.incident, page.seq, page.user)

    def code(self, incident: int, seq: int) -> str:
        return page_code(self._secret, incident, seq)


class _Turns:
    """Turns of `/next` taken in one round: what is decided later in it must know of them. Each part of the store counts its own."""

    def __init__(self, part_of: Callable[[str], int]) -> None:
        self._part_of = part_of
        self._taken: defaultdict[int, Counter[str]] = defaultdict(Counter)

    def known_to(self, snapshot: Snapshot, read: Mapping[str, int], scope: str) -> Snapshot:
        """The snapshot with what was `read`, and taken since."""
        taken = self._taken[self._part_of(scope)] if self._taken else None
        if taken:
            return replace(snapshot, turns={schedule: read.get(schedule, 0) + taken[schedule] for schedule in {*read, *taken}})
        return snapshot if snapshot.turns is read else replace(snapshot, turns=read)

    def take(self, decision: Decision, scope: str) -> None:
        if decision.turns:
            self._taken[self._part_of(scope)].update(decision.turns)


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
