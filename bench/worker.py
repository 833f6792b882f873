"""One daemon with its embedded store, and what both cost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy
from pathlib import Path
from typing import Any

from bench.sink import ACCOUNT
from pager.store.connection import Connection, connect, socket_url
from pager.store.embedded import running, stop
from pager.store.keys import Keys

STREAM = "pager:alerts"
TOOL, PROMETHEUS, PAGING = "tool-key-0123456789", "prometheus-key-0123456789", "paging-key-0123456789"
_TICK = os.sysconf("SC_CLK_TCK")


def config(port: int, routes: int = 0) -> dict[str, Any]:
    """`loud` pages one person by SMS; `quiet` waits for hours that are days away; `muted` is so for 20 s, and then as `quiet`."""
    far = time.strftime("%a", time.gmtime(time.time() + 3 * 86400)).lower()
    hours = {"days": [far], "from": "00:00", "to": "00:01", "timezone": "UTC"}
    return {
        "settings": {
            "data_dir": "${PAGERD_DATA_DIR}", "default_policy": "quiet", "throttle": "off", "catch_all": {"notify": ["user:p"], "every": "1h"},
            "ladder": {"high": [{"after": "0s", "via": ["sms"]}], "low": [{"after": "0s", "via": ["sms"]}]},
        },
        "providers": {"twilio": {"account_sid": ACCOUNT, "auth_token": "f" * 32, "from": "+14155550111", "api_url": f"http://127.0.0.1:{port}"}},
        "channels": {"sms": ["twilio"]},
        "users": {"p": {"name": "P", "contact": {"sms": "+12125552000"}}},
        "policies": {
            "loud": {"stages": [{"notify": ["user:p"], "via": ["sms"], "ack_timeout": "2h"}]},
            "quiet": {"stages": [{"notify": ["user:p"], "via": ["sms"], "ack_timeout": "2h", "wait_for_hours": hours}]},
        },
        "integrations": {
            "tool": {"kind": "events-v2", "key": TOOL, "service": "quiet"},
            "prometheus": {"kind": "alertmanager", "key": PROMETHEUS, "service": "quiet"},
            "paging": {"kind": "alertmanager", "key": PAGING, "service": "loud"},
        },
        "noise": {"storm": "off", "pause": [{"name": "muted", "match": {"service": "muted"}, "for": "20s"}]},
        "services": {"loud": {"policy": "loud"}, "quiet": {"policy": "quiet"}, "muted": {"policy": "quiet"}},
        "routes": [
            *({"name": f"r{k}", "match": {"cluster": f"eu-{k + 100}", "alertname": {"re": "Cpu.*"}}, "severity": "info"} for k in range(routes)),
        ],
    }  # fmt: skip


class Worker:
    """`slow_fsync`: a library that the store is to be loaded with."""

    slow_fsync = ""

    def __init__(self, sink_port: int, routes: int = 0, using: dict[str, Any] | None = None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="pagerd-bench-")
        self.folder = Path(self._temporary.name)
        self.data = self.folder / "data"
        (self.folder / "config").mkdir()
        (self.folder / "config" / "pagerd.yaml").write_text(json.dumps(using or config(sink_port, routes), indent=1))
        self._listen()
        self.process: subprocess.Popen[bytes] | None = None
        self.keys = Keys()

    def _listen(self) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{sock.getsockname()[1]}"
        self.url = f"http://{self.host}"

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Worker]:
        """A second worker on the same store."""
        second = copy(self)
        second._listen()
        await asyncio.to_thread(second.start)
        try:
            yield second
        finally:
            second._end()

    def start(self) -> float:
        """Start and wait until ready; the seconds that took."""
        began = time.monotonic()
        environment = {**os.environ, "PAGERD_DATA_DIR": str(self.data), "HOME": str(self.folder)}
        if self.slow_fsync:
            environment["LD_PRELOAD"] = self.slow_fsync
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pager", "run", "--config", str(self.folder / "config"), "--listen", self.host],
                env=environment, stdout=log, stderr=log, cwd=Path(__file__).parents[1],
            )  # fmt: skip
        while time.monotonic() - began < 60:
            try:
                self.get("/readyz")
                return time.monotonic() - began
            except OSError:
                time.sleep(0.01)
        raise TimeoutError((self.folder / "log").read_text()[-2000:])

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return str(answer.read().decode())

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Worker:
        self.ready_after = self.start()
        self.connection: Connection = connect(self.store_url)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        stop(self.data)
        self._temporary.cleanup()

    def _end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def store_url(self) -> str:
        found = running(self.data)
        assert found is not None, "the store does not run"
        return socket_url(str(found))

    # --- costs ------------------------------------------------------------------------------------------------------------------------
    @property
    def pids(self) -> tuple[int, int]:
        assert self.process is not None
        return self.process.pid, int((self.data / "store" / "pid").read_text())

    def cpu(self) -> tuple[float, float]:
        """User and system seconds so far, of daemon and store."""
        daemon, store = (cpu_of(pid) for pid in self.pids)
        return daemon, store

    def rss(self) -> tuple[float, float]:
        """MiB of daemon and store."""
        daemon, store = (_rss(pid) for pid in self.pids)
        return daemon, store

    # --- load -------------------------------------------------------------------------------------------------------------------------
    async def push(self, alerts: list[str], pipeline: int = 1000) -> None:
        for start in range(0, len(alerts), pipeline):
            await self.connection.pipe([("XADD", STREAM, "*", "alert", alert) for alert in alerts[start : start + pipeline]])

    async def drained(self, limit: float = 120) -> None:
        end = time.monotonic() + limit
        while await self.connection.call("XLEN", STREAM):
            if time.monotonic() > end:
                raise TimeoutError("the stream is not worked off")
            await asyncio.sleep(0.01)


def alert(key: str, service: str = "quiet", **more: str) -> str:
    """About 440 bytes, as a monitoring tool sends them."""
    return json.dumps({
        "summary": f"<{key}> disk almost full on db1.eu-1.example.com", "severity": "critical", "service": service, "dedup_key": key,
        "source": "db1.eu-1.example.com", "component": "postgres", "group": "databases", "class": "disk",
        "labels": {"cluster": "eu-1", "alertname": "DiskAlmostFull", "env": "prod", "instance": "db1:9100", "job": "node", "device": "/dev/sda1"},
        "details": {"used": "97%", "free": "1.2 GiB", "runbook": "https://runbooks.example.com/disk"}, **more,
    })  # fmt: skip


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _rss(pid: int) -> float:
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
