"""Events that repeat come out as another library has them, over zones, rules and the nights when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.model.calendar import Calendar
from pager.oncall.calendars import Calendars
from pager.oncall.ics import read_ics
from pager.oncall.series import expand

FIRST = datetime(2026, 3, 20)
ZONES = ("Europe/Madrid", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
minutes = st.integers(0, 20 * 24 * 4).map(lambda quarters: timedelta(minutes=15 * quarters))


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={freq}", f"INTERVAL={draw(st.integers(1, 3))}"]
    if freq == "WEEKLY" and draw(st.booleans()):
        parts.append("BYDAY=" + ",".join(draw(st.lists(st.sampled_from(["MO", "WE", "SA", "SU"]), min_size=1, max_size=3, unique=True))))
    if freq == "MONTHLY" and draw(st.booleans()):
        parts.append(draw(st.sampled_from(["BYDAY=-1SU", "BYDAY=2MO", "BYMONTHDAY=-1", "BYMONTHDAY=31", "BYDAY=MO,TU;BYSETPOS=-1"])))
    ends = draw(st.sampled_from(["", "COUNT", "UNTIL"]))
    if ends == "COUNT":
        parts.append(f"COUNT={draw(st.integers(1, 30))}")
    if ends == "UNTIL":
        parts.append(f"UNTIL={FIRST + draw(minutes):%Y%m%dT%H%M%SZ}")
    return ";".join(parts)


@st.composite
def calendars(draw: st.DrawFn) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN"]
    for k in range(draw(st.integers(1, 3))):
        zone, start = draw(st.sampled_from(ZONES)), FIRST - timedelta(days=draw(st.sampled_from([0, 0, 3, 400]))) + draw(minutes)
        mark = "" if zone == "UTC" else f";TZID={zone}"
        z = "Z" if zone == "UTC" else ""
        hours = draw(st.integers(1, 60))
        lines += ["BEGIN:VEVENT", f"UID:{k}", "SUMMARY:ana", "DTSTAMP:20260101T000000Z", f"DTSTART{mark}:{start:%Y%m%dT%H%M%S}{z}"]
        lines += [f"DTEND{mark}:{start + timedelta(hours=hours):%Y%m%dT%H%M%S}{z}"]
        if draw(st.booleans()):
            lines.append(f"RRULE:{draw(rules())}")
            for step in draw(st.lists(st.integers(1, 10), max_size=2, unique=True)):
                lines.append(f"EXDATE{mark}:{start + timedelta(days=step):%Y%m%dT%H%M%S}{z}")
        if draw(st.booleans()):
            lines.append(f"RDATE{mark}:{start + timedelta(days=draw(st.integers(1, 9)), hours=2, minutes=7):%Y%m%dT%H%M%S}{z}")
        lines.append("END:VEVENT")
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


@settings(max_examples=50, deadline=None)
@given(calendars(), minutes, st.integers(1, 40))
def test_repeated_events_are_those_of_another_library(text: str, offset: timedelta, days: int) -> None:
    start = (FIRST + offset).replace(tzinfo=UTC)
    end = start + timedelta(days=days)
    theirs = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(start, end)
    expected = {(e["DTSTART"].dt.astimezone(UTC), e["DTEND"].dt.astimezone(UTC)) for e in theirs}
    calendar = Calendar(name="x", file="x.ics")
    series = read_ics(text, calendar, {}, "UTC").series
    found = {(span.start, span.end) for span in expand(series, start, end)}
    assert found == {(a, b) for a, b in expected if a < b}
    # Asked stretch by stretch, as a rota does, it is the same.
    known = Calendars({"x": Calendar(name="x", file="x.ics", series=series)})
    assert {(span.start, span.end) for span in known.spans("x", start, end)} == found
    at = start
    while at < end:
        assert {(s.start, s.end) for s in known.running("x", at)} == {(a, b) for a, b in found if a <= at < b}
        following = known.next_change("x", at)
        assert following is not None
        assert following > at
        at = following
