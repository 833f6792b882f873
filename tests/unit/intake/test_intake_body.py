"""Bodies of requests: JSON and forms as tools send them, and what is wrong with the others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pager.intake.body import FORM, MAX_FORM_FIELDS, Bad, read_body
from pager.intake.lenient import read_json
from pager.model.alert import Severity
from pager.model.plain import MAX_DEPTH, deeper_than, plain
from tests.unit.intake.any_json import json_values

JSON = "application/json"


def bad(raw: bytes, content_type: str = JSON) -> Bad:
    found = read_body(raw, content_type)
    assert isinstance(found, Bad), found
    assert (found.status, bool(found.message), bool(found.errors)) == (400, True, True)
    return found


# --- JSON ---------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "content_type", [JSON, "application/json; charset=utf-8", "text/plain", "", "nonsense", FORM, f"{FORM}; charset=UTF-8"]
)
def test_json_is_read_whatever_the_content_type_says(content_type: str) -> None:
    assert read_body(b' {"a": [1, 2.5, null, true, "\xc3\xa9"]}\n', content_type) == {"a": [1, 2.5, None, True, "é"]}


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"", "line 1, column 1"),
        (b" \r\n ", "line 1, column 1"),
        (b"disk full", "line 1, column 1"),
        (b'{"a": 1,\n "b": tru}', "line 2, column 7"),
        (b'{"a": 1', "line 1, column 8"),
        (b'{"a": 1} x', "line 1, column 10"),
        (b"\xff\xfe\xfa", "line 1, column 1"),
    ],
)
def test_a_fault_has_its_place(raw: bytes, place: str) -> None:
    assert bad(raw).errors[0].startswith(place)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": "x \xff y"}', {"a": "x \N{REPLACEMENT CHARACTER} y"}),
        (b'{"a": "x \\ud83d"}', {"a": "x ?"}),
        (b'{"\\ud83d": 1}', {"?": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": "two\nlines"}', {"a": "two\nlines"}),
        (b'{"a": 1e999, "b": -1e999}', {"a": "1e999", "b": "-1e999"}),
        (b'{"a": NaN, "b": -Infinity}', {"a": "NaN", "b": "-Infinity"}),
        (b'{"a": ' + b"9" * 5000 + b"}", {"a": "9" * 5000}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
    ],
)
def test_what_can_be_mended_costs_no_page(raw: bytes, value: Any) -> None:
    assert read_body(raw, JSON) == value


def test_the_charset_of_the_content_type_counts_when_it_is_one() -> None:
    raw = '{"a": "é"}'.encode("latin-1")
    assert read_body(raw, "application/json; charset=ISO-8859-1") == {"a": "é"}
    assert read_body(raw, 'text/plain; boundary=x; charset="latin-1"') == {"a": "é"}
    assert (
        read_body(b'{"a": 1}', "application/json; charset=klingon") == read_body(b'{"a": 1}', "application/json; charset=zlib") == {"a": 1}
    )


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 900, 5000, 200_000])
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    assert "nested too deeply" in bad(b"[" * depth + b"]" * depth).message
    assert "nested too deeply" in bad(b'{"a": "\xff", "b": ' + b"[" * depth + b"]" * depth + b"}").message


def test_many_maps_beside_one_another_are_not_deep() -> None:
    assert read_body(b"[" + b",".join([b"{}"] * 5000) + b"]", JSON) == [{}] * 5000
    assert not isinstance(read_body(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, JSON), Bad)


# --- forms --------------------------------------------------------------------------------------------------------------------------
def test_a_form_is_a_map_and_a_repeated_field_a_list() -> None:
    assert read_body(b"summary=disk+full%20%C3%A9&tag=a&tag=b&tag=c&empty=", FORM) == {
        "summary": "disk full é", "tag": ["a", "b", "c"], "empty": "",
    }  # fmt: skip


def test_a_form_that_is_none_is_refused_with_its_place() -> None:
    assert bad(b"disk full", FORM).errors[0].startswith("line 1, column 1")
    assert bad(b'{"a": 1', FORM).errors[0].startswith("line 1, column 8")
    assert str(MAX_FORM_FIELDS) in bad(b"&".join([b"a=1"] * (MAX_FORM_FIELDS + 1)), FORM).errors[0]


# --- anything -----------------------------------------------------------------------------------------------------------------------
@given(st.binary(max_size=60), st.sampled_from([JSON, FORM, "", "text/plain; charset=utf-16", "x; charset=idna"]) | st.text(max_size=20))
@example(b"\xed\xa0\x80=1", FORM)
def test_no_bytes_raise(raw: bytes, content_type: str) -> None:
    read_body(raw, content_type)


@given(json_values())
def test_any_json_is_read_as_what_it_is_or_mended(value: Any) -> None:
    found = read_body(json.dumps(value).encode(), JSON)
    assert not isinstance(found, Bad) or value is None
    assert plain(read_json(json.dumps(plain(value)).encode())) == plain(value)


@given(json_values())
def test_plain_values_are_plain_already(value: Any) -> None:
    once = plain(value)
    assert plain(once) == once
    json.dumps(once, allow_nan=False, ensure_ascii=False).encode()


def test_odd_objects_become_text() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert deeper_than(deep)
    assert "(nested too deeply)" in str(plain(deep))
    assert plain({1: {2}, None: b"\xff", (1,): object()}) == {
        "1": [2],
        "None": "\N{REPLACEMENT CHARACTER}",
        "(nested too deeply)": "(object)",
    }
    assert plain([Severe(), Severity.ERROR, timedelta(seconds=1.5), datetime(2026, 1, 5, tzinfo=UTC)]) == [
        "(Severe)", "error", "1.5s", "2026-01-05T00:00:00Z",
    ]  # fmt: skip
    assert plain(10**5000).startswith("0x")


class Severe:
    def __str__(self) -> str:
        raise ValueError
