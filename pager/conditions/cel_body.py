"""CEL over the body of a request, of any shape: the expressions that map a tool's own fields."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from pager.conditions.cel import Activation, compile_in, first_line, place_of, run
from pager.conditions.verdict import Failed
from pager.model.plain import plain


@lru_cache(maxsize=1)
def _environment() -> cel.Env:
    return cel.NewEnv(variables={"body": cel.Type.DYN})


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> cel.Expression:
    return compile_in(_environment(), expression)


def problem_with(expression: str) -> tuple[int, str] | None:
    """Where (offset in the expression, from 0) and what is wrong with it; None when it is right."""
    try:
        _compiled(expression)
    except ValueError as error:
        return place_of(error, expression)
    return None


def bind(body: Any) -> Activation:
    """Any body, made ready for any number of expressions. What CEL can't hold is bound as the text that `plain` makes of it."""
    return _environment().Activation(data={"body": plain(body)})


def value_of(expression: str, body: Activation) -> Any | Failed:
    """What the expression gives, as JSON has it: text, number, boolean, None, list or map; times are RFC 3339 and durations seconds, such as
    `90s`. An error is Failed; nothing raises."""
    value = run(_compiled, expression, body)
    if isinstance(value, Failed):
        return value
    kind = value.type().name()
    if kind in ("TYPE", "UNKNOWN"):
        return Failed(f"gives a {kind.lower()}, which is no value")
    try:
        return plain(value.plain_value())
    except (ValueError, RuntimeError, TypeError, OverflowError) as error:
        return Failed(first_line(error))
