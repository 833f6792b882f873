"""Bounded slots served by priority, and many callers in one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pager.loops.batcher import Batcher, PartedBatcher
from pager.loops.slots import Slots


async def test_no_more_than_the_slots_are_taken_and_the_best_priority_goes_first() -> None:
    slots, order, gate = Slots(1), list[int](), asyncio.Event()

    async def use(priority: int) -> None:
        async with slots.one(priority):
            order.append(priority)
            await gate.wait()

    async with asyncio.TaskGroup() as group:
        for priority in (2, 3, 0, 1):
            group.create_task(use(priority))
            await asyncio.sleep(0)
        assert order == [2]
        gate.set()
    assert order == [2, 0, 1, 3]


async def test_who_gives_up_waiting_costs_no_slot() -> None:
    slots = Slots(1)
    async with slots.one(0):
        waiting = asyncio.ensure_future(slots.one(0).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), slots.one(0):
        pass


async def test_callers_that_come_while_a_batch_is_under_way_share_the_next() -> None:
    batches: list[list[int]] = []

    async def double(asked: Sequence[int]) -> list[int]:
        batches.append(list(asked))
        await asyncio.sleep(0)
        return [2 * x for x in asked]

    batcher = Batcher(double, limit=3)
    runner = asyncio.ensure_future(batcher.run())
    assert await asyncio.gather(*(batcher(k) for k in range(5))) == [0, 2, 4, 6, 8]
    assert [len(b) for b in batches] == [3, 2]
    runner.cancel()


async def test_a_batch_that_fails_fails_for_its_callers_and_the_next_goes_on() -> None:
    answers = iter([OSError("gone"), None])

    async def sometimes(asked: Sequence[int]) -> list[int]:
        error = next(answers)
        if error is not None:
            raise error
        return list(asked)

    batcher = Batcher(sometimes)
    runner = asyncio.ensure_future(batcher.run())
    with pytest.raises(OSError, match="gone"):
        await batcher(1)
    assert await batcher(2) == 2
    runner.cancel()


async def test_a_part_that_does_not_answer_keeps_no_other_waiting() -> None:
    gate, batches = asyncio.Event(), list[list[int]]()

    async def flush(asked: Sequence[int]) -> list[int]:
        batches.append(sorted(asked))
        if asked[0] % 2:
            await gate.wait()
            raise OSError("gone")
        return list(asked)

    batcher = PartedBatcher(flush, part=lambda k: k % 2)
    stuck = [asyncio.ensure_future(batcher(k)) for k in (1, 3)]
    runner = asyncio.ensure_future(batcher.run())
    async with asyncio.timeout(5):
        assert list(await asyncio.gather(batcher(2), batcher(4))) == [2, 4]
        assert await batcher(6) == 6
        assert not any(future.done() for future in stuck)
        gate.set()
        assert [type(e) for e in await asyncio.gather(*stuck, return_exceptions=True)] == [OSError, OSError]
    assert batches == [[1, 3], [2, 4], [6]]
    runner.cancel()
