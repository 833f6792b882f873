"""Calendars in the config: where they are, what of them is not taken, and when an edit counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pager.config import fingerprint, load
from pager.model.config import Config
from pager.model.problem import Level

PEOPLE = "users:\n  ana: {name: Ana Ruiz, contact: {email: ana@example.com}}\n  ben: {name: Ben Okafor}\n"
SCHEDULE = "schedules:\n  s:\n    timezone: UTC\n    layers:\n      - {name: shifts, calendar: rota}\n"


def ics(*summaries: str, more: str = "") -> str:
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{k}\r\nDTSTART:202601{k:02}T090000Z\r\nDURATION:PT8H\r\nSUMMARY:{summary}\r\nEND:VEVENT\r\n"
        for k, summary in enumerate(summaries, start=1)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{more}{events}END:VCALENDAR\r\n"


def folder(tmp_path: Path, calendars: str, text: str | None = None, schedule: str = SCHEDULE) -> Path:
    (tmp_path / "c.yaml").write_text(PEOPLE + schedule + f"calendars:\n  rota: {calendars}\n")
    if text is not None:
        (tmp_path / "rota.ics").write_text(text, newline="")
    return tmp_path


def good(path: Path) -> Config:
    loaded = load(path, {})
    assert loaded.config is not None, loaded.problems
    return loaded.config


def test_a_file_is_read_with_the_config(tmp_path: Path) -> None:
    config = good(folder(tmp_path, "{file: rota.ics, people: {Platform: ben}}", ics("Ana Ruiz", "Platform")))
    assert [one.users for one in config.calendars["rota"].series] == [("ana",), ("ben",)]
    assert config.schedules["s"].named == ("ana", "ben")


def test_an_edit_of_the_file_is_another_config(tmp_path: Path) -> None:
    path = folder(tmp_path, "{file: rota.ics}", ics("ana"))
    before, seen = good(path), fingerprint(path)
    (path / "rota.ics").write_text(ics("ben", "ana"), newline="")
    assert fingerprint(path) != seen
    assert good(path).revision != before.revision


def test_what_an_event_says_to_nobody_is_a_warning_at_its_line(tmp_path: Path) -> None:
    loaded = load(folder(tmp_path, "{file: rota.ics}", ics("ana", "Trade fair")), {})
    [problem] = loaded.problems
    assert str(problem) == "rota.ics:9:1: warning: calendars.rota: event 'Trade fair' names nobody of the users: no attendee"


def test_holidays_name_nobody_and_that_is_no_warning(tmp_path: Path) -> None:
    schedule = "schedules:\n  s:\n    layers: [{name: week, users: [ana], every: 1w, starts: 2026-01-05T09:00}]\n    holidays: {calendar: rota, users: [ben]}\n"
    assert load(folder(tmp_path, "{file: rota.ics}", ics("Company day"), schedule), {}).problems == ()


def test_of_many_that_name_nobody_some_are_said_and_how_many_more(tmp_path: Path) -> None:
    problems = load(folder(tmp_path, "{file: rota.ics}", ics(*["fair"] * 27)), {}).problems
    assert len(problems) == 21
    assert "and 7 more events" in problems[-1].message


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        (None, "c.yaml:", "rota.ics: there is no such file"),
        ("", "rota.ics:1:1", "is no calendar"),
        (ics(), "rota.ics:1:1", "no event stands in it"),
        (ics("ana")[:100], "rota.ics:1:1", "no event stands in it, or it was cut off"),
    ],
)
def test_a_file_that_is_no_calendar_is_an_error_and_the_config_before_stays(tmp_path: Path, text: str | None, place: str, why: str) -> None:
    loaded = load(folder(tmp_path, "{file: rota.ics}", text), {})
    assert loaded.config is None
    [problem] = [p for p in loaded.problems if p.level is Level.ERROR]
    assert str(problem).startswith(place)
    assert why in problem.message


@pytest.mark.parametrize(
    ("calendars", "why"),
    [
        ("{}", "a calendar has one of `file`, in this folder, and `url`"),
        ("{file: rota.ics, url: https://example.com/x}", "a calendar has one of `file`, in this folder, and `url`"),
        ("{file: ../rota.ics}", "expected a calendar file, found '../rota.ics'"),
        ("{file: /etc/rota.ics}", "expected a calendar file, found '/etc/rota.ics'"),
        ("{file: rota.txt}", "expected a calendar file, found 'rota.txt'"),
        ("{file: rota.ics, every: 5m}", "`every` is how often a `url` is read; a file is read again when it changes"),
        ("{url: https://example.com/x, every: 5s}", "`every` is at least 1m"),
        ("{url: ftp://example.com/s3cret}", "is no address of a calendar: only https, http and webcal are read, not 'ftp'"),
        ("{url: file:///etc/s3cret}", "is no address of a calendar: only https, http and webcal are read, not 'file'"),
        ("{url: example.com/s3cret}", "is no address of a calendar: it has no scheme"),
        ("{url: 'https:///s3cret'}", "is no address of a calendar: it names no host"),
        ("{url: 'https://example.com/s3c ret'}", "is no address of a calendar: a space stands in it"),
        ("{url: 'https://example.com/x', people: {x: zoe}}", "there is no user 'zoe'"),
    ],
)
def test_what_can_not_be_meant_is_refused_and_no_address_is_quoted(tmp_path: Path, calendars: str, why: str) -> None:
    problems = load(folder(tmp_path, calendars, ics("ana")), {}).problems
    assert why in [p.message for p in problems]
    assert "s3c" not in " ".join(map(str, problems))


def test_webcal_is_https(tmp_path: Path) -> None:
    config = good(folder(tmp_path, "{url: 'webcal://calendar.example.com/private-x/basic.ics', every: 5m}"))
    assert config.calendars["rota"].url == "https://calendar.example.com/private-x/basic.ics"
    assert config.schedules["s"].named == ("ana", "ben")  # it may name anybody


@pytest.mark.parametrize("more", ["users: [ana]", "every: 1w", "take: 2", "starts: 2026-01-05T09:00"])
def test_a_layer_by_a_calendar_counts_no_turns(tmp_path: Path, more: str) -> None:
    schedule = SCHEDULE.replace("calendar: rota", f"calendar: rota, {more}")
    problems = load(folder(tmp_path, "{file: rota.ics}", ics("ana"), schedule), {}).problems
    assert [p.message for p in problems] == [
        "who is on call in a layer with `calendar` stands there: no users, shifts, every, starts or take"
    ]


@pytest.mark.parametrize(
    "use", ["layers: [{name: x, calendar: rotas}]", "override_calendars: [rotas]", "holidays: {users: [ana], calendar: rotas}"]
)
def test_a_calendar_that_is_not_there_is_said_with_the_one_that_is(tmp_path: Path, use: str) -> None:
    whole = "" if use.startswith("layers") else "    layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}]\n"
    problems = load(folder(tmp_path, "{file: rota.ics}", ics("ana"), f"schedules:\n  s:\n{whole}    {use}\n"), {}).problems
    assert ("there is no calendar 'rotas'", "did you mean rota?") in [(p.message, p.suggestion) for p in problems]
