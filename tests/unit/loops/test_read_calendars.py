"""A calendar on the web that fails, turns empty, lies or hangs: what was last read well stays in force."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec.structs import replace
from structlog.testing import capture_logs

from pager.channels.calendar_url import MOST_BYTES, CalendarUrl
from pager.loops.calendars import ReadCalendars
from pager.model.calendar import Calendar
from pager.model.config import Config
from pager.model.person import Person
from pager.model.rota import RotaFacts
from pager.model.schedule import Layer, Schedule
from pager.oncall.memo import Rota
from pager.ports import NotRead
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def ics(*summaries: str) -> str:
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{k}\r\nDTSTART:20260310T000000Z\r\nDURATION:P1D\r\nRRULE:FREQ=DAILY\r\nSUMMARY:{summary}\r\nEND:VEVENT\r\n"
        for k, summary in enumerate(summaries)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n"


class Web:
    """A server that answers as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.tell(ics("ana"))

    def tell(self, text: str, status: int = 200, **headers: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(text=text, status=status, headers=headers, content_type="text/calendar")

        self.answer: Answer = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        return await self.answer(request)


class House:
    def __init__(self, web: Web, url: str) -> None:
        self.web, self.now = web, NOW
        people = {user: Person(id=user, name=user.title()) for user in ("ana", "ben")}
        schedule = Schedule(name="s", timezone="UTC", layers=(Layer(name="shifts", calendar="rota"),))
        calendar = Calendar(name="rota", url=f"{url}s3cret.ics")
        self.config = Config(users=people, schedules={"s": schedule}, calendars={"rota": calendar}, revision="1")
        self.rota, self.facts, self.counted = MemoryStore().worker("w1").rota, RotaFacts(), [""]
        self.reading = ReadCalendars(
            self.rota,
            CalendarUrl(timedelta(seconds=0.3)),
            lambda: (self.config, self.facts),
            self._now,
            lambda _, result: self.counted.append(result),
        )

    async def _now(self) -> datetime:
        return self.now

    async def read(self, after: timedelta = timedelta(minutes=15)) -> list[str]:
        """Who is on call after one more reading."""
        self.now += after
        with capture_logs() as logs:
            await self.reading.run_once(1)
        self.logs = logs
        self.facts = await self.rota.facts(self.facts.version) or self.facts
        return [o.user for o in Rota.of(self.config, self.facts).who("s", self.now)]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    there = Web()
    app = web.Application()
    app.router.add_get("/{tail:.*}", there.handle)
    async with TestServer(app) as server:
        yield House(there, str(server.make_url("/")))


async def test_it_is_read_at_once_and_then_every_so_often_and_by_another_config(house: House) -> None:
    assert await house.read() == ["ana"]
    house.web.tell(ics("ben"))
    assert await house.read(timedelta(minutes=14)) == ["ana"]
    assert await house.read(timedelta(minutes=1)) == ["ben"]
    house.config = replace(house.config, revision="2", calendars={"rota": replace(house.config.calendars["rota"], people={"ben": "ana"})})
    await house.read(timedelta(seconds=5))
    assert house.web.asked == 3


async def test_what_fails_lies_or_is_empty_changes_nothing_and_the_address_is_not_said(house: House) -> None:
    await house.read()
    version = house.facts.version
    cut = ics("ben")[:-40]
    for text, status, why in (
        ("gone", 500, "127.0.0.1 answers 500"),
        ("", 200, "is no calendar"),
        ("<html>Sign in</html>", 200, "is no calendar"),
        (ics(), 200, "no event stands in it"),
        (cut, 200, "no event stands in it, or it was cut off"),
        (ics("Trade fair"), 200, "none of its events names anybody any more"),
        (ics("ben").replace("RRULE:FREQ=DAILY\r\n", "").replace("2026", "2016"), 200, "no event is left"),
        (ics("ben") + "x" * MOST_BYTES, 200, "127.0.0.1 sends more than 5 MiB"),
    ):
        house.web.tell(text, status)
        assert await house.read() == ["ana"], text[:30]
        [failed] = [line for line in house.logs if line["event"] == "calendar.failed"]
        assert why in failed["why"]
        assert "s3cret" not in str(house.logs)
    assert house.facts.version == version
    assert set(house.counted[2:]) == {"failed", "empty"}


async def test_one_that_hangs_is_let_go(house: House) -> None:
    await house.read()

    async def dribble(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"BEGIN:VCALENDAR\r\n")
        import asyncio

        await asyncio.sleep(1)
        return answer

    house.web.answer = dribble
    assert await house.read() == ["ana"]
    assert [line["why"] for line in house.logs] == ["127.0.0.1 did not answer within 0.3 s"]


async def test_redirects_are_followed_but_not_for_ever_nor_to_files(house: House) -> None:
    good = house.web.answer

    async def moved(request: web.Request) -> web.StreamResponse:
        return await good(request) if request.path == "/there.ics" else web.Response(status=302, headers={"Location": "/there.ics"})

    house.web.answer = moved
    assert await house.read() == ["ana"]
    house.web.tell("", 302, Location="/round.ics")
    await house.read()
    assert "more than 5 redirects" in house.logs[0]["why"]
    house.web.tell("", 302, Location="file:///etc/passwd")
    await house.read()
    assert house.logs[0]["why"] == "it leads to file:, which is not read"


async def test_nobody_answering_is_said_without_the_address() -> None:
    with pytest.raises(NotRead, match="localhost can't be read: ClientConnectorError") as raised:
        await CalendarUrl().read("http://localhost:1/s3cret.ics")
    assert "s3cret" not in str(raised.value)


async def test_what_its_events_do_not_say_is_logged_once_until_it_changes(house: House) -> None:
    house.web.tell(ics("ana", "Trade fair"))
    await house.read()
    [said] = [line for line in house.logs if line["event"] == "calendar.remarks"]
    assert said["remarks"] == ("line 10: event 'Trade fair' names nobody of the users: no attendee",)
    await house.read()
    assert not [line for line in house.logs if line["event"] == "calendar.remarks"]


async def test_the_window_moves_on_and_nothing_is_saved_while_it_is_the_same_day(house: House) -> None:
    await house.read()
    version = house.facts.version
    await house.read()
    assert house.facts.version == version
    assert await house.read(timedelta(days=500)) == ["ana"]


async def test_one_that_is_taken_out_of_the_config_is_forgotten(house: House) -> None:
    await house.read()
    house.config = replace(house.config, calendars={}, schedules={}, revision="2")
    await house.read()
    assert house.facts.calendars == {}
