"""Messages about to be sent: counted where they are begun, so that no crash and no second worker makes a phone get more than it may."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from pager.model.outgoing import Limit
from pager.model.snapshot import FOLD, Code
from pager.ports import OutboxEntry, Sending
from tests.contract.store_backends import Backend, Worker
from tests.contract.store_samples import notice, opened, page, queue

NOW = timedelta(0)
ANA = Limit("person:ana", timedelta(seconds=10), 2)


async def _taken(store: Backend, count: int, name: str = "w0") -> tuple[Worker, list[OutboxEntry]]:
    worker = store.worker(name)
    before = await opened(worker.incidents)
    assert before.incident is not None
    await queue(worker, *(page(before.incident.number, seq=seq) for seq in range(1, count + 1)))
    return worker, await worker.outbox.take(10, NOW)


async def test_so_many_at_once_and_then_one_after_the_other(store: Backend) -> None:
    worker, entries = await _taken(store, 4)
    started = await worker.outbox.start([Sending((entry,), (ANA,)) for entry in entries])
    waits = [begun.wait for [begun] in started]
    assert waits[:2] == [None, None]
    assert all(wait is not None and timedelta(seconds=9) < wait <= timedelta(seconds=10) for wait in waits[2:])
    assert all(begun.owned and begun.snapshot.incident for [begun] in started)


async def test_nothing_is_begun_where_there_is_no_room(store: Backend) -> None:
    worker, entries = await _taken(store, 3)
    await worker.outbox.start([Sending((entry,), (ANA,)) for entry in entries])
    after = store.worker()
    again = await after.outbox.start([Sending((entry,), look=True) for entry in await after.outbox.take(10, NOW)])
    assert [begun.begun_before for [begun] in again] == [True, True, False]


async def test_the_narrowest_of_several_limits_counts_and_the_others_are_not_spent(store: Backend) -> None:
    worker, entries = await _taken(store, 4)
    narrow = Limit("number:1", timedelta(seconds=5), 1)
    first, second = await worker.outbox.start([Sending((entry,), (ANA, narrow)) for entry in entries[:2]])
    third, fourth = await worker.outbox.start([Sending((entry,), (ANA,)) for entry in entries[2:]])
    assert [started[0].wait is None for started in (first, second, third, fourth)] == [True, False, True, False]


async def test_whoever_asks_again_for_the_same_is_counted_once(store: Backend) -> None:
    """The answer was lost on its way."""
    worker, entries = await _taken(store, 3)
    one, two, three = (Sending((entry,), (ANA,)) for entry in entries)
    for _ in range(3):
        [[begun]] = await worker.outbox.start([one])
        assert (begun.wait, begun.begun_before) == (None, False)
    [[second], [third]] = await worker.outbox.start([two, three])
    assert (second.wait, third.wait is None) == (None, False)


async def test_a_message_for_several_counts_once_and_keeps_what_it_stands_for(store: Backend) -> None:
    worker, entries = await _taken(store, 3)
    number = entries[0].item.incident
    code = Code(FOLD, f"{number}-1", number, 1, "ana", tuple((number, seq) for seq in (1, 2, 3)))
    both = Sending(tuple(entries), (replace(ANA, burst=1),), (code,), lead=f"{number}-1")
    [begun] = await worker.outbox.start([both])
    assert [each.wait for each in begun] == [None] * 3
    assert await worker.incidents.code(FOLD, f"{number}-1") == code
    after = store.worker()
    taken = await after.outbox.take(10, NOW)
    [again] = await after.outbox.start([replace(both, entries=tuple(taken), codes=())])
    assert all(each.wait is not None for each in again), "what was sent before the crash is counted"
    [looked] = await after.outbox.start([Sending(tuple(taken), look=True)])
    assert [(each.begun_before, each.leads) for each in looked] == [(True, (f"{number}-1",))] * 3


async def test_what_is_not_ours_is_not_begun_whatever_room_there_is(store: Backend) -> None:
    one, entries = await _taken(store, 2, "w1")
    two = store.worker("w2")
    mine = await two.outbox.take(10, NOW)
    [[lost], [kept]] = [
        *(await one.outbox.start([Sending((entries[0],), (ANA,))])),
        *(await two.outbox.start([Sending((mine[0],), (ANA,))])),
    ]
    assert (lost.owned, kept.owned, kept.begun_before) == (False, True, False)


async def test_notices_are_counted_where_they_are_begun_as_well(store: Backend) -> None:
    worker = store.worker()
    await queue(worker, *(notice(1) for _ in range(3)))
    entries = await worker.outbox.take(10, NOW)
    one = Limit("notices:person:ana", timedelta(seconds=10), 1)
    waits = [(begun.owned, begun.wait is None) for [begun] in await worker.outbox.start([Sending((entry,), (one,)) for entry in entries])]
    assert waits == [(True, True), (True, False), (True, False)]
