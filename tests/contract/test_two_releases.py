"""What a worker meets that a later release wrote: it leaves that alone, and to workers of that release, and does all the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest

from pager.advance import Advance
from pager.decide import Rules
from pager.door import Door
from pager.loops.compose import Compose
from pager.loops.deadlines import DeadlineLoop
from pager.loops.deliver import Deliver
from pager.loops.ingest import Ingest
from pager.loops.show import Show
from pager.model.event import Reply, ReplyAction
from pager.model.incident import State
from pager.model.snapshot import NewerError, Snapshot
from pager.notify.plan import Providers
from pager.ports import Message, SendResult, StoreUnavailable
from pager.store import codec
from pager.store.newer import GIVE_WAY, Newer, is_for, shelf
from pager.telemetry import Metrics
from tests.contract.store_backends import RedisBackend, RedisWorker
from tests.contract.store_samples import DISK, changing, loaded, opened, page, queue
from tests.fakes.memory_channel import MemoryChannel
from tests.later_release import later_release
from tests.night import config_of
from tests.payments import PAYMENTS

NOW = timedelta(0)
ONE_MS = timedelta(milliseconds=1)
LEASE = timedelta(seconds=2)


class Worker:
    """One worker's loops on the store."""

    def __init__(self, store: RedisBackend, name: str, phone: MemoryChannel) -> None:
        config = config_of(PAYMENTS)
        rules = Rules(config, Providers.of(config, {"sms": ("twilio",)}))
        self.ports = cast(RedisWorker, store.worker(name))
        self.metrics = Metrics()
        self.advance = Advance(self.ports.incidents, lambda: rules, b"secret", self.metrics)
        self.ingest = Ingest(self.ports.alerts, self.advance, self.metrics)
        self.deadlines = DeadlineLoop(self.ports.deadlines, self.advance, self.metrics)
        compose = Compose(lambda: rules, self.advance.code)
        self.deliver = Deliver(self.ports.outbox, self.advance, lambda: {"twilio": phone}, compose, self.metrics)
        self.show = Show(self.ports.boards, self.ports.incidents, dict, lambda: rules, self.metrics)
        self.door = Door(self.ports.incidents, self.advance, self.ports.refusals, lambda: rules, self.metrics)

    async def push(self, *keys: str, **fields: str) -> None:
        for key in keys:
            alert = {"summary": "disk", "service": "plain", "severity": "critical", "dedup_key": key, **fields}
            await self.ports.alerts.add(alert)

    def left(self, where: str) -> float:
        return self.metrics.registry.get_sample_value("pagerd_left_to_newer_total", {"where": where}) or 0.0

    async def find(self, number: int) -> Snapshot:
        return await loaded(self.ports.incidents, number)


@pytest.fixture
def phone() -> MemoryChannel:
    return MemoryChannel("twilio", expects_receipt=False)


@pytest.fixture
def start(valkey: RedisBackend, phone: MemoryChannel) -> Callable[[str], Worker]:
    return lambda name: Worker(valkey, name, phone)


async def begun_by_the_later(new: Worker, *keys: str) -> None:
    """Incidents that the later release opens, whose pages wait in the outbox."""
    with later_release():
        await new.ports.presence.refresh()
        await new.push(*keys)
        await new.ingest.run_once(NOW)
        await new.ports.alerts.settle()


# --- alerts -------------------------------------------------------------------------------------------------------------------------------
async def test_of_a_batch_only_the_alerts_of_what_can_not_be_read_are_left(start: Callable[[str], Worker]) -> None:
    new, old = start("new"), start("old")
    await begun_by_the_later(new, "a")
    await old.ports.presence.refresh()
    await old.push("b", "a", "c")
    assert await old.ingest.run_once(NOW) == 3
    await old.ports.alerts.settle()
    assert (old.left("ingest"), await old.ports.alerts.backlog()) == (1, 1)
    assert [(await old.find(n)).incident is not None for n in (1, 2, 3)] == [False, True, True]
    assert await old.ingest.run_once(NOW) == 0, "it is not taken again"
    assert await start("as old").ingest.run_once(NOW) == 0, "nor by another of the same release"
    with later_release():
        another = start("another new")
        assert await another.ingest.run_once(NOW) == 1
        await another.ports.alerts.settle()
        found = await new.find(1)
        assert (found.record and found.record.repeats, await new.ports.alerts.backlog()) == (1, 0)


async def test_an_identity_that_can_not_be_read_is_not_a_new_one(start: Callable[[str], Worker]) -> None:
    new, old = start("new"), start("old")
    await begun_by_the_later(new, "a")
    await old.push("a")
    await old.push("a", action="resolve")
    await old.ingest.run_once(NOW)
    assert await old.ports.incidents.counts() == {"triggered": 1}
    with later_release():
        await start("another new").ingest.run_once(NOW)
        assert await new.ports.incidents.counts() == {"resolved": 1}


