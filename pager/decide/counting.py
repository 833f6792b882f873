"""What several alerts together mean: too few of them, or once too often."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from pager.conditions.condition import Facts
from pager.decide.rules import Rules
from pager.escalate.draft import Draft, Shared
from pager.model.alert import Alert, AlertRecord
from pager.model.incident import Incident
from pager.model.mute import Mute
from pager.model.noise import Recurring
from pager.model.snapshot import Pointer
from pager.model.times import duration
from pager.noise.counts import Counted, one_more, raised, too_few
from pager.noise.mutes import longest
from pager.route.assign import Assignment

AT_ONCE = timedelta(0)


def names_for(alert: Alert, record: AlertRecord | None, to_be: Facts, rules: Rules) -> list[str]:
    """Of the pointers that an alert may be counted in. One that is open, and that nothing watches, is not counted."""
    names = list(rules.inhibitions.sides(to_be).names())
    if record is None or not record.open or record.watched:
        assigned = rules.router.assign(alert)
        facts = _as_it_came(alert, assigned.service, assigned.labels, rules)
        names += [one.name for counter in (rules.thresholds, rules.recurring) for one in counter.of(alert, facts)]
    return names


def recurs(
    alert: Alert, assigned: Assignment, pointers: Mapping[str, Pointer], rules: Rules, number: int, now: datetime
) -> tuple[Mapping[str, Pointer], Recurring | None]:
    """The pointers with one more incident, or alert of one, counted, and the rule by which its severity rises for that."""
    counted = rules.recurring.of(alert, _as_it_came(alert, assigned.service, assigned.labels, rules)) if rules.recurring else []
    if not counted:
        return pointers, None
    pointers = {**pointers, **{one.name: one_more(one, pointers.get(one.name, Pointer()), number, now) for one in counted}}
    return pointers, raised(counted, pointers, alert.severity, now)


def raised_words(alert: Alert, by: Recurring) -> str:
    return f"{alert.severity} becomes {by.severity}: {by.count} in {duration(by.within)} (recurring {by.name})"


def thresholds_of(incident: Incident, alert: Alert, rules: Rules) -> list[Counted]:
    return rules.thresholds.of(alert, _as_it_came(alert, incident.service, incident.labels, rules))


def too_few_yet(d: Draft, assigned: Assignment, rules: Rules) -> list[Mute]:
    """As it opens: it is counted, and muted where there are too few. Where there are enough, those that waited for it page as well."""
    counted = rules.thresholds.of(d.alert, _as_it_came(d.alert, assigned.service, assigned.labels, rules)) if rules.thresholds else []
    _count(d, counted)
    return _waiting(d, counted, d.now)


def still_too_few(d: Draft, rules: Rules) -> list[Mute]:
    """At a later look."""
    return _waiting(d, thresholds_of(d.incident, d.alert, rules), d.incident.muted_at or d.incident.opened_at) if d.watched else []


def count_repeat(d: Draft, rules: Rules) -> None:
    """One more of an alert that waits for more."""
    if d.incident.group:  # what it has is not what all of them have
        assigned = rules.router.assign(d.alert)
        return _count(d, rules.thresholds.of(d.alert, _as_it_came(d.alert, assigned.service, assigned.labels, rules)))
    return _count(d, thresholds_of(d.incident, d.alert, rules))


def _count(d: Draft, counted: list[Counted]) -> None:
    for one in counted:
        pointer = one_more(one, d.pointers.get(one.name, Pointer()), d.incident.number, d.now)
        d.point(one.name, pointer)
        if pointer.at == d.now:
            d.shared |= Shared(wakes=((one.name, AT_ONCE),))


def _waiting(d: Draft, counted: list[Counted], since: datetime) -> list[Mute]:
    found = [(one, mute) for one in counted if (mute := too_few(one, d.pointers, since))]
    d.watched = bool(found)
    if not found:
        return []
    d.shared |= Shared(joins=tuple(one.name for one, _ in found))
    by = longest(mute for _, mute in found)
    return [by] if by else []


def _as_it_came(alert: Alert, service: str, labels: dict[str, str], rules: Rules) -> Facts:
    """With its own severity: what it is raised to, and for how long, must not change where it is counted."""
    known = rules.config.services.get(service)
    return Facts(alert, {"service": service, "team": known.team if known else "", "labels": labels})
