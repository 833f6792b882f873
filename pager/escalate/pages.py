"""What became of a page, and what is tried next."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from pager.escalate.asking import (
    LOOK_AGAIN,
    climb,
    everybody_failed,
    in_chain,
    note_lost,
)
from pager.escalate.chain import advance, catch_all_of, pass_on, resume
from pager.escalate.draft import Draft
from pager.model.event import (
    Fault,
    PageAccepted,
    PageDeferred,
    PageDelivered,
    PageFailed,
    PageUnconfirmed,
)
from pager.model.incident import DeadlineKind, Page, Paged, PageState, Phase, Run, State
from pager.oncall.nights import counts_as_night_page

MOST_ATTEMPTS = 4  # of one page at one provider
PATIENCE = timedelta(seconds=6)  # with a provider that asks for time, all in all; then it is not waited for alone
RECEIPT_WITHIN = timedelta(seconds=60)


def accepted(d: Draft, event: PageAccepted) -> None:
    page = d.incident.page(event.seq)
    if page is None or page.state.is_out or event.attempt != page.attempt:  # of a try that is known to have failed by now
        return
    if page.state is PageState.FAILED:  # its receipt was faster than our note of the provider's yes
        return d.set_page(replace(page, receipt=event.receipt))
    page = replace(page, state=PageState.ACCEPTED, accepted_at=d.now, receipt=event.receipt, folded=event.folded)
    d.set_page(page)
    found = f" in one message for {event.count} incidents" if event.count > 1 else ""
    found += " (a look-up found it: it had been accepted before)" if event.found else ""
    d.say("page.accepted", f"{page.user} by {page.channel} through {page.provider}{found}")
    _remember(d, page)
    _count_night(d, page)
    if _is_current(d, page):
        _start_timers(d, page, event.expects_receipt)


def deferred(d: Draft, event: PageDeferred) -> None:
    """Surely not sent. Another provider goes at once; without one, the same again after the wait it asked for. Where that is long, the next
    rung starts meanwhile, and where there is none and nobody else is reached, it counts as failed."""
    page = _waiting_for(d, event.seq, event.attempt)
    if page is None:
        return
    d.say("page.deferred", f"{page.user} by {page.channel} through {page.provider}: {event.why}")
    if not _is_wanted(d, page):
        return d.set_page(replace(page, state=PageState.WITHDRAWN, why=event.why))
    other = d.world.planner.instead(d.incident, page, Fault.PROVIDER)
    if other is not None or page.attempt >= MOST_ATTEMPTS:
        return _try_next(d, replace(page, state=PageState.FAILED, why=event.why), other, event.why)
    d.set_page(replace(page, state=PageState.WAITING, why=event.why))
    d.arm(DeadlineKind.RETRY, event.after, of=str(page.seq))
    run = d.run_of(page.user)
    if event.after * page.attempt <= PATIENCE or run is None or not _is_current(d, page) or _is_reached(d, page.user):
        return None
    if climb(d, run, f"{page.channel} asks for time ({event.why})") or any(_is_reached(d, r.user) for r in d.incident.runs):
        return None
    d.disarm(DeadlineKind.RETRY, of=str(page.seq))
    return _try_next(d, replace(page, state=PageState.FAILED, why=event.why), None, event.why)


def failed(d: Draft, event: PageFailed) -> None:
    page = d.incident.page(event.seq)
    if page is None or page.state is PageState.FAILED or page.attempt != event.attempt:
        return
    d.say("page.failed", f"{page.user} by {page.channel} through {page.provider}: {event.why}")
    _remember(d, replace(page, why=event.why), "failed: " + event.why)
    wanted, page = _is_wanted(d, page), replace(page, state=PageState.FAILED, why=event.why)
    if not wanted:
        return d.set_page(page)
    if event.fault is Fault.AGAIN_ONCE and page.attempt == 1:
        d.disarm(DeadlineKind.RECEIPT, of=str(page.seq))
        return d.send_again(page)
    return _try_next(d, page, d.world.planner.instead(d.incident, page, event.fault), event.why)


def delivered(d: Draft, event: PageDelivered) -> None:
    page = d.incident.page(event.seq)
    if page is None or page.state in (PageState.DELIVERED, PageState.FAILED):
        return
    if not page.state.is_out:  # the receipt was faster than our note of the provider's yes
        accepted(d, PageAccepted(page.seq, page.attempt, page.provider, page.receipt, expects_receipt=False))
        page = d.incident.page(page.seq) or page
    d.set_page(replace(page, state=PageState.DELIVERED))
    d.disarm(DeadlineKind.RECEIPT, of=str(page.seq))
    d.say("page.delivered", f"{page.user} by {page.channel}")
    _remember(d, page, "delivered")


def unconfirmed(d: Draft, event: PageUnconfirmed) -> None:
    """It may have arrived, but that is not known: the next way is tried, and the person does not count as failed."""
    page = d.incident.page(event.seq)
    if page is None or page.state is not PageState.ACCEPTED:
        return
    d.say("page.unconfirmed", f"{page.user} by {page.channel}: {event.why}")
    page = replace(page, state=PageState.UNCONFIRMED, why=event.why)
    _remember(d, page, "no receipt")
    if not (_is_wanted(d, page) and _is_current(d, page)):
        return d.set_page(page)
    return _try_next(d, page, d.world.planner.instead(d.incident, page, Fault.PROVIDER), event.why)


def _try_next(d: Draft, page: Page, other: Page | None, why: str) -> None:
    """The next provider, else the next rung; when no page of anybody in the stage is left, the next stage. All at once."""
    d.set_page(page)
    d.due_at = page.due_at
    if not _is_current(d, page):
        return
    run = d.run_of(page.user)
    if run is None:
        return
    if other is not None:
        sent = d.send(other)
        d.say("page.queued", f"{sent.user} by {sent.channel} through {sent.provider}, in place of page {page.seq}")
        d.arm(DeadlineKind.DELIVERY, LOOK_AGAIN)
        return
    if page.rung == run.rung and climb(d, run, f"{page.channel} failed ({why})"):
        return
    if (run := d.run_of(page.user)) is not None:
        note_lost(d, run)
    if (run := d.run_of(page.user)) is not None and run.failed and pass_on(d, run):
        return
    if everybody_failed(d):
        _nobody_left(d)


def _nobody_left(d: Draft) -> None:
    match d.incident.phase:
        case Phase.CATCH_ALL:
            d.say("catch_all.failed", "every page of the catch-all failed")
            d.arm(DeadlineKind.CATCH_ALL, catch_all_of(d)[1])
        case Phase.ASSIGNED:
            d.set(phase=Phase.STAGE)
            resume(d, "every page to the assigned person failed")
        case _:
            advance(d, f"every page of stage {d.incident.stage + 1} failed")


def _count_night(d: Draft, page: Page) -> None:
    """For the person's limits: once for each time the chain asks them, whatever their ladder adds to it."""
    config = d.world.config
    person = config.users.get(page.user)
    woken = any(p.user == page.user and p.turn == page.turn and p.seq != page.seq and p.accepted_at for p in d.incident.pages)
    if person is not None and not woken and counts_as_night_page(person, config.settings, d.now):
        d.night_pages.append((page.user, d.now))


