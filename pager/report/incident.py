"""An incident as others see it. The names are a contract: scripts read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pager.model.alert import AlertRecord
from pager.model.event import Entry
from pager.model.incident import DeadlineKind, Incident, Paged
from pager.model.snapshot import Identity, Snapshot
from pager.model.times import rfc3339
from pager.noise.dedup import settled

MOST_MEMBERS = 1000
"""Of a group's alerts, as many are looked up to be shown."""


def incident_json(snapshot: Snapshot) -> dict[str, Any]:
    """An incident as in `list`; times are RFC 3339 in UTC. `stage` counts from 1; `alerts` are distinct alerts, `repeats` triggers after the
    first. Only a drill has `drill`, only a group `firing`,
    how many of its alerts still fire, and `shared`, what they have in common. Raises ValueError for an empty snapshot."""
    incident = snapshot.incident
    if incident is None:
        raise ValueError("a snapshot without an incident")
    own = _own_record(snapshot)
    return {
        "number": incident.number,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "urgency": incident.urgency.value,
        "service": incident.service,
        "summary": own.alert.summary if own else "",
        "stage": incident.stage + 1,
        "alerts": incident.alerts,
        "repeats": own.repeats if own else None,
        "opened_at": rfc3339(incident.opened_at),
        "acknowledged_at": rfc3339(incident.acknowledged_at),
        "acknowledged_by": incident.acknowledged_by or None,
        "resolved_at": rfc3339(incident.resolved_at),
        "resolved_by": incident.resolved_by or None,
        "next_deadline": rfc3339(incident.next_deadline),
        "reason": reason_of(incident) or None,
        "policy": incident.policy,
        "team": incident.team or None,
        "dedup_key": incident.dedup_key,
        **({"firing": incident.still_fire, "shared": dict(incident.shared)} if incident.group else {}),
        **({"drill": True} if incident.drill else {}),
    }


def reason_of(incident: Incident) -> str:
    """Why it is as it is: what it was muted by, paged again or snoozed for, and what holds it open or makes it speak for others."""
    stable = next((deadline.at for deadline in incident.deadlines if deadline.kind is DeadlineKind.STABLE), None)
    flaps = f"flapping: held open until nothing has changed by {stable:%H:%M:%S} UTC" if stable else ""
    speaks = f"speaks for a storm: {incident.storm_words}" if incident.storm else ""
    return "; ".join(filter(None, (incident.reason, flaps, speaks)))


def show_json(snapshot: Snapshot, timeline: Iterable[Entry], members: Iterable[tuple[Identity, AlertRecord | None]] = ()) -> dict[str, Any]:
    """The incident as in `list`, with all that is known of it. `links` and `details` are those of its newest trigger; `paged` is what each person
    has got so far, `members` a group's alerts, those that
    fire first. Raises ValueError for an empty snapshot."""
    found = incident_json(snapshot)
    incident, own = snapshot.incident, _own_record(snapshot)
    return {
        **found,
        "links": [{"href": link.href, "text": link.text} for link in own.alert.links] if own else [],
        "labels": dict(incident.labels) if incident else {},
        "details": own.alert.details if own else {},
        "notes": list(incident.notes) if incident else [],
        "paged": [paged_json(paged) for paged in incident.paged] if incident else [],
        **({"members": _members(snapshot.incident, members)} if snapshot.incident and snapshot.incident.group else {}),
        "timeline": [entry_json(entry) for entry in timeline],
    }


def _members(incident: Incident, members: Iterable[tuple[Identity, AlertRecord | None]]) -> list[dict[str, Any]]:
    return sorted((member_json(incident, *member) for member in members), key=lambda found: bool(found["state"] != "firing"))


def member_json(incident: Incident, identity: Identity, record: AlertRecord | None) -> dict[str, Any]:
    """One of a group's alerts. `state` is `firing` or `resolved`. Where it belongs to another incident by now, `belongs_to` is that, and what is
    not known any more of how it ended here is null."""
    own, went_on = settled(record, incident), {}
    if own is not None and own.incident != incident.number:
        went_on = {"belongs_to": own.incident}
        is_first = (identity.scope, identity.dedup_key) == (incident.scope, incident.dedup_key)
        own = incident.ended_with if is_first else None
    fires = own is not None and own.open and not went_on
    return {
        "scope": identity.scope,
        "dedup_key": identity.dedup_key,
        "state": "firing" if fires else "resolved",
        "severity": (own.member or own.alert).severity.value if own else None,
        "summary": own.alert.summary if own else "",
        "repeats": own.repeats if own else None,
        "last_at": rfc3339(own.last_at) if own else None,
        **went_on,
    }


def paged_json(paged: Paged) -> dict[str, Any]:
    """`stage` counts from 1 and is None for the catch-all; `result` is in words."""
    return {
        "user": paged.user,
        "channel": paged.channel,
        "stage": paged.stage + 1 if paged.stage >= 0 else None,
        "at": rfc3339(paged.at),
        "pages": paged.pages,
        "result": paged.result or "no answer",
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """One line of a timeline; `origin` is `file:line:column` of the rule behind it."""
    return {"at": rfc3339(entry.at), "event": entry.event, "who": entry.who, "what": entry.what, "origin": entry.origin or None}


def _own_record(snapshot: Snapshot) -> AlertRecord | None:
    """The record, while it belongs to this very incident; else what was known at its end."""
    incident, record = snapshot.incident, snapshot.record
    if incident is None or (record is not None and record.incident == incident.number):
        return record
    return incident.ended_with
