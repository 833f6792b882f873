"""Asking people: a run per person, rung by rung, until somebody answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from msgspec.structs import replace

from pager.escalate.draft import Draft
from pager.escalate.targets import Asked, stand_in
from pager.model.incident import DeadlineKind, PageState, Phase, Run
from pager.model.person import Rung

# How long pages may be out with the workers before the incident is looked at again. Nothing is timed by it.
LOOK_AGAIN = timedelta(seconds=60)

Rungs = Callable[[str], tuple[Rung, ...]]


def ask(d: Draft, people: tuple[Asked, ...], rungs_of: Rungs) -> bool:
    """Start a run for each of them and page its first rung that has an address. False when nobody can be paged at all."""
    before = {r.user: r for r in d.incident.runs if not r.failed}
    tried = {asked.user for asked in people}
    d.set(runs=())
    for asked in people:
        _start(d, asked, rungs_of, before) or _pass_on(d, asked, rungs_of, tried, before)
    if d.incident.runs:
        d.arm(DeadlineKind.DELIVERY, LOOK_AGAIN)
    return bool(d.incident.runs)


def ask_next_in_turn(d: Draft, lost: Run, rungs_of: Rungs) -> bool:
    """Every way to somebody failed who was asked in their turn: the next of those on call is asked at once. False where there is none, or
    where somebody else has the turn by now."""
    if any(r.target == lost.target and not r.failed for r in d.incident.runs):
        return False
    passed = _pass_on(d, Asked(lost.user, lost.target, lost.because), rungs_of, {r.user for r in d.incident.runs}, {})
    if passed:
        d.arm(DeadlineKind.DELIVERY, LOOK_AGAIN)
    return passed


def _start(d: Draft, asked: Asked, rungs_of: Rungs, before: Mapping[str, Run]) -> bool:
    """A run for one person, and its first pages. False, and no run, when there is no way to them."""
    known = before.get(asked.user)
    rungs = rungs_of(asked.user)
    run = Run(
        user=asked.user,
        target=asked.target,
        because=asked.because,
        rungs=rungs,
        # Asked already and still silent: not from the first rung again, and the ladder's time runs on.
        rung=known.rung if known else 0,
        accepted_at=known.accepted_at if known and known.rungs == rungs else None,
        origin=asked.origin,
    )
    run = replace(run, rung=min(run.rung, max(len(run.rungs) - 1, 0)))
    d.set(runs=(*d.incident.runs, run))
    if not page_rung(d, run):
        d.set(runs=tuple(r for r in d.incident.runs if r.user != run.user))
        return False
    return True


def _pass_on(d: Draft, lost: Asked, rungs_of: Rungs, tried: set[str], before: Mapping[str, Run]) -> bool:
    """The turn goes to the next of those on call who has a way to be reached."""
    while (asked := stand_in(lost, d.world, d.now, d.incident.turns, tried)) is not None:
        tried.add(asked.user)
        d.say("turn.passed_on", f"{lost.user} can't be reached; {asked.because}", origin=asked.origin)
        if _start(d, asked, rungs_of, before):
            d.keep(tuple(replace(t, user=asked.user) if f"schedule:{t.schedule}/next" == asked.target else t for t in d.incident.turns))
            return True
        lost = asked
    return False


def page_rung(d: Draft, run: Run) -> bool:
    """Page the run's rung, or the first above it that has an address. False when there is none: the run has failed."""
    rung = run.rung
    while rung < len(run.rungs):
        run = replace(run, rung=rung)
        planned = d.world.planner.pages(d.incident, run, d.due_at, d.now)
        for why in planned.skipped:
            d.say("page.impossible", why, origin=run.origin)
        if planned.pages:
            d.set_run(run)
            for page in planned.pages:
                sent = d.send(page)
                d.say("page.queued", f"{sent.user} by {sent.channel}: {run.because}", origin=run.origin)
            return True
        rung += 1
    d.set_run(replace(run, failed=True))
    return False


def climb(d: Draft, run: Run, because: str) -> bool:
    """The next rung, at once. False when there is none left."""
    d.disarm(DeadlineKind.RUNG, of=run.user)
    if run.rung + 1 >= len(run.rungs):
        return False
    d.say("ladder.climbed", f"{run.user}: {because}", origin=run.origin)
    if not page_rung(d, replace(run, rung=run.rung + 1)):
        d.set_run(replace(run, rung=len(run.rungs) - 1))
        return False
    d.arm(DeadlineKind.DELIVERY, LOOK_AGAIN)
    return True


def note_lost(d: Draft, run: Run) -> None:
    """Mark the run as failed when no page of it is out or on its way."""
    pages = [p for p in d.incident.pages if p.user == run.user and p.turn == d.incident.turn]
    if not any(p.state.is_live or p.state is PageState.UNCONFIRMED for p in pages):
        d.set_run(replace(run, failed=True))
        d.say("person.unreachable", f"{run.user}: every way failed", origin=run.origin)


def everybody_failed(d: Draft) -> bool:
    waiting = [r for r in d.incident.runs if r.acknowledged_at is None]
    return bool(waiting) and all(r.failed for r in waiting)


def unanswered(d: Draft) -> tuple[str, ...]:
    """Who is asked, and nobody of their target has answered yet."""
    answered = {run.target for run in d.incident.runs if run.acknowledged_at}
    return tuple(run.user for run in d.incident.runs if run.target not in answered)


def page_again(d: Draft, users: tuple[str, ...]) -> bool:
    """Another page to each of them on the rung they have reached, inside the same stage. False when there is no way to any of them."""
    paged = [page_rung(d, replace(run, failed=False)) for run in d.incident.runs if run.user in users]
    d.arm(DeadlineKind.DELIVERY, LOOK_AGAIN)
    return any(paged)


def in_chain(d: Draft) -> bool:
    return d.incident.phase in (Phase.STAGE, Phase.CATCH_ALL, Phase.ASSIGNED)
