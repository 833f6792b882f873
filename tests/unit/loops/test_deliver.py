"""From the outbox to the provider, over the store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from pager.advance import Advance
from pager.decide import Rules
from pager.door import Door
from pager.loops.compose import Compose
from pager.loops.deadlines import DeadlineLoop
from pager.loops.deliver import Deliver
from pager.loops.ingest import Ingest
from pager.model.event import Fault, Reply, ReplyAction
from pager.notify.plan import Providers
from pager.ports import Begun, Fate, GiveUp, Message, OutboxEntry, SendResult, Status
from pager.telemetry import Metrics
from tests.fakes.memory_channel import MemoryChannel
from tests.fakes.memory_store import MemoryStore
from tests.night import config_of
from tests.payments import PAYMENTS

NOW = timedelta(0)


class House:
    """One worker on a store in memory, and two providers that keep what they get."""

    def __init__(self) -> None:
        config = config_of(PAYMENTS)
        self.rules = Rules(config, Providers.of(config, {"sms": ("twilio",)}))
        self.store = MemoryStore()
        self.channels: dict[str, MemoryChannel] = {name: MemoryChannel(name) for name in ("twilio", "backup")}
        self.metrics = Metrics()
        self.seconds = 0.0
        self.restart()

    def restart(self, name: str = "w0") -> None:
        self.ports = self.store.worker(name)
        self.advance = Advance(self.ports.incidents, lambda: self.rules, b"secret", self.metrics)
        self.compose: Any = Compose(lambda: self.rules, self.advance.code)
        self.ingest = Ingest(self.ports.alerts, self.advance, self.metrics)
        self.deadlines = DeadlineLoop(self.ports.deadlines, self.advance, self.metrics)
        self.restart_deliver()
        self.door = Door(self.ports.incidents, self.advance, self.ports.refusals, lambda: self.rules, self.metrics)

    def restart_deliver(self) -> None:
        self.deliver = Deliver(
            self.ports.outbox, self.advance, lambda: self.channels, lambda *a: self.compose(*a), self.metrics, lambda: self.seconds
        )  # fmt: skip

    async def alert(self, **fields: str) -> None:
        alert = {"summary": "disk", "service": "plain", "severity": "critical", "dedup_key": "k", **fields}
        self.store.alerts.add({name.encode(): value.encode() for name, value in alert.items()})
        await self.ports.presence.refresh()
        await self.ingest.run_once(NOW)

    async def pass_time(self, by: timedelta) -> None:
        self.store.clock.advance(by)
        for channel in self.channels.values():
            channel.now = self.store.clock.now
        await self.ports.presence.refresh()
        await self.deadlines.run_once()
        await self.deliver.run_once()

    def sent(self) -> list[tuple[str, str]]:
        return [(name, kept.message.address) for name, channel in self.channels.items() for kept in channel.accepted if kept.message.id]


@pytest.fixture
def house() -> House:
    house = House()
    for channel in house.channels.values():
        channel.now = house.store.clock.now
    return house


async def test_an_acknowledgement_between_outbox_and_send_stops_the_page(house: House) -> None:
    await house.alert()
    answer = await house.door.reply(1, Reply(action=ReplyAction.ACKNOWLEDGE, by="ana", via="cli"))
    assert answer.text == "acknowledged 1"
    await house.deliver.run_once()
    assert house.sent() == []


async def test_what_the_store_said_long_ago_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer was held up, or this process was stopped: meanwhile somebody acknowledged."""
    await house.alert()
    begin, asked = house.ports.outbox.begin, 0

    async def held_up(entries: Sequence[OutboxEntry]) -> list[Begun]:
        nonlocal asked
        asked += 1
        begun = await begin(entries)
        if asked == 1:
            house.seconds += 4
            await house.door.reply(1, Reply(action=ReplyAction.ACKNOWLEDGE, by="ana", via="cli"))
        return begun

    monkeypatch.setattr(house.ports.outbox, "begin", held_up)
    house.restart_deliver()
    await house.deliver.run_once()
    assert (house.sent(), asked) == ([], 2)


