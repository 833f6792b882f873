"""Expressions in CEL, the Common Expression Language (cel.dev), type-checked when they are compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from cel_expr_python import cel

from pager.conditions.verdict import DOES_NOT, HOLDS, Failed, Verdict
from pager.model.plain import plain

_T = cel.Type
_TEXTS = (
    "severity",
    "source",
    "service",
    "component",
    "group",
    "class",
    "integration",
    "team",
    "summary",
    "urgency",
    "dedup_key",
    "action",
)
_NUMBERS = ("stage", "alerts", "repeats")
_PLACE = re.compile(r"ERROR: [^:]*:(\d+):(\d+): (.*)")

VARIABLES = (*_TEXTS, *_NUMBERS, "labels", "details")
"""What an expression may speak of."""

Activation: TypeAlias = cel.Activation
"""The values of the variables, made ready for any number of expressions."""


@lru_cache(maxsize=1)
def _environment() -> cel.Env:
    variables: dict[str, cel.Type] = dict.fromkeys(_TEXTS, _T.STRING)
    variables |= dict.fromkeys(_NUMBERS, _T.INT)
    variables |= {"labels": _T.Map(_T.STRING, _T.STRING), "details": _T.Map(_T.STRING, _T.DYN)}
    return cel.NewEnv(variables=variables)


@lru_cache(maxsize=4096)
def compiled(expression: str) -> cel.Expression:
    """Raises ValueError with a message for `place_of` when the expression is not a CEL boolean."""
    found = compile_in(_environment(), expression)
    if found.return_type().name() not in ("BOOL", "DYN"):
        raise ValueError(f"ERROR: <input>:1:1: should be true or false, gives {found.return_type().name().lower()}")
    return found


def compile_in(environment: cel.Env, expression: str) -> cel.Expression:
    """Raises ValueError with a message for `place_of`."""
    try:
        return environment.compile(expression)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    except TypeError:
        raise ValueError("ERROR: <input>:1:1: holds half a surrogate pair, which is not text") from None


def problem_with(expression: str) -> tuple[int, str] | None:
    """Where (offset in the expression, from 0) and what is wrong with it; None when it is right."""
    try:
        compiled(expression)
    except ValueError as error:
        return place_of(error, expression)
    return None


def place_of(error: ValueError, expression: str) -> tuple[int, str]:
    """What a ValueError of this module says, with the offset in the expression."""
    found = _PLACE.search(str(error))
    if found is None:
        return 0, first_line(error)
    line, column, what = int(found[1]), int(found[2]), found[3].removesuffix("[INVALID_ARGUMENT]").strip()
    before = sum(len(text) + 1 for text in expression.split("\n")[: line - 1])
    return min(before + column - 1, len(expression)), what.replace(" (in container '')", "")


def bind(facts: Mapping[str, Any]) -> Activation:
    """`facts` has every name of VARIABLES. A value that CEL can't hold makes only the expressions fail that ask for it: it is bound as the
    text that `plain` makes of it, since CEL itself would fail for all that ask for its map."""
    return _environment().Activation(data={**facts, "labels": plain(facts["labels"]), "details": plain(facts["details"])})


def evaluate(expression: str, facts: Activation) -> Verdict:
    """The expression's value. An error while running, or no boolean, is Failed."""
    value = run(compiled, expression, facts)
    if isinstance(value, Failed):
        return value
    kind = value.type().name()
    if kind == "BOOL":
        return HOLDS if value.value() else DOES_NOT
    return Failed(f"should be true or false, gives {kind.lower()}")  # only what is dynamic, such as a detail, gets this far


def run(compile_: Callable[[str], cel.Expression], expression: str, facts: Activation) -> cel.Value | Failed:
    try:
        value = compile_(expression).eval(activation=facts)
        return Failed(first_line(value.value())) if value.type().name() == "ERROR" else value
    except (ValueError, RuntimeError, TypeError, OverflowError) as error:
        return Failed(first_line(error))


def first_line(what: object) -> str:
    return next(iter(str(what).splitlines()), "no reason given")
