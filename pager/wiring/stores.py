"""Where the store is, and every port on it."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from pager.model.outgoing import Priority
from pager.model.settings import Settings
from pager.ports import Boards, Incidents, StoreUnavailable
from pager.store.address import read_url
from pager.store.alerts import RedisAlertStream
from pager.store.boards import RedisBoards
from pager.store.connection import Connection, Connections, socket_url
from pager.store.deadlines import RedisDeadlines
from pager.store.durability import Finding, examine
from pager.store.embedded import Embedded, running, start
from pager.store.handbook import RedisHandbook
from pager.store.incidents import RedisIncidents
from pager.store.keys import Keys, StreamKeys
from pager.store.leader import RedisLeader
from pager.store.newer import Newer
from pager.store.outbox import RedisOutbox
from pager.store.presence import Presence
from pager.store.refusals import RedisRefusals
from pager.store.rota import RedisRota, ShardedRota
from pager.store.scatter import all_of
from pager.store.sharded import ShardedBoards, ShardedDeadlines, ShardedIncidents, ShardedOutbox, ShardedSweeper
from pager.store.shards import Shards, settle
from pager.store.snapshots import Snapshots
from pager.store.sweeper import Sweeper, Swept
from pager.wiring.roles import ALL, Role

EMBEDDED = "embedded"


def data_dir(settings: Settings, environment: Mapping[str, str]) -> Path:
    """`settings.data_dir`, else the user's state folder."""
    if settings.data_dir:
        return Path(settings.data_dir).expanduser()
    state = environment.get("XDG_STATE_HOME") or os.path.join(environment.get("HOME", "") or "/var/tmp", ".local", "state")
    return Path(state) / "pagerd"


def worker_name(folder: Path) -> tuple[str, IO[bytes]]:
    """A name that a restart finds again, so that what the last run left pending is picked up at once; and the lock that keeps it ours while
    we live. The kernel lets go of it with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    place = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=3).hexdigest()
    for slot in range(1000):
        lock = (folder / f"worker-{slot}.lock").open("wb")
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except OSError:
            lock.close()
            continue
        return f"{socket.gethostname()}-{place}-{slot}", lock
    raise RuntimeError(f"a thousand workers run on {folder}")


def usable(url: str) -> str:
    """The same address of a store, when a connection can be made of it. Raises ValueError in words that never quote it: what stands where a
    port should may be half a password."""
    encode = "write %40 for @, %2F for /, %3F for ?, %23 for # and %25 for % in user, password and options"
    if url == EMBEDDED:
        return url
    try:
        parts = urlsplit(url)
        rest = url.partition("://")[2].removeprefix(parts.netloc)
        if "@" in rest and not url.startswith("unix:///"):
            raise ValueError(f"an @ stands too late: {encode}")
        read_url(url)
    except ValueError as error:
        said = str(error)
        if any(word in url for word in re.findall(r"'([^']+)'", said)):
            said = f"a part of it can't be read: {encode}"
        raise ValueError(f"settings.redis.url: {said}") from None
    return url


def start_store(settings: Settings, environment: Mapping[str, str]) -> tuple[str, Embedded | None]:
    """The store's URL, and our hold on the embedded server where it is one. Raises EmbeddedError, and ValueError for no URL of a store."""
    if settings.redis_url != EMBEDDED:
        return usable(settings.redis_url), None
    embedded = start(data_dir(settings, environment))
    return socket_url(str(embedded.socket_path)), embedded


def find_store(settings: Settings, environment: Mapping[str, str]) -> str:
    """The URL of a store that should be there already. Raises StoreUnavailable when the embedded one does not run, and ValueError for no URL
    of a store."""
    if settings.redis_url != EMBEDDED:
        return usable(settings.redis_url)
    folder = data_dir(settings, environment)
    found = running(folder)
    if found is None:
        raise StoreUnavailable(f"no store runs in {folder}: start the daemon with `pagerd run`, or name its store in settings.redis.url")
    return socket_url(str(found))


class _Part:
    """The adapters of one shard."""

    def __init__(
        self, connection: Connection, worker: str, keys: Keys, replicas: int, can_tell: Callable[[], bool], newer: Newer, shards: Shards
    ) -> None:
        self.connection, self.keys = connection, keys
        snapshots = Snapshots(connection, keys, newer)
        self.incidents = RedisIncidents(connection, snapshots, worker, keys, replicas, shards)
        self.deadlines = RedisDeadlines(connection, keys, newer)
        self.outbox = RedisOutbox(connection, snapshots, worker, keys, can_tell)
        self.boards = RedisBoards(connection, keys, newer)
        self.sweeper = Sweeper(connection, keys)
        self.rota = RedisRota(connection, keys, newer, replicas)

    async def ping(self) -> None:
        await self.connection.call("SET", self.keys.alive, "1", "EX", 60)

    async def backlogs(self) -> list[int]:
        return [int(length) for length in await self.connection.pipe([("XLEN", key) for key in self.keys.outboxes])]


