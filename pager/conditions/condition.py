"""A condition against the facts of an alert."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pager.conditions.cel import Activation, bind, evaluate
from pager.conditions.match import holds
from pager.conditions.verdict import DOES_NOT, HOLDS, DoesNot, Failed, Holds, Verdict
from pager.model.alert import Alert
from pager.model.condition import Condition

__all__ = ["DoesNot", "Facts", "Failed", "Holds", "Verdict", "check"]


class Facts:
    """What conditions may ask of an alert, with what routing has made of it."""

    __slots__ = ("_alert", "_bound", "_changed")

    def __init__(self, alert: Alert, changed: dict[str, Any]) -> None:
        self._alert = alert
        self._changed = changed
        self._bound: Activation | None = None

    @classmethod
    def of(cls, alert: Alert, **changed: Any) -> Facts:
        """`changed` takes precedence over the alert's own: severity, service, team (where no label says it), urgency, labels, stage (from 1),
        alerts, repeats. What is None in it changes nothing."""
        return cls(alert, {name: value for name, value in changed.items() if value is not None})

    def get(self, key: str, /) -> str | None:
        """The value under a term's key; None when there is none, or an empty one."""
        kind, _, name = key.partition(".")
        if not name:
            if key == "team":
                return self._team() or None
            value = self._changed.get(key)
            value = getattr(self._alert, "class_" if key == "class" else key) if value is None else value
            return str(value) if value else None
        if kind == "labels":
            labels: dict[str, str] = self._changed.get("labels", self._alert.labels)
            return labels.get(name)
        return _plain(self._changed.get("details", self._alert.details).get(name))

    def _team(self) -> str:
        """The alert's own word for it, else whose service it is."""
        labels: dict[str, str] = self._changed.get("labels", self._alert.labels)
        return labels.get("team") or self._changed.get("team") or ""

    def without(self, keys: Iterable[str]) -> Facts:
        """The same, as if the alert had none of these fields."""
        return Facts(self._alert, {**self._changed, **{key: {} if key == "details" else "" for key in keys}})

    def for_cel(self) -> Activation:
        """The same for expressions, made at the first that asks and reused by the others: that costs more than most expressions."""
        if self._bound is None:
            self._bound = bind(self._variables())
        return self._bound

    def _variables(self) -> dict[str, Any]:
        alert = self._alert
        own: dict[str, Any] = {
            "severity": str(alert.severity), "source": alert.source, "service": alert.service, "component": alert.component,
            "group": alert.group, "class": alert.class_, "integration": alert.integration, "summary": alert.summary,
            "urgency": "", "dedup_key": alert.dedup_key, "action": str(alert.action), "labels": alert.labels,
            "details": alert.details, "stage": 0, "alerts": 1, "repeats": 0,
        }  # fmt: skip
        for name, value in self._changed.items():
            own[name] = str(value) if isinstance(value, str) else value  # CEL takes no enum
        return own | {"team": self._team()}


def check(condition: Condition | None, facts: Facts) -> Verdict:
    """Terms first, since they are cheap; the expression only where they hold."""
    if condition is None:
        return HOLDS
    if not holds(condition.terms, facts):
        return DOES_NOT
    return evaluate(condition.expression, facts.for_cel()) if condition.expression else HOLDS


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
