"""People and teams."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

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


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`contact` maps a channel (`sms`, `voice`, `chat`, `email`) to an address."""

    id: str
    name: str
    timezone: str = "UTC"
    contact: dict[str, str] = {}
    ladder: Ladder | None = None
    away: tuple[Away, ...] = ()
    origin: Origin | None = None


class Team(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    members: tuple[str, ...] = ()
    lead: str | None = None
    chat: str | None = None
    origin: Origin | None = None
