"""Named shifts, several zones, dates of effect, public holidays, and the limits of one person."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from pager.model.hours import Hours
from pager.model.person import Away, Limits, Person
from pager.model.rota import RotaFacts, Span
from pager.model.schedule import Every, Holidays, Layer, NamedShift, Override, OverrideKind, Schedule
from pager.oncall.holidays import UnknownCountry, find_holiday, public_holidays
from pager.oncall.instants import zone
from pager.oncall.memo import Rota

MONDAY = datetime(2026, 1, 5, 9)
WEEK, DAY = Every(timedelta(weeks=1)), Every(timedelta(days=1))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def people(**limits: Limits) -> dict[str, Person]:
    return {user: Person(id=user, name=user, limits=limits.get(user)) for user in ("ana", "ben", "chandra", "dora")}


def rota(
    *layers: Layer, who: dict[str, Person] | None = None, tz: str = "UTC", pages: dict[str, list[str]] | None = None, **more: object
) -> Rota:
    facts = RotaFacts(night_pages={user: tuple(map(utc, times)) for user, times in (pages or {}).items()})
    return Rota({"s": Schedule(name="s", timezone=tz, layers=layers, **more)}, who or people(), facts)  # type: ignore[arg-type]


def names(r: Rota, at: str) -> list[str]:
    return [o.user for o in r.who("s", utc(at))]


def week(*users: str | None, **more: object) -> Layer:
    return Layer(name="week", users=users, every=WEEK, starts=MONDAY, **more)  # type: ignore[arg-type]


# --- shifts that are not equal in length ----------------------------------------------------------------------------------------------
FIVE_AND_TWO = (NamedShift(name="weekdays", lasts=timedelta(days=5)), NamedShift(name="weekend", lasts=timedelta(days=2)))


def test_the_layers_users_go_on_from_one_shift_to_the_next() -> None:
    r = rota(Layer(name="l", users=("ana", "ben", "chandra"), shifts=FIVE_AND_TWO, starts=MONDAY))
    assert names(r, "2026-01-05T09:00") == names(r, "2026-01-10T08:59") == ["ana"]
    assert names(r, "2026-01-10T09:00") == names(r, "2026-01-12T08:59") == ["ben"]
    assert [names(r, f"2026-01-{day}T12:00") for day in (12, 17, 19)] == [["chandra"], ["ana"], ["ben"]]


def test_a_weekend_crew_goes_round_among_itself() -> None:
    weekdays, weekend = FIVE_AND_TWO
    shifts = (weekdays, NamedShift(name=weekend.name, lasts=weekend.lasts, users=("chandra", "dora")))
    r = rota(Layer(name="l", users=("ana", "ben"), shifts=shifts, starts=MONDAY))
    assert [names(r, f"2026-01-{day:02}T12:00") for day in (5, 10, 12, 17, 19)] == [["ana"], ["chandra"], ["ben"], ["dora"], ["ana"]]
    assert r.who("s", utc("2026-01-10T12:00"))[0].because == "layer l, shift weekend, turn 2"


def test_shifts_hang_on_the_wall_clock_over_a_change() -> None:
    r = rota(Layer(name="l", users=("ana", "ben"), shifts=FIVE_AND_TWO, starts=datetime(2026, 3, 23, 9)), tz="Europe/Madrid")
    assert [shift.start.isoformat() for shift in r.shifts("s", utc("2026-03-23T08:00"), utc("2026-03-31T00:00"))] == [
        "2026-03-23T08:00:00+00:00", "2026-03-28T08:00:00+00:00", "2026-03-30T07:00:00+00:00"]  # fmt: skip


# --- zones and dates of effect --------------------------------------------------------------------------------------------------------
def test_one_schedule_follows_the_sun() -> None:
    def office(name: str, user: str, tz: str) -> Layer:
        return Layer(name=name, users=(user,), every=WEEK, starts=MONDAY, timezone=tz, only=(Hours(start=time(9), end=time(17)),))

    r = rota(office("india", "chandra", "Asia/Kolkata"), office("spain", "ana", "Europe/Madrid"), office("us", "dora", "America/New_York"))
    assert [names(r, f"2026-07-01T{hour:02}:00") for hour in (3, 4, 7, 14, 20, 21)] == [[], ["chandra"], ["ana"], ["dora"], ["dora"], []]
    assert names(r, "2026-12-01T07:00") == ["chandra"], "in winter Spain comes an hour later"


def test_a_layer_in_effect_later_takes_over_where_its_rotation_stands() -> None:
    old, new = week("ana", "ben", ends=datetime(2026, 3, 2, 9)), Layer(
        name="new", users=("chandra", "dora"), every=WEEK, starts=MONDAY, begins=datetime(2026, 3, 2, 9))  # fmt: skip
    r = rota(old, new)
    assert [names(r, at) for at in ("2026-03-02T08:59", "2026-03-02T09:00", "2026-03-09T09:00")] == [["ben"], ["chandra"], ["dora"]]


def test_hours_of_a_date_far_ahead_are_awaited() -> None:
    r = rota(week("ana", only=(Hours(first_date=date(2028, 2, 1)),)))
    assert r.next_change("s", utc("2026-02-01T00:00")) == utc("2028-02-01T00:00")


# --- public holidays ------------------------------------------------------------------------------------------------------------------
SPAIN = Holidays(country="ES", users=("ben", "ana"))


def test_a_public_holiday_goes_to_who_covers_it_from_midnight_to_midnight() -> None:
    r = rota(week("dora"), tz="Europe/Madrid", holidays=SPAIN)
    assert [names(r, at) for at in ("2026-01-05T22:59", "2026-01-05T23:00", "2026-01-06T22:59", "2026-01-06T23:00")] == [
        ["dora"], ["ana"], ["ana"], ["dora"]]  # fmt: skip
    assert r.who("s", utc("2026-01-06T12:00"))[0].because == "holiday Epiphany, number 2 of the year"


def test_who_covers_but_is_away_is_followed_by_the_next_and_all_away_by_the_layers() -> None:
    off = (Away(datetime(2026, 1, 1), datetime(2026, 2, 1)),)
    one_away = {**people(), "ana": Person(id="ana", name="Ana", away=off)}
    all_away = {**one_away, "ben": Person(id="ben", name="Ben", away=off)}
    [on] = rota(week("dora"), who=one_away, holidays=SPAIN).who("s", utc("2026-01-06T12:00"))
    assert (on.user, "ana is away" in on.because) == ("ben", True)
    assert names(rota(week("dora"), who=all_away, holidays=SPAIN), "2026-01-06T12:00") == ["dora"]


def test_an_override_stands_on_a_holiday() -> None:
    override = Override(start=datetime(2026, 1, 6, 8), end=datetime(2026, 1, 6, 10), kind=OverrideKind.REPLACE, user="chandra")
    assert names(rota(week("dora"), holidays=SPAIN, overrides=(override,)), "2026-01-06T09:00") == ["chandra"]


def test_own_days_count_with_the_public_ones() -> None:
    spans = (Span(utc("2026-01-02T00:00"), utc("2026-01-03T00:00"), summary="Inventory", day="2026-01-02"),)
    find = find_holiday(SPAIN, lambda _: spans, zone("UTC"))
    assert [(h.name, h.number) for day in (1, 2, 6) if (h := find(utc(f"2026-01-0{day}T12:00"))[0])] == [
        ("New Year's Day", 1), ("Inventory", 2), ("Epiphany", 3)]  # fmt: skip


def test_a_holiday_does_not_end_when_the_clocks_go_back_over_midnight() -> None:
    find = find_holiday(
        Holidays(users=("ana",)),
        lambda _: (Span(utc("2010-11-07T00:00"), utc("2010-11-08T00:00"), day="2010-11-07"),),
        zone("America/St_Johns"),
    )
    assert find(utc("2010-11-07T02:29"))[0] is None
    assert find(utc("2010-11-07T02:30"))[0] is not None
    assert find(utc("2010-11-07T02:40"))[0] is not None, "the clocks show 23:10 of the day before, again"


def test_an_unknown_country_or_region_is_an_error() -> None:
    for country, region in (("XX", None), ("ES", "XX")):
        with pytest.raises(UnknownCountry):
            public_holidays(country, region, 2026)


# --- limits ---------------------------------------------------------------------------------------------------------------------------
def test_enough_pages_in_a_night_give_the_rest_of_it_to_the_next() -> None:
    r = rota(week("ana", "ben"), who=people(ana=Limits(pages_per_night=2)), pages={"ana": ["2026-01-06T23:10", "2026-01-07T01:30"]})
    assert [names(r, at) for at in ("2026-01-07T01:29", "2026-01-07T01:30", "2026-01-07T06:59", "2026-01-07T07:00")] == [
        ["ana"], ["ben"], ["ben"], ["ana"]]  # fmt: skip
    assert r.who("s", utc("2026-01-07T02:00"))[0].because == "layer week, turn 1 (ana was paged twice this night)"


def test_who_was_paged_in_the_night_rests_in_the_morning() -> None:
    r = rota(week("ana", "ben"), who=people(ana=Limits(rest=timedelta(hours=8))), pages={"ana": ["2026-01-07T03:12"]})
    assert [names(r, at) for at in ("2026-01-07T06:59", "2026-01-07T07:00", "2026-01-07T11:11", "2026-01-07T11:12")] == [
        ["ana"], ["ben"], ["ben"], ["ana"]]  # fmt: skip
    assert "ana rests until 11:12 after a page at 03:12" in r.who("s", utc("2026-01-07T08:00"))[0].because


def test_a_limit_never_leaves_nobody_and_that_is_said() -> None:
    r = rota(week("ana"), who=people(ana=Limits(pages_per_night=1)), pages={"ana": ["2026-01-06T23:10"]})
    [on] = r.who("s", utc("2026-01-07T02:00"))
    assert (on.user, on.because) == ("ana", "layer week, turn 1; limits set aside: nobody else is there")


def test_the_layer_below_takes_over_from_who_is_at_a_limit() -> None:
    r = rota(week("ben"), week("ana"), who=people(ana=Limits(pages_per_night=1)), pages={"ana": ["2026-01-06T23:10"]})
    assert names(r, "2026-01-07T02:00") == ["ben"]


def test_an_override_is_a_persons_word_over_limits() -> None:
    override = Override(start=datetime(2026, 1, 7), end=datetime(2026, 1, 8), kind=OverrideKind.REPLACE, user="ana")
    r = rota(week("ben"), who=people(ana=Limits(pages_per_night=1)), pages={"ana": ["2026-01-06T23:10"]}, overrides=(override,))
    assert names(r, "2026-01-07T02:00") == ["ana"]


def test_after_so_many_weeks_running_one_is_sat_out() -> None:
    limits = people(ana=Limits(consecutive_weeks=2))
    r = rota(week("ana", "ana", "ana", "ben"), who=limits)
    weeks = [names(r, f"2026-01-{day:02}T12:00")[0] for day in (5, 12, 19, 26)]
    assert weeks == ["ana", "ana", "ben", "ben"]
    assert "ana has had 2 weeks running" in r.who("s", utc("2026-01-19T12:00"))[0].because


def test_standing_in_for_who_is_away_counts_for_weeks_running() -> None:
    gone = (Away(datetime(2026, 1, 5, 9), datetime(2026, 2, 9)),)
    team = {**people(ana=Limits(consecutive_weeks=3)), "ben": Person(id="ben", name="Ben", away=gone)}
    r = rota(week("ana", "ben", "chandra", take=1), who=team)
    assert [names(r, f"2026-01-{day:02}T12:00")[0] for day in (5, 12, 19)] == ["ana", "chandra", "chandra"]
    two = rota(week("ana", "ben"), who=team)
    assert [names(two, f"2026-01-{day:02}T12:00")[0] for day in (5, 12, 19, 26)] == ["ana"] * 4, "who is alone stays"
    assert "limits set aside" in two.who("s", utc("2026-01-26T12:00"))[0].because
