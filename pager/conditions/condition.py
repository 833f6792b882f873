"""A condition against the facts of an alert."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pager.conditions.cel import evaluate
from pager.conditions.verdict import DOES_NOT, HOLDS, DoesNot, Failed, Holds, Verdict
from pager.model.alert import Alert
from pager.model.condition import Condition, Term

__all__ = ["DoesNot", "Facts", "Failed", "Holds", "Verdict", "check"]


class Facts:
    """What conditions may ask of an alert, with what routing has made of it."""

    __slots__ = ("_alert", "_cel", "_changed")

    def __init__(self, alert: Alert, changed: dict[str, Any]) -> None:
        self._alert = alert
        self._changed = changed
        self._cel: dict[str, Any] | None = None

    @classmethod
    def of(cls, alert: Alert, **changed: Any) -> Facts:
        """`changed` takes precedence over the alert's own: severity, service, urgency, labels, stage (from 1), alerts, repeats."""
        return cls(alert, changed)

    def text(self, key: str) -> str | None:
        """The value under a term's key; None when there is none."""
        kind, _, name = key.partition(".")
        if not name:
            value = self._changed.get(key)
            value = getattr(self._alert, "class_" if key == "class" else key) if value is None else value
            return str(value) if value else None
        if kind == "labels":
            labels: dict[str, str] = self._changed.get("labels") or self._alert.labels
            return labels.get(name)
        return _plain(self._alert.details.get(name))

    def for_cel(self) -> dict[str, Any]:
        if self._cel is None:
            alert = self._alert
            self._cel = {
                "severity": str(alert.severity), "source": alert.source, "service": alert.service, "component": alert.component,
                "group": alert.group, "class": alert.class_, "integration": alert.integration, "summary": alert.summary,
                "urgency": "", "dedup_key": alert.dedup_key, "action": str(alert.action), "labels": alert.labels,
                "details": alert.details, "stage": 0, "alerts": 1, "repeats": 0,
            }  # fmt: skip
            for name, value in self._changed.items():
                self._cel[name] = str(value) if isinstance(value, str) else value
        return self._cel


def check(condition: Condition | None, facts: Facts) -> Verdict:
    """Terms first, since they are cheap; the expression only where they hold."""
    if condition is None:
        return HOLDS
    if not terms_hold(condition.terms, facts):
        return DOES_NOT
    return evaluate(condition.expression, facts.for_cel()) if condition.expression else HOLDS


def terms_hold(terms: Sequence[Term], facts: Facts) -> bool:
    return all(_holds(term, facts.text(term.key)) for term in terms)


def _holds(term: Term, value: str | None) -> bool:
    if value is None:
        return False
    return value in term.values or (term.regex is not None and _regex(term.regex).fullmatch(value) is not None)


@lru_cache(maxsize=4096)
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _plain(value: Any) -> str | None:
    """Details are JSON: what YAML writes as `true` or `3` is compared by its text."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case _:
            return None
