"""Routes to which earlier ones leave no alert."""

from __future__ import annotations

import re
from itertools import product

import msgspec

from pager.conditions.match import holds
from pager.model.condition import Condition, Term
from pager.model.route import Route

_MOST_KINDS = 64


class Shadow(msgspec.Struct, frozen=True):
    """`by` are the places of the routes that take its alerts."""

    by: tuple[int, ...]


def shadows(routes: tuple[Route, ...]) -> dict[int, Shadow]:
    """By place. Only what is certain: an expression, or a key that the later route does not settle, leaves something open."""
    simple = [(k, route.condition) for k, route in enumerate(routes) if not route.condition.expression]
    by_first: dict[str, list[int]] = {}
    for k, condition in simple:
        by_first.setdefault(condition.terms[0].key if condition.terms else "", []).append(k)
    found: dict[int, Shadow] = {}
    for k, route in enumerate(routes):
        keys = ("", *(term.key for term in route.condition.terms))
        earlier = sorted(j for key in dict.fromkeys(keys) for j in by_first.get(key, ()) if j < k)
        takers = _takers(route.condition, [(j, routes[j].condition) for j in earlier])
        same = [j for j in range(k) if route.condition.expression and _says_the_same(routes[j].condition, route.condition)]
        if takers or same:
            found[k] = Shadow(takers or (same[0],))
    return found


def _takers(condition: Condition, earlier: list[tuple[int, Condition]]) -> tuple[int, ...]:
    """Those of the earlier that together take all that the condition would; empty where something is left."""
    literal = [term for term in condition.terms if term.regex is None]
    patterns = {term.key: term.regex for term in condition.terms if term.regex is not None}
    size = 1
    for term in literal:
        size *= max(len(term.values), 1)
    if not earlier or size > _MOST_KINDS or any(term.negated for term in condition.terms):
        return ()
    by: dict[int, None] = {}
    for values in product(*(term.values for term in literal)):
        kind = dict(zip((term.key for term in literal), values, strict=True))
        taker = next((j for j, other in earlier if all(_covers(term, kind, patterns) for term in other.terms)), None)
        if taker is None:
            return ()
        by[taker] = None
    return tuple(by)


def _covers(term: Term, kind: dict[str, str], patterns: dict[str, str]) -> bool:
    """Whether every alert of that kind meets the term."""
    if term.key in kind:
        return holds((term,), kind)
    return (
        term.regex is not None
        and not term.negated
        and (term.regex == patterns.get(term.key) or (term.key in patterns and _any(term.regex)))
    )


def _any(regex: str) -> bool:
    return re.fullmatch(r"\.[*+]", regex) is not None


def _says_the_same(some: Condition, other: Condition) -> bool:
    return some.expression == other.expression and some.terms == other.terms
