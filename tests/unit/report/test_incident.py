"""An incident as JSON: names and meanings that scripts rely on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pager.model.alert import Alert, AlertRecord, Link, Member, Severity, Urgency
from pager.model.event import Entry
from pager.model.incident import Deadline, DeadlineKind, Incident, Paged, State
from pager.model.snapshot import Identity, Snapshot
from pager.report.incident import incident_json, show_json
from tests.night import START, Night, config_of
from tests.payments import PAYMENTS

AT = datetime(2026, 6, 2, 1, 0, tzinfo=UTC)
NAMES = ["number", "state", "severity", "urgency", "service", "summary", "stage", "alerts", "repeats", "opened_at", "acknowledged_at",
         "acknowledged_by", "resolved_at", "resolved_by", "next_deadline", "reason", "policy", "team", "dedup_key"]  # fmt: skip


def incident(**more: Any) -> Incident:
    return Incident(
        number=42, scope="stream", dedup_key="k", state=State.TRIGGERED, severity=Severity.ERROR, worst=Severity.CRITICAL,
        urgency=Urgency.HIGH, service="db", policy="default", policy_ref="p", opened_at=AT, since=AT, **more,
    )  # fmt: skip


def snapshot(of: Incident | None = None, **record: Any) -> Snapshot:
    alert = Alert(scope="stream", dedup_key="k", summary="disk full", links=(Link("https://x"),), details={"free": 0})
    return Snapshot(record=AlertRecord(**{"alert": alert, "incident": 42, **record}), incident=of or incident())


def test_the_names_are_those_of_the_contract() -> None:
    assert list(incident_json(snapshot())) == NAMES
    assert list(show_json(snapshot(), [])) == [*NAMES, "links", "labels", "details", "notes", "paged", "timeline"]


def test_what_is_not_so_is_null_and_never_empty() -> None:
    found = incident_json(snapshot())
    nulls = {name for name, value in found.items() if value is None}
    assert nulls == {"acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by", "next_deadline", "reason", "team"}


def test_stages_count_from_1() -> None:
    assert incident_json(snapshot(incident(stage=0)))["stage"] == 1
    assert incident_json(snapshot(incident(stage=2)))["stage"] == 3


def test_the_next_deadline_is_the_earliest() -> None:
    later, sooner = (Deadline(DeadlineKind.ACK_TIMEOUT, AT + timedelta(minutes=m)) for m in (5, 3))
    assert incident_json(snapshot(incident(deadlines=(later, sooner))))["next_deadline"] == "2026-06-02T01:03:00.000Z"


def test_times_are_utc_to_the_millisecond_wherever_they_come_from() -> None:
    local = AT.astimezone().replace(microsecond=123_999)
    assert incident_json(snapshot(incident(acknowledged_at=local)))["acknowledged_at"] == "2026-06-02T01:00:00.123Z"


def test_summary_and_repeats_are_the_newest_and_severity_is_the_incidents() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert("disk 90% full", severity="error")
    night.alert("disk 99% full", severity="critical")
    night.alert("disk 95% full", severity="warning")
    found = incident_json(night.snapshot)
    assert (found["summary"], found["repeats"], found["alerts"]) == ("disk 95% full", 2, 1)
    assert found["severity"] == night.incident.severity
    assert found["opened_at"] == START.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_an_older_incident_of_a_key_shows_what_was_known_at_its_end() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert("disk 90% full", details={"free": "1 GiB"})
    night.alert("disk 95% full", details={"free": "0 GiB"})
    night.resolve()
    first = night.incident
    night.until("1:00").alert("another night")
    older = show_json(Snapshot(record=night.snapshot.record, incident=first), [])
    assert (older["summary"], older["repeats"], older["details"]) == ("disk 95% full", 1, {"free": "0 GiB"})
    assert incident_json(night.snapshot)["summary"] == "another night"


def test_an_incident_whose_record_is_gone_is_still_shown() -> None:
    found = show_json(Snapshot(incident=incident()), [])
    assert (found["number"], found["summary"], found["repeats"]) == (42, "", None)


def test_links_always_have_both_their_names() -> None:
    assert show_json(snapshot(), [])["links"] == [{"href": "https://x", "text": ""}]


def test_only_a_drill_says_that_it_is_one() -> None:
    assert "drill" not in incident_json(snapshot())
    assert incident_json(snapshot(replace(incident(), drill=True)))["drill"] is True


def test_people_paged_have_what_became_of_it() -> None:
    first = Paged("ana", 0, AT, "sms", "+34600000001", "twilio", 2, "delivered")
    last = Paged("dora", -1, AT, "sms", "+12125550104", "twilio")
    assert show_json(snapshot(incident(paged=(first, last))), [])["paged"] == [
        {"user": "ana", "channel": "sms", "stage": 1, "at": "2026-06-02T01:00:00.000Z", "pages": 2, "result": "delivered"},
        {"user": "dora", "channel": "sms", "stage": None, "at": "2026-06-02T01:00:00.000Z", "pages": 1, "result": "no answer"},
    ]


def test_the_timeline_keeps_its_order_and_has_null_for_no_origin() -> None:
    entries = [Entry(AT, 42, "incident.opened", what="route db", origin="services.yaml:9:3"), Entry(AT, 42, "incident.acknowledged", "ana")]
    assert show_json(snapshot(), entries)["timeline"] == [
        {"at": "2026-06-02T01:00:00.000Z", "event": "incident.opened", "who": "pagerd", "what": "route db", "origin": "services.yaml:9:3"},
        {"at": "2026-06-02T01:00:00.000Z", "event": "incident.acknowledged", "who": "ana", "what": "", "origin": None},
    ]


def test_nothing_is_no_incident() -> None:
    with pytest.raises(ValueError, match="without an incident"):
        incident_json(Snapshot())


def test_a_member_that_belongs_to_another_incident_by_now_says_nothing_of_that() -> None:
    first, other = (Identity("stream", key) for key in ("k", "m"))
    ended = AlertRecord(Alert(scope="stream", dedup_key="k", summary="as it ended"), incident=42)
    group = replace(incident(group="g", ended_with=ended), state=State.RESOLVED)
    went_on = AlertRecord(Alert(scope="stream", dedup_key="m", summary="another night"), incident=43, open=True, repeats=3)
    found = {one["dedup_key"]: one for one in show_json(Snapshot(incident=group), [], [(first, went_on), (other, went_on)])["members"]}
    assert (found["k"]["state"], found["k"]["summary"], found["k"]["belongs_to"]) == ("resolved", "as it ended", 43)
    assert (found["m"]["state"], found["m"]["summary"], found["m"]["severity"], found["m"]["repeats"]) == ("resolved", "", None, None)
    assert found["m"]["belongs_to"] == 43


def test_a_member_is_as_bad_as_its_route_makes_it() -> None:
    record = AlertRecord(Alert(scope="stream", dedup_key="k", severity=Severity.WARNING), incident=42, member=Member(Severity.CRITICAL))
    [found] = show_json(Snapshot(incident=incident(group="g")), [], [(Identity("stream", "k"), record)])["members"]
    assert found["severity"] == "critical"
    assert "belongs_to" not in found
