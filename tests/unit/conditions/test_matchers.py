"""Matchers as they are typed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.conditions.match import holds
from pager.conditions.matchers import matcher, read_matcher, tells_apart
from pager.model.condition import Term


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("cluster=eu-1", Term("labels.cluster", ("eu-1",))),
        ("cluster!=eu-1", Term("labels.cluster", ("eu-1",), negated=True)),
        ("alertname=~Disk.*", Term("labels.alertname", regex="Disk.*")),
        ("alertname!~Disk.*", Term("labels.alertname", regex="Disk.*", negated=True)),
        ("severity=critical", Term("severity", ("critical",))),
        ("labels.severity=page", Term("labels.severity", ("page",))),
        ("details.host=db1", Term("details.host", ("db1",))),
        (' summary_text = "disk \\"full\\"" ', Term("labels.summary_text", ('disk "full"',))),
        ("query=a=b", Term("labels.query", ("a=b",))),
        ('query="=b"', Term("labels.query", ("=b",))),
        ("cluster!=", Term("labels.cluster", ("",), negated=True)),
        ("path=~a=~b", Term("labels.path", regex="a=~b")),
    ],
)
def test_a_matcher_is_read(text: str, term: Term) -> None:
    assert read_matcher(text) == term


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cluster", "is no matcher"),
        ("=eu-1", "no name"),
        ("labels.=x", "no name"),
        ("two words=x", "no name"),
        ("cluster=", "matches nothing"),
        ("cluster==eu", "== is none of"),
        ('cluster="eu', "quotes don't end"),
        ('cluster="eu\\"', "quotes don't end"),
        ("alertname=~Disk(", "no regular expression: missing ), unterminated subpattern at position 4"),
        ("alertname=~", "empty regular expression"),
        ("severity=catastrophic", "they are critical, error, warning, info"),
    ],
)
def test_what_can_not_be_meant_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        read_matcher(text)


@given(
    st.sampled_from(["cluster", "severity_class", "labels.severity", "details.host", "component"]),
    st.text(min_size=1),
    st.booleans(),
)
def test_what_is_written_out_is_read_as_the_same(name: str, value: str, negated: bool) -> None:
    key = name if name == "component" or name.startswith(("labels.", "details.")) else f"labels.{name}"
    term = Term(key, (value,), negated=negated)
    assert read_matcher(matcher(term)) == term


def test_a_list_of_the_files_is_shown_as_one() -> None:
    assert matcher(Term("service", ("db", "web app"))) == 'service=[db, "web app"]'


@pytest.mark.parametrize(
    ("texts", "does"),
    [(["a=~.*"], False), (["a=~.*", "b=~(x|)"], False), (["a=~.*", "b=x"], True), (["a=~.+"], True), (["a!=x"], True), (["a!="], True)],
)
def test_everything_is_not_told_apart(texts: list[str], does: bool) -> None:
    assert tells_apart([read_matcher(text) for text in texts]) is does


def test_a_value_that_is_there_and_not_the_one_named_matches() -> None:
    assert holds([read_matcher("cluster!=")], {"labels.cluster": "x"})
    assert not holds([read_matcher("cluster!=")], {})


def test_matchers_in_braces_are_to_be_given_one_by_one() -> None:
    with pytest.raises(ValueError, match="without the braces, each matcher by itself"):
        read_matcher('{case="a",b="c"}')
