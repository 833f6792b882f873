"""Asking several shards at once: what each is asked, and what becomes of the answers when one can't be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from typing import Any, Generic, TypeVar

from pager.ports import StoreUnavailable

Item = TypeVar("Item")
Got = TypeVar("Got")


class Errands(Generic[Got]):
    """At most one task a shard. What it brings waits for the next who asks, so that nothing is lost with an asker who gives up."""

    def __init__(self, count: int) -> None:
        self._tasks: list[asyncio.Task[Got] | None] = [None] * count
        self._quick: list[asyncio.Task[Got]] = []

    def start(self, shard: int, errand: Callable[[], Coroutine[Any, Any, Got]], quick: bool = False) -> None:
        """Unless one is under way. `quick`: it waits for nothing."""
        if self._tasks[shard] is None:
            self._tasks[shard] = task = asyncio.ensure_future(errand())
            self._quick += [task] if quick else []

    async def brought(self) -> list[Got]:
        return self._collect([])

    async def quick(self) -> list[Got]:
        """What the quick ones bring. Raises StoreUnavailable when all shards fail."""
        if self._quick:
            await asyncio.wait(self._quick)
        self._quick = []
        failures: list[StoreUnavailable] = []
        got = self._collect(failures)
        if len(failures) == len(self._tasks):
            raise failures[0]
        return got

    async def some(self, limit: timedelta) -> list[Got]:
        """What the first bring, within `limit`. Raises StoreUnavailable when all fail."""
        loop = asyncio.get_running_loop()
        until = loop.time() + limit.total_seconds()
        failures: list[StoreUnavailable] = []
        while under_way := [task for task in self._tasks if task is not None]:
            left = until - loop.time()
            await asyncio.wait(under_way, timeout=max(left, 0), return_when=asyncio.FIRST_COMPLETED)
            if (got := self._collect(failures)) or left <= 0:
                return got
        raise failures[0]

    def _collect(self, failures: list[StoreUnavailable]) -> list[Got]:
        got: list[Got] = []
        for k, task in enumerate(self._tasks):
            if task is None or not task.done():
                continue
            self._tasks[k] = None
            try:
                got.append(task.result())
            except StoreUnavailable as error:
                failures.append(error)
        return got

    async def close(self) -> None:
        tasks = [task for task in self._tasks if task is not None]
        self._tasks = [None] * len(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def scattered(
    items: Sequence[Item], shard: Callable[[Item], int], ask: Callable[[int, Sequence[Item]], Awaitable[list[Got]]]
) -> list[Got]:
    """Ask each shard for its own; the answers in the order of the items. Raises what any of them raises, once all are done."""
    places: dict[int, list[int]] = {}
    for place, item in enumerate(items):
        places.setdefault(shard(item), []).append(place)
    answers = await all_of(ask(k, [items[place] for place in mine]) for k, mine in places.items())
    by_place = {place: answer for mine, got in zip(places.values(), answers, strict=True) for place, answer in zip(mine, got, strict=True)}
    return [by_place[place] for place in range(len(items))]


async def all_of(asks: Iterable[Awaitable[Got]]) -> list[Got]:
    """At once; raises the first error once all are done."""
    answers = await asyncio.gather(*asks, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers  # type: ignore[return-value]


async def working(asks: Iterable[Awaitable[Got]]) -> list[Got]:
    """The answers of the shards that can be reached. Raises StoreUnavailable when there is none."""
    answers = await asyncio.gather(*asks, return_exceptions=True)
    good = [answer for answer in answers if not isinstance(answer, BaseException)]
    for answer in answers:
        if isinstance(answer, BaseException) and (not good or not isinstance(answer, StoreUnavailable)):
            raise answer
    return good
