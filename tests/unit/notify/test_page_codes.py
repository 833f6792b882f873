"""Page codes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.notify.codes import as_sent, is_code, page_code
from pager.notify.replies import CARRIER_WORDS, Said, read_duration, read_reply

SECRET = b"0123456789abcdef"


@given(incident=st.integers(1, 10**9), seq=st.integers(1, 10**6), secret=st.binary(min_size=1, max_size=64))
def test_every_code_can_be_typed_and_is_read_as_what_it_is(incident: int, seq: int, secret: bytes) -> None:
    code = page_code(secret, incident, seq)
    assert re.fullmatch("[0-9A-Z]{4}", code)
    assert is_code(code)
    assert not code.isdigit()
    assert not set(code) & set("ILOU")
    assert code not in CARRIER_WORDS
    assert read_duration(code) is None
    assert as_sent(code.lower()) == code
    assert read_reply(code.lower()) == Said(code)


def test_a_code_is_the_same_each_time_and_hangs_on_the_secret() -> None:
    assert page_code(SECRET, 42, 3) == page_code(SECRET, 42, 3)
    assert page_code(SECRET, 42, 3) != page_code(b"another", 42, 3)
    assert page_code(SECRET, 4, 23) != page_code(SECRET, 42, 3)


def test_codes_of_many_pages_hardly_ever_meet() -> None:
    codes = {page_code(SECRET, incident, seq) for incident in range(500) for seq in range(4)}
    assert len(codes) > 1985


@pytest.mark.parametrize(("text", "yes"), [("7K3M", True), ("7k3m", True), ("12345678", True), ("STOP", False), ("7K3", False)])
def test_the_shape_of_a_code(text: str, yes: bool) -> None:
    assert is_code(text) is yes


@pytest.mark.parametrize("text", ["7K3M\n", "7K3M9PQ2X", "7K-3", "", "\u0667K3M", "\uff11AB2", "ßß11"])
def test_what_has_not_the_shape_of_a_code(text: str) -> None:
    assert not is_code(text)
