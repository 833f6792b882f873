"""The stores that the contract suite runs on: in memory, fakeredis, and a real Valkey."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis

from pager.ports import AlertStream, Boards, Deadlines, Incidents, Outbox, Refusals
from pager.store.alerts import RedisAlertStream
from pager.store.boards import RedisBoards
from pager.store.connection import Connection, connect, socket_url
from pager.store.deadlines import RedisDeadlines
from pager.store.incidents import RedisIncidents
from pager.store.keys import Keys, StreamKeys
from pager.store.outbox import RedisOutbox
from pager.store.presence import Presence
from pager.store.refusals import RedisRefusals
from pager.store.snapshots import Snapshots
from pager.store.sweeper import Sweeper
from tests.fakes.memory_store import MemoryStore

STREAM = "pager:alerts"


class Worker(Protocol):
    """One worker process's adapters; asking a backend again for the same name is that worker's restart."""

    incidents: Incidents
    deadlines: Deadlines
    outbox: Outbox
    boards: Boards
    alerts: AlertStream
    refusals: Refusals

    @property
    def presence(self) -> Any: ...

    @property
    def sweeper(self) -> Any: ...


class Backend(Protocol):
    name: str

    def worker(self, name: str = "w1") -> Worker: ...

    async def forget_deadline(self, number: int) -> None:
        """Damage the store: the incident's deadline is gone."""

    async def pass_time(self, by: timedelta) -> None:
        """A few milliseconds at most: a real server's clock is waited for."""

    async def close(self) -> None: ...


class MemoryBackend:
    name = "memory"

    def __init__(self) -> None:
        self.store = MemoryStore()

    def worker(self, name: str = "w1") -> Worker:
        return self.store.worker(name)

    async def forget_deadline(self, number: int) -> None:
        del self.store.scores[number]

    async def pass_time(self, by: timedelta) -> None:
        self.store.clock.advance(by)

    async def close(self) -> None: ...


class RedisWorker:
    def __init__(self, connection: Connection, name: str) -> None:
        keys, streams = Keys(), StreamKeys(STREAM)
        snapshots = Snapshots(connection, keys)
        self.clock = 0.0  # of the presence, in seconds
        self.presence = Presence(connection, (keys.worker(name), streams.worker(name)), lambda: self.clock)
        self.incidents: Incidents = RedisIncidents(connection, snapshots, name, keys)
        self.deadlines: Deadlines = RedisDeadlines(connection, keys)
        self.outbox: Outbox = RedisOutbox(connection, snapshots, name, keys, self.presence.can_tell)
        self.boards: Boards = RedisBoards(connection, keys)
        self.alerts: AlertStream = RedisAlertStream(connection, name, streams, self.presence.can_tell)
        self.refusals: Refusals = RedisRefusals(connection, keys)
        self.sweeper = Sweeper(connection, keys)


class RedisBackend:
    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self.connection = connection

    def worker(self, name: str = "w1") -> Worker:
        return RedisWorker(self.connection, name)

    async def forget_deadline(self, number: int) -> None:
        await self.connection.call("ZREM", Keys().deadlines, number)

    async def pass_time(self, by: timedelta) -> None:
        incidents = self.worker().incidents
        until = await incidents.now() + by
        while await incidents.now() <= until:
            pass

    async def close(self) -> None:
        await self.connection.close()


class _FakeRedis(FakeAsyncRedis):
    """fakeredis takes the `#!lua` line of a script for Lua."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "EVAL":
            args = (args[0], str(args[1]).removeprefix("#!lua\n"), *args[2:])
        return await super().execute_command(*args, **options)


def fakeredis_backend() -> RedisBackend:
    server = FakeServer(server_type="valkey")
    clients: list[Redis] = [_FakeRedis(server=server, protocol=2), _FakeRedis(server=server, protocol=2)]
    return RedisBackend("fakeredis", Connection(*clients))


def valkey_backend(socket_path: str) -> RedisBackend:
    return RedisBackend("valkey", connect(socket_url(socket_path)))
