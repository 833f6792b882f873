"""The whole JSON of an incident, as it is printed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import replace

from pager.model.alert import Alert, AlertRecord, Link, Severity, Urgency
from pager.model.event import Entry
from pager.model.incident import Deadline, DeadlineKind, Incident, Paged, State
from pager.model.snapshot import Snapshot
from pager.report.incident import incident_json, show_json

AT = datetime(2026, 6, 2, 1, 0, 0, 250_000, UTC)
ALERT = Alert(
    scope="stream", dedup_key="db1-disk", summary="disk full on db1", severity=Severity.WARNING, links=(Link("https://g.example.com", "graph"), Link("x")),
    details={"free": 0, "mounts": ["/", {"name": "/var"}]},
)  # fmt: skip
NEW = Incident(
    number=42, scope="stream", dedup_key="db1-disk", state=State.TRIGGERED, severity=Severity.CRITICAL, worst=Severity.CRITICAL, urgency=Urgency.HIGH,
    service="db", policy="default", policy_ref="p", opened_at=AT, since=AT, team="sre", labels={"env": "prod"},
    deadlines=(Deadline(DeadlineKind.SLA_ACK, AT + timedelta(minutes=15)), Deadline(DeadlineKind.ACK_TIMEOUT, AT + timedelta(minutes=5))),
)  # fmt: skip
NEW_JSON = {
    "number": 42,
    "state": "triggered",
    "severity": "critical",
    "urgency": "high",
    "service": "db",
    "summary": "disk full on db1",
    "stage": 1,
    "alerts": 1,
    "repeats": 3,
    "opened_at": "2026-06-02T01:00:00.250Z",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "resolved_at": None,
    "resolved_by": None,
    "next_deadline": "2026-06-02T01:05:00.250Z",
    "reason": None,
    "policy": "default",
    "team": "sre",
    "dedup_key": "db1-disk",
}


def snapshot(incident: Incident = NEW) -> Snapshot:
    return Snapshot(record=AlertRecord(alert=ALERT, incident=42, repeats=3), incident=incident)


def test_an_incident_just_opened() -> None:
    assert incident_json(snapshot()) == NEW_JSON


def test_an_incident_that_is_over() -> None:
    over = replace(
        NEW, state=State.RESOLVED, stage=2, alerts=5, deadlines=(), acknowledged_at=AT + timedelta(minutes=2), acknowledged_by="ana",
        resolved_at=AT + timedelta(hours=1), resolved_by="cli", reason="it was the backup", drill=True,
    )  # fmt: skip
    assert incident_json(snapshot(over)) == NEW_JSON | {
        "state": "resolved",
        "stage": 3,
        "alerts": 5,
        "acknowledged_at": "2026-06-02T01:02:00.250Z",
        "acknowledged_by": "ana",
        "resolved_at": "2026-06-02T02:00:00.250Z",
        "resolved_by": "cli",
        "next_deadline": None,
        "reason": "it was the backup",
        "drill": True,
    }


def test_all_that_is_known_of_an_incident() -> None:
    paged = (
        Paged("ana", 0, AT, "sms", "+34600000001", "twilio", pages=2, result="acknowledged"),
        Paged("ben", -1, AT + timedelta(minutes=5), "sms", "+447700900002", "twilio"),
    )
    timeline = [
        Entry(at=AT, incident=42, event="incident.opened", what="no route matched", origin="services.yaml:9:3"),
        Entry(at=AT + timedelta(seconds=1), incident=42, event="page.accepted", who="ana"),
    ]
    assert show_json(snapshot(replace(NEW, notes=("looked at it",), paged=paged)), timeline) == NEW_JSON | {
        "links": [{"href": "https://g.example.com", "text": "graph"}, {"href": "x", "text": ""}],
        "labels": {"env": "prod"},
        "details": {"free": 0, "mounts": ["/", {"name": "/var"}]},
        "notes": ["looked at it"],
        "paged": [
            {"user": "ana", "channel": "sms", "stage": 1, "at": "2026-06-02T01:00:00.250Z", "pages": 2, "result": "acknowledged"},
            {"user": "ben", "channel": "sms", "stage": None, "at": "2026-06-02T01:05:00.250Z", "pages": 1, "result": "no answer"},
        ],
        "timeline": [
            {
                "at": "2026-06-02T01:00:00.250Z", "event": "incident.opened", "who": "pagerd", "what": "no route matched",
                "origin": "services.yaml:9:3",
            },
            {"at": "2026-06-02T01:00:01.250Z", "event": "page.accepted", "who": "ana", "what": "", "origin": None},
        ],
    }  # fmt: skip


def test_show_begins_as_list_does_and_both_are_json() -> None:
    shown, listed = show_json(snapshot(), []), incident_json(snapshot())
    assert list(shown)[: len(listed)] == list(listed) == list(NEW_JSON)
    assert msgspec.json.decode(msgspec.json.encode(shown)) == shown


def test_no_address_of_a_person_stands_in_it() -> None:
    paged = (Paged("ana", 0, AT, "sms", "+34600000001", "twilio"),)
    assert "+34600000001" not in str(show_json(snapshot(replace(NEW, paged=paged)), []))
