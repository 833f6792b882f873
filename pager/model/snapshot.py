"""What a decision about one incident is taken on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from pager.model.alert import AlertRecord
from pager.model.incident import Incident
from pager.model.policy import Policy


class UnreadableError(Exception):
    """A stored value can't be read by this release. The message says why, and what to do. What depends on it is left to a newer one;
    `newer`: one is there, it wrote it."""

    newer = False


class NewerError(UnreadableError):
    newer = True


class Identity(msgspec.Struct, frozen=True, array_like=True):
    scope: str
    dedup_key: str


Suffices = Callable[[Identity, AlertRecord], bool]
"""Whether an identity's record is all that a decision will need: reading its incident is then saved."""


class Pointer(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A small value that several incidents share, under a name: which incident a group is, how many of something there are, when
    they came, and when something was last so of them; of a storm since when they are counted, the first, and how often what was seen.
    Kept for a week after it was written last."""

    incident: int = 0
    count: int = 0
    times: tuple[datetime, ...] = ()
    at: datetime | None = None
    version: int = 0
    since: datetime | None = None
    first: str = ""
    tally: dict[str, int] = {}


class Snapshot(msgspec.Struct, frozen=True):
    """All that a decision about one incident depends on. Versions inside are those of the store when it was read. `unreadable`: why this
    release can't read some of it. Then the rest is empty, and nothing may be decided: it is left to a newer release. `pointers` are those
    asked for; what is not there has version 0. `turns`: how many turns of each schedule's `/next` have been taken. `groups` are the incidents
    that those of groups name, with their policies, by number."""

    record: AlertRecord | None = None
    incident: Incident | None = None
    policy: Policy | None = None
    pointers: Mapping[str, Pointer] = {}
    unreadable: str = ""
    turns: Mapping[str, int] = {}
    groups: Mapping[int, tuple[Incident, Policy | None]] = {}

    @property
    def own(self) -> AlertRecord | None:
        """What is known of the incident's first alert. Its record may have gone on to another incident."""
        incident, record = self.incident, self.record
        if incident is None or incident.ended_with is None:
            return record
        is_its = incident.is_open and record is not None and record.incident == incident.number
        return record if is_its else incident.ended_with


class Code(msgspec.Struct, frozen=True, array_like=True):
    """What a reply code from `address` stands for. `pages`: every page, as (incident, seq), that the same message speaks for, where there are
    several. Under the address FOLD its code is the page's id (`42-3`)."""

    address: str
    code: str
    incident: int
    seq: int
    user: str
    pages: tuple[tuple[int, int], ...] = ()


FOLD = "fold"
