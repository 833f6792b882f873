"""An alert is worse, or milder, than it was."""

from __future__ import annotations

from pager.decide.drafts import facts_of, start_at, team_of, who_says
from pager.decide.quiet import mute_of
from pager.decide.rules import Rules
from pager.escalate import muting, opening, urgency
from pager.escalate.draft import Draft
from pager.model.alert import AlertRecord, Severity
from pager.model.event import AlertSeen
from pager.model.policy import Policy
from pager.noise.dedup import Verdict
from pager.route.assign import Assignment


def severity_changed(d: Draft, seen: AlertSeen, verdict: Verdict, rules: Rules) -> None:
    assigned = rules.assign(seen.alert, d.now)
    was = d.incident.severity
    d.set(severity=assigned.severity)
    if not seen.alert.severity.worse_than(d.incident.worst):
        return d.say("incident.severity_changed", verdict.reason, who_says(seen))
    d.set(worst=seen.alert.severity, route=assigned.route, labels=assigned.labels)
    if assigned.suppress:  # what is open stays as it is: a rise never silences
        return d.say(
            "incident.severity_changed", f"{verdict.reason}; route {assigned.route} would suppress it, but it is open", who_says(seen)
        )
    d.set(service=assigned.service, team=team_of(assigned, rules))
    policy = rules.policy(assigned.policy)
    d.world = rules.world(facts_of(d.incident, verdict.record), d.world.turns)
    if by := mute_of(d, rules, risen=True):
        d.say("incident.worsened", f"{verdict.reason}; still muted", who_says(seen))
        urgency.give(d, urgency.risen(d, assigned.urgency), assigned.rises_at)
        return muting.mute(d, by)
    worse = was if assigned.severity.worse_than(was) else None
    return _page(d, worse, policy, assigned, f"{verdict.reason}; {assigned.because}", rules)


def rise(d: Draft, assigned: Assignment, because: str, record: AlertRecord, rules: Rules) -> None:
    """One of several alerts is worse than what was paged for."""
    was = d.incident.worst
    d.set(worst=assigned.severity, route=assigned.route, service=assigned.service, team=team_of(assigned, rules))
    d.world = rules.world(facts_of(d.incident, record), d.world.turns)
    _page(d, was, rules.policy(assigned.policy), assigned, because, rules)


def _page(d: Draft, was: Severity | None, policy: Policy, assigned: Assignment, because: str, rules: Rules) -> None:
    opening.worsen(
        d,
        was=was,
        policy=policy,
        urgency=urgency.risen(d, assigned.urgency),
        rises_at=assigned.rises_at,
        start_at=start_at(policy, assigned.start_at),
        sla_of=rules.sla(assigned.service),
        because=because,
        origin=assigned.origin,
    )
