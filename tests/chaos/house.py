"""Everything that runs: the store, a line to it for each worker, the workers, the provider."""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.acceptance.daemon import Daemon
from tests.chaos.provider import Provider
from tests.chaos.proxy import Proxy
from tests.chaos.store import ChaosStore

SERVICES = 60
STAGES = 3
BROKEN = "+14155550199"


def phone(service: int, stage: int) -> str:
    """Each stage of each service is a person of its own, so that a page tells its stage, and a look-up among the last 50 messages to a
    number reaches far enough back."""
    return f"+1415{stage + 1}{service:06}"


def person(service: int, stage: int) -> str:
    return f"u{service}-{stage}"


def tool_key(service: int) -> str:
    return f"tool-{service:04}-0123456789"


def config(ack: float) -> str:
    """As a template for Daemon."""
    stages = ((0, f"{ack:g}s"), (1, f"{ack * 1.5:g}s"), (2, "1h"))
    value: dict[str, Any] = {
        "noise": {"storm": "off"},
        "settings": {
            "throttle": "off", "data_dir": "${PAGERD_DATA_DIR}", "redis": {"url": "${PAGERD_REDIS_URL}"}, "http": {"public_url": "@public_url@"},
            "default_policy": "p0", "catch_all": {"notify": ["user:u0-2"], "every": "1h"},
            "ladder": {"high": [{"after": "0s", "via": ["sms"]}], "low": [{"after": "0s", "via": ["sms"]}]},
            "break_glass": {"sms": [BROKEN], "after": "5s", "every": "1m"},
        },
        "providers": {
            name: {"kind": "twilio", "account_sid": "@sid@", "auth_token": "@token@", "from": {"*": number}, "api_url": "@api@", "timeout": "4s"}
            for name, number in (("twilio", "+15005550006"), ("backup", "+15005550010"))
        },
        "channels": {"sms": ["twilio", "backup"]},
        "users": {
            person(k, stage): {"name": person(k, stage), "contact": {"sms": phone(k, stage)}} for k in range(SERVICES) for stage in range(STAGES)
        },
        "policies": {
            f"p{k}": {"stages": [{"notify": [f"user:{person(k, stage)}"], "via": ["sms"], "ack_timeout": wait} for stage, wait in stages]}
            for k in range(SERVICES)
        },
        "services": {f"s{k}": {"policy": f"p{k}"} for k in range(SERVICES)},
        "integrations": {
            f"t{k}": {"kind": "events-v2", "key": tool_key(k), "service": f"s{k}", "dedup_scope": "stream"} for k in range(SERVICES)
        },
    }  # fmt: skip
    return re.sub(r"@(\w+)@", r"{\1}", json.dumps(value, indent=1).replace("{", "{{").replace("}", "}}"))


class Worker(Daemon):
    """A daemon that is watched without keeping our event loop, which carries its lines, from going on."""

    def __init__(self, folder: Path, provider: Provider, proxy: Proxy, ack: float) -> None:
        super().__init__(folder, provider, redis_url=proxy.url, config=config(ack))
        self.name, self.proxy = folder.name, proxy

    def launch(self) -> None:
        """Without waiting: its way to the store is through us."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pager", "run", "--listen", f"127.0.0.1:{self.port}"],
                env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
            )  # fmt: skip

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    async def ready(self, within: float = 60) -> None:
        """Start it unless it runs, and wait until it says it is ready."""
        if not self.is_running:
            self.launch()
        async with asyncio.timeout(within):
            while not await asyncio.to_thread(self.is_ready):
                await asyncio.sleep(0.1)

    def stop_short(self) -> None:
        if self.process is not None and self.is_running:
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        if self.process is not None and self.is_running:
            self.process.send_signal(signal.SIGCONT)

    async def acknowledge(self, number: int) -> bool:
        """By the command line; whether it said so."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pager", "ack", str(number), env=self.environment, cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode == 0 and b"acknowledged" in out


class House:
    """`disk_mb`: the store gets a disk of its own of that size, where the machine lets us."""

    def __init__(self, folder: Path, seed: int, *, ack: float, mishaps: float, disk_mb: int, workers: int) -> None:
        self._began, self.began_at = time.monotonic(), time.time()
        self.provider = Provider(random.Random(f"provider {seed}"), self.now, mishaps)
        self.store = ChaosStore(folder / "store", disk_mb)
        self.proxies = [Proxy(self.store.socket_path) for _ in range(workers)]
        self.workers: list[Worker] = []
        self._folder, self._ack = folder, ack

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    async def __aenter__(self) -> House:
        try:
            await self.provider.start()
            await self.store.start()
            for k, proxy in enumerate(self.proxies):
                await proxy.start()
                self.workers.append(Worker(self._folder / f"w{k}", self.provider, proxy, self._ack))
            for worker in self.workers:
                worker.launch()
            await self.whole()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.process is not None:
                worker.kill()
        for proxy in self.proxies:
            await proxy.stop()
        self.store.end()
        await self.provider.stop()

    async def whole(self) -> None:
        """Everything is there and ready."""
        await self.store.start()
        await asyncio.gather(*(worker.ready() for worker in self.workers))
