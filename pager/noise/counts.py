"""Counting alerts in a window: what pages only after several of them, and what becomes worse by coming again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from pager.conditions.condition import Facts
from pager.conditions.index import RuleIndex
from pager.model.alert import Alert, Severity
from pager.model.condition import key_of
from pager.model.mute import Mute, MuteKind
from pager.model.noise import TOGETHER, Recurring, Threshold
from pager.model.snapshot import Pointer
from pager.model.times import duration
from pager.noise.naming import digest

Rule = Threshold | Recurring


class Counted(msgspec.Struct, frozen=True):
    """A rule that counts an alert, and the name of the pointer in which it does."""

    rule: Rule
    name: str


class Counter:
    """The rules of one kind. Without `by` each alert's key is counted for itself, by TOGETHER all that the rule is for; an alert that lacks
    one of the keys is not counted."""

    def __init__(self, kind: str, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._index = RuleIndex([rule.condition for rule in rules])
        self._keys = [tuple(map(key_of, rule.by)) for rule in rules]
        self._ids = [f"{kind}:{digest(rule.name, repr((rule.condition.terms, rule.by, rule.count, rule.within)))}" for rule in rules]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def of(self, alert: Alert, facts: Facts) -> list[Counted]:
        if not self._rules:
            return []
        found = []
        for k in self._index.all(facts):
            by = self._rules[k].by
            values = list(by) if by == TOGETHER else [facts.get(key) for key in self._keys[k]] or [alert.scope, alert.dedup_key]
            if all(values):
                found.append(Counted(self._rules[k], f"{self._ids[k]}:{digest(*map(str, values))}"))
        return found


def one_more(counted: Counted, pointer: Pointer, number: int, now: datetime) -> Pointer:
    """The pointer with one more counted. `at` is when there were last enough of them."""
    rule = counted.rule
    times = (*(at for at in pointer.times if at > now - rule.within), now)[-rule.count :]
    return replace(pointer, times=times, incident=number, at=now if len(times) >= rule.count else pointer.at)


def too_few(counted: Counted, pointers: Mapping[str, Pointer], since: datetime) -> Mute | None:
    """The mute of a threshold that has not been reached since then."""
    pointer = pointers.get(counted.name) or Pointer()
    if pointer.at is not None and pointer.at >= since:
        return None
    rule = counted.rule
    reason = f"only {len(pointer.times)} of {rule.count} in {duration(rule.within)} (threshold {rule.name})"
    return Mute(MuteKind.THRESHOLD, rule.name, reason, None, rule.origin, (counted.name,))


def raised(counted: Sequence[Counted], pointers: Mapping[str, Pointer], severity: Severity, now: datetime) -> Recurring | None:
    """The rule that makes the severity worst, where there are enough of them now."""
    rules = [
        one.rule
        for one in counted
        if isinstance(one.rule, Recurring) and pointers[one.name].at == now and one.rule.severity.worse_than(severity)
    ]
    return min(rules, key=lambda rule: rule.severity.rank, default=None)
