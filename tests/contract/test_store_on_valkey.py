"""What only a real server shows: waiting, forgetting scripts, going away, keeping for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pager.model.incident import State
from pager.model.outgoing import Priority
from pager.model.snapshot import Code, Identity, Snapshot
from pager.ports import Commit, Outcome, StoreUnavailable
from pager.store.alerts import RedisAlertStream
from pager.store.connection import Connection, connect, socket_url
from pager.store.durability import examine
from pager.store.embedded import Embedded, start
from pager.store.incidents import RedisIncidents
from pager.store.keys import ALERTS_GROUP, OUTBOX_GROUP, Keys, StreamKeys
from pager.store.snapshots import Snapshots
from tests.contract.store_backends import STREAM, RedisBackend, RedisWorker
from tests.contract.store_samples import DISK, FAR, changing, notice, opened, opening, page, queue, record_of
from tests.valkey_nodes import DURABLE, Node

LONG = timedelta(seconds=10)
KEYS = Keys()


async def test_scripts_are_given_again_to_a_server_that_forgot_them(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    before = await opened(worker.incidents)
    await valkey.connection.call("SCRIPT", "FLUSH")
    assert await worker.incidents.commit([changing(before, State.RESOLVED)]) == [Outcome.DONE]
    await valkey.connection.call("SCRIPT", "FLUSH")
    assert (await worker.deadlines.claim(10, FAR))[1] == []


async def test_a_store_that_was_emptied_is_used_again(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    await worker.alerts.take(10, timedelta(0))
    await worker.outbox.take(10, timedelta(0))
    await valkey.connection.call("FLUSHALL")
    await worker.alerts.add({"summary": "one"})
    await queue(worker, notice(1))
    taken = [await worker.alerts.take(10, timedelta(0)) for _ in range(2)]
    assert [len(entries) for _, entries in taken] == [0, 1]
    assert [len(await worker.outbox.take(10, timedelta(0))) for _ in range(2)] == [0, 1]


async def test_a_batch_larger_than_one_call_takes_is_committed_whole(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    now, numbers = await worker.incidents.now(), await worker.incidents.numbers(1100)
    batch = [opening(Identity("s", f"k{n}"), n, now, outgoing=(page(n),), codes=(Code("+1", f"7K{n}", n, 1, "ana"),)) for n in numbers]
    assert set(await worker.incidents.commit(batch)) == {Outcome.DONE}
    assert await worker.incidents.open_numbers() == numbers
    entries = [entry for _ in range(3) for entry in await worker.outbox.take(500, timedelta(0))]
    assert [entry.item.incident for entry in entries] == numbers
    assert all(begun.owned and begun.snapshot.incident for begun in await worker.outbox.begin(entries))


async def test_an_entry_with_more_fields_than_a_script_can_pass_on_is_buried_too(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    await worker.alerts.add({f"field{n}": "x" for n in range(6000)})
    _, [entry] = await worker.alerts.take(10, timedelta(0))
    await worker.alerts.bury([(entry, "too much")])
    [letter] = await worker.alerts.dead()
    assert letter.reason == "too much"
    assert await worker.alerts.retry([letter.id]) == [letter.id]


# --- waiting ------------------------------------------------------------------------------------------------------------------------------
async def test_a_page_ends_the_wait_for_one(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    waiting = asyncio.ensure_future(worker.outbox.take(10, LONG))
    await _until_blocked(valkey.connection)
    await queue(worker, page(1, Priority.CRITICAL))
    [entry] = await asyncio.wait_for(waiting, 5)
    assert entry.priority is Priority.CRITICAL


async def test_an_alert_ends_the_wait_for_one(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    waiting = asyncio.ensure_future(worker.alerts.take(10, LONG))
    await _until_blocked(valkey.connection)
    id_ = await worker.alerts.add({"summary": "one"})
    oldest, [entry] = await asyncio.wait_for(waiting, 5)
    assert (entry.stream_id, entry.id) == (id_, oldest)


async def test_a_nearer_deadline_ends_the_wait_and_a_farther_one_does_not(valkey: RedisBackend) -> None:
    sleeper, other = valkey.worker("w1"), valkey.worker("w2")
    await sleeper.deadlines.wait(timedelta(0))  # subscribes
    now = await other.incidents.now()
    await opened(other.incidents, Identity("s", "far"), due=now + FAR)
    await asyncio.wait_for(sleeper.deadlines.wait(LONG), 5)
    waiting = asyncio.ensure_future(sleeper.deadlines.wait(LONG))
    await opened(other.incidents, Identity("s", "farther"), due=now + 2 * FAR)
    assert not (await asyncio.wait({waiting}, timeout=0.05))[0]
    await opened(other.incidents, Identity("s", "near"), due=now + FAR / 2)
    await asyncio.wait_for(waiting, 5)


async def test_an_answer_that_is_lost_loses_no_page_and_gives_none_twice(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    await queue(worker, page(1), notice(2))
    in_hand = await worker.outbox.take(10, timedelta(0))
    await _cancelled(worker.outbox.take(10, LONG), valkey.connection)
    await queue(worker, page(3))
    # The server hands the entry over, and nobody is there any more to read the answer.
    await valkey.connection.call("XREADGROUP", "GROUP", OUTBOX_GROUP, "w1", "STREAMS", KEYS.outboxes[Priority.PAGE], ">")
    [entry] = await worker.outbox.take(10, timedelta(0))
    assert (entry.item.incident, entry.redelivered) == (3, True)
    assert len(in_hand) == 2
    assert await worker.outbox.take(10, timedelta(0)) == []


async def test_an_answer_that_is_lost_loses_no_alert(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    await worker.alerts.take(10, timedelta(0))
    await _cancelled(worker.alerts.take(10, LONG), valkey.connection)
    await worker.alerts.add({"summary": "one"})
    await valkey.connection.call("XREADGROUP", "GROUP", ALERTS_GROUP, "w1", "STREAMS", STREAM, ">")
    _, [entry] = await worker.alerts.take(10, timedelta(0))
    assert entry.fields == {b"summary": b"one"}


async def _cancelled(taking: Coroutine[Any, Any, object], connection: Connection) -> None:
    """Interrupt a blocking read."""
    waiting = asyncio.ensure_future(taking)
    await _until_blocked(connection)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def _until_blocked(connection: Connection) -> None:
    while b"blocked_clients:1\r" not in await connection.call("INFO", "clients"):
        pass


# --- keeping ------------------------------------------------------------------------------------------------------------------------------
async def test_what_is_kept_for_a_while_expires(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    await opened(worker.incidents, codes=(Code("+1", "7K3M", 1, 1, "ana"),), once="sms:SM1", outgoing=(page(1),))
    await worker.outbox.begin(await worker.outbox.take(10, timedelta(0)))
    marker = Identity("s", "unknown")
    await worker.incidents.commit([Commit(before=Snapshot(), after=Snapshot(record_of(marker)))])
    await worker.presence.refresh()
    days = {key: await valkey.connection.call("TTL", key) / 86_400 for key in (KEYS.code("+1", "7K3M"), KEYS.once("sms:SM1"))}
    assert [round(left) for left in days.values()] == [7, 1]
    assert round(await valkey.connection.call("TTL", KEYS.sent(1, 1, 1)) / 86_400) == 1
    assert round(await valkey.connection.call("TTL", KEYS.alert("s", "unknown")) / 86_400) == 7
    assert await valkey.connection.call("TTL", KEYS.alert(DISK.scope, DISK.dedup_key)) == -1
    for key in (KEYS.worker("w1"), StreamKeys(STREAM).worker("w1")):
        assert 0 < await valkey.connection.call("PTTL", key) <= 3000


async def test_a_trigger_makes_its_marker_permanent(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    await worker.incidents.commit([Commit(before=Snapshot(), after=Snapshot(record_of(DISK)))])
    _, [before] = await worker.incidents.by_identity([DISK])
    [number] = await worker.incidents.numbers(1)
    new = opening(DISK, number, await worker.incidents.now())
    assert await worker.incidents.commit([Commit(before=before, after=new.after)]) == [Outcome.DONE]
    assert await valkey.connection.call("TTL", KEYS.alert(DISK.scope, DISK.dedup_key)) == -1


async def _one_holds_a_page(valkey: RedisBackend) -> tuple[RedisWorker, RedisWorker]:
    one, two = (RedisWorker(valkey.connection, name) for name in ("w1", "w2"))
    for worker in (one, two):
        await worker.presence.refresh()
    await queue(one, page(1))
    assert len(await one.outbox.take(10, timedelta(0))) == 1
    return one, two


async def _away(valkey: RedisBackend, *workers: RedisWorker) -> None:
    """A store that was away for longer than presence is kept comes back without anybody's."""
    await valkey.connection.call("DEL", *(KEYS.worker(name) for name in ("w1", "w2")))
    for worker in workers:
        worker.clock += 5


