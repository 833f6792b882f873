"""What a folder means: scalars by the core schema of YAML 1.2, variables, secrets, revisions, and the published schema."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from pager.config import fingerprint, json_schema, load, load_settings, not_active_yet, without_secrets
from pager.config.tree import Node, SyntaxProblem, as_bool, as_int, parse
from pager.model.config import Config
from pager.model.hours import Hours
from pager.model.origin import Origin
from pager.model.policy import Stage, Target, TargetKind
from pager.model.schedule import Every
from pager.model.service import Sla
from tests.contract_folder import contract
from tests.json_schema import Draft202012Validator
from tests.night import config_of

ROOT = Path(__file__).parents[3]


def labels(text: str, environment: dict[str, str] | None = None) -> dict[str, str]:
    return config_of(f"services:\n  db:\n    labels:\n      x: {text}\n", environment or {}).services["db"].labels


# --- scalars ------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO", "NO"), ("No", "No"), ("off", "off"), ("y", "y"), ("0o14", "0o14"), ("0x1F", "0x1F"), ("1_000", "1_000"), (".5", ".5"), ("-0", "-0"),
        ("190:20:30", "190:20:30"), ("2026-01-05", "2026-01-05"), ("'007'", "007"), ('"~"', "~"), ('""', ""), ("TRUE", "TRUE"), ("=", "="),
        ("|\n        a\n        b\n", "a\nb\n"), (">\n        a\n        b\n", "a b\n"), (r'"\u00e9"', "é"), ("'it''s'", "it's"),
    ],
)  # fmt: skip
def test_text_stays_as_it_is_written(written: str, meant: str) -> None:
    assert labels(written) == {"x": meant}


@pytest.mark.parametrize("written", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_no_text(tmp_path: Path, written: str) -> None:
    (tmp_path / "a.yaml").write_text(f"services: {{db: {{labels: {{x: {written}}}}}}}\n")
    assert [(p.path, p.message) for p in load(tmp_path, {}).problems] == [("services.db.labels.x", "expected text, found nothing")]


def test_a_key_left_empty_is_as_one_left_out() -> None:
    config = config_of("services:\n  db:\n    runbook:\n    sla:\nroutes:\n")
    assert (config.services["db"].runbook, config.services["db"].sla, config.routes) == ("", Sla(), ())


@pytest.mark.parametrize(
    ("written", "meant"), [("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False)]
)
def test_the_six_spellings_of_a_boolean(written: str, meant: bool) -> None:
    assert config_of(f"settings: {{demo: {written}}}\n").settings.demo is meant


@pytest.mark.parametrize("written", ["on", "yes", "y", "1", "tRUE", '"true"', "[true]"])
def test_what_looks_like_a_boolean_and_is_none(tmp_path: Path, written: str) -> None:
    (tmp_path / "a.yaml").write_text(f"settings: {{demo: {written}}}\n")
    [problem] = load(tmp_path, {}).problems
    assert (problem.path, problem.column) == ("settings.demo", 18)
    assert problem.message.startswith("expected true or false, found ")


@pytest.mark.parametrize(("written", "meant"), [("012", 12), ("+3", 3), ("0", 0), ("'4'", 4)])
def test_whole_numbers_are_decimal(written: str, meant: int) -> None:
    assert config_of(f"services: {{db: {{tier: {written}}}}}\n").services["db"].tier == meant


@pytest.mark.parametrize("written", ["0x1", "0o7", "1_0", "1.0", "1e2", "12:30", "٣", "9" * 30])
def test_what_is_no_whole_number(tmp_path: Path, written: str) -> None:
    (tmp_path / "a.yaml").write_text(f"services: {{db: {{tier: {written}}}}}\n")
    assert [p.path for p in load(tmp_path, {}).problems] == ["services.db.tier"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30s", timedelta(seconds=30)),
        ("1.5h", timedelta(minutes=90)),
        ("1w2d3h4m5s", timedelta(9, 5, 0, 0, 4, 3)),
        ("0.5d", timedelta(hours=12)),
    ],
)
def test_durations(written: str, meant: timedelta) -> None:
    assert config_of(f"settings: {{ack_expires: {written}}}\n").settings.ack_expires == meant


@pytest.mark.parametrize(
    ("written", "meant"), [("12h", Every(wall=timedelta(hours=12))), ("2w", Every(wall=timedelta(weeks=2))), ("1mo", Every(months=1))]
)
def test_turns(written: str, meant: Every) -> None:
    text = "users: {a: {name: A}}\nschedules: {s: {layers: [{name: w, users: [a], every: %s, starts: 2026-01-05T09:00}]}}\n"
    assert config_of(text % written).schedules["s"].layers[0].every == meant


def test_one_shape_of_hours() -> None:
    written = '{days: mon, from: "22:00", to: "24:00", timezone: Asia/Tokyo, from_date: 2026-01-01, to_date: 2026-12-31}'
    assert config_of(f"services: {{db: {{support_hours: {written}}}}}\n").services["db"].support_hours == Hours(
        days=(0,), start=time(22), end=time(0), timezone="Asia/Tokyo", first_date=date(2026, 1, 1), last_date=date(2026, 12, 31)
    )


def test_an_alias_is_what_it_stands_for_and_keeps_its_place() -> None:
    config = config_of("services:\n  db: &db {runbook: here, labels: {a: b}}\n  cache: *db\n")
    assert (config.services["cache"].runbook, config.services["cache"].labels) == ("here", {"a": "b"})
    assert config.services["cache"].origin != config.services["db"].origin


def test_merge_keys_are_none_in_yaml_1_2(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("services:\n  db: &db {runbook: here}\n  cache: {<<: *db}\n")
    assert [(p.line, p.column, p.path) for p in load(tmp_path, {}).problems] == [(3, 11, "services.cache.<<")]


def test_a_tree_of_aliases_is_refused_before_it_fills_the_memory() -> None:
    laughs = "a0: &a0 [ha]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 1500)}]\n" for k in range(1, 4))
    with pytest.raises(SyntaxProblem, match="aliases unfold to millions") as refused:
        parse(laughs, "x.yaml")
    assert refused.value.origin.file == "x.yaml"


@pytest.mark.parametrize("text", ["a: &a [*a]", "[" * 100 + "]" * 100, "[" * 100_000], ids=["a snake", "a hundred", "a hundred thousand"])
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(SyntaxProblem, match="nest"):
        parse(text, "x.yaml")


# --- variables ----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'${A:-}'", ""), ("'${A:-${}'", "${"), ("'${SET:-x}${A:-y z}'", "1y z"), ("'$SET'", "$SET"), ("'$$${SET}'", "$${SET}"), ("'$${SET:-x}'", "${SET:-x}"),
        ("'${EMPTY}'", ""), ("'${A:-a:-b}'", "a:-b"), ("${SET}", "1"), ("'${LOOP}'", "${LOOP}"),
    ],
)  # fmt: skip
def test_variables(written: str, meant: str) -> None:
    assert labels(written, {"SET": "1", "EMPTY": "", "LOOP": "${LOOP}"}) == {"x": meant}


def test_a_variable_in_a_name_is_no_variable() -> None:
    assert list(config_of("services: {'${SET}': {}}\n", {"SET": "1"}).services) == ["${SET}"]


def test_a_variable_that_is_not_set_is_said_at_each_of_its_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('settings: {stream: "${A}", data_dir: "${A}${B}"}\n')
    assert [(p.column, p.message) for p in load(tmp_path, {}).problems] == [
        (20, "the variable A is not set"),
        (38, "the variable A is not set"),
        (38, "the variable B is not set"),
    ]


def test_a_comment_may_speak_of_variables() -> None:
    assert config_of("# ${NOT_SET}\nsettings: {stream: x}   # ${NOR_THIS}\n").settings.stream == "x"


# --- settings, revision, secrets ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rest", ["users: [5", "policies: 7", "services: {a: {b: c}}\nservices: {}", "settings: 5"])
def test_the_store_is_found_though_another_file_is_broken(tmp_path: Path, rest: str) -> None:
    (tmp_path / "a.yaml").write_text('settings: {redis: {url: "${URL}"}, data_dir: /var/lib/x}\n')
    (tmp_path / "b.yaml").write_text(rest)
    settings = load_settings(tmp_path, {"URL": "redis://db:6379"})
    assert (load(tmp_path, {"URL": "x"}).config, settings.redis_url, settings.data_dir) == (None, "redis://db:6379", "/var/lib/x")


def test_the_store_is_found_though_another_setting_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("settings: {redis: {url: redis://db}, ladder: {high: []}, ack_expires: soon, no_such: 1}\nusers: 5\n")
    assert load_settings(tmp_path, {}).redis_url == "redis://db"


def test_without_a_folder_settings_are_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "gone", {}).redis_url == "embedded"
    assert fingerprint(tmp_path / "gone") == ()


def test_the_fingerprint_changes_with_every_file(tmp_path: Path) -> None:
    one = tmp_path / "a.yaml"
    one.write_text("users: {}\n")
    seen = [fingerprint(tmp_path)]
    one.write_text("users: { }\n")
    seen.append(fingerprint(tmp_path))
    os.utime(one, ns=(1, 1))
    seen.append(fingerprint(tmp_path))
    (tmp_path / "b.yaml").touch()
    seen.append(fingerprint(tmp_path))
    one.unlink()
    seen.append(fingerprint(tmp_path))
    assert len(set(seen)) == 5
    (tmp_path / "README.md").touch()
    assert fingerprint(tmp_path) == seen[-1]


def test_the_revision_is_that_of_the_content(tmp_path: Path) -> None:
    def revision(**files: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.yaml").write_text(text)
        loaded = load(folder, {})
        assert loaded.config is not None
        return loaded.config.revision

    first = revision(a="users: {}\n", b="teams: {}\n")
    assert first == revision(b="teams: {}\n", a="users: {}\n")
    assert len(first) == 12
    assert (
        len({first, revision(a="users: {}\n"), revision(a="users: {} \n", b="teams: {}\n"), revision(c="users: {}\n", b="teams: {}\n")})
        == 4
    )


SECRET = "hunter2-hunter2"
SECRETS = """
providers:
  twilio: {account_sid: "${S}", auth_token: "${S}", from: [1]}
  slack: {bot_token: "${S}", app_token: "${S}", signing_secret: "${S}", timeout: "${S}"}
  email: {smtp: "smtp://u:${S}@host", kind: "${S}"}
