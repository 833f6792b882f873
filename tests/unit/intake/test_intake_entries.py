"""Entries of the stream as tools and shells write them, field by field."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pager.intake.fields import Unreadable, made_key
from pager.intake.stream import MAX_ENTRY, read_entry
from pager.intake.text import MAX_FIELD, MAX_KEY, MAX_SUMMARY, clean, short_key
from pager.model.alert import Action, Alert, Link, Severity

TEXTS = {
    "source": "s",
    "service": "db",
    "component": "c",
    "group": "g",
    "class": "k",
    "client": "cl",
    "client_url": "https://x.example.com",
}


def read(**fields: Any) -> Alert:
    """A JSON entry that is an alert."""
    found = read_entry({b"alert": json.dumps(fields).encode()})
    assert isinstance(found, Alert), found
    return found


def flat(**fields: str) -> Alert:
    found = read_entry({name.encode(): value.encode() for name, value in fields.items()})
    assert isinstance(found, Alert), found
    return found


def refused(raw: bytes) -> str:
    found = read_entry({b"alert": raw})
    assert isinstance(found, Unreadable), found
    return found.reason


# --- every field --------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", [read, flat])
@pytest.mark.parametrize("name", TEXTS)
def test_a_field_of_text_is_read_as_it_is(how: Any, name: str) -> None:
    alert = how(summary="disk full", **{name: TEXTS[name]})
    assert getattr(alert, "class_" if name == "class" else name) == TEXTS[name]
    assert (alert.labels, alert.notes, alert.scope, alert.action) == ({}, (), "stream", Action.TRIGGER)


@pytest.mark.parametrize("how", [read, flat])
@pytest.mark.parametrize("severity", Severity)
def test_severities_are_read_in_any_case(how: Any, severity: Severity) -> None:
    assert how(summary="x", severity=f" {severity.value.title()} ").severity is severity


@pytest.mark.parametrize("how", [read, flat])
@pytest.mark.parametrize("action", Action)
def test_actions_are_read_in_any_case(how: Any, action: Action) -> None:
    assert how(summary="x", dedup_key="k", action=f" {action.value.upper()} ").action is action


@pytest.mark.parametrize("how", [read, flat])
@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_only_a_dedup_key_is_needed_to_end_an_alert(how: Any, action: str) -> None:
    assert how(action=action, dedup_key="k").summary == ""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-05T09:00:00Z", datetime(2026, 1, 5, 9, tzinfo=UTC)),
        ("2026-01-05T09:00:00.250+02:00", datetime(2026, 1, 5, 7, 0, 0, 250_000, UTC)),
        ("2026-01-05T09:00:00", datetime(2026, 1, 5, 9, tzinfo=UTC)),
    ],
)
def test_timestamps_come_in_utc(written: str, meant: datetime) -> None:
    found = read(summary="x", timestamp=written).timestamp
    assert found == meant
    assert found is not None
    assert found.utcoffset() == timedelta(0)


def test_links_and_images_are_read_in_the_forms_that_tools_write() -> None:
    alert = read(
        summary="x",
        links=[{"href": "https://a.example.com", "text": "graph"}, {"href": "https://b.example.com"}, "https://c.example.com"],
        images=[{"src": "https://a.example.com/1.png", "alt": "one"}, "https://b.example.com/2.png"],
    )
    assert alert.links == (Link("https://a.example.com", "graph"), Link("https://b.example.com"), Link("https://c.example.com"))
    assert alert.images == ("https://a.example.com/1.png", "https://b.example.com/2.png")


def test_labels_are_text_and_details_stay_what_they_are() -> None:
    alert = read(summary="x", labels={"a": 1, "b": True, "c": "d"}, details={"n": [1, {"deep": None}]})
    assert (alert.labels, alert.details) == ({"a": "1", "b": "true", "c": "d"}, {"n": [1, {"deep": None}]})


def test_unknown_fields_become_labels_and_what_is_no_text_goes_to_the_details() -> None:
    alert = read(summary="x", env="prod", shard=7, list=[1], map={"a": 1}, gone=None, labels={"env": "said first"})
    assert alert.labels == {"env": "said first", "shard": "7"}
    assert alert.details == {"list": [1], "map": {"a": 1}}


def test_flat_fields_may_hold_json_for_what_has_structure() -> None:
    alert = flat(summary="x", labels='{"env": "prod"}', details='{"n": 1}', links='["https://a.example.com"]', shard="7")
    assert (alert.labels, alert.details) == ({"env": "prod", "shard": "7"}, {"n": 1})
    assert alert.links == (Link("https://a.example.com"),)


def test_an_alert_field_among_others_is_a_flat_one() -> None:
    assert flat(summary="x", alert="{}").labels == {"alert": "{}"}


# --- the key ------------------------------------------------------------------------------------------------------------------------
def test_a_made_key_is_of_five_fields_and_of_nothing_else() -> None:
    about = {"source": "s", "service": "db", "component": "c", "class": "k", "summary": "x"}
    key = read(**about).dedup_key
    assert key == made_key("s", "db", "c", "k", "x") == read(**about, severity="info", group="g", details={"n": 1}, dedup_key="").dedup_key
    assert len({key, *(read(**{**about, name: "other"}).dedup_key for name in about)}) == 6


def test_a_long_key_is_short_enough_and_keeps_apart_what_differs_at_its_end() -> None:
    keys = [read(summary="x", dedup_key="k" * length).dedup_key for length in (MAX_KEY, MAX_KEY + 1, MAX_KEY + 2, 4000)]
    assert keys[0] == "k" * MAX_KEY
    assert len(set(keys)) == 4
    assert all(len(key) <= MAX_KEY for key in keys)
    assert all(key.startswith("k" * 200) for key in keys)


def test_a_resolve_finds_the_long_key_of_its_trigger() -> None:
    key = "é" * 3000
    assert read(summary="x", dedup_key=key).dedup_key == read(action="resolve", dedup_key=key).dedup_key == short_key(key)


def test_a_number_is_a_key_as_well() -> None:
    assert read(summary="x", dedup_key=42).dedup_key == "42"


def test_nought_is_a_key_as_well() -> None:
    assert read(summary="x", dedup_key=0).dedup_key == "0"


# --- what is mended, what is not ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"severity": "fatal"}, "severity 'fatal' is unknown, taken as error"),
        ({"severity": 3}, "severity '3' is unknown, taken as error"),
        ({"timestamp": "yesterday"}, "timestamp 'yesterday' is not RFC 3339, left out"),
        ({"timestamp": 1767603600}, "timestamp '1767603600' is not RFC 3339, left out"),
        ({"labels": ["a"]}, "labels should be a map, kept in details"),
        ({"details": "text"}, "details should be a map, kept in details"),
        ({"service": {"name": "db"}}, "service should be text, kept in details"),
    ],
)
def test_a_mended_field_is_noted(fields: dict[str, Any], note: str) -> None:
    alert = read(summary="x", **fields)
    assert (alert.notes, alert.severity, alert.timestamp) == ((note,), Severity.ERROR, None)
    [(name, value)] = fields.items()
    assert ("kept in details" in note) == (alert.details == {name: value})


def test_every_mend_is_noted() -> None:
    assert len(read(summary="x", severity="?", timestamp="?", labels=1, source=[1]).notes) == 4


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_field_is_as_one_left_out_and_needs_no_note(nothing: Any) -> None:
    names = ("action", "dedup_key", "severity", "timestamp", "labels", "details", "links", "images", *TEXTS)
    assert read(summary="x", **dict.fromkeys(names, nothing)) == read(summary="x")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "alert: not JSON"),
        (b"disk full", "alert: not JSON"),
        (b'{"summary": "x"', "alert: not JSON"),
        (b"[]", "alert: should be a JSON object"),
        (b"null", "alert: should be a JSON object"),
        (b"[" * 100_000, "alert: nested too deeply"),
        (b"{}", "summary: missing or empty"),
        (b'{"summary": " \\u0000\\n "}', "summary: missing or empty"),
        (b'{"summary": ["x"]}', "summary: should be text, found a list"),
        (b'{"summary": 5}', "summary: should be text, found a number"),
        (b'{"summary": true}', "summary: should be text, found a boolean"),
        (b'{"summary": "x", "action": "triger"}', "action: 'triger' is not one of trigger, acknowledge, resolve"),
        (b'{"summary": "x", "action": ["trigger"]}', "action: '[\"trigger\"]' is not one of"),
        (b'{"action": "resolve"}', "dedup_key: missing or empty, resolve needs one"),
        (b'{"action": "acknowledge", "dedup_key": "\\u0007"}', "dedup_key: missing or empty, acknowledge needs one"),
        (b'{"summary": "x", "dedup_key": {}}', "dedup_key: should be text, found a map"),
    ],
)
def test_what_cannot_be_an_alert_names_the_field(raw: bytes, reason: str) -> None:
    assert refused(raw).startswith(reason)


def test_an_entry_without_fields_is_refused() -> None:
    assert read_entry({}) == Unreadable("entry: has no fields")


def test_an_entry_may_have_256_kib_and_not_a_byte_more() -> None:
    rest = MAX_ENTRY - len(b"summary") - len(b"disk full") - len(b"note")
    assert MAX_ENTRY == 262_144
    assert isinstance(read_entry({b"summary": b"disk full", b"note": b"x" * rest}), Alert)
    assert read_entry({b"summary": b"disk full", b"note": b"x" * (rest + 1)}) == Unreadable("entry: 262145 bytes, at most 262144 are taken")


def test_a_broken_byte_costs_a_letter_and_not_the_page() -> None:
    found = read_entry({b"alert": b'{"summary": "disk \xff full", "service": "db"}'})
    assert isinstance(found, Alert)
    assert (found.summary, found.service) == ("disk \N{REPLACEMENT CHARACTER} full", "db")


def test_a_broken_byte_before_deep_nesting_is_no_alert() -> None:
    assert refused(b'{"summary": "\xff", "details": ' + b"[" * 5000 + b"]" * 5000 + b"}").startswith("alert: ")


def test_half_an_emoji_costs_a_letter_and_not_the_page() -> None:
    assert isinstance(read_entry({b"alert": b'{"summary": "disk full \\ud83d"}'}), Alert)


def test_a_link_to_nothing_is_not_called_none() -> None:
    assert "None" not in str([(link.href, link.text) for link in read(summary="x", links=[{"href": None, "text": None}]).links])


# --- text ---------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["🔥 disk", "👩‍🚒 on it", "🇪🇸", "❤️", "👍🏽", "میں‌ہوں", "नमस्ते", "日本語 障害", "Ünïcödé – “quotes”"])
def test_what_people_write_stays(text: str) -> None:
    assert read(summary=text, labels={"x": text}, source=text).summary == text
    assert read(summary="x", labels={"x": text}).labels == {"x": text}


def test_emoji_younger_than_python_stay() -> None:
    assert read(summary="\U0001fae8\U0001fae9\U0001faea shaking").summary.endswith("\U0001faea shaking")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a\x00b", "ab"),
        ("a\x1b[31mb", "a[31mb"),
        ("a\r\nb\tc", "a b c"),
        ("a\u2028b", "a b"),
        ("a\x85b", "a b"),
        ("a\u202eb", "ab"),
        ("a\x7f\x9bb", "ab"),
    ],
)
def test_what_moves_a_cursor_does_not(written: str, meant: str) -> None:
    alert = read(
        summary=written, source=written, labels={written: written}, dedup_key=written, links=[written], images=[written], x=written
    )
    assert (alert.summary, alert.source, alert.dedup_key, alert.labels) == (meant, meant, meant, {meant: meant, "x": meant})
    assert (alert.links, alert.images) == ((Link(meant),), (meant,))


def test_long_text_is_cut_with_a_mark() -> None:
    alert = read(summary="x" * 5000, source="y" * 5000)
    assert (len(alert.summary), alert.summary[-1], len(alert.source)) == (MAX_SUMMARY, "…", MAX_FIELD)
    assert read(summary="x" * MAX_SUMMARY).summary == "x" * MAX_SUMMARY


# --- anything -----------------------------------------------------------------------------------------------------------------------
def is_whole(found: Alert | Unreadable) -> None:
    """What comes of any entry: an alert to page with, or a reason that starts with a field's name."""
    if isinstance(found, Unreadable):
        assert found.reason.split(":")[0] in ("entry", "alert", "action", "summary", "dedup_key")
        return
    assert found.summary or found.action is not Action.TRIGGER
    assert 0 < len(found.dedup_key) <= MAX_KEY
    assert len(found.summary) <= MAX_SUMMARY
    assert found.timestamp is None or found.timestamp.tzinfo is UTC
    texts = [
        found.summary,
        found.dedup_key,
        found.source,
        found.service,
        found.component,
        found.group,
        found.class_,
        found.client,
        *found.notes,
    ]
    texts += [*found.labels, *found.labels.values(), *found.images, *(link.href + link.text for link in found.links)]
    assert not [text for text in texts if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Alert) == found


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.sampled_from(["href", "src", "text"]), inner, max_size=3)
    ),
    max_leaves=10,
)
NAMES = (*TEXTS, "action", "dedup_key", "severity", "summary", "timestamp", "labels", "details", "links", "images")
likely = {"action": st.sampled_from([*Action, "x", None]), "summary": st.text(min_size=1), "dedup_key": st.text(min_size=1)}


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), json_values, max_size=8))
def test_any_object_is_an_alert_or_a_reason(fields: dict[str, Any]) -> None:
    is_whole(read_entry({b"alert": json.dumps(fields).encode()}))


