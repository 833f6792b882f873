"""The stores that the contract suite runs on: in memory, fakeredis, and a real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol

from fakeredis import FakeAsyncRedis, FakeServer
from redis.exceptions import ResponseError

from pager.loops.handoffs import Book
from pager.ports import AlertStream, Boards, Deadlines, Incidents, Leader, Outbox, Refusals, RotaStore
from pager.store.address import Address, Login
from pager.store.alerts import RedisAlertStream
from pager.store.boards import RedisBoards
from pager.store.connection import Arg, Command, Connection, Refused, connect, socket_url
from pager.store.deadlines import RedisDeadlines
from pager.store.finding import Named
from pager.store.handbook import RedisHandbook
from pager.store.incidents import RedisIncidents
from pager.store.keys import Keys, StreamKeys
from pager.store.leader import RedisLeader
from pager.store.newer import Newer
from pager.store.outbox import RedisOutbox
from pager.store.presence import Presence
from pager.store.refusals import RedisRefusals
from pager.store.rota import RedisRota, ShardedRota
from pager.store.scripts import Script
from pager.store.sharded import ShardedBoards, ShardedDeadlines, ShardedIncidents, ShardedOutbox, ShardedSweeper
from pager.store.shards import Shards
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
    leader: Leader
    handbook: Book
    rota: RotaStore

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
    def __init__(self, connection: Connection, name: str, shards: int = 1) -> None:
        streams = StreamKeys(STREAM)
        self.connection = connection
        self.keys = keys = [Keys(f"p{k}") for k in range(shards)]
        self.clock = 0.0  # of the presence, in seconds
        self.presence = Presence({connection: [*(of.worker(name) for of in keys), streams.worker(name)]}, lambda: self.clock)
        can_tell = self.presence.can_tell
        self.newer = newer = Newer(lambda: self.clock)
        snapshots = [Snapshots(connection, of, newer) for of in keys]
        by = Shards(shards)
        incidents = [RedisIncidents(connection, s, name, of, shards=by) for s, of in zip(snapshots, keys, strict=True)]
        outboxes = [RedisOutbox(connection, s, name, of, can_tell) for s, of in zip(snapshots, keys, strict=True)]
        deadlines, boards = [RedisDeadlines(connection, of, newer) for of in keys], [RedisBoards(connection, of, newer) for of in keys]
        sweepers = [Sweeper(connection, of) for of in keys]
        self.incidents: Incidents = incidents[0] if shards == 1 else ShardedIncidents(by, incidents)
        self.deadlines: Deadlines = deadlines[0] if shards == 1 else ShardedDeadlines(deadlines)
        self.outbox: Outbox = outboxes[0] if shards == 1 else ShardedOutbox(outboxes)
        self.boards: Boards = boards[0] if shards == 1 else ShardedBoards(by, boards)
        self.alerts: AlertStream = RedisAlertStream(connection, name, streams, can_tell=can_tell)
        self.refusals: Refusals = RedisRefusals(connection, keys[0])
        self.leader: Leader = RedisLeader(connection, name, keys[0])
        self.handbook: Book = RedisHandbook(connection, keys[0])
        self.sweeper = sweepers[0] if shards == 1 else ShardedSweeper(sweepers)
        rotas = [RedisRota(connection, of, newer) for of in keys]
        self.rota: RotaStore = rotas[0] if shards == 1 else ShardedRota(rotas)


class RedisBackend:
    def __init__(self, name: str, connection: Connection, shards: int = 1) -> None:
        self.name = name
        self.connection = connection
        self.shards = shards
        self._workers: list[RedisWorker] = []

    def worker(self, name: str = "w1") -> Worker:
        made = RedisWorker(self.connection, name, self.shards)
        self._workers.append(made)
        return made

    async def forget_deadline(self, number: int) -> None:
        await self.connection.call("ZREM", Keys(f"p{Shards(self.shards).of_number(number)}").deadlines, number)

    async def pass_time(self, by: timedelta) -> None:
        incidents = self.worker().incidents
        until = await incidents.now() + by
        while await incidents.now() <= until:
            pass

    async def close(self) -> None:
        for worker in self._workers:
            await worker.outbox.close()  # type: ignore[attr-defined]
            await worker.rota.close()  # type: ignore[attr-defined]
        await self.connection.close()


class _FakeRedis(FakeAsyncRedis):
    """fakeredis takes the `#!lua` line of a script for Lua."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "EVAL":
            args = (args[0], str(args[1]).removeprefix("#!lua\n"), *args[2:])
        return await super().execute_command(*args, **options)


class _FakeConnection(Connection):
    """On fakeredis, which has no wire."""

    def __init__(self) -> None:
        super().__init__(Named(Address(), Login()))
        self._redis = _FakeRedis(server=FakeServer(server_type="valkey"), protocol=2)
        self._redis.response_callbacks.clear()

    async def ready(self) -> None: ...

    def tell(self, commands: Sequence[Command]) -> None:
        self._told = asyncio.ensure_future(self.pipe(commands))

    async def call(self, *command: Arg) -> Any:
        with _mapped():
            return await self._redis.execute_command(*command)

    async def pipe(self, commands: Sequence[Command], atomic: bool = False) -> list[Any]:
        with _mapped():
            async with self._redis.pipeline(transaction=atomic) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                return list(await pipe.execute())

    async def block(self, commands: Sequence[Command]) -> list[Any]:
        return await self.pipe(commands)

    async def run(self, script: Script, keys: Sequence[Arg], args: Sequence[Arg], replicas: int = 0) -> Any:
        return await self.call("EVAL", script.body, len(keys), *keys, *args)

    async def close(self) -> None:
        await self._redis.aclose()


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        raise Refused(f"the store refuses: {error}") from error


def fakeredis_backend() -> RedisBackend:
    return RedisBackend("fakeredis", _FakeConnection())


def valkey_backend(socket_path: str, shards: int = 1) -> RedisBackend:
    return RedisBackend("valkey", connect(socket_url(socket_path)), shards)
