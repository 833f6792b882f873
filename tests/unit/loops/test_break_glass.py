"""When the store is gone for long, people are told from memory."""

from __future__ import annotations

import pytest

from pager.loops.watch import BreakGlass
from pager.ports import GiveUp, Message, SendResult, StoreUnavailable
from tests.fakes.memory_channel import MemoryChannel
from tests.night import config_of
from tests.payments import PAYMENTS


class Store:
    gone = False

    async def ping(self) -> None:
        if self.gone:
            raise StoreUnavailable("connection refused")


BY_SMS = '{sms: ["+14155550100"], after: 60s, every: 15m}'
BY_EMAIL = '{sms: ["+14155550100"], email: [sre@example.com], after: 60s, every: 15m}'


class Setting:
    def __init__(self) -> None:
        self.config(BY_SMS)
        self.store = Store()
        self.channels = {"twilio": MemoryChannel("twilio"), "backup": MemoryChannel("backup")}
        self.counted: list[str] = []
        self.glass = BreakGlass(self.store, lambda: self.in_force, lambda: self.channels, self.counted.append, started=0.0)

    def config(self, glass: str) -> None:
        self.in_force = config_of(PAYMENTS.replace("  timezone: UTC\n", f"  timezone: UTC\n  break_glass: {glass}\n", 1))

    def texts(self) -> list[str]:
        return [k.message.text for c in self.channels.values() for k in c.accepted]


@pytest.fixture
def here() -> Setting:
    return Setting()


async def test_a_minute_without_the_store_breaks_the_glass_once_and_again_every_quarter(here: Setting) -> None:
    assert await here.glass.run_once(10.0)
    here.store.gone = True
    for now in (30.0, 69.0):
        assert not await here.glass.run_once(now)
    assert here.texts() == []
    for now in (70.0, 100.0, 969.0):
        await here.glass.run_once(now)
    assert len(here.texts()) == 1
    assert "NOT being paged" in here.texts()[0]
    await here.glass.run_once(971.0)
    assert len(here.texts()) == 2


async def test_it_says_when_the_store_is_back(here: Setting) -> None:
    here.store.gone = True
    await here.glass.run_once(61.0)
    here.store.gone = False
    await here.glass.run_once(62.0)
    await here.glass.run_once(63.0)
    assert ["is back" in text for text in here.texts()] == [False, True]


async def test_a_provider_that_refuses_hands_over_to_the_next(here: Setting) -> None:
    here.store.gone = True
    here.channels["twilio"].answer("*", GiveUp("20003"))
    await here.glass.run_once(61.0)
    assert [len(c.accepted) for c in here.channels.values()] == [0, 1]
    assert here.counted == ["sent"]


async def test_people_named_by_email_are_told_by_email_and_at_once(here: Setting) -> None:
    here.config(BY_EMAIL)
    mail = here.channels["email"] = MemoryChannel("email")
    here.store.gone = True
    await here.glass.run_once(61.0)
    assert [k.message.address for k in mail.accepted] == ["sre@example.com"]
    assert len(here.texts()) == 2
    assert here.counted == ["sent", "sent"]


async def test_an_address_that_nothing_carries_is_counted_as_failed(here: Setting) -> None:
    here.config(BY_EMAIL)
    here.store.gone = True
    await here.glass.run_once(61.0)
    assert here.counted == ["sent", "failed"]


async def test_a_provider_that_trips_hands_over_to_the_next(here: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    async def trips(_: Message) -> SendResult:
        raise RuntimeError("a fault of the adapter")

    here.store.gone = True
    monkeypatch.setattr(here.channels["twilio"], "send", trips)
    await here.glass.run_once(61.0)
    assert (len(here.channels["backup"].accepted), here.counted) == (1, ["sent"])
