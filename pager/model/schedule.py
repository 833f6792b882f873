"""Schedules: who is on call when."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from pager.model.handoff import Handoff, ShownInSlack
from pager.model.hours import Hours
from pager.model.origin import Origin


class Every(msgspec.Struct, frozen=True, array_like=True):
    """The length of a turn on the wall clock: `12h`, `1d`, `2w`, `1mo`. Just one of both is not zero."""

    wall: timedelta = timedelta(0)
    months: int = 0


class Layer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rotation. `starts` is naive wall-clock time in the schedule's zone. None among `users` is a blank slot."""

    name: str
    users: tuple[str | None, ...]
    every: Every
    starts: datetime
    only: tuple[Hours, ...] = ()
    take: int = 1
    ends: datetime | None = None
    origin: Origin | None = None


class OverrideKind(StrEnum):
    REPLACE = "replace"  # `user` instead of everyone, or with `instead_of` of that person's part only
    ADD = "add"
    REMOVE = "remove"


class Override(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`start` and `end` are naive wall-clock times in the schedule's zone; half open. `id` is empty for those from files."""

    start: datetime
    end: datetime
    kind: OverrideKind
    user: str
    instead_of: str | None = None
    reason: str = ""
    by: str = ""
    id: str = ""
    origin: Origin | None = None


class Holidays(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    country: str
    users: tuple[str, ...]
    region: str | None = None
    origin: Origin | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A later layer wins where it has somebody. Overrides apply in order on what the layers leave."""

    name: str
    timezone: str
    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()
    holidays: Holidays | None = None
    team: str | None = None
    handoff: Handoff | None = None
    slack: ShownInSlack | None = None
    origin: Origin | None = None


class OnCall(msgspec.Struct, frozen=True, kw_only=True):
    """One person on call, and why. `until` (UTC) is when this answer may change; None: never, as far as is known."""

    user: str
    because: str
    origin: Origin | None = None
    until: datetime | None = None
