"""The timeline of `who --for`: what it shows, and that it stays within its width."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pager.cli.timeline import Row, draw, offsets
from tests.unit.cli.installation import Installation
from tests.unit.cli.test_planning import ROTA

MADRID, START = ZoneInfo("Europe/Madrid"), datetime(2026, 10, 19, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def days(first: float, last: float) -> tuple[datetime, datetime]:
    return START + timedelta(days=first), START + timedelta(days=last)


def drawn(*rows: Row, span: float = 14, width: int = 80, now: datetime = LONG_AGO, plain: bool = False) -> list[str]:
    return draw(rows, START, START + timedelta(days=span), MADRID, now, width, plain=plain)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text("abø満_-", min_size=1, max_size=60), st.floats(0, 14), st.floats(0, 14)), min_size=1, max_size=4),
    st.integers(20, 200),
    st.sampled_from([0.01, 1, 2, 14, 90, 3660]),
    st.floats(0, 1),
)
def test_no_line_is_longer_than_there_is_room(rows: list[tuple[str, float, float]], width: int, span: float, now: float) -> None:
    made = [Row(label, (days(min(a, b), max(a, b)),)) for label, a, b in rows]
    lines = drawn(*made, Row("nobody", (days(0, 1),), gap=True), span=span, width=width, now=START + now * timedelta(days=span))
    assert max(map(cell_len, lines)) <= width


def test_a_row_a_person_with_marks_of_days() -> None:
    assert drawn(Row("ana", (days(0, 7),)), Row("ben", (days(7, 14),)), width=75) == [
        "         Tue 20    Thu 22    Sat 24    Mon 26    Wed 28    Fri 30    Sun 01",
        "ana  ███████████████████████████████████    │    │    │    │    │    │    │",
        "ben      │    │    │    │    │    │    │███████████████████████████████████",
        "a column is 4h 48m, ▒ a part of it",
    ]


def test_a_minute_with_nobody_is_seen() -> None:
    gap = START + timedelta(days=3), START + timedelta(days=3, minutes=1)
    [line] = [
        line for line in drawn(Row("ana", (days(0, 3), days(3.001, 14))), Row("nobody", (gap,), gap=True)) if line.startswith("nobody")
    ]
    assert line.count("!") == 1


def test_without_letters_of_its_own_it_is_ascii() -> None:
    lines = drawn(Row("ana", (days(0, 6.9),)), Row("nobody", (days(6.9, 14),), gap=True), plain=True)
    assert all(line.isascii() for line in lines)
    assert "#+" in lines[1]


@pytest.mark.parametrize(("day", "column", "words"), [(0, 0, "^ now"), (13.99, 72, "now ^")])
def test_now_is_marked_where_it_is(day: float, column: int, words: str) -> None:
    [line] = [line for line in drawn(Row("ana", (days(0, 14),)), now=days(day, day)[0]) if "now" in line]
    assert line.endswith(words)
    assert line.index("^") - len("ana  ") == pytest.approx(column, abs=2)


def test_the_night_the_clocks_change_has_both_offsets_and_an_hour_twice() -> None:
    evening = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert offsets(evening, evening + timedelta(hours=6), MADRID) == "CEST +02:00, from Sun 2026-10-25 02:00 CET +01:00"
    marks = draw([Row("ana", ())], evening, evening + timedelta(hours=6), MADRID, LONG_AGO, 80)[0]
    assert marks.split() == ["01:00", "02:00", "02:00", "03:00", "04:00"]


def test_zones_without_a_name_have_their_offset_once() -> None:
    assert offsets(START, START, ZoneInfo("America/Sao_Paulo")) == "-03:00"
    assert offsets(START, START, ZoneInfo("Asia/Kathmandu")) == "+05:45"


# --- as its user sees it --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def rota(office: Installation) -> Installation:
    office.write(ROTA.replace("users: [ana, ben], every: 1w", "users: [ana, null], every: 1w"))
    return office


def test_a_gap_is_a_row_and_a_line_without_colour(rota: Installation) -> None:
    lines = rota.pagerd("who", "week", "--at", "2026-01-06T00:00:00Z", "--for", "14d").stdout.splitlines()
    assert lines[:2] == ["week from Tue 2026-01-06 01:00 CET to Tue 2026-01-20 01:00 CET", "Europe/Madrid: CET +01:00"]
    assert [line[: len("nobody")].strip() for line in lines if "█" in line or "!!" in line] == ["ana", "nobody"]
    assert any("! nobody" in line and line.startswith("Mon 2026-01-12 09:00 CET") for line in lines)


def test_each_slot_has_its_reason_and_its_place(rota: Installation) -> None:
    wide = rota.pagerd("who", "week", "--at", "2026-01-06T00:00:00Z", "--for", "3d", COLUMNS="120").stdout.splitlines()[-1]
    assert wide.startswith("Tue 2026-01-06 01:00 CET  Fri 01-09 01:00 CET  ana  layer all, turn 1 [pagerd.yaml:11:")
    narrow = rota.pagerd("who", "week", "--at", "2026-01-06T00:00:00Z", "--for", "3d", COLUMNS="60").stdout.splitlines()[-2:]
    assert [line.strip()[:17] for line in narrow] == ["Tue 2026-01-06 01", "layer all, turn 1"]


def test_a_person_has_a_row_for_each_schedule_and_no_gaps(rota: Installation) -> None:
    lines = rota.pagerd("who", "ana", "--at", "2026-01-06T00:00:00Z", "--for", "14d").stdout.splitlines()
    assert [line.split()[0] for line in lines if "█" in line] == ["week", "pair"]
    assert not any(line.startswith("nobody") for line in lines)


def test_a_service_whose_policy_names_somebody_has_no_gap(rota: Installation) -> None:
    lines = rota.pagerd("who", "db", "--at", "2026-01-06T00:00:00Z", "--for", "14d").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines if "█" in line] == ["week: ana", "the policy: dora", "the policy: ana"]
    assert not any(line.startswith("nobody") for line in lines)


def test_the_same_in_another_zone(rota: Installation) -> None:
    lines = rota.pagerd("who", "week", "--at", "2026-10-24T20:00", "--for", "1d", "--tz", "America/New_York").stdout.splitlines()
    assert lines[:2] == ["week from Sat 2026-10-24 20:00 EDT to Sun 2026-10-25 20:00 EDT", "America/New_York: EDT -04:00"]


@pytest.mark.parametrize("span", ["0s", "11y", "4000d", "-1d", "soon"])
def test_a_horizon_that_is_none_is_a_2_with_an_example(rota: Installation, span: str) -> None:
    result = rota.pagerd("who", "week", f"--for={span}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "such as" in result.stderr


def test_the_nearest_name_is_suggested(rota: Installation) -> None:
    assert "'weke' is no schedule, service or user. Did you mean week?" in rota.pagerd("who", "weke").stderr
    assert "Did you mean dora?" in rota.pagerd("who", "user:dorra").stderr


def test_who_is_on_call_needs_no_credentials_and_no_addresses(rota: Installation) -> None:
    rota.write(ROTA.replace('sms: "+34600000001"', 'sms: "${ANAS_PHONE}"'))
    assert rota.pagerd("who", "week").exit_code == 0
    rota.write(ROTA.replace("starts: 2026-01-05T09:00", 'starts: "${START}"', 1))
    result = rota.pagerd("who", "week")
    assert result.exit_code == 1
    assert "the variable START is not set" in result.stderr
