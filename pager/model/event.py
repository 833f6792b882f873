"""What can happen to an incident. `decide` takes one of these at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from pager.model.alert import Alert

EntryId = tuple[int, int]


class AlertSeen(msgspec.Struct, frozen=True, tag=True):
    """An alert from intake. `oldest_pending` is the oldest entry of the stream that some worker has not finished: older applied ids
    need not be remembered."""

    alert: Alert
    entry: EntryId
    oldest_pending: EntryId = (0, 0)


class Due(msgspec.Struct, frozen=True, tag=True):
    """The incident's earliest deadline has come."""


class Look(msgspec.Struct, frozen=True, tag=True):
    """What mutes it may have changed."""


class PageAccepted(msgspec.Struct, frozen=True, tag=True):
    """The provider said yes. `receipt` is its id for the message. `found`: it had said so before, and a look-up told. `folded` as in a Page;
    `count` is for how many pages the message speaks."""

    seq: int
    attempt: int
    provider: str
    receipt: str
    found: bool = False
    expects_receipt: bool = True
    folded: str = ""
    count: int = 1


class PageDeferred(msgspec.Struct, frozen=True, tag=True):
    """Not done, and worth another try at the same provider after `after`."""

    seq: int
    attempt: int
    after: timedelta
    why: str


class Fault(StrEnum):
    """How far a failure reaches: what is worth trying next."""

    PROVIDER = "provider"  # another provider may carry it
    ADDRESS = "address"  # this address on this channel will not work; another channel may
    AGAIN_ONCE = "again_once"  # the same once more, then as ADDRESS


class PageFailed(msgspec.Struct, frozen=True, tag=True):
    """Refused for good, by the provider at once or by a receipt later."""

    seq: int
    attempt: int
    why: str
    fault: Fault = Fault.PROVIDER


class PageDelivered(msgspec.Struct, frozen=True, tag=True):
    """A receipt says that it arrived."""

    seq: int


class PageUnconfirmed(msgspec.Struct, frozen=True, tag=True):
    """Accepted long ago, and the provider can't say that it arrived: not trusted."""

    seq: int
    why: str


class ReplyAction(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    SNOOZE = "snooze"
    ESCALATE = "escalate"
    ASSIGN = "assign"
    NOTE = "note"


class Reply(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Anything a human says back. `by` is a user's id, or `cli`, or an integration's name; `via` is how it came in. `once`, where not empty,
    identifies the request: the store takes it a single time."""

    action: ReplyAction
    by: str
    via: str
    duration: timedelta | None = None  # of a snooze
    target: str = ""  # of an assignment
    text: str = ""  # of a note
    page: int = 0
    once: str = ""


Event = AlertSeen | Due | Look | PageAccepted | PageDeferred | PageFailed | PageDelivered | PageUnconfirmed | Reply


class Answer(msgspec.Struct, frozen=True):
    """What is said back to whoever replied. `done` is False when nothing changed; `refused` when it was not allowed or not
    understood; `replayed` when the very same request was taken before."""

    text: str
    done: bool = True
    refused: bool = False
    replayed: bool = False


class Entry(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One line of the audit and of an incident's timeline. `event` is a dotted name such as `page.accepted`; `who` a person, tool or `pagerd`;
    `what` a sentence that gives the reason; `origin` is `file:line:column` of the rule behind it."""

    at: datetime
    incident: int
    event: str
    who: str = "pagerd"
    what: str = ""
    origin: str = ""
