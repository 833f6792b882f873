"""Alertmanager's webhook: each alert of a group for itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.intake.alertmanager import fingerprint, read_webhook
from pager.intake.body import read_body
from pager.intake.severity import severity_of
from pager.model.alert import Action, Alert, Link, Severity
from pager.model.service import Integration
from tests.contract_folder import contract
from tests.unit.intake.any_json import is_whole, json_values

PROM = Integration(name="prom", kind="alertmanager")
LABELS = {"alertname": "DiskFull", "instance": "db1:9100", "job": "node", "severity": "critical", "service": "db", "zone": "a"}


def entry(**fields: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": LABELS,
        "annotations": {"summary": "Disk full on db1", "runbook_url": "https://run.example.com/disk"},
        "startsAt": "2026-03-14T09:26:53.589123456Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prom.example.com/graph?g0.expr=x",
        "fingerprint": "00c0ffee00c0ffee",
        **fields,
    }


def group(*entries: Any, **fields: Any) -> dict[str, Any]:
    return {
        "version": "4", "groupKey": '{}:{alertname="DiskFull"}', "truncatedAlerts": 0, "status": "firing", "receiver": "pager",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am.example.com", "alerts": list(entries),
        **fields,
    }  # fmt: skip


def one(integration: Integration = PROM, **fields: Any) -> Alert:
    [alert] = read_webhook(group(entry(**fields)), integration)
    is_whole(alert)
    return alert


def labelled(**labels: Any) -> Alert:
    return one(labels={"alertname": "DiskFull", **labels})


def test_every_field_of_an_alert() -> None:
    alert = one()
    assert (alert.scope, alert.integration, alert.dedup_key, alert.action) == ("prom", "prom", "00c0ffee00c0ffee", Action.TRIGGER)
    assert (alert.summary, alert.severity, alert.source, alert.service) == ("Disk full on db1", Severity.CRITICAL, "db1:9100", "db")
    assert (alert.component, alert.class_, alert.labels, alert.notes) == ("node", "DiskFull", LABELS, ())
    assert alert.timestamp == datetime(2026, 3, 14, 9, 26, 53, 589_123, UTC)
    assert alert.details == {
        "annotations": {"summary": "Disk full on db1", "runbook_url": "https://run.example.com/disk"},
        "startsAt": "2026-03-14T09:26:53.589123456Z", "receiver": "pager", "groupKey": '{}:{alertname="DiskFull"}',
    }  # fmt: skip
    assert alert.links == (Link("http://prom.example.com/graph?g0.expr=x", "Source"), Link("https://run.example.com/disk", "Runbook"))
    assert (alert.client, alert.client_url) == ("Alertmanager", "http://am.example.com")


def test_a_group_that_fires_may_hold_resolved_ones() -> None:
    ended = entry(status="resolved", endsAt="2026-03-14T10:00:00Z", fingerprint="b")
    firing, resolved = read_webhook(group(entry(), ended), PROM)
    assert (firing.action, resolved.action, resolved.dedup_key) == (Action.TRIGGER, Action.RESOLVE, "b")
    assert ("endsAt" in firing.details, resolved.details["endsAt"]) == (False, "2026-03-14T10:00:00Z")


def test_an_alert_without_a_status_has_that_of_its_group() -> None:
    [alert] = read_webhook(group(entry(status=None), status="resolved"), PROM)
    assert alert.action is Action.RESOLVE
    odd = one(status="smoking")
    assert (odd.action, odd.notes) == (Action.TRIGGER, ("status 'smoking' is unknown, taken as firing",))


def test_the_scope_is_the_integrations() -> None:
    assert one(Integration(name="prom", kind="alertmanager", dedup_scope="both")).scope == "both"


# --- the key ------------------------------------------------------------------------------------------------------------------------
def test_an_older_sender_gets_the_fingerprint_that_a_newer_one_would_send() -> None:
    # FNV-1a, worked out apart from the code
    assert fingerprint({}) == "cbf29ce484222325"
    assert one(fingerprint=None).dedup_key == fingerprint(LABELS) == fingerprint(dict(reversed(LABELS.items())))
    assert one(fingerprint="").dedup_key == one(fingerprint="\x00").dedup_key == fingerprint(LABELS)
    assert fingerprint({**LABELS, "zone": "b"}) != fingerprint(LABELS)


def test_the_fingerprint_is_alertmanagers_own() -> None:
    for file in ("fires.json", "partly-resolved.json", "resolves.json"):
        body: Any = read_body((contract("payloads/alertmanager") / file).read_bytes(), "application/json")
        assert [fingerprint(alert["labels"]) for alert in body["alerts"]] == [alert["fingerprint"] for alert in body["alerts"]]


# --- severity -----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ("critical", Severity.CRITICAL), (" CRIT ", Severity.CRITICAL), ("page", Severity.CRITICAL), ("P1", Severity.CRITICAL),
        ("high", Severity.ERROR), ("Major", Severity.ERROR), ("error", Severity.ERROR),
        ("warn", Severity.WARNING), ("minor", Severity.WARNING), ("notice", Severity.INFO), ("info", Severity.INFO),
    ],
)  # fmt: skip
def test_severities_have_many_names(label: str, severity: Severity) -> None:
    alert = labelled(severity=label)
    assert (alert.severity, alert.notes) == (severity, ())


@pytest.mark.parametrize(("given", "severity"), [(None, Severity.ERROR), (Severity.INFO, Severity.INFO)])
def test_a_severity_that_nobody_knows_is_the_integrations(given: Severity | None, severity: Severity) -> None:
    prom = Integration(name="prom", kind="alertmanager", severity=given)
    unknown = one(prom, labels={"alertname": "x", "severity": "purple"})
    assert (unknown.severity, unknown.notes) == (severity, (f"severity 'purple' is unknown, taken as {severity}",))
    missing = one(prom, labels={"alertname": "x"})
    assert (missing.severity, missing.notes) == (severity, ())


def test_a_severity_that_is_no_text_is_none() -> None:
    assert severity_of(5) is severity_of(None) is severity_of("") is None


# --- what it says -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("annotations", "summary"),
    [
        ({"summary": "s", "description": "d"}, "s"),
        ({"summary": " ", "description": "d"}, "d"),
        ({"message": "m", "title": "t"}, "m"),
        ({"title": "t"}, "t"),
        ({}, "DiskFull (instance=db1:9100, job=node, service=db)"),
        (None, "DiskFull (instance=db1:9100, job=node, service=db)"),
        (["odd"], "DiskFull (instance=db1:9100, job=node, service=db)"),
    ],
)
def test_the_summary_is_the_best_there_is(annotations: Any, summary: str) -> None:
    assert one(annotations=annotations).summary == summary


def test_a_summary_can_be_made_of_little() -> None:
    assert one(annotations={}, labels={"alertname": "X"}).summary == "X"
    assert one(annotations={}, labels={"team": "core"}).summary == "team=core"
    assert one(annotations={}, labels={}).summary == "An alert without a name (00c0ffee00c0ffee)"


def test_the_source_is_the_first_label_that_names_a_host() -> None:
    assert labelled(pod="p", node="n").source == "n"
    assert labelled(pod="p").source == "p"
    assert labelled().source == ""


def test_links_are_what_is_one() -> None:
    alert = one(
        generatorURL="javascript:alert(1)",
        annotations={
            "dashboardURL": "https://d.example.com",
            "runbook": "see wiki",
            "wiki_link": "http://w.example.com",
            "summary": "http://s",
        },
    )
    assert alert.links == (Link("https://d.example.com", "Dashboard"), Link("http://w.example.com", "Wiki"))
    assert alert.details["generatorURL"] == "javascript:alert(1)"


def test_what_alertmanager_left_out_is_said_on_every_alert() -> None:
    alerts = read_webhook(group(entry(), entry(fingerprint="b"), truncatedAlerts=7), PROM)
    assert [alert.notes for alert in alerts] == [("Alertmanager left out 7 alerts of this group (max_alerts)",)] * 2
    assert [alert.details["truncatedAlerts"] for alert in alerts] == [7, 7]


def test_wrong_types_and_unknown_keys_are_kept() -> None:
    alert = one(labels=["odd"], values={"B": 1}, startsAt=17)
    assert alert.notes == ("labels should be a map, kept in details", "timestamp '17' is not RFC 3339, left out")
    assert alert.details["labels"] == ["odd"]
    assert alert.details["values"] == {"B": 1}
    assert labelled(n=3, b=True).labels == {"alertname": "DiskFull", "n": "3", "b": "true"}
    assert read_webhook(group(entry(), notification_reason="repeat", routeLabels={}), PROM) == (one(),)


# --- what is not understood ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("body", [None, "text", 5, [], {}, {"alerts": None}, {"alerts": {"a": 1}}, {"version": "9", "Alerts": []}])
def test_another_shape_is_a_page_with_all_of_it(body: Any) -> None:
    [alert] = read_webhook(body, PROM)
    is_whole(alert)
    assert (alert.summary, alert.severity) == ("Alertmanager sent something that is not understood", Severity.ERROR)
    assert (alert.action, alert.details) == (Action.TRIGGER, {"raw": body})
    assert read_webhook(body, PROM)[0].dedup_key == alert.dedup_key


def test_an_entry_that_is_none_costs_the_others_nothing() -> None:
    body = group(entry(), "odd", {}, {"status": "firing"})
    good, odd = read_webhook(body, PROM)
    assert good == one()
    assert odd.details == {"raw": body}
    assert odd.notes == ("3 of the 4 entries of `alerts` have neither labels nor a fingerprint",)
    assert odd.dedup_key == read_webhook(group("odd", {}, {"status": "firing"}), PROM)[0].dedup_key


def test_an_empty_group_is_no_alert() -> None:
    assert read_webhook(group(), PROM) == ()


# --- anything -----------------------------------------------------------------------------------------------------------------------
NAMES = ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint")
anything = json_values("alertname", "severity", "instance", "job", "service", "summary", "runbook_url")
entries = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(NAMES, anything) | {"status": st.sampled_from(["firing", "resolved"]) | anything}
)


@given(
    json_values("alerts", *NAMES)
    | st.fixed_dictionaries(
        {"alerts": st.lists(entries | anything, max_size=3)},
        optional=dict.fromkeys(("status", "truncatedAlerts", "receiver", "groupKey", "externalURL"), anything),
    )
)
def test_any_json_is_alerts(body: Any) -> None:
    alerts = read_webhook(body, PROM)
    assert alerts or body["alerts"] == []
    for alert in alerts:
        is_whole(alert)


def test_the_contract() -> None:
    for file in sorted(contract("payloads/alertmanager").glob("*.json")):
        if file.stem == "headers":
            continue
        body: Any = read_body(file.read_bytes(), "application/json")
        alerts = read_webhook(body, PROM)
        for alert, sent in zip(alerts, body["alerts"], strict=True):
            is_whole(alert)
            assert alert.action is (Action.RESOLVE if sent["status"] == "resolved" else Action.TRIGGER)
            assert (alert.dedup_key, alert.labels, alert.summary) == (sent["fingerprint"], sent["labels"], sent["annotations"]["summary"])
            assert (alert.severity, alert.notes) == (Severity.CRITICAL, ())
            assert ("endsAt" in alert.details) == (sent["status"] == "resolved")
