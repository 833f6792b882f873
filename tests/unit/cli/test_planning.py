"""`who` and `check`: asked before it happens, without a daemon."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.payments import PAYMENTS, with_policy
from tests.unit.cli.installation import Installation

CONTRACT = Path(os.environ.get("PAGERD_CONTRACT") or Path(__file__).parents[4] / "shared") / "reference-config"
CREDENTIALS = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO2_ACCOUNT_SID", "TWILIO2_AUTH_TOKEN", "SLACK_BOT_TOKEN",
               "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")  # fmt: skip

ROTA = """
settings: {timezone: UTC, default_policy: default, catch_all: {notify: ["user:dora"], every: 10m}}
users:
  ana: {name: Ana Ruiz, timezone: Europe/Madrid, contact: {sms: "+34600000001"}}
  ben: {name: Ben Okafor, timezone: Europe/London, contact: {sms: "+447700900002"}}
  dora: {name: Dora Weiss, timezone: America/New_York, contact: {sms: "+12125550104"}}
teams: {sre: {members: [ana, dora]}}
schedules:
  week:
    timezone: Europe/Madrid
    layers: [{name: all, users: [ana, ben], every: 1w, starts: 2026-01-05T09:00}]
  pair:
    timezone: Europe/Madrid
    layers: [{name: two, users: [dora, ana, ben], take: 2, every: 1d, starts: 2026-01-05T09:00}]
  nobody:
    timezone: UTC
    layers: [{name: blank, users: [null], every: 1w, starts: 2026-01-05T09:00}]
policies:
  default: {stages: [{notify: ["schedule:week", "user:dora", "team:sre"]}, {notify: ["user:ben"]}]}
  handed: {stages: [{notify: ["service:db"]}]}
services:
  db: {policy: default}
  web: {}
  front: {policy: handed}
