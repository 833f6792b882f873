"""The desk: whoever presses or writes gets an answer, within Slack's three seconds or after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from pager.channels import slack_desk
from pager.channels.slack_desk import SlackDesk
from pager.door import NOT_RECORDED
from pager.model.event import Answer, ReplyAction
from tests.unit.channels.test_slack_inbound import MENTION, PRESS, pressed

COMMAND = {"user_id": "U0ANA", "text": "ack 42", "trigger_id": "1.2", "response_url": "https://hooks.slack.com/commands/1"}


class Door:
    """Answers what it is told to, as soon as it is let."""

    def __init__(self) -> None:
        self.answer = Answer("acknowledged 42")
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.asked: list[tuple[Any, ...]] = []

    async def by_chat(
        self, handle: str, action: ReplyAction, number: int, once: str, page: int = 0, duration: timedelta | None = None
    ) -> Answer:
        return await self._ask(handle, action, number, page, duration)

    async def by_command(self, handle: str, text: str, once: str) -> Answer:
        return await self._ask(handle, text.strip())

    async def _ask(self, *words: Any) -> Answer:
        self.asked.append(words)
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return self.answer


class Place:
    def __init__(self) -> None:
        self.door = Door()
        self.said: list[tuple[str, Mapping[str, Any]]] = []
        self.told: list[tuple[str, str]] = []
        self.spoke = asyncio.Event()
        self.desk = SlackDesk(self.door, self._say, self._tell)  # type: ignore[arg-type]

    async def _say(self, url: str, body: Mapping[str, Any]) -> None:
        self.said.append((url, body))
        self.spoke.set()

    async def _tell(self, thread: str, text: str, key: str) -> None:
        self.told.append((thread, text))
        self.spoke.set()

    @asynccontextmanager
    async def is_open(self) -> AsyncIterator[None]:
        task = asyncio.ensure_future(self.desk.run())
        await asyncio.sleep(0)
        yield
        task.cancel()
        await asyncio.wait([task])

    async def hears(self) -> None:
        await asyncio.wait_for(self.spoke.wait(), 5)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    place = Place()
    async with place.is_open():
        yield place


async def test_a_press_is_answered_to_the_person_alone(place: Place) -> None:
    assert await place.desk.handle("interactive", PRESS) is None
    await place.hears()
    assert place.door.asked == [("slack:U0ANA", ReplyAction.ACKNOWLEDGE, 42, 3, None)]
    [(url, body)] = place.said
    assert url == PRESS["response_url"]
    assert body == {"response_type": "ephemeral", "replace_original": False, "text": "acknowledged 42"}


async def test_the_snooze_button_is_for_an_hour(place: Place) -> None:
    await place.desk.handle("interactive", pressed(action_id="snooze"))
    assert place.door.asked[0][-1] == timedelta(hours=1)


async def test_a_press_taken_before_was_answered_then(place: Place) -> None:
    place.door.answer = Answer("this reply was taken before", done=False, refused=True, replayed=True)
    await place.desk.handle("interactive", PRESS)
    await place.desk.handle("slash_commands", COMMAND)
    assert place.said == []


async def test_a_command_is_answered_in_place(place: Place) -> None:
    assert await place.desk.handle("slash_commands", COMMAND) == {"response_type": "ephemeral", "text": "acknowledged 42"}
    assert place.said == []


async def test_a_mention_is_answered_in_its_thread(place: Place) -> None:
    assert await place.desk.handle("events_api", MENTION) is None
    await place.hears()
    assert place.door.asked == [("slack:U0ANA", "ack 42")]
    assert place.told == [("C0OPS:1515449522.000016", "acknowledged 42")]


async def test_what_takes_longer_than_slack_waits_is_said_afterwards(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_desk, "ANSWER_WITHIN", timedelta(seconds=0.01))
    place.door.open.clear()
    assert await place.desk.handle("slash_commands", COMMAND) is None
    assert place.said == []
    place.door.open.set()
    await place.hears()
    assert place.said == [(COMMAND["response_url"], {"response_type": "ephemeral", "text": "acknowledged 42"})]


async def test_a_fault_of_our_own_is_no_silence(place: Place) -> None:
    place.door.error = RuntimeError("a bug")
    await place.desk.handle("interactive", PRESS)
    await place.hears()
    assert place.said[0][1]["text"] == NOT_RECORDED
    assert (await place.desk.handle("slash_commands", COMMAND) or {})["text"] == NOT_RECORDED


async def test_what_is_nobodys_is_passed_over_and_the_desk_goes_on(place: Place) -> None:
    for kind, payload in (("interactive", {}), ("slash_commands", {}), ("events_api", {"event": 7}), ("hello", {})):
        assert await place.desk.handle(kind, payload) is None
    assert place.door.asked == []
    assert await place.desk.handle("slash_commands", COMMAND) is not None


async def test_an_answer_that_can_not_be_posted_leaves_the_desk_open(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(url: str, body: Mapping[str, Any]) -> None:
        raise OSError("no route")

    monkeypatch.setattr(place.desk, "_say", fails)
    await place.desk.handle("interactive", PRESS)
    assert await place.desk.handle("slash_commands", COMMAND) is not None
