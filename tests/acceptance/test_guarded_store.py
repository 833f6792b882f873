"""The daemon on a store that lets in only who it knows, with the least rights, and on one that is reached over TLS alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pager.store.connection import connect
from pager.store.embedded import start
from tests.acceptance.daemon import ANA, BEN, Daemon, code_in, eventually, pages
from tests.fakes.store_server import PASSWORD, Authority, acl_of_the_docs, with_tls
from tests.fakes.twilio_fake import TwilioFake
from tests.ports import free_port


@pytest.fixture
async def least(tmp_path: Path) -> AsyncIterator[str]:
    """A store whose only user is that of docs/operations.md."""
    server = start(tmp_path / "elsewhere")
    admin = connect(f"unix://{server.socket_path}")
    await admin.call(*acl_of_the_docs())
    await admin.call("ACL", "SETUSER", "default", "-@all", "+shutdown", "+ping")
    yield f"unix://pagerd:{PASSWORD}@{server.socket_path}"
    await admin.close()
    server.stop()


async def test_the_least_rights_are_enough_from_alert_to_page_to_answer(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake, least: str
) -> None:
    daemon = await make_daemon(redis_url=least).start()
    await daemon.send("disk full", service="db", severity="critical", dedup_key="k")
    await eventually(lambda: pages(twilio, BEN), 15, daemon.tail)  # the second stage: deadlines, too
    answer = await twilio.inbound_sms(ANA, "+15005550006", code_in(pages(twilio, ANA)[0]))
    assert answer["replies"] == ["acknowledged 1"]
    await daemon.cli("resolve", "1", "--as", "ben")
    entry = await daemon.push(alert=b"{")
    await eventually(lambda: daemon.metric('pagerd_alerts_total{outcome="dead"}') == 1, 10, daemon.tail)
    assert entry in await daemon.cli("dead", "retry", "--all")
    assert [i["state"] for i in await daemon.incidents("--all")] == ["resolved"]
    assert "answers and writes" in await daemon.cli("doctor", expect=None)
    assert "NOPERM" not in daemon.log.read_text()
    assert not [line for line in daemon.get("/metrics")[1].splitlines() if line.startswith("pagerd_failures_total")]
    assert await daemon.stop() == 0


# --- TLS ----------------------------------------------------------------------------------------------------------------------------------
class Guarded:
    """A server on TLS that asks for a client's certificate."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "ca")
        certificate, key = self.authority.issue("localhost")
        self.client = self.authority.issue("pagerd")
        self.port = free_port()
        self.process: subprocess.Popen[bytes] = with_tls(
            folder,
            self.port,
            ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(self.authority.ca)),
        )

    def url(self, *, host: str = "localhost", ca: Path | None = None, client: bool = True) -> str:
        own = f"&ssl_certfile={self.client[0]}&ssl_keyfile={self.client[1]}" if client else ""
        return f"rediss://{host}:{self.port}/0?ssl_ca_certs={ca or self.authority.ca}{own}"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    (tmp_path / "server").mkdir()
    server = Guarded(tmp_path / "server")
    yield server
    server.process.terminate()
    server.process.wait(15)


async def test_an_alert_becomes_a_page_over_tls_with_a_client_certificate(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake, guarded: Guarded
) -> None:
    daemon = await make_daemon(redis_url=guarded.url()).start()
    await daemon.send("disk full", service="db", severity="critical", dedup_key="k")
    await eventually(lambda: pages(twilio, BEN), 15, daemon.tail)
    assert "acknowledged 1" in await daemon.cli("ack", "1", "--as", "ana")
    assert await daemon.stop() == 0


async def test_a_server_that_is_not_the_one_meant_and_a_client_without_a_certificate_are_refused(
    make_daemon: Callable[..., Daemon], guarded: Guarded, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger").ca
    wrong: dict[str, dict[str, Any]] = {
        "another authority": {"ca": stranger},
        "another name": {"host": "127.0.0.1"},
        "no client certificate": {"client": False},
    }
    assert json.loads(await make_daemon("good", redis_url=guarded.url()).cli("list", "--json")) == []
    for what, options in wrong.items():
        told = await make_daemon(what.replace(" ", "-"), redis_url=guarded.url(**options)).cli("list", expect=3)
        assert "the store can't be reached" in told, what