class Store:
    """Every port. Raises ValueError for a URL that is none."""

    def __init__(self, url: str, settings: Settings, worker: str, roles: Collection[Role] = ALL) -> None:
        self._connections = Connections(url)
        self._shards = shards = Shards(settings.redis_shards)
        self._replicas = replicas = settings.redis_replicas
        keys, stream_keys = [Keys(f"p{k}") for k in range(shards.count)], StreamKeys(settings.stream)
        holding = self._connections.holding

        def can_tell() -> bool:
            return self.presence.can_tell()

        self.newer = newer = Newer()
        self._parts = parts = [_Part(holding(of.alive), worker, of, replicas, can_tell, newer, shards) for of in keys]
        stream_line = holding(stream_keys.stream)
        self.stream = RedisAlertStream(stream_line, worker, stream_keys, replicas, can_tell)
        self.refusals = RedisRefusals(parts[0].connection, keys[0])
        self.leader = RedisLeader(parts[0].connection, worker, keys[0])
        self.handbook = RedisHandbook(parts[0].connection, keys[0])
        self.presence = _presence(worker, {stream_line: stream_keys}, parts, roles)
        # One shard is used as it is: nothing stands between.
        first, alone = parts[0], shards.count == 1
        self.part = None if alone else shards.of_number
        self.incidents: Incidents = first.incidents if alone else ShardedIncidents(shards, [part.incidents for part in parts])
        self.deadlines = first.deadlines if alone else ShardedDeadlines([part.deadlines for part in parts])
        self.outbox = first.outbox if alone else ShardedOutbox([part.outbox for part in parts])
        self.boards: Boards = first.boards if alone else ShardedBoards(shards, [part.boards for part in parts])
        self.rota = first.rota if alone else ShardedRota([part.rota for part in parts])
        self.sweeper = first.sweeper if alone else ShardedSweeper([part.sweeper for part in parts])

    async def settle(self) -> None:
        """See to it that the store has as many shards as the settings say. Raises ShardsDiffer, StoreUnavailable."""
        await settle(self._parts[0].connection, self._parts[0].keys, self._shards)

    async def ping(self) -> None:
        """Raises StoreUnavailable when some part of the store does not answer, or can't write."""
        await all_of(part.ping() for part in self._parts)

    async def add_lists(self, lists: Sequence[Sequence[Mapping[str, str]]]) -> list[list[str]]:
        """Put the alerts of several senders into the stream, in one round trip; the ids of each. They are confirmed by as many replicas as the
        settings say. Raises StoreUnavailable."""
        ids = iter(await self.stream.add_many([alert for one in lists for alert in one]))
        return [[next(ids) for _ in one] for one in lists]

    # --- for upkeep -------------------------------------------------------------------------------------------------------------------
    async def now(self) -> datetime:
        return await self.incidents.now()

    async def sweep(self, cursor: int, count: int) -> Swept:
        return await self.sweeper.sweep(cursor, count)

    async def retire(self, before: datetime, token: int) -> int:
        return await self.sweeper.retire(before, token)

    async def trim_audit(self, before: datetime, token: int) -> None:
        await self.sweeper.trim_audit(before, token)

    async def drop_ended(self, before: datetime, token: int) -> int:
        return await self.rota.drop_ended(before, token)

    async def counts(self) -> dict[str, int]:
        return await self.incidents.counts()

    async def backlogs(self) -> dict[str, int]:
        """How many entries wait in the alerts stream and in each outbox."""
        lengths = await all_of(part.backlogs() for part in self._parts)
        outboxes = {priority.name.lower(): sum(of) for priority, of in zip(Priority, zip(*lengths, strict=True), strict=True)}
        return {"alerts": await self.stream.backlog(), **outboxes}

    async def durability(self) -> list[Finding]:
        """What the store can lose as it is set up. Raises StoreUnavailable."""
        found = await all_of(examine(connection, self._replicas) for connection in self._connections)
        return list(dict.fromkeys(finding for findings in found for finding in findings))

    async def close(self) -> None:
        await self.outbox.close()
        await self.deadlines.close()
        await self.rota.close()
        await self._connections.close()


def _presence(worker: str, stream: Mapping[Connection, StreamKeys], parts: Sequence[_Part], roles: Collection[Role]) -> Presence:
    """Present only for what it takes: what an earlier run of this worker with more roles left is taken over by others."""
    present: dict[Connection, list[str]] = {}
    if Role.INGEST in roles:
        present = {connection: [keys.worker(worker)] for connection, keys in stream.items()}
    for part in parts if Role.DELIVER in roles else ():
        present.setdefault(part.connection, []).append(part.keys.worker(worker))
    return Presence(present)
