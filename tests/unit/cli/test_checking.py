"""`check`: what is wrong with a config, and whom it would not reach; without a daemon."""

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
        alone = ("warning", "the low ladder reaches nobody of all: what is of low urgency pages only where a stage says `via`")
        assert self.about(office, text, "settings.ladder.low") == [*said, alone]
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


class TestHoles:
    """The night the clocks change: nobody from 02:00 to 03:00 on the wall."""

    NIGHT = ("--at", "2027-10-30T00:00", "--for", "2d")

    @pytest.fixture
    def night(self, office: Installation) -> Installation:
        layers = '[{name: most, users: [ana], every: 1w, starts: 2027-01-04T09:00, only: {from: "03:00", to: "02:00"}}]'
        office.write(
            with_policy('[{notify: ["schedule:sre"]}, {notify: ["user:erik"], match: {severity: critical}}]')
            .replace("schedules:\n", f"schedules:\n  sre: {{timezone: Europe/Stockholm, layers: {layers}}}\n")
            .replace("timezone: UTC", "timezone: Europe/Stockholm", 1)
        )
        return office

    def test_the_first_counterexample_is_in_the_words_of_the_wall_clock_and_the_others_are_counted(self, night: Installation) -> None:
        [line] = [x for x in night.pagerd("check", *self.NIGHT).stdout.splitlines() if "error" in x and "catch-all" in x]
        assert "policies.mine: service mine, severity error, Saturday 2027-10-30 02:00-03:00 Europe/Stockholm: " in line
        assert "schedule sre has nobody; stage 1 is skipped; stage 2 does not apply; only the catch-all is left" in line
        assert "(also severity warning and info; 1 more time until Sunday 2027-10-31, 3h in all)" in line  # one of an hour, one of two

    def test_an_hour_that_comes_twice_is_said_to_be_two(self, night: Installation) -> None:
        result = night.pagerd("check", "--at", "2027-10-30T12:00", "--for", "1d")
        assert "Sunday 2027-10-31 02:00-03:00 Europe/Stockholm (2h: the clocks change): schedule sre has nobody" in result.stdout
        assert result.exit_code == 1

    def test_outside_of_the_time_looked_at_nothing_is_said(self, night: Installation) -> None:
        result = night.pagerd("check", "--at", "2027-10-30T03:00", "--for", "23h")
        assert "catch-all is left" not in result.stdout.replace("after them only the catch-all is left", "")
        assert result.exit_code == 0

    @pytest.mark.parametrize("words", [("--at", "tomorrow"), ("--for", "a while"), ("--at", "9999-12-31T00:00", "--for", "9w")])
    def test_a_time_that_can_not_be_read_is_a_mistake_of_usage(self, night: Installation, words: tuple[str, ...]) -> None:
        assert night.pagerd("check", *words).exit_code == 2

    def test_on_github_each_finding_is_an_annotation_too(self, night: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(night.folder.parent)
        lines = night.pagerd("check", *self.NIGHT, GITHUB_ACTIONS="true").stdout.splitlines()
        plain = night.pagerd("check", *self.NIGHT, GITHUB_ACTIONS=None).stdout.splitlines()
        assert [line for line in lines if not line.startswith("::")] == plain
        marks = [line for line in lines if line.startswith("::")]
        assert len(marks) == len(plain) - 1
        [error] = [line for line in marks if line.startswith("::error")]
        place, _, what = error.removeprefix("::error ").partition("::")
        line = next(k for k, text in enumerate((night.folder / "pagerd.yaml").read_text().splitlines(), 1) if "  mine: {stages" in text)
        assert place.startswith(f"file=config/pagerd.yaml,line={line},col=")
        assert what.startswith("policies.mine: service mine, severity error, ")
        assert {line.split("::")[1].split(" ")[0] for line in marks} == {"error", "warning", "notice"}

    def test_what_an_annotation_could_be_broken_with_is_escaped(self, office: Installation) -> None:
        office.write("users: {'50%, a:b': {name: [x]}}")
        assert "::error file=" in (out := office.pagerd("check", GITHUB_ACTIONS="true").stdout)
        assert "users.50%25, a:b.name" in out

    def test_json_is_json_on_github_as_well(self, night: Installation) -> None:
        assert "errors" in json.loads(night.pagerd("check", "--json", *self.NIGHT, GITHUB_ACTIONS="true").stdout)
