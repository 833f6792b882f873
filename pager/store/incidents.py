"""Incidents: loading, and the one way to write."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from pager.model.alert import AlertRecord
from pager.model.event import Entry
from pager.model.snapshot import Code, Identity, Pointer, Snapshot, Suffices
from pager.ports import Commit, Outcome
from pager.store import codec
from pager.store.batch import Batch
from pager.store.connection import Connection
from pager.store.keys import Keys
from pager.store.scores import moment
from pager.store.scripts import script
from pager.store.shards import ONE, Shards
from pager.store.snapshots import Snapshots

MOST_AT_ONCE = 500  # commits in one call: it stays below what Lua can pass on, and below a few tens of milliseconds
_OUTCOMES = {ord("D"): Outcome.DONE, ord("C"): Outcome.CONFLICT, ord("S"): Outcome.STALE, ord("R"): Outcome.REPLAYED}


class RedisIncidents:
    """The port Incidents. `worker` is the name under which this process takes outbox entries; `replicas`, how many must have on disk what is
    to be confirmed; `shards`, of which this is one."""

    def __init__(
        self, connection: Connection, snapshots: Snapshots, worker: str, keys: Keys, replicas: int = 0, shards: Shards = ONE
    ) -> None:  # fmt: skip
        self._replicas = replicas
        self._shards = shards
        self._connection = connection
        self._snapshots = snapshots
        self._worker = worker
        self._keys = keys
        self._policies: set[str] = set()  # surely in the store
        self._epoch = connection.epoch

    async def now(self) -> datetime:
        return moment(await self._connection.call("TIME"))

    async def by_identity(self, identities: Sequence[Identity], suffices: Suffices | None = None) -> tuple[datetime, list[Snapshot]]:
        return await self._snapshots.by_identity(identities, suffices)

    async def by_number(self, numbers: Sequence[int]) -> tuple[datetime, list[Snapshot]]:
        return await self._snapshots.by_number(numbers)

    async def pointers(self, names: Sequence[str], part: int = 0) -> list[Pointer | None]:
        found = await self._connection.call("MGET", *map(self._keys.pointer, names)) if names else ()
        return [codec.pointer_of(value) if value else None for value in found]

    def part_of(self, scope: str) -> int:
        return 0

    async def numbers(self, count: int, part: int = 0) -> list[int]:
        if count <= 0:
            return []
        last: int = await self._connection.call("INCRBY", self._keys.number, count)
        return list(range(last - count + 1, last + 1))

    def likely(self, count: int, part: int = 0) -> list[int]:
        counted = self._snapshots.counted
        return list(range(counted + 1, counted + count + 1))

    async def commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(commits), MOST_AT_ONCE):
            outcomes += await self._commit(commits[start : start + MOST_AT_ONCE])
        return outcomes

    async def _commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        await self._connection.ready()
        if self._epoch != self._connection.epoch:  # what is there now may be a replica that missed the last writes
            self._epoch = self._connection.epoch
            self._policies.clear()
        batch = Batch(self._keys, self._worker, self._policies, self._shards)
        for commit in commits:
            batch.add(commit)
            if commit.before.incident is None and commit.after.incident is not None:
                self._snapshots.remember(commit.after.incident)
        replicas = self._replicas if any(commit.confirmed for commit in commits) else 0
        letters: bytes = await self._connection.run(script("commit"), *batch.call(), replicas=replicas)
        self._policies |= batch.new_policies
        return [_OUTCOMES[letter] for letter in letters]

    async def members(self, number: int, limit: int) -> list[tuple[Identity, AlertRecord | None]]:
        stored = await self._connection.call("LRANGE", self._keys.members(number), 0, limit - 1)
        identities = [codec.identities.decode(value) for value in stored]
        keys = [self._keys.alert(identity.scope, identity.dedup_key) for identity in identities]
        found = await self._connection.call("MGET", *keys) if keys else ()
        return [(i, codec.record_of(value) if value else None) for i, value in zip(identities, found, strict=True)]

    async def timeline(self, number: int) -> list[Entry]:
        said = await self._connection.call("LRANGE", self._keys.log(number), 0, -1)
        return [entry for one in said for entry in codec.entries.decode(one)]

    async def open_numbers(self) -> list[int]:
        numbers: set[int] = set()
        cursor = b"0"
        while True:
            cursor, found = await self._connection.call("ZSCAN", self._keys.deadlines, cursor, "COUNT", 2000)
            numbers.update(int(member) for member in found[::2])
            if int(cursor) == 0:
                return sorted(numbers)

    async def suppressed_numbers(self) -> list[int]:
        return sorted(map(int, await self._connection.call("SMEMBERS", self._keys.suppressed)))

    async def resolved_numbers(self, limit: int) -> list[int]:
        return [number for _, number in await self.resolved(limit)]

    async def resolved(self, limit: int) -> list[tuple[float, int]]:
        """With the milliseconds of when."""
        if limit <= 0:
            return []
        flat = await self._connection.call("ZREVRANGE", self._keys.resolved, 0, limit - 1, "WITHSCORES")
        return [(float(score), int(number)) for number, score in zip(flat[::2], flat[1::2], strict=True)]

    async def counts(self) -> dict[str, int]:
        """How many incidents are in each state; states without any are left out."""
        flat = await self._connection.call("HGETALL", self._keys.counts)
        counts = {state.decode(): int(count) for state, count in zip(flat[::2], flat[1::2], strict=True)}
        return {state: count for state, count in counts.items() if count}

    async def code(self, address: str, code: str) -> Code | None:
        stored = await self._connection.call("GET", self._keys.code(address, code))
        return codec.codes.decode(stored) if stored else None

    async def secret(self) -> bytes:
        """32 random bytes, made once for the installation."""
        _, stored = await self._connection.pipe(
            [("SET", self._keys.secret, secrets.token_bytes(32), "NX"), ("GET", self._keys.secret)], atomic=True
        )
        return bytes(stored)

    async def save_config(self, config: bytes) -> None:
        await self._connection.call("SET", self._keys.config, config)

    async def load_config(self) -> bytes | None:
        """What was saved last; None before that."""
        stored = await self._connection.call("GET", self._keys.config)
        return bytes(stored) if stored is not None else None
