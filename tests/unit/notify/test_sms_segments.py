"""What fits into an SMS."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.notify.sms import Segments, compose, fits, plain, segments
from pager.notify.text import clusters, one_line, shorten, width


@pytest.mark.parametrize(
    ("text", "encoding", "count"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("€" * 153, "GSM-7", 3),  # 76 fit into each: none is split
        ("ж" * 70, "UCS-2", 1),
        ("ж" * 71, "UCS-2", 2),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        ("😀" * 67, "UCS-2", 3),  # 33 fit into each: no surrogate pair is split
    ],
)
def test_segments_are_counted_as_carriers_do(text: str, encoding: str, count: int) -> None:
    assert segments(text) == Segments(encoding, count)


def test_typographers_marks_do_not_make_a_message_dear() -> None:
    text = plain("\u201cdisk\u201d \u2013 it\u2019s full\u2026")
    assert text == '"disk" - it\'s full...'
    assert segments(text).encoding == "GSM-7"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("ab", ["a", "b"]),
        ("e\u0301x", ["e\u0301", "x"]),
        ("🇪🇸🇺🇸!", ["🇪🇸", "🇺🇸", "!"]),
        ("👩\u200d👩\u200d👧👍🏽", ["👩\u200d👩\u200d👧", "👍🏽"]),
        ("❤\ufe0fx", ["❤\ufe0f", "x"]),
    ],
)
def test_what_looks_like_one_character_is_kept_together(text: str, pieces: list[str]) -> None:
    assert list(clusters(text)) == pieces


def test_a_cut_text_never_ends_in_half_a_character() -> None:
    text = "👩\u200d👩\u200d👧" * 20
    for units in range(3, 60):
        kept = shorten(text, units)
        assert kept.endswith("...")
        assert width(kept) <= units
        assert kept.removesuffix("...") == "👩\u200d👩\u200d👧" * kept.count("👧")


def test_line_breaks_and_controls_do_not_reach_the_phone() -> None:
    assert one_line("a\r\nb\tc\x00\x1b[31m\u2028d\u202ee\ud800\u00a0f") == "a b c[31m d" + "e f"


def test_what_matters_less_is_left_out_whole_and_the_closing_stays() -> None:
    url = "https://runbook.example/" + "x" * 120
    text = compose("#42 CRITICAL db:", "disk full " * 40, [("late by 2m.",), (url * 3, url), ("never " * 60,)], "Reply 7K3M to acknowledge")
    assert segments(text).count == 3
    assert text.startswith("#42 CRITICAL db: disk full disk full")
    assert text.endswith("... late by 2m. " + url + " Reply 7K3M to acknowledge")
    assert "never" not in text


@given(st.text(max_size=700), st.lists(st.text(max_size=300), max_size=4))
def test_any_text_fits_and_uses_the_room_there_is(summary: str, extras: list[str]) -> None:
    summary, extras = plain(summary), [plain(e) for e in extras]
    text = compose("#42 CRITICAL db:", summary, [(e,) for e in extras], "Reply 7K3M to acknowledge")
    assert fits(text)
    assert text.endswith("Reply 7K3M to acknowledge")
    if summary and not extras and fits(f"#42 CRITICAL db: {summary}. Reply 7K3M to acknowledge"):
        assert summary in text


@given(st.text())
def test_one_line_is_what_it_says_for_any_text(text: str) -> None:
    line = one_line(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in line)
    assert "  " not in line
    assert one_line(line) == line
    line.encode("utf-16")


@given(st.text(), st.integers(3, 100))
def test_shorten_keeps_to_its_limit(text: str, units: int) -> None:
    assert width(shorten(text, units)) <= units
