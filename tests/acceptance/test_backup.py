"""A backup taken while the daemon works, a data folder that is lost, and the night that goes on: as docs/operations.md says."""

from __future__ import annotations

import asyncio
import shutil
import stat
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pager.store.connection import Connection, connect
from pager.store.embedded import _binary
from tests.acceptance.conftest import end_store
from tests.acceptance.daemon import ANA, BEN, CONFIG, Daemon, code_in, eventually, pages
from tests.fakes.twilio_fake import TwilioFake
from tests.ports import free_port

CHAIN = '  slow:\n    stages:\n      - {{notify: ["user:ana"], via: [sms], ack_timeout: 1h}}'
PATIENT = '  slow:\n    stages:\n      - {{notify: ["user:ana"], via: [sms], ack_timeout: 14s}}\n      - {{notify: ["user:ben"], via: [sms], ack_timeout: 1h}}'


def patient(config: str) -> str:
    assert CHAIN in config
    return config.replace(CHAIN, PATIENT)


async def a_night(daemon: Daemon, twilio: TwilioFake) -> list[dict[str, Any]]:
    """Three incidents: one acknowledged, one whose second stage is due soon, one resolved."""
    for key in ("acked", "open", "over"):
        await daemon.push(summary=key, service="quiet", dedup_key=key, severity="critical")
        await eventually(lambda key=key: any(f": {key}" in m["body"] for m in pages(twilio, ANA)), 10, daemon.tail)  # type: ignore[misc]
    await daemon.cli("ack", "1", "--as", "ana")
    await daemon.cli("resolve", "3", "--as", "ana")
    return await daemon.incidents("--all")


async def goes_on(daemon: Daemon, twilio: TwilioFake, before: list[dict[str, Any]]) -> None:
    """The incidents as they stood, and the next page at its time."""
    assert await daemon.incidents("--all") == before
    assert pages(twilio, BEN) == []
    due = datetime.fromisoformat(before[1]["next_deadline"])
    await eventually(lambda: pages(twilio, BEN), 40, daemon.tail)
    late = datetime.now(due.tzinfo) - due
    assert timedelta(0) <= late < timedelta(seconds=5)
    assert pages(twilio, BEN)[0]["body"].startswith("#2 CRITICAL quiet: open")
    answer = await twilio.inbound_sms(ANA, "+15005550006", code_in(next(m for m in pages(twilio, ANA) if ": open" in m["body"])))
    assert answer["replies"] == ["acknowledged 2"], "codes still count"
    await daemon.push(summary="new", service="quiet", dedup_key="new")
    await eventually(lambda: any("#4 " in m["body"] for m in pages(twilio, ANA)), 10, daemon.tail)


async def test_of_the_embedded_store_under_load_and_back(make_daemon: Callable[..., Daemon], twilio: TwilioFake, tmp_path: Path) -> None:
    daemon = await make_daemon(config=patient(CONFIG)).start()
    before = await a_night(daemon, twilio)
    copy = tmp_path / "backups" / "monday"
    load = asyncio.create_task(_repeats(daemon))
    told = await daemon.cli("backup", str(copy))
    load.cancel()
    assert str(daemon.folder / "data" / "store" / "appendonlydir") in told
    assert {stat.S_IMODE(path.stat().st_mode) for path in _under(copy)} == {0o700, 0o600}
    assert "holds a backup already" in await daemon.cli("backup", str(copy), expect=1)
    connection = connect(daemon.store_url)
    assert (await connection.call("CONFIG", "GET", "auto-aof-rewrite-percentage"))[1] == b"100"
    await connection.close()

    daemon.kill()
    end_store(daemon.folder / "data")
    await asyncio.to_thread(_lose_and_restore, daemon.folder / "data", copy)
    await daemon.start()
    await goes_on(daemon, twilio, before)


def _lose_and_restore(data_dir: Path, copy: Path) -> None:
    shutil.rmtree(data_dir)
    (data_dir / "store").mkdir(parents=True, mode=0o700)
    shutil.copytree(copy / "appendonlydir", data_dir / "store" / "appendonlydir")


def _under(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


async def _repeats(daemon: Daemon) -> None:
    """Writes that a backup may end amid of, and that change nothing of what was there."""
    while True:
        await daemon.push(action="resolve", dedup_key="unknown to all")


async def test_while_the_files_are_rewritten_all_the_time_it_is_whole(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake, tmp_path: Path
) -> None:
    daemon = await make_daemon().start()
    await daemon.push(summary="x", service="quiet", dedup_key="k")
    await eventually(lambda: pages(twilio, ANA), 10, daemon.tail)
    connection = connect(daemon.store_url)
    await connection.call("CONFIG", "SET", "auto-aof-rewrite-percentage", "1", "auto-aof-rewrite-min-size", "1")
    await connection.call("BGREWRITEAOF")
    load = asyncio.create_task(_repeats(daemon))
    await daemon.cli("backup", str(tmp_path / "copy"))
    load.cancel()
    await connection.close()
    async with OwnServer(tmp_path / "elsewhere", tmp_path / "copy") as other:
        assert await other.call("ZCARD", "pager:{p0}:deadlines") == 1


async def test_of_a_store_that_is_not_ours_or_does_not_run_is_refused(make_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    assert "docs/operations.md" in await make_daemon("own", redis_url="redis://127.0.0.1:1/0").cli("backup", str(tmp_path / "a"), expect=1)
    assert "pagerd run" in await make_daemon().cli("backup", str(tmp_path / "b"), expect=3)
    assert not _exists(tmp_path / "a" / "appendonlydir")


def _exists(path: Path) -> bool:
    return path.exists()


# --- a store of somebody's own ------------------------------------------------------------------------------------------------------------
class OwnServer:
    """One that is run by hand, on a folder; from a backup, if there is one."""

    def __init__(self, folder: Path, backup: Path | None = None) -> None:
        folder.mkdir(exist_ok=True)
        if backup is not None:
            shutil.copytree(backup / "appendonlydir", folder / "appendonlydir")
        self.folder, self.port = folder, free_port()

    async def __aenter__(self) -> Connection:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen([str(_binary()), *words], stdout=log, stderr=log, cwd=self.folder)
        log.close()
        self.connection = connect(f"redis://127.0.0.1:{self.port}/0")

        async def answers() -> bool:
            try:
                return bool(await self.connection.call("PING"))
            except Exception:
                return False

        await eventually(answers, 15, lambda: (self.folder / "log").read_text())
        return self.connection

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own(tmp_path: Path) -> OwnServer:
    return OwnServer(tmp_path / "own")


async def test_of_a_store_of_your_own_by_the_steps_of_the_docs(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake, own: OwnServer, tmp_path: Path
) -> None:
    async with own as store:
        daemon = await make_daemon(redis_url=f"redis://127.0.0.1:{own.port}/0", config=patient(CONFIG)).start()
        before = await a_night(daemon, twilio)
        await store.call("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
        while b"aof_rewrite_in_progress:0" not in await store.call("INFO", "persistence"):
            await asyncio.sleep(0.05)
        await asyncio.to_thread(shutil.copytree, own.folder / "appendonlydir", tmp_path / "copy" / "appendonlydir")
        await store.call("CONFIG", "SET", "auto-aof-rewrite-percentage", "100")
        daemon.kill()
    again = OwnServer(tmp_path / "anew", tmp_path / "copy")
    async with again:
        daemon.environment["PAGERD_REDIS_URL"] = f"redis://127.0.0.1:{again.port}/0"
        await daemon.start()
        await goes_on(daemon, twilio, before)
        daemon.kill()
