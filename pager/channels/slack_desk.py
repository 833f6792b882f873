"""What people do in Slack, taken to the door: presses of buttons, commands, mentions; whichever way Slack brought them.

Slack waits three seconds for an answer, so what takes longer goes on, and its answer is posted when it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from pager.channels.slack_inbound import read_command, read_mention, read_press
from pager.door import NOT_RECORDED, Door
from pager.model.event import Answer, ReplyAction

SNOOZE = timedelta(hours=1)
"""What the Snooze button stands for; other spans go by command."""
ANSWER_WITHIN = timedelta(seconds=2.5)

Say = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Posts an answer to the `response_url` of a press or a command."""
Tell = Callable[[str, str, str], Awaitable[object]]
"""Posts a text into a thread, `channel:ts`; the last argument names the message."""
Reply = dict[str, Any] | None

log = structlog.get_logger()


class SlackDesk:
    """Works while `run` does."""

    def __init__(self, door: Door, say: Say, tell: Tell) -> None:
        self._door = door
        self._say = say
        self._tell = tell
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            await asyncio.Event().wait()

    async def handle(self, kind: str, payload: Mapping[str, Any]) -> Reply:
        """Do what an envelope (`interactive`, `slash_commands`, `events_api`) asks; what to answer Slack with. Never raises for what it holds."""
        if self._tasks is None:
            raise RuntimeError("the desk is closed")
        answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._tasks.create_task(self._serve(kind, payload, answered))
        await asyncio.wait([answered], timeout=ANSWER_WITHIN.total_seconds())
        if answered.done():
            return answered.result()
        answered.cancel()
        return None

    async def _serve(self, kind: str, payload: Mapping[str, Any], answered: asyncio.Future[Reply]) -> None:
        def now(reply: Reply = None) -> bool:
            """Answer Slack; False when it has given up waiting."""
            if answered.done():
                return False
            answered.set_result(reply)
            return True

        try:
            match kind:
                case "interactive":
                    await self._press(payload, now)
                case "slash_commands":
                    await self._command(payload, now)
                case "events_api":
                    await self._mention(payload, now)
        except Exception:
            log.exception("slack.failed", kind=kind)
        now()

    async def _press(self, payload: Mapping[str, Any], now: Callable[[], bool]) -> None:
        press = read_press(payload)
        if press is None:
            return
        span = SNOOZE if press.action is ReplyAction.SNOOZE else None
        answer = await _asked(self._door.by_chat(f"slack:{press.user}", press.action, press.incident, press.once, press.page, span))
        now()
        log.info("slack.pressed", user=press.user, action=str(press.action), incident=press.incident, done=answer.done)
        if press.response_url and not answer.replayed:  # else whoever pressed was answered then
            await self._say(press.response_url, {"replace_original": False, **_privately(answer)})

    async def _command(self, form: Mapping[str, Any], now: Callable[[Reply], bool]) -> None:
        command = read_command(form)
        if command is None:
            return
        answer = await _asked(self._door.by_command(f"slack:{command.user}", command.text, command.once))
        if not now(_privately(answer)) and command.response_url:
            await self._say(command.response_url, _privately(answer))

    async def _mention(self, payload: Mapping[str, Any], now: Callable[[], bool]) -> None:
        mention = read_mention(payload)
        if mention is None:
            return
        answer = await _asked(self._door.by_command(f"slack:{mention.user}", mention.text, mention.once))
        now()
        if not answer.replayed:
            await self._tell(f"{mention.channel}:{mention.thread}", answer.text, mention.once)


async def _asked(door: Awaitable[Answer]) -> Answer:
    """A fault of our own is no silence: whoever replied must know that it did not count."""
    try:
        return await door
    except Exception:
        log.exception("slack.not_recorded")
        return Answer(NOT_RECORDED, done=False, refused=True)


def _privately(answer: Answer) -> dict[str, Any]:
    return {"response_type": "ephemeral", "text": answer.text}
