"""Schedules that live in somebody's calendar: as a layer, as overrides, as holidays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from msgspec.structs import replace

from pager.model.calendar import Calendar, Series
from pager.model.origin import Origin
from pager.model.person import Away, Person
from pager.model.rota import RotaFacts, Span
from pager.model.schedule import Every, Holidays, Layer, Override, OverrideKind, Schedule
from pager.oncall.memo import Rota

PEOPLE = {name: Person(id=name, name=name.title()) for name in ("ana", "ben", "chandra")}
WEEK = Layer(name="week", users=("ana",), every=Every(wall=timedelta(weeks=1)), starts=datetime(2026, 1, 5, 9))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def series(start: str, hours: int, *users: str, summary: str = "on call", rule: str = "", zone: str = "Europe/Madrid") -> Series:
    rules = (rule,) if rule else ()
    return Series(datetime.fromisoformat(start), timedelta(hours=hours), zone, summary, users, rules=rules)


def calendar(*events: Series, name: str = "rota") -> Calendar:
    return Calendar(name=name, file=f"{name}.ics", series=events, origin=Origin("calendars.yaml", 2, 3))


def rota(schedule: Schedule, *calendars: Calendar, facts: RotaFacts | None = None, people: dict[str, Person] = PEOPLE) -> Rota:
    return Rota({"s": schedule}, people, facts or RotaFacts(), calendars={c.name: c for c in calendars})


def schedule(*layers: Layer, **more: object) -> Schedule:
    return Schedule(name="s", timezone="Europe/Madrid", layers=layers, **more)  # type: ignore[arg-type]


BY_CALENDAR = Layer(name="from the calendar", calendar="rota")


def users(rota: Rota, when: str) -> list[str]:
    return [o.user for o in rota.who("s", at(when))]


def test_whoever_the_running_events_name_is_on_call_and_between_them_the_layer_below() -> None:
    days = calendar(series("2026-03-02T09:00", 8, "ben", rule="FREQ=DAILY", summary="Ben: days"))
    r = rota(schedule(WEEK, BY_CALENDAR), days)
    assert users(r, "2026-03-03T07:59") == ["ana"]
    [on_call] = r.who("s", at("2026-03-03T08:00"))
    assert (on_call.user, on_call.because) == ("ben", "layer from the calendar, calendar rota: Ben: days")
    assert on_call.until == at("2026-03-03T16:00")
    assert users(r, "2026-03-03T16:00") == ["ana"]
    assert users(r, "2029-07-03T08:00") == ["ben"]  # it repeats for ever, and is worked out where it is asked for


def test_several_events_at_once_are_several_people_each_once() -> None:
    both = calendar(series("2026-03-02T09:00", 8, "ben"), series("2026-03-02T10:00", 4, "ana", "ben"))
    assert users(rota(schedule(BY_CALENDAR), both), "2026-03-02T09:30") == ["ben", "ana"]
    assert users(rota(schedule(BY_CALENDAR), both), "2026-03-02T08:30") == ["ben"]


def test_who_is_away_or_no_user_any_more_does_not_come_by_a_calendar() -> None:
    people = PEOPLE | {"ben": replace(PEOPLE["ben"], away=(Away(datetime(2026, 3, 2), datetime(2026, 3, 3), "ill"),))}
    both = calendar(series("2026-03-02T09:00", 8, "ben", "gone", "chandra"))
    assert users(rota(schedule(WEEK, BY_CALENDAR), both, people=people), "2026-03-02T09:30") == ["chandra"]
    alone = calendar(series("2026-03-02T09:00", 8, "ben"))
    assert users(rota(schedule(WEEK, BY_CALENDAR), alone, people=people), "2026-03-02T09:30") == ["ana"]


def test_an_event_of_an_override_calendar_replaces_everyone_after_the_files_and_before_run_time() -> None:
    covers = calendar(series("2026-03-02T09:00", 8, "ben", summary="Ben covers"))
    in_file = Override(start=datetime(2026, 3, 2), end=datetime(2026, 3, 3), kind=OverrideKind.REPLACE, user="chandra")
    said = replace(in_file, start=datetime(2026, 3, 2, 12), kind=OverrideKind.ADD, user="ana", id="7")
    s = schedule(WEEK, overrides=(in_file,), override_calendars=("rota",))
    r = rota(s, covers, facts=RotaFacts(overrides={"s": (said,)}))
    assert users(r, "2026-03-02T07:30") == ["chandra"]
    [on_call] = r.who("s", at("2026-03-02T08:30"))
    assert (on_call.user, on_call.because, str(on_call.origin)) == ("ben", "override: calendar rota: Ben covers", "calendars.yaml:2:3")
    assert users(r, "2026-03-02T11:30") == ["ben", "ana"]
    assert users(r, "2026-03-02T16:30") == ["chandra", "ana"]


def test_an_event_that_names_nobody_overrides_nothing() -> None:
    fair = calendar(series("2026-03-02T09:00", 8, summary="Trade fair"), series("2026-03-02T09:00", 8, "gone"))
    assert users(rota(schedule(WEEK, override_calendars=("rota",)), fair), "2026-03-02T09:30") == ["ana"]


def test_two_people_of_one_event_both_replace() -> None:
    both = calendar(series("2026-03-02T09:00", 8, "ben", "chandra"))
    assert users(rota(schedule(WEEK, override_calendars=("rota",)), both), "2026-03-02T09:30") == ["ben", "chandra"]


def test_the_whole_days_of_a_calendar_are_holidays_beside_the_countrys() -> None:
    own = calendar(
        Series(datetime(2026, 1, 2), timedelta(days=1), "UTC", "Company day", days=True, rules=("FREQ=YEARLY",)),
        series("2026-02-02T09:00", 8),
    )
    s = schedule(WEEK, holidays=Holidays(users=("ben", "chandra"), country="ES", calendar="rota"))
    r = rota(s, own)
    assert r.who("s", at("2026-01-01T12:00"))[0].because.endswith(", number 1 of the year")
    assert (users(r, "2026-01-02T12:00"), r.who("s", at("2026-01-02T12:00"))[0].because) == (
        ["chandra"],
        "holiday Company day, number 2 of the year",
    )
    assert users(r, "2026-01-02T23:30") == []  # the day is over in Madrid
    assert users(r, "2026-02-02T12:00") == ["ana"]  # has times: no holiday
    assert users(r, "2031-01-02T12:00") == ["chandra"]
    alone = rota(schedule(WEEK, holidays=Holidays(users=("ben",), calendar="rota")), own)
    assert (users(alone, "2027-01-01T12:00"), users(alone, "2027-01-02T12:00")) == (["ana"], ["ben"])


def test_what_was_read_from_a_url_counts_as_it_was_read() -> None:
    online = Calendar(name="rota", url="https://calendar.example.com/rota.ics")
    facts = RotaFacts(calendars={"rota": (Span(at("2026-03-02T09:00"), at("2026-03-02T10:00"), ("ben",), "Ben"),)})
    r = rota(schedule(WEEK, BY_CALENDAR), online, facts=facts)
    assert [users(r, f"2026-03-02T{clock}") for clock in ("08:59", "09:00", "09:59", "10:00")] == [["ana"], ["ben"], ["ben"], ["ana"]]
    assert users(rota(schedule(WEEK, BY_CALENDAR), online), "2026-03-02T09:30") == ["ana"]  # not read yet


def test_shifts_over_years_have_no_gap_and_change_where_events_do() -> None:
    weekends = calendar(series("2026-03-07T00:00", 48, "ben", rule="FREQ=WEEKLY"))
    shifts = rota(schedule(WEEK, BY_CALENDAR), weekends).shifts("s", at("2026-03-01T00:00"), at("2028-03-01T00:00"))
    assert all(one.end == following.start for one, following in pairwise(shifts))
    mine = [shift for shift in shifts if [o.user for o in shift.on_call] == ["ben"]]
    assert len(mine) == 104
    assert {shift.end - shift.start for shift in mine} == {timedelta(hours=h) for h in (47, 48, 49)}
