"""CEL over what alerts and bodies may hold: an odd value makes only those expressions fail that ask for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.conditions import cel_body
from pager.conditions.cel import evaluate
from pager.conditions.cel_body import bind, value_of
from pager.conditions.condition import Facts
from pager.conditions.verdict import DOES_NOT, HOLDS, Failed
from pager.model.alert import Alert
from tests.unit.intake.any_json import json_values


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": [value]}
    return value


ODD = [2**70, -(2**63) - 1, 10**5000, "half \ud83d", {"\ud83d": 1}, object(), {1, 2}, (1,), {None: 1}, float("nan"), 1 + 2j, deep(100_000)]


@pytest.mark.parametrize("odd", ODD, ids=[type(odd).__name__ + str(k) for k, odd in enumerate(ODD)])
@pytest.mark.parametrize("nested", [False, True])
def test_an_odd_detail_costs_the_others_nothing(odd: Any, nested: bool) -> None:
    details = {"odd": {"x": odd, "y": 1} if nested else odd, "load": 0.9, "host": {"name": "db1"}}
    facts = Facts.of(Alert(scope="s", dedup_key="k", summary="disk", details=details)).for_cel()
    assert evaluate('summary == "disk"', facts) == HOLDS
    assert evaluate('details.load > 0.5 && details.host.name == "db1"', facts) == HOLDS
    assert evaluate("has(details.odd)", facts) == HOLDS
    assert isinstance(evaluate("details.odd.x.y.z == 1" if nested else "details.odd.y.z == 1", facts), Failed)


def test_a_number_beyond_64_bits_can_be_compared_by_its_text() -> None:
    facts = Facts.of(Alert(scope="s", dedup_key="k", details={"n": 2**70})).for_cel()
    assert evaluate("double(details.n) > 1e20", facts) == HOLDS
    assert evaluate("details.n == 5", facts) == DOES_NOT
    assert isinstance(evaluate("details.n > 5", facts), Failed)


def test_an_odd_label_costs_the_others_nothing() -> None:
    facts = Facts.of(Alert(scope="s", dedup_key="k", labels={"odd": "\ud83d", "env": "prod"})).for_cel()
    assert evaluate('labels.env == "prod"', facts) == HOLDS


# --- bodies -------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("body.a", 1),
        ("body.list", [1, {"b": None}]),
        ("body.list[1].b", None),
        ("body", {"a": 1, "list": [1, {"b": None}], "big": str(2**70)}),
        ("body.big", str(2**70)),
        ('"x" + string(body.a)', "x1"),
        ("body.a == 1", True),
        ("has(body.z) ? body.z : 'none'", "none"),
        ("body.list.map(x, x)", [1, {"b": None}]),
        ('{"k": body.a}', {"k": 1}),
        ("{1: 2u}", {"1": 2}),
        ("1.5", 1.5),
        ("1.0 / 0.0", "Infinity"),
        ('timestamp("2026-01-05T09:00:00+01:00")', "2026-01-05T08:00:00Z"),
        ('[timestamp("2026-01-05T09:00:00.5Z")]', ["2026-01-05T09:00:00.500000Z"]),
        ('duration("90s")', "90s"),
        ('duration("-1500ms")', "-1.5s"),
        ("b'abc'", "abc"),
    ],
)
def test_values_come_as_json_has_them(expression: str, value: Any) -> None:
    assert value_of(expression, bind({"a": 1, "list": [1, {"b": None}], "big": 2**70})) == value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("body.z", "not found"),
        ("body.a.b", "non-message"),
        ("1 / 0", "divide by zero"),
        ("type(body)", "gives a type"),
        ("nope", "undeclared reference"),
        ("1 +", "Syntax error"),
        ("\ud83d", "half a surrogate pair"),
    ],
)
def test_what_has_no_value_says_why(expression: str, why: str) -> None:
    found = value_of(expression, bind({"a": 1}))
    assert isinstance(found, Failed)
    assert why in found.why


@pytest.mark.parametrize(
    ("expression", "offset", "message"),
    [
        ("bdy.title", 3, "undeclared reference to 'bdy"),
        ("body.a +", 8, "Syntax error"),
        ("severity", 0, "undeclared"),
        ("'a' + 1", 4, "no matching"),
    ],
)
def test_a_mistake_has_its_column(expression: str, offset: int, message: str) -> None:
    found = cel_body.problem_with(expression)
    assert found is not None
    assert (found[0], message in found[1]) == (offset, True), found


def test_an_expression_of_any_type_is_right() -> None:
    for expression in ("body", "body.a.b[0]", "1", '{"a": [body]}', "null", "body == 1"):
        assert cel_body.problem_with(expression) is None


@pytest.mark.parametrize("odd", ODD, ids=[type(odd).__name__ + str(k) for k, odd in enumerate(ODD)])
def test_no_odd_body_raises(odd: Any) -> None:
    for body in (odd, [odd], {"a": odd, "b": 1}):
        for expression in ("body", "body.a", "body.b", "body[0]", "[body]", "string(body)", "body == body"):
            value_of(expression, bind(body))
    assert value_of("body.b", bind({"a": odd, "b": 1})) == 1


@given(json_values("a"), st.sampled_from(["body", "body.a", "body[0]", "[[body]]", '{"a": body}', "body + body", "size(body)", "body.a.a"]))
def test_no_json_raises(body: Any, expression: str) -> None:
    value_of(expression, bind(body))


@given(st.text(alphabet="body.abc ()[]{}<>=!&|'\"+-1u,?:", max_size=30))
def test_no_expression_raises(expression: str) -> None:
    found = value_of(expression, bind({"a": 1}))
    if cel_body.problem_with(expression) is not None:
        assert isinstance(found, Failed)
