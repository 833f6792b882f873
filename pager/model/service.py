"""Services, the integrations that speak of them, and heartbeats."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from pager.model.alert import Severity, Urgency
from pager.model.hours import Hours
from pager.model.origin import Origin


class Sla(msgspec.Struct, frozen=True, array_like=True):
    """Both run from the moment the incident opened."""

    ack: timedelta | None = None
    resolve: timedelta | None = None


class Service(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    team: str | None = None
    policy: str | None = None
    tier: int | None = None
    runbook: str = ""
    sla: Sla = Sla()
    urgency: Urgency | None = None
    support_hours: Hours | None = None
    labels: dict[str, str] = {}
    origin: Origin | None = None


class Integration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`key` is a secret. `resolve_after`: no repeat for that long resolves the incident, or asks its owner where `ask_owner`."""

    name: str
    kind: str
    key: str = ""
    service: str | None = None
    dedup_scope: str | None = None
    secret: str = ""
    severity: Severity | None = None
    resolve_after: timedelta | None = None
    ask_owner: bool = False
    fields: dict[str, str] = {}  # of `generic`: CEL over `body`
    origin: Origin | None = None


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    key: str = ""
    period: timedelta = timedelta(minutes=1)
    grace: timedelta = timedelta(0)
    service: str | None = None
    severity: Severity = Severity.ERROR
    paused: bool = False
    origin: Origin | None = None
