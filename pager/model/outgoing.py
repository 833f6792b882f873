"""What leaves the house: entries of the outboxes, and what becomes one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

import msgspec

from pager.model.incident import Page


class Priority(IntEnum):
    """One outbox stream each, served in this order."""

    CRITICAL = 0  # first pages of critical incidents
    PAGE = 1
    REPEAT = 2
    NOTICE = 3


class SendPage(msgspec.Struct, frozen=True, array_like=True, tag="page"):
    """Send page (`incident`, `seq`). The rest is read again from the record right before sending; `provider` says whose slot to wait for, and
    `user`, `channel` and `address` with which others it may be folded into one message. `released`: it was muted until now, and others
    may have been by the same. `digest` as in a Page."""

    incident: int
    seq: int
    attempt: int
    provider: str
    priority: Priority
    user: str = ""
    channel: str = ""
    address: str = ""
    released: bool = False
    digest: bool = False


class LookUp(msgspec.Struct, frozen=True, array_like=True, tag="lookup"):
    """No receipt has come for the page: ask the provider what became of it."""

    incident: int
    seq: int
    provider: str
    priority: Priority = Priority.PAGE


class Notice(msgspec.Struct, frozen=True, array_like=True, tag="notice"):
    """A message that wants no answer. `providers` in order of preference; the text is final. `thread` and `subject` as in a Message.
    `useless_after`: what it says makes no sense any more then."""

    incident: int
    kind: str
    user: str
    channel: str
    address: str
    providers: tuple[str, ...]
    text: str
    priority: Priority = Priority.NOTICE
    thread: str = ""
    subject: str = ""
    useless_after: datetime | None = None


Outgoing = SendPage | LookUp | Notice


class Limit(msgspec.Struct, frozen=True):
    """How often something may be done: `burst` times at once, and once more each `every`. `name` is what is counted."""

    name: str
    every: timedelta
    burst: int


class TellKind(StrEnum):
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    NOT_RESOLVED = "not_resolved"  # the resolve timeout passed: it goes to others as well
    SLA_SOON = "sla_soon"
    NOBODY = "nobody"
    ESCALATED = "escalated"
    STABLE = "stable"  # it has flapped, and now fires without a break
    ASK_OWNER = "ask_owner"  # no repeat for long: is it over?


class Tell(msgspec.Struct, frozen=True):
    """A notice to write: to `users` over the channel each was paged on, and to `team`, where not empty, as its owner."""

    kind: TellKind
    users: tuple[str, ...] = ()
    team: str = ""
    what: str = ""


class Planned(msgspec.Struct, frozen=True):
    """New pages for a person's rung, without their `seq` and `turn`; `skipped` says why a channel has none."""

    pages: tuple[Page, ...]
    skipped: tuple[str, ...] = ()
