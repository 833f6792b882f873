"""override add, list, remove: who stands in for whom, said at run time."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pager.model.event import Entry
from pager.ports import StoreUnavailable
from tests.payments import PAYMENTS
from tests.unit.cli.installation import Installation, unreachable

ROTA = """
settings: {catch_all: {notify: ["user:dora"], every: 10m}}
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: twilio}
users:
  ana: {name: Ana Ruiz, contact: {sms: "+34600000001"}}
  ben: {name: Ben Okafor, contact: {sms: "+447700900002"}}
  dora: {name: Dora Weiss, contact: {sms: "+12125550104"}}
schedules:
  week:
    timezone: Europe/Madrid
    layers: [{name: all, users: [ana, ben], every: 1d, starts: 2026-01-05T09:00}]
    overrides: [{from: 2026-12-24T00:00, to: 2026-12-26T00:00, user: dora, reason: Christmas}]
policies: {p: {stages: [{notify: ["user:ana"]}, {notify: ["schedule:week"]}]}}
services: {plain: {policy: p}}
"""
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # 10:00 in Madrid; ana until 09:00 tomorrow


@pytest.fixture
def rota(office: Installation) -> Installation:
    office.configure(ROTA)
    return office


def audit(office: Installation) -> list[tuple[str, str, str]]:
    return [(entry.event, entry.who, entry.what) for entry in office.store.audit if entry.incident == 0]


# --- add ------------------------------------------------------------------------------------------------------------------------------
def test_a_swap_says_whose_hours_change_and_who_said_so_is_in_the_audit(rota: Installation) -> None:
    result = rota.pagerd("override", "add", "week", "--from", "2026-03-02T18:00", "--to", "2026-03-03T12:00", "--user", "ben",
                         "--instead-of", "ana", "--why", "a birthday", "--as", "ana")  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "override 1 of week: ben instead of ana from Mon 2026-03-02 18:00 CET to Tue 2026-03-03 12:00 CET (a birthday)",
        "from                      to                        before  after ",
        "Mon 2026-03-02 18:00 CET  Tue 2026-03-03 09:00 CET  ana     -> ben",
    ]
    said = "override 1: week: ben instead of ana from Mon 2026-03-02 18:00 CET to Tue 2026-03-03 12:00 CET (a birthday)"
    assert audit(rota) == [("override.added", "ana", said)]
    [on_call] = rota.json("who", "week", "--at", "2026-03-02T20:00")["on_call"]
    assert (on_call["user"], on_call["because"]) == ("ben", "override 1 by ana: a birthday")


def test_from_now_for_a_while_and_rfc_3339_say_the_same(rota: Installation) -> None:
    for words in (
        ("--for", "2h"),
        ("--from", "now", "--to", "2026-03-02T12:00"),
        ("--from", "2026-03-02T09:00:00Z", "--to", "2026-03-02T11:00:00Z"),
    ):
        assert rota.pagerd("override", "add", "week", *words, "--add", "dora").exit_code == 0
    spans = {(one["from"], one["to"]) for one in rota.json("override", "list", "--all") if one["id"]}
    assert spans == {("2026-03-02T09:00:00.000Z", "2026-03-02T11:00:00.000Z")}
    assert {one["by"] for one in rota.json("override", "list", "--all") if one["id"]} == {"cli"}


def test_what_changes_nobodys_hours_is_kept_and_that_is_said(rota: Installation) -> None:
    result = rota.pagerd("override", "add", "week", "--for", "2h", "--remove", "dora")
    assert (result.exit_code, result.stdout.splitlines()[1:]) == (0, ["nobody's hours change by it"])
    assert rota.store.overrides


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nope", "--for", "2h", "--user", "ben"), "'nope' is no schedule of the config: week"),
        (("week", "--for", "2h", "--user", "zoe"), "'zoe' is no user of the config: ana, ben, dora"),
        (("week", "--for", "2h", "--user", "ben", "--instead-of", "zoe"), "'zoe' is no user"),
        (("week", "--for", "2h", "--user", "ben", "--as", "zoe"), "'zoe' is no user"),
        (("week", "--for", "2h", "--add", "ben", "--instead-of", "ana"), "--instead-of goes with --user"),
        (("week", "--for", "2h"), "say who"),
        (("week", "--for", "2h", "--add", "ben", "--remove", "ana"), "say who"),
        (("week", "--add", "ben"), "say until when"),
        (("week", "--for", "2h", "--to", "2026-03-03T12:00", "--add", "ben"), "say until when"),
        (("week", "--from", "2026-03-03T12:00", "--to", "2026-03-03T11:00", "--add", "ben"), "it would end before it begins: from Tue"),
        (("week", "--from", "2026-03-01T12:00", "--to", "2026-03-01T13:00", "--add", "ben"), "it would be over already"),
        (("week", "--from", "2026-03-01T12:00", "--for", "0s", "--add", "ben"), "before it begins"),
        (("week", "--from", "soon", "--for", "2h", "--add", "ben"), "'soon' is no time"),
        (("week", "--from", "9999-12-31T12:00", "--for", "48h", "--add", "ben"), "beyond the calendar"),
        (("week", "--for", "long", "--add", "ben"), "'long' is no duration"),
    ],
)
def test_what_can_not_be_meant_is_refused_in_words_and_nothing_is_kept(rota: Installation, words: tuple[str, ...], says: str) -> None:
    result = rota.pagerd("override", "add", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert (rota.store.overrides, audit(rota)) == ([], [])


def test_without_the_store_nothing_is_recorded_and_that_is_said(rota: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pager.wiring.desk.open_desk", unreachable("no store runs in /srv"))
    for words in (("add", "week", "--for", "2h", "--add", "ben"), ("remove", "1")):
        result = rota.pagerd("override", *words)
        assert result.exit_code == 3
        assert result.stderr.startswith("NOT recorded: no store runs in /srv")


# --- remove ---------------------------------------------------------------------------------------------------------------------------
def test_what_is_taken_back_is_gone_and_the_hours_go_back(rota: Installation) -> None:
    rota.pagerd("override", "add", "week", "--for", "2h", "--user", "dora")
    result = rota.pagerd("override", "remove", "1", "--as", "ben")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].startswith("removed override 1 of week: dora instead of everyone from Mon 2026-03-02 10:00 CET")
    assert result.stdout.splitlines()[-1] == "Mon 2026-03-02 10:00 CET  Mon 2026-03-02 12:00 CET  dora    -> ana"
    assert [(event, who) for event, who, _ in audit(rota)] == [("override.added", "cli"), ("override.removed", "ben")]
    again = rota.pagerd("override", "remove", "1")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "there is no override '1'" in again.stderr
    assert rota.pagerd("override", "remove", "1", "--as", "zoe").exit_code == 2


# --- list -----------------------------------------------------------------------------------------------------------------------------
def test_those_of_the_files_come_first_and_say_where_they_stand(rota: Installation) -> None:
    rota.pagerd("override", "add", "week", "--for", "2h", "--add", "dora", "--why", "to learn")
    found = rota.json("override", "list", "--all")
    assert [(one["id"], one["kind"], one["user"], one["by"], one["why"]) for one in found] == [
        (None, "replace", "dora", "the config", "Christmas"),
        ("1", "add", "dora", "cli", "to learn"),
    ]
    assert found[0]["origin"].startswith("pagerd.yaml:")
    assert found[1]["origin"] is None
    shown = rota.pagerd("override", "list", "week", "--all").stdout.splitlines()
    assert shown[0].startswith("file  week: dora instead of everyone from Thu 2026-12-24 00:00 CET")
    assert shown[2] == "1     week: dora as well from Mon 2026-03-02 10:00 CET to Mon 2026-03-02 12:00 CET (to learn)"


def test_those_that_are_over_are_shown_where_all_are_asked_for(rota: Installation) -> None:
    rota.store.clock.now = datetime(2020, 1, 1, tzinfo=UTC)
    rota.pagerd("override", "add", "week", "--for", "2h", "--add", "dora")
    assert "1" not in [one["id"] for one in rota.json("override", "list")]
    assert "1" in [one["id"] for one in rota.json("override", "list", "--all")]


def test_of_no_schedule_there_is_nothing_to_list(rota: Installation) -> None:
    result = rota.pagerd("override", "list", "nope")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'nope' is no schedule" in result.stderr


def test_one_whose_person_or_schedule_left_the_config_is_shown_as_not_in_force_and_can_be_removed(rota: Installation) -> None:
    rota.pagerd("override", "add", "week", "--from", "2090-01-01T00:00", "--for", "2h", "--user", "dora")
    rota.pagerd("override", "add", "week", "--for", "2h", "--remove", "ana")
    rota.configure(PAYMENTS)
    assert [one["left_out"] for one in rota.json("override", "list", "--all") if one["id"]] == [
        "override 1: schedule week is not in the config",
        "override 2: schedule week is not in the config",
    ]
    assert "NOT in force: override 1: schedule week" in rota.pagerd("override", "list").stdout
    assert rota.pagerd("override", "remove", "1").exit_code == 0


# --- who, and what commands decide ----------------------------------------------------------------------------------------------------
def test_without_the_store_who_answers_all_the_same_and_says_what_it_does_not_know(
    rota: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> None:
        raise StoreUnavailable("no answer within 1 s")

    monkeypatch.setattr("pager.wiring.facts.read_facts", gone)
    for words in (("who", "week"), ("override", "list")):
        result = rota.pagerd(*words)
        assert result.exit_code == 0
        assert result.stdout
        assert result.stderr == "without run-time overrides: the store can't be reached (no answer within 1 s)\n"


def test_a_command_that_pages_goes_by_what_was_said_at_run_time(rota: Installation) -> None:
    rota.alert()
    rota.pagerd("override", "add", "week", "--for", "2h", "--user", "dora")
    assert rota.pagerd("escalate", "1", "--as", "ben").stdout == "escalated 1: stage 2 pages Dora Weiss\n"


def test_an_address_of_the_store_that_is_none_is_said_and_who_answers(tmp_path: Path) -> None:
    office = Installation(tmp_path / "config", ROTA.replace("settings: {", "settings: {redis: {url: 'redis://nowhere.invalid:1'}, "))
    result = office.pagerd("who", "week")
    assert result.exit_code == 0
    assert result.stderr.startswith("without run-time overrides: the store can't be reached")
    never = Installation(tmp_path / "other", ROTA.replace("settings: {", f"settings: {{data_dir: {tmp_path / 'none'}, "))
    assert never.pagerd("who", "week").stderr == "", "an installation that never ran has no overrides"


def test_what_is_said_takes_no_more_room_than_a_line(rota: Installation) -> None:
    rota.pagerd("override", "add", "week", "--for", "2h", "--add", "dora", "--why", "a\x1b[2Jb\n" + "c" * 1000)
    [(_, override)] = rota.store.overrides
    assert override.reason.startswith("a·[2Jb·ccc")
    assert len(override.reason) == 300
    assert isinstance(rota.store.audit[-1], Entry)
    assert rota.store.overrides[0][1].end - NOW == timedelta(hours=2)


def test_what_the_docs_say_can_be_tried(office: Installation) -> None:
    office.configure("""
        users: {ana: {name: Ana}, ben: {name: Ben}, chandra: {name: Chandra}}
        schedules: {sre: {timezone: Europe/Madrid, layers: [{name: all, users: [ana], every: 1w, starts: 2026-01-05T09:00}]}}
    """)
    root = Path(__file__).parents[3]
    text = "\n".join((root / page).read_text() for page in ("README.md", "docs/operations.md"))
    commands = re.findall(r"^    pagerd (override .*)$", text, re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        result = office.pagerd(*shlex.split(command, comments=True))
        assert result.exit_code == 0, (command, result.output)