def _is_reached(d: Draft, user: str) -> bool:
    """Whether a page of this turn is out to them, or about to be."""
    about = (PageState.QUEUED, PageState.ACCEPTED, PageState.DELIVERED)
    return any(p.user == user and p.state in about and p.turn == d.incident.turn for p in d.incident.pages)


def _start_timers(d: Draft, page: Page, expects_receipt: bool) -> None:
    """Time runs from the first page that a provider accepted: a stage can't be over before anybody was asked."""
    incident = d.incident
    stage = d.stage
    if not any(d.is_armed(k) for k in (DeadlineKind.ACK_TIMEOUT, DeadlineKind.CATCH_ALL, DeadlineKind.ASSIGNED)):
        match incident.phase:
            case Phase.CATCH_ALL:
                d.arm(DeadlineKind.CATCH_ALL, catch_all_of(d)[1])
            case Phase.ASSIGNED:
                d.arm(DeadlineKind.ASSIGNED, stage.ack_timeout)
            case _:
                d.arm(DeadlineKind.ACK_TIMEOUT, stage.ack_timeout)
                if stage.repeat_every:
                    d.arm(DeadlineKind.REPEAT_EVERY, stage.repeat_every)
    if (run := d.run_of(page.user)) is not None:
        _start_ladder(d, run, page)
    if expects_receipt:
        d.arm(DeadlineKind.RECEIPT, receipt_within(stage.ack_timeout), of=str(page.seq))
    if not any(p.state is PageState.QUEUED and p.turn == incident.turn for p in d.incident.pages):
        d.disarm(DeadlineKind.DELIVERY)


