"""Where alerts lead: for each kind of alert that the config speaks of, which policy has it before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from pager.model.alert import Alert, Severity, Urgency
from pager.model.condition import Condition
from pager.model.config import Config
from pager.model.hours import WEEKDAYS, Hours
from pager.route.assign import Assignment, Router


class Lead(msgspec.Struct, frozen=True):
    """What becomes of an alert. `policy` is empty where only the catch-all is left; `suppress` is a reason, or None. `support`: its urgency is
    that in these hours, and low outside of them."""

    service: str
    policy: str
    urgency: Urgency
    start_at: str | None = None
    suppress: str | None = None
    support: Hours | None = None

    def words(self, other: Lead) -> str:
        """What becomes of it, as far as the other differs."""
        if self.suppress is not None or other.suppress is not None:
            other = Lead("", "-", self.urgency)  # all of it
        if self.suppress is not None:
            return f"nobody: {self.suppress}"
        parts = [
            (f"policy {self.policy}" if self.policy else "the catch-all alone", self.policy != other.policy),
            (f"from stage {self.start_at} on" if self.start_at else "from the first stage on", self.start_at != other.start_at),
            (self._urgency(), (self.urgency, self.support) != (other.urgency, other.support)),
            (f"service {self.service}" if self.service else "no service", self.service != other.service),
        ]
        return ", ".join(words for words, differs in parts if differs)

    def _urgency(self) -> str:
        return f"{self.urgency} urgency{f', low outside of {_written(self.support)}' if self.support else ''}"


class Redirected(msgspec.Struct, frozen=True):
    """Alerts of these `severities` that are like `alert`, such as `service db`, now lead elsewhere."""

    alert: str
    severities: tuple[Severity, ...]
    old: Lead
    new: Lead


def redirected(old: Config, new: Config) -> tuple[Redirected, ...]:
    """Tried with an alert for each service and each integration that both know, and for each plain value that a route of either asks for."""
    routers = Router(old), Router(new)
    found: list[Redirected] = []
    for sample in _samples(old, new):
        by_leads: dict[tuple[Lead, Lead], list[Severity]] = {}
        for severity in sample.severities:
            before, after = (_lead(router.assign(replace(sample.alert, severity=severity))) for router in routers)
            if before != after:
                by_leads.setdefault((before, after), []).append(severity)
        found += [Redirected(sample.words, tuple(severities), *leads) for leads, severities in by_leads.items()]
    return tuple(found)


def _lead(found: Assignment) -> Lead:
    if found.suppress is not None:
        return Lead(found.service, "", found.urgency, suppress=found.suppress)
    return Lead(found.service, found.policy, found.urgency, found.start_at, support=found.hours)


def _written(hours: Hours) -> str:
    days = "" if len(hours.days) == len(WEEKDAYS) else f"{' '.join(WEEKDAYS[day] for day in hours.days)} "
    dates = "".join(f" {word} {day}" for word, day in (("from", hours.first_date), ("to", hours.last_date)) if day)
    return f"{days}{hours.start:%H:%M}-{hours.end:%H:%M}{f' {hours.timezone}' if hours.timezone else ''}{dates}"


# --- samples --------------------------------------------------------------------------------------------------------------------------
class _Sample(msgspec.Struct, frozen=True):
    """`words` say what is special about the alert."""

    words: str
    alert: Alert
    severities: tuple[Severity, ...] = tuple(Severity)


def _samples(old: Config, new: Config) -> Iterable[_Sample]:
    """What is said in the same words once."""
    services = sorted(old.services.keys() & new.services.keys())
    integrations = sorted(old.integrations.keys() & new.integrations.keys())
    found = [_sample({}), *(_sample({"service": name}) for name in services), *(_sample({"integration": name}) for name in integrations)]
    for route in sorted((*old.routes, *new.routes), key=lambda route: route.name):
        found += map(_sample, _meeting(route.condition))
    return {(sample.words, sample.severities): sample for sample in found}.values()


def _meeting(condition: Condition) -> Iterable[dict[str, str]]:
    """Facts that meet its terms: one for each value, with the first value of the other terms. None where a term is a regular expression."""
    if not condition.terms or any(not term.values for term in condition.terms):
        return
    first = {term.key: term.values[0] for term in condition.terms}
    for term in condition.terms:
        for value in term.values:
            yield {**first, term.key: value}


def _sample(facts: Mapping[str, str]) -> _Sample:
    """`facts` by the keys of terms."""
    fields: dict[str, Any] = {"labels": {}, "details": {}}
    words = []
    for key, value in facts.items():
        kind, dot, name = key.partition(".")
        if dot:
            fields[kind][name] = value
            words.append(f"{name if kind == 'labels' else key}={value}")
        elif key == "team":
            fields["labels"][key] = value
            words.append(f"team={value}")
        elif key != "severity":
            fields["class_" if key == "class" else key] = value
            words.append(f"{key} {value}")
    alert = Alert(scope="plan", dedup_key="plan", summary="an alert", **fields)
    severities = tuple(s for s in Severity if s == facts.get("severity", s))
    return _Sample(", ".join(words) or "no service", alert, severities)
