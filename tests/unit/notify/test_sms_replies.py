"""What people text back at night."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.model.event import ReplyAction
from pager.notify.replies import CarrierWord, NotUnderstood, Said, read_duration, read_reply

HOURS_2 = timedelta(hours=2)


@pytest.mark.parametrize(
    "body",
    [
        "7K3M",
        "7k3m",
        " 7k3m \n",
        "7K3M.",
        '"7K3M"',
        "“7k3m”",
        "(7K3M)!",
        "\uff17\uff2b\uff13\uff2d",
        "\u0667k\u0663m",
        "Reply 7K3M",
        "reply: 7k3m",
        "Reply 7K3M to acknowledge",
        "7K3M ack",
        "ack 7K3M",
        "Ack: 7k3m.",
        "7K3M,  ACKNOWLEDGE",
        "ack it please 7K3M",
        "7k3m ok",
        "7K3M 👍",
        "7K3M acknowledged",
    ],
)
def test_a_code_alone_or_with_ack_acknowledges(body: str) -> None:
    assert read_reply(body) == Said("7K3M")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("7K3M resolve", Said("7K3M", ReplyAction.RESOLVE)),
        ("RESOLVED 7k3m", Said("7K3M", ReplyAction.RESOLVE)),
        ("7K3M escalate", Said("7K3M", ReplyAction.ESCALATE)),
        ("7K3M snooze 2h", Said("7K3M", ReplyAction.SNOOZE, HOURS_2)),
        ("snooze 7k3m for 2 hours", Said("7K3M", ReplyAction.SNOOZE, HOURS_2)),
        ("7K3M Snooze 120", Said("7K3M", ReplyAction.SNOOZE, HOURS_2)),
        ("snooze 120m 7K3M", Said("7K3M", ReplyAction.SNOOZE, HOURS_2)),
        ("7K3M note Reply 9999 to it, WAL is 99% full", Said("7K3M", ReplyAction.NOTE, text="Reply 9999 to it, WAL is 99% full")),
        ("note 7K3M: on my way", Said("7K3M", ReplyAction.NOTE, text="on my way")),
        ("Reply 7k3m note\nline 1\nline 2", Said("7K3M", ReplyAction.NOTE, text="line 1 line 2")),
    ],
)
def test_a_verb_does_what_it_says(body: str, said: Said) -> None:
    assert read_reply(body) == said


def test_letters_that_codes_do_not_have_are_read_as_the_digits_they_look_like() -> None:
    assert read_reply("7kO3") == Said("7K03")
    assert read_reply("l2mi") == Said("12M1")


@pytest.mark.parametrize("word", ["STOP", "stop", "Stop.", " YES ", "help!", "Unsubscribe"])
def test_a_word_of_the_carrier_alone_is_nobodys_reply(word: str) -> None:
    said = read_reply(word)
    assert isinstance(said, CarrierWord)
    assert said.word == word.strip(" .!").upper()


@pytest.mark.parametrize("body", ["7K3M not me", "not 7K3M", "7K3M ack 9PQ2", "7K3M 9PQ2", "7K3M don't ack", "7K3M resolve not"])
def test_what_is_not_clear_is_not_taken_for_an_acknowledgement(body: str) -> None:
    said = read_reply(body)
    assert isinstance(said, NotUnderstood)
    assert "nothing was done" in said.why


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "no page code"),
        ("hello", "no page code"),
        ("ack", "no page code"),
        ("ack 42", "no page code"),
        ("7K3M snooze", "how long"),
        ("7K3M snooze later", "how long"),
        ("7K3M snooze 0m", "how long"),
        ("7K3M snooze 99999w", "how long"),
        ("7K3M note", "note is empty"),
    ],
)
def test_what_is_missing_is_said(body: str, words: str) -> None:
    said = read_reply(body)
    assert isinstance(said, NotUnderstood)
    assert words in said.why


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2h", HOURS_2),
        ("2 hours", HOURS_2),
        ("1h30m", timedelta(minutes=90)),
        ("1 hour and 30 min", timedelta(minutes=90)),
        ("45", timedelta(minutes=45)),
        ("1d", timedelta(days=1)),
        ("90s", timedelta(seconds=90)),
        ("1w", timedelta(weeks=1)),
    ],
)
def test_durations_as_people_write_them(text: str, span: timedelta) -> None:
    assert read_duration(text) == span


@pytest.mark.parametrize("text", ["", "soon", "-2h", "2x", "h", "1.5h", "999999m", "0", "2h ago"])
def test_what_is_no_duration(text: str) -> None:
    assert read_duration(text) is None


@given(st.text(max_size=200))
def test_no_text_breaks_it_and_a_code_is_always_one(body: str) -> None:
    said = read_reply(body)
    if isinstance(said, Said):
        assert said.code.isascii()
        assert 4 <= len(said.code) <= 8
        assert any(c.isdigit() for c in said.code)
    elif isinstance(said, NotUnderstood):
        assert said.why
