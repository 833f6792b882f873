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


class NamedShift(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a rotation's round that has its own length, on the wall clock. With `users` they take it in turn, round by round; without, the
    layer's users do, turn by turn."""

    name: str
    lasts: timedelta
    users: tuple[str | None, ...] = ()
    origin: Origin | None = None


class Layer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rotation: turns of one length (`every`), or rounds of named `shifts`, from `starts` on. None among `users` is a blank slot. `begins`
    and `ends` say when the layer is in effect; the turns are counted from `starts` all the same. All three are naive wall-clock times in
    `timezone`, or where that is None in the schedule's. With `calendar` whoever its running events name is on call, and nothing is counted."""

    name: str
    users: tuple[str | None, ...] = ()
    every: Every = Every()
    starts: datetime = datetime.min
    shifts: tuple[NamedShift, ...] = ()
    calendar: str = ""
    only: tuple[Hours, ...] = ()
    take: int = 1
    begins: datetime | None = None
    ends: datetime | None = None
    timezone: str | None = None
    origin: Origin | None = None


class OverrideKind(StrEnum):
    REPLACE = "replace"  # `user` instead of everyone, or with `instead_of` of that person's part only
    ADD = "add"
    REMOVE = "remove"


class Override(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`start` and `end` are naive wall-clock times in the schedule's zone, or instants (UTC) where it was said at run time; half open. `id` is
    empty for those from files."""

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
    """Who covers public holidays, in turn: those of a country and region by the `holidays` library, and the whole days of a calendar."""

    users: tuple[str, ...]
    country: str = ""
    region: str | None = None
    calendar: str | None = None
    origin: Origin | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A later layer wins where it has somebody. Overrides apply in order on what the layers leave: those of the files, those of
    `override_calendars`, those of run time. `named` are the users whom its calendars may name, as far as the config can tell."""

    name: str
    timezone: str
    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()
    override_calendars: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
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