"""


@pytest.fixture
def rota(office: Installation) -> Installation:
    office.write(ROTA)
    return office


class TestWho:
    def test_a_schedule_at_a_moment_with_the_reason_and_its_place(self, rota: Installation) -> None:
        answer = rota.json("who", "week", "--at", "2026-01-06T00:00:00Z")
        origin = answer["on_call"][0].pop("origin")
        assert answer == {
            "at": "2026-01-06T00:00:00.000Z",
            "schedule": "week",
            "on_call": [{"user": "ana", "because": "layer all, turn 1", "until": "2026-01-12T08:00:00.000Z"}],
        }
        assert origin.startswith("pagerd.yaml:11:")

    def test_names_and_order_are_those_of_the_contract(self, rota: Installation) -> None:
        answer = rota.json("who", "week", "--at", "2026-01-06T00:00:00Z")
        assert list(answer) == ["at", "schedule", "on_call"]
        assert list(answer["on_call"][0]) == ["user", "because", "origin", "until"]
        answer = rota.json("who", "week", "--at", "2026-01-06T00:00:00Z", "--for", "14d")
        assert list(answer) == ["shifts"]
        assert list(answer["shifts"][0]) == ["from", "to", "users", "because", "origin", "schedule"]

    def test_shifts_fill_the_time_without_a_gap(self, rota: Installation) -> None:
        shifts = rota.json("who", "week", "--at", "2026-03-24T12:00:00Z", "--for", "2w")["shifts"]
        assert [(s["from"], s["to"], s["users"]) for s in shifts] == [
            ("2026-03-24T12:00:00.000Z", "2026-03-30T07:00:00.000Z", ["ben"]),  # the clocks have changed: 09:00 is an hour earlier
            ("2026-03-30T07:00:00.000Z", "2026-04-06T07:00:00.000Z", ["ana"]),
            ("2026-04-06T07:00:00.000Z", "2026-04-07T12:00:00.000Z", ["ben"]),
        ]

    def test_a_time_with_nobody_is_a_shift_too(self, rota: Installation) -> None:
        assert rota.json("who", "nobody")["on_call"] == []
        [shift] = rota.json("who", "nobody", "--for", "1d")["shifts"]
        assert (shift["users"], shift["because"]) == ([], "nobody is on call")
        assert rota.pagerd("who", "nobody").stdout.startswith("nobody is on call at ")

    @pytest.mark.parametrize(
        ("at", "tz", "instant"),
        [
            ("2026-10-25T02:30", None, "2026-10-25T00:30:00.000Z"),  # twice in Madrid: the first
            ("2026-03-29T02:30", None, "2026-03-29T01:00:00.000Z"),  # never in Madrid: the jump
            ("2026-10-25T02:30", "UTC", "2026-10-25T02:30:00.000Z"),
            ("2026-10-25T02:30:00+05:30", "UTC", "2026-10-24T21:00:00.000Z"),
        ],
    )
    def test_wall_clock_time_is_that_of_the_schedule_or_of_the_zone_given(
        self, rota: Installation, at: str, tz: str | None, instant: str
    ) -> None:
        assert rota.json("who", "week", "--at", at, *(("--tz", tz) if tz else ()))["at"] == instant

    def test_a_service_answers_for_its_first_stage_each_person_once(self, rota: Installation) -> None:
        answer = rota.json("who", "db", "--at", "2026-01-06T00:00:00Z")
        assert answer["schedule"] == "week"
        assert [(one["user"], one["because"], one["until"]) for one in answer["on_call"]] == [
            ("ana", "on call in week: layer all, turn 1", "2026-01-12T08:00:00.000Z"),
            ("dora", "named by stage 1 of policy default", None),
        ]

    @pytest.mark.parametrize("service", ["web", "front"])
    def test_a_service_without_a_policy_has_the_default_one_and_another_services_takes_over(self, rota: Installation, service: str) -> None:
        at = ("--at", "2026-01-06T00:00:00Z")
        assert rota.json("who", service, *at) == rota.json("who", "db", *at)

    def test_a_service_without_any_policy_asks_the_catch_all(self, rota: Installation) -> None:
        rota.write(ROTA.replace("default_policy: default, ", ""))
        answer = rota.json("who", "web")
        assert answer["schedule"] is None
        assert [(one["user"], one["because"]) for one in answer["on_call"]] == [("dora", "named by the catch-all")]
        [shift] = rota.json("who", "web", "--for", "1w")["shifts"]
        assert (shift["users"], shift["schedule"]) == (["dora"], None)

    def test_policies_that_hand_over_in_a_circle_end(self, rota: Installation) -> None:
        rota.write(ROTA.replace('["schedule:week", "user:dora", "team:sre"]', '["user:ben", "service:front"]'))
        assert [one["user"] for one in rota.json("who", "front")["on_call"]] == ["ben"]

    def test_a_person_has_their_own_shifts_with_the_schedule(self, rota: Installation) -> None:
        shifts = rota.json("who", "ana", "--at", "2026-01-05T08:00:00Z", "--for", "3d")["shifts"]
        assert [(s["from"], s["to"], s["users"], s["schedule"]) for s in shifts] == [
            ("2026-01-05T08:00:00.000Z", "2026-01-08T08:00:00.000Z", ["ana"], "week"),
            ("2026-01-05T08:00:00.000Z", "2026-01-06T08:00:00.000Z", ["ana"], "pair"),
            ("2026-01-06T08:00:00.000Z", "2026-01-07T08:00:00.000Z", ["ana"], "pair"),
        ]
        assert [one["because"] for one in rota.json("who", "ana", "--at", "2026-01-05T10:00:00Z")["on_call"]] == [
            "on call in week: layer all, turn 1"
        ]

    def test_a_persons_shift_is_one_though_others_join_and_leave(self, rota: Installation) -> None:
        joins = "overrides: [{add: dora, from: 2026-01-06T10:00, to: 2026-01-06T12:00}]"
        rota.write(ROTA.replace("    layers: [{name: all", f"    {joins}\n    layers: [{{name: all"))
        at = ("--at", "2026-01-05T08:00:00Z", "--for", "1w")
        assert len(rota.json("who", "week", *at)["shifts"]) == 3
        [shift] = [s for s in rota.json("who", "ana", *at)["shifts"] if s["schedule"] == "week"]
        assert (shift["from"], shift["to"]) == ("2026-01-05T08:00:00.000Z", "2026-01-12T08:00:00.000Z")

    def test_a_person_who_is_off_is_said_to_be(self, rota: Installation) -> None:
        result = rota.pagerd("who", "ben", "--at", "2026-01-05T10:00:00Z")
        assert (result.exit_code, result.stdout) == (0, "ben is not on call at Mon 2026-01-05 10:00:00 GMT\n")

    def test_a_name_that_means_several_things_can_be_said_in_full(self, rota: Installation) -> None:
        rota.write(ROTA.replace("db: {policy", "week: {policy").replace('"service:db"', '"service:week"'))
        at = ("--at", "2026-01-06T00:00:00Z")
        assert len(rota.json("who", "week", *at)["on_call"]) == 1
        assert rota.json("who", "schedule:week", *at) == rota.json("who", "week", *at)
        assert len(rota.json("who", "service:week", *at)["on_call"]) == 2
        assert rota.pagerd("who", "user:week").exit_code == 1

    def test_an_unknown_name_is_a_no_that_names_the_schedules(self, rota: Installation) -> None:
        result = rota.pagerd("who", "mallory")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "'mallory' is no schedule, service or user. Schedules: week, pair, nobody" in result.stderr

    @pytest.mark.parametrize("words", [("--at", "tomorrow"), ("--for", "a week"), ("--tz", "Mars/Olympus"), ("--tz", "../etc")])
    def test_what_can_not_be_read_is_a_mistake_of_usage(self, rota: Installation, words: tuple[str, ...]) -> None:
        assert rota.pagerd("who", "week", *words).exit_code == 2

    def test_a_broken_config_is_said_with_its_places(self, rota: Installation) -> None:
        rota.write(ROTA.replace("every: 1d", "every: often"))
        result = rota.pagerd("who", "week")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "pagerd.yaml:14:" in result.stderr

    @pytest.mark.parametrize("words", [("week",), ("db",), ("db", "--for", "4w"), ("ana", "--for", "4w"), ("pair", "--for", "4w")])
    def test_it_can_be_read_on_80_columns_without_colour(self, rota: Installation, words: tuple[str, ...]) -> None:
        text = rota.pagerd("who", *words, "--at", "2026-01-06T00:00:00Z").stdout
        assert "Mon 2026-01-12 09:00 CET" in text
        assert "\x1b" not in text
        assert max(len(line) for line in text.splitlines()) <= 80

    def test_it_needs_no_store(self, rota: Installation) -> None:
        rota.store.down = True
        assert rota.pagerd("who", "week").exit_code == 0
        assert rota.opened == []


class TestCheck:
    def problems(self, office: Installation, text: str) -> list[dict[str, Any]]:
        office.write(text)
        result = office.pagerd("check", "--json")
        found: list[dict[str, Any]] = json.loads(result.stdout)["errors"]
        assert result.exit_code == (1 if any(p["level"] == "error" for p in found) else 0)
        return found

    def about(self, office: Installation, text: str, path: str) -> list[tuple[str, str]]:
        """Level and message of what is said of a place."""
        return [(p["level"], p["message"]) for p in self.problems(office, text) if p["path"] == path]

    def test_a_mistake_has_its_place_and_a_suggestion_and_ends_with_1(self, office: Installation) -> None:
        [problem] = [p for p in self.problems(office, PAYMENTS.replace("user:erik", "user:erk")) if p["level"] == "error"]
        assert list(problem) == ["level", "file", "line", "column", "path", "message", "suggestion"]
        assert (problem["file"], problem["path"]) == ("pagerd.yaml", "policies.payments.stages[2].notify[0]")
        assert "erik" in problem["suggestion"]
        line = office.pagerd("check").stdout.splitlines()[0]
        assert line.startswith(f"pagerd.yaml:{problem['line']}:{problem['column']}: error: ")

    def test_errors_come_first_then_warnings_then_notes(self, office: Installation) -> None:
        broken = PAYMENTS.replace('auth_token: t, from: {"*": "+14155550122"}', 'auth_token: "", from: {"*": "+14155550122"}')
        levels = [p["level"] for p in self.problems(office, broken)]
        assert levels == sorted(levels, key=["error", "warning", "note"].index)
        assert set(levels) == {"error", "warning", "note"}

    def test_a_good_config_ends_with_0_and_says_so(self, office: Installation) -> None:
        result = office.pagerd("check")
        assert result.exit_code == 0
        assert result.stdout.splitlines()[-1].endswith(": good")

    def test_the_folder_may_be_named_by_itself(self, office: Installation, tmp_path: Path) -> None:
        other = Installation(tmp_path / "other")
        other.write("nonsense: 1")
        result = office.pagerd("check", str(other.folder))
        assert result.exit_code == 1
        assert "nonsense" in result.stdout

    def test_a_folder_that_is_not_there_is_an_error(self, office: Installation) -> None:
        result = office.pagerd("check", "nowhere")
        assert result.exit_code == 1
        assert "there is no such folder" in result.stdout

    def test_missing_credentials_are_an_error_that_names_them_and_in_demo_a_note(self, office: Installation) -> None:
        empty = PAYMENTS.replace("account_sid: AC1, auth_token: t", 'account_sid: "${SID:-}", auth_token: "${TOKEN:-}"')
        said = "account_sid and auth_token are empty: it can't carry sms, voice"
        assert self.about(office, empty, "providers.twilio") == [("error", said)]
        assert "(set it, or demo: true)" in office.pagerd("check").stdout
        demo = empty.replace("timezone: UTC\n  default", "timezone: UTC\n  demo: true\n  default", 1)
        assert self.about(office, demo, "providers.twilio") == [("note", f"{said}; the console stands in (demo)")]

    def test_missing_credentials_are_not_said_again_for_each_stage_that_needs_them(self, office: Installation) -> None:
        empty = PAYMENTS.replace("account_sid: AC1", 'account_sid: ""').replace("account_sid: AC2", 'account_sid: ""')
        found = self.problems(office, empty)
        assert [p["path"] for p in found if p["level"] == "error"] == ["providers.twilio", "providers.backup"]
        assert not [p for p in found if p["path"].startswith("policies.payments") and p["level"] == "warning"]

    def test_missing_credentials_of_an_account_that_nothing_uses_are_nothing(self, office: Installation) -> None:
        empty = PAYMENTS.replace("account_sid: AC2, auth_token: t", 'account_sid: "", auth_token: ""').replace(
            "[twilio, backup]", "[twilio]"
        )
        assert self.about(office, empty, "providers.backup") == []

    @pytest.mark.parametrize(
        ("line", "path", "why"),
        [
            ('  catch_all: {notify: ["user:dora"], every: 10m}\n', "settings.catch_all", "only the people it names are paged again"),
            ("  default_policy: default\n", "settings.default_policy", "goes straight to the catch-all"),
        ],
    )
    def test_no_last_resort_is_a_warning_that_says_why(self, office: Installation, line: str, path: str, why: str) -> None:
        assert self.about(office, PAYMENTS, path) == []
        [(level, message)] = self.about(office, PAYMENTS.replace(line, ""), path)
        assert level == "warning"
        assert why in message

    def test_a_person_without_an_address_for_a_stage_is_passed_over(self, office: Installation) -> None:
        text = with_policy('[{notify: ["user:dora", "user:erik"], via: [sms]}]').replace(
            'contact: {sms: "+12125550104", voice: "+12125550104"}', "contact: {email: dora@example.com}"
        )
        assert self.about(office, text, "policies.mine.stages[0]") == [("warning", "dora is passed over: no address for sms")]

    def test_a_person_without_any_address_is_said_once(self, office: Installation) -> None:
        text = with_policy('[{notify: ["user:nomad"]}, {notify: ["user:nomad", "user:ana"], via: [sms]}]')
        assert self.about(office, text, "users.nomad") == [("warning", "is asked, and has no address: can't be paged")]
        assert self.about(office, PAYMENTS, "users.nomad") == []  # asked by nobody

    def test_a_stage_over_channels_that_nothing_carries_is_said_once(self, office: Installation) -> None:
        text = with_policy('[{notify: ["team:payments"], via: [voice]}]').replace(
            "low: [{after: 0s, via: [chat]}", "low: [{after: 0s, via: [voice]}"
        )
        text = text.replace("{after: 1h, via: [email]}", "{after: 1h, via: [voice]}")
        said = [("warning", "no provider here carries voice: nobody is paged by this")]
        assert self.about(office, text, "policies.mine.stages[0]") == said
        assert self.about(office, text, "settings.ladder.low") == said
        assert self.about(office, text, "settings.ladder.high") == []

    def test_what_is_not_active_yet_is_a_note_and_no_error(self, office: Installation) -> None:
        assert self.about(office, PAYMENTS, "channels.voice")[0][0] == "note"

    def test_an_address_that_only_the_adapter_knows_to_be_wrong_is_an_error_in_its_place(self, office: Installation) -> None:
        text = PAYMENTS.replace("smtp://127.0.0.1:25", "imap://127.0.0.1")
        [(level, message)] = self.about(office, text, "providers.email")
        assert (level, message) == ("error", "smtp: the URL must begin with smtp:// or smtps://")

    def test_the_schema_for_editors(self, office: Installation) -> None:
        assert json.loads(office.pagerd("check", "--schema").stdout)["type"] == "object"

    @pytest.mark.skipif(not CONTRACT.is_dir(), reason=f"the reference config is not at {CONTRACT}: set PAGERD_CONTRACT")
    def test_the_reference_is_good_with_its_credentials_set(self, office: Installation) -> None:
        result = office.pagerd("check", str(CONTRACT), "--json", **dict.fromkeys(CREDENTIALS, "x"))
        assert result.exit_code == 0, result.stdout
        assert "error" not in [p["level"] for p in json.loads(result.stdout)["errors"]]
        without = office.pagerd("check", str(CONTRACT), "--json", **dict.fromkeys(CREDENTIALS, None))
        assert without.exit_code == 1
