"""Servers on loopback ports, for what one server can't show: passwords, replicas, sentinels, clusters."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import textwrap
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pager.store.address import Address, Login, ask_once
from pager.store.embedded import _binary
from pager.store.keys import slot_of
from tests.ports import free_port

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


class Node:
    """One server process, gone after `end`. `options` are those of its command line; with `--sentinel`, lines of `config` are its config."""

    def __init__(self, folder: Path, *options: str, config: str = "", login: Login | None = None) -> None:
        self.port = free_port()
        self.login = login or Login()
        self.folder = folder / str(self.port)
        self.folder.mkdir(parents=True)
        self._words = [str(_binary())]
        if config:
            file = self.folder / "node.conf"
            file.write_text(config)
            self._words.append(str(file))
        self._words += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port)

    async def start(self, within: float = 10) -> Node:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        end = time.monotonic() + within
        while True:
            try:
                await self.ask("PING")
                return self
            except Exception:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.01)

    async def ask(self, *command: str | int) -> Any:
        [reply] = await ask_once(self.address, self.login, [command])
        if isinstance(reply, Exception):
            raise reply
        return reply

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()


class Watched:
    """A master with a replica, watched by three sentinels under the name `pager`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.master = Node(folder, *DURABLE, *options)
        self.replica = Node(
            folder, *DURABLE, *options, "--replicaof", "127.0.0.1", str(self.master.port), "--repl-diskless-sync-delay", "0"
        )
        watching = f"""
            sentinel monitor pager 127.0.0.1 {self.master.port} 2
            sentinel down-after-milliseconds pager 600
            sentinel failover-timeout pager 2000
        """
        self.sentinels = [Node(folder, "--sentinel", config=textwrap.dedent(watching)) for _ in range(3)]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(str(s.address) for s in self.sentinels)}/pager"

    async def start(self, within: float = 15) -> Watched:
        """Until a majority could agree on another master."""
        end = time.monotonic() + within
        for node in (self.master, self.replica, *self.sentinels):
            await node.start()
        while not await self._is_complete():
            assert time.monotonic() < end, "the sentinels don't find each other"
            await asyncio.sleep(0.05)
        return self

    async def _is_complete(self) -> bool:
        knows = [facts(await s.ask("SENTINEL", "MASTER", "pager")) for s in self.sentinels]
        *_, confirmed = await ask_once(self.master.address, self.master.login, [("SET", "x", 1), ("WAIT", 1, 100), ("WAITAOF", 1, 1, 100)])
        return confirmed == [1, 1] and all((k[b"num-other-sentinels"], k[b"num-slaves"]) == (b"2", b"1") for k in knows)

    def end(self) -> None:
        for node in (*self.sentinels, self.replica, self.master):
            node.end()


def facts(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


class Clustered:
    """Three masters with a replica each."""

    def __init__(self, folder: Path) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0")
        self.nodes = [Node(folder, *DURABLE, *options, "--repl-diskless-sync-delay", "0") for _ in range(6)]

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(str(node.address) for node in self.nodes[:2])}"

    async def start(self, within: float = 20) -> Clustered:
        end = time.monotonic() + within
        first = self.nodes[0]
        for node in self.nodes:
            await node.start()
        for k, node in enumerate(self.nodes):
            await node.ask("CLUSTER", "SET-CONFIG-EPOCH", k + 1)
            await node.ask("CLUSTER", "MEET", "127.0.0.1", first.port)
        for k, bounds in enumerate(((0, 5460), (5461, 10922), (10923, 16383))):
            await self.nodes[k].ask("CLUSTER", "ADDSLOTSRANGE", *bounds)
        await self._until(lambda node: node.ask("CLUSTER", "INFO"), b"cluster_known_nodes:6\r", end)
        for k in range(3):
            master = (await self.nodes[k].ask("CLUSTER", "MYID")).decode()
            while True:
                try:
                    await self.nodes[k + 3].ask("CLUSTER", "REPLICATE", master)
                    break
                except Exception:
                    assert time.monotonic() < end
                    await asyncio.sleep(0.05)
        await self._until(lambda node: node.ask("CLUSTER", "INFO"), b"cluster_state:ok\r", end)
        for node in self.nodes[3:]:
            while b"master_link_status:up" not in await node.ask("INFO", "replication"):
                assert time.monotonic() < end
                await asyncio.sleep(0.05)
        return self

    async def _until(self, ask: Callable[[Node], Awaitable[bytes]], says: bytes, end: float) -> None:
        for node in self.nodes:
            while says not in await ask(node):
                assert time.monotonic() < end, f"{node.port} does not say {says!r}"
                await asyncio.sleep(0.05)

    async def holder(self, key: str) -> Node:
        """The master of the key's slot."""
        for low, high, master, *_ in await self.nodes[0].ask("CLUSTER", "SLOTS"):
            if low <= slot_of(key) <= high:
                return next(node for node in self.nodes if node.port == master[1])
        raise AssertionError(f"nobody holds {key}")

    def end(self) -> None:
        for node in self.nodes:
            node.end()
