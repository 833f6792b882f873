"""People and teams."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import msgspec

from pager.model.hours import Hours
from pager.model.origin import Origin


class Rung(msgspec.Struct, frozen=True, array_like=True):
    """`after` runs from the first accepted page to this person; `via` names channels, tried at once."""

    after: timedelta
    via: tuple[str, ...]


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    high: tuple[Rung, ...] = ()
    low: tuple[Rung, ...] = ()


class Away(msgspec.Struct, frozen=True, array_like=True):
    """Naive wall-clock times in the person's own zone; half open."""

    start: datetime
    end: datetime
    reason: str = ""
    origin: Origin | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is enough for one person: then the next is asked, unless nobody would be left. `night` is in the person's own zone. `rest` runs from
    the last page of a night, and counts once that night is over. `consecutive_weeks` are those of one rotation."""

    night: Hours = Hours(start=time(22), end=time(7))
    pages_per_night: int | None = None
    rest: timedelta | None = None
    consecutive_weeks: int | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`contact` maps a channel (`sms`, `voice`, `chat`, `email`) to an address. `limits` None: those of the settings."""

    id: str
    name: str
    timezone: str = "UTC"
    contact: dict[str, str] = {}
    ladder: Ladder | None = None
    away: tuple[Away, ...] = ()
    limits: Limits | None = None
    origin: Origin | None = None


class Team(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    members: tuple[str, ...] = ()
    lead: str | None = None
    chat: str | None = None
    origin: Origin | None = None