async def _together(one: RedisWorker, two: RedisWorker) -> None:
    """Both refresh for some seconds, and neither robs the other."""
    for _ in range(3):
        one.clock += 1
        two.clock += 1
        await one.presence.refresh()
        await two.presence.refresh()
        assert await two.outbox.take(10, timedelta(0)) == []


async def test_a_store_that_was_away_makes_nobody_absent_who_is_there(valkey: RedisBackend) -> None:
    one, two = await _one_holds_a_page(valkey)
    await _away(valkey, one, two)
    assert await two.outbox.take(10, timedelta(0)) == [], "the first refresh is still to come"
    await two.presence.refresh()
    assert await two.outbox.take(10, timedelta(0)) == []
    await _together(one, two)
    await _away(valkey, one, two)
    await two.presence.refresh()
    assert await two.outbox.take(10, timedelta(0)) == [], "and so soon again"
    await _together(one, two)


async def test_who_does_not_come_back_with_the_store_is_absent(valkey: RedisBackend) -> None:
    _, two = await _one_holds_a_page(valkey)
    await _away(valkey, two)
    await two.presence.refresh()
    two.clock += 1
    await two.presence.refresh()
    assert await two.outbox.take(10, timedelta(0)) == []
    two.clock += 1
    await two.presence.refresh()
    assert len(await two.outbox.take(10, timedelta(0))) == 1


