"""Whoever holds a connection without ever asking anything is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from pager.web import patience
from pager.web.server import bind, serve

ASK = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(body)(scope, receive, send)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(patience, "HEADERS_WITHIN", 0.2)
    sock, stopping = bind("127.0.0.1:0"), asyncio.Event()
    server = asyncio.ensure_future(serve(echo, sock, stopping))
    yield sock.getsockname()[1]
    stopping.set()
    await server


async def test_a_connection_that_says_nothing_is_hung_up_on(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await asyncio.wait_for(reader.read(), 3) == b""
    writer.close()


async def test_so_is_one_that_stops_amid_its_headers(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost:")
    assert await asyncio.wait_for(reader.read(), 3) == b""
    writer.close()


async def test_and_one_that_begins_a_second_request_and_stops(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(ASK + b"GET")
    assert (await asyncio.wait_for(reader.read(), 3)).endswith(b"hi")
    writer.close()


async def test_headers_without_end_are_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEADERS_WITHIN", 60.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 60_000)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 3)
    writer.close()


async def test_a_body_that_takes_longer_than_headers_may_is_read(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(ASK[:-2])
    await writer.drain()
    for byte in (b"h", b"i"):
        await asyncio.sleep(0.15)  # the server's clock is the loop's
        writer.write(byte)
    assert b"200 OK" in await asyncio.wait_for(reader.readline(), 3)
    writer.close()
