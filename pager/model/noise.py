"""Noise rules as configured. They are read and kept; `pagerd check` says which are not active yet."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from pager.model.alert import Severity
from pager.model.condition import Condition
from pager.model.hours import Hours
from pager.model.mute import Silence
from pager.model.origin import Origin

TOGETHER = ("condition",)
"""The `by` of a rule that counts all alerts it is for as one."""


class Inhibit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    if_open: Condition
    mute: Condition
    equal: tuple[str, ...] = ()
    origin: Origin | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    by: tuple[str, ...]
    window: timedelta
    sliding: bool = False
    limit: int | None = None
    condition: Condition | None = None
    origin: Origin | None = None


class Pause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    condition: Condition
    wait: timedelta
    origin: Origin | None = None


class Threshold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    condition: Condition
    count: int
    within: timedelta
    by: tuple[str, ...] = ()
    origin: Origin | None = None


class Recurring(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    condition: Condition
    count: int
    within: timedelta
    severity: Severity
    by: tuple[str, ...] = ()
    origin: Origin | None = None


class Flap(msgspec.Struct, frozen=True, kw_only=True):
    changes: int
    within: timedelta
    hold: timedelta
    origin: Origin | None = None


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """From one incident more than `pages` in `within` on it storms. `per`: `service`, `team` or `all`."""

    pages: int
    within: timedelta
    per: str = "service"
    origin: Origin | None = None


class Maintenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A window: `hours` recurring, or `start` to `end` once (naive, in the installation's zone)."""

    name: str
    condition: Condition
    hours: Hours | None = None
    start: datetime | None = None
    end: datetime | None = None
    origin: Origin | None = None


class Noise(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    inhibit: tuple[Inhibit, ...] = ()
    group: tuple[Group, ...] = ()
    pause: tuple[Pause, ...] = ()
    threshold: tuple[Threshold, ...] = ()
    recurring: tuple[Recurring, ...] = ()
    flap: Flap | None = None
    storm: tuple[Storm, ...] = (Storm(pages=20, within=timedelta(minutes=1)),)  # each with another `per`; none: off
    maintenance: tuple[Maintenance, ...] = ()
    silences: tuple[Silence, ...] = ()  # their times are naive, in the installation's zone
    suppress_at_most: timedelta | None = None
