"""What subscribers read in a feed is what the rota says, in every zone, also over the nights when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.model.calendar import Calendar
from pager.model.config import Config
from pager.model.hours import Hours
from pager.model.person import Person
from pager.model.rota import RotaFacts
from pager.model.schedule import Every, Layer, Override, OverrideKind, Schedule
from pager.oncall.ics import read_ics
from pager.oncall.memo import Rota
from pager.oncall.series import expand
from pager.rehearse.feed import Feed, feed

USERS = {user: Person(id=user, name=f"Name {user}") for user in ("ana", "ben", "chandra")}
ZONES = ("Europe/Madrid", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
EVERY = (Every(wall=timedelta(hours=12)), Every(wall=timedelta(days=1)), Every(wall=timedelta(weeks=1)), Every(months=1))
moments = st.integers(0, 24 * 365).map(lambda hours: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours))


@st.composite
def layers(draw: st.DrawFn, name: str) -> Layer:
    slots = draw(st.lists(st.sampled_from([*USERS, None]), min_size=1, max_size=4))
    only = (Hours(days=(5, 6)),) if draw(st.booleans()) else ()
    starts = datetime(2025, 12, 1) + timedelta(hours=draw(st.integers(0, 2000)))
    return Layer(name=name, users=tuple(slots), every=draw(st.sampled_from(EVERY)), starts=starts, only=only, take=draw(st.integers(1, 2)))


@st.composite
def configs(draw: st.DrawFn) -> Config:
    overrides = []
    for start in draw(st.lists(moments, max_size=2)):
        begins = start.replace(tzinfo=None)
        kind = draw(st.sampled_from(OverrideKind))
        overrides.append(
            Override(start=begins, end=begins + timedelta(hours=30), kind=kind, user=draw(st.sampled_from(list(USERS))), reason="x")
        )
    zone = draw(st.sampled_from(ZONES))
    schedule = Schedule(name="s", timezone=zone, layers=(draw(layers("a")), draw(layers("b"))), overrides=tuple(overrides))
    return Config(users=USERS, schedules={"s": schedule})


def made(config: Config, now: datetime, facts: RotaFacts | None = None) -> Feed:
    found = feed(config, Rota.of(config, facts or RotaFacts()), "schedule", "s", now)
    assert found is not None
    return found


@settings(max_examples=8, deadline=None)
@given(configs(), moments)
def test_a_feed_read_back_is_the_rota(config: Config, now: datetime) -> None:
    text = made(config, now).body.decode()
    start, end = now - timedelta(days=29), now + timedelta(days=89)
    theirs = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(start, end)
    shown = [(e["DTSTART"].dt, e["DTEND"].dt, str(e["SUMMARY"]).removeprefix("Name ").partition(" ")[0]) for e in theirs]
    for shift in Rota.of(config).shifts("s", start, end):
        middle = shift.start + (shift.end - shift.start) / 2
        assert {user for begins, ends, user in shown if begins <= middle < ends} == {o.user for o in shift.on_call}
    # Whoever imports the feed again has the same people at the same times.
    again = expand(read_ics(text, Calendar(name="x", file="x.ics"), USERS, "UTC").series, start, end) if shown else []
    assert {(s.start, s.end, s.users[0]) for s in again} == set(shown)


@settings(max_examples=8, deadline=None)
@given(configs(), moments, st.integers(0, 40))
def test_a_shift_keeps_its_identity_and_its_times_while_the_window_slides(config: Config, now: datetime, days: int) -> None:
    def events(at: datetime) -> dict[str, tuple[datetime, datetime]]:
        walked = icalendar.Calendar.from_ical(made(config, at).body.decode()).walk("VEVENT")
        found = {str(e["UID"]): (e.decoded("DTSTART"), e.decoded("DTEND")) for e in walked}
        assert len(found) == len(walked)
        return found

    later = now + timedelta(days=days)
    first, second = events(now), events(later)
    both = {uid: span for uid, span in first.items() if span[1] > later - timedelta(days=29)}
    far = timedelta(days=1000)  # what has no end in sight is cut
    for uid, (start, end) in both.items():
        if end - start < far:
            assert second[uid] == (start, end)
