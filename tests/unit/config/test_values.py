"""What stands in the config is what the model says."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from pager.config import fingerprint, load, not_active_yet, without_secrets
from pager.config.tree import as_bool, parse
from pager.model.alert import Severity, Urgency
from pager.model.condition import Term
from pager.model.person import Rung
from pager.model.policy import OnTimeout
from pager.model.schedule import OverrideKind
from pager.model.settings import Rate
from tests.contract_folder import contract
from tests.night import config_of
from tests.payments import PAYMENTS

USER = "users: {ana: {name: Ana}}\n"


def test_the_contract_by_example_loads_whole() -> None:
    loaded = load(contract("reference-config"), {})
    assert [p for p in loaded.problems if p.level == "error"] == []
    config = loaded.config
    assert config is not None
    assert config.settings.ladder.high[1] == Rung(timedelta(minutes=3), ("voice", "email"))
    assert config.settings.break_glass is not None
    assert config.settings.break_glass.sms == ("+14155550100",)
    assert config.providers["twilio"].senders == {"+34": "+34910000111", "*": "+14155550111"}
    assert (config.providers["twilio_backup"].kind, config.providers["email"].kind) == ("twilio", "smtp")
    assert config.providers["twilio"].missing == ("account_sid", "auth_token")
    assert config.channels["sms"] == ("twilio", "twilio_backup")
    assert [(r.to, r.otherwise) for r in config.chat_channels] == [
        ("#incident-critical", False),
        ("#incident-leadership", False),
        ("#alerts", True),
    ]
    assert config.users["ana"].away[0].start == datetime(2026, 8, 3)
    assert config.teams["sre"].members == ("dora", "erik")
    layers = config.schedules["payments-primary"].layers
    assert layers[1].only[0].days == (0, 1, 2, 3, 4)
    assert (layers[1].only[0].start, layers[1].only[0].end) == (time(3), time(8))
    override = config.schedules["payments-primary"].overrides[0]
    assert (override.kind, override.user, override.start) == (OverrideKind.REPLACE, "ben", datetime(2026, 3, 28, 20))
    assert config.schedules["payments-primary"].holidays is not None
    stage = config.policies["payments"].stages[2]
    assert (stage.name, stage.on_timeout, stage.repeat_limit, stage.major_incident) == ("leadership", OnTimeout.REPEAT, 6, "#inc-{number}")
    assert config.policies["default"].loop == 1
    assert config.policies["office-hours"].stages[0].wait_for_hours is not None
    assert config.services["checkout"].sla.ack == timedelta(minutes=5)
    assert config.integrations["events"].resolve_after == timedelta(hours=12)
    assert config.routes[0].condition.terms == (Term("labels.env", ("staging",)),)
    assert config.routes[2].urgency is Urgency.LOW
    assert config.routes[3].condition.terms == (Term("class", ("data-exposure", "payments-fraud")),)
    assert config.routes[4].severity is Severity.ERROR
    assert config.noise.inhibit[0].equal == ("labels.cluster",)
    assert [rate.per for rate in config.noise.storm] == ["service"]
    assert config.noise.suppress_at_most == timedelta(hours=24)
    waiting = {p.path for p in not_active_yet(config)}
    assert waiting >= {"channels.voice"}
    assert not waiting & {"channels.chat", "channels.email", "providers.slack", "integrations.events", "chat_channels"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("NO", "NO"), ("on", "on"), ("012", "012"), ("1e3", "1e3"), ("12:30", "12:30"), ('"null"', "null"), ("3", "3"), ("true", "true")],
)
def test_scalars_are_those_of_yaml_1_2(written: str, meant: str) -> None:
    config = config_of(f"services: {{db: {{labels: {{x: {written}}}}}}}\n")
    assert config.services["db"].labels == {"x": meant}


def test_only_true_and_false_are_booleans() -> None:
    tree = parse('a: true\nb: yes\nc: "true"\n', "x")
    assert tree is not None
    assert [as_bool(value) for _, value in tree.pairs()] == [True, None, None]


@pytest.mark.parametrize(
    ("written", "environment", "meant"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("${A:-y}", {}, "y"),
        ("${A:-y}", {"A": ""}, "y"),
        ("a-${A}-${B:-z}", {"A": "x"}, "a-x-z"),
        ("$${A}", {"A": "x"}, "${A}"),
        ("${A}", {"A": "no: [yaml"}, "no: [yaml"),
    ],
)
def test_variables_are_put_in_after_parsing(written: str, environment: dict[str, str], meant: str) -> None:
    assert config_of(f'services: {{db: {{runbook: "{written}"}}}}\n', environment).services["db"].runbook == meant


def test_numbers_and_durations_may_come_from_variables() -> None:
    config = config_of(
        'settings: {demo: "${D}"}\nservices: {db: {tier: "${T}", sla: {ack: "${A}"}}}\n', {"D": "true", "T": "2", "A": "1h30m"}
    )
    assert (config.settings.demo, config.services["db"].tier, config.services["db"].sla.ack) == (True, 2, timedelta(minutes=90))


def test_match_keys_say_what_they_mean() -> None:
    text = (
        "routes: [{name: r, match: {severity: [error, warning], class: x, env: {re: 'p.*'}, labels.a: 1, details.b: true}, suppress: s}]\n"
    )
    assert config_of(text).routes[0].condition.terms == (
        Term("severity", ("error", "warning")), Term("class", ("x",)), Term("labels.env", regex="p.*"), Term("labels.a", ("1",)),
        Term("details.b", ("true",)),
    )  # fmt: skip


def test_the_kinds_of_overrides() -> None:
    one = "{from: 2026-01-01T00:00, to: 2026-01-02T00:00, %s}"
    overrides = ", ".join(one % verb for verb in ("user: ana", "user: ana, for: ana", "add: ana", "remove: ana"))
    schedule = (
        f"schedules: {{s: {{layers: [{{name: w, users: [ana, null], every: 2mo, starts: 2026-01-31T09:00}}], overrides: [{overrides}]}}}}\n"
    )
    found = config_of(USER + schedule).schedules["s"]
    assert [(o.kind, o.user, o.instead_of) for o in found.overrides] == [
        (OverrideKind.REPLACE, "ana", None), (OverrideKind.REPLACE, "ana", "ana"), (OverrideKind.ADD, "ana", None), (OverrideKind.REMOVE, "ana", None),
    ]  # fmt: skip
    assert (found.layers[0].users, found.layers[0].every.months) == (("ana", None), 2)


def test_what_can_be_switched_off() -> None:
    config = config_of("settings: {throttle: off}\nnoise: {storm: off}\n")
    assert config.settings.throttle.per_person is None
    assert config.noise.storm == ()
    several = config_of("noise: {storm: [{pages: 20, within: 1m}, {pages: 100, within: 1m, per: all}]}\n").noise.storm
    assert [(rate.pages, rate.per) for rate in several] == [(20, "service"), (100, "all")]
    assert config_of("settings: {throttle: {per_person: 10/1m}}\n").settings.throttle.per_person == Rate(10, timedelta(minutes=1))


def test_rules_of_noise_keep_what_they_say() -> None:
    noise = config_of(
        "noise:\n"
        "  threshold: [{name: t, match: {a: b}, count: 3, within: 5m, by: service}]\n"
        "  recurring: [{name: r, match: {a: b}, after: 3 in 1h, severity: critical}]\n"
        "  group: [{name: g, by: [service], window: 5m, sliding: true}]\n"
        "  maintenance: [{name: m, match: {a: b}, from: 2026-01-01T00:00, to: 2026-01-02T00:00}]\n"
    ).noise
    assert (noise.threshold[0].count, noise.threshold[0].by) == (3, ("service",))
    assert (noise.recurring[0].count, noise.recurring[0].within) == (3, timedelta(hours=1))
    assert noise.group[0].sliding
    assert noise.maintenance[0].end == datetime(2026, 1, 2)


def test_a_config_for_the_store_has_no_secrets_and_decides_the_same() -> None:
    config = config_of(PAYMENTS.replace("auth_token: t", "auth_token: hunter2") + "integrations: {i: {kind: generic, key: hunter3}}\n")
    kept = without_secrets(config)
    assert "hunter" not in str(kept)
    assert (kept.policies, kept.channels, kept.providers["twilio"].missing) == (config.policies, config.channels, ())


def test_revision_and_fingerprint_follow_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(USER)
    (tmp_path / ".hidden.yaml").write_text("nonsense: [")
    first, seen = load(tmp_path, {}), fingerprint(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yml").write_text("teams: {t: {members: [ana]}}\n")
    second = load(tmp_path, {})
    assert first.config is not None
    assert second.config is not None
    assert list(second.config.teams) == ["t"]
    assert first.config.revision != second.config.revision
    assert seen != fingerprint(tmp_path)


def test_a_generic_integration_may_map_its_fields() -> None:
    config = config_of(
        PAYMENTS + "integrations: {i: {kind: generic, fields: {summary: body.title, labels: '{\"a\": body.a}'}}, j: {kind: generic}}\n"
    )
    assert config.integrations["i"].fields == {"summary": "body.title", "labels": '{"a": body.a}'}
    assert config.integrations["j"].fields == {}
