"""Alerts that come into the incident of their group, and what becomes of them there."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from pager.decide import grouped
from pager.decide.drafts import accepted_at, draft_of, facts_of, facts_to_be, who_says
from pager.decide.quiet import first_mute, inhibitions, mute_of
from pager.decide.rising import rise
from pager.decide.rules import Rules
from pager.escalate import muting, opening
from pager.escalate.draft import Draft
from pager.escalate.replies import taken
from pager.model.alert import AlertRecord, Member
from pager.model.event import AlertSeen
from pager.model.incident import DeadlineKind, Incident, State
from pager.model.mute import Mute
from pager.model.snapshot import Snapshot
from pager.noise.dedup import Meaning, Verdict
from pager.noise.group import Belongs, takes
from pager.noise.mutes import longest
from pager.route.assign import Assignment

SLACK = 1.25
"""Of `resolve_after`: the incident is written now and then, not at each repeat of one of its alerts."""


def joins(before: Snapshot, belongs: Belongs | None, now: datetime) -> Snapshot | None:
    """The snapshot of the incident that takes the alert of this identity; None where it begins one of its own."""
    pointer = before.pointers.get(belongs.name) if belongs else None
    known = before.groups.get(pointer.incident) if pointer else None
    if belongs is None or pointer is None or known is None:
        return None
    is_member = before.record is not None and before.record.incident == pointer.incident
    if not takes(belongs.rule, pointer, known[0], is_member, now):
        return None
    return Snapshot(before.record, known[0], known[1], before.pointers, turns=before.turns)


def join(before: Snapshot, belongs: Belongs, seen: AlertSeen, verdict: Verdict, rules: Rules, now: datetime) -> tuple[Draft, AlertRecord]:
    """One more alert of the incident in `before`. It pages where it is worse than what was paged for, or where what was there is muted."""
    assert before.incident is not None
    assigned = rules.assign(seen.alert, now)
    record = replace(verdict.record, incident=before.incident.number, member=Member(assigned.severity))
    is_new = before.record is None or before.record.incident != before.incident.number
    d = draft_of(before, before.incident, record, rules, now)
    d.due_at = min(now, accepted_at(seen))
    d.came = facts_to_be(seen.alert, rules, assigned.urgency)
    if belongs.rule.sliding:
        pointer = d.pointers[belongs.name]
        d.point(belongs.name, replace(pointer, times=(now,), count=pointer.count + 1))
    for note in seen.alert.notes:
        d.say("alert.mended", note, who_says(seen))
    d.set(alerts=d.incident.alerts + is_new)
    grouped.compare(d, seen.alert, assigned)
    heard_of(d, rules)
    if verdict.meaning is Meaning.OPENS_RESOLVED:
        d.came = None
        d.say("incident.joined", f"{seen.alert.summary}; its resolve was handled first", who_says(seen))
        return d, record
    member = _counted(d, seen, assigned, record, Member(assigned.severity), rules)
    if verdict.meaning is Meaning.OPENS_ACKNOWLEDGED:
        acknowledged(d, seen)
    return d, replace(record, member=member)


def _counted(d: Draft, seen: AlertSeen, assigned: Assignment, record: AlertRecord, member: Member, rules: Rules) -> Member:
    by = first_mute(d, assigned, rules)
    if d.incident.state is State.SUPPRESSED:
        grouped.absorb(d)
    member = grouped.come(d, member, by)
    d.world = rules.world(facts_of(d.incident, record), d.world.turns)
    said = f"{seen.alert.summary} ({grouped.count_words(d.incident)})"
    if by is not None:
        d.say("incident.joined", f"{said}; muted: {by.reason}", who_says(seen))
        _stays_muted(d, rules)
    elif seen.alert.severity.worse_than(d.incident.worst):
        d.say("incident.joined", said, who_says(seen))
        rise(d, seen.alert, assigned, f"one more alert, of severity {seen.alert.severity}; {assigned.because}", record, rules)
    else:
        d.say("incident.joined", said, who_says(seen))
        if d.incident.state is State.SUPPRESSED and not grouped.is_held_whole(d.incident):
            muting.loud(d, rules.sla(d.incident.service))
    return member


def _stays_muted(d: Draft, rules: Rules) -> None:
    if d.incident.state is State.SUPPRESSED and (by := mute_of(d, rules)) is not None:
        muting.held(d, by)


# --- what becomes of them -------------------------------------------------------------------------------------------------------------
def changed(d: Draft, seen: AlertSeen, verdict: Verdict, member: Member, rules: Rules) -> Member:
    """Its severity is another now."""
    assigned = rules.assign(seen.alert, d.now)
    d.came = facts_to_be(seen.alert, rules, assigned.urgency)
    known = next((hush.mute for hush in d.incident.hushes if hush.mute.key == member.hushed), None)
    grouped.go(d, member)
    if d.incident.alerts > 1:
        grouped.compare(d, seen.alert, assigned)
    member = replace(member, severity=assigned.severity)
    if not seen.alert.severity.worse_than(d.incident.worst):
        d.say("incident.severity_changed", verdict.reason, who_says(seen))
        return grouped.come(d, member, known)
    d.set(worst=seen.alert.severity)
    if d.incident.alerts < 2:
        d.set(labels=assigned.labels)
    if assigned.suppress:  # what is open stays as it is: a rise never silences
        why = f"{verdict.reason}; route {assigned.route} would suppress it, but it is open"
        d.say("incident.severity_changed", why, who_says(seen))
        return grouped.come(d, member, known)
    by = _own_mute(d, rules)
    if d.incident.state is State.SUPPRESSED:
        grouped.absorb(d)
    member = grouped.come(d, member, by)
    if by is not None:
        d.say("incident.worsened", f"{verdict.reason}; still muted", who_says(seen))
        _stays_muted(d, rules)
    else:
        rise(d, seen.alert, assigned, f"{verdict.reason}; {assigned.because}", verdict.record, rules)
    return member


def _own_mute(d: Draft, rules: Rules) -> Mute | None:
    """What mutes the very alert. A pause, or what its route said, does not outlast a rise."""
    facts = d.came or d.world.facts
    found = rules.mutes.at(facts, d.now, newer_than=d.incident.heard_at)
    return longest(found if d.incident.heard_at else [*found, *inhibitions(d, rules, facts)])


def resolved(d: Draft, seen: AlertSeen, record: AlertRecord, member: Member) -> None:
    """The incident is over when all of its alerts are."""
    grouped.go(d, member)
    if d.incident.still_fire == 0:
        return opening.last_alert_resolved(d, who_says(seen))
    if (record.alert.scope, record.alert.dedup_key) == (d.incident.scope, d.incident.dedup_key):
        d.set(ended_with=replace(record, applied=()))
    return d.say("incident.alert_resolved", f"{record.alert.summary}: {grouped.count_words(d.incident)}", who_says(seen))


def acknowledged(d: Draft, seen: AlertSeen) -> None:
    """A tool speaks for its alert alone: where others fire as well, somebody has yet to take the incident."""
    if d.incident.still_fire > 1:
        return d.say("alert.acknowledged", f"{grouped.count_words(d.incident)}: it stays with people", who_says(seen))
    if d.incident.state is not State.ACKNOWLEDGED:
        taken(d, who_says(seen), who_says(seen))
    return None


def heard_of(d: Draft, rules: Rules) -> None:
    """`resolve_after` counts from the last repeat of any alert."""
    if (at := quiet_at(d.incident, rules, d.now)) is not None:
        d.arm(DeadlineKind.RESOLVE_AFTER, at)


def quiet_at(incident: Incident, rules: Rules, now: datetime) -> datetime | None:
    """Where `resolve_after` would come too early after a repeat now: its new moment."""
    armed = next((deadline.at for deadline in incident.deadlines if deadline.kind is DeadlineKind.RESOLVE_AFTER), None)
    integration = rules.config.integrations.get(incident.integration)
    if armed is None or integration is None or integration.resolve_after is None or armed >= now + integration.resolve_after:
        return None
    return now + integration.resolve_after * SLACK
