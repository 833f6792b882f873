"""PagerDuty's Events API v2, as its documentation has it and as tools bend it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.intake.body import Bad, read_body
from pager.intake.events_v2 import MESSAGE, Change, read_change, read_event, routing_key
from pager.intake.text import MAX_KEY
from pager.model.alert import Action, Alert, Link, Severity
from pager.model.service import Integration
from tests.contract_folder import contract
from tests.unit.intake.any_json import is_whole, json_values

EVENTS = Integration(name="events", kind="events-v2")
PAYLOAD = {"summary": "disk full on db1", "source": "db1.example.com", "severity": "critical"}


def event(**fields: Any) -> dict[str, Any]:
    return {"routing_key": "R" * 32, "event_action": "trigger", "dedup_key": "db1/disk", "payload": PAYLOAD, **fields}


def good(body: Any, integration: Integration = EVENTS) -> Alert:
    found = read_event(body, integration)
    assert isinstance(found, Alert), found
    return found


def errors(body: Any) -> tuple[str, ...]:
    found = read_event(body, EVENTS)
    assert isinstance(found, Bad), found
    assert (found.status, found.message) == (400, MESSAGE)
    return found.errors


# --- what is right ------------------------------------------------------------------------------------------------------------------
def test_every_field_of_a_trigger() -> None:
    alert = good(
        event(
            payload={
                **PAYLOAD, "timestamp": "2026-03-01T10:00:00.250+0100", "component": "pg", "group": "prod", "class": "disk",
                "custom_details": {"free": "1%", "load": 0.75},
            },
            links=[{"href": "https://x.example.com", "text": "Graph"}], images=[{"src": "https://x.example.com/a.png", "alt": "a"}],
            client="Watcher", client_url="https://w.example.com",
        )
    )  # fmt: skip
    assert (alert.scope, alert.integration, alert.dedup_key, alert.action) == ("events", "events", "db1/disk", Action.TRIGGER)
    assert (alert.summary, alert.source, alert.severity) == ("disk full on db1", "db1.example.com", Severity.CRITICAL)
    assert (alert.component, alert.group, alert.class_) == ("pg", "prod", "disk")
    assert alert.timestamp == datetime(2026, 3, 1, 9, 0, 0, 250_000, UTC)
    assert alert.details == {"free": "1%", "load": 0.75}
    assert (alert.links, alert.images) == ((Link("https://x.example.com", "Graph"),), ("https://x.example.com/a.png",))
    assert (alert.client, alert.client_url, alert.notes, alert.labels) == ("Watcher", "https://w.example.com", (), {})


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_the_others_need_only_a_dedup_key(action: str) -> None:
    alert = good({"routing_key": "R" * 32, "event_action": action, "dedup_key": "k"})
    assert (alert.action, alert.dedup_key, alert.summary, alert.notes) == (Action(action), "k", "", ())


def test_a_resolve_with_a_payload_keeps_it() -> None:
    assert good(event(event_action="resolve")).summary == "disk full on db1"


def test_the_scope_is_the_integrations() -> None:
    assert good(event(), Integration(name="events", kind="events-v2", dedup_scope="shared")).scope == "shared"


def test_without_a_dedup_key_one_is_made_and_the_same_each_time() -> None:
    assert good(event(dedup_key=None)).dedup_key == good(event(dedup_key="")).dedup_key != good(event()).dedup_key


def test_a_long_dedup_key_is_told_apart_and_found_by_its_resolve() -> None:
    one, two = good(event(dedup_key="k" * 300)).dedup_key, good(event(dedup_key="k" * 301)).dedup_key
    assert one != two
    assert len(one) <= MAX_KEY
    assert good({"event_action": "resolve", "dedup_key": "k" * 300}).dedup_key == one


# --- what is mended -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("severity", "found", "note"),
    [
        (None, Severity.ERROR, "severity is missing, taken as error"),
        ("", Severity.ERROR, "severity is missing, taken as error"),
        ("catastrophic", Severity.ERROR, "severity 'catastrophic' is unknown, taken as error"),
        (5, Severity.ERROR, "severity '5' is unknown, taken as error"),
        ("WARNING", Severity.WARNING, None),
    ],
)
def test_a_severity_never_costs_the_page(severity: Any, found: Severity, note: str | None) -> None:
    alert = good(event(payload={**PAYLOAD, "severity": severity}))
    assert (alert.severity, alert.notes) == (found, (note,) if note else ())


def test_the_integrations_severity_stands_in() -> None:
    alert = good(event(payload={"summary": "s", "source": "x"}), Integration(name="e", kind="events-v2", severity=Severity.INFO))
    assert (alert.severity, alert.notes) == (Severity.INFO, ("severity is missing, taken as info",))


@pytest.mark.parametrize("given", ["text", ["a", 1], 5, False])
def test_details_that_are_no_map_are_kept(given: Any) -> None:
    assert good(event(payload={**PAYLOAD, "custom_details": given})).details == {"details": given}


def test_wrong_types_are_noted_and_kept() -> None:
    alert = good(event(payload={**PAYLOAD, "component": ["pg"], "timestamp": "now"}, client={"n": 1}, links="https://x.example.com"))
    assert alert.details == {"component": ["pg"], "client": {"n": 1}}
    assert len(alert.notes) == 3
    assert alert.links == (Link("https://x.example.com"),)


def test_a_trigger_whose_dedup_key_is_no_text_pages() -> None:
    alert = good(event(dedup_key={"a": 1}))
    assert alert.dedup_key.startswith("made:")
    assert (alert.details, alert.notes) == ({"dedup_key": {"a": 1}}, ("dedup_key should be text, kept in details",))


def test_a_payload_that_is_no_map_costs_no_resolve() -> None:
    assert good(event(event_action="resolve", payload=["x"])).details == {"payload": ["x"]}


def test_what_pagerduty_does_not_know_is_kept_and_the_key_is_not() -> None:
    alert = good(
        event(env="prod", deep={"a": 1}, summary="outside", payload={**PAYLOAD, "zone": 3, "service": "db", "routing_key": "secret"})
    )
    assert alert.labels == {"env": "prod", "zone": "3"}
    assert alert.details == {"deep": {"a": 1}, "summary": "outside", "service": "db"}
    assert alert.service == ""
    assert "secret" not in str(alert)
    assert "RRRR" not in str(alert)


# --- what is wrong ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "found"),
    [
        ([], ["the event is not a JSON object"]),
        ({}, ["'event_action' is missing or blank"]),
        (event(event_action="page"), ["'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"]),
        (event(event_action=["trigger"]), ["'event_action' is invalid"]),
        (event(payload=None), ["'payload' is missing or blank", "'payload.summary' is missing", "'payload.source' is missing"]),
        (event(payload=[]), ["'payload' is not an object", "'payload.summary' is missing", "'payload.source' is missing"]),
        (event(payload={}), ["'payload.summary' is missing or blank", "'payload.source' is missing or blank"]),
        (
            event(payload={"summary": " \x00", "source": ""}),
            ["'payload.summary' is missing or blank", "'payload.source' is missing or blank"],
        ),
        (event(payload={**PAYLOAD, "summary": ["x"]}), ["'payload.summary' is not a string"]),
        ({"event_action": "resolve"}, ["'dedup_key' is missing or blank"]),
        ({"event_action": "acknowledge", "dedup_key": {"a": 1}}, ["'dedup_key' is not a string"]),
    ],
)
def test_all_faults_are_said_at_once(body: Any, found: list[str]) -> None:
    said = errors(body)
    assert len(said) == len(found)
    assert all(one.startswith(other) for one, other in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"routing_key": " k "}, "k"),
        ({}, "'routing_key' is missing or blank"),
        ({"routing_key": ""}, "'routing_key' is missing or blank"),
        ({"routing_key": 5}, "'routing_key' is not a string"),
        ("text", "'routing_key' is missing: the event is not a JSON object"),
    ],
)
def test_the_routing_key(body: Any, found: str) -> None:
    key = routing_key(body)
    assert (key.errors[0] if isinstance(key, Bad) else key) == found


# --- changes ------------------------------------------------------------------------------------------------------------------------
def test_a_change() -> None:
    payload = {"summary": "Deployed 42", "source": "ci", "timestamp": "2026-03-01T10:00:00Z", "custom_details": {"n": 1}}
    assert read_change({"payload": payload, "links": [{"href": "https://x.example.com"}]}, EVENTS) == Change(
        summary="Deployed 42", source="ci", timestamp=datetime(2026, 3, 1, 10, tzinfo=UTC), details={"n": 1},
        links=(Link("https://x.example.com"),), integration="events",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (None, "the event is not a JSON object"),
        ({}, "'payload' is missing or blank"),
        ({"payload": {"source": "ci"}}, "'payload.summary' is missing or blank"),
    ],
)
def test_a_change_needs_a_summary(body: Any, error: str) -> None:
    found = read_change(body, EVENTS)
    assert isinstance(found, Bad)
    assert found.errors[0] == error


# --- anything -----------------------------------------------------------------------------------------------------------------------
NAMES = ("event_action", "dedup_key", "payload", "links", "images", "client", "labels", "details", "service", "summary", "routing_key")
INNER = ("summary", "source", "severity", "component", "class", "timestamp", "custom_details", "labels", "action", "dedup_key")
anything = json_values("href", "src", "text")
likely = st.fixed_dictionaries(
    {"event_action": st.sampled_from([*Action, "x"]), "dedup_key": anything},
    optional={
        "payload": anything
        | st.fixed_dictionaries({"summary": st.text(), "source": st.text()}, optional=dict.fromkeys(INNER[2:], anything)),
        **dict.fromkeys(NAMES[3:], anything),
    },
)


@given(likely | json_values(*NAMES, *INNER))
def test_any_json_is_an_alert_or_all_that_is_wrong(body: Any) -> None:
    found = read_event(body, EVENTS)
    if isinstance(found, Alert):
        is_whole(found)
    else:
        assert found.errors
    changed = read_change(body, EVENTS)
    assert changed.errors if isinstance(changed, Bad) else changed.summary
    routing_key(body)


def test_the_contract() -> None:
    for file in sorted(contract("payloads/pagerduty-events-v2").glob("*.json")):
        body: Any = read_body(file.read_bytes(), "application/json")
        found = read_event(body, EVENTS)
        if file.stem == "change-event":
            assert isinstance(read_change(body, EVENTS), Change)
        elif file.stem.startswith(("response", "alertmanager-headers")):
            assert isinstance(found, Bad)
        else:
            assert isinstance(found, Alert), file.name
            is_whole(found)
            assert (found.action, found.notes) == (Action(body["event_action"]), ())
            assert found.dedup_key == body.get("dedup_key", found.dedup_key)
            assert found.details == body.get("payload", {}).get("custom_details", {})
