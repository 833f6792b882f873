"""What is said at a hand-off, to the letter, and how much of it there may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pager.model.alert import Severity
from pager.model.incident import Paged, State
from pager.notify.handoff_words import Open, Scene, words
from pager.notify.handoffs import Handing, Kind
from pager.notify.sms import segments
from tests.unit.notify.test_wording import INCIDENT

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
H, D = timedelta(hours=1), timedelta(days=1)
NAMES = {"ana": "Ana Ruiz", "ben": "Ben Okafor", "dora": "Dora Weiss"}
HELD = replace(
    INCIDENT, state=State.ACKNOWLEDGED, acknowledged_by="ana", acknowledged_at=MONDAY - 5 * H, opened_at=MONDAY - 6 * H,
    paged=(Paged("dora", 0, MONDAY - 6 * H, "sms", "+1", "twilio"), Paged("ana", 1, MONDAY - 5 * H, "chat", "+1", "slack")),
    notes=("Ana Ruiz: failover planned",),
)  # fmt: skip
NEW = replace(INCIDENT, number=43, severity=Severity.WARNING, opened_at=MONDAY - timedelta(minutes=4))
SCENE = Scene(("checkout", "refunds"), (Open(HELD, "disk full on db1"), Open(NEW, "slow queries")), NAMES)
SOON = Handing(kind=Kind.SOON, schedule="primary", user="ben", start=MONDAY, end=MONDAY + 7 * D, others=("ana",))
OFF = Handing(kind=Kind.OFF, schedule="primary", user="ana", start=MONDAY, end=MONDAY + 7 * D, others=("ben",), crew=("ben",))


def test_who_comes_reads_all_there_is_to_know_in_a_few_lines() -> None:
    said = words(SOON, SCENE, "Europe/Madrid", MONDAY - H)
    assert said.subject == "You are on call in 1h for primary: Mon 2 Mar 09:00 to Mon 9 Mar 09:00 CET (2 open)"
    assert said.text.splitlines() == [
        "You are on call in 1h for primary: Mon 2 Mar 09:00 to Mon 9 Mar 09:00 CET.",
        "Services: checkout, refunds.",
        "Ana Ruiz hands over to you.",
        "2 open incidents:",
        "- #42 CRITICAL checkout: disk full on db1 (acknowledged by Ana Ruiz at 03:00 UTC, 5h old)",
        "  paged: Dora Weiss (sms 02:00 UTC, no answer), Ana Ruiz (chat 03:00 UTC, acknowledged)",
        "  noted: Ana Ruiz: failover planned",
        "- #43 WARNING checkout: slow queries (triggered, stage 1, 0s old)",
    ]
    assert said.short == (
        "pagerd: You are on call in 1h for primary: Mon 2 Mar 09:00 to Mon 9 Mar 09:00 CET. Ana Ruiz hands over to you. "
        "2 open incidents: #42 CRITICAL checkout: disk full on db1; #43 WARNING checkout: slow queries."
    )


def test_who_goes_reads_who_took_over_and_what_they_still_hold() -> None:
    said = words(OFF, SCENE, "Europe/Madrid", MONDAY)
    assert said.subject == "You are off call for primary: Ben Okafor took over (you still hold 1)"
    assert said.text.splitlines()[1:3] == [
        "You still hold 1 open incident:",
        "- #42 CRITICAL checkout: disk full on db1 (acknowledged by Ana Ruiz at 03:00 UTC, 6h old)",
    ]
    assert "slow queries" not in said.text
    assert (
        words(replace(OFF, user="ben", others=("ana",)), SCENE, "UTC", MONDAY).text == "You are off call for primary: Ana Ruiz took over."
    )


@pytest.mark.parametrize(
    ("others", "crew", "said"),
    [
        ((), (), "nobody took over"),
        ((), ("ben",), "Ben Okafor goes on"),
        (("ben", "dora"), ("ben", "dora"), "Ben Okafor and Dora Weiss took over"),
    ],
)
def test_who_goes_reads_who_is_there_now(others: tuple[str, ...], crew: tuple[str, ...], said: str) -> None:
    assert (
        words(replace(OFF, others=others, crew=crew), replace(SCENE, incidents=()), "UTC", MONDAY).text
        == f"You are off call for primary: {said}."
    )


def test_a_hand_off_that_is_told_late_says_since_when() -> None:
    on = replace(SOON, kind=Kind.ON)
    head = [words(on, SCENE, "UTC", MONDAY + late).text.splitlines()[0] for late in (timedelta(seconds=3), H)]
    assert head == [
        "You are on call now for primary until Mon 9 Mar 08:00 UTC.",
        "You are on call now for primary since Mon 2 Mar 08:00 UTC until Mon 9 Mar 08:00 UTC.",
    ]


def test_a_storm_is_told_in_five_and_the_count_of_the_rest() -> None:
    many = replace(SCENE, incidents=tuple(Open(replace(NEW, number=n), f"alert {n}") for n in range(1, 41)), more=100)
    lines = words(SOON, many, "UTC", MONDAY - H).text.splitlines()
    assert lines[3] == "140 open incidents:"
    assert [line[:4] for line in lines[4:9]] == ["- #1", "- #2", "- #3", "- #4", "- #5"]
    assert lines[9:] == ["and 135 more: pagerd list"]


@given(st.text(max_size=600), st.text(max_size=300), st.sampled_from(Kind), st.text(min_size=1, max_size=80))
@settings(max_examples=60, deadline=None)
def test_whatever_others_wrote_stays_short_enough_for_a_phone(summary: str, note: str, kind: Kind, schedule: str) -> None:
    noted = tuple(Open(replace(HELD, number=n, notes=(note,) * 9), summary) for n in range(1, 12))
    said = words(replace(SOON, kind=kind, schedule=schedule, user="ana"), replace(SCENE, incidents=noted), "Asia/Kolkata", MONDAY)
    assert segments(said.short).count <= 3
    assert len(said.text) < 5000
    assert len(said.text.splitlines()) < 30
    assert "\n" not in said.subject
    assert "reply" not in said.short.lower()
