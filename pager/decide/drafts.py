"""From what is known of an incident to the working copy that a decision is taken on."""

from __future__ import annotations

from datetime import datetime, timedelta

from pager.conditions.condition import Facts
from pager.decide.rules import Rules
from pager.escalate.draft import Draft
from pager.model.alert import Alert, AlertRecord, Urgency
from pager.model.event import AlertSeen
from pager.model.incident import Incident
from pager.model.policy import Policy
from pager.model.service import Service
from pager.model.snapshot import Snapshot
from pager.route.assign import Assignment


def draft_of(before: Snapshot, incident: Incident, record: AlertRecord, rules: Rules, now: datetime) -> Draft:
    policy = before.policy or rules.policy(incident.policy)
    d = Draft(incident, record.alert, policy, rules.world(facts_of(incident, record), before.turns), now)
    d.pointers = before.pointers
    d.watched = record.watched
    d.firing = record.firing or bool(incident.group)  # a group holds nothing that does not fire
    return d


def facts_of(incident: Incident, record: AlertRecord) -> Facts:
    made = {
        "severity": incident.severity, "service": incident.service, "team": incident.team, "urgency": incident.urgency, "labels": incident.labels,
        "stage": incident.stage + 1, "alerts": incident.alerts, "repeats": record.repeats,
    }  # fmt: skip
    return Facts(record.alert, made)


def facts_to_be(alert: Alert, rules: Rules, urgency: Urgency | None = None) -> Facts:
    """Those of the incident that the alert would open; with that urgency, or the one that it has in support hours."""
    to = rules.router.assign(alert)
    made = {
        "severity": to.severity,
        "service": to.service,
        "team": team_of(to, rules),
        "urgency": urgency or to.urgency,
        "labels": to.labels,
        "stage": 1,
        "alerts": 1,
        "repeats": 0,
    }
    return Facts(alert, made)


def accepted_at(seen: AlertSeen) -> datetime:
    """When the store took the alert: its entry id begins with that moment."""
    from_epoch = timedelta(milliseconds=seen.entry[0])
    try:
        return EPOCH + from_epoch
    except OverflowError:  # an entry id chosen by hand
        return datetime.max.replace(tzinfo=EPOCH.tzinfo)


EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def start_at(policy: Policy, name: str | None) -> int:
    return next((k for k, stage in enumerate(policy.stages) if stage.name == name), 0) if name else 0


def _service(assigned: Assignment, rules: Rules) -> Service | None:
    return rules.config.services.get(assigned.service)


def team_of(assigned: Assignment, rules: Rules) -> str:
    service = _service(assigned, rules)
    return (service.team or "") if service else ""


def who_says(seen: AlertSeen) -> str:
    return seen.alert.integration or seen.alert.scope
