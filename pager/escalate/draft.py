"""A working copy of one incident during one decision. It lives no longer than that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from pager.conditions.condition import Facts
from pager.escalate.effects import World
from pager.model.alert import Alert
from pager.model.event import Answer, Entry
from pager.model.incident import Deadline, DeadlineKind, Incident, Page, PageState, Run, Turn
from pager.model.origin import Origin
from pager.model.outgoing import LookUp, Outgoing, Priority, SendPage, Tell
from pager.model.policy import Policy, Stage
from pager.model.snapshot import Pointer

T = TypeVar("T")

# These belong to the whole incident; all others fall with the turn they were set in.
LASTING = frozenset(
    {
        DeadlineKind.SLA_ACK_SOON,
        DeadlineKind.SLA_ACK,
        DeadlineKind.SLA_RESOLVE_SOON,
        DeadlineKind.SLA_RESOLVE,
        DeadlineKind.RESOLVE_AFTER,
        DeadlineKind.HUSHED,
        DeadlineKind.STABLE,
        DeadlineKind.STORM,
        DeadlineKind.SUPPORT,
        DeadlineKind.UNSEEN,
    }
)
_SETTLED_PAGES_KEPT = 30


class Shared(msgspec.Struct, frozen=True):
    """What a change has to do with others: see Commit."""

    relies: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    wakes: tuple[tuple[str, timedelta], ...] = ()
    night_pages: tuple[tuple[str, datetime], ...] = ()
    turns: tuple[str, ...] = ()

    def __or__(self, other: Shared) -> Shared:
        if other is NOTHING_SHARED:
            return self
        if self is NOTHING_SHARED:
            return other

        def both(some: tuple[T, ...], more: tuple[T, ...]) -> tuple[T, ...]:
            return tuple(dict.fromkeys((*some, *more)))

        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return Shared(*(both(some, more) for some, more in pairs))


NOTHING_SHARED = Shared()  # as most changes are: alerts in their thousands have nothing to do with others


_WAITING = (PageState.QUEUED, PageState.WAITING)


class Draft:
    def __init__(
        self, incident: Incident, alert: Alert, policy: Policy, world: World, now: datetime, due_at: datetime | None = None
    ) -> None:  # fmt: skip
        self.incident = incident
        self.alert = alert  # the newest
        self.policy = policy
        self.world = world
        self.now = now
        self.due_at = due_at or now  # when this should have happened: pages measure their lateness from it
        self.entries: list[Entry] = []
        self.outgoing: list[Outgoing] = []
        self.tells: list[Tell] = []
        self.answer: Answer | None = None
        self.pointers: Mapping[str, Pointer] = {}
        self.shared = NOTHING_SHARED
        self.came: Facts | None = None  # those of an alert that came into the incident of its group
        self.firing = True  # False: it flaps, and is held open though it does not fire
        self.watched = False  # a threshold still counts its repeats
        self.released = False  # it is muted no longer
        self.looked = False  # at what mutes it
        self.digest = False  # it was, as low urgency that waits for the morning
        self.risen = False  # it is worse: that is news, also to whoever was paged before
        self.night_pages: list[tuple[str, datetime]] = []
        self._turns_before = incident.turns

    @property
    def stage(self) -> Stage:
        return self.policy.stages[min(self.incident.stage, len(self.policy.stages) - 1)]

    def set(self, **changes: Any) -> None:
        self.incident = replace(self.incident, **changes)

    def say(self, event: str, what: str = "", who: str = "pagerd", origin: Origin | None = None) -> None:
        """Add a line to the timeline and the audit."""
        self.entries.append(Entry(self.now, self.incident.number, event, who, what, str(origin) if origin else ""))

    def point(self, name: str, pointer: Pointer) -> None:
        """Write a pointer. It must be one that the snapshot was asked for."""
        self.pointers = {**self.pointers, name: pointer}

    def tell(self, tell: Tell) -> None:
        self.tells.append(tell)

    # --- deadlines --------------------------------------------------------------------------------------------------------------------
    def arm(self, kind: DeadlineKind, at: datetime | timedelta, of: str = "") -> None:
        """Set the deadline, in place of one of the same kind and object. A timedelta counts from now."""
        due = self.now + at if isinstance(at, timedelta) else at
        turn = -1 if kind in LASTING else self.incident.turn
        kept = [d for d in self.incident.deadlines if d.kind is not kind or d.of != of]
        self.set(deadlines=(*kept, Deadline(kind, due, turn, of)))

    def disarm(self, *kinds: DeadlineKind, of: str | None = None) -> None:
        kept = [d for d in self.incident.deadlines if d.kind not in kinds or (of is not None and d.of != of)]
        if len(kept) != len(self.incident.deadlines):
            self.set(deadlines=tuple(kept))

    def is_armed(self, kind: DeadlineKind) -> bool:
        return any(d.kind is kind for d in self.incident.deadlines)

    def next_turn(self, **changes: Any) -> None:
        """The chain moves: timers of the turn before are void."""
        lasting = [d for d in self.incident.deadlines if d.kind in LASTING]
        self.set(turn=self.incident.turn + 1, deadlines=tuple(lasting), **changes)

    def keep(self, turns: tuple[Turn, ...]) -> None:
        """The turns of `/next` that the incident has."""
        if turns is not self.incident.turns:
            self.set(turns=turns)

    def with_counted(self) -> Shared:
        """What is shared, with pages in people's nights, and the turns that the incident has not had before."""
        if not self.night_pages and self.incident.turns is self._turns_before:
            return self.shared
        before = {turn.schedule for turn in self._turns_before}
        taken = tuple(turn.schedule for turn in self.incident.turns if turn.schedule not in before)
        return self.shared | Shared(night_pages=tuple(self.night_pages), turns=taken)

    # --- pages and runs ---------------------------------------------------------------------------------------------------------------
    def run_of(self, user: str) -> Run | None:
        return next((r for r in self.incident.runs if r.user == user), None)

    def set_run(self, run: Run) -> None:
        self.set(runs=tuple(run if r.user == run.user else r for r in self.incident.runs))

    def set_page(self, page: Page) -> None:
        self.set(pages=tuple(page if p.seq == page.seq else p for p in self.incident.pages))

    def send(self, page: Page) -> Page:
        """Give the page its id and put it into the outbox. What is still on its way to the same person over the same channel is withdrawn, and the
        page is as late as what was to go out in the same turn."""
        replaced = [p for p in self.incident.pages if p.state in _WAITING and (p.user, p.channel) == (page.user, page.channel)]
        self._withdraw(replaced, "a newer page takes its place")
        incident = self.incident
        page = replace(
            page,
            due_at=min([page.due_at, *(p.due_at for p in replaced if p.turn == incident.turn)]),
            seq=incident.last_seq + 1,
            turn=incident.turn,
            repeat=any(p.user == page.user for p in incident.paged) or page.repeat,
            # Another provider or the next rung speaks of the same morning; the next stage is no digest any more.
            digest=self.digest or any(p.digest and p.turn == incident.turn for p in incident.pages),
        )
        self.set(pages=(*_recent(incident.pages, page.due_at), page), last_seq=page.seq, reached_in_lap=True)
        self.outgoing.append(self._out(page))
        return page

    def send_again(self, page: Page) -> None:
        """Hand the same page to its provider once more."""
        page = replace(page, state=PageState.QUEUED, attempt=page.attempt + 1)
        self.set_page(page)
        self.outgoing.append(self._out(page))

    def look_up(self, page: Page) -> None:
        self.outgoing.append(LookUp(self.incident.number, page.seq, page.provider))

    def withdraw_all(self, why: str) -> None:
        """Nothing more goes out for now: what is queued is skipped by the workers, who read it again right before sending."""
        self._withdraw([p for p in self.incident.pages if p.state in _WAITING], why)

    def _withdraw(self, waiting: Sequence[Page], why: str) -> None:
        for page in waiting:
            self.set_page(replace(page, state=PageState.WITHDRAWN, why=why))

    def _out(self, page: Page) -> SendPage:
        return SendPage(
            self.incident.number,
            page.seq,
            page.attempt,
            page.provider,
            self._priority(page),
            page.user,
            page.channel,
            page.address,
            self.released,
            page.digest,
        )

    def _priority(self, page: Page) -> Priority:
        if page.repeat and not self.risen:
            return Priority.REPEAT
        return Priority.CRITICAL if self.incident.severity == "critical" else Priority.PAGE

    def wanted_outgoing(self) -> tuple[Outgoing, ...]:
        """What the decision sends, less what it withdrew again."""
        return tuple([o for o in self.outgoing if not isinstance(o, SendPage) or self._is_queued(o)])

    def _is_queued(self, item: SendPage) -> bool:
        page = self.incident.page(item.seq)
        return page is not None and page.state is PageState.QUEUED


def _recent(pages: tuple[Page, ...], due_at: datetime) -> tuple[Page, ...]:
    """Pages that may still change, those that were due at the same moment (they say which providers were tried), and the latest of the others: a
    chain that runs for days keeps its record small."""
    if len(pages) <= _SETTLED_PAGES_KEPT:
        return pages
    settled = [p.seq for p in pages if not p.state.is_live and p.due_at != due_at]
    dropped = set(settled[: len(pages) - _SETTLED_PAGES_KEPT])
    if not dropped:
        dropped = {p.seq for p in pages[: len(pages) - 2 * _SETTLED_PAGES_KEPT] if p.state.is_out}
    return tuple(p for p in pages if p.seq not in dropped)
