"""A request that comes in one piece is answered without ASGI, and nobody can tell by the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from pager.telemetry import Metrics
from pager.web import intake as intake_module
from pager.web.intake import Intake
from pager.web.keyring import Keyring
from pager.web.server import bind, serve
from pager.web.straight import Answer, TakesStraight
from tests.night import config_of
from tests.unit.web.house import CONFIG, HOOK, PD, Stream, served

READ = config_of(CONFIG)


class Door:
    """The application, which says how requests came."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.straight = 0
        self.by_asgi = 0

    def take(self, path: str, raw: bytes, content_type: str, tell: Callable[[Answer], None]) -> bool:
        assert isinstance(self.app, TakesStraight)
        taken = self.app.take(path, raw, content_type, tell)
        self.straight += taken
        return taken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.by_asgi += 1
        await self.app(scope, receive, send)


class Desk:
    def __init__(self) -> None:
        self.stream = Stream()
        self.metrics = Metrics()
        self.waiting = 0
        self.door = Door(served(intake=Intake(Keyring(lambda: READ), self.stream.add, _no_change, lambda: self.waiting, self.metrics)))
        self.stopping = asyncio.Event()
        self.port = 0

    @property
    def came(self) -> tuple[int, int]:
        """Straight, and by ASGI."""
        return self.door.straight, self.door.by_asgi

    @property
    def keys(self) -> list[str]:
        return [alert.dedup_key for alert in self.stream.alerts]

    def counted(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("pagerd_alerts_total", {"outcome": outcome}) or 0


async def _no_change(by: str, what: str) -> None:
    raise AssertionError


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made, sock = Desk(), bind("127.0.0.1:0")
    made.port = sock.getsockname()[1]
    server = asyncio.ensure_future(serve(made.door, sock, made.stopping))
    yield made
    if made.stream.gate is not None:
        made.stream.gate.set()
    made.stopping.set()
    await server


class Line:
    """A connection of a tool."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, desk: Desk) -> Line:
        return cls(*await asyncio.open_connection("127.0.0.1", desk.port))

    async def ask(self, *pieces: bytes) -> None:
        for k, piece in enumerate(pieces):
            if k:
                await asyncio.sleep(0.05)
            self.writer.write(piece)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            return int(status.split()[1]), headers, await self.reader.readexactly(int(headers.get("content-length", "0")))

    async def ended(self) -> bool:
        async with asyncio.timeout(5):
            return await self.reader.read() == b""


def event(key: str) -> bytes:
    payload = {"summary": "disk full", "source": "db1", "severity": "critical"}
    return json.dumps({"routing_key": PD, "event_action": "trigger", "dedup_key": key, "payload": payload}).encode()


def post(body: bytes, *headers: str, path: str = "/v2/enqueue", version: str = "1.1") -> bytes:
    head = [f"POST {path} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


async def test_one_after_the_other_over_one_connection(desk: Desk) -> None:
    line = await Line.to(desk)
    for key in ("a", "b"):
        await line.ask(post(event(key)))
        status, headers, body = await line.answer()
        assert (status, json.loads(body)) == (202, {"status": "success", "message": "Event processed", "dedup_key": key})
        assert headers.keys() == {"date", "content-type", "content-length"}
        assert headers["content-type"] == "application/json"
    await line.ask(post(b'{"summary": "x", "dedup_key": "c"}', path=f"/in/generic/{HOOK}"))
    assert (await line.answer())[0] == 202
    assert (desk.keys, desk.came) == (["a", "b", "c"], (3, 0))


async def test_what_comes_in_pieces_goes_the_long_way_to_the_same_answer(desk: Desk) -> None:
    straight, long = await Line.to(desk), await Line.to(desk)
    whole = post(event("a"))
    await straight.ask(whole)
    await long.ask(whole[:40], whole[40:-20], whole[-20:])
    one, other = await straight.answer(), await long.answer()
    assert (one[0], one[1].keys(), one[2]) == (other[0], other[1].keys(), other[2])
    assert (desk.keys, desk.came) == (["a", "a"], (1, 1))


async def test_requests_sent_all_at_once_are_answered_in_their_order(desk: Desk) -> None:
    line = await Line.to(desk)
    keys = [f"k{k}" for k in range(5)]
    await line.ask(b"".join(post(event(key)) for key in keys))
    assert [json.loads((await line.answer())[2])["dedup_key"] for _ in keys] == keys
    assert (desk.keys, sum(desk.came)) == (keys, 5)
    await line.ask(post(event("last")))
    assert json.loads((await line.answer())[2])["dedup_key"] == "last"


@pytest.mark.parametrize(("version", "header"), [("1.0", "X: y"), ("1.1", "Connection: close")])
async def test_who_wants_it_closed_has_it_closed(desk: Desk, version: str, header: str) -> None:
    line = await Line.to(desk)
    await line.ask(post(event("a"), header, version=version))
    status, headers, _ = await line.answer()
    assert (status, headers["connection"], await line.ended(), desk.came) == (202, "close", True, (1, 0))


async def test_who_waits_for_a_word_before_the_body_gets_it(desk: Desk) -> None:
    line = await Line.to(desk)
    head, body = post(event("a"), "Expect: 100-continue").split(b"\r\n\r\n", 1)
    await line.ask(head + b"\r\n\r\n")
    assert (await line.answer())[0] == 100
    await line.ask(body)
    assert ((await line.answer())[0], desk.keys, desk.came) == (202, ["a"], (0, 1))


async def test_a_no_is_said_and_counted_once(desk: Desk) -> None:
    line = await Line.to(desk)
    await line.ask(post(b"{"))
    assert ((await line.answer())[0], desk.counted("invalid")) == (400, 1)
    await line.ask(post(event("a"), path="/in/generic/another-key"))
    assert ((await line.answer())[0], desk.counted("invalid")) == (404, 2)
    desk.waiting = intake_module.MOST_WAITING + 1
    await line.ask(post(event("a")))
    assert ((await line.answer())[0], desk.counted("refused")) == (429, 1)
    assert (desk.keys, desk.came) == ([], (0, 3))


@pytest.mark.parametrize("path", ["/v2/enqueue?x=y", "/v2/%65nqueue", "/v2/enqueue/", "/v2/change/enqueue2", "/readyz"])
async def test_any_other_path_goes_the_long_way(desk: Desk, path: str) -> None:
    line = await Line.to(desk)
    await line.ask(post(event("a"), path=path))
    await line.answer()
    assert desk.came == (0, 1)


async def test_nobody_is_told_yes_before_the_store_said_so(desk: Desk) -> None:
    desk.stream.gate = asyncio.Event()
    line = await Line.to(desk)
    await line.ask(post(event("a")))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(line.reader.read(1), 0.2)
    desk.stream.gate.set()
    assert ((await line.answer())[0], desk.came) == (202, (1, 0))


async def test_a_store_that_can_not_confirm_is_a_503_that_says_when_to_come_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    line = await Line.to(desk)
    desk.stream.down = True
    await line.ask(post(event("a")))
    status, headers, body = await line.answer()
    assert (status, headers["retry-after"], json.loads(body)["status"]) == (503, "5", "unavailable")
    desk.stream.down, desk.stream.gate = False, asyncio.Event()
    monkeypatch.setattr(intake_module, "_STORED_WITHIN", 0.05)
    await line.ask(post(event("b")))
    assert (await line.answer())[0] == 503
    assert (desk.stream.given_up, desk.counted("refused"), desk.came) == (1, 2, (2, 0))


async def test_whoever_hangs_up_before_the_answer_hurts_nobody(desk: Desk) -> None:
    desk.stream.gate = asyncio.Event()
    gone, line = await Line.to(desk), await Line.to(desk)
    await gone.ask(post(event("a")))
    await asyncio.sleep(0.05)
    gone.writer.transport.abort()
    await line.ask(post(event("b")))
    await asyncio.sleep(0.05)
    desk.stream.gate.set()
    assert ((await line.answer())[0], sorted(desk.keys)) == (202, ["a", "b"])


async def test_what_is_under_way_at_the_end_is_answered(desk: Desk) -> None:
    desk.stream.gate = asyncio.Event()
    line = await Line.to(desk)
    await line.ask(post(event("a")))
    await asyncio.sleep(0.05)
    desk.stopping.set()
    await asyncio.sleep(0.3)
    desk.stream.gate.set()
    status, headers, _ = await line.answer()
    assert (status, headers["connection"], await line.ended()) == (202, "close", True)


async def test_a_fault_of_ours_is_said_once_and_the_next_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    line = await Line.to(desk)
    with monkeypatch.context() as broken:
        broken.setattr(intake_module, "to_entry", lambda alert: 1 / 0)
        await line.ask(post(event("a")))
        assert ((await line.answer())[0], await line.ended(), desk.came) == (500, True, (0, 1))
    line = await Line.to(desk)
    await line.ask(post(event("a")))
    assert ((await line.answer())[0], desk.keys) == (202, ["a"])


async def test_so_is_one_of_the_store(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(entries: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(desk.stream, "add", broken)
    desk.door.app = served(intake=Intake(Keyring(lambda: READ), desk.stream.add, _no_change, lambda: 0, desk.metrics))
    line = await Line.to(desk)
    await line.ask(post(event("a")))
    assert ((await line.answer())[0], desk.came) == (503, (1, 0))


async def test_what_is_no_http_after_its_headers_is_refused(desk: Desk) -> None:
    line = await Line.to(desk)
    await line.ask(b"POST /v2/enqueue HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n")
    assert ((await line.answer())[0], await line.ended(), desk.keys) == (400, True, [])
