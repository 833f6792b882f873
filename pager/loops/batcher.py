"""Many callers, one round trip: whoever comes while a batch is under way joins the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Got = TypeVar("Got")


class Batcher(Generic[Ask, Got]):
    """Its `run` is to be a task of whoever owns it; callers wait for their own result."""

    def __init__(self, flush: Callable[[Sequence[Ask]], Awaitable[Sequence[Got]]], limit: int = 256) -> None:
        """`flush` takes up to `limit` asks and gives one result each, in order. What it raises goes to all of that batch."""
        self._flush = flush
        self._limit = limit
        self._waiting: list[tuple[Ask, asyncio.Future[Got]]] = []
        self._wake = asyncio.Event()

    def __call__(self, ask: Ask) -> asyncio.Future[Got]:
        mine: asyncio.Future[Got] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, mine))
        self._wake.set()
        return mine

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            if not batch:
                self._wake.clear()
                continue
            await self._one(batch)

    async def _one(self, batch: list[tuple[Ask, asyncio.Future[Got]]]) -> None:
        try:
            results = await self._flush([ask for ask, _ in batch])
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)


class PartedBatcher(Batcher[Ask, Got]):
    """A batch for each part of the store, so that one that can't be reached keeps no other waiting."""

    def __init__(self, flush: Callable[[Sequence[Ask]], Awaitable[Sequence[Got]]], part: Callable[[Ask], int]) -> None:
        super().__init__(flush)
        self._part = part
        self._lanes: dict[int, Batcher[Ask, Got]] = {}
        self._new: asyncio.Queue[Batcher[Ask, Got]] = asyncio.Queue()

    def __call__(self, ask: Ask) -> asyncio.Future[Got]:
        part = self._part(ask)
        if part not in self._lanes:
            self._lanes[part] = Batcher(self._flush, self._limit)
            self._new.put_nowait(self._lanes[part])
        return self._lanes[part](ask)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as lanes:
            for lane in self._lanes.values():
                lanes.create_task(lane.run())
            while not self._new.empty():
                self._new.get_nowait()
            while True:
                lanes.create_task((await self._new.get()).run())
