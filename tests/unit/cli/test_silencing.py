"""silence add, list, remove: what wakes nobody for a time."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from pager.model.incident import State
from tests.payments import PAYMENTS
from tests.unit.cli.installation import Installation, unreachable

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MORE = """
noise:
  silences: [{name: move, match: {service: [db, plain]}, from: 2026-03-02T08:00, to: 2026-03-02T12:00, by: ana, why: moving}]
"""


def said(office: Installation) -> list[tuple[str, str, str]]:
    return [(entry.event, entry.who, entry.what) for entry in office.store.audit if entry.incident == 0]


# --- add ------------------------------------------------------------------------------------------------------------------------------
def test_a_silence_says_what_it_mutes_and_what_it_would_have_and_who_said_so_is_in_the_audit(office: Installation) -> None:
    office.alert(labels={"cluster": "eu-1", "alertname": "DiskFull"})
    office.alert("cpu", dedup_key="other", labels={"cluster": "eu-2"})
    office.alert("disk slow", dedup_key="over", severity="warning", labels={"cluster": "eu-1", "alertname": "DiskSlow"})
    office.alert("disk slow", dedup_key="over", action="resolve")
    result = office.pagerd("silence", "add", "cluster=eu-1", "alertname=~Disk.*", "--for", "2h", "--why", "new disks", "--as", "ana")
    assert (result.exit_code, result.stderr) == (0, "")
    words = "cluster=eu-1 alertname=~Disk.* from Mon 2026-03-02 09:00 UTC to Mon 2026-03-02 11:00 UTC (new disks)"
    assert result.stdout.splitlines() == [
        f"silence 1: {words}",
        "mutes now: 1 incident, 1 of which paged",
        "  #1 critical plain: disk full (triggered; paged ana by sms)",
        "would have muted in the last 7 days: 2 incidents, 2 of which paged",
        "  #1 critical plain: disk full (triggered; paged ana by sms)",
        "  #3 warning plain: disk slow (resolved; paged ana by sms)",
    ]
    assert said(office) == [("silence.added", "ana", f"silence 1: {words}")]
    [silence] = office.store.silences
    assert (silence.start, silence.end, silence.by, silence.said_at) == (NOW, NOW + timedelta(hours=2), "ana", NOW)


def test_what_was_over_before_the_last_7_days_is_not_told(office: Installation) -> None:
    office.alert()
    office.alert(action="resolve")
    office.store.clock.now += timedelta(days=8)
    result = office.pagerd("silence", "add", "service=plain", "--for", "2h")
    assert "would have muted in the last 7 days: nothing" in result.stdout


def test_a_rehearsal_keeps_nothing(office: Installation) -> None:
    office.alert()
    result = office.pagerd("silence", "add", "service=plain", "--for", "2h", "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "not added: service=plain from Mon 2026-03-02 09:00 UTC to Mon 2026-03-02 11:00 UTC",
        "would mute now: 1 incident, 1 of which paged",
    ]
    assert (office.store.silences, said(office)) == ([], [])


def test_one_that_is_to_come_is_said_in_the_zone_of_the_installation(office: Installation) -> None:
    office.configure(PAYMENTS.replace("timezone: UTC", "timezone: Europe/Madrid", 1))
    result = office.pagerd("silence", "add", "service=db", "--from", "2026-03-03T02:00", "--to", "2026-03-03T04:00")
    assert "from Tue 2026-03-03 02:00 CET to Tue 2026-03-03 04:00 CET" in result.stdout
    [silence] = office.store.silences
    assert (silence.start, silence.by) == (datetime(2026, 3, 3, 1, 0, tzinfo=UTC), "cli")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--for 2h", "say what: at least one matcher"),
        ("cluster=eu-1", "say until when"),
        ("cluster=eu-1 --for 2h --to 2026-03-03T04:00", "say until when"),
        ("cluster --for 2h", "'cluster' is no matcher"),
        ("'alertname=~Disk(' --for 2h", "no regular expression"),
        ("'alertname=~.*' --for 2h", "would mute everything"),
        ("cluster=eu-1 --for 2h --as zoe", "'zoe' is no user of the config: ana"),
        ("cluster=eu-1 --for 8d", "8d is too long: nothing is muted for more than 7d (noise.limits.suppress_at_most)"),
        ("cluster=eu-1 --from 2026-03-03T02:00 --to 2026-04-03T02:00", "31d is too long"),
        ("cluster=eu-1 --for long", "'long' is no duration"),
        ("cluster=eu-1 --for 0s", "it would end before it begins"),
        ("cluster=eu-1 --from 2026-03-01T02:00 --for 2h", "it would be over already"),
    ],
)
def test_what_can_not_be_meant_is_refused_in_words_and_nothing_is_kept(office: Installation, line: str, says: str) -> None:
    result = office.pagerd("silence", "add", *shlex.split(line))
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert (office.store.silences, said(office)) == ([], [])


def test_the_limit_is_that_of_the_config(office: Installation) -> None:
    office.configure(PAYMENTS + "\nnoise: {limits: {suppress_at_most: 1h}}\n")
    assert "more than 1h" in office.pagerd("silence", "add", "cluster=eu-1", "--for", "61m").stderr
    assert office.pagerd("silence", "add", "cluster=eu-1", "--for", "1h").exit_code == 0
    assert office.pagerd("silence", "add", "cluster=eu-1", "--from", "2026-03-01T00:00", "--to", "2026-03-02T10:00").exit_code == 0


def test_without_the_store_nothing_is_recorded_and_that_is_said(office: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pager.wiring.desk.open_desk", unreachable("no store runs in /srv"))
    for words in (("add", "cluster=eu-1", "--for", "2h"), ("remove", "1")):
        result = office.pagerd("silence", *words)
        assert result.exit_code == 3
        assert result.stderr.startswith("NOT recorded: no store runs in /srv")
    assert office.pagerd("silence", "list").exit_code == 3


# --- remove ---------------------------------------------------------------------------------------------------------------------------
def muted(office: Installation) -> None:
    """A silence, and an incident that it mutes."""
    office.pagerd("silence", "add", "service=plain", "--for", "2h", "--why", "known", "--as", "ana")
    follow(office)
    office.alert()
    assert office.store.incidents[1].state is State.SUPPRESSED


def follow(office: Installation) -> None:
    import asyncio

    facts = asyncio.run(office.store.worker("daemon").rota.facts())
    assert facts is not None
    office.rules = office.rules.with_facts(facts)


def test_a_silence_that_is_taken_back_is_over_now_and_says_what_may_page(office: Installation) -> None:
    muted(office)
    office.store.clock.now += timedelta(minutes=30)
    result = office.pagerd("silence", "remove", "1", "--as", "ben")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            "ended silence 1: service=plain from Mon 2026-03-02 09:00 UTC to Mon 2026-03-02 11:00 UTC (known)",
            "muted until now; what still fires, and nothing else mutes, pages within 30 s: 1 incident, 0 of which paged",
            "  #1 critical plain: disk full (suppressed; nobody was paged)",
        ],
    )
    assert [(event, who) for event, who, _ in said(office)] == [("silence.added", "ana"), ("silence.ended", "ben")]
    [ended] = office.json("silence", "list", "--all")
    assert (ended["state"], ended["to"], ended["ended_by"], ended["muted"]) == ("over", "2026-03-02T09:30:00.000Z", "ben", 1)
    again = office.pagerd("silence", "remove", "1")
    assert (again.exit_code, again.stdout, again.stderr) == (1, "", "silence 1 is over since Mon 2026-03-02 09:30 UTC\n")


def test_what_is_not_there_or_stands_in_a_file_can_not_be_taken_back(office: Installation) -> None:
    office.configure(PAYMENTS + MORE)
    unknown, of_file = office.pagerd("silence", "remove", "7"), office.pagerd("silence", "remove", "move")
    assert (unknown.exit_code, of_file.exit_code) == (1, 1)
    assert "there is no silence '7'" in unknown.stderr
    assert re.search(r"silence move stands in pagerd.yaml:\d+:\d+: take it out there", of_file.stderr)
    assert office.pagerd("silence", "remove", "1", "--as", "zoe").exit_code == 2


# --- list -----------------------------------------------------------------------------------------------------------------------------
def test_the_list_says_how_many_each_mutes(office: Installation) -> None:
    office.configure(PAYMENTS + MORE)
    office.pagerd("silence", "add", "cluster!~us-.*", "--from", "2026-03-02T10:00", "--for", "2h")
    muted(office)
    office.alert("more", dedup_key="b")
    office.alert("more", dedup_key="b", action="resolve")
    found = office.json("silence", "list")
    assert [(one["id"], one["name"], one["state"], one["matchers"], one["muting"], one["muted"]) for one in found] == [
        (None, "move", "in force", ["service=[db, plain]"], 1, 2),  # it holds on longest, so it is named
        ("1", None, "waiting", ["cluster!~us-.*"], 0, 0),
        ("2", None, "in force", ["service=plain"], 1, 0),
    ]
    assert (found[2]["by"], found[2]["why"], found[2]["from"], found[2]["to"]) == (
        "ana",
        "known",
        "2026-03-02T09:00:00.000Z",
        "2026-03-02T11:00:00.000Z",
    )
    shown = office.pagerd("silence", "list").stdout.splitlines()
    assert shown[0] == "file  in force: service=[db, plain] from Mon 2026-03-02 08:00 UTC to Mon 2026-03-02 12:00 UTC (moving)"
    assert re.fullmatch(r"      by ana, move in pagerd.yaml:\d+:\d+; mutes 1 now, 2 in all", shown[1])
    assert shown[5] == "      by ana; mutes 1 now, 0 in all"


def test_those_that_are_over_are_shown_where_all_are_asked_for(office: Installation) -> None:
    office.pagerd("silence", "add", "cluster=eu-1", "--for", "2h")
    office.store.clock.now += timedelta(hours=2)
    assert (office.json("silence", "list"), office.pagerd("silence", "list").stdout) == ([], "no silences\n")
    assert [one["state"] for one in office.json("silence", "list", "--all")] == ["over"]
