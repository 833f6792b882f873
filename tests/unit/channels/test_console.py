"""Pages on a terminal."""

from __future__ import annotations

import io

import pytest

from pager.channels.console import Console
from pager.ports import GiveUp, Message, Sent

PAGE = Message(address="ana", text="#42 CRITICAL db: disk full\nTo acknowledge: pagerd ack 42", id="42-1")


async def test_a_page_stands_out_names_its_answer_and_says_that_it_is_a_demo() -> None:
    stream = io.StringIO()
    result = await Console(stream).send(PAGE)
    assert result == Sent("42-1", expects_receipt=False)
    lines = stream.getvalue().splitlines()
    assert "PAGE to ana" in lines[1]
    assert lines[2:4] == ["┃ #42 CRITICAL db: disk full", "┃ To acknowledge: pagerd ack 42"]
    assert "demo" in lines[4]


async def test_a_notice_is_not_called_a_page() -> None:
    stream = io.StringIO()
    await Console(stream).send(Message(address="ana", text="#42 Resolved"))
    assert "NOTICE to ana" in stream.getvalue()


async def test_an_alert_can_not_drive_the_terminal() -> None:
    stream = io.StringIO()
    await Console(stream).send(Message(address="a\x1b[2J", text="disk \x1b]0;owned\x07 full\r\x9b1A\u202e"))
    assert all(c == "\n" or c.isprintable() for c in stream.getvalue())


async def test_a_terminal_without_unicode_still_shows_the_page() -> None:
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="ascii")
    await Console(terminal).send(PAGE)
    assert b"pagerd ack 42" in raw.getvalue()


@pytest.mark.parametrize("error", [ValueError("closed"), BrokenPipeError()])
async def test_a_terminal_that_is_gone_is_not_a_page_sent(error: Exception) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise error

    assert isinstance(await Console(Gone()).send(PAGE), GiveUp)
