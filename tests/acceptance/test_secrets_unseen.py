"""What an installation shows of itself holds none of its secrets, also when something is wrong with one of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pager.store.connection import connect
from pager.store.embedded import start
from pager.wiring.stores import usable
from tests.acceptance.conftest import start_several
from tests.acceptance.daemon import ANA, Daemon, eventually, pages
from tests.fakes.mail_server import MailServer
from tests.fakes.slack_fake import SlackFake
from tests.fakes.twilio_fake import TwilioFake
from tests.leaks import KNOWN, leaks
from tests.ports import free_port

PASSWORD = "st0re-passw0rd"
MAIL = "ma1l-passw0rd"


@pytest.fixture
async def locked_store(tmp_path: Path) -> AsyncIterator[str]:
    """A store with a password, listening on a port of this machine."""
    server, port = start(tmp_path / "elsewhere"), free_port()
    connection = connect(f"unix://{server.socket_path}")
    for name, value in (("port", str(port)), ("requirepass", PASSWORD)):
        await connection.call("CONFIG", "SET", name, value)
    await connection.close()
    yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    server.stop()


async def test_what_a_running_installation_shows_holds_no_secret(
    make_daemon: Callable[..., Daemon], slack: SlackFake, twilio: TwilioFake, locked_store: str
) -> None:
    async with MailServer(users={"pagerd": MAIL}) as mail:
        smtp = mail.url.replace("://", f"://pagerd:{MAIL}@") + "?starttls=never"
        daemon = await start_several(make_daemon, slack, mail, redis_url=locked_store, vendors={"smtp": smtp})
        assert {PASSWORD, MAIL, twilio.auth_token, slack.bot_token, "tool-key-0123456789", "summer-0123456789"} <= KNOWN
        await daemon.push(summary="disk full", service="shop", severity="critical")
        await eventually(lambda: pages(twilio, ANA) and mail.messages, 10, daemon.tail)
        shown = [daemon.get(path)[1] for path in ("/readyz", "/metrics", "/healthz", "/api/openapi.json")]
        shown += [await daemon.cli(*words, expect=None) for words in (["doctor"], ["check", "--json"], ["list"], ["show", "1", "--json"])]
        assert all(shown)
        assert leaks("\n".join(shown), KNOWN) == []
        kept = await _kept(locked_store)
    assert "Ana Ruiz" in kept, "the config that commands decide by"
    assert leaks(kept, KNOWN) == []


async def _kept(url: str) -> str:
    connection = connect(url)
    try:
        return str((await connection.call("GET", "pager:{p0}:config:active")).decode(errors="replace"))
    finally:
        await connection.close()


BROKEN = [
    "redis://:{}/half@127.0.0.1:1/0",  # what stands before the slash would be the port
    "redis://:{}#half@127.0.0.1:1/0",
    "redis://:{}?half@127.0.0.1:1/0",
    "redis://127.0.0.1:{}",
    "redis://:{}@127.0.0.1:1/0?socket_timeout={}",
    "rediss//:{}@127.0.0.1",
    "redis://u:[{}@127.0.0.1",
]


@pytest.mark.parametrize("url", BROKEN)
def test_an_address_that_is_none_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"settings\.redis\.url") as refused:
        usable(url.replace("{}", PASSWORD))
    assert PASSWORD not in str(refused.value)


async def test_no_command_quotes_an_address_that_is_none(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(redis_url=BROKEN[0].replace("{}", PASSWORD))
    assert ": error: settings.redis.url: " in await daemon.cli("check", expect=1)
    for words, code in ((["check", "--json"], 1), (["doctor"], 1), (["list"], 3), (["ack", "1"], 3), (["run"], 1)):
        told = await daemon.cli(*words, expect=code)
        assert "redis.url" in told, words
        assert "Traceback" not in told, words
        assert PASSWORD not in told, words


async def test_a_store_that_refuses_us_or_is_not_there_is_named_without_its_password(
    make_daemon: Callable[..., Daemon], locked_store: str
) -> None:
    for url in (locked_store.replace(PASSWORD, "wr0ng-passw0rd"), f"redis://:wr0ng-passw0rd@127.0.0.1:{free_port()}/0"):
        daemon = make_daemon(redis_url=url)
        for words, code in ((["doctor"], 1), (["list"], 3)):
            assert "wr0ng" not in await daemon.cli(*words, expect=code)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pager", "run", "--listen", f"127.0.0.1:{daemon.port}",
            env=daemon.environment, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        line = await asyncio.wait_for(_until(process.stderr, b"store.unavailable"), 15)
        process.kill()
        rest = b"".join(await process.communicate())
        assert b"wr0ng" not in line + rest


async def _until(stream: asyncio.StreamReader, word: bytes) -> bytes:
    """What was written up to the line that holds the word."""
    read = b""
    while word not in read:
        line = await stream.readline()
        assert line, read
        read += line
    return read
