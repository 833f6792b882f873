"""Somebody subscribes to a calendar, and others' calendars say who is on call; with the real daemon."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import aiohttp
import icalendar
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pager.model.event import Entry
from pager.model.schedule import Override, OverrideKind
from pager.model.settings import Settings
from pager.wiring.stores import Store
from tests.acceptance.daemon import CONFIG, Daemon, eventually

SCHEDULES = """
schedules:
  db: {{timezone: UTC, layers: [{{name: week, users: [ana, ben], every: 1w, starts: 2026-01-05T09:00}}]}}
"""
BY_URL = """
schedules:
  db: {{timezone: UTC, layers: [{{name: week, users: [ana], every: 1w, starts: 2026-01-05T09:00}}, {{name: theirs, calendar: rota}}]}}
calendars:
  rota: {{url: "{calendar}"}}
"""


async def link(daemon: Daemon, name: str) -> str:
    return str(json.loads(await daemon.cli("calendar", name, "--json"))["url"])


async def fetch(url: str, **headers: str) -> tuple[int, bytes, str]:
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
        return answer.status, await answer.read(), answer.headers.get("ETag", "")


async def summaries(url: str) -> set[str]:
    status, body, _ = await fetch(url)
    assert status == 200
    return {str(event["SUMMARY"]) for event in icalendar.Calendar.from_ical(body.decode()).walk("VEVENT")}


async def test_a_subscriber_sees_overrides_and_edits_at_the_next_look(make_daemon: Callable[..., Daemon]) -> None:
    daemon = await make_daemon(config=CONFIG + SCHEDULES).start()
    url = await link(daemon, "db")
    assert await summaries(url) == {"Ana Ruiz on call: db", "Ben Okafor on call: db"}
    _, _, tag = await fetch(url)
    assert (await fetch(url, **{"If-None-Match": tag}))[0] == 304

    now = datetime.now(UTC).replace(microsecond=0)
    cover = Override(start=now, end=now + timedelta(hours=5), kind=OverrideKind.REPLACE, user="erik", by="ana", reason="dentist")
    store = Store(daemon.store_url, Settings(), worker="test")
    await store.rota.add_override("db", cover, Entry(now, 0, "override.added", "ana"))
    await store.close()
    mine = await link(daemon, "user:erik")
    await eventually(lambda: _async(summaries(mine), {"Erik Lund on call: db"}), 5, daemon.tail)
    assert (await fetch(url, **{"If-None-Match": tag}))[0] == 200

    text = (daemon.config / "pagerd.yaml").read_text()
    (daemon.config / "pagerd.yaml").write_text(
        text.replace("users: [ana, ben], every: 1w, starts: 2026", "users: [ben], every: 1w, starts: 2026")
    )
    await eventually(lambda: _async(summaries(url), {"Erik Lund on call: db", "Ben Okafor on call: db"}), 5, daemon.tail)

    assert (await fetch(url.replace("/calendar/", "/calendar/x")))[0] == 404
    assert url.rpartition("/")[2].removesuffix(".ics") not in daemon.log.read_text()


async def test_with_a_new_key_in_front_old_links_work_until_theirs_is_out(make_daemon: Callable[..., Daemon]) -> None:
    config = (CONFIG + SCHEDULES).replace('public_url: "{public_url}"', 'public_url: "{public_url}", link_keys: [winter-0123456789]')
    daemon = await make_daemon(config=config).start()
    old = await link(daemon, "ana")
    assert (await fetch(old))[0] == 200
    file = daemon.config / "pagerd.yaml"
    file.write_text(file.read_text().replace("[winter-0123456789]", "[summer-9876543210]"))
    new = await link(daemon, "ana")
    await eventually(lambda: _async(_status(new), 200), 5, daemon.tail)
    assert (await fetch(old))[0] == 404


class Theirs:
    def __init__(self) -> None:
        self.text, self.status, self.asked = _ics("Ben"), 200, 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(text=self.text, status=self.status, headers={"Connection": "close"})


@pytest.fixture
async def theirs() -> AsyncIterator[tuple[Theirs, str]]:
    there, app = Theirs(), web.Application()
    app.router.add_get("/rota.ics", there.answer)
    async with TestServer(app) as server:
        yield there, str(server.make_url("/rota.ics"))


async def test_a_calendar_on_the_web_puts_its_people_on_call_and_goes_on_when_it_is_gone(
    make_daemon: Callable[..., Daemon], theirs: tuple[Theirs, str]
) -> None:
    there, address = theirs
    daemon = await make_daemon(config=CONFIG + BY_URL, vendors={"calendar": address}).start()
    url = await link(daemon, "db")
    await eventually(lambda: _async(_has(url, "Ben Okafor on call: db"), True), 10, daemon.tail)

    for text, status in (("", 500), (_ics(), 200)):
        there.text, there.status, before = text, status, there.asked
        (daemon.config / "more.yaml").write_text(f"# {len(text)} {status}\n")  # another config: read anew
        await eventually(lambda before=before: there.asked > before, 10, daemon.tail)  # type: ignore[misc]
        assert await _has(url, "Ben Okafor on call: db")
    await daemon.stop()
    await daemon.start()
    assert await _has(await link(daemon, "db"), "Ben Okafor on call: db")
    assert "calendar.failed" in daemon.log.read_text()


def _ics(*names: str) -> str:
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{name}\r\nDTSTART:20260101T000000Z\r\nDURATION:PT6H\r\nRRULE:FREQ=DAILY\r\nSUMMARY:{name}\r\nEND:VEVENT\r\n"
        for name in names
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n"


async def _has(url: str, summary: str) -> bool:
    return summary in await summaries(url)


async def _status(url: str) -> int:
    return (await fetch(url))[0]


async def _async(awaited: object, expected: object) -> bool:
    return bool(await awaited == expected)  # type: ignore[misc]
