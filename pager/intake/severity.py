"""Severities by the names that tools and people give them."""

from __future__ import annotations

from typing import Any

from pager.model.alert import Severity

_NAMES = {
    Severity.CRITICAL: "critical crit page fatal emergency emerg panic disaster blocker highest p0 p1 sev0 sev1 s1",
    Severity.ERROR: "error err high major severe p2 sev2 s2",
    Severity.WARNING: "warning warn medium moderate minor low p3 p4 sev3 sev4 s3 s4",
    Severity.INFO: "info information informational notice debug lowest p5 sev5 s5",
}
_BY_NAME = {name: severity for severity, names in _NAMES.items() for name in names.split()}


def severity_of(value: Any) -> Severity | None:
    """The severity that a text means, in any case; None when it means none."""
    return _BY_NAME.get(value.strip().lower()) if isinstance(value, str) else None
