"""Where the store is, and every port on it."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

from pager.model.outgoing import Priority
from pager.model.settings import Settings
from pager.ports import StoreUnavailable
from pager.store.alerts import RedisAlertStream
from pager.store.boards import RedisBoards
from pager.store.connection import Connection, connect, socket_url
from pager.store.deadlines import RedisDeadlines
from pager.store.embedded import Embedded, running, start
from pager.store.incidents import RedisIncidents
from pager.store.keys import Keys, StreamKeys
from pager.store.outbox import RedisOutbox
from pager.store.presence import Presence
from pager.store.refusals import RedisRefusals
from pager.store.snapshots import Snapshots
from pager.store.sweeper import Sweeper, Swept

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


def start_store(settings: Settings, environment: Mapping[str, str]) -> tuple[str, Embedded | None]:
    """The store's URL, and our hold on the embedded server where it is one. Raises EmbeddedError."""
    if settings.redis_url != EMBEDDED:
        return settings.redis_url, None
    embedded = start(data_dir(settings, environment))
    return socket_url(str(embedded.socket_path)), embedded


def find_store(settings: Settings, environment: Mapping[str, str]) -> str:
    """The URL of a store that should be there already. Raises StoreUnavailable when the embedded one does not run."""
    if settings.redis_url != EMBEDDED:
        return settings.redis_url
    folder = data_dir(settings, environment)
    found = running(folder)
    if found is None:
        raise StoreUnavailable(f"no store runs in {folder}: start the daemon with `pagerd run`, or name its store in settings.redis.url")
    return socket_url(str(found))


def durability(settings: Settings) -> str:
    """What the present settings can lose, in words."""
    if settings.redis_url == EMBEDDED:
        return "embedded store, appendfsync always: what was accepted survives a crash of the daemon, the store and the machine, not the loss of the disk"
    return "external store: what was accepted is as safe as its appendfsync setting; `pagerd doctor` says what that can lose"


class Store:
    """Every port on one connection."""

    def __init__(self, url: str, stream: str, worker: str) -> None:
        self.connection: Connection = connect(url)
        keys, stream_keys = Keys(), StreamKeys(stream)
        snapshots = Snapshots(self.connection, keys)
        self.presence = Presence(self.connection, (keys.worker(worker), stream_keys.worker(worker)))
        self.incidents = RedisIncidents(self.connection, snapshots, worker, keys)
        self.deadlines = RedisDeadlines(self.connection, keys)
        self.outbox = RedisOutbox(self.connection, snapshots, worker, keys, self.presence.can_tell)
        self.stream = RedisAlertStream(self.connection, worker, stream_keys, self.presence.can_tell)
        self.sweeper = Sweeper(self.connection, keys)
        self.refusals = RedisRefusals(self.connection, keys)
        self.boards = RedisBoards(self.connection, keys)
        self._keys = keys

    async def ping(self) -> None:
        """Raises StoreUnavailable when the store does not answer, or can't write."""
        await self.connection.call("SET", self._keys.alive, "1", "EX", 60)

    async def add_lists(self, lists: Sequence[Sequence[Mapping[str, str]]]) -> list[list[str]]:
        """Put the alerts of several senders into the stream, in one round trip; the ids of each."""
        ids = iter(await self.stream.add_many([alert for one in lists for alert in one]))
        return [[next(ids) for _ in one] for one in lists]

    # --- for upkeep -------------------------------------------------------------------------------------------------------------------
    async def now(self) -> datetime:
        return await self.incidents.now()

    async def sweep(self, cursor: int, count: int) -> Swept:
        return await self.sweeper.sweep(cursor, count)

    async def retire(self, before: datetime) -> int:
        return await self.sweeper.retire(before)

    async def trim_audit(self, before: datetime) -> None:
        await self.sweeper.trim_audit(before)

    async def counts(self) -> dict[str, int]:
        return await self.incidents.counts()

    async def backlogs(self) -> dict[str, int]:
        """How many entries wait in the alerts stream and in each outbox."""
        lengths = await self.connection.pipe([("XLEN", key) for key in self._keys.outboxes])
        outboxes = {priority.name.lower(): int(length) for priority, length in zip(Priority, lengths, strict=True)}
        return {"alerts": await self.stream.backlog(), **outboxes}

    async def close(self) -> None:
        await self.deadlines.close()
        await self.connection.close()
