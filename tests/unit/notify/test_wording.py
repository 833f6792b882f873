"""What pages and notices say."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pager.model.alert import Alert, AlertRecord, Severity, Urgency
from pager.model.incident import Incident, Page, Paged, State
from pager.model.outgoing import TellKind
from pager.model.service import Service
from pager.model.times import duration
from pager.notify.sms import fits
from pager.notify.wording import console_page, lateness, notice_text, sms_page

NIGHT = datetime(2026, 3, 1, 2, 10, tzinfo=UTC)
NOW = NIGHT + timedelta(minutes=5)
NAMES = {"ana": "Ana", "bob": "Bob"}
INCIDENT = Incident(
    number=42,
    scope="prometheus",
    dedup_key="db1-disk",
    state=State.TRIGGERED,
    severity=Severity.CRITICAL,
    worst=Severity.CRITICAL,
    urgency=Urgency.HIGH,
    service="checkout",
    policy="payments",
    policy_ref="x",
    opened_at=NIGHT,
    since=NIGHT,
)
FIRST = Page(1, "ana", "sms", "+1", "twilio", NIGHT, stage=0)
SECOND = Page(2, "bob", "sms", "+2", "twilio", NOW, stage=1)
ANA_PAGED = Paged("ana", 0, NIGHT, "sms", "+1", "twilio", result="delivered")
RUNBOOK = Service(name="checkout", runbook="https://runbooks.example/checkout")


def record(summary: str = "disk full on db1") -> AlertRecord:
    return AlertRecord(Alert(scope="prometheus", dedup_key="db1-disk", summary=summary))


def words(
    incident: Incident = INCIDENT,
    page: Page = FIRST,
    summary: str = "disk full on db1",
    service: Service | None = None,
    late: timedelta | None = None,
    now: datetime = NOW,
) -> str:
    return sms_page(incident, record(summary), page, service, "7K3M", now, late, NAMES)


# --- pages ----------------------------------------------------------------------------------------------------------------------------
def test_a_first_page_says_what_is_wrong_and_how_to_answer_and_nothing_more() -> None:
    assert words() == "#42 CRITICAL checkout: disk full on db1. Reply 7K3M to acknowledge"


def test_a_page_of_the_second_stage_hands_over() -> None:
    incident = replace(INCIDENT, paged=(ANA_PAGED,), sla_ack=NOW + timedelta(minutes=3, seconds=20), notes=("Ana: WAL is growing",))
    assert words(incident, SECOND, service=RUNBOOK, late=timedelta(minutes=2, seconds=9)) == (
        "#42 CRITICAL checkout: disk full on db1. late by 2m. Stage 2; before you: Ana (sms 02:10 UTC, no answer). "
        "SLA: 3m left to acknowledge. https://runbooks.example/checkout Notes: Ana: WAL is growing. Reply 7K3M to acknowledge"
    )


@pytest.mark.parametrize(
    ("result", "told"),
    [("", "no answer"), ("delivered", "no answer"), ("no receipt", "no receipt"), ("failed: landline", "failed: landline")],
)
def test_the_hand_over_tells_what_came_of_each_page(result: str, told: str) -> None:
    incident = replace(INCIDENT, paged=(replace(ANA_PAGED, result=result),))
    assert f"Ana (sms 02:10 UTC, {told})" in words(incident, SECOND)


def test_somebody_who_has_it_is_told_apart_from_somebody_silent() -> None:
    incident = replace(INCIDENT, paged=(ANA_PAGED,), acknowledged_by="ana")
    assert "Ana (sms 02:10 UTC, acknowledged)" in words(incident, SECOND)


def test_nobody_is_handed_over_to_themselves() -> None:
    incident = replace(INCIDENT, paged=(replace(ANA_PAGED, user="bob"),))
    assert words(incident, SECOND) == "#42 CRITICAL checkout: disk full on db1. Stage 2. Reply 7K3M to acknowledge"


def test_after_a_crowd_the_last_ones_are_named_and_the_rest_counted() -> None:
    crowd = tuple(Paged(f"user{n}", 0, NIGHT + timedelta(minutes=n), "sms", "+1", "twilio") for n in range(9))
    text = words(replace(INCIDENT, paged=crowd), replace(SECOND, stage=-1))
    assert "Catch-all; before you: 6 more, user6 (" in text
    assert "user8 (sms 02:18 UTC" in text


def test_the_first_page_of_a_second_pass_hands_over_as_well() -> None:
    assert "before you: Ana" in words(replace(INCIDENT, lap=1, paged=(ANA_PAGED,)), replace(SECOND, stage=0))


@pytest.mark.parametrize(
    ("ack", "resolve", "said"),
    [
        (3, 60, "SLA: 3m left to acknowledge."),
        (-2, 60, "SLA: 1h left to resolve."),
        (-2, None, "SLA: should have been acknowledged 2m ago."),
        (None, -5, "SLA: should have been resolved 5m ago."),
    ],
)
def test_pages_show_the_time_that_is_left(ack: int | None, resolve: int | None, said: str) -> None:
    def at(minutes: int | None) -> datetime | None:
        return None if minutes is None else NOW + timedelta(minutes=minutes)

    assert said in words(replace(INCIDENT, sla_ack=at(ack), sla_resolve=at(resolve)))


def test_a_drill_says_so_first() -> None:
    assert words(replace(INCIDENT, drill=True)).startswith("DRILL #42")


def test_a_group_says_how_many_alerts_it_stands_for() -> None:
    assert words(replace(INCIDENT, alerts=12)).startswith("#42 CRITICAL checkout (12 alerts): disk full")


def test_a_summary_can_not_offer_a_code_of_its_own() -> None:
    text = words(summary="Reply 1234 to acknowledge. REPLY: 99AB. see 7k3m. Reply-To is missing")
    assert re.findall(r"(?i)reply\W+(\w*\d\w*)", text) == ["7K3M"]
    assert text.upper().count("7K3M") == 1
    assert "reply-To is missing" in text


def test_an_endless_summary_leaves_room_for_the_hand_over() -> None:
    incident = replace(INCIDENT, paged=(ANA_PAGED,))
    text = words(incident, SECOND, summary="disk full on db1 and much more " * 40, service=RUNBOOK, late=timedelta(minutes=3))
    assert fits(text)
    assert all(part in text for part in ("late by 3m", "before you: Ana", RUNBOOK.runbook))
    assert text.endswith("... Reply 7K3M to acknowledge") or text.endswith(f"{RUNBOOK.runbook} Reply 7K3M to acknowledge")


_odd = st.text(max_size=400)


@given(summary=_odd, service=_odd, name=_odd, notes=st.lists(_odd, max_size=4), why=_odd, runbook=_odd, late=st.booleans())
def test_any_words_from_outside_make_a_page_that_can_be_answered(
    summary: str, service: str, name: str, notes: list[str], why: str, runbook: str, late: bool
) -> None:
    paged = (replace(ANA_PAGED, result="failed: " + why), replace(ANA_PAGED, user="cyd"))
    incident = replace(INCIDENT, service=service, notes=tuple(notes), paged=paged, alerts=10_000, drill=True, number=10**9)
    text = sms_page(
        incident,
        record(summary),
        SECOND,
        Service(name="s", runbook=runbook),
        "7K3M",
        NOW,
        timedelta(hours=30) if late else None,
        {"ana": name},
    )
    assert fits(text)
    assert text.endswith(" Reply 7K3M to acknowledge")
    assert re.findall(r"\bReply (\w+)", text) == ["7K3M"]
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in text)


# --- the console ----------------------------------------------------------------------------------------------------------------------
def test_the_console_shows_all_of_it_and_the_command_to_answer() -> None:
    incident = replace(INCIDENT, paged=(ANA_PAGED,), notes=("Ana: WAL is growing",))
    text = console_page(incident, record("disk full\x1b[2J on db1"), SECOND, RUNBOOK, NOW, timedelta(minutes=2), NAMES)
    assert text.splitlines() == [
        "#42 CRITICAL checkout: disk full[2J on db1",
        "late by 2m.",
        "Stage 2; before you: Ana (sms 02:10 UTC, no answer).",
        "Notes: Ana: WAL is growing.",
        "Runbook: https://runbooks.example/checkout",
        "To acknowledge: pagerd ack 42",
    ]


# --- notices --------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "what", "said"),
    [
        (TellKind.RESOLVED, "Bob", "#42 Resolved by Bob after 5m. checkout: disk full on db1."),
        (TellKind.ACKNOWLEDGED, "Bob", "#42 Acknowledged by Bob: you are not needed. checkout: disk full on db1."),
        (TellKind.ESCALATED, "Bob", "#42 Escalated by Bob: others are paged as well. checkout: disk full on db1."),
        (TellKind.NOT_RESOLVED, "stage 2 is paged", "#42 Not resolved in time: stage 2 is paged. checkout: disk full on db1."),
        (TellKind.SLA_SOON, "3m left to resolve", "#42 SLA: 3m left to resolve. checkout: disk full on db1."),
        (
            TellKind.ASK_OWNER,
            "no repeat: is it over?",
            "#42 Please look: no repeat: is it over? checkout: disk full on db1.",
        ),
    ],
)
def test_a_notice_says_what_happened_first_and_then_to_what(kind: TellKind, what: str, said: str) -> None:
    assert notice_text(kind, INCIDENT, record(), what, NOW) == said


def test_an_empty_schedule_is_said_loudly() -> None:
    text = notice_text(TellKind.NOBODY, INCIDENT, record(), "stage 2 of policy payments reaches nobody", NOW)
    assert text.startswith("#42 NOBODY WAS PAGED: stage 2 of policy payments reaches nobody.")


@given(kind=st.sampled_from(TellKind), summary=_odd, what=_odd, service=_odd)
def test_any_notice_fits_and_offers_no_code(kind: TellKind, summary: str, what: str, service: str) -> None:
    text = notice_text(kind, replace(INCIDENT, service=service, number=10**9), record(summary), what, NOW)
    assert fits(text)
    assert not re.search(r"\bReply\b", text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in text)


# --- times ----------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (-5, "0s"), (0.9, "0s"), (45, "45s"), (120, "2m"), (150, "2m 30s"), (3900, "1h 5m"), (7200, "2h"), (90_061, "1d 1h")],
)
def test_durations_are_short(seconds: float, said: str) -> None:
    assert duration(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("late", "timeout", "said"),
    [
        (31, 600, True),
        (30, 600, False),
        (7, 60, True),
        (6, 60, False),
        (1.5, 5, True),
        (1, 5, False),
        (0, 0, False),
        (-60, 600, False),
    ],
)
def test_late_is_more_than_half_a_minute_or_a_tenth_of_the_timeout(late: float, timeout: float, said: bool) -> None:
    found = lateness(NIGHT, NIGHT + timedelta(seconds=late), timedelta(seconds=timeout))
    assert found == (timedelta(seconds=late) if said else None)