async def test_a_store_that_is_always_slow_keeps_nobody_from_being_paged(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.alert()
    begin = house.ports.outbox.begin

    async def slow(entries: Sequence[OutboxEntry]) -> list[Begun]:
        house.seconds += 4
        return await begin(entries)

    monkeypatch.setattr(house.ports.outbox, "begin", slow)
    house.restart_deliver()
    await house.deliver.run_once()
    assert len(house.sent()) == 1


async def test_who_answers_while_a_page_is_looked_up_is_not_paged_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.alert()
    [entry] = await house.ports.outbox.take(10, NOW)
    await house.ports.outbox.begin([entry])
    house.restart()  # begun, and not sent: so it is looked up

    async def found_nothing(*_: Any) -> None:
        await house.door.reply(1, Reply(action=ReplyAction.ACKNOWLEDGE, by="ana", via="cli"))

    monkeypatch.setattr(house.channels["twilio"], "find", found_nothing)
    await house.deliver.run_once()
    assert house.sent() == []


async def test_a_page_handed_out_before_a_crash_is_sent_after_it_and_one_that_went_out_is_found(house: House) -> None:
    await house.alert()
    [entry] = await house.ports.outbox.take(10, NOW)
    [begun] = await house.ports.outbox.begin([entry])
    assert begun.owned
    house.restart()  # begun, and not sent
    await house.deliver.run_once()
    assert len(house.sent()) == 1

    await house.alert(dedup_key="other")
    [entry] = await house.ports.outbox.take(10, NOW)
    [begun] = await house.ports.outbox.begin([entry])
    assert begun.snapshot.incident is not None
    await house.channels["twilio"].send(house.compose(begun.snapshot, begun.snapshot.incident.pages[0], begun.now))
    house.restart()  # sent, and not noted
    await house.deliver.run_once()
    assert len(house.sent()) == 2, "a look-up found it"


async def test_a_fault_of_our_own_does_not_end_in_silence(house: House) -> None:
    await house.alert()
    good = house.compose

    def broken(*_: Any) -> Any:
        raise KeyError("summary")

    house.compose = broken
    await house.deliver.run_once()
    house.compose = good
    for _ in range(4):
        await house.deliver.run_once()
    assert house.sent(), "the next way was tried"
    assert b'pagerd_failures_total{where="deliver"}' in house.metrics.text()


async def test_a_provider_that_left_the_config_is_passed_over(house: House) -> None:
    await house.alert()
    del house.channels["twilio"]
    await house.deliver.run_once()
    await house.deliver.run_once()
    assert house.sent() == [("backup", "+34600000001")]


@pytest.mark.parametrize(
    ("status", "providers"),
    [
        (Status(Fate.DELIVERED), {"twilio"}),
        (Status(Fate.PENDING, "sent"), {"twilio", "backup"}),
        (Status(Fate.UNKNOWN, "no answer"), {"twilio", "backup"}),
    ],
)
async def test_a_receipt_that_does_not_come_is_looked_up(house: House, status: Status, providers: set[str]) -> None:
    await house.alert()
    await house.deliver.run_once()
    house.channels["twilio"].statuses["twilio-1"] = status
    await house.pass_time(timedelta(seconds=60))
    await house.deliver.run_once()
    assert {name for name, _ in house.sent()} == providers


async def test_a_dead_handset_moves_on_to_the_next_stage_at_once(house: House) -> None:
    house.channels["twilio"].answer("+34600000001", GiveUp("21614 no mobile number", Fault.ADDRESS))
    await house.alert()
    await house.deliver.run_once()
    await house.deliver.run_once()
    assert {address for _, address in house.sent()} == {"+447700900002", "+12125550104"}


async def test_a_notice_is_tried_at_each_provider_and_costs_nobody_a_page(house: House) -> None:
    await house.alert()
    await house.deliver.run_once()
    house.channels["twilio"].answer("*", GiveUp("20003"))
    await house.alert(action="resolve")
    await house.deliver.run_once()
    told = [kept.message for kept in house.channels["backup"].accepted]
    assert [(m.address, m.code, "Resolved by stream" in m.text) for m in told] == [("+34600000001", "", True)]


async def test_a_notice_that_trips_an_adapter_is_tried_at_the_next_provider_and_not_kept_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trips(_: Message) -> SendResult:
        raise RuntimeError("a fault of the adapter")

    await house.alert()
    await house.deliver.run_once()
    monkeypatch.setattr(house.channels["twilio"], "send", trips)
    await house.alert(action="resolve")
    await house.deliver.run_once()
    assert [kept.message.address for kept in house.channels["backup"].accepted] == ["+34600000001"]
    assert not any(outbox.entries for outbox in house.store.outboxes)
