"""Deadlines that have come. Whatever is due at once, the chain moves at most one step, timed from now."""

from __future__ import annotations

from collections.abc import Callable

from pager.escalate import chain, sla
from pager.escalate.asking import LOOK_AGAIN, climb, page_again, unanswered
from pager.escalate.draft import Draft
from pager.model.event import Due
from pager.model.incident import Deadline, DeadlineKind, PageState, Phase, State
from pager.model.outgoing import Tell, TellKind
from pager.model.policy import OnTimeout

K = DeadlineKind

# What moves the chain; the first that is due decides what is said.
MOVES: tuple[DeadlineKind, ...] = (
    K.SLA_RESOLVE, K.SLA_ACK, K.RESOLVE_TIMEOUT, K.ACK_TIMEOUT, K.ACK_EXPIRES, K.SNOOZE_END, K.ASSIGNED, K.HOURS, K.CATCH_ALL,
    K.SUPPORT, K.UNSEEN,
)  # fmt: skip


def on_due(d: Draft, _: Due) -> None:
    due = [x for x in d.incident.deadlines if x.at <= d.now and x.turn in (-1, d.incident.turn)]
    if any(x.at <= d.now for x in d.incident.deadlines):
        d.set(deadlines=tuple(x for x in d.incident.deadlines if x.at > d.now))
    if not due:
        return
    by_kind = {x.kind: x for x in due}
    for kind in (K.SLA_ACK_SOON, K.SLA_RESOLVE_SOON):
        if kind in by_kind and not (kind is K.SLA_ACK_SOON and d.incident.state is not State.TRIGGERED):
            sla.tell_soon(d, kind)
    moves = [kind for kind in MOVES if kind in by_kind and _moves(d, kind)]
    if moves:
        d.due_at = min(by_kind[kind].at for kind in moves)
        STEPS[moves[0]](d)
        return
    for deadline in due:
        d.due_at = deadline.at
        small = SMALL.get(deadline.kind)
        if small:
            small(d, deadline)


def _moves(d: Draft, kind: DeadlineKind) -> bool:
    """Whether the deadline still means something. A breach is recorded here in any case."""
    if kind in (K.SUPPORT, K.UNSEEN):  # whoever was asked by hand is not passed over for it
        return d.incident.state is State.TRIGGERED and d.incident.phase is not Phase.ASSIGNED
    if kind not in (K.SLA_ACK, K.SLA_RESOLVE):
        return True
    breached = sla.breach(d, kind)
    # A stage whose first page nobody has accepted yet is not passed over, and the catch-all pages everybody already.
    unasked = d.incident.phase in (Phase.STAGE, Phase.ASSIGNED) and not _anybody_asked(d)
    waiting_for_pages = d.incident.state is State.TRIGGERED and (unasked or d.incident.phase is Phase.CATCH_ALL)
    return breached and not waiting_for_pages


def _anybody_asked(d: Draft) -> bool:
    return any(p.turn == d.incident.turn and p.state not in (PageState.QUEUED, PageState.WAITING) for p in d.incident.pages)


# --- the chain moves ------------------------------------------------------------------------------------------------------------------
def _ack_timeout(d: Draft) -> None:
    stage, index = d.stage, d.incident.stage
    if stage.wait_for_all:
        return _ask_who_is_missing(d)
    if stage.on_timeout is OnTimeout.REPEAT and d.incident.repeats < stage.repeat_limit:
        return chain.repeat_stage(d, f"no acknowledgement, repeat {d.incident.repeats + 1} of {stage.repeat_limit}")
    return chain.advance(d, f"no acknowledgement in stage {index + 1}")


def _ask_who_is_missing(d: Draft) -> None:
    """`wait_for: all` goes on until each target has answered."""
    missing = unanswered(d)
    d.say("stage.waiting_for_all", f"still missing: {', '.join(missing)}", origin=d.stage.origin)
    page_again(d, missing)
    d.arm(K.ACK_TIMEOUT, d.stage.ack_timeout)  # whatever becomes of these pages: they were asked before


def _resolve_timeout(d: Draft) -> None:
    _tell_who_has_it(d, f"not resolved in time: {_next_word(d)}")
    chain.advance(d, f"acknowledged by {d.incident.acknowledged_by or 'somebody'} and not resolved in time")


