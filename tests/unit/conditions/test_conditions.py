"""Match maps, CEL, and the index that finds the first rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.conditions.cel import evaluate, problem_with
from pager.conditions.condition import Facts, check
from pager.conditions.index import RuleIndex
from pager.conditions.verdict import DOES_NOT, HOLDS, Failed, Holds
from pager.model.alert import Alert, Severity
from pager.model.condition import Condition, Term

ALERT = Alert(
    scope="s", dedup_key="k", summary="disk", severity=Severity.ERROR, service="db", class_="disk", labels={"env": "prod", "n": "3"},
    details={"hot": True, "load": 0.9, "deep": {"x": 1}},
)  # fmt: skip


def holds(*terms: Term, cel: str | None = None, **changed: object) -> object:
    return check(Condition(terms=terms, expression=cel), Facts.of(ALERT, **changed))


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Term("severity", ("error", "critical")), True),
        (Term("severity", ("critical",)), False),
        (Term("class", ("disk",)), True),
        (Term("labels.env", regex="pr.d"), True),
        (Term("labels.env", regex="pr"), False),  # whole values
        (Term("labels.absent", regex=".*"), False),  # a missing key never matches
        (Term("component", ("",)), False),
        (Term("details.hot", ("true",)), True),
        (Term("details.load", ("0.9",)), True),
        (Term("details.deep", ("{'x': 1}",)), False),
    ],
)
def test_terms(term: Term, expected: bool) -> None:
    assert isinstance(holds(term), Holds) == expected


def test_what_routing_made_of_the_alert_takes_precedence() -> None:
    assert holds(Term("severity", ("critical",)), severity=Severity.CRITICAL) == HOLDS
    assert holds(cel="stage >= 2 && labels.env == 'x'", stage=2, labels={"env": "x"}) == HOLDS


def test_an_expression_is_asked_only_where_the_terms_hold() -> None:
    assert holds(Term("severity", ("info",)), cel="double(details['absent']) > 1.0") == DOES_NOT
    assert isinstance(holds(Term("severity", ("error",)), cel="double(details['absent']) > 1.0"), Failed)


@pytest.mark.parametrize(
    ("expression", "offset", "message"),
    [
        ("sevrity == 'x'", 0, "undeclared reference to 'sevrity'"),
        ("severity == 3", 9, "no matching overload"),
        ("1 +", 3, "Syntax error"),
        ("stage", 0, "should be true or false"),
        ("true &&\n  nope", 10, "undeclared reference to 'nope'"),
    ],
)
def test_a_mistake_has_its_column(expression: str, offset: int, message: str) -> None:
    found = problem_with(expression)
    assert found is not None
    assert (found[0], message in found[1]) == (offset, True), found


def test_a_right_expression_has_no_problem() -> None:
    assert problem_with('double(details["confidence"]) < 0.8 || summary.contains("legal")') is None


@given(st.text(alphabet="abcs ()[]{}<>=!&|'\"+-.,1labelsdetails", max_size=30))
def test_no_expression_raises(expression: str) -> None:
    if problem_with(expression) is None:
        evaluate(expression, Facts.of(ALERT).for_cel())
    else:
        assert isinstance(evaluate(expression, Facts.of(ALERT).for_cel()), Failed)


keys = st.sampled_from(["severity", "service", "labels.env", "labels.n", "details.hot"])
values = st.sampled_from(["error", "critical", "db", "prod", "3", "true", "x"])
terms = st.builds(
    lambda k, v, r: Term(k, tuple(v)) if not r else Term(k, regex=r),
    keys,
    st.lists(values, min_size=1, max_size=3),
    st.sampled_from(["", "", "p.*"]),
)
conditions = st.builds(
    lambda t, e: Condition(terms=tuple(t), expression=e),
    st.lists(terms, max_size=3),
    st.sampled_from([None, None, "stage > 1", "details['no'] == 1"]),
)


@given(st.lists(conditions, max_size=12), st.sampled_from(list(Severity)), st.integers(0, 3))
def test_the_index_finds_what_asking_one_by_one_finds(rules: list[Condition], severity: Severity, stage: int) -> None:
    facts = Facts.of(ALERT, severity=severity, stage=stage)
    verdicts = [check(rule, facts) for rule in rules]
    first = next((k for k, verdict in enumerate(verdicts) if isinstance(verdict, Holds)), None)
    found = RuleIndex(rules).first(facts)
    assert found.index == first
    failed = [k for k, verdict in enumerate(verdicts[: len(rules) if first is None else first]) if isinstance(verdict, Failed)]
    assert [k for k, _ in found.failed] == failed
