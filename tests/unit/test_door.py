"""The one door: who is let in over chat, link and text, and what they are told when it did not count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pager.advance import Advance, TooManyConflicts
from pager.decide import Rules
from pager.door import NOT_RECORDED, Door
from pager.intake.fields import Unreadable, read_fields
from pager.model.event import AlertSeen, Answer, ReplyAction
from pager.notify.codes import page_code
from pager.notify.plan import Providers
from pager.ports import StoreUnavailable
from pager.telemetry import Metrics
from tests.fakes.memory_store import MemoryStore
from tests.night import CARRIED, config_of
from tests.payments import PAYMENTS

SECRET = b"s" * 32
ACK, SNOOZE, ESCALATE = ReplyAction.ACKNOWLEDGE, ReplyAction.SNOOZE, ReplyAction.ESCALATE


class House:
    """Two incidents are open."""

    def __init__(self) -> None:
        config = config_of(PAYMENTS)
        self.rules = Rules(config, Providers.of(config, CARRIED))
        worker = MemoryStore().worker("w1")
        self.incidents = worker.incidents
        self.metrics = Metrics()
        self.advance = Advance(worker.incidents, lambda: self.rules, SECRET, self.metrics)
        self.refusals = worker.refusals
        self.door = Door(worker.incidents, self.advance, worker.refusals, lambda: self.rules, self.metrics)

    async def open(self) -> House:
        for n, summary in enumerate(("disk full", "cpu hot")):
            alert = read_fields({"summary": summary, "dedup_key": summary, "service": "plain", "severity": "critical"}, "stream")
            assert not isinstance(alert, Unreadable)
            await self.advance.alerts([AlertSeen(alert, (1, n))])
        return self

    async def state(self, number: int = 1) -> tuple[str, str]:
        _, [known] = await self.incidents.by_number([number])
        assert known.incident is not None
        return str(known.incident.state), known.incident.acknowledged_by

    def breaks(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        async def fails(*_: Any) -> Any:
            raise error

        monkeypatch.setattr(self.incidents, "by_number", fails)
        monkeypatch.setattr(self.incidents, "code", fails)

    def counted(self, channel: str, result: str) -> bool:
        return f'pagerd_replies_total{{channel="{channel}",result="{result}"}} 1.0' in self.metrics.text().decode()


@pytest.fixture
async def house() -> House:
    return await House().open()


@pytest.mark.parametrize("handle", ["slack:U0ANA", "slack:u0ana"])
async def test_a_person_is_known_by_their_id_in_any_case(house: House, handle: str) -> None:
    assert await house.door.by_chat(handle, ACK, 1, "a") == Answer("acknowledged 1")
    assert await house.state() == ("acknowledged", "ana")


async def test_a_stranger_is_refused_and_told_what_to_do(house: House) -> None:
    for answer in (await house.door.by_chat("slack:U0EVE", ACK, 1, "a"), await house.door.by_command("slack:U0EVE", "ack 1", "b")):
        assert answer.refused
        assert "slack:U0EVE is nobody known" in answer.text
    assert (await house.door.by_command("slack:U0EVE", "list", "c")).refused
    assert await house.state() == ("triggered", "")


async def test_the_same_press_counts_once(house: House) -> None:
    assert (await house.door.by_chat("slack:U0ANA", ESCALATE, 1, "a")).done
    again = await house.door.by_chat("slack:U0ANA", ESCALATE, 1, "a")
    assert (again.replayed, again.done) == (True, False)
    assert house.counted("chat", "replayed")


async def test_an_incident_that_is_not_there_is_said(house: House) -> None:
    answer = await house.door.by_chat("slack:U0ANA", ACK, 99, "a")
    assert (answer.text, answer.refused) == ("there is no incident 99", True)


async def test_a_link_answers_as_the_person_it_was_sent_to(house: House) -> None:
    assert (await house.door.by_link("ben", SNOOZE, 1, "a", 3, timedelta(hours=2))).done
    assert (await house.state())[0] == "snoozed"
    gone = await house.door.by_link("zoe", ACK, 1, "b")
    assert (gone.refused, "not in the config any more" in gone.text) == (True, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ack 1", "acknowledged 1"),
        ("  ACK   #1 ", "acknowledged 1"),
        ("resolve 2", "resolved 2"),
        ("snooze 1 2h", "snoozed 1 until"),
        ("note 1 on my way", "noted for 1"),
        ("assign 1 ben", "assigned 1"),
        ("snooze 1", "Snooze for how long?"),
        ("snooze 1 30d", "at most 7 days"),
        ("assign 1 zoe", "zoe is not a user"),
        ("ack", "Which incident?"),
        ("dance", "is not understood"),
        ("", "Commands:"),
        ("help", "Commands:"),
    ],
)
async def test_commands_as_people_type_them(house: House, words: str, said: str) -> None:
    assert said in (await house.door.by_command("slack:U0ANA", words, "a")).text


async def test_the_list_says_how_each_stands(house: House) -> None:
    await house.door.by_chat("slack:U0BEN", ACK, 2, "a")
    first, second = (await house.door.by_command("slack:U0ANA", "list", "b")).text.splitlines()
    assert first.startswith("#1 CRITICAL plain: disk full: triggered")
    assert second.startswith("#2 CRITICAL plain: cpu hot: acknowledged by Ben Okafor")


WAYS: dict[str, Callable[[Door], Any]] = {
    "press": lambda door: door.by_chat("slack:U0ANA", ACK, 1, "a"),
    "command": lambda door: door.by_command("slack:U0ANA", "ack 1", "a"),
    "text": lambda door: door.by_sms("+34600000001", "7K3M", "a"),
}
FAULTS = [StoreUnavailable("gone"), TooManyConflicts("1 events"), RuntimeError("a bug")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", FAULTS, ids=lambda e: type(e).__name__)
async def test_what_could_not_be_stored_is_said_and_raises_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str, error: Exception
) -> None:
    house.breaks(monkeypatch, error)
    assert await WAYS[way](house.door) == Answer(NOT_RECORDED, done=False, refused=True)
    assert house.counted("sms" if way == "text" else "chat", "not_recorded")


async def test_a_link_leaves_it_to_its_page_to_say_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.breaks(monkeypatch, StoreUnavailable("gone"))
    with pytest.raises(StoreUnavailable):
        await house.door.by_link("ana", ACK, 1, "a")


async def test_a_list_that_can_not_be_read_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.breaks(monkeypatch, StoreUnavailable("gone"))
    assert "can't reach its store" in (await house.door.by_command("slack:U0ANA", "list", "a")).text


async def test_guesses_that_come_all_at_once_are_no_more_than_one_by_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = "+34600000001"
    [right] = [code for seq in range(9) if await house.incidents.code(ana, code := page_code(SECRET, 1, seq))]
    for of, name in ((house.refusals, "count"), (house.refusals, "wrong"), (house.incidents, "code")):
        monkeypatch.setattr(of, name, _slowly(getattr(of, name)))
    guesses = [f"9ZZ{letter}" for letter in "ABCDEFGHJKMN"] + [right]
    await asyncio.gather(*(house.door.by_sms(ana, guess, guess) for guess in guesses))
    assert await house.state() == ("triggered", "")
    assert house.counted("sms", "blocked")


def _slowly(call: Callable[..., Any]) -> Callable[..., Any]:
    """As over a network: whatever else is under way has its turn meanwhile."""

    async def slow(*args: Any) -> Any:
        await asyncio.sleep(0)
        return await call(*args)

    return slow
