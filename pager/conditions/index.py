"""Finding the first rule that holds without asking each: rules are looked up by a value that one of their terms wants."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from pager.conditions.condition import Facts, Failed, Holds, check
from pager.model.condition import Condition, Term


class Found(msgspec.Struct, frozen=True):
    """`index` of the first rule that holds, None without one; `failed` lists rules before it whose expression could not be evaluated."""

    index: int | None
    failed: tuple[tuple[int, str], ...] = ()


class RuleIndex:
    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._conditions = tuple(conditions)
        self._by_value: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._others: list[int] = []
        spread = Counter(value for c in conditions for t in c.terms if _is_literal(t) for value in ((t.key, v) for v in t.values))
        for k, condition in enumerate(self._conditions):
            term = _most_telling(condition, spread)
            if term is None:
                self._others.append(k)
                continue
            for value in dict.fromkeys(term.values):
                self._by_value[term.key][value].append(k)

    def first(self, facts: Facts) -> Found:
        """The same answer as asking the rules one by one, in order."""
        failed: list[tuple[int, str]] = []
        for k in self._candidates(facts):
            verdict = check(self._conditions[k], facts)
            if isinstance(verdict, Holds):
                return Found(k, tuple(failed))
            if isinstance(verdict, Failed):
                failed.append((k, verdict.why))
        return Found(None, tuple(failed))

    def all(self, facts: Facts) -> list[int]:
        """Every rule that holds, in order; one whose expression can't be evaluated does not."""
        return [k for k in self._candidates(facts) if isinstance(check(self._conditions[k], facts), Holds)]

    def _candidates(self, facts: Facts) -> Iterable[int]:
        found: list[int] = []
        for key, by_value in self._by_value.items():
            value = facts.get(key)
            if value is not None and value in by_value:
                found += by_value[value]
        return sorted(found + self._others) if found else self._others


def _is_literal(term: Term) -> bool:
    return term.regex is None and bool(term.values) and not term.negated


def _most_telling(condition: Condition, spread: Counter[tuple[str, str]]) -> Term | None:
    """The literal term whose values the fewest other rules want."""
    literal = [t for t in condition.terms if _is_literal(t)]
    return min(literal, key=lambda t: sum(spread[t.key, v] for v in t.values), default=None)
