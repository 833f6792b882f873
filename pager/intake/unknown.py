"""The page about something that is well formed and yet not understood: nothing that a tool sent is lost."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pager.intake.text import MAX_SUMMARY, clean
from pager.model.alert import Alert, Severity
from pager.model.plain import plain
from pager.model.service import Integration

MOST_ALERTS = 5000
"""In one body. Half a megabyte of what tools send holds some two thousand."""


def scope_of(integration: Integration) -> str:
    """Where the dedup_keys of an integration's alerts are told apart."""
    return integration.dedup_scope or integration.name


def raw_page(
    integration: Integration, sender: str, body: Any, *notes: str, severity: Severity = Severity.ERROR, about: Any = None
) -> Alert:
    """A trigger with the body under `details.raw`. The same content has the same dedup_key: `about` where only a part of the body is not
    understood, so that the rest may change. `notes` say why."""
    return Alert(
        scope=scope_of(integration),
        dedup_key=raw_key(body if about is None else about),
        summary=clean(f"{sender} sent something that is not understood", MAX_SUMMARY),
        severity=severity,
        integration=integration.name,
        details={"raw": plain(body)},
        notes=notes,
    )


def too_many(integration: Integration, sender: str, body: Any, count: int) -> Alert:
    """One page in place of more alerts than MOST_ALERTS; another such body is about the same."""
    note = f"{count} alerts in one body, at most {MOST_ALERTS} are read"
    return raw_page(integration, sender, body, note, severity=integration.severity or Severity.ERROR, about="too many alerts in one body")


def raw_key(content: Any) -> str:
    """The dedup_key of content that names none; the order of keys in a map does not count."""
    text = json.dumps(plain(content), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return "raw:" + hashlib.sha256(text.encode()).hexdigest()[:32]
