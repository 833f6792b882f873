"""Escalation policies: ordered stages."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

import msgspec

from pager.model.condition import Condition
from pager.model.hours import Hours
from pager.model.origin import Origin


class TargetKind(StrEnum):
    USER = "user"
    SCHEDULE = "schedule"
    TEAM = "team"
    SERVICE = "service"
    CHANNEL = "channel"  # a notice: `channel:slack/#incident-critical`


_NEXT = "/next"


class Target(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """`user:ana`, `schedule:x`, `schedule:x/next`, `team:x`, `service:x`, `channel:slack/#x`. `name` is what follows the colon."""

    kind: TargetKind
    name: str
    origin: Origin | None = None

    @property
    def in_turn(self) -> bool:
        """`schedule:x/next`: for each incident one in turn of those on call."""
        return self.kind is TargetKind.SCHEDULE and self.name.endswith(_NEXT)

    @property
    def schedule(self) -> str:
        """The schedule's name, without `/next`."""
        return self.name.removesuffix(_NEXT)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class OnTimeout(StrEnum):
    ADVANCE = "advance"
    REPEAT = "repeat"


class Stage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is paged, over which channels, and for how long. `via` empty: each person's own ladder runs."""

    notify: tuple[Target, ...]
    name: str = ""
    via: tuple[str, ...] = ()
    ack_timeout: timedelta = timedelta(minutes=5)
    resolve_timeout: timedelta | None = None
    on_timeout: OnTimeout = OnTimeout.ADVANCE
    repeat_limit: int = 3
    repeat_every: timedelta | None = None
    condition: Condition | None = None
    during: Hours | None = None
    wait_for_hours: Hours | None = None
    wait_for_all: bool = False
    major_incident: str | None = None  # the channel's name template
    origin: Origin | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`loop` more passes follow the first; then the catch-all is paged."""

    name: str
    stages: tuple[Stage, ...]
    loop: int = 0
    ack_expires: timedelta | None = None
    origin: Origin | None = None
