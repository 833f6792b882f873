"""How answers look: JSON, columns, tables, times. Colours only at a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import typer

from pager.cli.context import USAGE, stop

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Zone = ZoneInfo | None
"""None: this machine's."""
_LOCAL = "local"
_NOW = "now"
_MINUTE = "%a %Y-%m-%d %H:%M %Z"
_FARTHEST = timedelta(days=3660)


# --- JSON -----------------------------------------------------------------------------------------------------------------------------
def print_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_json_list(encoded: Sequence[bytes]) -> None:
    """A list of values that are JSON already, one a line."""
    sys.stdout.write((b"[" + b",\n ".join(encoded) + b"]\n").decode())


# --- text -----------------------------------------------------------------------------------------------------------------------------
def console() -> Console:
    """As wide as the terminal; elsewhere as COLUMNS says, or 80."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def table(*headers: str, whole: int = 1) -> Table:
    """A table whose first `whole` columns are never broken over lines."""
    from rich.table import Table

    made = Table(*headers, box=None, pad_edge=False)
    for column in made.columns[:whole]:
        column.no_wrap = True
    return made


def print_columns(headers: Sequence[str], rows: Iterable[Sequence[str]], colours: Sequence[str] = ()) -> None:
    """Rows of text under their headers, the last column as long as it is, but for a terminal's edge; quick enough for a hundred thousand.
    `colours`: one for each row's second column."""
    from rich.cells import cell_len, set_cell_size

    lines = [tuple(headers), *(tuple(row) for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    room = _room(sum(widths[:-1]) + 2 * len(widths[:-1]))
    printed = []
    for k, line in enumerate(lines):
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        cells[-1] = line[-1] if room is None or cell_len(line[-1]) <= room else set_cell_size(line[-1], room - 1) + "…"
        if k and colours and has_colours():
            cells[1] = typer.style(cells[1], fg=colours[k - 1])
        printed.append("  ".join(cells).rstrip())
    sys.stdout.write("\n".join(printed) + "\n")


def _room(taken: int) -> int | None:
    """What a terminal's line has left; None where lines may be as long as they like."""
    return max(shutil.get_terminal_size().columns - taken, 20) if sys.stdout.isatty() else None


def has_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


# --- times ----------------------------------------------------------------------------------------------------------------------------
def zone(name: str) -> Zone:
    """An IANA name, or `local`: this machine's zone. Ends with 2 for another."""
    try:
        return None if name == _LOCAL else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        stop(USAGE, f"{name!r} is no time zone: an IANA name such as Europe/Madrid, or {_LOCAL}")


def moment(text: str, tz: Zone) -> datetime:
    """RFC 3339, or wall-clock time in `tz`, as UTC. Ends with 2 for anything else."""
    from pager.oncall.instants import instant

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        stop(USAGE, f"{text!r} is no time: such as 2026-10-25T02:30 or 2026-10-25T00:30:00Z")
    try:
        return instant(at, tz) if at.tzinfo is None and tz is not None else at.astimezone(UTC)
    except OverflowError:
        stop(USAGE, f"{text!r} is beyond the calendar")


def duration(text: str) -> timedelta:
    """As in the config. Ends with 2 for anything else."""
    from pager.config.scalars import read_duration

    try:
        return read_duration(text)
    except ValueError as error:
        stop(USAGE, f"{text!r} is no duration: {error}")


def period(start: str, end: str | None, lasts: timedelta | None, tz: Zone, now: datetime) -> tuple[datetime, datetime]:
    """From when to when, in UTC; either may be `now`, and one of `end` and `lasts` is None. Ends with 2 where that is no time to come."""
    now = now.replace(microsecond=0)
    begin = now if start == _NOW else moment(start, tz)
    try:
        until = begin + lasts if lasts is not None else now if end == _NOW else moment(end or "", tz)
    except OverflowError:
        stop(USAGE, "that is beyond the calendar")
    if until <= begin:
        stop(USAGE, f"it would end before it begins: from {begin.astimezone(tz):{_MINUTE}} to {until.astimezone(tz):{_MINUTE}}")
    if until <= now:
        stop(USAGE, f"it would be over already: it is {now.astimezone(tz):{_MINUTE}}, and it ends {until.astimezone(tz):{_MINUTE}}")
    return begin, until


def horizon(text: str) -> timedelta:
    """How far to look ahead. Ends with 2 for what can't be read, nothing, or more than anybody plans."""
    span = duration(text)
    if not timedelta(0) < span <= _FARTHEST:
        stop(USAGE, f"--for {text}: more than nothing and at most {_FARTHEST.days}d, such as 14d")
    return span


def clock(at: str | None, tz: Zone, form: str = "%a %Y-%m-%d %H:%M:%S %Z", never: str = "never") -> str:
    """A time of our JSON on the wall clock of `tz`."""
    return datetime.fromisoformat(at).astimezone(tz).strftime(form) if at else never


def columns() -> int:
    """How wide a line may be: as the terminal, or where there is none as COLUMNS says, or 80."""
    return shutil.get_terminal_size().columns


def printable(text: str) -> str:
    """Whatever stands in an entry can't move the cursor."""
    return "".join(c if c.isprintable() else "·" for c in text)
