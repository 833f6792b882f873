"""What was read over HTTP goes through the stream as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.intake.alertmanager import read_webhook
from pager.intake.fields import Unreadable
from pager.intake.generic import read_generic
from pager.intake.stream import MAX_ENTRY, read_entry, to_entry
from pager.model.alert import Action, Alert, Link, Severity
from pager.model.plain import MAX_DEPTH, plain
from pager.model.service import Integration
from tests.unit.intake.any_json import json_values
from tests.unit.store.any_value import any_of

FULL = Alert(
    scope="prom", dedup_key="k", action=Action.RESOLVE, summary="disk full", severity=Severity.INFO, source="s", service="db", component="c",
    group="g", class_="k", integration="prom", timestamp=datetime(2026, 1, 5, 9, 0, 0, 123_456, UTC), labels={"a": "b"},
    details={"raw": [1, 2.5, None, {"é": "🔥"}]}, links=(Link("h", "t"), Link("h")), images=("i",), client="c", client_url="u", notes=("n",),
)  # fmt: skip


def through(alert: Alert) -> Alert | Unreadable:
    entry = to_entry(alert)
    assert list(entry) == ["pagerd-alert"]
    return read_entry({name.encode(): value.encode() for name, value in entry.items()})


def test_every_field_comes_back() -> None:
    assert through(FULL) == FULL
    assert all(getattr(FULL, name) != getattr(Alert(scope="", dedup_key=""), name) for name in Alert.__struct_fields__)


@given(any_of(Alert))
def test_any_alert_comes_back(alert: Alert) -> None:
    assert through(alert) == msgspec.structs.replace(alert, details=plain(alert.details))  # infinity is no JSON


@given(json_values("summary", "alerts", "labels"), st.sampled_from([read_webhook, read_generic]))
def test_whatever_a_reader_made_comes_back(body: Any, reader: Any) -> None:
    for alert in reader(body, Integration(name="in", kind="generic", fields={"summary": "body.summary"} if reader is read_generic else {})):
        assert through(alert) == alert


@given(json_values())
def test_what_no_json_holds_is_mended(value: Any) -> None:
    found = through(Alert(scope="s\ud83d", dedup_key="\ud83d", summary="x\ud83d", details={"raw": value}, notes=("\ud83d",)))
    assert isinstance(found, Alert)
    assert (found.scope, found.dedup_key, found.summary, found.notes) == ("s?", "?", "x?", ("?",))
    assert through(found) == found


def test_a_time_comes_back_in_utc() -> None:
    at = datetime(2026, 1, 5, 9, tzinfo=timezone(timedelta(hours=1, seconds=1)))
    found = through(Alert(scope="s", dedup_key="k", timestamp=at))
    assert isinstance(found, Alert)
    assert (found.timestamp, found.timestamp and found.timestamp.utcoffset()) == (at, timedelta(0))
    first = Alert(scope="s", dedup_key="k", timestamp=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    assert isinstance(through(first), Alert)


def test_the_limit_of_an_entry_is_not_for_these() -> None:
    large = Alert(scope="s", dedup_key="k", summary="x", details={"raw": "x" * 2 * MAX_ENTRY})
    assert through(large) == large


def test_the_deepest_body_that_is_read_comes_back() -> None:
    body: Any = 1
    for _ in range(MAX_DEPTH):
        body = {"a": body}
    for fields in ({}, {"summary": "'x'"}, {"summary": "'x'", "details": "{'raw': body}"}):
        [alert] = read_generic(body, Integration(name="in", kind="generic", fields=fields))
        assert (through(alert), alert.details) == (alert, {"raw": body})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"scope": 1, "dedup_key": "k"}',
        b'{"scope": "s", "dedup_key": "k", "severity": "x"}',
        b"\xff",
        b"[" * 9000,
    ],
)
def test_a_broken_one_is_unreadable(raw: bytes) -> None:
    found = read_entry({b"pagerd-alert": raw})
    assert isinstance(found, Unreadable)
    assert found.reason.startswith("pagerd-alert: damaged: ")


@given(st.binary(max_size=60))
def test_no_bytes_raise(raw: bytes) -> None:
    read_entry({b"pagerd-alert": raw})


def test_beside_other_fields_it_is_a_flat_one() -> None:
    found = read_entry({b"pagerd-alert": b"{}", b"summary": b"x"})
    assert isinstance(found, Alert)
    assert found.labels == {"pagerd-alert": "{}"}


# --- what tools write to the stream themselves ----------------------------------------------------------------------------------------
def test_a_number_beyond_64_bits_costs_no_page() -> None:
    found = read_entry({b"alert": b'{"summary": "x", "details": {"n": 1180591620717411303424}, "m": [1180591620717411303424]}'})
    assert isinstance(found, Alert)
    assert found.details == {"n": "1180591620717411303424", "m": ["1180591620717411303424"]}


def test_a_line_break_inside_a_text_costs_no_page() -> None:
    found = read_entry({b"alert": b'{"summary": "disk\nfull"}'})
    assert isinstance(found, Alert)
    assert found.summary == "disk full"


@pytest.mark.parametrize("depth", [150, 900, 950, 975, 985, 990, 995])
def test_no_depth_raises(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    for name in (b"details", b"severity", b"action", b"dedup_key", b"links", b"x"):
        read_entry({b"alert": b'{"summary": "x", "%b": %b}' % (name, nested)})
        read_entry({b"summary": b"x", name: nested})
