"""Commands as they are, with nothing in the place of anything: `check` and `who` on folders, the others with no store to be reached."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pager.cli.main import app
from tests.unit.cli.installation import Installation

ROTA = """\
settings: {default_policy: page, catch_all: {notify: ["user:ben"], every: 10m}, redis: {url: "${STORE:-redis://127.0.0.1:1}"}}
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: [twilio]}
users:
  ana: {name: Ana, timezone: Europe/Madrid, contact: {sms: "+34600000001"}, ladder: {high: [{via: [sms]}]}}
  ben: {name: Ben, timezone: UTC, contact: {sms: "+447700900002"}, ladder: {high: [{via: [sms]}]}}
teams: {core: {members: [ana, ben]}}
schedules:
  week: {team: core, timezone: Europe/Madrid, layers: [{name: all, users: [ana, ben], every: 1w, starts: 2026-01-05T09:00}]}
policies:
  page: {stages: [{notify: ["schedule:week"], ack_timeout: 5m}]}
services: {db: {team: core, policy: page}}
"""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def pagerd(*words: str, **environment: str | None) -> Result:
    clean = {"COLUMNS": "200", "PAGERD_CONFIG": None, "STORE": None, "FORCE_COLOR": None}
    return CliRunner().invoke(app, list(words), env={**clean, **environment}, prog_name="pagerd")


def answer(*words: str, code: int = 0) -> Any:
    found = pagerd(*words, "--json")
    assert found.exit_code == code, found.output
    return json.loads(found.stdout)


@pytest.fixture
def rota(tmp_path: Path) -> str:
    folder = tmp_path / "rota"
    folder.mkdir()
    (folder / "pagerd.yaml").write_text(ROTA)
    return str(folder)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "a.yaml").write_text("services: {db: {polcy: x}}\n")
    return str(folder)


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address where nobody answers, and never will while the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{taken.getsockname()[1]}"


# --- check ----------------------------------------------------------------------------------------------------------------------------
def test_check_json_has_the_names_of_the_contract_for_every_level(rota: str) -> None:
    found = answer("check", rota)
    assert list(found) == ["errors"]
    assert all(list(one) == ["level", "file", "line", "column", "path", "message", "suggestion"] for one in found["errors"])
    assert "error" not in {one["level"] for one in found["errors"]}


def test_check_json_of_a_mistake_is_its_place_and_what_to_write_and_ends_with_1(broken: str) -> None:
    found = answer("check", broken, code=1)["errors"]
    assert [one for one in found if one["level"] == "error"] == [
        {
            "level": "error", "file": "a.yaml", "line": 1, "column": 17, "path": "services.db.polcy", "message": "unknown key 'polcy'",
            "suggestion": "did you mean policy?",
        }
    ]  # fmt: skip


def test_check_prints_a_line_that_editors_can_jump_to(broken: str) -> None:
    found = pagerd("check", broken)
    assert found.exit_code == 1
    assert "a.yaml:1:17: error: services.db.polcy: unknown key 'polcy' (did you mean policy?)" in found.stdout.splitlines()
    assert re.fullmatch(r"1 error, \d+ warnings?, \d+ notes?: not good", found.stdout.splitlines()[-1])


def test_check_of_a_good_folder_says_so_and_ends_with_0(rota: str) -> None:
    found = pagerd("check", rota)
    assert (found.exit_code, found.stdout.splitlines()[-1].endswith(": good")) == (0, True), found.output


def test_check_of_no_folder_ends_with_1_and_says_which(tmp_path: Path) -> None:
    found = pagerd("check", str(tmp_path / "gone"))
    assert found.exit_code == 1
    assert f"{tmp_path}/gone: error: there is no such folder" in found.stdout


def test_check_schema_is_a_json_schema_and_needs_no_folder(tmp_path: Path) -> None:
    found = pagerd("check", "--schema", "--config", str(tmp_path / "gone"))
    assert (found.exit_code, json.loads(found.stdout)["$schema"]) == (0, "https://json-schema.org/draft/2020-12/schema")


@pytest.mark.parametrize("form", ["argument", "before", "after", "environment", "after wins", "argument wins", "command line wins"])
def test_the_folder_is_the_nearest_that_is_named(rota: str, broken: str, form: str) -> None:
    words: list[str] = {
        "argument": ["check", broken],
        "before": ["--config", broken, "check"],
        "after": ["check", "--config", broken],
        "environment": ["check"],
        "after wins": ["--config", rota, "check", "--config", broken],
        "argument wins": ["check", broken, "--config", rota],
        "command line wins": ["--config", broken, "check"],
    }[form]
    environment = {"environment": broken, "command line wins": rota}.get(form)
    assert pagerd(*words, PAGERD_CONFIG=environment).exit_code == 1
    assert pagerd(*(rota if word == broken else broken if word == rota else word for word in words),
                  PAGERD_CONFIG={broken: rota, rota: broken}.get(environment or "")).exit_code == 0  # fmt: skip


def test_without_any_word_the_folder_is_config_where_one_stands(rota: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert pagerd("check").exit_code == 1
    Path(rota).rename(tmp_path / "config")
    assert pagerd("check").exit_code == 0


# --- who ------------------------------------------------------------------------------------------------------------------------------
def test_who_of_a_schedule_is_the_shape_of_the_contract(rota: str) -> None:
    assert answer("who", "week", "--at", "2026-01-14T12:00:00+01:00", "--config", rota) == {
        "at": "2026-01-14T11:00:00.000Z",
        "schedule": "week",
        "on_call": [{"user": "ben", "because": "layer all, turn 2", "origin": "pagerd.yaml:9:56", "until": "2026-01-19T08:00:00.000Z"}],
    }


def test_who_of_a_service_asks_its_policys_first_stage(rota: str) -> None:
    found = answer("who", "db", "--at", "2026-01-06", "--config", rota)
    assert (found["schedule"], [one["user"] for one in found["on_call"]]) == ("week", ["ana"])
    assert list(found["on_call"][0]) == ["user", "because", "origin", "until"]


def test_who_of_a_person_is_them_or_nobody(rota: str) -> None:
    assert [one["user"] for one in answer("who", "ana", "--at", "2026-01-06", "--config", rota)["on_call"]] == ["ana"]
    assert answer("who", "ben", "--at", "2026-01-06", "--config", rota)["on_call"] == []


def test_who_for_a_time_is_a_list_of_shifts(rota: str) -> None:
    found = answer("--config", rota, "who", "week", "--at", "2026-01-05T09:00", "--for", "14d")
    assert list(found) == ["shifts"]
    assert [{name: shift[name] for name in ("from", "to", "users")} for shift in found["shifts"]] == [
        {"from": "2026-01-05T08:00:00.000Z", "to": "2026-01-12T08:00:00.000Z", "users": ["ana"]},
        {"from": "2026-01-12T08:00:00.000Z", "to": "2026-01-19T08:00:00.000Z", "users": ["ben"]},
    ]
    assert [list(shift) for shift in found["shifts"]] == [["from", "to", "users", "because", "origin", "schedule"]] * 2


def test_who_without_a_time_is_now(rota: str) -> None:
    found = answer("who", "week", "--config", rota)
    assert TIME.fullmatch(found["at"])
    assert found["on_call"][0]["user"] in ("ana", "ben")


def test_an_unknown_name_ends_with_1_and_says_what_there_is(rota: str) -> None:
    found = pagerd("who", "weak", "--config", rota)
    assert (found.exit_code, found.stdout) == (1, "")
    assert "'weak' is no schedule, service or user" in found.stderr
    assert "week" in found.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--at", "tomorrow"], ["--at", "2026-02-30"], ["--for", "soon"], ["--for", "14"], ["--tz", "Mars/Base"], ["--at"], ["--no-such"],
    ],
)  # fmt: skip
def test_what_cannot_be_read_ends_with_2(rota: str, words: list[str]) -> None:
    found = pagerd("who", "week", "--config", rota, *words)
    assert (found.exit_code, found.stdout, bool(found.stderr)) == (2, "", True)


@pytest.mark.parametrize(
    "words",
    [
        ["--at", "9999-12-31T23:59:59"],
        ["--at", "0001-01-01T00:00:00+09:00"],
        ["--at", "0001-01-01T00:00:00", "--tz", "Asia/Tokyo"],
        ["--for", "999999w"],
    ],
    ids=" ".join,
)
def test_beyond_the_calendar_is_a_mistake_of_usage(rota: str, words: list[str]) -> None:
    found = pagerd("who", "week", "--config", rota, *words)
    assert (found.exit_code, bool(found.stderr)) == (2, True), repr(found.exception)


def test_who_of_a_broken_config_ends_with_1_and_everything_that_is_wrong(broken: str) -> None:
    found = pagerd("who", "week", "--config", broken)
    assert (found.exit_code, found.stdout) == (1, "")
    assert "a.yaml:1:17: error: services.db.polcy" in found.stderr
    assert found.stderr.splitlines()[-1] == "the config has errors"


# --- no store -------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list"], ""), (["list", "--json"], ""), (["show", "1"], ""), (["dead", "list"], ""), (["ack", "1"], "NOT recorded: "),
        (["resolve", "1", "--as", "ana"], "NOT recorded: "), (["snooze", "1", "2h"], "NOT recorded: "), (["note", "1", "tried", "it"], "NOT recorded: "),
        (["send", "--summary", "disk full"], "NOT all sent: "),
    ],
    ids=lambda x: " ".join(x) or None,
)  # fmt: skip
def test_without_a_store_a_command_ends_with_3_and_says_what_did_not_happen(rota: str, deaf: str, words: list[str], said: str) -> None:
    found = pagerd(*words, "--config", rota, STORE=deaf)
    assert (found.exit_code, found.stdout) == (3, ""), found.output
    assert found.stderr.startswith(said)
    assert rota in found.stderr
    assert "Traceback" not in found.stderr


def test_an_address_that_is_none_is_a_store_that_cannot_be_reached(rota: str) -> None:
    found = pagerd("list", "--config", rota, STORE="nonsense://x")
    assert (found.exit_code, "the store can't be reached" in found.stderr) == (3, True), found.output


@pytest.mark.parametrize(
    "words",
    [
        ["ack"], ["ack", "one"], ["snooze", "1"], ["snooze", "1", "soon"], ["list", "--state", "asleep"], ["send"], ["send", "--label", "x"],
        ["send", "disk full"], ["dead", "retry"], ["dead", "retry", "1-1", "--all"], ["nonsense"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_mistake_of_usage_ends_with_2_before_the_store_is_asked(rota: str, words: list[str]) -> None:
    found = pagerd("--config", rota, *words)
    assert (found.exit_code, found.stdout) == (2, ""), found.output
    assert found.stderr


# --- what tools write, on a terminal ----------------------------------------------------------------------------------------------------
def test_a_detail_cannot_move_the_cursor_of_whoever_looks(office: Installation) -> None:
    office.alert(details={"log": "\x1b[2J\x1b]0;all is well\x07"})
    assert "\x1b" not in office.pagerd("show", "1").stdout
