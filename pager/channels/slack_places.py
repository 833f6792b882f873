"""Where in Slack an address is: people and channel names become ids, which are remembered."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from datetime import timedelta
from typing import Any

import msgspec

from pager.channels.slack_errors import MISSING_SCOPE, NotReached, Refused
from pager.channels.slack_http import SlackLine

_PLACE = re.compile(r"(?:slack:)?(?:(?P<name>#[^\s#@<>&,:|]{1,80})|(?P<channel>[CGD][A-Z0-9]{2,30}))|slack:(?P<user>[UW][A-Z0-9]{2,30})")
_KINDS = ("public_channel,private_channel", "public_channel")  # the second where the app may not see private ones
_PAGE_SIZE = 1000


class Place(msgspec.Struct, frozen=True):
    """One of the three is not empty: a channel's name with its `#`, the id of a channel or conversation, or a person's id."""

    name: str = ""
    channel: str = ""
    user: str = ""


def place(address: str) -> Place | None:
    """`slack:U0ANA`, `#payments`, `slack:#payments`, `C0PAY`; None for anything else."""
    found = _PLACE.fullmatch(address)
    return Place(**{kind: value for kind, value in found.groupdict().items() if value}) if found else None


class Places:
    """Ids by person and by channel name. Opening a person's conversation ends within `timeout`."""

    def __init__(self, line: SlackLine, timeout: timedelta) -> None:
        self._line = line
        self._seconds = timeout.total_seconds()
        self._ids: dict[str, str] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def __contains__(self, known: str) -> bool:
        return known in self._ids

    def learn(self, to: Place, channel: str) -> None:
        if to.name:
            self._ids[to.name] = channel

    def forget(self, to: Place) -> None:
        self._ids.pop(to.user, None)

    async def to_post(self, to: Place) -> str:
        """What chat.postMessage takes: it takes names as they are. Raises what SlackLine.ask raises."""
        return await self._opened(to.user) if to.user else to.channel or to.name

    async def to_read(self, to: Place) -> str:
        """An id: names serve for posting, nowhere else. Empty where no channel has that name."""
        if to.name:
            return await self._named(to.name)
        return await self.to_post(to)

    async def _opened(self, user: str) -> str:
        """One request, however many pages wait for it: Slack takes about 50 a minute (its Tier 3)."""
        if user in self._ids:
            return self._ids[user]
        async with asyncio.timeout(self._seconds), self._opening[user]:
            if user not in self._ids:
                answer = await self._line.ask(self._line.web.conversations_open(users=user))
                self._ids[user] = _id(answer.get("channel"))
            return self._ids[user]

    async def _named(self, name: str) -> str:
        for kinds in _KINDS:
            try:
                return self._ids.get(name) or await self._listed(name, kinds)
            except Refused as no:
                if no.error != MISSING_SCOPE or kinds == _KINDS[-1]:
                    raise
        return ""

    async def _listed(self, name: str, kinds: str) -> str:
        """Remembers every channel on the way: whoever asks for one by its name has others."""
        cursor = None
        while True:
            request = self._line.web.conversations_list(types=kinds, exclude_archived=True, limit=_PAGE_SIZE, cursor=cursor)
            answer = await self._line.ask(request)
            for channel in answer.get("channels", ()):
                self._ids[f"#{channel.get('name')}"] = _id(channel)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if name in self._ids or not cursor:
                return self._ids.get(name, "")


def _id(channel: Any) -> str:
    """Raises NotReached where the answer names none: as good as no answer."""
    value = channel.get("id") if isinstance(channel, dict) else None
    if not isinstance(value, str) or not value:
        raise NotReached("Slack's answer names no conversation")
    return value
