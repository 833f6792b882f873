"""What is decided about one incident at one event. Reads as a list: identify, route, escalate, plan pages. Pure: time is an argument,
and everything a decision depends on is in the snapshot or in the rules."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from pager.decide import grouped, joining, storming
from pager.decide.counting import names_for, raised_words, recurs, thresholds_of
from pager.decide.drafts import accepted_at, draft_of, facts_of, facts_to_be, start_at, team_of, who_says
from pager.decide.quiet import count_once_more, count_sources, fires_again, first_mute, keep_awake, kept_quiet
from pager.decide.rising import severity_changed
from pager.decide.rules import Rules
from pager.escalate import flapping, opening, table, urgency
from pager.escalate.draft import NOTHING_SHARED, Draft, Shared
from pager.escalate.replies import taken
from pager.model.alert import Action, AlertRecord, Urgency
from pager.model.event import AlertSeen, Answer, Due, Entry, Event, Look, Reply
from pager.model.incident import DeadlineKind, Incident, State
from pager.model.outgoing import Outgoing
from pager.model.service import Integration
from pager.model.snapshot import Identity, Snapshot
from pager.noise.dedup import Meaning, Verdict, ended, judge, settled
from pager.noise.group import Belongs
from pager.notify.telling import notices
from pager.route.assign import Assignment

__all__ = ["Decision", "Rules", "accepted_at", "decide", "facts_of", "in_turn", "needs"]


class Decision(msgspec.Struct, frozen=True):
    """`after` shares with the snapshot before whatever did not change."""

    after: Snapshot
    entries: tuple[Entry, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    answer: Answer | None = None
    meaning: Meaning | None = None  # of an alert
    shared: Shared = NOTHING_SHARED


def needs(before: Snapshot, event: Event, rules: Rules) -> tuple[str, ...]:
    """The names of the pointers that the decision about this event depends on."""
    incident, names = before.incident, list[str]()
    if incident is not None:
        names += (*incident.inhibits, *grouped.names_of(incident), *storming.names_of(incident))
        names += incident.mute.names if incident.mute else ()
    if isinstance(event, AlertSeen):
        if rules.groups:
            names += _group_name(before, event, rules)
        if event.alert.action is Action.TRIGGER:
            if rules.watches:
                names += names_for(event.alert, before.record, facts_to_be(event.alert, rules), rules)
            if rules.inhibitions and rules.router.assign(event.alert).hours:
                names += rules.inhibitions.sides(facts_to_be(event.alert, rules, Urgency.LOW)).names()
            if before.record is None or not before.record.open:
                names += storming.name_for(event.alert, rules)
    elif before.incident is not None and before.record is not None and not isinstance(event, Reply):
        if rules.inhibitions:
            names += rules.inhibitions.sides(facts_of(before.incident, before.record)).names()
        if before.record.watched and not before.incident.group:
            names += [one.name for one in thresholds_of(before.incident, before.record.alert, rules)]
    return tuple(dict.fromkeys(names))


def in_turn(waiting: dict[Identity, list[AlertSeen]], rules: Rules) -> dict[Identity, list[AlertSeen]]:
    """Of alerts that come at once, those that mute others are decided first."""
    if not rules.inhibitions or len(waiting) < 2:
        return waiting

    def mutes(seen: list[AlertSeen]) -> bool:
        return any(rules.inhibitions.sides(facts_to_be(one.alert, rules)).sources for one in seen if one.alert.action is Action.TRIGGER)

    return dict(sorted(waiting.items(), key=lambda item: not mutes(item[1])))


def _group_name(before: Snapshot, seen: AlertSeen, rules: Rules) -> tuple[str, ...]:
    if seen.alert.action is not Action.TRIGGER or (before.record is not None and before.record.open):
        return ()
    belongs = rules.groups.of(seen.alert)
    return (belongs.name,) if belongs else ()


def decide(before: Snapshot, event: Event, rules: Rules, now: datetime, fresh: int = 0) -> Decision:
    """The decision about one event. `fresh` is the number for an incident, should one open. Events about an incident that is not there
    change nothing."""
    if isinstance(event, AlertSeen):
        belongs = rules.groups.of(event.alert) if rules.groups else None
        known = settled(before.record, before.incident)
        alone = known.member is None if known is not None and known.open else belongs is None
        verdict = judge(known, event, now, rules.config.noise.flap if alone else None)
        return _alert(before, event, verdict, rules, now, fresh, belongs)
    if before.incident is None or before.record is None:
        return Decision(before)
    record = own = before.own or before.record
    d = draft_of(before, before.incident, record, rules, now)
    is_over = False
    if isinstance(event, Due):
        record = _stable(d, record, rules)
        storming.look(d, rules)
        is_over = not d.incident.is_open or _quiet(d, record, rules)
    if isinstance(event, Due | Look) and not is_over and urgency.rises(d):
        d.world = rules.world(facts_of(d.incident, record), d.world.turns)
    if not (is_over or kept_quiet(d, event, rules)):
        table.step(d, event)
    decision = _decision(before, record, d, rules)
    if own is before.record:
        return decision
    return replace(decision, after=replace(decision.after, record=before.record))


def _alert(
    before: Snapshot, seen: AlertSeen, verdict: Verdict, rules: Rules, now: datetime, fresh: int, belongs: Belongs | None
) -> Decision:
    meaning = verdict.meaning
    match meaning:
        case Meaning.REPEATS if not verdict.record.watched:
            return _repeats(before, verdict, rules, now)
        case Meaning.OPENS | Meaning.OPENS_ACKNOWLEDGED | Meaning.OPENS_RESOLVED:
            joined = joining.joins(before, belongs, now)
            if belongs is None or joined is None:
                return _open(before, seen, verdict, rules, now, fresh, belongs)
            d, record = joining.join(joined, belongs, seen, verdict, rules, now)
            return _decision(joined, record, d, rules, Meaning.JOINS)
        case Meaning.REDELIVERED | Meaning.JOINS:
            return Decision(before, meaning=meaning)
        case Meaning.NOTHING_OPEN | Meaning.SUPERSEDED:
            what = f"{seen.alert.action} of {seen.alert.scope}/{seen.alert.dedup_key}: {verdict.reason}"
            entry = Entry(now, verdict.record.incident, f"alert.{meaning}", who_says(seen), what)
            return Decision(replace(before, record=verdict.record), (entry,), meaning=meaning)
        case Meaning.REPEATS | Meaning.FLAPS | Meaning.WORSENS | Meaning.EASES | Meaning.ACKNOWLEDGES | Meaning.RESOLVES:
            return _about_open(before, seen, verdict, rules, now)


def _repeats(before: Snapshot, verdict: Verdict, rules: Rules, now: datetime) -> Decision:
    after, incident = replace(before, record=verdict.record), before.incident
    if incident is not None and incident.group and (at := joining.quiet_at(incident, rules, now)) is not None:
        d = draft_of(before, incident, verdict.record, rules, now)
        d.arm(DeadlineKind.RESOLVE_AFTER, at)
        after = replace(after, incident=d.incident)
    return Decision(after, meaning=Meaning.REPEATS)


def _about_open(before: Snapshot, seen: AlertSeen, verdict: Verdict, rules: Rules, now: datetime) -> Decision:
    """An alert that changes the incident it belongs to."""
    if before.incident is None or not before.incident.is_open:
        return Decision(replace(before, record=verdict.record), meaning=verdict.meaning)
    record = verdict.record
    member = record.member if before.incident.group and before.incident.number == record.incident else None
    d = draft_of(before, before.incident, record, rules, now)
    match verdict.meaning:
        case Meaning.RESOLVES if member:
            joining.resolved(d, seen, record, member)
        case Meaning.ACKNOWLEDGES if member:
            joining.acknowledged(d, seen)
        case Meaning.WORSENS | Meaning.EASES if member:
            record = replace(record, member=joining.changed(d, seen, verdict, member, rules))
        case Meaning.RESOLVES:
            opening.last_alert_resolved(d, who_says(seen))
        case Meaning.ACKNOWLEDGES if d.incident.state is not State.ACKNOWLEDGED:
            taken(d, who_says(seen), who_says(seen))
        case Meaning.WORSENS | Meaning.EASES:
            severity_changed(d, seen, verdict, rules)
        case Meaning.FLAPS:
            flapping.changed(d, rules.config.noise.flap)
            fires_again(d, rules)
        case Meaning.REPEATS:
            joining.heard_of(d, rules)
            count_once_more(d, rules)
        case _:
            pass
    return _decision(before, record, d, rules, verdict.meaning)


def _open(
    before: Snapshot, seen: AlertSeen, verdict: Verdict, rules: Rules, now: datetime, fresh: int, belongs: Belongs | None
) -> Decision:
    assigned = rules.assign(seen.alert, now)
    pointers, risen = recurs(seen.alert, assigned, before.pointers, rules, fresh, now)
    if risen is not None:
        assigned = rules.assign(replace(seen.alert, severity=risen.severity), now)
    policy = rules.policy(assigned.policy)
    record = replace(verdict.record, incident=fresh, member=None)
    incident = Incident(
        number=fresh,
        scope=seen.alert.scope,
        dedup_key=seen.alert.dedup_key,
        state=State.TRIGGERED,
        severity=assigned.severity,
        worst=risen.severity if risen else seen.alert.severity,
        urgency=assigned.urgency,
        service=assigned.service,
        policy=policy.name,
        policy_ref=rules.ref(policy),
        opened_at=now,
        since=now,
        route=assigned.route,
        integration=seen.alert.integration,
        team=team_of(assigned, rules),
        labels=assigned.labels,
        revision=rules.config.revision,
    )
    d = draft_of(replace(before, policy=policy, pointers=pointers), incident, record, rules, now)
    d.due_at = min(now, accepted_at(seen))
    for note in (*seen.alert.notes, *assigned.notes):
        d.say("alert.mended", note, who_says(seen))
    if risen is not None:
        d.say("incident.raised", raised_words(seen.alert, risen), origin=risen.origin)
    urgency.give(d, assigned.urgency, assigned.rises_at)
    _first_word(d, seen, verdict, assigned, rules)
    if belongs and d.incident.is_open:
        record = grouped.begin(d, record, belongs, assigned.severity)
    return _decision(before, record, d, rules, verdict.meaning)


def _first_word(d: Draft, seen: AlertSeen, verdict: Verdict, assigned: Assignment, rules: Rules) -> None:
    integration = rules.config.integrations.get(seen.alert.integration)
    resolve_after = integration.resolve_after if integration else None
    if verdict.meaning is Meaning.OPENS_RESOLVED:
        d.say("incident.opened", assigned.because, origin=assigned.origin)
        opening.last_alert_resolved(d, who_says(seen))
        return
    if by := first_mute(d, assigned, rules) or storming.first_held(d, rules):
        opening.suppress(d, by, resolve_after, start_at(d.policy, assigned.start_at))
        if verdict.record.flapping:
            flapping.changed(d, rules.config.noise.flap)
        return
    opening.open_incident(
        d,
        sla_of=rules.sla(assigned.service),
        resolve_after=resolve_after,
        start_at=start_at(d.policy, assigned.start_at),
        because=assigned.because,
        origin=assigned.origin,
    )
    if verdict.record.flapping:
        flapping.changed(d, rules.config.noise.flap)
    if verdict.meaning is Meaning.OPENS_ACKNOWLEDGED:
        taken(d, who_says(seen), who_says(seen))


def _rooms(d: Draft, record: AlertRecord, rules: Rules) -> None:
    """Which chat channels have a message about it. Once in a channel, it stays there: what was said must be followed up."""
    if d.incident.state is State.SUPPRESSED or not (d.incident.is_open or d.incident.chats):
        return
    wanted = rules.planner.rooms(d.incident, lambda: facts_of(d.incident, record))
    if more := [chat for chat in dict.fromkeys(wanted) if chat not in d.incident.chats]:
        d.set(chats=(*d.incident.chats, *more))


def _stable(d: Draft, record: AlertRecord, rules: Rules) -> AlertRecord:
    """What has flapped, and not changed for long."""
    if not any(x.kind is DeadlineKind.STABLE and x.at <= d.now for x in d.incident.deadlines):
        return record
    d.disarm(DeadlineKind.STABLE)
    if flapping.is_stable(d, record.firing, rules.config.noise.flap):
        return record
    return replace(record, flapping=False, changes=())


def _quiet(d: Draft, record: AlertRecord, rules: Rules) -> bool:
    """`resolve_after`, counted from the last repeat. True when that settled the matter."""
    due = [x for x in d.incident.deadlines if x.kind is DeadlineKind.RESOLVE_AFTER and x.at <= d.now]
    integration: Integration | None = rules.config.integrations.get(d.incident.integration)
    if not due or integration is None or integration.resolve_after is None:
        return False
    quiet_at = (record.last_at or d.incident.opened_at) + integration.resolve_after
    if quiet_at > d.now:
        d.arm(DeadlineKind.RESOLVE_AFTER, quiet_at)
        return False
    opening.quiet_for_long(d, integration.resolve_after, integration.ask_owner)
    return not d.incident.is_open


def _first(d: Draft, record: AlertRecord) -> AlertRecord:
    """Of a group's first alert, by which people know it, where another one of it is at hand."""
    is_first = (record.alert.scope, record.alert.dedup_key) == (d.incident.scope, d.incident.dedup_key)
    return record if is_first else d.incident.ended_with or record


