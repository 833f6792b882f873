"""The ports over several shards, each with the adapters of one. A shard that can't be reached keeps the others from nothing where that is
possible: due incidents and pages of those go on."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec.structs import replace

from pager.model.alert import AlertRecord
from pager.model.event import Entry
from pager.model.outgoing import Priority
from pager.model.snapshot import Code, Identity, Pointer, Snapshot, Suffices
from pager.ports import Begun, Claim, Commit, OutboxEntry, Outcome, Post, Sending
from pager.store.boards import RedisBoards
from pager.store.deadlines import RedisDeadlines
from pager.store.incidents import RedisIncidents
from pager.store.outbox import RedisOutbox
from pager.store.scatter import Errands, all_of, scattered, working
from pager.store.shards import Shards, join, split
from pager.store.sweeper import Sweeper, Swept

Item = TypeVar("Item")
Got = TypeVar("Got")
LONGEST_WAIT = timedelta(seconds=1)  # for one shard's wake: it is asked again


class ShardedIncidents:
    """The port Incidents."""

    def __init__(self, shards: Shards, each: Sequence[RedisIncidents]) -> None:
        self._shards = shards
        self._each = each

    async def now(self) -> datetime:
        return await self._each[0].now()

    def part_of(self, scope: str) -> int:
        return self._shards.of_scope(scope)

    async def by_identity(self, identities: Sequence[Identity], suffices: Suffices | None = None) -> tuple[datetime, list[Snapshot]]:
        return await self._loaded(identities, lambda i: self._shards.of_scope(i.scope), lambda one, mine: one.by_identity(mine, suffices))

    async def by_number(self, numbers: Sequence[int]) -> tuple[datetime, list[Snapshot]]:
        return await self._loaded(numbers, self._shards.of_number, lambda one, mine: one.by_number(mine))

    async def _loaded(
        self,
        items: Sequence[Item],
        shard: Callable[[Item], int],
        load: Callable[[RedisIncidents, Sequence[Item]], Awaitable[tuple[datetime, list[Snapshot]]]],
    ) -> tuple[datetime, list[Snapshot]]:
        """The latest of the times: a deadline that a claim found due must be so for the decision, too."""
        times: list[datetime] = []

        async def ask(k: int, mine: Sequence[Item]) -> list[Snapshot]:
            time, snapshots = await load(self._each[k], mine)
            times.append(time)
            return snapshots

        found = await scattered(items, shard, ask)
        return max(times) if times else await self.now(), found

    async def pointers(self, names: Sequence[str], part: int = 0) -> list[Pointer | None]:
        return await self._each[part].pointers(names)

    async def numbers(self, count: int, part: int = 0) -> list[int]:
        return [self._shards.number(part, counted) for counted in await self._each[part].numbers(count)]

    def likely(self, count: int, part: int = 0) -> list[int]:
        return [self._shards.number(part, counted) for counted in self._each[part].likely(count)]

    async def commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        async def ask(k: int, mine: Sequence[Commit]) -> list[Outcome]:
            return await self._each[k].commit([_own(commit, k) for commit in mine])

        return await scattered(commits, self._shards.of_commit, ask)

    async def members(self, number: int, limit: int) -> list[tuple[Identity, AlertRecord | None]]:
        return await self._of(number).members(number, limit)

    async def timeline(self, number: int) -> list[Entry]:
        return await self._of(number).timeline(number)

    async def open_numbers(self) -> list[int]:
        return list(heapq.merge(*await all_of(one.open_numbers() for one in self._each)))

    async def suppressed_numbers(self) -> list[int]:
        return list(heapq.merge(*await all_of(one.suppressed_numbers() for one in self._each)))

    async def resolved_numbers(self, limit: int) -> list[int]:
        found = await all_of(one.resolved(limit) for one in self._each)
        return [number for _, number in sorted((pair for pairs in found for pair in pairs), reverse=True)[: max(limit, 0)]]

    async def counts(self) -> dict[str, int]:
        found = await all_of(one.counts() for one in self._each)
        return {state: sum(counts.get(state, 0) for counts in found) for state in sorted({s for counts in found for s in counts})}

    async def code(self, address: str, code: str) -> Code | None:
        return next((found for found in await all_of(one.code(address, code) for one in self._each) if found), None)

    async def secret(self) -> bytes:
        return await self._each[0].secret()

    async def save_config(self, config: bytes) -> None:
        await self._each[0].save_config(config)

    async def load_config(self) -> bytes | None:
        return await self._each[0].load_config()

    def _of(self, number: int) -> RedisIncidents:
        return self._each[self._shards.of_number(number)]


class ShardedDeadlines:
    """The port Deadlines. `wait` is for one caller at a time."""

    def __init__(self, each: Sequence[RedisDeadlines]) -> None:
        self._each = each
        self._wakes: Errands[None] = Errands(len(each))

    async def now(self) -> datetime:
        return await self._each[0].now()

    async def claim(self, limit: int, lease: timedelta) -> tuple[datetime, list[Claim]]:
        """An equal part of `limit` from each; where it is less than there are shards, from those with the earliest ones."""
        asked = list(self._each)
        if limit < len(asked):
            firsts = await all_of(one.next_at() for one in asked)
            due = sorted((at, k) for k, at in enumerate(firsts) if at is not None)
            asked = [asked[k] for _, k in due[: max(limit, 1)]] or asked[:1]
        found = await working(one.claim(max(1, limit // len(asked)), lease) for one in asked)
        return max(time for time, _ in found), sorted((c for _, claims in found for c in claims), key=lambda claim: claim.due_at)

    async def next_at(self) -> datetime | None:
        return min((at for at in await working(one.next_at() for one in self._each) if at is not None), default=None)

    async def wait(self, limit: timedelta) -> None:
        for k, one in enumerate(self._each):
            self._wakes.start(k, lambda one=one: one.wait(LONGEST_WAIT))  # type: ignore[misc]
        await self._wakes.some(limit)

    async def close(self) -> None:
        await self._wakes.close()
        for one in self._each:
            await one.close()


class ShardedOutbox:
    """The port Outbox. `take` is for one caller at a time. Entries of one priority are in the order of their shard."""

    def __init__(self, each: Sequence[RedisOutbox]) -> None:
        self._each = each
        self._takes: Errands[list[OutboxEntry]] = Errands(len(each))
        self._spare: list[OutboxEntry] = []

    async def take(self, limit: int, wait: timedelta) -> list[OutboxEntry]:
        self._keep(await self._takes.brought())
        if len(self._spare) <= limit:  # a better one may have come
            self._start(limit, timedelta(0))
            self._keep(await self._takes.quick())
        if not self._spare and wait > timedelta(0):
            self._start(limit, wait)
            self._keep(await self._takes.some(wait))
        taken, self._spare = self._spare[:limit], self._spare[limit:]
        return taken

    async def critical(self, limit: int) -> list[OutboxEntry]:
        self._keep(await self._takes.brought())
        for k, one in enumerate(self._each):
            self._takes.start(k, lambda k=k, one=one: _named(k, one.critical(limit)), quick=True)  # type: ignore[misc]
        self._keep(await self._takes.quick())
        count = min(sum(entry.priority is Priority.CRITICAL for entry in self._spare), limit)
        taken, self._spare = self._spare[:count], self._spare[count:]
        return taken

    def _start(self, limit: int, wait: timedelta) -> None:
        for k, one in enumerate(self._each):
            self._takes.start(k, lambda k=k, one=one: _named(k, one.take(limit, wait)), quick=not wait)  # type: ignore[misc]

    def _keep(self, brought: Sequence[Sequence[OutboxEntry]]) -> None:
        self._spare = sorted([*self._spare, *(entry for entries in brought for entry in entries)], key=lambda entry: entry.priority)

    async def begin(self, entries: Sequence[OutboxEntry]) -> list[Begun]:
        async def ask(k: int, mine: Sequence[OutboxEntry]) -> list[Begun]:
            return await self._each[k].begin([_bare(entry) for entry in mine])

        return await scattered(entries, lambda entry: split(entry.id)[0], ask)

    async def start(self, sendings: Sequence[Sending]) -> list[list[Begun]]:
        async def ask(k: int, mine: Sequence[Sending]) -> list[list[Begun]]:
            return await self._each[k].start([replace(each, entries=tuple(map(_bare, each.entries))) for each in mine])

        return await scattered(sendings, lambda sending: split(sending.entries[0].id)[0], ask)

    async def drop(self, *entries: OutboxEntry) -> None:
        mine: dict[int, list[OutboxEntry]] = {}
        for entry in entries:
            mine.setdefault(split(entry.id)[0], []).append(_bare(entry))
        await all_of(self._each[shard].drop(*some) for shard, some in mine.items())

    async def leave(self, entry: OutboxEntry) -> None:
        await self._each[split(entry.id)[0]].leave(_bare(entry))

    async def close(self) -> None:
        """What was taken and not given stays pending: others get it."""
        await self._takes.close()


class ShardedBoards:
    """The port Boards."""

    def __init__(self, shards: Shards, each: Sequence[RedisBoards]) -> None:
        self._shards = shards
        self._each = each
        self._turn = 0

    async def claim(self, limit: int, lease: timedelta) -> list[Claim]:
        """From all shards, or, where `limit` is less, from the next ones in turn."""
        asked = [self._each[(self._turn + k) % len(self._each)] for k in range(min(max(limit, 1), len(self._each)))]
        self._turn += len(asked)
        return [claim for claims in await working(one.claim(max(1, limit // len(asked)), lease) for one in asked) for claim in claims]

    async def done(self, claim: Claim, version: int) -> None:
        await self._of(claim.number).done(claim, version)

    async def again(self, claim: Claim, at: datetime) -> None:
        await self._of(claim.number).again(claim, at)

    async def posts(self, number: int) -> list[Post]:
        return await self._of(number).posts(number)

    async def save(self, number: int, post: Post) -> None:
        await self._of(number).save(number, post)

    def _of(self, number: int) -> RedisBoards:
        return self._each[self._shards.of_number(number)]


class ShardedSweeper:
    """One shard after the other; the cursor says where."""

    def __init__(self, each: Sequence[Sweeper]) -> None:
        self._each = each

    async def sweep(self, cursor: int = 0, count: int = 1000) -> Swept:
        place, shard = divmod(cursor, len(self._each))
        swept = await self._each[shard].sweep(place, count)
        onward = swept.cursor * len(self._each) + shard if swept.cursor else (shard + 1) % len(self._each)
        return Swept(onward, swept.looked_at, swept.repaired)

    async def trim_audit(self, before: datetime, token: int) -> None:
        await all_of(one.trim_audit(before, token) for one in self._each)

    async def retire(self, before: datetime, token: int, count: int = 200) -> int:
        return sum(await all_of(one.retire(before, token, count) for one in self._each))


async def _named(shard: int, taken: Awaitable[list[OutboxEntry]]) -> list[OutboxEntry]:
    return [replace(entry, id=join(shard, entry.id)) for entry in await taken]


def _bare(entry: OutboxEntry) -> OutboxEntry:
    return replace(entry, id=split(entry.id)[1])


def _own(commit: Commit, shard: int) -> Commit:
    """As the shard knows it. Raises ValueError for what could not be committed together."""
    if commit.finishes is None:
        return commit
    priority, id_ = commit.finishes
    place, entry = split(id_)
    if place != shard:
        raise ValueError(f"the entry {id_} is of another shard than the change that finishes it")
    return replace(commit, finishes=(priority, entry))
