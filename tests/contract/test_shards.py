"""Several shards: what lies where, and what goes on when one is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from pager.model.incident import State
from pager.model.outgoing import Priority
from pager.model.snapshot import Code, Identity, Snapshot
from pager.ports import Commit, Outcome, StoreUnavailable
from pager.store.address import Address, Login
from pager.store.connection import Connection
from pager.store.deadlines import RedisDeadlines
from pager.store.finding import Named
from pager.store.incidents import RedisIncidents
from pager.store.keys import Keys
from pager.store.outbox import RedisOutbox
from pager.store.sharded import ShardedDeadlines, ShardedOutbox
from pager.store.shards import Shards, ShardsDiffer, settle
from pager.store.snapshots import Snapshots
from tests.contract.store_backends import RedisBackend, Worker, valkey_backend
from tests.contract.store_samples import FAR, changing, loaded, notice, opened, opening, page, queue

SCOPES = [Identity(scope, "disk") for scope in ("a", "b", "c", "f", "g", "h")]
NOW = timedelta(0)


@pytest.fixture
async def three(valkey_socket: Path) -> AsyncIterator[RedisBackend]:
    backend = valkey_backend(str(valkey_socket), shards=3)
    await backend.connection.call("FLUSHALL")
    yield backend
    await backend.close()


async def everywhere(worker: Worker) -> list[Snapshot]:
    """An incident of each scope."""
    return [await opened(worker.incidents, identity) for identity in SCOPES]


def numbers_of(snapshots: list[Snapshot]) -> list[int]:
    return [s.incident.number for s in snapshots if s.incident is not None]


async def test_an_incident_lies_with_its_scope_and_numbers_are_never_given_twice(three: RedisBackend) -> None:
    worker = three.worker()
    found = await everywhere(worker)
    numbers = numbers_of(found)
    assert len(set(numbers)) == len(SCOPES)
    assert {(n - 1) % 3 for n in numbers} == {0, 1, 2}, "the scopes of this test should lie in all shards"
    assert [(n - 1) % 3 for n in numbers] == [worker.incidents.part_of(identity.scope) for identity in SCOPES]
    assert (await worker.incidents.by_identity(SCOPES))[1] == found
    assert (await worker.incidents.by_number([*reversed(numbers), 999]))[1] == [*reversed(found), Snapshot()]


async def test_outcomes_come_in_the_order_of_the_commits(three: RedisBackend) -> None:
    worker = three.worker()
    found = await everywhere(worker)
    stale = [changing(before, State.ACKNOWLEDGED, due=await worker.incidents.now() + FAR) for before in found]
    await worker.incidents.commit(stale[1::2])
    assert await worker.incidents.commit(stale) == [Outcome.DONE, Outcome.CONFLICT] * 3
    assert await worker.incidents.counts() == {"acknowledged": 6}


async def test_lists_counts_and_codes_are_those_of_all(three: RedisBackend) -> None:
    worker = three.worker()
    found = await everywhere(worker)
    numbers = numbers_of(found)
    assert await worker.incidents.open_numbers() == sorted(numbers)
    for before in found[:4]:
        await worker.incidents.commit([changing(before, State.RESOLVED)])
    assert await worker.incidents.counts() == {"resolved": 4, "triggered": 2}
    assert set(await worker.incidents.resolved_numbers(9)) == set(numbers[:4])
    assert len(await worker.incidents.resolved_numbers(3)) == 3
    for k, identity in enumerate(SCOPES):
        [number] = await worker.incidents.numbers(1, worker.incidents.part_of(identity.scope))
        code = Code("+1", f"7K{k}", number, 1, "ana")
        other = Identity(identity.scope, "cpu")
        assert await worker.incidents.commit([opening(other, number, await worker.incidents.now(), codes=(code,))]) == [Outcome.DONE]
        assert await worker.incidents.code("+1", f"7k{k}") == code
    assert await worker.incidents.code("+1", "NONE1") is None


async def test_the_earliest_deadlines_of_all_come_first_and_none_is_left_out(three: RedisBackend) -> None:
    worker = three.worker()
    now = await worker.incidents.now()
    for k, identity in enumerate(SCOPES):
        await opened(worker.incidents, identity, due=now + timedelta(milliseconds=k))
    await three.pass_time(timedelta(milliseconds=10))
    claimed = [(await worker.deadlines.claim(1, FAR))[1][0].number for _ in range(2)]
    claimed += [claim.number for claim in (await worker.deadlines.claim(30, FAR))[1]]
    _, found = await worker.incidents.by_identity(SCOPES)
    assert claimed == numbers_of(found)
    assert (await worker.deadlines.claim(30, FAR))[1] == []


async def test_a_page_of_any_shard_ends_the_wait_and_the_next_ones_are_not_lost(three: RedisBackend) -> None:
    worker = three.worker()
    for number in (1, 2, 3, 5, 4):
        await queue(worker, page(number))
        [entry] = await worker.outbox.take(1, timedelta(seconds=5))
        assert entry.item.incident == number
        await worker.outbox.drop(entry)
    await queue(worker, notice(2), page(3), page(1, Priority.CRITICAL))
    assert [entry.item.incident for entry in await worker.outbox.take(9, timedelta(seconds=5))] == [1, 3, 2]


async def test_an_entry_is_finished_with_its_own_incident_only(three: RedisBackend) -> None:
    worker = three.worker()
    before = await opened(worker.incidents, SCOPES[0])
    assert before.incident is not None
    await queue(worker, page(before.incident.number), page(before.incident.number + 1))
    mine, other = sorted(await worker.outbox.take(9, NOW), key=lambda entry: entry.item.incident)
    due = await worker.incidents.now() + FAR
    with pytest.raises(ValueError, match="another shard"):
        await worker.incidents.commit([changing(before, due=due, finishes=(other.priority, other.id))])
    assert await worker.incidents.commit([changing(before, due=due, finishes=(mine.priority, mine.id))]) == [Outcome.DONE]


async def test_all_shards_are_swept_and_retired(three: RedisBackend) -> None:
    worker = three.worker()
    numbers = numbers_of(await everywhere(worker))
    for number in numbers:
        await three.forget_deadline(number)
    repaired, cursor = list[int](), 0
    while True:
        swept = await worker.sweeper.sweep(cursor, 100)
        repaired, cursor = repaired + swept.repaired, swept.cursor
        if cursor == 0:
            break
    assert sorted(repaired) == sorted(numbers)
    for number in numbers:
        await worker.incidents.commit([changing(await loaded(worker.incidents, number), State.RESOLVED)])
    assert await worker.sweeper.retire(await worker.incidents.now() + FAR, 0) == 6


async def test_a_shard_that_is_gone_does_not_keep_the_others(three: RedisBackend, tmp_path: Path) -> None:
    gone = Connection(Named(Address(path=str(tmp_path / "none.sock")), Login()))
    lines = [three.connection, gone, three.connection]
    keys = [Keys(f"p{k}") for k in range(3)]
    deadlines = ShardedDeadlines([RedisDeadlines(line, of) for line, of in zip(lines, keys, strict=True)])
    outbox = ShardedOutbox([RedisOutbox(line, Snapshots(line, of), "w1", of) for line, of in zip(lines, keys, strict=True)])
    alone = RedisIncidents(three.connection, Snapshots(three.connection, keys[2]), "w1", keys[2], shards=Shards(3))
    now = await alone.now()
    await alone.commit([opening(SCOPES[0], 3, now, due=now, outgoing=(page(3),))])
    assert [claim.number for claim in (await deadlines.claim(30, FAR))[1]] == [3]
    assert await deadlines.next_at() is not None
    assert [entry.item.incident for entry in await outbox.take(9, timedelta(seconds=5))] == [3]
    assert await outbox.take(9, timedelta(milliseconds=30)) == []
    await outbox.close()
    await deadlines.close()
    nobody = ShardedOutbox([RedisOutbox(gone, Snapshots(gone, of), "w1", of) for of in keys])
    for wait in (NOW, timedelta(seconds=5)):
        with pytest.raises(StoreUnavailable):
            await nobody.take(9, wait)


async def test_a_store_keeps_the_number_of_shards_it_was_begun_with(valkey: RedisBackend) -> None:
    keys = Keys()
    await settle(valkey.connection, keys, Shards(3))
    await settle(valkey.connection, keys, Shards(3))
    with pytest.raises(ShardsDiffer, match="To grow, run a second pagerd"):
        await settle(valkey.connection, keys, Shards(4))
    await valkey.connection.call("FLUSHALL")
    await valkey.worker().incidents.numbers(1)  # by a release that wrote no number down
    with pytest.raises(ShardsDiffer, match="begun with 1"):
        await settle(valkey.connection, keys, Shards(2))
    await settle(valkey.connection, keys, Shards(1))


def test_what_belongs_to_no_incident_is_in_the_first() -> None:
    nothing, shards = Snapshot(), Shards(3)
    assert shards.of_commit(Commit(before=nothing, after=nothing, once="x")) == 0
    assert shards.of_commit(Commit(before=nothing, after=nothing, outgoing=(notice(0),))) == 0
    assert [Shards(1).number(0, counted) for counted in (1, 2, 3)] == [1, 2, 3]
    assert [shards.number(k, 2) for k in range(3)] == [4, 5, 6]
