"""Which reader understands which kind of integration. A new source is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pager.intake.alertmanager import read_webhook
from pager.intake.generic import read_generic
from pager.model.alert import Alert
from pager.model.service import Integration

Reader = Callable[[Any, Integration], tuple[Alert, ...]]
"""From a well-formed body to alerts. What it does not understand becomes an alert that says so."""

READERS: Mapping[str, Reader] = {
    "alertmanager": read_webhook,
    "generic": read_generic,
}

EVENTS_V2 = "events-v2"
"""Has paths of its own: the key stands in the body."""

ACTIVE = frozenset({*READERS, EVENTS_V2})
