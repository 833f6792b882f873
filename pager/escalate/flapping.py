"""An alert that begins and ceases to fire again and again: one incident, one page, and one word when it is stable."""

from __future__ import annotations

from datetime import timedelta

from pager.escalate import replies
from pager.escalate.draft import Draft
from pager.model.incident import DeadlineKind
from pager.model.noise import Flap
from pager.model.outgoing import Tell, TellKind
from pager.model.times import duration

HOLD = timedelta(minutes=15)
"""For an incident that was held by a rule which is no longer there."""


def changed(d: Draft, flap: Flap | None) -> None:
    """It flaps: it is held open until nothing has changed for long."""
    hold = flap.hold if flap else HOLD
    if not d.is_armed(DeadlineKind.STABLE) and flap is not None:
        what = f"{flap.changes} changes in {duration(flap.within)}: held open until nothing changes for {duration(hold)}"
        d.say("incident.flapping", what, origin=flap.origin)
    d.arm(DeadlineKind.STABLE, hold)


def is_stable(d: Draft, firing: bool, flap: Flap | None) -> bool:
    """Nothing has changed for long. True when it is over by that."""
    span = duration(flap.hold if flap else HOLD)
    if not firing:
        replies.over(d, "pagerd", f"it flapped, and has not fired for {span}")
        return True
    d.say("incident.stable", f"it has fired without a break for {span}")
    d.tell(Tell(TellKind.STABLE, users=tuple(p.user for p in d.incident.paged), what="it fires without a break"))
    return False
