"""Conditions before there is an alert: what a class of incidents decides is decided; for the rest every kind of alert that the conditions tell
apart is tried."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product

import msgspec

from pager.conditions.cel import VARIABLES
from pager.conditions.condition import DoesNot, Facts, check
from pager.conditions.match import holds
from pager.model.alert import Alert
from pager.model.condition import Condition, Term

_DECIDED = {"severity", "service", "urgency", "stage"}
_MOST_WORLDS = 64
_ANOTHER = "(another value)"
_TEXT = re.compile(r"""[rRbB]*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PROBE = Alert(scope="check", dedup_key="check")


class World(msgspec.Struct, frozen=True):
    """One kind of alert: `values` under the keys of terms (a key that is not in it is absent, or has a value that no condition names), and the
    expressions that are `false` for it. `matched` are regular expressions that its value under a key meets."""

    values: dict[str, str] = {}
    matched: frozenset[tuple[str, str]] = frozenset()
    false: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """As in `with labels.region eu`."""
        known = [f"{key} {value}" for key, value in self.values.items()] + [f"{key} like {regex}" for key, regex in sorted(self.matched)]
        unmet = [f"`{expression}` false" for expression in sorted(self.false)]
        return ", ".join([*known, *unmet])


def variables_of(expression: str) -> set[str]:
    """The variables of a CEL expression; more rather than fewer."""
    return set(_NAME.findall(_TEXT.sub(" ", expression))) & set(VARIABLES)


def is_decided(expression: str) -> bool:
    """Whether severity, service, urgency and stage settle it."""
    return variables_of(expression) <= _DECIDED


def reads(conditions: Iterable[Condition]) -> set[str]:
    """The keys of terms and the variables that the conditions look at."""
    found: set[str] = set()
    for condition in conditions:
        found |= {term.key for term in condition.terms}
        found |= variables_of(condition.expression) if condition.expression else set()
    return found


def worlds(conditions: Iterable[Condition], known: dict[str, str], own: dict[str, str]) -> list[World]:
    """Every kind of alert that the conditions tell apart beyond `known` (severity, service and labels that are given to it); the one that
    has nothing of what they ask for, but the labels `own` of its service, comes first. Of too many, those that differ from it in one thing."""
    values: dict[str, dict[tuple[str, bool], None]] = {}
    expressions: dict[str, None] = {}
    for condition in conditions:
        for term in condition.terms:
            if term.key not in known and term.key not in _DECIDED:
                choices = values.setdefault(term.key, {})
                choices.update({(value, False): None for value in term.values})
                choices.update({(term.regex, True): None} if term.regex is not None else {})
                choices.update({(_ANOTHER, False): None} if term.key in own or term.negated else {})
        if condition.expression and not is_decided(condition.expression):
            expressions[condition.expression] = None
    keys = list(values)
    size = 2 ** len(expressions)
    for key in keys:
        size *= len(values[key]) + 1
    choices_of = [[None, *values[key]] for key in keys]
    if size > _MOST_WORLDS:
        alone = [
            _world(keys, [choice if k == j else None for k in range(len(keys))], ()) for j, of in enumerate(choices_of) for choice in of[1:]
        ]
        return [World(), *alone, World(false=frozenset(expressions))][:_MOST_WORLDS]
    return [
        _world(keys, chosen, [e for e, is_false in zip(expressions, unmet, strict=True) if is_false])
        for unmet in product((False, True), repeat=len(expressions))
        for chosen in product(*choices_of)
    ]


def _world(keys: list[str], chosen: Iterable[tuple[str, bool] | None], false: Iterable[str]) -> World:
    pairs = [(key, *choice) for key, choice in zip(keys, chosen, strict=True) if choice is not None]
    return World(
        {key: value for key, value, is_regex in pairs if not is_regex},
        frozenset((key, value) for key, value, is_regex in pairs if is_regex),
        frozenset(false),
    )


class Verdict(msgspec.Struct, frozen=True):
    """`guessed`: an expression was taken to be false, which nobody can tell beforehand. `by_alert`: it fails by what the alert lacks."""

    holds: bool
    guessed: bool = False
    by_alert: bool = False


def judge(condition: Condition | None, known: dict[str, str], own: dict[str, str], world: World, stage: int) -> Verdict:
    """As `conditions.check`: what can't be evaluated counts as met, since it keeps nobody from being paged. `own` are labels that
    hold where the alert has none. `stage` counts from 1."""
    if condition is None:
        return Verdict(True)
    for term in condition.terms:
        if not _term(term, known, own, world):
            return Verdict(False, by_alert=term.key not in known and term.key not in _DECIDED)
    if not condition.expression:
        return Verdict(True)
    if is_decided(condition.expression):
        facts = Facts(_PROBE, {**{name: known.get(name, "") for name in ("severity", "service", "urgency")}, "stage": stage})
        return Verdict(not isinstance(check(Condition(expression=condition.expression), facts), DoesNot))
    is_false = condition.expression in world.false
    return Verdict(not is_false, guessed=is_false, by_alert=is_false)


def _term(term: Term, known: dict[str, str], own: dict[str, str], world: World) -> bool:
    if term.regex is not None and (term.key, term.regex) in world.matched:
        return True
    value = known.get(term.key) or world.values.get(term.key) or own.get(term.key)
    return holds((term,), {term.key: value} if value else {})