def _start_ladder(d: Draft, run: Run, page: Page) -> None:
    """`after` runs from the first accepted page; a rung that was reached before its time brings the next one forward with it."""
    since = run.accepted_at or d.now
    d.set_run(replace(run, accepted_at=since))
    if run.rung == page.rung and not _rung_armed(d, run.user) and run.rung + 1 < len(run.rungs):
        here, following = run.rungs[run.rung].after, run.rungs[run.rung + 1].after
        d.arm(DeadlineKind.RUNG, max(min(since + following, d.now + (following - here)), d.now), of=run.user)


def receipt_within(ack_timeout: timedelta) -> timedelta:
    """How long a receipt is waited for: well inside the stage, so that another way is tried while it still matters."""
    return min(RECEIPT_WITHIN, ack_timeout / 3)


def _rung_armed(d: Draft, user: str) -> bool:
    return any(x.kind is DeadlineKind.RUNG and x.of == user for x in d.incident.deadlines)


def _remember(d: Draft, page: Page, result: str = "") -> None:
    """Keep for each person what they got last, and what came of that: for the hand-over, and to tell them when it is over."""
    known = next((p for p in d.incident.paged if p.user == page.user), None)
    if known is None or not result:
        now = Paged(page.user, page.stage, d.now, page.channel, page.address, page.provider, (known.pages if known else 0) + 1, result)
        if result.startswith("failed"):
            now = replace(now, pages=now.pages - 1)
    elif (known.channel, known.address, known.provider) != (page.channel, page.address, page.provider):
        return  # a page that went another way says nothing about the last one
    else:
        other = _another_way(d, page, known) if result.startswith("failed") else None
        now = other or replace(known, result=result)
    d.set(paged=(*(p for p in d.incident.paged if p.user != page.user), now))


def _another_way(d: Draft, lost: Page, known: Paged) -> Paged | None:
    """What else the person has got lately, so that they are told where they were reached."""
    others = [
        p for p in d.incident.pages if p.user == lost.user and p.seq != lost.seq and p.state in (PageState.ACCEPTED, PageState.DELIVERED)
    ]
    if not others:
        return None
    page = others[-1]
    at, result = page.accepted_at or known.at, "delivered" if page.state is PageState.DELIVERED else ""
    return Paged(page.user, page.stage, at, page.channel, page.address, page.provider, max(known.pages - 1, 1), result)


def _waiting_for(d: Draft, seq: int, attempt: int) -> Page | None:
    """The page, if it is still this attempt that is out with a worker. What was withdrawn meanwhile may be reported, too."""
    page = d.incident.page(seq)
    if page is None or page.attempt != attempt or page.state not in (PageState.QUEUED, PageState.WITHDRAWN):
        return None
    return page


def _is_current(d: Draft, page: Page) -> bool:
    return d.incident.state is State.TRIGGERED and page.turn == d.incident.turn and in_chain(d)


def _is_wanted(d: Draft, page: Page) -> bool:
    """Whether a page that did not make it should be made up for."""
    return d.incident.state is State.TRIGGERED and page.state is not PageState.WITHDRAWN
