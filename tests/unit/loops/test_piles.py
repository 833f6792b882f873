"""Pages that wait for the same phone: the few messages that it gets are not spent on the first of many."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from pager.loops import deliver
from pager.loops.piles import Key, Piles
from pager.model.outgoing import Priority, SendPage
from pager.ports import OutboxEntry
from tests.phone import Phone
from tests.simulation.virtual_loop import VirtualLoop

ANA = Key(0, "ana", "sms", "+34600000001", "twilio")


def _page(number: int) -> OutboxEntry:
    return OutboxEntry(Priority.PAGE, f"{number}-0", SendPage(number, 1, 1, "twilio", Priority.PAGE, "ana", "sms", ANA.address))


def _sent(each: float, count: int, key: Key = ANA) -> list[tuple[float, int]]:
    """When each message went, and for how many it spoke, where a page comes every `each` seconds and nothing bounds them."""
    sent: list[tuple[float, int]] = []
    loop = VirtualLoop()

    async def one(entry: OutboxEntry) -> timedelta | None:
        sent.append((round(loop.time(), 2), 1))
        return None

    async def several(_: Key, entries: Sequence[OutboxEntry]) -> tuple[list[OutboxEntry], timedelta | None]:
        sent.append((round(loop.time(), 2), len(entries)))
        return [], None

    async def night() -> None:
        piles, stopping = Piles(one, several), asyncio.Event()
        async with asyncio.TaskGroup() as served:
            for k in range(count):
                if piles.add(key, _page(k)):
                    served.create_task(piles.serve(key, stopping))
                await asyncio.sleep(each)
        assert piles.waiting == 0

    loop.run(night())
    return sent


def test_three_are_sent_as_they_come_and_what_follows_is_gathered() -> None:
    assert _sent(0.1, 40) == [(0.0, 1), (0.1, 1), (0.2, 1), (1.2, 10), (2.2, 10), (3.2, 10), (4.2, 7)]


def test_who_is_paged_now_and_then_waits_for_nothing() -> None:
    assert _sent(1.5, 6) == [(k * 1.5, 1) for k in range(6)]


def test_what_no_limit_counts_is_not_held() -> None:
    unbounded = Key(0, "ana", "sms", ANA.address, "twilio", bounded=False)
    assert _sent(0.1, 9, unbounded) == [(round(k * 0.1, 2), 1) for k in range(9)]


async def test_what_is_critical_goes_past_all_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "MOST_WAITING", 5)
    monkeypatch.setattr(deliver, "_LOOK", 0.0)
    phone, stopping, rounds = Phone("{per_person: 1/1m}"), asyncio.Event(), 0
    take = phone.ports.outbox.take

    async def taken(limit: int, wait: timedelta) -> list[OutboxEntry]:
        await asyncio.sleep(0)
        return await take(min(limit, 8), wait)

    def progress() -> None:
        nonlocal rounds
        rounds += 1
        if rounds > 60:
            stopping.set()

    phone.ports.outbox.take = taken  # type: ignore[method-assign]
    await phone.push(100)
    running = asyncio.ensure_future(phone.deliver.run(stopping, progress))
    while rounds < 30:
        await asyncio.sleep(0)
    critical, others = phone.store.outboxes[Priority.CRITICAL], phone.store.outboxes[Priority.PAGE]
    assert len(others.entries) > len(others.pending), "as many wait for the phone as may"
    await phone.push(2, severity="critical")
    await running
    assert len(critical.pending) == len(critical.entries) == 2