# --- deadlines ----------------------------------------------------------------------------------------------------------------------------
async def test_a_deadline_that_can_not_be_read_holds_up_no_other_and_is_anothers_next(start: Callable[[str], Worker]) -> None:
    new, old = start("new"), start("old")
    now = await new.ports.incidents.now()
    with later_release():
        theirs = await opened(new.ports.incidents, due=now - timedelta(seconds=1))
    ours = await opened(old.ports.incidents, msgspec.structs.replace(DISK, dedup_key="ours"), due=now - timedelta(seconds=1))
    assert theirs.incident is not None
    assert ours.incident is not None
    assert await old.deadlines.run_once() == 2
    assert old.left("deadlines") == 1
    after = await old.find(ours.incident.number)
    assert after.incident is not None
    assert after.incident.turn > ours.incident.turn
    assert await old.deadlines.run_once() == 0, "it is leased: nothing spins"


async def test_beside_newer_workers_an_older_one_lets_them_go_first(valkey: RedisBackend) -> None:
    old, new = cast(RedisWorker, valkey.worker("old")), cast(RedisWorker, valkey.worker("new"))
    await opened(old.incidents, due=await old.incidents.now() - ONE_MS)
    due = await new.deadlines.next_at()
    assert due is not None
    old.newer.met(NewerError("something of theirs"))
    assert (await old.deadlines.claim(10, LEASE))[1] == []
    assert await old.deadlines.next_at() == due + GIVE_WAY, "until then it sleeps"
    assert len((await new.deadlines.claim(10, LEASE))[1]) == 1


async def test_what_they_do_not_take_an_older_one_does(valkey: RedisBackend) -> None:
    old = cast(RedisWorker, valkey.worker("old"))
    await opened(old.incidents, due=await old.incidents.now() - GIVE_WAY - ONE_MS)
    old.newer.met(NewerError("something of theirs"))
    assert len((await old.deadlines.claim(10, LEASE))[1]) == 1


# --- pages --------------------------------------------------------------------------------------------------------------------------------
async def test_a_page_of_an_incident_that_can_not_be_read_is_sent_once_by_who_can(
    start: Callable[[str], Worker], phone: MemoryChannel
) -> None:
    new, old = start("new"), start("old")
    await begun_by_the_later(new, "a")
    await old.ports.presence.refresh()
    await old.push("b")
    await old.ingest.run_once(NOW)
    await old.deliver.run_once()
    assert [kept.message.id for kept in phone.accepted] == ["2-1"]
    assert old.left("deliver") == 1
    assert await old.deliver.run_once() == 0
    with later_release():
        await start("another new").deliver.run_once()
        found = (await new.find(1)).incident
    assert found is not None
    assert [p.state.is_out for p in found.pages] == [True]
    assert sorted(kept.message.id for kept in phone.accepted) == ["1-1", "2-1"]


class Slow(MemoryChannel):
    """Meanwhile something happens."""

    meanwhile: Any = None

    async def send(self, message: Message) -> SendResult:
        sent = await super().send(message)
        await self.meanwhile()
        return sent


async def test_a_page_that_was_out_when_the_incident_became_unreadable_is_found_and_not_sent_again(valkey: RedisBackend) -> None:
    phone = Slow("twilio", expects_receipt=False)
    old, new = Worker(valkey, "old", phone), Worker(valkey, "new", phone)
    await old.ports.presence.refresh()
    await old.push("a")
    await old.ingest.run_once(NOW)

    async def meanwhile() -> None:
        with later_release():
            await new.ports.incidents.commit([changing(await new.find(1))])

    phone.meanwhile, phone.now = meanwhile, await old.ports.incidents.now()
    await old.deliver.run_once()
    assert old.left("deliver") == 1
    with later_release():
        await Worker(valkey, "another new", phone).deliver.run_once()
        found = (await new.find(1)).incident
    assert found is not None
    assert [p.state.is_out for p in found.pages] == [True]
    assert len(phone.accepted) == 1