integrations:
  i: {kind: "${S}", key: "${S}", secret: "${S}", resolve_after: "${S}"}
heartbeats:
  h: {key: "${S}", period: "${S}"}
settings: {redis: {url: "redis://:${S}@host"}, timezone: "${S}", demo: "${S}", throttle: "${S}"}
"""


def test_what_a_variable_holds_stands_in_no_problem(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SECRETS)
    problems = load(tmp_path, {"S": SECRET}).problems
    assert len(problems) >= 8
    assert SECRET not in str(problems)


@pytest.mark.parametrize("key", ["account_sid", "auth_token", "bot_token", "app_token", "signing_secret", "smtp"])
def test_a_secret_written_in_the_file_stands_in_no_problem(tmp_path: Path, key: str) -> None:
    (tmp_path / "a.yaml").write_text(
        f"providers: {{twilio: {{{key}: [{SECRET}]}}, acme: {{{key}: {SECRET}}}, slack: {{{key}x: {SECRET}}}}}\n"
    )
    problems = load(tmp_path, {}).problems
    assert len(problems) == 3
    assert SECRET not in str(problems)


def test_a_config_to_keep_has_no_credentials_and_the_same_decisions() -> None:
    text = """
providers: {twilio: {account_sid: "${S}1", auth_token: "${S}2", from: "+1"}, slack: {bot_token: "${S}3"}}
integrations: {i: {kind: generic, key: "${S}4", secret: "${S}5", service: db}}
heartbeats: {h: {key: "${S}6", period: 1h, service: db}}
services: {db: {tier: 1}}
"""
    config = config_of(text, {"S": SECRET})
    kept = without_secrets(config)
    assert str(config).count(SECRET) == 6
    assert SECRET not in str(kept)
    assert (kept.services, kept.routes, kept.revision) == (config.services, config.routes, config.revision)
    assert (kept.settings.ladder, kept.settings.stream) == (config.settings.ladder, config.settings.stream)
    assert kept.providers["twilio"].senders == {"*": "+1"}
    assert (kept.integrations["i"].service, kept.heartbeats["h"].period) == ("db", timedelta(hours=1))


def test_a_config_to_keep_has_no_password_in_its_addresses() -> None:
    text = 'settings: {redis: {url: "redis://:${S}@host"}, heartbeat_out: {url: "https://hc.example.com/${S}"}}\n'
    assert SECRET not in str(without_secrets(config_of(text, {"S": SECRET})))


# --- the schema ---------------------------------------------------------------------------------------------------------------------
def as_json(node: Node) -> Any:
    """What an editor's YAML 1.2 reader hands to the schema."""
    if node.kind == "list":
        return [as_json(item) for item in node.items()]
    if node.kind == "map":
        return {key.text: as_json(value) for key, value in node.pairs()}
    if node.is_null:
        return None
    if not node.plain:
        return node.text
    truth, number = as_bool(node), as_int(node.text)
    return truth if truth is not None else number if number is not None else node.text


