"""Chats that show an incident: which are to be looked at, and how a message is kept up to date."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from pager.notify.card import Card
from pager.ports.channels import SendResult, Sent
from pager.ports.incidents import Claim


class Post(msgspec.Struct, frozen=True, array_like=True):
    """What is known of an incident's message in a chat channel. `receipt` is the vendor's name for it, empty before it is there; `version` the
    incident's version that it shows, `told` how many entries of the timeline its thread has told. `trying` is set from before a new message is
    asked for until its answer is noted, to how many entries it would have told (1 for the first message): the message may be there already."""

    address: str
    provider: str
    receipt: str = ""
    version: int = 0
    told: int = 0
    trying: int = 0


class Boards(Protocol):
    """Which incidents' chat messages are to be looked at, and what is known of those messages. A commit that says something about an incident
    that `is_shown` puts it there."""

    async def claim(self, limit: int, lease: timedelta) -> list[Claim]:
        """Incidents to look at now, leased to the caller."""

    async def done(self, claim: Claim, version: int) -> None:
        """What `version` of the incident says is shown. Where it has changed since, it is due again."""

    async def again(self, claim: Claim, at: datetime) -> None: ...
    async def posts(self, number: int) -> list[Post]: ...
    async def save(self, number: int, post: Post) -> None: ...


class Board(Protocol):
    """A chat where an incident has one message in a channel, kept up to date, and a thread under it. Never raises for what the vendor says
    or for a broken line. `key` names a message: the same message asked for again has the same key."""

    name: str

    async def post(self, address: str, card: Card, text: str, key: str) -> SendResult:
        """A new message in the channel `address` (`#payments` or the vendor's id)."""

    async def update(self, receipt: str, card: Card, text: str) -> SendResult:
        """Show this card in place of what the message shows. Done twice, it is as if done once."""

    async def reply(self, receipt: str, text: str, key: str) -> SendResult:
        """Several lines into the thread under the message."""

    async def find_post(self, address: str, key: str, since: datetime) -> Sent | None: ...
    async def find_reply(self, receipt: str, key: str) -> Sent | None: ...
