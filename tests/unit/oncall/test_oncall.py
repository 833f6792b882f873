"""Who is on call, by hand and against the oracle."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.model.hours import Hours
from pager.model.person import Away, Person
from pager.model.rota import RotaFacts
from pager.model.schedule import Every, Layer, OnCall, Override, OverrideKind, Schedule
from pager.oncall.instants import instant, zone
from pager.oncall.memo import Rota, Windows
from pager.oncall.who import Shift
from pager.oncall.windows import contains, next_opening, standing
from tests.oracles import oncall_oracle as oracle
from tests.oracles.schedules import Situation, situation


def who(s: Schedule, at: datetime, people: dict[str, Person]) -> tuple[OnCall, ...]:
    return Rota({"s": s}, people).who("s", at)


def shifts(s: Schedule, start: datetime, end: datetime, people: dict[str, Person]) -> tuple[Shift, ...]:
    return Rota({"s": s}, people).shifts("s", start, end)


WEEK, DAY = Every(timedelta(weeks=1)), Every(timedelta(days=1))
PEOPLE = {u: Person(id=u, name=u) for u in ("ana", "ben", "chandra", "dora")}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def layer(*users: str | None, every: Every = WEEK, starts: str = "2026-01-05T09:00", **more: object) -> Layer:
    return Layer(name="l", users=users, every=every, starts=datetime.fromisoformat(starts), **more)  # type: ignore[arg-type]


def schedule(*layers: Layer, tz: str = "Europe/Madrid", **more: object) -> Schedule:
    return Schedule(name="s", timezone=tz, layers=layers, **more)  # type: ignore[arg-type]


def names(s: Schedule, at: str, people: dict[str, Person] = PEOPLE) -> list[str]:
    return [o.user for o in who(s, utc(at), people)]


def test_a_week_changes_hands_at_nine_on_the_wall_clock() -> None:
    s = schedule(layer("ana", "ben", "chandra"))
    assert names(s, "2026-01-12T07:59") == ["ana"]
    assert names(s, "2026-01-12T08:00") == ["ben"]
    assert names(s, "2026-06-29T06:59") != names(s, "2026-06-29T07:00"), "in summer that is an hour earlier"


def test_before_it_starts_nobody_is_on_call() -> None:
    assert names(schedule(layer("ana")), "2026-01-05T07:59") == []


def test_a_later_layer_wins_where_it_has_somebody() -> None:
    nights = Hours(start=time(22), end=time(6))
    s = schedule(layer("ana"), layer("ben", only=(nights,)), tz="UTC")
    assert names(s, "2026-02-03T21:59") == ["ana"]
    assert names(s, "2026-02-03T22:00") == ["ben"]
    assert names(s, "2026-02-04T05:59") == ["ben"]
    assert names(s, "2026-02-04T06:00") == ["ana"]


def test_a_window_over_midnight_belongs_to_the_day_it_starts() -> None:
    friday_night = Hours(days=(4,), start=time(22), end=time(6))
    assert contains(friday_night, utc("2026-02-07T05:00"), "UTC")
    assert not contains(friday_night, utc("2026-02-06T05:00"), "UTC")
    assert next_opening(friday_night, utc("2026-02-07T05:00"), "UTC") == utc("2026-02-13T22:00")
    assert standing(friday_night, utc("2026-02-07T05:00"), "UTC").until == utc("2026-02-07T06:00")


def test_from_equal_to_to_is_a_whole_day() -> None:
    assert contains(Hours(days=(6,)), utc("2026-02-08T23:59"), "UTC")
    assert not contains(Hours(days=(6,)), utc("2026-02-09T00:00"), "UTC")


def test_a_blank_slot_is_meant() -> None:
    s = schedule(layer("ana", None))
    assert names(s, "2026-01-13T00:00") == []


def test_two_at_once() -> None:
    assert names(schedule(layer("ana", "ben", "chandra", take=2)), "2026-01-13T00:00") == ["ben", "chandra"]


def test_two_at_once_are_two_people() -> None:
    assert names(schedule(layer("ana", "ana", "ben", take=2)), "2026-01-06T00:00") == ["ana", "ben"]


def test_months_clamp_from_the_original_day() -> None:
    s = schedule(layer("ana", "ben", every=Every(months=1), starts="2026-01-31T00:00"), tz="UTC")
    assert [x.start.strftime("%m-%d") for x in shifts(s, utc("2026-01-31T00:00"), utc("2026-06-01T00:00"), PEOPLE)] == [
        "01-31", "02-28", "03-31", "04-30", "05-31"]  # fmt: skip


def test_who_is_away_gives_the_turn_to_the_next_and_that_is_said() -> None:
    people = {
        **PEOPLE,
        "ana": Person(id="ana", name="Ana", timezone="Asia/Kolkata", away=(Away(datetime(2026, 1, 6), datetime(2026, 1, 7)),)),
    }
    s = schedule(layer("ana", "ben"))
    assert names(s, "2026-01-05T18:29", people) == ["ana"]
    [on] = who(s, utc("2026-01-05T18:30"), people)
    assert (on.user, "ana is away" in on.because) == ("ben", True)


def test_who_left_the_config_is_passed_over() -> None:
    assert names(schedule(layer("zoe", "ben")), "2026-01-06T00:00") == ["ben"]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([(OverrideKind.REPLACE, "dora", None)], ["dora"]),
        ([(OverrideKind.REPLACE, "dora", "ana")], ["dora", "ben"]),
        ([(OverrideKind.REPLACE, "dora", "chandra")], ["ana", "ben"]),
        ([(OverrideKind.ADD, "dora", None)], ["ana", "ben", "dora"]),
        ([(OverrideKind.REMOVE, "ana", None)], ["ben", "chandra"]),
        ([(OverrideKind.REPLACE, "dora", None), (OverrideKind.ADD, "ben", None)], ["dora", "ben"]),
        ([(OverrideKind.ADD, "dora", None), (OverrideKind.REPLACE, "ben", "dora")], ["ana", "ben"]),
    ],
)
def test_overrides_apply_in_order_each_on_what_the_earlier_left(
    overrides: list[tuple[OverrideKind, str, str | None]], expected: list[str]
) -> None:
    made = tuple(
        Override(start=datetime(2026, 1, 6), end=datetime(2026, 1, 7), kind=kind, user=user, instead_of=for_) for kind, user, for_ in overrides
    )  # fmt: skip
    s = schedule(layer("ana", "ben", "chandra", take=2), tz="UTC", overrides=made)
    assert names(s, "2026-01-06T00:00") == expected
    assert names(s, "2026-01-07T00:00") == ["ana", "ben"]


@pytest.mark.parametrize(
    ("wall", "tz", "expected"),
    [
        ("2026-03-29T02:30", "Europe/Madrid", "2026-03-29T01:00"),  # skipped: the moment of the jump
        ("2026-10-25T02:30", "Europe/Madrid", "2026-10-25T00:30"),  # twice: the first
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:30"),  # half an hour
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T10:00"),  # a day that never was
        ("2022-03-27T00:30", "Asia/Beirut", "2022-03-26T22:00"),  # at midnight
        ("2024-04-26T00:00", "Africa/Cairo", "2024-04-25T22:00"),
    ],
)
def test_times_that_do_not_exist_or_exist_twice(wall: str, tz: str, expected: str) -> None:
    assert instant(datetime.fromisoformat(wall), zone(tz)) == utc(expected)


# --- against the oracle ---------------------------------------------------------------------------------------------------------------
ZONES = ("UTC", "Europe/Madrid", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "Australia/Lord_Howe",
         "Asia/Kolkata", "Asia/Kathmandu", "Asia/Beirut", "Africa/Cairo", "Africa/Casablanca", "Pacific/Apia", "Pacific/Chatham", "Asia/Tehran", "America/Santiago")  # fmt: skip
YEARS = (2011, 2018, 2022, 2024, 2026)
quarters = st.integers(0, 95).map(lambda k: time(k // 4, k % 4 * 15))
windows = st.builds(Hours, days=st.sets(st.integers(0, 6), min_size=1).map(lambda d: tuple(sorted(d))), start=quarters, end=quarters)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Situation, list[datetime]]:
    spot = datetime(draw(st.sampled_from(YEARS)), draw(st.sampled_from([1, 3, 4, 9, 10, 12])), draw(st.integers(1, 28)))
    zones = tuple(draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=3)))
    moments = st.integers(-6 * 96, 8 * 96).map(lambda k: (spot + k * timedelta(minutes=15)).replace(tzinfo=UTC))
    return situation(draw(st.randoms(use_true_random=False)), zones, spot), draw(st.lists(moments, min_size=1, max_size=8))


@settings(max_examples=150, deadline=None)
@given(situations())
def test_it_agrees_with_the_oracle(given: tuple[Situation, list[datetime]]) -> None:
    s, moments = given
    remembering = Rota({"s": s.schedule}, s.people, RotaFacts(night_pages=s.night_pages))
    for at in moments:
        asked_anew = Rota({"s": s.schedule}, s.people, RotaFacts(night_pages=s.night_pages))
        found = [o.user for o in asked_anew.who("s", at)]
        assert found == oracle.on_call(s.schedule, at, s.people, s.night_pages)
        assert [o.user for o in remembering.who("s", at)] == found, "what is remembered is what would be found"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(windows, min_size=1, max_size=3),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2011, 1, 1), datetime(2026, 12, 31)),
    st.lists(st.timedeltas(timedelta(days=-4), timedelta(days=4)), min_size=1, max_size=20),
)
def test_hours_are_remembered_as_they_would_be_found(some: list[Hours], tz: str, spot: datetime, steps: list[timedelta]) -> None:
    remembered = Windows(tz)
    for step in steps:
        at = (spot + step).replace(tzinfo=UTC)
        for hours in some:
            found = standing(hours, at, tz)
            assert remembered.standing(hours, at) == found
            assert found.inside == contains(hours, at, tz)
            assert found.inside or found.until == next_opening(hours, at, tz)
            assert found.inside or found.until is None or contains(hours, found.until, tz)


@settings(max_examples=60, deadline=None)
@given(situations())
def test_shifts_have_no_gap_and_no_overlap_and_nothing_changes_inside_one(given: tuple[Situation, list[datetime]]) -> None:
    s, moments = given
    rota = Rota({"s": s.schedule}, s.people, RotaFacts(night_pages=s.night_pages))
    start, end = min(moments), max(moments) + timedelta(days=3)
    found = rota.shifts("s", start, end)
    assert found[0].start == start
    assert found[-1].end == end
    assert all(a.end == b.start for a, b in pairwise(found))
    for shift in found[:12]:
        for at in (shift.start, shift.start + (shift.end - shift.start) / 2, shift.end - timedelta(seconds=1)):
            assert [o.user for o in rota.who("s", at)] == [o.user for o in shift.on_call]
        change = rota.next_change("s", shift.start)
        assert change is None or change > shift.start


# --- said at run time -----------------------------------------------------------------------------------------------------------------
def test_an_override_said_at_run_time_hangs_at_instants_also_where_the_wall_clock_says_the_same_twice() -> None:
    s = schedule(layer("ana"), overrides=(Override(
        start=utc("2026-10-25T01:15"), end=utc("2026-10-25T01:45"), kind=OverrideKind.REPLACE, user="ben",
    ),))  # fmt: skip
    assert names(s, "2026-10-25T00:30") == ["ana"], "the first half past two"
    assert names(s, "2026-10-25T01:30") == ["ben"], "the second"
    assert names(s, "2026-10-25T01:45") == ["ana"]
    assert [sh.start for sh in shifts(s, utc("2026-10-25T01:00"), utc("2026-10-25T02:00"), PEOPLE)][1:] == [
        utc("2026-10-25T01:15"), utc("2026-10-25T01:45"),
    ]  # fmt: skip


def test_whoever_is_not_in_the_config_comes_by_no_override_of_run_time_but_can_be_removed() -> None:
    s = schedule(layer("ana"), tz="UTC")

    def on_call(kind: OverrideKind, user: str) -> list[str]:
        said = Override(start=utc("2026-02-03T00:00"), end=utc("2026-02-04T00:00"), kind=kind, user=user, id="1")
        return [o.user for o in Rota({"s": s}, PEOPLE, RotaFacts(overrides={"s": (said,)})).who("s", utc("2026-02-03T12:00"))]

    assert on_call(OverrideKind.REPLACE, "zoe") == ["ana"]
    assert on_call(OverrideKind.ADD, "zoe") == ["ana"]
    assert on_call(OverrideKind.REMOVE, "zoe") == ["ana"]
    assert on_call(OverrideKind.ADD, "ben") == ["ana", "ben"]
