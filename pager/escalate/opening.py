"""The first and the last word about an incident, as the alerts have it."""

from __future__ import annotations

from datetime import datetime, timedelta

from pager.escalate import chain, muting, replies, sla
from pager.escalate.draft import Draft
from pager.escalate.urgency import give
from pager.model.alert import Severity, Urgency
from pager.model.incident import DeadlineKind, State
from pager.model.mute import Mute, MuteKind
from pager.model.origin import Origin
from pager.model.outgoing import Tell, TellKind
from pager.model.policy import Policy
from pager.model.service import Sla
from pager.model.times import duration


def open_incident(d: Draft, *, sla_of: Sla, resolve_after: timedelta | None, start_at: int, because: str, origin: Origin | None) -> None:
    """The incident is new; its chain starts at stage `start_at` (from 0)."""
    d.say("incident.opened", because, origin=origin)
    sla.arm(d, sla_of)
    if resolve_after:
        d.arm(DeadlineKind.RESOLVE_AFTER, resolve_after)
    chain.enter(d, start_at, "opened")


def suppress(d: Draft, by: Mute, resolve_after: timedelta | None, start_at: int) -> None:
    """Recorded, and nobody is paged for now. Its chain will start at stage `start_at` (from 0)."""
    d.set(stage=start_at)
    muting.mute(d, by)
    if resolve_after:
        d.arm(DeadlineKind.RESOLVE_AFTER, resolve_after)


def worsen(
    d: Draft, *, was: Severity | None, policy: Policy, urgency: Urgency, rises_at: datetime | None, start_at: int, sla_of: Sla, because: str,
    origin: Origin | None,
) -> None:  # fmt: skip
    """The severity rose: route and urgency were looked at again. Who has it, or is asked, hears of it; what waits, waits no longer. `was`: as
    what it paged until now; None where the routes make no more of it than before."""
    changed = policy.name != d.incident.policy or urgency is not d.incident.urgency
    woken = d.incident.state in (State.ACKNOWLEDGED, State.SNOOZED, State.SUPPRESSED)
    if not (changed or woken or was):
        return d.say("incident.worsened", f"{because}; {d.incident.severity} as before: nobody is paged again", origin=origin)
    d.say("incident.worsened", because, origin=origin)
    d.risen = was is not None
    if d.incident.state is State.SUPPRESSED:
        sla.arm(d, sla_of)
    give(d, urgency, rises_at)
    if policy.name != d.incident.policy:
        chain.use_policy(d, policy)
        d.withdraw_all("another policy applies")
        chain.enter(d, start_at, because)
    elif changed or woken:
        chain.resume(d, because)
    else:
        chain.page_worse(d, because)
    if was is not None and d.incident.paged:
        d.set(reason=f"worse: it was {was}")
    return None


def last_alert_resolved(d: Draft, by: str) -> None:
    mute, alerts = d.incident.mute, d.incident.alerts
    if mute is not None and mute.kind in (MuteKind.PAUSE, MuteKind.DIGEST):
        replies.over(d, by, "healed itself")
        rule = "digest" if mute.kind is MuteKind.DIGEST else f"pause {mute.rule}"
        return d.set(reason=f"healed itself after {duration(d.now - d.incident.opened_at)} ({rule})")
    return replies.over(d, by, f"all of its {alerts} alerts were resolved" if alerts > 1 else "its alert was resolved")


def quiet_for_long(d: Draft, after: timedelta, ask_owner: bool) -> None:
    """`resolve_after`: no repeat came for that long."""
    if not ask_owner:
        return replies.over(d, "pagerd", "no repeat of its alert for long")
    d.say("incident.quiet", "no repeat of its alert for long: the owner is asked")
    owner = (d.incident.acknowledged_by,) if d.incident.acknowledged_by in d.world.config.users else ()
    d.tell(Tell(TellKind.ASK_OWNER, users=owner, team=d.incident.team, what="no repeat of its alert for long: is it over?"))
    return d.arm(DeadlineKind.RESOLVE_AFTER, after)