async def test_an_outbox_entry_that_can_not_be_read_is_left(valkey: RedisBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    old = cast(RedisWorker, valkey.worker("old"))
    later: codec.Codec[Any] = codec.Codec(codec.outgoing._type, schema=2, upgrades={1: lambda body: body})
    with monkeypatch.context() as patched:
        patched.setattr(codec, "outgoing", later)
        await queue(old, page(1))
    await old.presence.refresh()
    await queue(old, page(2))
    assert [entry.item.incident for entry in await old.outbox.take(10, NOW)] == [2]
    monkeypatch.setattr(codec, "outgoing", later)
    assert [entry.item.incident for entry in await cast(RedisWorker, valkey.worker("new")).outbox.take(10, NOW)] == [1]


# --- chats, people, upkeep ----------------------------------------------------------------------------------------------------------------
async def test_a_chat_message_of_what_can_not_be_read_is_looked_at_again(valkey: RedisBackend, start: Callable[[str], Worker]) -> None:
    old = start("old")
    with later_release():
        await begun_by_the_later(start("new"), "a")
    await valkey.connection.call("ZADD", old.ports.keys[0].boards, 1, 1)
    assert await old.show.run_once() == 1
    assert old.left("show") == 1
    now = await old.ports.incidents.now()
    again = float(await valkey.connection.call("ZSCORE", old.ports.keys[0].boards, 1))
    assert 0 < again - now.timestamp() * 1000 <= 2001


async def test_an_answer_about_what_can_not_be_read_is_said_to_be_not_recorded(start: Callable[[str], Worker]) -> None:
    old = start("old")
    await begun_by_the_later(start("new"), "a")
    with pytest.raises(StoreUnavailable, match="run the newer release"):
        await old.door.reply(1, Reply(action=ReplyAction.ACKNOWLEDGE, by="ana", via="cli"))


async def test_what_can_not_be_read_is_neither_repaired_nor_dropped_and_keeps_nothing_else_from_it(valkey: RedisBackend) -> None:
    old = cast(RedisWorker, valkey.worker("old"))
    with later_release():
        theirs, over = await opened(old.incidents), await opened(old.incidents, msgspec.structs.replace(DISK, dedup_key="over"))
        await old.incidents.commit([changing(over, State.RESOLVED)])
    ours = await opened(old.incidents, msgspec.structs.replace(DISK, dedup_key="ours"))
    gone = await opened(old.incidents, msgspec.structs.replace(DISK, dedup_key="gone"))
    await old.incidents.commit([changing(gone, State.RESOLVED)])
    for one in (theirs, ours):
        assert one.incident is not None
        await valkey.forget_deadline(one.incident.number)
    assert (await old.sweeper.sweep()).repaired == [3]
    token = await old.leader.lead(LEASE)
    assert token is not None
    assert await old.sweeper.retire(await old.incidents.now() + LEASE, token) == 1
    assert (await loaded(old.incidents, 2)).unreadable
    with later_release():
        assert (await old.sweeper.sweep()).repaired == [1]
        assert await old.sweeper.retire(await old.incidents.now() + LEASE, token) == 1


async def test_a_later_release_goes_on_with_what_this_one_began(start: Callable[[str], Worker], phone: MemoryChannel) -> None:
    old, new = start("old"), start("new")
    await old.push("a", "b")
    await old.ingest.run_once(NOW)
    await old.ports.alerts.settle()
    with later_release():
        await new.deliver.run_once()
        assert len(phone.accepted) == 2
        assert (await new.door.reply(1, Reply(action=ReplyAction.ACKNOWLEDGE, by="ana", via="cli"))).done
        await new.push("b", action="resolve")
        await new.ingest.run_once(NOW)
        assert await new.ports.incidents.counts() == {"acknowledged": 1, "resolved": 1}


async def test_a_damaged_value_harms_nobody_else(valkey: RedisBackend, start: Callable[[str], Worker]) -> None:
    worker = start("one")
    await worker.push("a", "b")
    await worker.ingest.run_once(NOW)
    await valkey.connection.call("SET", worker.ports.keys[0].incident(1), b"2 1 \x95\xac")
    await worker.push("a", action="resolve")  # a mere repeat would need the record alone
    await worker.push("b")
    assert await worker.ingest.run_once(NOW) == 2
    assert (await worker.find(1)).unreadable.startswith("a stored Incident is damaged")
    found = await worker.find(2)
    assert found.record is not None
    assert found.record.repeats == 1
    assert worker.left("ingest") == 1
    assert worker.ports.newer.lately == ""


# --- the rule -----------------------------------------------------------------------------------------------------------------------------
def test_what_was_left_is_for_those_who_can_read_more() -> None:
    assert not is_for(shelf(7), 7)
    assert not is_for(shelf(8), 7)
    assert is_for(shelf(7), 8)
    assert is_for("host-abc-0", 7)
    with later_release():
        assert is_for(shelf(codec.level() - 1), codec.level())


def test_that_they_are_there_is_forgotten_after_a_while() -> None:
    clock = [0.0]
    newer = Newer(lambda: clock[0])
    assert (newer.lately, newer.head_start) == ("", NOW)
    newer.met(NewerError("a stored Incident has schema 2"))
    assert (newer.lately, newer.head_start) == ("a stored Incident has schema 2", GIVE_WAY)
    clock[0] = 61.0
    assert (newer.lately, newer.head_start) == ("", NOW)
