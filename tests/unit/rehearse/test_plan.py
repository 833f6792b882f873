"""What a change of the config changes: the moved intervals are the difference, no more and no less."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as clock

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pager.model.calendar import Calendar, Series
from pager.model.config import Config
from pager.model.origin import Origin
from pager.model.person import Away, Limits, Person
from pager.model.policy import Policy, Stage, Target, TargetKind
from pager.model.schedule import Every, Layer, Override, OverrideKind, Schedule
from pager.model.service import Service
from pager.oncall.memo import Rota
from pager.oncall.who import Shift
from pager.rehearse.changes import What
from pager.rehearse.moves import Moved, nights, users
from pager.rehearse.plan import Plan, plan
from tests.night import config_of
from tests.payments import PAYMENTS, with_policy

START = datetime(2026, 10, 19, 0, 0, tzinfo=UTC)  # the clocks change in Europe on the 25th
END = START + timedelta(days=14)
NAMES = ("ana", "ben", "chandra")


def planned(old: Config, new: Config, start: datetime = START, end: datetime = END) -> Plan:
    return plan(old, Rota.of(old), new, Rota.of(new), start, end)


def of_text(old: str, new: str) -> Plan:
    return planned(config_of(old), config_of(new))


# --- properties -----------------------------------------------------------------------------------------------------------------------
walls = st.integers(0, 24 * 20).map(lambda h: datetime(2026, 10, 14) + timedelta(hours=h))
slots = st.lists(st.sampled_from([*NAMES, None]), min_size=1, max_size=3).map(tuple)


@st.composite
def schedules(draw: st.DrawFn, name: str) -> Schedule:
    layers = tuple(
        Layer(name=f"l{k}", users=draw(slots), every=Every(draw(st.sampled_from([timedelta(hours=11), timedelta(days=1)]))),
              starts=draw(walls), take=draw(st.integers(1, 2)), origin=Origin("f.yaml", draw(st.integers(1, 9)), 1))
        for k in range(draw(st.integers(1, 2)))
    )  # fmt: skip
    overrides = tuple(
        Override(start=at, end=at + timedelta(hours=draw(st.integers(1, 60))), kind=draw(st.sampled_from(OverrideKind)), user=draw(st.sampled_from(NAMES)))
        for at in draw(st.lists(walls, max_size=2))
    )  # fmt: skip
    return Schedule(name=name, timezone="Europe/Madrid", layers=layers, overrides=overrides)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    here = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True))
    away = tuple(Away(at, at + timedelta(days=2)) for at in draw(st.lists(walls, max_size=1)))
    named = draw(st.lists(st.sampled_from(NAMES), max_size=1))
    targets = [Target(TargetKind.SCHEDULE, name) for name in here[:2]] + [Target(TargetKind.USER, name) for name in named]
    stages = tuple(Stage(notify=tuple(targets[k:])) for k in range(len(targets)))
    return Config(
        users={name: Person(id=name, name=name, timezone="Europe/Madrid", away=away if name == "ana" else ()) for name in NAMES},
        schedules={name: draw(schedules(name)) for name in sorted(here)},
        policies={"p": Policy(name="p", stages=stages)},
        services={"s": Service(name="s", policy="p")},
    )


def hour_by_hour(shifts: Sequence[Shift]) -> list[frozenset[str]]:
    hours = [START + timedelta(minutes=30 * k) for k in range(14 * 48)]
    return [next((frozenset(users(s.on_call)) for s in shifts if s.start <= at < s.end), frozenset()) for at in hours]


def applied(before: Sequence[frozenset[str]], moves: Sequence[Moved]) -> list[frozenset[str]]:
    found = list(before)
    for k, people in enumerate(before):
        at = START + timedelta(minutes=30 * k)
        for move in moves:
            if move.start <= at < move.end:
                assert people == frozenset(users(move.old))
                found[k] = frozenset(users(move.new))
    return found


@settings(max_examples=25, deadline=None)
@given(configs(), configs())
def test_the_old_timeline_with_the_moves_applied_is_the_new_one(old: Config, new: Config) -> None:
    found = planned(old, new)
    renamed = {one.was: one.schedule for one in found.schedules if one.was}
    before, after = Rota.of(old), Rota.of(new)
    for name in {*old.schedules, *new.schedules}:
        if name in renamed:
            assert hour_by_hour(before.shifts(name, START, END)) == hour_by_hour(after.shifts(renamed[name], START, END))
        elif name not in renamed.values():
            moves = next((one.moves for one in found.schedules if one.schedule == name), ())
            assert applied(hour_by_hour(before.shifts(name, START, END)), moves) == hour_by_hour(after.shifts(name, START, END))


@settings(max_examples=25, deadline=None)
@given(configs(), configs())
def test_the_way_back_is_the_mirror(old: Config, new: Config) -> None:
    there, back = planned(old, new), planned(new, old)
    for one in there.schedules:
        if not one.was:
            [mirror] = [other for other in back.schedules if other.schedule == one.schedule]
            assert [(m.start, m.end, set(m.old), set(m.new)) for m in one.moves] == [
                (m.start, m.end, set(m.new), set(m.old)) for m in mirror.moves
            ]
    assert {s.user: (s.gets, s.loses, s.nights_more, s.nights_fewer) for s in there.people} == {
        s.user: (s.loses, s.gets, s.nights_fewer, s.nights_more) for s in back.people
    }
    assert [(s.service, [(g.stage, g.old, g.new) for g in s.stages]) for s in there.services] == [
        (s.service, [(g.stage, g.new, g.old) for g in s.stages]) for s in back.services
    ]
    assert {(c.kind, c.name) for c in there.changes} == {(c.kind, c.name) for c in back.changes}
    assert [(r.alert, r.old, r.new) for r in there.redirected] == [(r.alert, r.new, r.old) for r in back.redirected]


@settings(max_examples=10, deadline=None)
@given(configs())
def test_of_a_config_with_itself_there_is_nothing_to_say(config: Config) -> None:
    assert planned(config, config).is_empty


# --- by hand --------------------------------------------------------------------------------------------------------------------------
def overridden(text: str, override: str) -> str:
    return text.replace("primary: {timezone: UTC,", f"primary: {{timezone: UTC, overrides: [{override}],")


NIGHT = "{from: 2026-10-20T20:00, to: 2026-10-21T10:00, user: ben}"


def test_one_night_changes_hands_and_the_service_with_it() -> None:
    found = of_text(PAYMENTS, overridden(PAYMENTS, NIGHT))
    assert [(s.user, s.gets, s.loses, s.nights_more, s.nights_fewer) for s in found.people] == [
        ("ana", timedelta(0), timedelta(hours=14), 0, 1),
        ("ben", timedelta(hours=14), timedelta(0), 1, 0),
    ]
    [[move]] = [one.moves for one in found.schedules]
    assert (users(move.old), users(move.new), move.lasts) == (("ana",), ("ben",), timedelta(hours=14))
    assert [(s.service, [(g.stage, g.schedules) for g in s.stages]) for s in found.services] == [
        ("checkout", [(1, ("primary",))]),
        ("plain", [(1, ("primary",))]),
    ]
    assert found.changes == ()


def test_a_night_with_nobody_is_said() -> None:
    found = of_text(PAYMENTS, overridden(PAYMENTS, NIGHT.replace("user", "remove").replace("ben", "ana")))
    [(schedule, move)] = found.nobody
    assert (schedule, users(move.old), users(move.new)) == ("primary", ("ana",), ())


def test_a_swap_is_no_zero() -> None:
    two = PAYMENTS.replace("users: [ana], every: 1w", "users: [ana, ben], every: 1w")
    swapped = two.replace("users: [ana, ben], every: 1w", "users: [ben, ana], every: 1w")
    assert {s.user: (s.gets, s.loses) for s in of_text(two, swapped).people} == {
        "ana": (timedelta(days=7), timedelta(days=7)),
        "ben": (timedelta(days=7), timedelta(days=7)),
    }


def test_a_schedule_by_another_name_moves_nobody() -> None:
    found = of_text(PAYMENTS, PAYMENTS.replace("primary:", "first-line:").replace("schedule:primary", "schedule:first-line"))
    assert [(one.schedule, one.was, one.moves) for one in found.schedules] == [("first-line", "primary", ())]
    assert (found.people, found.services) == ((), ())


def test_what_changes_after_the_horizon_is_said_though_nobody_moves() -> None:
    later = overridden(PAYMENTS, NIGHT.replace("2026", "2027"))
    found = of_text(PAYMENTS, later)
    assert (found.people, [(c.kind, c.name) for c in found.changes]) == ((), [("schedule", "primary")])


def test_where_something_stands_and_how_it_is_laid_out_is_no_change() -> None:
    assert of_text(PAYMENTS, "# a comment\n" + PAYMENTS.replace("  dora:", "\n\n  dora:")).is_empty


def test_a_stage_more_is_new_and_the_catch_all_stays_the_catch_all() -> None:
    longer = PAYMENTS.replace(
        "    after_last: {loop: 1}", '    after_last: {loop: 1}\n').replace("- {notify: [\"user:ana\"], ack_timeout: 10m}",
        '- {notify: ["user:ana"], ack_timeout: 10m}\n      - {notify: ["user:ben"]}')  # fmt: skip
    [one] = of_text(PAYMENTS, longer).services
    assert (one.service, [(g.stage, g.old, g.new, g.always) for g in one.stages]) == ("db", [(2, "", "stage 2 of policy default", True)])


def test_alerts_of_a_service_that_follows_another_policy_lead_there() -> None:
    found = of_text(PAYMENTS, PAYMENTS.replace("db: {team: payments, policy: default}", "db: {team: payments, policy: payments}"))
    assert [(r.alert, r.severities, r.old.policy, r.new.policy) for r in found.redirected] == [
        ("service db", ("critical", "error"), "default", "payments"),  # of high urgency
        ("service db", ("warning", "info"), "default", "payments"),
    ]
    assert [s.service for s in found.services] == ["db"]


def test_a_new_route_is_found_by_the_values_it_asks_for() -> None:
    routed = PAYMENTS + "\nroutes:\n  - {name: staging, match: {env: [staging, dev], severity: info}, suppress: it never pages}\n"
    found = of_text(PAYMENTS, routed)
    assert [(r.alert, r.severities, r.new.suppress) for r in found.redirected] == [
        ("env=staging", ("info",), "it never pages"),
        ("env=dev", ("info",), "it never pages"),
    ]
    assert [(c.kind, c.name, c.what) for c in found.changes] == [("route", "staging", "new")]


def test_the_order_of_routes_counts() -> None:
    first, second = (f"  - {{name: {n}, match: {{env: x}}, policy: {p}}}\n" for n, p in (("one", "default"), ("two", "payments")))
    found = of_text(PAYMENTS + "routes:\n" + first + second, PAYMENTS + "routes:\n" + second + first)
    assert [c.how for c in found.changes] == [("one, two -> two, one",)]
    assert {(r.alert, r.old.policy, r.new.policy) for r in found.redirected} == {("env=x", "default", "payments")}


def test_no_address_and_no_key_is_in_a_plan() -> None:
    other = (
        PAYMENTS.replace("+34600000001", "+34699999999")
        .replace("ben@example.com", "secret@example.com")
        .replace("auth_token: t", "auth_token: hush")
    )
    found = of_text(PAYMENTS, other)
    assert {(c.name, c.how) for c in found.changes} == {
        ("ana", ("contact sms: changed", "contact voice: changed")),
        ("ben", ("contact email: changed",)),
    }
    assert not any(word in repr(found) for word in ("+346", "secret@", "hush"))


def test_calendars_are_in_a_plan_without_their_urls() -> None:
    calendar = "\ncalendars: {holidays: {url: https://calendar.example.com/%s, people: {Ana: ana}}}\n"
    assert [(c.kind, c.name, c.what) for c in of_text(PAYMENTS, PAYMENTS + calendar % "a").changes] == [("calendar", "holidays", What.NEW)]
    found = of_text(PAYMENTS + calendar % "old-secret", PAYMENTS + (calendar % "new-secret").replace("Ana: ana", "Ben: ben"))
    assert [(c.kind, c.name, c.how) for c in found.changes] == [("calendar", "holidays", ("url changed", "people changed"))]
    assert "secret" not in repr(found.changes)


def test_of_a_calendar_in_a_file_other_events_are_a_change() -> None:
    config = config_of(PAYMENTS)
    event = Series(datetime(2026, 3, 1, 9), timedelta(hours=8), "UTC", "Ana", ("ana",))
    old, new = (
        replace(config, calendars={"rota": Calendar(name="rota", file="rota.ics", series=series)}) for series in ((event,), (event, event))
    )
    assert [c.how for c in planned(old, new).changes] == [("its events changed",)]


def test_a_policy_says_what_is_different_in_its_stages() -> None:
    found = of_text(
        with_policy('[{notify: ["user:ana"], ack_timeout: 5m}]'),
        with_policy('[{notify: ["user:ben"], ack_timeout: 1m}, {notify: ["user:dora"]}]'),
    )
    [change] = found.changes
    assert change.how == ("stage 1: notify: user:ana -> user:ben", "stage 1: ack_timeout: 5m -> 1m", "stage 2: new, user:dora")


def test_nights_are_those_of_the_person_and_a_touch_is_enough() -> None:
    def spent(start: str, end: str, tz: str = "UTC") -> int:
        return len(
            nights(
                [(datetime.fromisoformat(start).replace(tzinfo=UTC), datetime.fromisoformat(end).replace(tzinfo=UTC))],
                replace(Limits().night, timezone=tz),
            )
        )

    assert spent("2026-10-20T07:00", "2026-10-20T22:00") == 0
    assert spent("2026-10-20T06:59", "2026-10-20T22:01") == 2
    assert spent("2026-10-20T07:00", "2026-10-21T07:00") == 1
    assert spent("2026-10-20T07:00", "2026-10-20T22:00", "Asia/Kolkata") == 1
    assert spent("2026-10-19T00:00", "2026-10-26T00:00") == 8
    small_hours = replace(Limits().night, start=clock(0), end=clock(6), timezone="UTC")
    assert nights([(START, START + timedelta(hours=1)), (START + timedelta(hours=6), START + timedelta(hours=24))], small_hours) == {
        START.date()
    }


def test_a_hundred_schedules_over_a_fortnight_take_no_time_to_speak_of() -> None:
    def many(users: tuple[str, ...]) -> Config:
        layers = (
            Layer(name="week", users=users, every=Every(timedelta(weeks=1)), starts=datetime(2026, 1, 5, 9)),
            Layer(name="day", users=users, every=Every(timedelta(days=1)), starts=datetime(2026, 1, 5, 9)),
        )
        names = [f"s{k}" for k in range(100)]
        return Config(
            users={name: Person(id=name, name=name) for name in NAMES},
            schedules={n: Schedule(name=n, timezone="Europe/Madrid", layers=layers) for n in names},
            policies={n: Policy(name=n, stages=(Stage(notify=(Target(TargetKind.SCHEDULE, n),)),)) for n in names},
            services={n: Service(name=n, policy=n) for n in names},
        )

    began = time.process_time()
    found = planned(many(NAMES), many(NAMES[::-1]))
    assert len(found.schedules) == len(found.services) == 100
    assert time.process_time() - began < 3
