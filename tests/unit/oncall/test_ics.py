"""Calendars of others: what is read of them, and whom they name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from pager.model.calendar import Calendar
from pager.model.person import Person
from pager.model.rota import Span
from pager.oncall.ics import NotACalendar, Read, read_ics
from pager.oncall.naming import Names
from pager.oncall.series import expand
from tests.unit.oncall.ics_samples import APPLE, GOOGLE, OUTLOOK

PEOPLE = {
    "ana": Person(id="ana", name="Ana Ruiz", contact={"email": "ana@example.com"}),
    "ben": Person(id="ben", name="Ben Okafor", contact={"email": "ben@example.com"}),
    "chandra": Person(id="chandra", name="Chandra", contact={"email": "chandra@example.com"}),
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def read(text: str, timezone: str | None = None, **people: str) -> Read:
    return read_ics(text, Calendar(name="rota", file="rota.ics", people=people, timezone=timezone), PEOPLE, "Asia/Kolkata")


def spans(text: str, start: str = "2026-01-01", end: str = "2027-01-01", timezone: str | None = None, **people: str) -> list[Span]:
    return expand(read(text, timezone, **people).series, at(start), at(end))


def event(*lines: str, head: str = "") -> str:
    body = "\r\n".join(("BEGIN:VEVENT", "UID:1", "SUMMARY:Ana Ruiz", *lines, "END:VEVENT"))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}{body}\r\nEND:VCALENDAR\r\n"


def brief(found: list[Span]) -> list[str]:
    return [f"{s.start:%m-%dT%H:%M} {s.end:%m-%dT%H:%M} {','.join(s.users)}" + (f" {s.day}" if s.day else "") for s in found]


# --- as the three write them ----------------------------------------------------------------------------------------------------------
def test_google_guests_who_accepted_a_moved_week_and_a_week_left_out() -> None:
    assert brief(spans(GOOGLE, "2026-03-01", "2026-04-20")) == [
        "03-02T08:00 03-09T08:00 ana",
        "03-17T08:00 03-23T08:00 chandra",  # moved, and given away; an address is one in any case
        "04-05T22:00 04-06T22:00 ben 2026-04-06",  # whole days in the calendar's zone, one by one
        "04-06T22:00 04-07T22:00 ben 2026-04-07",
        "04-13T07:00 04-20T07:00 ana",  # 30 March is left out, and the clocks have changed
    ]
    assert not read(GOOGLE).remarks


def test_outlook_zones_by_windows_names_and_by_what_the_file_says() -> None:
    found = read(OUTLOOK, **{"Platform team": "chandra"})
    assert brief(expand(found.series, at("2026-03-01"), at("2026-08-01"))) == [
        "03-22T19:00 03-23T07:00 ana",
        "03-29T18:00 03-30T06:00 ana",  # 20:00 and 08:00 on the wall, an hour nearer to UTC
        "06-30T22:00 07-01T22:00 chandra 2026-07-01",  # midnight to midnight, marked as a whole day
    ]
    assert not found.remarks


def test_the_night_the_clocks_change_has_no_hole() -> None:
    nights = event("DTSTART;TZID=Europe/Madrid:20260327T200000", "DTEND;TZID=Europe/Madrid:20260328T080000", "RRULE:FREQ=DAILY;COUNT=4")
    days = event("DTSTART;TZID=Europe/Madrid:20260328T080000", "DTEND;TZID=Europe/Madrid:20260328T200000", "RRULE:FREQ=DAILY;COUNT=3")
    found = sorted(spans(nights) + spans(days), key=lambda s: s.start)
    assert all(one.end == following.start for one, following in pairwise(found))


def test_apple_days_added_and_left_out_and_a_time_without_a_zone() -> None:
    found = read(APPLE)
    assert brief(expand(found.series, at("2026-02-01"), at("2026-03-01"))) == [
        "02-02T14:00 02-02T22:00 chandra",
        "02-03T14:00 02-03T22:00 chandra",
        "02-05T14:00 02-05T22:00 chandra",
        "02-06T14:00 02-06T22:00 chandra",
        "02-07T14:00 02-07T22:00 chandra",
        "02-10T12:30 02-10T18:30 ",  # in the installation's zone, for the calendar names none
    ]
    [remark] = found.remarks
    assert (APPLE.split("\r\n")[remark.line - 1], remark.names) == ("BEGIN:VEVENT", True)
    assert remark.what == "'Nobody we know' names nobody of the users: no attendee"


# --- one thing each -------------------------------------------------------------------------------------------------------------------
def test_the_configured_zone_is_before_the_calendars_own() -> None:
    day = event("DTSTART;VALUE=DATE:20260501", head="X-WR-TIMEZONE:Europe/Madrid\r\n")
    assert brief(spans(day)) == ["04-30T22:00 05-01T22:00 ana 2026-05-01"]
    assert brief(spans(day, timezone="America/New_York")) == ["05-01T04:00 05-02T04:00 ana 2026-05-01"]


def test_a_zone_that_only_the_file_explains_is_that_files_alone() -> None:
    """Outlook calls any zone `Customized Time Zone`: what one calendar means by it must not count for another."""

    def told(offset: str) -> str:
        zone = f"BEGIN:VTIMEZONE\r\nTZID:Mine\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:{offset}\r\nTZOFFSETTO:{offset}\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
        return event("DTSTART;TZID=Mine:20260501T120000", "DURATION:PT1H", head=zone)

    assert brief(spans(told("+0300"))) == ["05-01T09:00 05-01T10:00 ana"]
    assert brief(spans(told("-0700"))) == ["05-01T19:00 05-01T20:00 ana"]


def test_a_zone_nobody_knows_is_said() -> None:
    found = read(event("DTSTART;TZID=Moon/Tranquility:20260501T120000", "DURATION:PT1H"))
    assert [r.what for r in found.remarks] == ["its zone 'Moon/Tranquility' is not known: Asia/Kolkata is taken"]
    assert brief(expand(found.series, at("2026-01-01"), at("2027-01-01"))) == ["05-01T06:30 05-01T07:30 ana"]


@pytest.mark.parametrize("tzid", ["/citadel.org/20211207_1/Europe/Madrid", "Romance Standard Time", '"Europe/Madrid"'])
def test_names_of_zones_with_a_prefix_or_of_windows(tzid: str) -> None:
    assert brief(spans(event(f"DTSTART;TZID={tzid}:20260501T120000", "DURATION:PT1H"))) == ["05-01T10:00 05-01T11:00 ana"]


def test_a_date_left_out_leaves_out_the_event_of_that_day() -> None:
    text = event("DTSTART:20260501T120000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20260502")
    assert [s.start.day for s in spans(text)] == [1, 3]


def test_an_event_that_ends_in_another_zone() -> None:
    text = event("DTSTART;TZID=Europe/Madrid:20260501T120000", "DTEND;TZID=America/New_York:20260501T120000")
    assert brief(spans(text)) == ["05-01T10:00 05-01T16:00 ana"]


def test_added_periods_have_their_own_length() -> None:
    text = event("DTSTART:20260501T120000Z", "DURATION:PT1H", "RDATE;VALUE=PERIOD:20260510T000000Z/PT5H,20260511T000000Z/20260511T070000Z")
    assert brief(spans(text)) == ["05-01T12:00 05-01T13:00 ana", "05-10T00:00 05-10T05:00 ana", "05-11T00:00 05-11T07:00 ana"]


def test_an_old_daily_event_is_worked_out_where_it_is_asked_for() -> None:
    text = event("DTSTART:19800101T120000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;INTERVAL=3")
    found = spans(text, "2026-05-01", "2026-05-10")
    assert [(s.start - at("1980-01-01T12:00")) % timedelta(days=3) for s in found] == [timedelta(0)] * 3


def test_an_older_version_of_an_event_does_not_count() -> None:
    old, new = (
        f"BEGIN:VEVENT\r\nUID:1\r\nSEQUENCE:{n}\r\nSUMMARY:{who}\r\nDTSTART:2026050{n}T120000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
        for n, who in ((1, "ana"), (2, "ben"))
    )
    assert brief(spans(f"BEGIN:VCALENDAR\r\n{new}{old}END:VCALENDAR\r\n")) == ["05-02T12:00 05-02T13:00 ben"]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["DTSTART:today"], "Got: 'today'"),
        (["DTSTART:20260501T120000Z"], "it ends when it begins, or before"),
        (["DTSTART:20260501T120000Z", "DTEND:20260501T110000Z"], "it ends when it begins, or before"),
        (["DTSTART:20260501T120000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY"], "it repeats SECONDLY"),
        (["DTSTART:20260501T120000Z", "DURATION:PT1H", "RRULE:FREQ=OFTEN"], "OFTEN"),
        (["DURATION:PT1H"], "it has no DTSTART"),
    ],
)
def test_an_event_that_can_not_be_read_is_left_out_and_said_and_the_others_are_taken(lines: list[str], why: str) -> None:
    bad = event(*lines)
    good = "BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:ben\r\nDTSTART:20260601T000000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR"
    found = read(bad.replace("END:VCALENDAR", good))
    assert [s.users for s in found.series] == [("ben",)]
    [remark] = [r for r in found.remarks if not r.names]
    assert remark.line == 3
    assert why in remark.what


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no calendar"),
        ("<html><title>Sign in</title></html>", "is no calendar"),
        ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "no event stands in it"),
        (GOOGLE[: len(GOOGLE) // 2], "no event stands in it, or it was cut off"),
        (GOOGLE[:-30], "no event stands in it, or it was cut off"),
        ("BEGIN:VCALENDAR\r\nwhat is this\r\nEND:VCALENDAR\r\n", "can't be read: .*'what is this'"),
    ],
)
def test_what_is_no_whole_calendar_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotACalendar, match=why):
        read(text)


# --- whom they name -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("summary", "attendees", "organizer", "users"),
    [
        ("On call", ["ANA@example.com"], "", ["ana"]),
        ("Ben", ["ana@example.com", "chandra@example.com"], "", ["ana", "chandra"]),  # guests before the title
        ("Primary: ben okafor", ["room-3@example.com"], "", ["ben"]),
        ("Chandra, then Ana  Ruiz", [], "", ["chandra", "ana"]),
        ("On call: BEN", [], "ana@example.com", ["ben"]),  # whoever wrote it down is not meant
        ("On call", [], "ana@example.com", ["ana"]),
        ("Banana split", [], "", []),  # whole words only
        ("SRE 1", [], "", ["chandra"]),
        ("On call", ["private@example.org"], "", ["ben"]),
        ("On call", [], "", []),
    ],
)
def test_whom_an_event_names(summary: str, attendees: list[str], organizer: str, users: list[str]) -> None:
    names = Names(PEOPLE, {"SRE 1": "chandra", "private@example.org": "ben"})
    assert list(names.of(summary, attendees, organizer).users) == users


def test_of_two_with_one_name_neither_is_meant() -> None:
    names = Names(PEOPLE | {"ana2": Person(id="ana2", name="Ana Ruiz")}, {})
    found = names.of("Ana Ruiz", [], "")
    assert (found.users, found.why) == ((), "may mean ana or ana2")
    assert names.of("ana2", [], "").users == ("ana2",)
