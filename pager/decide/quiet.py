"""What keeps an incident from paging, at an event and at its opening."""

from __future__ import annotations

from datetime import datetime, timedelta

from pager.conditions.condition import Facts
from pager.decide import grouped
from pager.decide.counting import count_repeat, still_too_few, too_few_yet
from pager.decide.rules import Rules
from pager.decide.storming import still_held
from pager.escalate import muting, urgency
from pager.escalate.draft import Draft, Shared
from pager.model.event import Due, Event, Look, Reply
from pager.model.incident import DeadlineKind, Incident, State
from pager.model.mute import Mute, MuteKind
from pager.noise.inhibit import GRACE, begun, ended, holding, inhibited
from pager.noise.mutes import longest
from pager.route.assign import Assignment

AT_ONCE = timedelta(0)
_MOST_SOURCES = 20  # of a group


def kept_quiet(d: Draft, event: Event, rules: Rules) -> bool:
    """Nothing pages for an incident that is muted by now. True when the event is settled by that."""
    if isinstance(event, Reply):
        return False
    if isinstance(event, Due | Look):
        if d.incident.group and grouped.still_hushed(d, rules):
            return True
        return muting.on_time(d, mute_of(d, rules), rules.sla(d.incident.service))
    if d.incident.state is State.TRIGGERED and (by := mute_of(d, rules)) is not None:
        muting.mute(d, by)
    return False


def mute_of(d: Draft, rules: Rules, risen: bool = False) -> Mute | None:
    """What mutes the incident now. What it was opened with holds for as long as that said, whatever the config says since, but not past a
    rise in severity."""
    incident = d.incident
    d.looked = True
    facts = grouped.in_common(d)
    found = rules.mutes.at(facts, d.now, newer_than=incident.heard_at)
    if incident.heard_at is None:
        found += inhibitions(d, rules, facts)
        found += [] if risen else still_held(d, rules)
        if incident.state is State.SUPPRESSED and not risen and not incident.paged:
            found += urgency.waits(d, incident.urgency, incident.service, d.is_armed(DeadlineKind.SUPPORT))
        if incident.group:
            return _longest(d, found) or grouped.hushed(d, rules)
        found += still_too_few(d, rules)
        own = incident.came_under or incident.mute  # a release before this one kept no more than what mutes it now
        if own and not risen and own.kind in (MuteKind.ROUTE, MuteKind.PAUSE) and (own.until is None or own.until > d.now):
            found.append(own)
        if risen:
            d.set(came_under=None)
    return _longest(d, found)


def _longest(d: Draft, found: list[Mute]) -> Mute | None:
    """Whoever renewed it is heard where a rule may mute no longer."""
    if d.incident.state is not State.SUPPRESSED:
        return longest(found)
    return longest([one for one in found if not muting.outlasted(d, one)] or found)


def fires_again(d: Draft, rules: Rules) -> None:
    """It flaps; while it did not fire, what muted it may have ended."""
    if d.firing and d.incident.state is State.SUPPRESSED:
        muting.on_time(d, mute_of(d, rules), rules.sla(d.incident.service))


def count_once_more(d: Draft, rules: Rules) -> None:
    """A repeat of an alert that waits for more of them."""
    count_repeat(d, rules)
    muting.on_time(d, mute_of(d, rules), rules.sla(d.incident.service))


def first_mute(d: Draft, assigned: Assignment, rules: Rules) -> Mute | None:
    """What mutes it as it opens, or one more alert as it comes into it."""
    facts = d.came or d.world.facts
    found = [*rules.mutes.at(facts, d.now), *inhibitions(d, rules, facts), *too_few_yet(d, assigned, rules)]
    own = rules.mutes.pause(facts, d.now)
    if assigned.suppress:
        own = Mute(MuteKind.ROUTE, assigned.route, assigned.suppress, None, assigned.origin)
    if own is not None:
        if not d.incident.group:  # each alert of a group has its own
            d.set(came_under=own)
        found.append(own)
    found += urgency.waits(d, assigned.urgency, assigned.service, assigned.rises_at is not None)
    return longest(found)


def keep_awake(d: Draft, before: Incident | None) -> None:
    """What is to wake it stands in the deadlines alone, and a change that did not look at what mutes it would write over that."""
    incident, mute = d.incident, d.incident.mute
    if d.looked or incident is before or incident.state is not State.SUPPRESSED or mute is None or not mute.names:
        return
    there = [d.pointers[name] for name in mute.names if name in d.pointers]
    ends: datetime | None = None
    if mute.kind is MuteKind.THRESHOLD:
        ends = d.now if any(one.at and incident.muted_at and one.at >= incident.muted_at for one in there) else None
    elif mute.kind is MuteKind.INHIBITION:
        found = holding(mute.names, d.pointers, incident.inhibits, d.now, incident.number)
        ends = found[1] if found else d.now
    d.shared |= Shared(relies=tuple(name for name in mute.names if name in d.pointers))
    if ends is not None:
        d.arm(DeadlineKind.SUPPRESSED, ends)


# --- inhibition -----------------------------------------------------------------------------------------------------------------------
def inhibitions(d: Draft, rules: Rules, facts: Facts) -> list[Mute]:
    """What is open now. Muted or not, it is looked at again when that changes; and it must not have changed when this is written."""
    found: list[Mute] = []
    muted = d.incident.number if d.incident.state is State.SUPPRESSED else 0
    for target in rules.inhibitions.sides(facts).targets:
        if (by := inhibited(target, d.pointers, d.incident.inhibits, d.now, muted)) is not None:
            found.append(by)
        d.shared |= Shared(relies=tuple(name for name in target.names if name in d.pointers), joins=target.names)
    return found


def count_sources(d: Draft, rules: Rules) -> None:
    """While it is open, it is counted among what mutes others; with the first of those, and when the last is over, the others are looked at."""
    counted = d.incident.inhibits
    if not (counted or rules.inhibitions):
        return
    wanted = rules.inhibitions.sides(d.came or d.world.facts).sources if d.incident.is_open else ()
    if d.incident.is_open and d.incident.alerts > 1:  # one alert's view of it: a group mutes for as long as it is open
        wanted = tuple(dict.fromkeys((*counted, *wanted)))[:_MOST_SOURCES]
    for name in counted:
        if name not in wanted and name in d.pointers:
            d.point(name, ended(d.pointers[name], d.incident.number, d.incident.is_open, d.now))
            if d.pointers[name].count == 0:
                d.shared |= Shared(wakes=((name, GRACE),))
    for name in wanted:
        if name not in counted and name in d.pointers:
            if d.pointers[name].count == 0:
                d.shared |= Shared(wakes=((name, AT_ONCE),))
            d.point(name, begun(d.pointers[name], d.incident.number))
    kept = tuple(name for name in wanted if name in d.pointers or name in counted)
    if kept != counted:
        d.set(inhibits=kept)
