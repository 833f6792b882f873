"""Channels: one account at one vendor, which carries messages to people."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from pager.model.event import Fault
from pager.notify.card import Card


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel sends. `id` is unique to the page (`42-3`) or empty for a notice; `code` is the page's reply code; `callback` is where
    receipts go, or empty. `text` says all that matters; a channel with room for more shows `card` instead, with `text` for where it can't
    be shown (a phone's lock screen). `thread` is the same for all messages about an incident, or empty; `link` is a page with buttons to
    answer by, or empty. `pages`: the ids of all pages it speaks for, where there are several."""

    address: str
    text: str
    id: str = ""
    code: str = ""
    callback: str = ""
    valid_for: timedelta = timedelta(minutes=5)
    card: Card | None = None
    thread: str = ""
    link: str = ""
    subject: str = ""
    urgent: bool = False
    pages: tuple[str, ...] = ()


class Sent(msgspec.Struct, frozen=True):
    """The provider said yes. `expects_receipt`: it will tell later whether it arrived."""

    receipt: str
    expects_receipt: bool = True
    found: bool = False


class TryAgain(msgspec.Struct, frozen=True):
    """Surely not done; the same provider may do it after `after`."""

    after: timedelta
    why: str


class GiveUp(msgspec.Struct, frozen=True):
    """Will not be done. `fault` says what is worth trying next."""

    why: str
    fault: Fault = Fault.PROVIDER


SendResult = Sent | TryAgain | GiveUp


class Fate(StrEnum):
    """What a provider says became of a message."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Status(msgspec.Struct, frozen=True):
    fate: Fate
    why: str = ""
    fault: Fault = Fault.ADDRESS


class Channel(Protocol):
    """One account at one vendor. Never raises for what the vendor says or for a broken line: that is in the result."""

    name: str
    kind: str

    async def send(self, message: Message) -> SendResult:
        """Returns within the provider's timeout. An ambiguous end (a time-out, a 500) is looked up before it is called anything."""

    async def find(self, message: Message, since: datetime) -> Sent | None:
        """Whether this very message (by its code, to its address) was accepted since then."""

    async def status(self, receipt: str) -> Status: ...

    async def check(self) -> str | None:
        """None when the credentials work, else what is wrong and what to do."""

    async def close(self) -> None: ...
