"""What is typed in a chat at night."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pager.model.event import ReplyAction
from pager.notify.commands import Ask, Order, read_command
from pager.notify.replies import NotUnderstood


@pytest.mark.parametrize(
    ("typed", "order"),
    [
        ("ack 42", Order(ReplyAction.ACKNOWLEDGE, 42)),
        ("  ACK   #42 ", Order(ReplyAction.ACKNOWLEDGE, 42)),
        ("acknowledge 42", Order(ReplyAction.ACKNOWLEDGE, 42)),
        ("resolve 42", Order(ReplyAction.RESOLVE, 42)),
        ("Escalate 42", Order(ReplyAction.ESCALATE, 42)),
        ("snooze 42 2h", Order(ReplyAction.SNOOZE, 42, duration=timedelta(hours=2))),
        ("snooze 42 1 h and 30 min", Order(ReplyAction.SNOOZE, 42, duration=timedelta(minutes=90))),
        ("assign 42 ana", Order(ReplyAction.ASSIGN, 42, target="ana")),
        ("assign 42 schedule:payments-primary", Order(ReplyAction.ASSIGN, 42, target="schedule:payments-primary")),
        ("note 42 on my way,\n15 min", Order(ReplyAction.NOTE, 42, text="on my way, 15 min")),
    ],
)
def test_a_command_says_what_is_to_be_done_with_which_incident(typed: str, order: Order) -> None:
    assert read_command(typed) == order


@pytest.mark.parametrize(("typed", "ask"), [("list", Ask.LIST), ("LIST", Ask.LIST), ("help", Ask.HELP), ("", Ask.HELP), (" \n ", Ask.HELP)])
def test_nothing_typed_is_a_call_for_help(typed: str, ask: Ask) -> None:
    assert read_command(typed) is ask


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("ack", "Which incident? ack and its number, such as ack 42."),
        ("ack disk", "Which incident? ack and its number, such as ack 42."),
        ("ack -42", "Which incident? ack and its number, such as ack 42."),
        ("ack ４２", "Which incident? ack and its number, such as ack 42."),
        (f"ack {'4' * 16}", "Which incident? ack and its number, such as ack 42."),
        ("ack 42 43", "'43' is not understood, so nothing was done."),
        ("resolve 42 not yet", "'not yet' is not understood, so nothing was done."),
        ("snooze 42", "Snooze for how long? snooze 42 2h."),
        ("snooze 42 till monday", "Snooze for how long? snooze 42 2h."),
        ("snooze 42 0h", "Snooze for how long? snooze 42 2h."),
        ("assign 42", "Assign to whom? assign 42 ana."),
        ("assign 42 ana ben", "Assign to whom? assign 42 ana."),
        ("note 42", "The note is empty: note 42 and a text."),
        ("42 ack", "'42' is not understood, so nothing was done."),
        ("drop table", "'drop' is not understood, so nothing was done."),
    ],
)
def test_what_is_not_understood_does_nothing_and_says_how(typed: str, why: str) -> None:
    assert read_command(typed) == NotUnderstood(why)


def test_a_long_word_is_not_said_back_whole() -> None:
    said = read_command("x" * 5000)
    assert isinstance(said, NotUnderstood)
    assert len(said.why) < 100
