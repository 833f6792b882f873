"""What people say: acknowledge, resolve, snooze, escalate, assign, note. Each gets an answer that says what happened."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from msgspec.structs import replace

from pager.escalate import chain, muting, sla
from pager.escalate.draft import Draft
from pager.model.event import Answer, Reply
from pager.model.incident import DeadlineKind, Page, PageState, Phase, State
from pager.model.outgoing import Tell, TellKind
from pager.model.policy import Target, TargetKind

LONGEST_SNOOZE = timedelta(days=7)


def acknowledge(d: Draft, reply: Reply) -> None:
    number = d.incident.number
    if d.incident.state is State.ACKNOWLEDGED:
        d.say("reply.late", "acknowledge: it was acknowledged before", reply.by)
        d.answer = Answer(f"acknowledged {number}; {_name(d, d.incident.acknowledged_by)} already had it", done=False)
        return
    missing = _still_missing(d, reply)
    if missing:
        d.answer = Answer(f"noted for {number}; still waiting for {', '.join(missing)}")
        return
    taken(d, reply.by, reply.via)
    d.answer = Answer(f"acknowledged {number}")


def taken(d: Draft, by: str, via: str) -> None:
    """The incident has somebody: paging stops, and the clock to resolve it starts."""
    others = tuple(p.user for p in d.incident.paged if p.user != by and p.pages > 0)
    stage = d.stage
    sla.answered(d)
    d.withdraw_all(f"acknowledged by {by}")
    d.next_turn()
    d.set(state=State.ACKNOWLEDGED, since=d.now, acknowledged_at=d.now, acknowledged_by=by, runs=(), reason="")
    if d.incident.phase is Phase.ASSIGNED:
        d.set(phase=Phase.STAGE)
    d.arm(DeadlineKind.ACK_EXPIRES, d.policy.ack_expires or d.world.config.settings.ack_expires)
    if stage.resolve_timeout and d.incident.phase is Phase.STAGE:
        d.arm(DeadlineKind.RESOLVE_TIMEOUT, stage.resolve_timeout)
    d.say("incident.acknowledged", _way(by, via), by)
    if by in d.world.config.users:
        d.tell(Tell(TellKind.ACKNOWLEDGED, users=others, what=_name(d, by)))


def resolve(d: Draft, reply: Reply) -> None:
    over(d, reply.by, _way(reply.by, reply.via))
    d.answer = Answer(f"resolved {d.incident.number}")


def _way(by: str, via: str) -> str:
    """How it was said: a tool says it by an alert of its own."""
    return "on the command line" if via == by == "cli" else f"by {via}" if via != by else "its alert was acknowledged"


def over(d: Draft, by: str, what: str) -> None:
    """The incident is closed; everybody who was paged is told."""
    d.withdraw_all(f"resolved by {by}")
    told = tuple(p.user for p in d.incident.paged if p.user != by and p.pages > 0)
    d.next_turn()
    reason = "" if d.incident.state is State.SNOOZED else d.incident.reason
    d.set(state=State.RESOLVED, since=d.now, resolved_at=d.now, resolved_by=by, deadlines=(), runs=(), reason=reason)
    d.say("incident.resolved", what, by)
    d.tell(Tell(TellKind.RESOLVED, users=told, what=_name(d, by)))


def snooze(d: Draft, reply: Reply) -> None:
    span = reply.duration or timedelta(0)
    if not timedelta(0) < span <= LONGEST_SNOOZE:
        d.answer = Answer("a snooze lasts more than nothing and at most 7 days", done=False, refused=True)
        return
    until = d.now + span
    sla.answered(d)
    d.withdraw_all(f"snoozed by {reply.by}")
    d.next_turn()
    d.set(state=State.SNOOZED, since=d.now, runs=(), reason=f"snoozed by {reply.by} until {until:%Y-%m-%d %H:%M} UTC")
    if d.incident.phase in (Phase.ASSIGNED, Phase.HOURS):
        d.set(phase=Phase.STAGE)
    d.arm(DeadlineKind.SNOOZE_END, until)
    d.say("incident.snoozed", f"until {until:%Y-%m-%d %H:%M} UTC", reply.by)
    d.answer = Answer(f"snoozed {d.incident.number} until {until:%H:%M} UTC")


def escalate(d: Draft, reply: Reply) -> None:
    if d.incident.acknowledged_by in d.world.config.users and d.incident.acknowledged_by != reply.by:
        d.tell(Tell(TellKind.ESCALATED, users=(d.incident.acknowledged_by,), what=_name(d, reply.by)))
    d.withdraw_all(f"escalated by {reply.by}")
    muting.heard(d)
    d.say("incident.escalated", f"by {reply.via}", reply.by)
    if d.incident.state is State.SUPPRESSED:
        chain.enter(d, d.incident.stage, f"escalated by {reply.by}")
    else:
        chain.advance(d, f"escalated by {reply.by}")
    d.answer = Answer(f"escalated {d.incident.number}: {_asked(d)}")


def assign(d: Draft, reply: Reply) -> None:
    kind, _, name = reply.target.partition(":")
    if not name:
        kind, name = TargetKind.USER, reply.target
    config = d.world.config
    known: dict[str, Collection[str]] = {"user": config.users, "team": config.teams, "schedule": config.schedules}
    if kind not in known or name not in known[kind]:
        d.answer = Answer(f"{reply.target} is not a user, team or schedule of the config", done=False, refused=True)
        return
    d.withdraw_all(f"assigned to {reply.target} by {reply.by}")
    muting.heard(d)
    if chain.assign(d, Target(TargetKind(kind), name), f"to {kind}:{name} by {reply.by}"):
        d.answer = Answer(f"assigned {d.incident.number}: {_asked(d)}")
        return
    d.set(phase=Phase.STAGE)
    chain.resume(d, f"{reply.target} can't be reached")
    d.answer = Answer(f"{reply.target} can't be reached; {d.incident.number} goes on: {_asked(d)}", done=False)


def note(d: Draft, reply: Reply) -> None:
    text = " ".join(reply.text.split())[:500]
    if not text:
        d.answer = Answer("the note is empty", done=False, refused=True)
        return
    d.set(notes=(*d.incident.notes[-19:], f"{_name(d, reply.by)}: {text}"))
    d.say("incident.noted", text, reply.by)
    d.answer = Answer(f"noted for {d.incident.number}")


def refuse_resolved(d: Draft, reply: Reply) -> None:
    """Anything said of an incident that is over, but a note."""
    d.say("reply.late", f"{reply.action}: it was resolved before", reply.by)
    by = _name(d, d.incident.resolved_by)
    d.answer = Answer(f"{d.incident.number} was resolved by {by} at {d.incident.resolved_at or d.now:%H:%M} UTC", done=False)


def _still_missing(d: Draft, reply: Reply) -> list[str]:
    """With `wait_for: all`: note who answered, and name the targets that have not. Somebody outside the stage answers for all."""
    runs = d.incident.runs
    if not (d.stage.wait_for_all and d.incident.phase is Phase.STAGE and any(r.user == reply.by for r in runs)):
        return []
    marked = tuple(replace(r, acknowledged_at=d.now) if r.user == reply.by and not r.acknowledged_at else r for r in runs)
    answered = {r.target for r in marked if r.acknowledged_at}
    missing = sorted({r.target for r in marked} - answered)
    if missing:
        d.set(runs=marked, pages=tuple(_spare(p, {r.user for r in marked if r.target in answered}) for p in d.incident.pages))
        d.say("incident.acknowledged_in_part", f"still waiting for {', '.join(missing)}", reply.by)
    return missing


def _spare(page: Page, users: set[str]) -> Page:
    if page.user in users and page.state in (PageState.QUEUED, PageState.WAITING):
        return replace(page, state=PageState.WITHDRAWN, why="their target has answered")
    return page


def _asked(d: Draft) -> str:
    users = ", ".join(_name(d, r.user) for r in d.incident.runs if not r.failed)
    match d.incident.phase:
        case Phase.HOURS:
            return f"stage {d.incident.stage + 1} waits for its hours"
        case Phase.CATCH_ALL:
            return f"the catch-all pages {users or 'nobody'}"
        case Phase.ASSIGNED:
            return f"paging {users}"
        case _:
            return f"stage {d.incident.stage + 1} pages {users or 'nobody'}"


def _name(d: Draft, user: str) -> str:
    return d.world.names.get(user, user or "somebody")
