"""Any tool: by the integration's CEL, by the fields of the stream contract, or as a page with the raw body."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.intake.body import read_body
from pager.intake.fields import KNOWN
from pager.intake.generic import read_generic
from pager.model.alert import Action, Alert, Link, Severity
from pager.model.service import Integration
from tests.contract_folder import contract
from tests.unit.intake.any_json import is_whole, json_values

BODY = {"title": "Backup failed", "id": 7, "level": "crit", "host": {"name": "db1"}, "tags": ["a", "b"], "state": "down"}


def generic(fields: dict[str, str] | None = None, **more: Any) -> Integration:
    return Integration(name="backups", kind="generic", fields=fields or {}, **more)


def one(body: Any, integration: Integration) -> Alert:
    [alert] = read_generic(body, integration)
    is_whole(alert)
    return alert


def mapped(body: Any = BODY, **fields: str) -> Alert:
    return one(body, generic({"summary": "body.title", **fields}))


def is_raw(alert: Alert, body: Any) -> bool:
    return alert.summary == "backups sent something that is not understood" and alert.details == {"raw": body}


# --- mapped -------------------------------------------------------------------------------------------------------------------------
def test_every_field_may_be_mapped() -> None:
    alert = mapped(
        action='body.state == "down" ? "trigger" : "resolve"', dedup_key='"backup-" + string(body.id)', severity="body.level",
        source="body.host.name", service='"db"', component="body.tags[0]", group='"g"', client='"Backups"', client_url='"https://b.example.com"',
        timestamp='timestamp("2026-03-01T10:00:00Z")', labels='{"n": body.id, "tag": body.tags[1]}', details='{"host": body.host}',
        links='["https://x.example.com"]', images='[{"src": "https://x.example.com/a.png"}]', **{"class": '"backup"'},
    )  # fmt: skip
    assert alert == Alert(
        scope="backups", integration="backups", dedup_key="backup-7", summary="Backup failed", severity=Severity.CRITICAL, source="db1",
        service="db", component="a", group="g", class_="backup", client="Backups", client_url="https://b.example.com",
        timestamp=datetime(2026, 3, 1, 10, tzinfo=UTC), labels={"n": "7", "tag": "b"}, details={"host": {"name": "db1"}},
        links=(Link("https://x.example.com"),), images=("https://x.example.com/a.png",),
    )  # fmt: skip


def test_a_resolve_is_one() -> None:
    alert = mapped({**BODY, "state": "up"}, action='body.state == "down" ? "trigger" : "resolve"', dedup_key="body.id")
    assert (alert.action, alert.dedup_key) == (Action.RESOLVE, "7")


def test_unless_details_are_mapped_they_hold_the_body() -> None:
    assert mapped().details == {"raw": BODY}


def test_a_field_that_gives_nothing_is_left_out_and_noted() -> None:
    alert = mapped({**BODY, "zone": None}, source="body.server.name", component="body.zone", group="1 / 0")
    assert (alert.source, alert.component, alert.group) == ("", "", "")
    assert len(alert.notes) == 3
    assert alert.notes[0].startswith("source is left out: ")
    assert alert.notes[1] == "component is left out: its expression gives null"
    assert "divide by zero" in alert.notes[2]


@pytest.mark.parametrize(("default", "meant"), [(None, Severity.ERROR), (Severity.WARNING, Severity.WARNING)])
def test_the_severity_of_the_integration_stands_in(default: Severity | None, meant: Severity) -> None:
    assert one(BODY, generic({"summary": "body.title"}, severity=default)).severity is meant
    odd = one(BODY, generic({"summary": "body.title", "severity": '"purple"'}, severity=default))
    assert (odd.severity, odd.notes) == (meant, (f"severity 'purple' is unknown, taken as {meant}",))
    assert one({"summary": "x"}, generic(severity=default)).severity is meant
    assert one("odd", generic(severity=default)).severity is meant


def test_the_scope_is_the_integrations() -> None:
    assert one(BODY, generic({"summary": "body.title"}, dedup_scope="all")).scope == one(1, generic(dedup_scope="all")).scope == "all"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"summary": "body.name"}, "summary: missing or empty"),
        ({"summary": "body.tags"}, "summary: should be text, found a list"),
        ({"source": '"x"'}, "summary: missing or empty"),
        ({"summary": "body.title", "action": "body.state"}, "action: 'down' is not one of"),
        ({"summary": "body.title", "dedup_key": "body.host"}, "dedup_key: should be text"),
        ({"action": '"resolve"'}, "dedup_key: missing or empty"),
    ],
)
def test_what_makes_no_alert_is_a_page_with_the_body(fields: dict[str, str], reason: str) -> None:
    alert = one(BODY, generic(fields))
    assert is_raw(alert, BODY)
    assert alert.action is Action.TRIGGER
    assert alert.notes[-1].startswith(reason)
    assert (
        alert.dedup_key == one(dict(reversed(BODY.items())), generic(fields)).dedup_key != one({**BODY, "id": 8}, generic(fields)).dedup_key
    )


def test_a_number_will_do_for_a_summary() -> None:
    assert mapped({"title": 503}).summary == "503"


def test_a_form_is_a_body_as_well() -> None:
    body: Any = read_body(b"title=Backup+failed&tag=a&tag=b", "application/x-www-form-urlencoded")
    assert mapped(body, labels='{"second": body.tag[1]}').labels == {"second": "b"}


# --- not mapped ---------------------------------------------------------------------------------------------------------------------
def test_a_body_may_have_the_fields_of_the_stream() -> None:
    alert = one({"summary": "disk full", "severity": "info", "dedup_key": "k", "env": "prod", "deep": {"a": 1}}, generic())
    assert (alert.summary, alert.severity, alert.dedup_key) == ("disk full", Severity.INFO, "k")
    assert (alert.labels, alert.details, alert.scope, alert.integration) == ({"env": "prod"}, {"deep": {"a": 1}}, "backups", "backups")


def test_a_form_may_hold_json_for_what_has_structure() -> None:
    body: Any = read_body(b"summary=disk+full&labels=%7B%22env%22%3A%22prod%22%7D", "application/x-www-form-urlencoded")
    assert one(body, generic()).labels == {"env": "prod"}


def test_a_list_is_several_alerts_and_an_odd_one_costs_the_others_nothing() -> None:
    first, odd, second = read_generic([{"summary": "a"}, "odd", {"summary": "b"}], generic())
    assert (first.summary, second.summary) == ("a", "b")
    assert is_raw(odd, "odd")
    assert read_generic([], generic()) == ()


@pytest.mark.parametrize("body", [None, 5, "text", {}, {"title": "x"}, {"summary": "x", "action": "page"}])
def test_another_shape_is_a_page_with_all_of_it(body: Any) -> None:
    assert is_raw(one(body, generic()), body)


# --- anything -----------------------------------------------------------------------------------------------------------------------
expressions = st.sampled_from(
    ["body", "body.a", "body[0]", "body.a.b", '"x"', "1", "1.0 / 0.0", "[body]", '{"a": body}', "null", 'timestamp("2026-01-05T09:00:00Z")',
     'duration("5s")', "b'x'", "type(body)", "body.map(x, x)", "string(body)", "{1: 2u}", "'resolve'", "nope"]
)  # fmt: skip


@given(json_values("a", "b", *KNOWN), st.dictionaries(st.sampled_from(sorted(KNOWN)), expressions, max_size=8))
def test_any_json_is_alerts(body: Any, fields: dict[str, str]) -> None:
    alerts = read_generic(body, generic(fields))
    assert alerts or body == []
    for alert in alerts:
        is_whole(alert)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(KNOWN), json_values("href", "src"))))
def test_any_fields_are_alerts(body: Any) -> None:
    is_whole(one(body, generic()))


def test_the_contract() -> None:
    for file in sorted(contract("payloads").rglob("*.json")):
        body: Any = read_body(file.read_bytes(), "application/json")
        for integration in (generic(), generic({"summary": "body.title", "labels": "body.labels"})):
            for alert in read_generic(body, integration):
                is_whole(alert)