def _sla_broken(d: Draft) -> None:
    _tell_who_has_it(d, "the service level is broken: it goes to others as well")
    chain.advance(d, f"service level to {d.incident.sla_breached[-1]} broken")


def _ack_expired(d: Draft) -> None:
    chain.resume(d, f"the acknowledgement of {d.incident.acknowledged_by or 'somebody'} has expired")


def _snooze_ended(d: Draft) -> None:
    chain.resume(d, "the snooze is over")


def _assigned_silent(d: Draft) -> None:
    d.set(phase=Phase.STAGE)
    chain.resume(d, "no answer from whom it was assigned to")


def _hours_came(d: Draft) -> None:
    chain.resume(d, "its hours have come")


def _catch_all_again(d: Draft) -> None:
    chain.catch_all(d, "nobody has answered")


def _support_began(d: Draft) -> None:
    _high(d, "the support hours have begun, and nobody has acknowledged it")


def _unseen(d: Draft) -> None:
    _high(d, "nobody looked in time")


def _high(d: Draft, because: str) -> None:
    chain.resume(d, because)
    d.set(reason=because)


def _tell_who_has_it(d: Draft, what: str) -> None:
    if d.incident.acknowledged_by in d.world.config.users:
        d.tell(Tell(TellKind.NOT_RESOLVED, users=(d.incident.acknowledged_by,), what=what))


def _next_word(d: Draft) -> str:
    following = d.incident.stage + 1
    return f"stage {following + 1} is paged" if following < len(d.policy.stages) else "it goes on past the last stage"


STEPS: dict[DeadlineKind, Callable[[Draft], None]] = {
    K.SLA_RESOLVE: _sla_broken,
    K.SLA_ACK: _sla_broken,
    K.RESOLVE_TIMEOUT: _resolve_timeout,
    K.ACK_TIMEOUT: _ack_timeout,
    K.ACK_EXPIRES: _ack_expired,
    K.SNOOZE_END: _snooze_ended,
    K.ASSIGNED: _assigned_silent,
    K.HOURS: _hours_came,
    K.CATCH_ALL: _catch_all_again,
    K.SUPPORT: _support_began,
    K.UNSEEN: _unseen,
}


# --- the small ones: inside the stage -------------------------------------------------------------------------------------------------
def _next_rung(d: Draft, deadline: Deadline) -> None:
    run = d.run_of(deadline.of)
    if run is not None and run.acknowledged_at is None:
        climb(d, run, "no answer")


def _repeat_in_stage(d: Draft, _: Deadline) -> None:
    page_again(d, unanswered(d))
    if d.stage.repeat_every:
        d.arm(K.REPEAT_EVERY, d.stage.repeat_every)


def _receipt_due(d: Draft, deadline: Deadline) -> None:
    page = d.incident.page(int(deadline.of))
    if page is not None and page.state is PageState.ACCEPTED:
        d.look_up(page)


def _try_again(d: Draft, deadline: Deadline) -> None:
    page = d.incident.page(int(deadline.of))
    if page is not None and page.state is PageState.WAITING:
        d.due_at = page.due_at
        d.send_again(page)
        d.arm(K.DELIVERY, LOOK_AGAIN)


def _look_again(d: Draft, _: Deadline) -> None:
    """Pages wait for a free worker or provider. They are in the outbox, so there is nothing to do but to keep an eye on them."""
    if any(p.state in (PageState.QUEUED, PageState.WAITING) and p.turn == d.incident.turn for p in d.incident.pages):
        d.say("page.waiting", "its pages still wait for their provider")
        d.arm(K.DELIVERY, LOOK_AGAIN)
    elif not any(d.is_armed(kind) for kind in MOVES if kind not in (K.SUPPORT, K.UNSEEN)):  # should not happen, and must not end in silence
        chain.advance(d, "nothing came of its pages")


SMALL: dict[DeadlineKind, Callable[[Draft, Deadline], None]] = {
    K.RUNG: _next_rung,
    K.REPEAT_EVERY: _repeat_in_stage,
    K.RECEIPT: _receipt_due,
    K.RETRY: _try_again,
    K.DELIVERY: _look_again,
}
