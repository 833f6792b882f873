"""Expressions in CEL, the Common Expression Language (cel.dev), type-checked when they are compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from pager.conditions.verdict import DOES_NOT, HOLDS, Failed, Verdict

_T = cel.Type
_TEXTS = ("severity", "source", "service", "component", "group", "class", "integration", "summary", "urgency", "dedup_key", "action")
_NUMBERS = ("stage", "alerts", "repeats")
_PLACE = re.compile(r"ERROR: [^:]*:(\d+):(\d+): (.*)")

VARIABLES = (*_TEXTS, *_NUMBERS, "labels", "details")
"""What an expression may speak of."""


@lru_cache(maxsize=1)
def _environment() -> cel.Env:
    variables: dict[str, cel.Type] = dict.fromkeys(_TEXTS, _T.STRING)
    variables |= dict.fromkeys(_NUMBERS, _T.INT)
    variables |= {"labels": _T.Map(_T.STRING, _T.STRING), "details": _T.Map(_T.STRING, _T.DYN)}
    return cel.NewEnv(variables=variables)


@lru_cache(maxsize=4096)
def compiled(expression: str) -> cel.Expression:
    """Raises ValueError with `problem_with`'s message when the expression is not a CEL boolean."""
    try:
        found = _environment().compile(expression)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    if found.return_type().name() not in ("BOOL", "DYN"):
        raise ValueError(f"ERROR: <input>:1:1: should be true or false, gives {found.return_type().name().lower()}")
    return found


def problem_with(expression: str) -> tuple[int, str] | None:
    """Where (offset in the expression, from 0) and what is wrong with it; None when it is right."""
    try:
        compiled(expression)
    except ValueError as error:
        found = _PLACE.search(str(error))
        if found is None:
            return 0, str(error).splitlines()[0]
        line, column, what = int(found[1]), int(found[2]), found[3].removesuffix("[INVALID_ARGUMENT]").strip()
        before = sum(len(text) + 1 for text in expression.split("\n")[: line - 1])
        return min(before + column - 1, len(expression)), what.replace(" (in container '')", "")
    return None


def evaluate(expression: str, facts: Mapping[str, Any]) -> Verdict:
    """The expression's value. An error while running, or no boolean, is Failed."""
    try:
        value = compiled(expression).eval(data=facts)
    except (ValueError, RuntimeError, TypeError, OverflowError) as error:
        return Failed(str(error).splitlines()[0])
    if value.type().name() == "BOOL":
        return HOLDS if value.value() else DOES_NOT
    return Failed(str(value.value()).splitlines()[0])
