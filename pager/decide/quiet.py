"""What keeps an incident from paging, at an event and at its opening."""

from __future__ import annotations

from pager.decide.rules import Rules
from pager.escalate import muting
from pager.escalate.draft import Draft
from pager.model.event import Due, Event, Look, Reply
from pager.model.incident import State
from pager.model.mute import Mute, MuteKind
from pager.noise.mutes import longest
from pager.route.assign import Assignment


def kept_quiet(d: Draft, event: Event, rules: Rules) -> bool:
    """Nothing pages for an incident that is muted by now. True when the event is settled by that."""
    if isinstance(event, Reply):
        return False
    if isinstance(event, Due | Look):
        return muting.on_time(d, mute_of(d, rules), rules.sla(d.incident.service))
    if d.incident.state is State.TRIGGERED and (by := mute_of(d, rules)) is not None:
        muting.mute(d, by)
    return False


def mute_of(d: Draft, rules: Rules) -> Mute | None:
    """What mutes the incident now. What it was opened with holds for as long as that said, whatever the config says since."""
    incident = d.incident
    found = rules.mutes.at(d.world.facts, d.now, newer_than=incident.heard_at)
    kept = incident.mute if incident.heard_at is None else None
    if kept and kept.kind in (MuteKind.ROUTE, MuteKind.PAUSE) and (kept.until is None or kept.until > d.now):
        found.append(kept)
    return longest(found)


def first_mute(d: Draft, assigned: Assignment, rules: Rules) -> Mute | None:
    found = rules.mutes.at(d.world.facts, d.now)
    if assigned.suppress:
        found.append(Mute(MuteKind.ROUTE, assigned.route, assigned.suppress, None, assigned.origin))
    if pause := rules.mutes.pause(d.world.facts, d.now):
        found.append(pause)
    return longest(found)
