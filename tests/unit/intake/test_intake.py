"""Whatever comes over the stream is an alert, or says why it is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.intake.at_once import read_at_once
from pager.intake.fields import KNOWN, Unreadable, read_fields
from pager.intake.lenient import read_json
from pager.intake.stream import MAX_ENTRY, read_entry
from pager.model.alert import Action, Alert, Link, Severity


def from_json(**fields: Any) -> Alert | Unreadable:
    return read_entry({b"alert": json.dumps(fields).encode()})


def good(**fields: Any) -> Alert:
    found = from_json(**fields)
    assert isinstance(found, Alert), found
    return found


def test_every_field_of_the_contract() -> None:
    alert = good(
        action="trigger", dedup_key="k", source="s", service="db", severity="warning", summary="disk full", component="pg", group="g",
        timestamp="2026-03-01T10:00:00+01:00", labels={"a": "b", "n": 1}, details={"x": [1]}, links=[{"href": "h", "text": "t"}, "plain"],
        images=[{"src": "i"}], client="c", client_url="u", extra="label", deep={"no": "label"}, **{"class": "disk"},
    )  # fmt: skip
    assert (alert.scope, alert.dedup_key, alert.severity, alert.class_) == ("stream", "k", Severity.WARNING, "disk")
    assert alert.timestamp == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert alert.labels == {"a": "b", "n": "1", "extra": "label"}
    assert alert.details == {"x": [1], "deep": {"no": "label"}}
    assert alert.links == (Link("h", "t"), Link("plain"))
    assert (alert.images, alert.client, alert.client_url, alert.notes) == (("i",), "c", "u", ())


def test_flat_fields_as_from_a_shell() -> None:
    alert = read_entry(
        {b"summary": b"disk full on db1", b"severity": b"CRITICAL", b"service": b"db", b"env": b"prod", b"labels": b'{"a": "b"}'}
    )
    assert isinstance(alert, Alert)
    assert (alert.severity, alert.labels, alert.action) == (Severity.CRITICAL, {"a": "b", "env": "prod"}, Action.TRIGGER)


def test_without_a_key_one_is_made_of_what_it_is_about() -> None:
    one, same, other = good(summary="a", source="x"), good(summary="a", source="x", severity="info"), good(summary="b", source="x")
    assert one.dedup_key == same.dedup_key != other.dedup_key


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"severity": "bad"}, "severity 'bad' is unknown, taken as error"),
        ({"severity": 3}, "severity '3' is unknown, taken as error"),
        ({"timestamp": "yesterday"}, "timestamp 'yesterday' is not RFC 3339, left out"),
        ({"labels": "x"}, "labels should be a map, kept in details"),
        ({"service": ["x"]}, "service should be text, kept in details"),
    ],
)
def test_what_can_be_mended_is_mended_and_noted(fields: dict[str, Any], note: str) -> None:
    alert = good(summary="s", **fields)
    assert alert.notes == (note,)
    assert alert.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "summary: missing"),
        ({"summary": " \x00 "}, "summary: missing"),
        ({"summary": ["x"]}, "summary: should be text, found a list"),
        ({"summary": "s", "action": "page"}, "action: 'page' is not one of"),
        ({"summary": "s", "dedup_key": {"a": 1}}, "dedup_key: should be text"),
        ({"action": "acknowledge"}, "dedup_key: missing"),
    ],
)
def test_what_cannot_be_mended_names_the_field(fields: dict[str, Any], reason: str) -> None:
    found = from_json(**fields)
    assert isinstance(found, Unreadable)
    assert found.reason.startswith(reason)


def test_limits() -> None:
    assert isinstance(read_entry({b"summary": b"x" * MAX_ENTRY}), Unreadable)
    assert isinstance(read_entry({}), Unreadable)
    assert len(good(summary="x" * 5000).summary) == 1024
    long = good(summary="s", dedup_key="k" * 300)
    assert len(long.dedup_key) <= 255
    assert long.dedup_key != good(summary="s", dedup_key="k" * 301).dedup_key
    assert isinstance(read_entry({b"alert": b"[" * 100_000}), Unreadable)


def test_text_is_made_safe_and_stays_readable() -> None:
    assert good(summary="a\x00b\r\n c\u202e d \U0001f468\u200d\U0001f692").summary == "ab c d \U0001f468\u200d\U0001f692"


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["summary", "severity", "dedup_key", "labels", "details", "links", "images", "timestamp", "action", "service", "x"])


@given(st.dictionaries(names, values))
def test_no_json_raises(fields: dict[str, Any]) -> None:
    _is_sane(read_entry({b"alert": json.dumps(fields).encode("utf-8", "surrogatepass")}))


@given(st.dictionaries(st.binary(max_size=12) | names.map(str.encode), st.binary(max_size=40), max_size=5))
def test_no_bytes_raise(fields: dict[bytes, bytes]) -> None:
    _is_sane(read_entry(fields))


ODD = [
    "", "a  b", " a", "a ", "| ", "a|b", "a\nb", "a\x7fb", "\u202ea", "\ud800", "é", "é" * 300, "x" * 600, "x" * 2000, "trigger", "resolve", "INFO",
    "info", 1, 2**70, 1.5, True, None, [], ["x"], {}, {"a": "b"},
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
@pytest.mark.parametrize("action", ["trigger", "resolve"])
def test_what_is_read_at_once_is_what_reading_field_by_field_makes_of_it(odd: Any, action: str) -> None:
    usual = {"summary": "disk full", "dedup_key": "k", "action": action, "labels": {"cluster": "eu-1"}, "details": {"used": 97}}
    bodies = [{**usual, name: odd} for name in (*sorted(KNOWN), "another")]
    bodies += [{**usual, "labels": {str(odd): "x"}}, {**usual, "labels": {"k": odd}}, {**usual, "details": {str(odd): odd}}]
    for body in bodies:
        raw = json.dumps(body).encode()
        assert read_at_once(raw, "stream") in (None, read_fields(read_json(raw), "stream")), body


def test_what_tools_mostly_write_is_read_at_once() -> None:
    fields = {
        "summary": "disk almost full on db1",
        "severity": "critical",
        "dedup_key": "k",
        "labels": {"cluster": "eu-1"},
        "details": {"used": 97},
    }
    assert read_at_once(json.dumps(fields).encode(), "stream") is not None


def _is_sane(found: Alert | Unreadable) -> None:
    if isinstance(found, Unreadable):
        assert ": " in found.reason
        return
    assert found.summary or found.action is not Action.TRIGGER
    assert found.dedup_key
    assert not [c for c in found.summary + found.service if c < " " or c == "\x7f"]