async def test_a_line_that_lapses_all_the_time_still_takes_over(valkey: RedisBackend) -> None:
    _, two = await _one_holds_a_page(valkey)
    await _away(valkey)
    taken = []
    for _ in range(5):
        two.clock += 2.5
        await two.presence.refresh()
        taken += await two.outbox.take(10, timedelta(0))
    assert len(taken) == 1


@pytest.mark.parametrize("before", [False, True])
async def test_a_store_that_was_missed_for_a_moment_makes_nobody_absent(mortal: tuple[Embedded, RedisWorker], before: bool) -> None:
    """Others may have missed it for longer."""
    server, worker = mortal
    if before:
        await worker.presence.refresh()
    server.stop()
    with pytest.raises(StoreUnavailable):
        await worker.presence.refresh()
    again = start(server.socket_path.parent.parent)
    try:
        await worker.presence.refresh()
        assert not worker.presence.can_tell()
        worker.clock += 2
        assert worker.presence.can_tell()
    finally:
        again.stop()


# --- going away ---------------------------------------------------------------------------------------------------------------------------
@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[tuple[Embedded, RedisWorker]]:
    """A server for one test to stop."""
    server = start(tmp_path)
    connection = connect(socket_url(str(server.socket_path)))
    yield server, RedisWorker(connection, "w1")
    await connection.close()
    server.stop()


