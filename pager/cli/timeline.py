"""A timeline in letters: a row a person, a column a slot of time. No line is longer than the width it is given."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from pager.cli.printing import Zone
from pager.model.times import duration

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_LEAST_CELLS = 10
_ROOM = 8  # columns from mark to mark, so that what stands there can be read


class Row(msgspec.Struct, frozen=True):
    """`spans` (UTC, half open) may overlap. A `gap` is a time with nobody: the shortest fills its column."""

    label: str
    spans: tuple[tuple[datetime, datetime], ...]
    gap: bool = False


class _Letters(msgspec.Struct, frozen=True):
    full: str
    part: str
    mark: str


_DRAWN, _PLAIN = _Letters("█", "▒", "│"), _Letters("#", "+", "|")
_GAP = "!"


class _Grid(msgspec.Struct, frozen=True):
    start: datetime
    slot: timedelta
    cells: int

    def cell(self, at: datetime) -> int:
        return (at - self.start) // self.slot


def draw(
    rows: Sequence[Row], start: datetime, end: datetime, tz: Zone, now: datetime, width: int, *, plain: bool = False
) -> list[str]:  # fmt: skip
    """`start` to `end` (UTC) scaled to `width` columns. `plain`: in ASCII alone. Where `now` is in it, it is marked."""
    from rich.cells import cell_len, set_cell_size

    letters = _PLAIN if plain else _DRAWN
    label = min(max((cell_len(row.label) for row in rows), default=0), max(width // 3, 8))
    cells = max(width - label - 2, _LEAST_CELLS)
    grid = _Grid(start, (end - start) / cells, cells)
    names, marks = _marks(grid, end, tz)

    def line(left: str, right: str) -> str:
        cut = left if cell_len(left) <= label else set_cell_size(left, label - 1) + ("~" if plain else "…")
        return f"{set_cell_size(cut, label)}  {right}".rstrip()

    lines = [line("", names), *(line(row.label, _cells(row, grid, marks, letters)) for row in rows)]
    if start <= now < end:
        at = grid.cell(now)
        lines.append(line("", " " * at + "^ now" if at + 5 <= cells else " " * (at - 4) + "now ^"))
    legend = [f"a column is {duration(grid.slot)}", f"{letters.part} a part of it"]
    legend += [f"{_GAP} nobody"] if any(row.gap for row in rows) else []
    return [*lines, *textwrap.wrap(", ".join(legend), width)]


def _cells(row: Row, grid: _Grid, marks: set[int], letters: _Letters) -> str:
    covered = [timedelta(0)] * grid.cells
    for start, end in row.spans:
        for k in range(max(grid.cell(start), 0), min(grid.cell(end), grid.cells - 1) + 1):
            begins = grid.start + k * grid.slot
            covered[k] += max(min(end, begins + grid.slot) - max(start, begins), timedelta(0))
    whole = grid.slot - timedelta(milliseconds=1)  # slots are rounded
    empty = [letters.mark if k in marks else " " for k in range(grid.cells)]
    full, part = (_GAP, _GAP) if row.gap else (letters.full, letters.part)
    return "".join(full if c >= whole else part if c else e for c, e in zip(covered, empty, strict=True))


# --- marks ----------------------------------------------------------------------------------------------------------------------------
def _marks(grid: _Grid, end: datetime, tz: Zone) -> tuple[str, set[int]]:
    """The line with the names of hours or days, and the columns in which they begin."""
    hours = next((h for h in (1, 2, 3, 6, 12) if h * _HOUR >= _ROOM * grid.slot), None)
    named = _hours(grid.start, end, tz, hours) if hours else _days(grid, end, tz)
    line, marks = "", set[int]()
    for at, name in named:
        column = grid.cell(at)
        if 0 <= column < grid.cells:
            marks.add(column)
            if name and column >= len(line) + bool(line) and column + len(name) <= grid.cells:
                line = line.ljust(column) + name
    return line, marks


def _hours(start: datetime, end: datetime, tz: Zone, step: int) -> Iterator[tuple[datetime, str]]:
    local = start.astimezone(tz)
    at = start - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond) + _HOUR
    while at < end:
        here = at.astimezone(tz)
        if here.hour % step == 0:
            yield at, here.strftime("%a %d" if here.hour == 0 else "%H:%M")
        at += _HOUR


def _days(grid: _Grid, end: datetime, tz: Zone) -> Iterator[tuple[datetime, str]]:
    """Each day where there is room for it, else each of several; weeks begin on Monday."""
    step = next((d for d in (1, 2, 7, 14, 28, 91, 364) if d * _DAY >= _ROOM * grid.slot), 3640)
    day, k = grid.start.astimezone(tz).date() + _DAY, 0
    while (at := _midnight(day, tz)) < end:
        chosen = k % step == 0 if step < 7 else (day.toordinal() - 1) % step == 0
        if chosen or (2 * grid.slot <= _DAY and step < 7):
            yield at, day.strftime("%a %d" if step < 7 else "%m-%d" if step < 364 else "%Y") if chosen else ""
        day, k = day + _DAY, k + 1


def _midnight(day: date, tz: Zone) -> datetime:
    from pager.oncall.instants import instant

    wall = datetime(day.year, day.month, day.day)
    return instant(wall, tz) if tz is not None else wall.astimezone(UTC)


# --- offsets --------------------------------------------------------------------------------------------------------------------------
def offsets(start: datetime, end: datetime, tz: Zone) -> str:
    """`CEST +02:00`, and where the clocks change between: `CEST +02:00, from Sun 2026-10-25 02:00 CET +01:00`."""
    found = [_offset(start, tz)]
    at = start
    while at < end:
        later = min(at + _DAY, end)
        if later.astimezone(tz).utcoffset() != at.astimezone(tz).utcoffset():
            change = _change(at, later, tz)
            found.append(f"from {change.astimezone(tz):%a %Y-%m-%d %H:%M} {_offset(change, tz)}")
        at = later
    return ", ".join(found)


def _offset(at: datetime, tz: Zone) -> str:
    here = at.astimezone(tz)
    sign = here.strftime("%z")
    name, number = here.strftime("%Z"), f"{sign[:3]}:{sign[3:5]}"
    return number if name.startswith(("+", "-")) else f"{name} {number}"


def _change(early: datetime, late: datetime, tz: Zone) -> datetime:
    """When between the two the clocks change, to the second."""
    before = early.astimezone(tz).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(tz).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
