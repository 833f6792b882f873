"""Service levels: deadlines of the whole incident, from the moment it opened."""

from __future__ import annotations

from datetime import datetime, timedelta

from pager.escalate.draft import Draft
from pager.model.incident import DeadlineKind, State
from pager.model.outgoing import Tell, TellKind
from pager.model.service import Sla
from pager.model.times import duration

_SOON = 0.8  # of the time has gone: people are told


def arm(d: Draft, sla: Sla, since: datetime | None = None) -> None:
    """`since`: when people could first know of it, where that is not when it opened."""
    opened = since or d.incident.opened_at
    if sla.ack:
        d.set(sla_ack=opened + sla.ack)
        d.arm(DeadlineKind.SLA_ACK_SOON, opened + sla.ack * _SOON)
        d.arm(DeadlineKind.SLA_ACK, opened + sla.ack)
    if sla.resolve:
        d.set(sla_resolve=opened + sla.resolve)
        d.arm(DeadlineKind.SLA_RESOLVE_SOON, opened + sla.resolve * _SOON)
        d.arm(DeadlineKind.SLA_RESOLVE, opened + sla.resolve)


def answered(d: Draft) -> None:
    """Somebody took it: the time to acknowledge is kept, or was broken before."""
    d.disarm(DeadlineKind.SLA_ACK_SOON, DeadlineKind.SLA_ACK)


def tell_soon(d: Draft, kind: DeadlineKind) -> None:
    """At 80% of the time: tell those paged and the owning team."""
    what, until = ("resolve", d.incident.sla_resolve) if kind is DeadlineKind.SLA_RESOLVE_SOON else ("acknowledge", d.incident.sla_ack)
    left = max((until or d.now) - d.now, timedelta(0))
    d.say("sla.soon", f"{duration(left)} left to {what}")
    d.tell(
        Tell(
            TellKind.SLA_SOON, users=tuple(p.user for p in d.incident.paged), team=d.incident.team, what=f"{duration(left)} left to {what}"
        )
    )


def breach(d: Draft, kind: DeadlineKind) -> bool:
    """Record a breach. True when it moves the chain on."""
    what = "resolve" if kind is DeadlineKind.SLA_RESOLVE else "acknowledge"
    if what == "acknowledge" and d.incident.state is not State.TRIGGERED:
        return False
    d.set(sla_breached=(*d.incident.sla_breached, what))
    d.say("sla.breached", f"not {what}d within {duration(d.now - d.incident.opened_at)}")
    return d.incident.state is not State.SUPPRESSED