def _decision(before: Snapshot, record: AlertRecord, d: Draft, rules: Rules, meaning: Meaning | None = None) -> Decision:
    if d.policy is not before.policy and before.incident is not None:
        d.set(policy_ref=rules.ref(d.policy))
    if d.entries:
        _rooms(d, record, rules)
    if d.incident.mute is not None and d.incident.state is not State.SUPPRESSED:
        d.set(mute=None, muted_at=None, came_under=None)
    keep_awake(d, before.incident)
    count_sources(d, rules)
    storming.leave(d)
    if d.incident.hushes:
        grouped.remind(d)
    if rules.config.settings.digest is not None:
        urgency.remind(d, rules.config.settings.digest)
    told = notices(d.tells, d.incident, _first(d, record), rules.planner, d.now) if d.tells else ()
    if not d.incident.is_open and d.incident.group:
        grouped.over(d)
    if not d.incident.is_open and record.incident == d.incident.number:
        if record.open:
            record = ended(record, d.now)
        if d.incident.ended_with is None:
            d.set(ended_with=replace(record, applied=()))
    if record.open and record.watched != (d.watched and d.incident.state is State.SUPPRESSED):
        record = replace(record, watched=not record.watched)
    after = Snapshot(record=record, incident=d.incident, policy=d.policy, pointers=d.pointers, turns=before.turns)
    return Decision(after, tuple(d.entries), (*d.wanted_outgoing(), *told), d.answer, meaning, d.with_counted())
