"""`pagerd who`: who is on call at a moment, or shift by shift. It needs no daemon."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pager.cli.context import DEFAULT_CONFIG, NO, USAGE, ConfigOption, JsonOption, ZoneOption, config_of, rota_of, stop
from pager.cli.printing import Zone, clock, columns, has_colours, horizon, moment, print_json, printable, zone
from pager.cli.timeline import Row, draw, offsets

if TYPE_CHECKING:
    from pager.rehearse.who import Asked

_INDENT = " " * 4
_LONG, _SHORT = "%a %Y-%m-%d %H:%M %Z", "%a %m-%d %H:%M %Z"
AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="T", help="RFC 3339, or wall-clock time in --tz, else in the zone of what is named. Default: now."),
]


def register(app: typer.Typer) -> None:
    app.command()(who)


def who(
    name: Annotated[str, typer.Argument(metavar="SCHEDULE|SERVICE|USER", help="A service stands for its policy's first stage.")],
    at: AtOption = None,
    span: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="Shifts over a time, such as 14d.")] = None,
    tz: ZoneOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Who is on call, and why."""
    from pager.rehearse.who import UnknownName, read_name, shifts_json, who_json

    found = config_of(config)
    try:
        asked = read_name(found, name)
    except UnknownName as unknown:
        stop(NO, f"{printable(str(unknown))!r} is no schedule, service or user. {_nearest(str(unknown), unknown.known, found.schedules)}")
    clocks = zone(tz or asked.timezone)
    now = datetime.now(UTC).replace(microsecond=0)
    start = moment(at, clocks).replace(microsecond=0) if at else now
    rota = rota_of(found)
    try:
        end = start + horizon(span) if span is not None else start
        answer = who_json(found, rota, name, start) if span is None else shifts_json(found, rota, name, start, end)
    except OverflowError:
        stop(USAGE, "that is beyond the calendar")
    if as_json:
        print_json(answer)
    elif span is None:
        _print_who(answer, asked.only, clocks)
    else:
        _print_timeline(name, asked, answer, (start, end), now, clocks)
        _print_shifts(answer, clocks)


def _nearest(name: str, known: Sequence[str], schedules: Iterable[str]) -> str:
    from difflib import get_close_matches

    found = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean {found[0]}?" if found else f"Schedules: {', '.join(schedules) or 'none'}"


def _print_who(answer: dict[str, Any], person: str, tz: Zone) -> None:
    if not answer["on_call"]:
        print(f"{person or 'nobody'} is {'not ' if person else ''}on call at {clock(answer['at'], tz)}")
        return
    rows = [
        (one["user"], printable(one["because"]), clock(one["until"], tz, _LONG, "further notice"), one["origin"] or "")
        for one in answer["on_call"]
    ]
    widths = _widths(("who", "why", "until", "config"), rows)
    if _fit(widths):
        for row in (("who", "why", "until", "config"), *rows):
            print(_line(row, widths))
        return
    print(f"{'who'.ljust(widths[0])}  until")
    for user, why, until, origin in rows:
        print(f"{user.ljust(widths[0])}  {until}")
        _print_why(why + _in_brackets(origin))


# --- over a time ----------------------------------------------------------------------------------------------------------------------
def _print_timeline(name: str, asked: Asked, answer: dict[str, Any], whole: tuple[datetime, datetime], now: datetime, tz: Zone) -> None:
    start, end = whole
    for line in (
        f"{printable(name)} from {start.astimezone(tz):{_LONG}} to {end.astimezone(tz):{_LONG}}",
        f"{tz.key if tz else 'local time'}: {offsets(start, end, tz)}",
    ):
        print(textwrap.fill(line, columns(), subsequent_indent=_INDENT))
    print()
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    for line in draw(_rows(asked, answer["shifts"], whole), start, end, tz, now, columns(), plain=not encoding.startswith("utf")):
        print(typer.style(line, fg="red", bold=True) if line.startswith("nobody ") and has_colours() else line)
    print()


def _rows(asked: Asked, shifts: list[dict[str, Any]], whole: tuple[datetime, datetime]) -> list[Row]:
    """A row a person, of several schedules one for each, and for a person a row a schedule; then the time at which nobody is on call."""
    several = len({shift["schedule"] for shift in shifts}) > 1
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for shift in shifts:
        span = datetime.fromisoformat(shift["from"]), datetime.fromisoformat(shift["to"])
        for user in shift["users"]:
            place = shift["schedule"] or "the policy"
            spans.setdefault(place if asked.only else f"{place}: {user}" if several else user, []).append(span)
    rows = [Row(label, tuple(found)) for label, found in spans.items()]
    gaps = _gaps([span for row in rows for span in row.spans], whole)
    return rows if asked.only or not gaps else [*rows, Row("nobody", gaps, gap=True)]


def _gaps(spans: list[tuple[datetime, datetime]], whole: tuple[datetime, datetime]) -> tuple[tuple[datetime, datetime], ...]:
    reached, end = whole
    found = []
    for start, until in [*sorted(spans), (end, end)]:
        if start > reached:
            found.append((reached, start))
        reached = max(reached, until)
    return tuple(found)


def _print_shifts(answer: dict[str, Any], tz: Zone) -> None:
    """Behind the reason is its place in the config."""
    several = len({shift["schedule"] for shift in answer["shifts"]}) > 1
    rows = [(
        clock(shift["from"], tz, _LONG),
        clock(shift["to"], tz, _SHORT),
        ", ".join(shift["users"]) or "! nobody",
        (f"{shift['schedule']}: " if several and shift["schedule"] else "")
        + printable(shift["because"]) + _in_brackets(shift["origin"]),
    ) for shift in answer["shifts"]]  # fmt: skip
    if not rows:
        return print("no shifts")
    widths = _widths(("from", "to", "who", "why"), rows)
    print(_line(("from", "to", "who", "why"), widths))
    for row in rows:
        line = _line(row if _fit(widths) else row[:3], widths)
        print(typer.style(line, fg="red", bold=True) if row[2].startswith("! ") and has_colours() else line)
        if not _fit(widths):
            _print_why(row[3])


# --- both -----------------------------------------------------------------------------------------------------------------------------
def _widths(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(headers, *rows, strict=True)]


def _fit(widths: Sequence[int]) -> bool:
    """Whether each row has room on one line; else the reason stands on lines of its own."""
    return sum(widths) + 2 * (len(widths) - 1) <= columns()


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip()


def _in_brackets(origin: str | None) -> str:
    return f" [{origin}]" if origin else ""


def _print_why(why: str) -> None:
    """However narrow it is, a place in the config is never broken: it is there to be copied."""
    lines = textwrap.wrap(why, max(columns() - len(_INDENT), 1), subsequent_indent=_INDENT, break_on_hyphens=False, break_long_words=False)
    print(textwrap.indent("\n".join(lines), _INDENT))
