"""What a terminal gets, and what a pipe gets."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import pytest

from pager.cli import printing

HEADERS = ("#", "state", "summary")
ROWS = [("1", "triggered", "disk full on db1, and on db2, and on db3"), ("12", "snoozed", "ディスク満杯")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, rows: Sequence[tuple[str, ...]] = ROWS) -> list[str]:
    monkeypatch.setattr("sys.stdout", stream)
    printing.print_columns(HEADERS, rows, ["red", "cyan"])
    return stream.getvalue().splitlines()


def test_a_pipe_gets_whole_lines_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert printed(monkeypatch, io.StringIO()) == [
        "#   state      summary",
        "1   triggered  disk full on db1, and on db2, and on db3",
        "12  snoozed    ディスク満杯",
    ]


def test_a_terminal_gets_colours_and_lines_cut_at_its_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    lines = printed(monkeypatch, Terminal())
    assert lines[1] == "1   \x1b[31mtriggered\x1b[0m  disk full on db1, and on…"
    assert lines[2] == "12  \x1b[36msnoozed  \x1b[0m  ディスク満杯"


def test_wide_letters_are_cut_by_the_room_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")  # less than there must be: 20 are left for the last column
    [_, line] = printed(monkeypatch, Terminal(), [("1", "triggered", "満" * 30)])
    assert line.endswith("満" * 9 + " …")


def test_no_color_is_heard_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not any("\x1b" in line for line in printed(monkeypatch, Terminal()))


def test_a_hundred_thousand_incidents_are_a_json_list_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    printing.print_json_list([b'{"number":%d}' % n for n in range(100_000)])
    assert len(stream.getvalue().splitlines()) == 100_000
    assert json.loads(stream.getvalue())[99_999] == {"number": 99_999}


def test_an_empty_list_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    printing.print_json_list([])
    assert json.loads(stream.getvalue()) == []