async def test_a_store_that_is_gone_is_said_to_be_unavailable_by_every_port(mortal: tuple[Embedded, RedisWorker]) -> None:
    server, worker = mortal
    before = await opened(worker.incidents)
    server.stop()
    calls: list[Callable[[], Coroutine[Any, Any, object]]] = [
        worker.incidents.now,
        lambda: worker.incidents.by_identity([DISK]),
        lambda: worker.incidents.commit([changing(before, State.RESOLVED)]),
        lambda: worker.deadlines.claim(1, FAR),
        lambda: worker.outbox.take(1, timedelta(0)),
        lambda: worker.alerts.take(1, timedelta(0)),
        lambda: worker.alerts.take(1, LONG),
        lambda: worker.alerts.add({"summary": "one"}),
        worker.presence.refresh,
        worker.sweeper.sweep,
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable):
            await call()
    await worker.deadlines.wait(timedelta(0))


async def test_everything_goes_on_once_the_store_is_back(mortal: tuple[Embedded, RedisWorker]) -> None:
    server, worker = mortal
    before = await opened(worker.incidents, outgoing=(page(1),))
    await worker.alerts.add({"summary": "one"})
    server.stop()
    with pytest.raises(StoreUnavailable):
        await worker.alerts.take(10, timedelta(0))
    again = start(server.socket_path.parent.parent)
    try:
        assert len((await worker.alerts.take(10, timedelta(0)))[1]) == 1
        assert len(await worker.outbox.take(10, timedelta(0))) == 1
        await worker.deadlines.wait(timedelta(0))
        assert await worker.incidents.commit([changing(before, State.RESOLVED)]) == [Outcome.DONE]
    finally:
        again.stop()


async def test_a_store_without_room_refuses_and_is_unavailable(valkey: RedisBackend) -> None:
    worker = valkey.worker()
    before = await opened(worker.incidents)
    await valkey.connection.call("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            await worker.incidents.commit([changing(before, State.RESOLVED)])
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            await worker.alerts.add({"summary": "one"})
    finally:
        await valkey.connection.call("CONFIG", "SET", "maxmemory", "0")
    assert await worker.incidents.counts() == {"triggered": 1}


# --- replicas -----------------------------------------------------------------------------------------------------------------------------
async def test_what_no_replica_has_on_disk_is_not_accepted(tmp_path: Path) -> None:
    master = await Node(tmp_path, *DURABLE).start()
    replica = await Node(tmp_path, *DURABLE, "--replicaof", "127.0.0.1", str(master.port), "--repl-diskless-sync-delay", "0").start()
    connection = connect(f"redis://{master.address}")
    stream = RedisAlertStream(connection, "w1", StreamKeys(STREAM), replicas=1)
    keys = Keys()
    incidents = RedisIncidents(connection, Snapshots(connection, keys), "w1", keys, replicas=1)
    try:
        while not any("1 must confirm" in finding.what for finding in await examine(connection, 1)):
            await asyncio.sleep(0.02)
        await _added(stream)
        assert all(finding.ok for finding in await examine(connection, 1))
        for _ in range(5):
            began = time.monotonic()
            await stream.add({"summary": "one"})
            assert time.monotonic() - began < 0.25, "the replica confirms only when it next reports"
        before = await opened(incidents, confirmed=True)
        replica.freeze()
        with pytest.raises(StoreUnavailable, match="of 1 replicas 0 received it"):
            await stream.add({"summary": "two"})
        with pytest.raises(StoreUnavailable, match="does not confirm"):
            await incidents.commit([changing(before, State.RESOLVED, confirmed=True)])
        replica.thaw()
        await _added(stream)
        await replica.ask("CONFIG", "SET", "appendfsync", "everysec")
        await master.ask("CONFIG", "SET", "appendfsync", "no")
        said = " ".join(finding.what for finding in await examine(connection, 1) if not finding.ok)
        assert "appendfsync no: a crash can lose whatever the system had not written" in said
        assert "appendfsync everysec: its confirmations come late" in said
        replica.kill()
        while not any(finding.blocks for finding in await examine(connection, 1)):
            await asyncio.sleep(0.02)
    finally:
        await connection.close()
        replica.end()
        master.end()


async def _added(stream: RedisAlertStream) -> None:
    """As soon as the replica has caught up."""
    while True:
        try:
            await stream.add({"summary": "first"})
            return
        except StoreUnavailable:
            await asyncio.sleep(0.02)
