"""What is decided about one incident at one event. Reads as a list: identify, route, escalate, plan pages. Pure: time is an argument,
and everything a decision depends on is in the snapshot or in the rules."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from pager.conditions.condition import Facts
from pager.decide import storming
from pager.decide.counting import names_for, recurs, thresholds_of
from pager.decide.quiet import count_once_more, count_sources, first_mute, kept_quiet, mute_of
from pager.decide.rules import Rules
from pager.escalate import flapping, muting, opening, table
from pager.escalate.draft import Draft, Shared
from pager.escalate.replies import taken
from pager.model.alert import Action, Alert, AlertRecord
from pager.model.event import AlertSeen, Answer, Due, Entry, Event, Reply
from pager.model.incident import DeadlineKind, Incident, State
from pager.model.outgoing import Outgoing
from pager.model.policy import Policy
from pager.model.service import Integration, Service
from pager.model.snapshot import Identity, Snapshot
from pager.model.times import duration
from pager.noise.dedup import Meaning, Verdict, ended, judge
from pager.notify.telling import notices
from pager.route.assign import Assignment

__all__ = ["Decision", "Rules", "accepted_at", "decide", "in_turn", "needs"]


class Decision(msgspec.Struct, frozen=True):
    """`after` shares with the snapshot before whatever did not change."""

    after: Snapshot
    entries: tuple[Entry, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    answer: Answer | None = None
    meaning: Meaning | None = None  # of an alert
    shared: Shared = Shared()


def needs(before: Snapshot, event: Event, rules: Rules) -> tuple[str, ...]:
    """The names of the pointers that the decision about this event depends on."""
    names = [*before.incident.inhibits, *storming.names_of(before.incident)] if before.incident else []
    if isinstance(event, AlertSeen):
        if event.alert.action is Action.TRIGGER:
            if rules.watches:
                names += names_for(event.alert, before.record, _facts_to_be(event.alert, rules), rules)
            if before.record is None or not before.record.open:
                names += storming.name_for(event.alert, rules)
    elif before.incident is not None and before.record is not None and not isinstance(event, Reply):
        if rules.inhibitions:
            names += rules.inhibitions.sides(_facts(before.incident, before.record)).names()
        if before.record.watched:
            names += [one.name for one in thresholds_of(before.incident, before.record.alert, rules)]
    return tuple(dict.fromkeys(names))


def in_turn(waiting: dict[Identity, list[AlertSeen]], rules: Rules) -> dict[Identity, list[AlertSeen]]:
    """Of alerts that come at once, those that mute others are decided first."""
    if not rules.inhibitions or len(waiting) < 2:
        return waiting

    def mutes(seen: list[AlertSeen]) -> bool:
        return any(rules.inhibitions.sides(_facts_to_be(one.alert, rules)).sources for one in seen if one.alert.action is Action.TRIGGER)

    return dict(sorted(waiting.items(), key=lambda item: not mutes(item[1])))


def decide(before: Snapshot, event: Event, rules: Rules, now: datetime, fresh: int = 0) -> Decision:
    """The decision about one event. `fresh` is the number for an incident, should one open. Events about an incident that is not there
    change nothing."""
    if isinstance(event, AlertSeen):
        verdict = judge(before.record, event, now, rules.config.noise.flap)
        return _alert(before, event, verdict, rules, now, fresh)
    if before.incident is None or before.record is None:
        return Decision(before)
    record = before.record
    d = _draft(before, before.incident, record, rules, now)
    settled = False
    if isinstance(event, Due):
        record = _stable(d, record, rules)
        storming.look(d, rules)
        settled = not d.incident.is_open or _quiet(d, record, rules)
    if not (settled or kept_quiet(d, event, rules)):
        table.step(d, event)
    return _decision(before, record, d, rules)


def _alert(before: Snapshot, seen: AlertSeen, verdict: Verdict, rules: Rules, now: datetime, fresh: int) -> Decision:
    meaning = verdict.meaning
    match meaning:
        case Meaning.REPEATS if not verdict.record.watched:
            return Decision(replace(before, record=verdict.record), meaning=meaning)
        case Meaning.OPENS | Meaning.OPENS_ACKNOWLEDGED | Meaning.OPENS_RESOLVED:
            return _open(before, seen, verdict, rules, now, fresh)
        case Meaning.REDELIVERED:
            return Decision(before, meaning=meaning)
        case Meaning.NOTHING_OPEN | Meaning.SUPERSEDED:
            what = f"{seen.alert.action} of {seen.alert.scope}/{seen.alert.dedup_key}: {verdict.reason}"
            entry = Entry(now, verdict.record.incident, f"alert.{meaning}", _who(seen), what)
            return Decision(replace(before, record=verdict.record), (entry,), meaning=meaning)
        case Meaning.REPEATS | Meaning.FLAPS | Meaning.WORSENS | Meaning.EASES | Meaning.ACKNOWLEDGES | Meaning.RESOLVES:
            return _about_open(before, seen, verdict, rules, now)


def _about_open(before: Snapshot, seen: AlertSeen, verdict: Verdict, rules: Rules, now: datetime) -> Decision:
    """An alert that changes the incident it belongs to."""
    if before.incident is None or not before.incident.is_open:
        return Decision(replace(before, record=verdict.record), meaning=verdict.meaning)
    d = _draft(before, before.incident, verdict.record, rules, now)
    match verdict.meaning:
        case Meaning.RESOLVES:
            opening.last_alert_resolved(d, _who(seen))
        case Meaning.ACKNOWLEDGES if d.incident.state is not State.ACKNOWLEDGED:
            taken(d, _who(seen), _who(seen))
        case Meaning.WORSENS | Meaning.EASES:
            _severity_changed(d, seen, verdict, rules)
        case Meaning.FLAPS:
            flapping.changed(d, rules.config.noise.flap)
        case Meaning.REPEATS:
            count_once_more(d, rules)
        case _:
            pass
    return _decision(before, verdict.record, d, rules, verdict.meaning)


def _severity_changed(d: Draft, seen: AlertSeen, verdict: Verdict, rules: Rules) -> None:
    assigned = rules.router.assign(seen.alert)
    d.set(severity=assigned.severity)
    if not seen.alert.severity.worse_than(d.incident.worst):
        return d.say("incident.severity_changed", verdict.reason, _who(seen))
    d.set(worst=seen.alert.severity, route=assigned.route, labels=assigned.labels)
    if assigned.suppress:  # what is open stays as it is: a rise never silences
        return d.say("incident.severity_changed", f"{verdict.reason}; route {assigned.route} would suppress it, but it is open", _who(seen))
    d.set(service=assigned.service, team=_team(assigned, rules))
    policy = rules.policy(assigned.policy)
    d.world = rules.world(_facts(d.incident, verdict.record), d.world.turns)
    if d.incident.state in (State.TRIGGERED, State.SUPPRESSED) and (by := mute_of(d, rules, risen=True)):
        d.say("incident.worsened", f"{verdict.reason}; still muted", _who(seen))
        return muting.mute(d, by)
    return opening.worsen(
        d,
        policy=policy,
        urgency=assigned.urgency,
        start_at=_start(policy, assigned.start_at),
        sla_of=rules.sla(assigned.service),
        because=f"{verdict.reason}; {assigned.because}",
        origin=assigned.origin,
    )


def _open(before: Snapshot, seen: AlertSeen, verdict: Verdict, rules: Rules, now: datetime, fresh: int) -> Decision:
    assigned = rules.router.assign(seen.alert)
    pointers, risen = recurs(seen.alert, assigned, before.pointers, rules, fresh, now)
    if risen is not None:
        assigned = rules.router.assign(replace(seen.alert, severity=risen.severity))
    policy = rules.policy(assigned.policy)
    record = replace(verdict.record, incident=fresh)
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
        team=_team(assigned, rules),
        labels=assigned.labels,
        revision=rules.config.revision,
    )
    d = _draft(replace(before, policy=policy, pointers=pointers), incident, record, rules, now)
    d.due_at = min(now, accepted_at(seen))
    for note in (*seen.alert.notes, *assigned.notes):
        d.say("alert.mended", note, _who(seen))
    if risen is not None:
        what = f"{seen.alert.severity} becomes {risen.severity}: {risen.count} in {duration(risen.within)} (recurring {risen.name})"
        d.say("incident.raised", what, origin=risen.origin)
    _first_word(d, seen, verdict, assigned, rules)
    return _decision(before, record, d, rules, verdict.meaning)


def _first_word(d: Draft, seen: AlertSeen, verdict: Verdict, assigned: Assignment, rules: Rules) -> None:
    integration = rules.config.integrations.get(seen.alert.integration)
    resolve_after = integration.resolve_after if integration else None
    if verdict.meaning is Meaning.OPENS_RESOLVED:
        d.say("incident.opened", assigned.because, origin=assigned.origin)
        opening.last_alert_resolved(d, _who(seen))
        return
    if by := first_mute(d, assigned, rules):
        opening.suppress(d, by, resolve_after, _start(d.policy, assigned.start_at))
        if verdict.record.flapping:
            flapping.changed(d, rules.config.noise.flap)
        return
    opening.open_incident(
        d,
        sla_of=rules.sla(assigned.service),
        resolve_after=resolve_after,
        start_at=_start(d.policy, assigned.start_at),
        because=assigned.because,
        origin=assigned.origin,
    )
    if verdict.record.flapping:
        flapping.changed(d, rules.config.noise.flap)
    if verdict.meaning is Meaning.OPENS_ACKNOWLEDGED:
        taken(d, _who(seen), _who(seen))


def accepted_at(seen: AlertSeen) -> datetime:
    """When the store took the alert: its entry id begins with that moment."""
    from_epoch = timedelta(milliseconds=seen.entry[0])
    try:
        return EPOCH + from_epoch
    except OverflowError:  # an entry id chosen by hand
        return datetime.max.replace(tzinfo=EPOCH.tzinfo)


EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _draft(before: Snapshot, incident: Incident, record: AlertRecord, rules: Rules, now: datetime) -> Draft:
    policy = before.policy or rules.policy(incident.policy)
    d = Draft(incident, record.alert, policy, rules.world(_facts(incident, record), before.turns), now)
    d.pointers = before.pointers
    d.watched = record.watched
    return d


def _facts(incident: Incident, record: AlertRecord) -> Facts:
    made = {
        "severity": incident.severity, "service": incident.service, "urgency": incident.urgency, "labels": incident.labels,
        "stage": incident.stage + 1, "alerts": incident.alerts, "repeats": record.repeats,
    }  # fmt: skip
    return Facts(record.alert, made)


def _facts_to_be(alert: Alert, rules: Rules) -> Facts:
    """Those of the incident that the alert would open."""
    to = rules.router.assign(alert)
    made = {
        "severity": to.severity,
        "service": to.service,
        "urgency": to.urgency,
        "labels": to.labels,
        "stage": 1,
        "alerts": 1,
        "repeats": 0,
    }
    return Facts(alert, made)


def _rooms(d: Draft, record: AlertRecord, rules: Rules) -> None:
    """Which chat channels have a message about it. Once in a channel, it stays there: what was said must be followed up."""
    if d.incident.state is State.SUPPRESSED or not (d.incident.is_open or d.incident.chats):
        return
    wanted = rules.planner.rooms(d.incident, lambda: _facts(d.incident, record))
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


def _decision(before: Snapshot, record: AlertRecord, d: Draft, rules: Rules, meaning: Meaning | None = None) -> Decision:
    if d.policy is not before.policy and before.incident is not None:
        d.set(policy_ref=rules.ref(d.policy))
    if d.entries:
        _rooms(d, record, rules)
    if d.incident.mute is not None and d.incident.state is not State.SUPPRESSED:
        d.set(mute=None, muted_at=None)
    count_sources(d, rules)
    storming.leave(d)
    told = notices(d.tells, d.incident, record, rules.planner, d.now)
    if not d.incident.is_open and record.incident == d.incident.number:
        if record.open:
            record = ended(record, d.now)
        if d.incident.ended_with is None:
            d.set(ended_with=replace(record, applied=()))
    if record.open and record.watched != (d.watched and d.incident.state is State.SUPPRESSED):
        record = replace(record, watched=not record.watched)
    after = Snapshot(record=record, incident=d.incident, policy=d.policy, pointers=d.pointers, turns=before.turns)
    return Decision(after, tuple(d.entries), (*d.wanted_outgoing(), *told), d.answer, meaning, d.with_counted())


def _start(policy: Policy, name: str | None) -> int:
    return next((k for k, stage in enumerate(policy.stages) if stage.name == name), 0) if name else 0


def _service(assigned: Assignment, rules: Rules) -> Service | None:
    return rules.config.services.get(assigned.service)


def _team(assigned: Assignment, rules: Rules) -> str:
    service = _service(assigned, rules)
    return (service.team or "") if service else ""


def _who(seen: AlertSeen) -> str:
    return seen.alert.integration or seen.alert.scope
