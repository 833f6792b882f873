"""Who is on call, shown by Slack itself: the members of a user group, and a part of a channel's topic.

Slack is read before it is written, and written only where it differs, so that whatever ends without a clear yes or no may simply be done again.
Sources: https://docs.slack.dev/reference/methods/usergroups.users.update and https://docs.slack.dev/reference/methods/conversations.setTopic"""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Sequence
from datetime import timedelta

from pager.channels.slack_errors import Refused, in_words, refusal
from pager.channels.slack_http import SlackLine
from pager.channels.slack_places import Places, place
from pager.model.event import Fault
from pager.notify.shown import MOST, Shown, merged
from pager.ports import GiveUp, TryAgain

GROUP_SCOPES = ("usergroups:read", "usergroups:write")
TOPIC_SCOPES = ("channels:write.topic", "groups:write.topic")
_SOON, _BUSY_FOR = timedelta(seconds=5), timedelta(seconds=30)
_CHANNEL = re.compile(r"<#[A-Z0-9]+\|([^<>]+)>")
_LABELLED = re.compile(r"<(?:[^<>|\s]+)\|([^<>]+)>")
_BARE = re.compile(r"<((?:https?|mailto):[^<>|\s]+)>")

Result = Shown | TryAgain | GiveUp


class SlackRoster:
    """Never raises for what Slack says or for a broken line. Each call ends within `timeout`."""

    def __init__(self, line: SlackLine, places: Places, timeout: timedelta) -> None:
        self._line = line
        self._places = places
        self._seconds = timeout.total_seconds()

    async def show_group(self, group: str, users: Sequence[str]) -> Result:
        """Let just these people (Slack's IDs) be its members. Slack takes no empty list, so neither does this: raises ValueError."""
        if not users:
            raise ValueError("a user group can't be empty")
        return await self._done(self._group(group, users))

    async def show_topic(self, address: str, wordings: Sequence[str]) -> Result:
        """Let the channel's topic have the first of the wordings for which there is room, beside what people wrote."""
        return await self._done(self._topic(address, wordings))

    async def check(self, groups: Sequence[str], rooms: Sequence[str]) -> list[str]:
        """What keeps these from being shown, in words."""
        wrong = []
        needed = (*(GROUP_SCOPES if groups else ()), *(TOPIC_SCOPES if rooms else ()))
        try:
            _, headers = await self._line.answer(self._line.web.auth_test())
            granted = headers.get("x-oauth-scopes")
            missing = [scope for scope in needed if scope not in granted.replace(" ", "").split(",")] if granted else []
            if missing:
                wrong.append(f"the app lacks {', '.join(missing)}: add them under OAuth & Permissions and install the app again")
        except Exception as error:
            return [in_words(error)]
        for group in groups:
            found = await self._done(self._members(group))
            wrong += [f"user group {group}: {found.why}"] if isinstance(found, TryAgain | GiveUp) else []
        for room in rooms:
            found = await self._done(self._member_of(room))
            wrong += [f"topic of {room}: {found.why}"] if isinstance(found, TryAgain | GiveUp) else []
        return wrong

    # --- asking Slack -----------------------------------------------------------------------------------------------------------------
    async def _done(self, work: Awaitable[Shown | GiveUp]) -> Result:
        try:
            async with asyncio.timeout(self._seconds):
                return await work
        except Refused as no:
            # Nobody waits for this as for a page: as long as Slack asks.
            if no.status == 429 or no.error in ("ratelimited", "rate_limited"):
                return TryAgain(no.retry_after or _BUSY_FOR, in_words(no))
            verdict = refusal(no)
            return verdict if verdict is not None else TryAgain(no.retry_after or _SOON, in_words(no))
        except Exception as error:
            return TryAgain(_SOON, in_words(error))

    async def _group(self, group: str, users: Sequence[str]) -> Shown:
        answer = await self._line.ask(self._line.web.usergroups_users_list(usergroup=group))
        if set(answer.get("users") or ()) == set(users):
            return Shown(changed=False)
        await self._line.ask(self._line.web.usergroups_users_update(usergroup=group, users=list(users)))
        return Shown(changed=True)

    async def _topic(self, address: str, wordings: Sequence[str]) -> Shown | GiveUp:
        channel = await self._channel(address)
        if isinstance(channel, GiveUp):
            return channel
        answer = await self._line.ask(self._line.web.conversations_info(channel=channel))
        there = as_typed(((answer.get("channel") or {}).get("topic") or {}).get("value") or "")
        wanted = merged(there, wordings)
        if wanted is None:
            why = f"there is no room for it beside what stands there already ({len(there)} of {MOST} characters): shorten that"
            return GiveUp(why, Fault.ADDRESS)
        if wanted == there:
            return Shown(changed=False)
        await self._line.ask(self._line.web.conversations_setTopic(channel=channel, topic=wanted))
        return Shown(changed=True)

    async def _members(self, group: str) -> Shown:
        await self._line.ask(self._line.web.usergroups_users_list(usergroup=group))
        return Shown(changed=False)

    async def _member_of(self, room: str) -> Shown | GiveUp:
        channel = await self._channel(room)
        if isinstance(channel, GiveUp):
            return channel
        answer = await self._line.ask(self._line.web.conversations_info(channel=channel))
        if (answer.get("channel") or {}).get("is_member") is False:
            raise Refused(200, "not_in_channel")
        return Shown(changed=False)

    async def _channel(self, address: str) -> str | GiveUp:
        to = place(address)
        return (await self._places.to_read(to) if to is not None else "") or GiveUp(
            "no such channel, or one the bot can't see", Fault.ADDRESS
        )


def as_typed(topic: str) -> str:
    """A topic as somebody would type it: Slack gives it back with links in brackets and three characters as entities."""
    return html.unescape(_BARE.sub(r"\1", _LABELLED.sub(r"\1", _CHANNEL.sub(r"#\1", topic))))
