"""The door of calendar feeds: who is let in, what is sent, and when it is the same as before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pager.model.config import Config
from pager.model.person import Person
from pager.model.rota import RotaFacts
from pager.model.schedule import Every, Layer, Override, OverrideKind, Schedule
from pager.model.settings import Settings
from pager.web.calendar import CalendarFeeds
from pager.web.links import CalendarLinks, ReplyLinks

BASE = "https://pager.example.com"


class House:
    """A config in force, and a client on the door."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
        self.keys: tuple[str, ...] = ("one",)
        self.facts = RotaFacts()
        week = Layer(name="week", users=("ana", "ben"), every=Every(wall=timedelta(weeks=1)), starts=datetime(2026, 1, 5, 9))
        people = {"ana": Person(id="ana", name="Ana Ruiz"), "ben": Person(id="ben", name="Ben Okafor")}
        schedules = {"db": Schedule(name="db", timezone="Europe/Madrid", layers=(week,))}
        self.config = Config(users=people, schedules=schedules, settings=Settings(public_url=BASE), revision="r1")
        self.links = CalendarLinks(lambda: self.keys, lambda: BASE)
        feeds = CalendarFeeds(self.links, lambda: (self.config, self.facts), lambda: self.now)

        async def door(request: Request) -> Response:
            return await feeds.answer(request.path_params["token"], request)

        self.client = TestClient(Starlette(routes=[Route("/calendar/{token}.ics", door)]))


@pytest.fixture
def house() -> House:
    return House()


def events(body: bytes) -> list[icalendar.Component]:
    return icalendar.Calendar.from_ical(body.decode()).walk("VEVENT")


def fetch(house: House, kind: str = "schedule", name: str = "db", **headers: str) -> Response:
    return house.client.get(house.links.make(kind, name).removeprefix(BASE), headers=headers)  # type: ignore[return-value]


def test_a_schedules_link_gives_everybodys_shifts_and_a_persons_their_own(house: House) -> None:
    answer = fetch(house)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert answer.headers["cache-control"].startswith("private")
    all_ = events(bytes(answer.content))  # type: ignore[attr-defined]
    assert {str(e["SUMMARY"]) for e in all_} == {"Ana Ruiz on call: db", "Ben Okafor on call: db"}
    mine = events(bytes(fetch(house, "user", "ana").content))  # type: ignore[attr-defined]
    assert {str(e["UID"]) for e in mine} < {str(e["UID"]) for e in all_}
    assert {str(e["SUMMARY"]) for e in mine} == {"Ana Ruiz on call: db"}


def test_the_text_is_as_calendars_want_it(house: House) -> None:
    body = bytes(fetch(house).content)  # type: ignore[attr-defined]
    assert body.count(b"\n") == body.count(b"\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 75
    for line in (
        b"X-WR-TIMEZONE:Europe/Madrid",
        b"X-WR-CALNAME:On call: db",
        b"REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        b"X-PUBLISHED-TTL:PT1H",
    ):
        assert line in body.split(b"\r\n")
    [first, *_] = events(body)
    assert str(first["TRANSP"]) == "TRANSPARENT"
    assert "layer week, turn" in str(first["DESCRIPTION"])
    assert BASE in str(first["DESCRIPTION"])


def test_head_says_the_same_without_a_body(house: House) -> None:
    url = house.links.make("schedule", "db").removeprefix(BASE)
    head, got = house.client.head(url), house.client.get(url)
    assert (head.status_code, head.headers["etag"], head.headers["content-length"]) == (
        200,
        got.headers["etag"],
        got.headers["content-length"],
    )
    assert head.content == b""


def test_what_has_not_changed_is_not_sent_again_also_hours_later(house: House) -> None:
    tag = fetch(house).headers["etag"]
    house.now += timedelta(hours=9)
    assert fetch(house, **{"If-None-Match": tag}).status_code == 304
    assert fetch(house, **{"If-None-Match": f'"other", {tag}'}).status_code == 304
    assert fetch(house, **{"If-None-Match": '"other"'}).status_code == 200


def test_an_override_is_seen_at_the_next_look_and_the_other_shifts_stay_who_they_were(house: House) -> None:
    before = fetch(house)
    cover = Override(
        start=datetime(2026, 3, 11), end=datetime(2026, 3, 12), kind=OverrideKind.REPLACE, user="ben", by="ana", reason="dentist", id="1"
    )
    house.facts = RotaFacts(overrides={"db": (cover,)}, version=2)
    after = fetch(house, **{"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    old, new = ({str(e["UID"]) for e in events(bytes(a.content))} for a in (before, after))  # type: ignore[attr-defined]
    assert len(old - new) <= 1
    assert len(new - old) == 2  # the cover, and what is left of the shift behind it
    assert any("dentist" in str(e["DESCRIPTION"]) for e in events(bytes(after.content)))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "forged",
    [
        lambda h: "x",
        lambda h: h.links.make("schedule", "db").rpartition("/")[2][:-8],
        lambda h: CalendarLinks(lambda: ("other",), lambda: BASE).make("schedule", "db").rpartition("/")[2].removesuffix(".ics"),
        lambda h: h.links.make("schedule", "gone").rpartition("/")[2].removesuffix(".ics"),
        lambda h: h.links.make("service", "db").rpartition("/")[2].removesuffix(".ics"),
        lambda h: ReplyLinks(lambda: h.keys, lambda: BASE, lambda: timedelta(days=3)).make(1, 1, "ana", h.now).rpartition("/")[2],
    ],
)
def test_a_link_that_is_none_is_not_there_and_nothing_says_why(house: House, forged: Callable[[House], str]) -> None:
    answer = house.client.get(f"/calendar/{forged(house)}.ics")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    assert "etag" not in answer.headers


def test_a_link_lives_as_long_as_its_key(house: House) -> None:
    url = house.links.make("user", "ana").removeprefix(BASE)
    house.keys = ("two", "one")
    assert house.client.get(url).status_code == 200
    assert house.links.make("user", "ana") != BASE + url
    house.keys = ("two",)
    assert house.client.get(url).status_code == 404
