"""Inhibition: while something is open, what follows from it wakes nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from pager.conditions.condition import Facts, Holds, check
from pager.conditions.index import RuleIndex
from pager.model.condition import key_of
from pager.model.mute import Mute, MuteKind
from pager.model.noise import Inhibit
from pager.model.snapshot import Pointer
from pager.noise.naming import digest

GRACE = timedelta(seconds=25)
"""How long what was inhibited is given to end as well; then it pages."""


class Target(msgspec.Struct, frozen=True):
    """What an alert is muted by, while any of the pointers `names` counts somebody."""

    rule: Inhibit
    names: tuple[str, ...]


class Sides(msgspec.Struct, frozen=True):
    """Where an alert stands. `sources` are the names of the pointers that count it while it is open."""

    sources: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.sources, *(name for target in self.targets for name in target.names))))


NEITHER = Sides()


class Inhibitions:
    """The rules of one config. Alerts that match both sides of a rule don't mute each other, so they are counted apart from those that only
    mute; and nothing mutes itself. A key of `equal` that an alert does not have never matches."""

    def __init__(self, rules: Sequence[Inhibit]) -> None:
        self._rules = rules
        self._if_open = RuleIndex([rule.if_open for rule in rules])
        self._mute = RuleIndex([rule.mute for rule in rules])
        self._keys = [tuple(map(key_of, rule.equal)) for rule in rules]
        self._ids = [digest(rule.name, repr((rule.if_open.terms, rule.mute.terms, rule.equal))) for rule in rules]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def sides(self, facts: Facts) -> Sides:
        if not self._rules:
            return NEITHER
        sources = [name for k in self._if_open.all(facts) if (name := self._name(k, facts, self._is_muted(k, facts)))]
        targets = [target for k in self._mute.all(facts) if (target := self._target(k, facts))]
        return Sides(tuple(sources), tuple(targets))

    def _target(self, k: int, facts: Facts) -> Target | None:
        rule = self._rules[k]
        both = isinstance(check(rule.if_open, facts), Holds)
        names = [name for side in ((False,) if both else (False, True)) if (name := self._name(k, facts, side))]
        return Target(rule, tuple(names)) if names else None

    def _is_muted(self, k: int, facts: Facts) -> bool:
        return isinstance(check(self._rules[k].mute, facts), Holds)

    def _name(self, k: int, facts: Facts, both: bool) -> str:
        """Empty where a key is missing."""
        values = [facts.get(key) for key in self._keys[k]]
        if not all(values):
            return ""
        return f"inhibit:{self._ids[k]}:{digest(*map(str, values))}{'&' if both else ''}"


def begins(pointer: Pointer, number: int) -> Pointer:
    """The incident is open, and mutes by this from now on."""
    return replace(pointer, count=pointer.count + 1, incident=number, at=None)


def ends(pointer: Pointer, number: int, is_open: bool, now: datetime) -> Pointer:
    """The incident mutes by this no longer. With the last one, the grace begins; one that is only no source any more has none from itself."""
    left = max(pointer.count - 1, 0)
    return replace(pointer, count=left, at=None if left else now, incident=pointer.incident if left or not is_open else number)


def inhibited(target: Target, pointers: Mapping[str, Pointer], own: Collection[str], now: datetime, muted: int = 0) -> Mute | None:
    """The mute, while anything is open on the other side; for the incident `muted`, which is muted now, the grace longer. `own` are the pointers
    that count the very incident: nothing mutes itself."""
    found = holding(target.names, pointers, own, now, muted)
    if found is None:
        return None
    reason = f"inhibited by #{found[0].incident} (inhibit {target.rule.name})"
    return Mute(MuteKind.INHIBITION, target.rule.name, reason, found[1], target.rule.origin, target.names)


def holding(
    names: Sequence[str], pointers: Mapping[str, Pointer], own: Collection[str], now: datetime, muted: int = 0
) -> tuple[Pointer, datetime | None] | None:
    """The pointer that mutes, and until when; None: as long as something is open."""
    there = [(name, pointers[name]) for name in names if name in pointers]
    if (counting := next((one for name, one in there if one.count > (name in own)), None)) is not None:
        return counting, None
    over = [(one, one.at + GRACE) for _, one in there if muted and one.at is not None and not one.count and one.incident != muted]
    return max((found for found in over if now < found[1]), key=lambda found: found[1], default=None)


def begun(pointer: Pointer, number: int) -> Pointer:
    """With one more incident that mutes."""
    return replace(pointer, count=pointer.count + 1, incident=number, at=None)


def ended(pointer: Pointer, number: int, is_open: bool, now: datetime) -> Pointer:
    """With one less. From the last on the grace counts; for one that is open, and only mutes no longer, there is none."""
    left = max(pointer.count - 1, 0)
    return replace(pointer, count=left, at=None if left else now, incident=number if is_open and not left else pointer.incident)
