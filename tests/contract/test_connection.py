"""The connection to the store: who shares what, and what happens when something goes wrong."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pager.ports import StoreUnavailable
from pager.store import address, connection, finding
from pager.store.connection import Connection, Refused, connect, socket_url
from pager.store.scripts import Script
from tests.contract.store_backends import RedisBackend
from tests.valkey_nodes import Node

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(answering: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that answers as it is told; its host and port."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answering(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(guarded, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    made = connect(url)
    try:
        yield made
    finally:
        await made.close()


# --- sharing ------------------------------------------------------------------------------------------------------------------------------
async def test_answers_find_who_asked(valkey: RedisBackend) -> None:
    c = valkey.connection
    await c.pipe([("SET", f"k{n}", n) for n in range(200)])
    found = await asyncio.gather(*(c.call("GET", f"k{n}") for n in range(200)), c.pipe([("GET", "k1"), ("GET", "k2")]), c.pipe([]))
    assert found == [*(b"%d" % n for n in range(200)), [b"1", b"2"], []]


async def test_who_gives_up_takes_nobodys_answer(valkey: RedisBackend) -> None:
    c = valkey.connection
    await c.call("SET", "k", "v")
    asking = [asyncio.ensure_future(c.call("ECHO", f"{n}")) for n in range(20)]
    await asyncio.sleep(0)
    for task in asking[::2]:
        task.cancel()
    assert await c.call("GET", "k") == b"v"
    assert await asyncio.gather(*asking[1::2]) == [b"%d" % n for n in range(1, 20, 2)]


async def test_everybody_shares_one_connection_and_who_waits_has_another(valkey: RedisBackend) -> None:
    c = valkey.connection
    await asyncio.gather(*(c.call("PING") for _ in range(50)))
    before = _clients(await c.call("INFO", "clients"))
    waiting = [asyncio.ensure_future(c.block([("BLPOP", f"list{n}", 5)])) for n in range(2)]
    while b"blocked_clients:2\r" not in await c.call("INFO", "clients"):
        pass
    assert _clients(await c.call("INFO", "clients")) == before + 2
    await c.pipe([("RPUSH", "list0", "a"), ("RPUSH", "list1", "b")])
    assert await asyncio.gather(*waiting) == [[[b"list0", b"a"]], [[b"list1", b"b"]]]
    await c.block([("PING",)])
    assert _clients(await c.call("INFO", "clients")) == before + 2


async def test_a_refusal_concerns_only_who_asked(valkey: RedisBackend) -> None:
    c = valkey.connection
    await c.call("SET", "k", "v")
    answers: Any = await asyncio.gather(c.call("INCR", "k"), c.call("GET", "k"), return_exceptions=True)
    assert isinstance(answers[0], Refused)
    assert answers[1] == b"v"
    with pytest.raises(Refused, match="not an integer"):
        await c.pipe([("SET", "k", "w"), ("INCR", "k")])
    with pytest.raises(Refused, match="not an integer"):
        await c.pipe([("SET", "k", "x"), ("INCR", "k")], atomic=True)
    with pytest.raises(Refused, match="unknown command"):
        await c.pipe([("SET", "k", "y"), ("NOSUCH",)], atomic=True)
    assert await c.call("GET", "k") == b"x"
    assert await c.pipe([("SET", "k", "z"), ("GET", "k")], atomic=True) == [b"OK", b"z"]
    with pytest.raises(Refused, match="boom"):
        await c.run(Script("boom", "#!lua\nreturn redis.error_reply('boom')", "0" * 40), [], [])


# --- going wrong --------------------------------------------------------------------------------------------------------------------------
async def test_nobody_listens(tmp_path: Path) -> None:
    for url in (socket_url(str(tmp_path / "none.sock")), "redis://127.0.0.1:1"):
        async with connected(url) as c:
            for asked in (c.call("PING"), c.pipe([("PING",)]), c.block([("PING",)]), c.subscription("x").heard(timedelta(0))):
                with pytest.raises(StoreUnavailable, match="can't be reached"):
                    await asked


async def test_a_server_that_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", timedelta(milliseconds=100))
    monkeypatch.setattr(address, "CONNECT_TIMEOUT", timedelta(milliseconds=100))
    async with server(silent) as where, connected(f"redis://{where}") as c, connected(f"redis://:secret@{where}") as locked:
        asked: list[Any] = await asyncio.gather(
            c.call("PING"), c.call("PING"), c.pipe([("PING",)]), locked.call("PING"), return_exceptions=True
        )
    assert all(isinstance(answer, StoreUnavailable) for answer in asked)
    assert "no answer for 0.1 s" in str(asked[0])


async def test_a_server_that_is_slow_but_goes_on_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(6):
            await asyncio.sleep(0.05)
            writer.write(b"+OK\r\n")
        await reader.read()

    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", timedelta(milliseconds=150))
    async with server(slow) as where, connected(f"redis://{where}") as c:
        assert await c.pipe([("PING",)] * 6) == [b"OK"] * 6
        await asyncio.sleep(0.2)  # silence is fine while nobody waits


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b"", "closed"), (b"HTTP/1.1 400\r\n", "protocol"), (b"*3\r\n:1\r\n", "closed")],
)
async def test_a_connection_that_breaks_fails_all_who_wait_and_is_made_again(answer: bytes, why: str) -> None:
    times = 0

    async def breaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal times
        times += 1
        await reader.readuntil(b"\n")
        writer.write(answer if times == 1 else b"+PONG\r\n")
        if times > 1:
            await reader.read()

    async with server(breaking) as where, connected(f"redis://{where}") as c:
        asked: list[Any] = await asyncio.gather(*(c.call("PING") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(answer, StoreUnavailable) and why in str(answer) for answer in asked)
        assert await c.call("PING") == b"PONG"
        assert c.epoch == 2


async def test_many_who_find_no_connection_make_one() -> None:
    made = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal made
        made += 1
        while await reader.readuntil(b"PING\r\n"):
            writer.write(b"+PONG\r\n")

    async with server(counting) as where, connected(f"redis://{where}") as c:
        first = asyncio.ensure_future(c.call("PING"))
        await asyncio.sleep(0)
        first.cancel()  # whoever came first does not take the attempt along
        assert await asyncio.gather(*(c.call("PING") for _ in range(20))) == [b"PONG"] * 20
    assert made == 1


async def test_nothing_is_sent_after_closing(valkey_socket: Path) -> None:
    c = connect(socket_url(str(valkey_socket)))
    waiting = asyncio.ensure_future(c.block([("BLPOP", "nothing", 5)]))
    await c.call("PING")
    await c.close()
    for asked in (waiting, c.call("PING"), c.block([("PING",)])):
        with pytest.raises(StoreUnavailable, match="closed"):
            await asked


# --- listening ----------------------------------------------------------------------------------------------------------------------------
async def test_a_listener_hears_once_what_was_said_several_times(valkey: RedisBackend) -> None:
    c = valkey.connection
    listening = c.subscription("news")
    try:
        assert await listening.heard(timedelta(0))
        assert not await listening.heard(timedelta(milliseconds=10))
        await c.pipe([("PUBLISH", "news", "a"), ("PUBLISH", "news", "b")])
        assert await listening.heard(timedelta(seconds=5))
        assert not await listening.heard(timedelta(milliseconds=10))
        await c.call("CLIENT", "KILL", "TYPE", "pubsub")
        with pytest.raises(StoreUnavailable):
            await listening.heard(timedelta(seconds=5))
        assert await listening.heard(timedelta(0))
    finally:
        await listening.close()


# --- being let in -------------------------------------------------------------------------------------------------------------------------
async def test_passwords_users_and_databases(tmp_path: Path) -> None:
    node = Node(tmp_path, "--requirepass", "se cret", "--save", "", login=address.Login(password="se cret"))
    await node.start()
    try:
        await node.ask("ACL", "SETUSER", "ana", "on", ">pass", "allkeys", "+@all")
        where = f"127.0.0.1:{node.port}"
        async with connected(f"redis://:se%20cret@{where}/3") as c:
            await c.call("SET", "k", "three")
            await c.block([("SET", "b", "three")])
        async with connected(f"redis://ana:pass@{where}?db=3") as c:
            assert await c.pipe([("GET", "k"), ("GET", "b"), ("ACL", "WHOAMI")]) == [b"three", b"three", b"ana"]
        async with connected(f"redis://{where}?username=ana&password=pass") as c:
            assert await c.call("GET", "k") is None
        for url, why in (
            (f"redis://{where}", "NOAUTH"),
            (f"redis://ana:no@{where}", "WRONGPASS"),
            (f"redis://ana:pass@{where}/99", "range"),
        ):
            async with connected(url) as c:
                with pytest.raises(StoreUnavailable, match=why):
                    await c.call("GET", "k")
    finally:
        node.end()


async def test_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"]
    try:
        subprocess.run(
            [*words, "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl makes the certificate")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)

    async def pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"PING\r\n"):
            writer.write(b"+PONG\r\n")

    async with server(pong, tls) as where:
        for options in (f"ssl_ca_certs={certificate}", "ssl_cert_reqs=none"):
            async with connected(f"rediss://{where}?{options}") as c:
                assert await c.call("PING") == b"PONG"
        async with connected(f"rediss://{where}") as c:
            with pytest.raises(StoreUnavailable, match="certificate"):
                await c.call("PING")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://x", "begins with redis://"),
        ("redis://a,b", "one host"),
        ("redis://a:port", "HOST:PORT"),
        ("redis://a/x", "is a number"),
        ("redis://a?sssl=1", "unknown option 'sssl'"),
        ("rediss://a?ssl_cert_reqs=perhaps", "none, optional, required"),
        ("rediss://a?ssl_ca_certs=/nowhere", "TLS options"),
        ("redis+sentinel://a:1,b:2", "needs the name"),
    ],
)
def test_a_url_that_can_not_be_read_says_why(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        connect(url)


def test_urls_that_can() -> None:
    a, b = address.Address("a", 1), address.Address("b", 26379)
    place = address.read_url("redis+sentinel://ana:p%40ss@a:1,b/pager/2?sentinel_password=s")
    assert place == address.Place("sentinel", (a, b), address.Login("ana", "p@ss", 2), "pager", address.Login("", "s"))
    assert address.read_url("redis+cluster://a:1,b:26379").addresses == (a, b)
    assert address.read_url("redis://[::1]:7").addresses == (address.Address("::1", 7),)
    assert address.read_url("unix:///run/a%20b.sock?db=1").addresses == (address.Address(path="/run/a b.sock"),)
    assert finding.ANSWER_TIMEOUT < connection.LONGEST_BLOCK


def _clients(info: bytes) -> int:
    return int(dict(line.split(b":") for line in info.split() if b":" in line)[b"connected_clients"])