@given(st.fixed_dictionaries(likely, optional=dict.fromkeys((name for name in NAMES if name not in likely), json_values)))
def test_any_values_beside_a_summary_are_an_alert_or_a_reason(fields: dict[str, Any]) -> None:
    is_whole(read_entry({b"alert": json.dumps(fields, ensure_ascii=False).encode()}))


@given(json_values)
def test_any_json_is_an_alert_or_a_reason(value: Any) -> None:
    is_whole(read_entry({b"alert": json.dumps(value).encode()}))


@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda raw: b'{"summary": "x' + raw + b'"}'))
@example(b'{"summary": "\xed\xa0\x80"}')
@example(b'{"summary": "x", "labels": {"a": 1e999}}')
def test_any_bytes_as_json_are_an_alert_or_a_reason(raw: bytes) -> None:
    is_whole(read_entry({b"alert": raw}))


@given(
    st.dictionaries(st.sampled_from([name.encode() for name in NAMES]) | st.binary(max_size=5), st.binary(max_size=30), max_size=6),
    st.booleans(),
)
def test_any_flat_fields_are_an_alert_or_a_reason(fields: dict[bytes, bytes], with_summary: bool) -> None:
    is_whole(read_entry({**fields, b"summary": b"disk full"} if with_summary else fields))


@given(st.text(), st.integers(1, 50))
def test_clean_text_is_one_line_that_fits_and_stays_so(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert len(once) <= limit
    assert len(once.splitlines()) <= 1
    assert clean(once, limit) == once
