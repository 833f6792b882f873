"""Ways to break each promise. The checker must see every one of them: a promise that nothing can break is not checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import msgspec

from pager import decide
from pager.advance import Advance
from pager.decide import drafts, joining, storming
from pager.door import Door
from pager.escalate import chain, due, opening, urgency
from pager.escalate.draft import Draft
from pager.loops import compose, hands
from pager.loops.facts import FollowFacts
from pager.loops.ingest import Ingest, _read
from pager.loops.look import LookAgain
from pager.loops.paging import Paging, Together
from pager.loops.reload import Reload
from pager.loops.watch import BreakGlass
from pager.model.alert import Action, Severity
from pager.model.event import Answer, PageAccepted
from pager.model.incident import DeadlineKind, State
from pager.model.mute import Mute, MuteKind
from pager.model.outgoing import TellKind
from pager.noise import dedup, storms
from pager.noise.dedup import Meaning
from pager.noise.mutes import Mutes
from tests.fakes.memory_store import MemoryOutbox, MemoryStore
from tests.night import config_of
from tests.simulation.installation import CALM, SECOND
from tests.simulation.outside import Provider


class Mutant(msgspec.Struct, frozen=True):
    name: str
    promise: int
    patches: Callable[[], tuple[Any, ...]]
    seed: int = 0
    """Known to show it: tried first."""

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with ExitStack() as stack:
            for one in self.patches():
                stack.enter_context(one)
            yield


def _around(owner: Any, name: str, make: Callable[[Any], Any]) -> Any:
    return patch.object(owner, name, make(getattr(owner, name)))


def _drops_warnings(alerts: Any) -> Any:
    return lambda self, seen: alerts(self, [s for s in seen if s.alert.severity is not Severity.WARNING])


def _buries_nothing(_: Any) -> Any:
    async def bury(self: Ingest, letters: Any) -> None:
        await self._stream.finish([entry for entry, _ in letters])

    return bury


def _leaves_unarmed(arm: Any) -> Any:
    return lambda self, incident, changed: (
        self.scores.pop(incident.number, None) if incident.state is State.ACKNOWLEDGED else arm(self, incident, changed)
    )


def _takes_no_for_yes(event: Any) -> Any:
    def of(self: Paging, page: Any, result: Any, *more: Any) -> Any:
        said = event(self, page, result, *more)
        return (
            said if isinstance(said, PageAccepted) else PageAccepted(page.seq, page.attempt, page.provider, "none", expects_receipt=False)
        )

    return of


def _speaks_for_one(speak: Any) -> Any:
    """The others are put out of the outbox, as if they had been told."""

    async def of(self: Together, lead: Any, mine: Any) -> None:
        for one in mine[1:]:
            await self._hands.done(one.entry, None)
        await speak(self, lead, mine[:1])

    return of


def _forgets_turns(resolve: Any) -> Any:
    return lambda targets, world, at, turns=(): resolve(targets, world, at)


def _follows_nothing(_: Any) -> Any:
    async def run_once(self: FollowFacts) -> bool:
        return False

    return run_once


def _tells_no_owner(tell: Any) -> Any:
    return lambda self, one: None if one.kind is TellKind.NOBODY else tell(self, one)


def _says_no_nobody(say: Any) -> Any:
    return lambda self, event, *args, **kwargs: None if event == "stage.nobody" else say(self, event, *args, **kwargs)


def _hands_out_again(entry: Any) -> Any:
    def one(self: MemoryOutbox, priority: Any, id_: Any, redelivered: bool = False) -> Any:
        found = entry(self, priority, id_, redelivered)
        if not redelivered:
            self._handed.clear()
        return found

    return one


def _finds_nothing(_: Any) -> Any:
    async def find(self: Provider, *args: Any, **kwargs: Any) -> None:
        return None

    return find


def _forgets_early_resolves(_: Any) -> Any:
    def resolve(known: Any, seen: Any, now: Any) -> Any:
        if not known.open:
            return Meaning.NOTHING_OPEN, {}, "nothing is open under its key"
        return Meaning.RESOLVES, {"open": False, "ended_by": seen.entry}, ""

    return {**dedup._JUDGES, Action.RESOLVE: resolve}


def _moves_on_without_pages(_: Any) -> Any:
    return {**due.SMALL, DeadlineKind.DELIVERY: lambda d, deadline: chain.advance(d, "no news of its pages")}


def _takes_what_it_can_get(apply: Any) -> Any:
    second = config_of(SECOND)

    def any_config(self: Reload, read: Any) -> Any:
        if read.config is None:
            self._replace(config_of(SECOND) if self._now().revision != second.revision else second)
        return apply(self, read) if read.config else True

    return any_config


def _asks_the_config(_: Any) -> Any:
    def draft(before: Any, incident: Any, record: Any, rules: Any, now: Any) -> Draft:
        world = rules.world(drafts.facts_of(incident, record), before.turns)
        return Draft(incident, record.alert, rules.policy(incident.policy), world, now)

    return draft


def _gives_no_reason(say: Any) -> Any:
    return lambda self, event, what="", *args, **kwargs: say(self, event, "" if event == "stage.entered" else what, *args, **kwargs)


def _queues_in_silence(say: Any) -> Any:
    return lambda self, event, *args, **kwargs: None if event == "page.queued" else say(self, event, *args, **kwargs)


def _looks_away(_: Any) -> Any:
    async def run_once(self: LookAgain, token: int) -> None:
        return None

    return run_once


def _never_comes(d: Draft, level: Any, service: str, _: bool) -> list[Mute]:
    return [Mute(MuteKind.DIGEST, "digest", "waits for the morning", d.now + timedelta(days=1))] if service == CALM else []


def _mutes_nobody(_: Any) -> Any:
    return lambda self, facts, at, newer_than=None: []


def _breaks_no_glass(_: Any) -> Any:
    async def gone(self: BreakGlass, now: float, why: str) -> None:
        return None

    return gone


def _says_yes(_: Any) -> Any:
    return lambda self, via, error: Answer("acknowledged", done=True)


def _finishes_first(alerts: Any) -> Any:
    """What a worker would do that acknowledges the entry first and decides after."""

    async def run_once(self: Ingest, wait: timedelta) -> int:
        _, entries = await self._stream.take(256, wait)
        if not entries:
            return 0
        await self._stream.finish(entries)
        await self._stream.finish([])
        read, _ = _read(entries, entries[0].id)
        await self._advance.alerts([seen for _, seen in read])
        return len(entries)

    return run_once


def _ends_with_the_first(_: Any) -> Any:
    def over(d: Draft, seen: Any, record: Any, member: Any) -> None:
        opening.last_alert_resolved(d, "stream")

    return over


def _holds_back_what_is_critical(held: Any) -> Any:
    def first(d: Draft, rules: Any) -> Any:
        severity = d.incident.severity
        d.set(severity=Severity.ERROR)
        mute = held(d, rules)
        d.set(severity=severity)
        return mute

    return first


MUTANTS = (
    Mutant("alerts of one severity are dropped", 1, lambda: (_around(Advance, "alerts", _drops_warnings),)),
    Mutant("what can't be read is thrown away", 1, lambda: (_around(Ingest, "_bury", _buries_nothing),), seed=1),
    Mutant("an entry is acknowledged before it is committed", 1, lambda: (_around(Ingest, "run_once", _finishes_first),), seed=1),
    Mutant("an acknowledged incident has no deadline", 2, lambda: (_around(MemoryStore, "_arm", _leaves_unarmed),)),
    Mutant("nobody looks again when a silence is taken back", 1, lambda: (_around(LookAgain, "run_once", _looks_away),)),
    Mutant("a storm never ends", 1, lambda: (patch.object(storms, "goes_on", lambda *_: True),), seed=47),
    Mutant("a storm holds back what is critical", 1, lambda: (_around(storming, "first_held", _holds_back_what_is_critical),), seed=133),
    Mutant("a storm holds nobody back", 3, lambda: (patch.object(storming, "first_held", lambda *_: None),), seed=65),
    Mutant("low urgency wakes people", 3, lambda: (patch.object(urgency, "waits", lambda *_: []),), seed=2),
    Mutant("low urgency stays low", 2, lambda: (patch.object(urgency, "remind", lambda *_: None),), seed=26),
    Mutant("the morning never comes", 1, lambda: (patch.object(urgency, "waits", _never_comes),), seed=2),
    Mutant("a silence mutes nobody", 3, lambda: (_around(Mutes, "at", _mutes_nobody),)),
    Mutant("the state is not read again before a send", 3, lambda: (patch.object(hands, "why_not", lambda *_: None),), seed=112),
    Mutant("a refused page counts as sent", 4, lambda: (_around(Paging, "event", _takes_no_for_yes),), seed=155),
    Mutant("a message for several leaves all but one waiting", 4, lambda: (_around(Together, "_speak", _speaks_for_one),)),
    Mutant("an incident forgets whose turn it was", 4, lambda: (_around(chain, "resolve", _forgets_turns),), seed=5),
    Mutant("the owner is not told of an empty stage", 5, lambda: (_around(Draft, "tell", _tells_no_owner),)),
    Mutant("the timeline says nothing of an empty stage", 5, lambda: (_around(Draft, "say", _says_no_nobody),)),
    Mutant("what is in hand is handed out again", 6, lambda: (_around(MemoryOutbox, "_entry", _hands_out_again), _around(Provider, "find", _finds_nothing))),
    Mutant("a resolve before its trigger is forgotten", 7, lambda: (_around(dedup, "_JUDGES", _forgets_early_resolves),), seed=163),
    Mutant("lateness is not said", 8, lambda: (patch.object(compose, "lateness", lambda *_: None),), seed=17),
    Mutant("a stage is over though nothing came of its pages", 8, lambda: (patch.object(due, "SMALL", _moves_on_without_pages(None)),
                                                                             patch("pager.escalate.asking.LOOK_AGAIN", timedelta(seconds=2))), seed=476),
    Mutant("no limit ever has too little room", 8, lambda: (patch.object(MemoryStore, "wait_for", lambda *_: timedelta(0)),)),
    Mutant("a bad config counts", 9, lambda: (_around(Reload, "apply", _takes_what_it_can_get),), seed=8),
    Mutant("a group is over with the first of its alerts", 1, lambda: (_around(joining, "resolved", _ends_with_the_first),), seed=1),
    Mutant("an edit changes the policy of open incidents", 10, lambda: (_around(decide, "draft_of", _asks_the_config),), seed=1),
    Mutant("what is said at run time is never looked at", 10, lambda: (_around(FollowFacts, "run_once", _follows_nothing),), seed=29),
    Mutant("a stage gives no reason", 11, lambda: (_around(Draft, "say", _gives_no_reason),)),
    Mutant("a page is not said to be for anybody", 11, lambda: (_around(Draft, "say", _queues_in_silence),)),
    Mutant("nobody is told when the store is gone", 12, lambda: (_around(BreakGlass, "_gone", _breaks_no_glass),), seed=23),
    Mutant("a reply that could not be stored gets a yes", 12, lambda: (_around(Door, "_not_recorded", _says_yes),), seed=6),
)  # fmt: skip
