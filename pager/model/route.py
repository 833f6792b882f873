"""Routes: ordered rules, the first that matches wins."""

from __future__ import annotations

import msgspec

from pager.model.alert import Severity, Urgency
from pager.model.condition import Condition
from pager.model.origin import Origin


class Route(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an alert that meets `condition` is given. `suppress` is a reason: the incident is recorded, nobody is paged.
    `start_at` names a stage of the policy."""

    name: str
    condition: Condition
    service: str | None = None
    policy: str | None = None
    severity: Severity | None = None
    urgency: Urgency | None = None
    labels: dict[str, str] = {}
    start_at: str | None = None
    suppress: str | None = None
    origin: Origin | None = None
