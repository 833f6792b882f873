"""An installation of realistic size: it is good, and who is paged by it was worked out by hand from its files.

Week 0 of every weekly rotation begins on 2026-01-05, a Monday; in Cairo on the Sunday before. W8 is the week from 2 March, W12 from 30 March, W22 from
8 June, W30 from 3 August, W42 from 26 October, W46 from 23 November."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pager.config import load
from pager.decide import Rules
from pager.model.config import Config
from pager.model.problem import Level
from pager.model.rota import RotaFacts
from pager.notify.plan import Providers
from pager.oncall.memo import Rota
from pager.rehearse.check import check
from tests.night import CARRIED, Night

FOLDER = Path(__file__).parents[1] / "configs" / "three-regions"
ACCOUNTS = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO2_ACCOUNT_SID", "TWILIO2_AUTH_TOKEN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN",
            "SMTP_URL", "PROMETHEUS_KEY", "CHECKS_KEY", "WAREHOUSE_KEY")  # fmt: skip
ENVIRONMENT = {name: f"smtp://mail.example.com?{name}" if name == "SMTP_URL" else f"{name}-0123456789abcdef" for name in ACCOUNTS}
MEANT_BLANK = {"data-nights", "ferry-watch", "releases"}
SEASONS = ("2026-03-01", "2026-05-30"), ("2026-09-10", "2026-12-09")
"""Ninety days each; in every zone here that changes its clocks, they change once in each."""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@cache
def config() -> Config:
    loaded = load(FOLDER, ENVIRONMENT)
    assert loaded.config is not None, loaded.problems
    assert [p for p in loaded.problems if p.level is not Level.NOTE] == []
    return loaded.config


@cache
def rota() -> Rota:
    return Rota.of(config())


def test_it_is_of_a_realistic_size() -> None:
    c = config()
    assert (len(c.users), len(c.teams), len(c.schedules), len(c.policies), len(c.services), len(c.routes)) == (40, 8, 15, 10, 29, 30)
    shifts = [shift for schedule in c.schedules for season in SEASONS for shift in rota().shifts(schedule, *map(utc, season))]
    assert {on_call.user for shift in shifts for on_call in shift.on_call} == set(c.users), "everybody has their part"


@pytest.mark.parametrize(("start", "end"), SEASONS)
def test_check_finds_no_error_and_no_warning(start: str, end: str) -> None:
    found = check(config(), (), CARRIED, utc(start), utc(end), rota())
    assert [f"{p.file}:{p.line}: {p.message}" for p in found if p.level is not Level.NOTE] == []


# --- who is paged if this breaks at that moment ---------------------------------------------------------------------------------------
NIGHT_PAGES = {"ben": ("2026-06-09T22:10", "2026-06-09T23:40", "2026-06-10T02:12"), "karim": ("2026-10-29T20:40",)}
"""Who had been paged by night, when."""
CASES = [
    # follow the sun
    ("kubernetes", "2026-03-03T02:00", "jun", "10:00 in Singapore, so Asia's; W8 is the third's (8 mod 3 = 2)"),
    ("kubernetes", "2026-03-03T07:30", "jun", "08:30 in Stockholm, but Asia is the later layer until 16:00 in Singapore"),
    ("kubernetes", "2026-03-03T08:00", "nils", "16:00 in Singapore: theirs is over; W8 is Europe's third's"),
    ("kubernetes", "2026-03-03T15:59", "nils", "16:59 in Stockholm"),
    ("kubernetes", "2026-03-03T16:00", "nina", "17:00 in Stockholm, 11:00 in New York: what the two leave is America's; W8 the third's"),
    ("kubernetes", "2026-03-30T14:59", "erik", "16:59 in Stockholm, on summer time since yesterday; W12 is the first's"),
    ("kubernetes", "2026-03-30T15:00", "dora", "17:00 in Stockholm, an hour earlier than on Friday; New York's W12 began at 13:00"),
    ("kubernetes", "2026-11-01T06:00", "wei", "New York lives 01:00 again, and sleeps: 14:00 in Singapore, W42 the first's until Monday"),
    ("kubernetes", "2026-11-26T20:00", "dora", "America's W46 is Mike's, but Thanksgiving is swapped"),
    ("kubernetes", "2026-11-26T13:30", "youssef", "the swap is for Mike's part: 14:30 in Stockholm is Europe's, W46 the second's"),
    # eight hours each
    ("sign-in", "2026-06-01T07:59", "hana", "the first eight hours of the day (UTC) are always Hana's"),
    ("sign-in", "2026-06-01T08:00", "priya", "the second are Priya's"),
    ("sign-in", "2026-12-20T20:00", "leo", "the third are Leo's; 15:00 in New York, a day before the holiday"),
    ("sign-in", "2026-12-24T20:00", "hana", "Leo is away from the 21st: the next in turn is Hana"),
    ("sign-in", "2026-12-21T04:59", "hana", "by day Hana's; Leo's leave does not touch it"),
    # crews of weekdays and weekends
    ("checkout", "2026-03-04T12:00", "carlos", "Wednesday of W8: weekdays go round three people, 8 mod 3 = 2"),
    ("checkout", "2026-03-29T01:00", "grace", "the moment Madrid's clocks jump: weekend of W11, the second of two"),
    ("checkout", "2026-03-30T06:59", "grace", "08:59 in Madrid: still the weekend's"),
    ("checkout", "2026-03-30T07:00", "ana", "09:00 on summer time: W12, weekdays, 12 mod 3 = 0"),
    ("checkout", "2026-10-24T17:59", "grace", "19:59 in Madrid, weekend of W41, an odd one"),
    ("checkout", "2026-10-24T18:00", "carlos", "20:00: the migration's override"),
    ("checkout", "2026-10-25T07:59", "carlos", "08:59 on winter time: the override has had fourteen hours"),
    ("checkout", "2026-10-25T08:00", "grace", "09:00: over"),
    ("checkout", "2026-08-04T12:00", "ben", "W30 is Ana's, who is away: the next of the weekday crew"),
    # public holidays
    ("checkout", "2026-04-02T21:59", "carlos", "Maundy Thursday, a holiday in Madrid: third of the year, to the first of two"),
    ("checkout", "2026-04-02T22:00", "ana", "00:00 of Good Friday: the fourth, to the second"),
    ("website", "2026-07-03T12:00", "maya", "Independence Day, observed, is California's eighth: users[7 mod 3]"),
    ("website", "2026-07-04T07:00", "diego", "00:00 in Los Angeles of the ninth, which makes it users[8 mod 3]"),
    ("ios-app", "2026-04-04T12:59", "olivia", "23:59 of Easter Saturday in Sydney, the fourth: the second of two"),
    ("ios-app", "2026-04-04T13:00", "jack", "Easter Sunday, the fifth: the first of two"),
    ("ios-app", "2026-04-05T13:59", "jack", "the clocks went back in it: Easter Sunday has 25 hours, and this is its last minute"),
    ("ios-app", "2026-04-05T14:00", "olivia", "Easter Monday, the sixth"),
    ("schedule:platform-secondary", "2026-04-05T12:00", "sam", "W12 is Astrid's, but it is Easter Sunday in Sweden, and Sam is not there"),
    ("schedule:booking-primary", "2026-01-25T18:29", "ishaan, kavya", "23:59 in Bengaluru, W2: the third and, after the last, the first"),
    ("schedule:booking-primary", "2026-01-25T18:30", "kavya", "00:00 of Republic Day, Karnataka's second, to the second of two, alone"),
    # weekdays and weekends over a change of clocks in Los Angeles
    ("website", "2026-03-09T16:59", "kate", "09:59 on summer time; weekend of W8 is turn 17 of all, 17 mod 3 = 2"),
    ("website", "2026-03-09T17:00", "maya", "10:00: turn 18"),
    ("website", "2026-11-02T17:59", "diego", "09:59 on winter time; weekend of W42 is turn 85, 85 mod 3 = 1"),
    ("website", "2026-11-02T18:00", "kate", "10:00: turn 86"),
    # layers that begin and end
    ("ios-app", "2026-06-30T03:00", "jack", "the rotation of two in its last week, W25, an odd one"),
    ("ios-app", "2026-07-12T22:59", "jack", "08:59 on Monday 13 July in Sydney: the rotation of three, W26, 26 mod 3 = 2"),
    ("ios-app", "2026-07-12T23:00", "ruby", "09:00: W27, 27 mod 3 = 0"),
    ("ios-app", "2026-10-04T12:59", "jack", "23:59 on summer time, the day it began in Sydney: W38, 38 mod 3 = 2"),
    ("ios-app", "2026-10-04T13:00", "olivia", "Labour Day in New South Wales, the tenth of the year"),
    # a window over midnight where midnight is skipped or comes twice
    ("warehouse", "2026-04-23T21:29", "mona", "23:29 in Cairo: the nights' stage is skipped; the days' W15 is the first's"),
    ("warehouse", "2026-04-23T21:30", "youssef", "the nights' W15 is Karim's, who is away; Mona comes next, and Youssef is there for her"),
    ("warehouse", "2026-04-23T22:00", "karim", "00:00 does not exist: leave and override end as the clocks jump to 01:00"),
    ("warehouse", "2026-04-24T02:59", "karim", "05:59 on summer time"),
    ("warehouse", "2026-04-24T03:00", "mona", "06:00: back to the days"),
    ("warehouse", "2026-04-28T22:00", "karim", "01:00; the nights' W16 is blank on purpose: the next stage at once, the days' W16 is Karim's"),
    ("schedule:data-nights", "2026-04-28T22:00", "", "blank: nobody steps in"),
    ("schedule:data-primary", "2026-04-24T20:59", "mona", "23:59 on summer time"),
    ("schedule:data-primary", "2026-04-24T21:00", "diya", "Sinai Liberation Day begins, an hour earlier than it would have the day before"),
    ("warehouse", "2026-10-29T20:29", "mona", "23:29 in Cairo, still on summer time; the days' W42"),
    ("warehouse", "2026-10-29T20:30", "karim", "23:30 for the first time: the nights' W42 is the first's"),
    ("warehouse", "2026-10-29T20:40", "mona", "Karim has just had his one page a night: the next who is no blank slot"),
    ("warehouse", "2026-10-30T03:59", "mona", "05:59 on winter time: Karim's night is not over"),
    # months that clamp
    ("postgres", "2026-02-28T08:59", "priya", "January's turn began on the 31st"),
    ("postgres", "2026-02-28T09:00", "leo", "28 February stands for the 31st"),
    ("postgres", "2026-03-31T07:59", "leo", "08:59 on summer time; and it is the 31st again, not the 28th"),
    ("postgres", "2026-03-31T08:00", "luana", "09:00: third turn"),
    ("postgres", "2026-08-31T12:00", "luana", "August's turn passes on to Leo, but it is a bank holiday in England"),
    ("postgres", "2026-08-31T23:00", "leo", "00:00 on 1 September in London: turn 8 is the second's"),
    ("postgres", "2026-12-22T12:00", "luana", "turn 11 is Leo's, away on New York's clock: the next"),
    # half days, where the clocks never change
    ("backbone", "2026-03-08T21:59", "caio", "18:59 in São Paulo; day 62 since the start, turn 124, 124 mod 3 = 1"),
    ("backbone", "2026-03-08T22:00", "rafael", "19:00: turn 125"),
    ("backbone", "2026-11-01T09:59", "rafael", "06:59: São Paulo did not move with New York this night; turn 599, 599 mod 3 = 2"),
    ("backbone", "2026-11-01T10:00", "bruna", "07:00: turn 600"),
    ("backbone", "2026-11-02T02:59", "caio", "23:59: turn 601"),
    ("backbone", "2026-11-02T03:00", "bruna", "00:00 of All Souls' Day, the eighth of São Paulo's: users[7 mod 3]"),
    # half an hour on Lord Howe Island
    ("night-boat", "2026-04-04T15:40", "jack", "02:10 there, the half hour before 02:00 lived twice: the window is longer; day 89, an odd one"),
    ("night-boat", "2026-04-04T15:45", "caio", "02:15: over; 12:45 in São Paulo, turn 178, 178 mod 3 = 1"),
    ("night-boat", "2026-10-03T15:29", "jack", "01:59 there; day 271, an odd one"),
    ("night-boat", "2026-10-03T15:30", "rafael", "02:15 is skipped: over as the clocks jump; 12:30 in São Paulo, turn 542, 542 mod 3 = 2"),
    ("night-boat", "2026-10-04T12:00", "noah", "23:00 on summer time, day 272, an even one"),
    ("backbone", "2026-10-04T12:00", "caio", "the same moment without the boat: 09:00 in São Paulo, turn 544, 544 mod 3 = 1"),
    # limits
    ("checkout", "2026-06-10T02:11", "ben", "W22 is Ben's; 03:11 in London, two pages so far"),
    ("checkout", "2026-06-10T02:12", "carlos", "the third page of the night: the next is asked"),
    ("checkout", "2026-06-10T10:11", "carlos", "11:11 in London: Ben rests for eight hours from 03:12"),
    ("checkout", "2026-06-10T10:12", "ben", "11:12: rested"),
    ("schedule:payments-secondary", "2026-07-21T12:00", "tom", "Pablo is removed, and Tom has had his two weeks: nobody else is there"),
    ("schedule:booking-primary", "2026-05-12T06:00", "kavya, mei", "W18: Rohan is away, Ishaan had W16 and W17; Mei is added"),
    ("schedule:booking-primary", "2026-05-17T18:29", "kavya, mei", "23:59 in Bengaluru"),
    ("schedule:booking-primary", "2026-05-17T18:30", "kavya, rohan", "Rohan is back for the last nine hours, Mei is not needed any more"),
    ("schedule:booking-primary", "2026-05-18T04:00", "ishaan, rohan", "W19: Ishaan has sat one out, and counts afresh"),
    # overrides that add
    ("schedule:leadership", "2026-11-26T22:59", "owen", "W46, an even one"),
    ("schedule:leadership", "2026-11-26T23:00", "grace, owen", "00:00 in Stockholm: the four days that make the year"),
]  # fmt: skip


def paged(what: str, at: datetime) -> set[str]:
    """Who gets the first pages of what breaks then; of a schedule, who is on call."""
    kind, _, name = what.rpartition(":")
    facts = RotaFacts(night_pages={user: tuple(t for t in map(utc, times) if t <= at) for user, times in NIGHT_PAGES.items()})
    if kind:
        return {o.user for o in Rota.of(config(), facts).who(name, at)}
    night = Night(config(), at)
    night.rules = Rules(config(), Providers.of(config(), CARRIED), facts)
    night.alert(**({"service": "ferry-link", "component": "night-boat"} if name == "night-boat" else {"service": name}))
    return {sent.user for sent in night.sent}


@pytest.mark.parametrize(("what", "at", "expected", "reason"), CASES, ids=[f"{what} {at}" for what, at, *_ in CASES])
def test_who_is_paged(what: str, at: str, expected: str, reason: str) -> None:
    assert ", ".join(sorted(paged(what, utc(at)))) == expected, reason


def test_a_limit_set_aside_is_said() -> None:
    [tom] = rota().who("payments-secondary", utc("2026-07-21T12:00"))
    assert "pablo is removed by an override" in tom.because
    assert "limits set aside" in tom.because


def test_a_deploy_that_fails_on_friday_afternoon_waits_for_the_desk_on_monday() -> None:
    night = Night(config(), utc("2026-06-05T15:00"))  # 16:00 in London
    night.alert(service="deploys", severity="warning")
    night.until("64:59:59")
    assert night.sent == []
    night.until("65:03:00")  # the pause of three minutes is long over; Monday 09:00, day 154, an even one
    assert {(sent.user, sent.after) for sent in night.sent} == {("tom", timedelta(hours=65))}


def test_of_a_pair_one_is_asked_then_both() -> None:
    night = Night(config(), utc("2026-03-03T08:00"))  # W8: Ishaan and Kavya
    night.alert(service="booking")
    first = {sent.user for sent in night.sent}
    assert len(first) == 1
    night.until("5:00")
    assert {sent.user for sent in night.sent} == {"ishaan", "kavya"}


# --- nobody is missing ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("start", "end"), SEASONS)
def test_there_is_no_minute_without_somebody(start: str, end: str) -> None:
    for schedule in config().schedules.keys() - MEANT_BLANK:
        at = utc(start)
        for shift in rota().shifts(schedule, utc(start), utc(end)):
            assert shift.start == at, f"{schedule}: hand-offs touch"
            assert shift.on_call, f"{schedule}: nobody from {shift.start} to {shift.end}"
            at = shift.end
        assert at == utc(end)


def nightly_load(at: datetime) -> bool:
    """23:30 to 06:00 in Cairo, but for every third week, which begins on Sunday at noon. The second 23:00 to 23:30 of 29 October is inside."""
    local = at.astimezone(ZoneInfo("Africa/Cairo")).replace(tzinfo=None)
    inside = (
        (local.hour, local.minute) >= (23, 30)
        or local.hour < 6
        or (local.date().isoformat() == "2026-10-29" and at >= utc("2026-10-29T20:30"))
    )
    return inside and (local - datetime(2026, 1, 4, 12)) // timedelta(weeks=1) % 3 != 1


def night_boat(at: datetime) -> bool:
    """22:00 to 02:15 on Lord Howe Island; 02:15 is skipped once, and 02:30 comes instead."""
    local = at.astimezone(ZoneInfo("Australia/Lord_Howe"))
    return local.hour >= 22 or (local.hour, local.minute) < (2, 15)


def release_desk(at: datetime) -> bool:
    local = at.astimezone(ZoneInfo("Europe/London"))
    return 9 <= local.hour < {0: 18, 1: 18, 2: 18, 3: 18, 4: 13}.get(local.weekday(), 0)


@pytest.mark.parametrize(("start", "end"), SEASONS)
@pytest.mark.parametrize(("schedule", "meant"), [("data-nights", nightly_load), ("ferry-watch", night_boat), ("releases", release_desk)])
def test_a_blank_is_exactly_where_it_is_meant(schedule: str, meant: Callable[[datetime], bool], start: str, end: str) -> None:
    for shift in rota().shifts(schedule, utc(start), utc(end)):
        minutes = range(0, int((shift.end - shift.start).total_seconds()), 60)
        wrong = [at for s in minutes if meant(at := shift.start + timedelta(seconds=s)) != bool(shift.on_call)]
        assert wrong == [], f"{schedule} at {wrong[0]}: {[o.user for o in shift.on_call]}"
