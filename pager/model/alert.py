"""An alert: one signal from a tool."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Action(StrEnum):
    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class Severity(StrEnum):
    """PD-CEF severities, the worst first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return _RANK[self]

    def worse_than(self, other: Severity) -> bool:
        return _RANK[self] < _RANK[other]


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Urgency(StrEnum):
    HIGH = "high"
    LOW = "low"


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    href: str
    text: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What intake makes of a payload. (`scope`, `dedup_key`) is its identity; `summary` is empty only for other actions than trigger.
    `notes` says what intake had to mend (an unknown severity, a cut text)."""

    scope: str
    dedup_key: str
    action: Action = Action.TRIGGER
    summary: str = ""
    severity: Severity = Severity.ERROR
    source: str = ""
    service: str = ""
    component: str = ""
    group: str = ""
    class_: str = msgspec.field(default="", name="class")
    integration: str = ""
    timestamp: datetime | None = None
    labels: dict[str, str] = {}
    details: dict[str, Any] = {}
    links: tuple[Link, ...] = ()
    images: tuple[str, ...] = ()
    client: str = ""
    client_url: str = ""
    notes: tuple[str, ...] = ()


class Member(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """How an open alert counts in an incident that has several. `hushed` is the key of what muted it as it came. `first`: the incident began
    with it."""

    severity: Severity
    hushed: str = ""
    first: bool = False


class AlertRecord(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """Everything remembered of one identity. It points to the incident that its latest trigger belongs to.

    Entry ids are stream ids, `(milliseconds, sequence)`. `applied` holds the ids applied since the oldest one still pending in the stream, so
    that a redelivered entry counts once. The other ids place an entry that comes out of order."""

    alert: Alert  # the newest trigger's content; before any trigger, that of the resolve or acknowledge
    incident: int = 0  # 0: none yet, no trigger was seen
    open: bool = False
    repeats: int = 0  # triggers after the first
    first_at: datetime | None = None
    last_at: datetime | None = None
    applied: tuple[tuple[int, int], ...] = ()
    opened_by: tuple[int, int] = (0, 0)  # the oldest trigger of the incident
    newest_trigger: tuple[int, int] = (0, 0)
    ended_by: tuple[int, int] = (0, 0)  # what ended the latest incident; a person's resolve counts by its time
    newest_resolve: tuple[int, int] = (0, 0)
    newest_ack: tuple[int, int] = (0, 0)
    version: int = 0
    watched: bool = False  # its repeats matter for more than their number
    changes: tuple[datetime, ...] = ()  # when it began and ceased to fire, lately
    flapping: bool = False  # its incident stays open, whether it fires or not, until it is stable
    firing: bool = True  # of one that flaps
    member: Member | None = None  # of a group