def files(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted(folder.rglob("*.yaml")):
        tree = parse(path.read_text(), path.name)
        assert tree is not None, path
        yield path.name, as_json(tree)


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    made = json_schema()
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def test_the_schema_accepts_the_example(schema: Draft202012Validator) -> None:
    found = list(files(ROOT / "config"))
    assert len(found) >= 3
    assert [(name, error.json_path, error.message) for name, tree in found for error in schema.iter_errors(tree)] == []


def test_the_schema_accepts_the_contract_by_example(schema: Draft202012Validator) -> None:
    found = list(files(contract("reference-config")))
    assert len(found) >= 7
    assert [(name, error.json_path, error.message) for name, tree in found for error in schema.iter_errors(tree)] == []


@pytest.mark.parametrize(
    "tree",
    [
        {"servics": {}}, {"services": {"db": {"tier": "one"}}}, {"services": {"db": {"polcy": "x"}}}, {"services": []}, {"users": {"a": {}}},
        {"settings": {"ack_expires": 30}}, {"settings": {"ack_expires": "soon"}}, {"routes": [{"match": {"a": "b"}}]},
        {"settings": {"catch_all": {"notify": ["ana"]}}}, {"integrations": {"i": {"kind": "alertmanger"}}},
    ],
    ids=str,
)  # fmt: skip
def test_the_schema_refuses_what_the_config_refuses(tmp_path: Path, schema: Draft202012Validator, tree: dict[str, Any]) -> None:
    (tmp_path / "a.yaml").write_text(json.dumps(tree))
    assert not schema.is_valid(tree)
    assert load(tmp_path, {}).config is None


# --- the contract by example --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def reference() -> Config:
    loaded = load(contract("reference-config"), {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t", "PAGERD_REDIS_URL": "redis://r"})
    assert [str(p) for p in loaded.problems if p.level == "error"] == []
    assert loaded.config is not None
    return loaded.config


def test_the_reference_names_its_people_and_teams(reference: Config) -> None:
    assert list(reference.users) == ["ana", "ben", "chandra", "dora", "erik"]
    assert reference.users["ana"].contact == {
        "sms": "+34600000001",
        "voice": "+34600000001",
        "email": "ana@example.com",
        "chat": "slack:U0ANA",
    }
    assert (reference.users["chandra"].timezone, "voice" in reference.users["chandra"].contact) == ("Asia/Kolkata", False)
    assert (reference.teams["payments"].members, reference.teams["payments"].lead) == (("ana", "ben", "chandra"), "erik")
    assert str(reference.users["ben"].origin) == "people.yaml:10:3"


def test_the_reference_settings_take_their_variables_and_defaults(reference: Config) -> None:
    settings = reference.settings
    assert (settings.redis_url, settings.data_dir, settings.stream, settings.demo) == ("redis://r", "", "pager:alerts", False)
    assert (settings.public_url, settings.default_policy) == ("https://pager.example.com", "default")
    assert (settings.retain_incidents, settings.retain_audit) == (timedelta(days=90), timedelta(days=400))
    assert settings.catch_all is not None
    assert [(t.kind, t.name) for t in settings.catch_all.notify] == [(TargetKind.TEAM, "sre")]
    assert settings.catch_all.every == timedelta(minutes=10)
    assert (reference.providers["twilio"].options["account_sid"], reference.providers["twilio"].missing) == ("AC1", ())
    assert reference.integrations["prometheus"].key == "prom-key-for-tests-0000000000000"
    assert reference.channels["voice"] == ("twilio", "twilio_backup")


def test_the_reference_services_and_routes(reference: Config) -> None:
    assert (reference.services["checkout"].tier, reference.services["checkout"].labels) == (1, {"cluster": "eu-1"})
    assert reference.services["db"].sla == Sla(timedelta(minutes=15), timedelta(hours=4))
    assert [r.name for r in reference.routes] == ["staging", "payments-team", "info", "data-exposed", "unsure-bot"]
    assert (reference.routes[0].suppress, reference.routes[3].start_at) == ("staging never pages", "leadership")
    assert reference.routes[4].condition.expression == 'double(details["confidence"]) < 0.8 || summary.contains("legal")'


def test_the_reference_policies_have_their_stages_and_targets(reference: Config) -> None:
    first: Stage = reference.policies["payments"].stages[0]
    assert isinstance(first.origin, Origin)
    assert all(isinstance(target, Target) for policy in reference.policies.values() for stage in policy.stages for target in stage.notify)
    assert {"default", "payments", "office-hours"} <= set(reference.policies)
    assert {"payments-primary"} <= set(reference.schedules)


def test_what_is_not_active_yet_is_a_note_with_its_place(reference: Config) -> None:
    notes = not_active_yet(reference)
    assert {note.level for note in notes} == {"note"}
    assert all(note.file.endswith(".yaml") and note.line and note.column for note in notes)
    assert all(note.message.startswith("not active yet: ") for note in notes)


def test_a_signature_that_is_not_asked_for_yet_is_said() -> None:
    config = config_of(
        "integrations: {i: {kind: generic, key: k1, secret: s, service: db}, j: {kind: generic, key: k2}}\nservices: {db: {tier: 1}}\n"
    )
    assert [(note.path, note.message) for note in not_active_yet(config)] == [
        ("integrations.i.secret", "not active yet: the tool's own signature: whoever has the key is let in")
    ]
