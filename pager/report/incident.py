"""An incident as others see it. The names are a contract: scripts read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pager.model.event import Entry
from pager.model.snapshot import Snapshot
from pager.oncall.instants import rfc3339


def incident_json(snapshot: Snapshot) -> dict[str, Any]:
    """Raises ValueError for an empty snapshot. `stage` counts from 1; `alerts` are distinct alerts, `repeats` triggers after the first."""
    incident, record = snapshot.incident, snapshot.record
    if incident is None:
        raise ValueError("no such incident")
    return {
        "number": incident.number,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "urgency": incident.urgency.value,
        "service": incident.service,
        "summary": record.alert.summary if record else "",
        "stage": incident.stage + 1,
        "alerts": incident.alerts,
        "repeats": record.repeats if record else 0,
        "opened_at": rfc3339(incident.opened_at),
        "acknowledged_at": rfc3339(incident.acknowledged_at),
        "acknowledged_by": incident.acknowledged_by or None,
        "resolved_at": rfc3339(incident.resolved_at),
        "resolved_by": incident.resolved_by or None,
        "next_deadline": rfc3339(incident.next_deadline),
        "reason": incident.reason or None,
        "policy": incident.policy,
        "team": incident.team or None,
        "dedup_key": incident.dedup_key,
    }


def show_json(snapshot: Snapshot, timeline: Iterable[Entry]) -> dict[str, Any]:
    """The incident with all that is known of it."""
    incident, record = snapshot.incident, snapshot.record
    return {
        **incident_json(snapshot),
        "labels": dict(incident.labels) if incident else {},
        "details": record.alert.details if record else {},
        "links": [msgspec.to_builtins(link) for link in record.alert.links] if record else [],
        "paged": [
            {"user": p.user, "channel": p.channel, "at": rfc3339(p.at), "pages": p.pages, "result": p.result or "no answer"}
            for p in (incident.paged if incident else ())
        ],
        "timeline": [entry_json(entry) for entry in timeline],
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    return {"at": rfc3339(entry.at), "event": entry.event, "who": entry.who, "what": entry.what, "origin": entry.origin or None}
