"""ack, resolve, escalate, snooze, assign, note: what is said, and how it ends."""

from __future__ import annotations

import pytest

from tests.unit.cli.installation import Installation, unreachable


def test_an_ack_is_recorded_for_whoever_it_was_said_for(office: Installation) -> None:
    office.alert()
    result = office.pagerd("ack", "1", "--as", "ben")
    assert (result.exit_code, result.stdout) == (0, "acknowledged 1\n")
    [incident] = office.json("list")
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "ben")


def test_without_a_name_it_was_the_command_line(office: Installation) -> None:
    office.alert()
    office.pagerd("resolve", "1")
    [incident] = office.json("list", "--all")
    assert incident["resolved_by"] == "cli"


def test_what_is_so_already_is_good_and_says_who_was_first(office: Installation) -> None:
    office.alert()
    office.pagerd("ack", "1", "--as", "ben")
    again = office.pagerd("ack", "1", "--as", "ana")
    assert again.exit_code == 0
    assert "Ben Okafor already had it" in again.stdout
    office.pagerd("resolve", "1", "--as", "ben")
    for word in ("ack", "resolve"):
        result = office.pagerd(word, "1")
        assert result.exit_code == 0
        assert "1 was resolved by Ben Okafor" in result.stdout


@pytest.mark.parametrize("words", [("escalate", "1"), ("snooze", "1", "2h"), ("assign", "1", "ben")])
def test_what_can_no_longer_be_done_is_a_no(office: Installation, words: tuple[str, ...]) -> None:
    office.alert()
    office.pagerd("resolve", "1", "--as", "ana")
    result = office.pagerd(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "1 was resolved by Ana Ruiz" in result.stderr


def test_escalate_pages_the_next_stage(office: Installation) -> None:
    office.alert()
    result = office.pagerd("escalate", "1", "--as", "ana")
    assert (result.exit_code, result.stdout) == (0, "escalated 1: stage 2 pages Ben Okafor, Dora Weiss\n")
    assert office.json("show", "1")["stage"] == 2


def test_snooze_reads_durations_as_the_config_does(office: Installation) -> None:
    office.alert()
    for span, until in (("30s", "09:00:30"), ("5m", "09:05:00"), ("2h", "11:00:00"), ("1h30m", "10:30:00")):
        assert office.pagerd("snooze", "1", span).exit_code == 0
        [incident] = office.json("list")
        assert (incident["state"], incident["next_deadline"]) == ("snoozed", f"2026-03-02T{until}.000Z")


@pytest.mark.parametrize("span", ["soon", "2", "2 hours", "-1h"])
def test_what_is_no_duration_is_a_mistake_of_usage(office: Installation, span: str) -> None:
    office.alert()
    assert office.pagerd("snooze", "1", "--", span).exit_code == 2
    assert office.json("list")[0]["state"] == "triggered"


def test_a_snooze_of_a_month_is_refused(office: Installation) -> None:
    office.alert()
    result = office.pagerd("snooze", "1", "30d")
    assert result.exit_code == 1
    assert "at most 7 days" in result.stderr


def test_assign_pages_somebody_else_or_says_that_there_is_no_such_target(office: Installation) -> None:
    office.alert()
    assert office.pagerd("assign", "1", "user:erik").stdout == "assigned 1: paging Erik Lund\n"
    refused = office.pagerd("assign", "1", "team:nobody")
    assert refused.exit_code == 1
    assert "team:nobody is not a user, team or schedule" in refused.stderr


def test_a_note_takes_words_as_they_come(office: Installation) -> None:
    office.alert()
    assert office.pagerd("note", "1", "restarted", "db1,", "no", "luck", "--as", "ana").exit_code == 0
    assert office.pagerd("note", "1", "called the vendor").exit_code == 0
    assert office.json("show", "1")["notes"] == ["Ana Ruiz: restarted db1, no luck", "cli: called the vendor"]
    assert office.pagerd("note", "1", "  ").exit_code == 1


EVERY = [("ack", "7"), ("resolve", "7"), ("escalate", "7"), ("snooze", "7", "2h"), ("assign", "7", "ana"), ("note", "7", "x")]


@pytest.mark.parametrize("words", EVERY, ids=lambda words: words[0])
class TestEveryReply:
    def test_of_an_unknown_number_names_it_on_stderr(self, office: Installation, words: tuple[str, ...]) -> None:
        result = office.pagerd(*words)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "there is no incident 7" in result.stderr

    def test_by_an_unknown_user_is_a_mistake_of_usage_that_names_the_known_ones(self, office: Installation, words: tuple[str, ...]) -> None:
        result = office.pagerd(*words, "--as", "mallory")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "'mallory' is no user of the config: ana, ben, dora, erik, nomad" in result.stderr

    def test_that_could_not_be_stored_says_not_recorded(
        self, office: Installation, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pager.wiring.desk.open_desk", unreachable("no store at redis://127.0.0.1:1: is the daemon running?"))
        result = office.pagerd(*words)
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr.startswith("NOT recorded: no store at redis://127.0.0.1:1")
