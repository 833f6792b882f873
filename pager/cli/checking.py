"""`check`: everything that is wrong with the config; for eyes, for programs, and as annotations of a pull request."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pager.cli.context import DEFAULT_CONFIG, GOOD, NO, USAGE, ConfigOption, JsonOption, stop
from pager.cli.printing import console, duration, moment, print_json, table, zone

if TYPE_CHECKING:
    from pager.model.problem import Problem

_PROBLEM = ("level", "file", "line", "column", "path", "message", "suggestion")
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}
_ANNOTATION = {"error": "error", "warning": "warning", "note": "notice"}


def register(app: typer.Typer) -> None:
    app.command()(check)


def check(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="The config folder, instead of --config.")] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="T", help="Where the time looked at begins: RFC 3339, or in settings.timezone. Default: now."),
    ] = None,
    span: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long it is.")] = "90d",
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the config, for editors.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong with the config, whom it would not reach and when, and what of it is not active yet."""
    from pager.config import json_schema, not_active_yet
    from pager.rehearse.check import check as rehearse
    from pager.wiring.vendors import CARRIED, load_whole

    if schema:
        return print_json(json_schema())
    folder = folder or config
    loaded = load_whole(folder, os.environ)
    timezone = loaded.config.settings.timezone if loaded.config else "UTC"
    start = moment(at, zone(timezone)) if at else datetime.now(UTC).replace(second=0, microsecond=0)
    inactive = not_active_yet(loaded.config) if loaded.config is not None else []
    try:
        problems = rehearse(loaded.config, (*loaded.problems, *inactive), CARRIED, start, start + duration(span))
    except OverflowError:
        stop(USAGE, "that is beyond the calendar")
    bad = loaded.config is None or any(p.level == "error" for p in problems)
    if as_json:
        print_json({"errors": [{name: getattr(p, name) for name in _PROBLEM} for p in problems]})
    else:
        _print_problems(problems)
        if os.environ.get("GITHUB_ACTIONS") == "true":
            print("\n".join(_annotation(problem, folder) for problem in problems))
        counts = [(sum(p.level == level for p in problems), level) for level in _COLOURS]
        print(", ".join(f"{count} {level}{'' if count == 1 else 's'}" for count, level in counts) + (": not good" if bad else ": good"))
    stop(NO if bad else GOOD)


def _print_problems(problems: Sequence[Problem]) -> None:
    """A table for eyes; elsewhere a line each, as compilers write them and editors and CI read them."""
    if not sys.stdout.isatty():
        for problem in problems:
            print(problem)
        return
    from rich.text import Text

    found = table("place", "level", "what")
    for p in problems:
        what = Text(f"{p.path}: " if p.path else "", style="bold").append(p.message, style="not bold")
        what.append(f"\n-> {p.suggestion}" if p.suggestion else "", style="not bold green")
        found.add_row(f"{p.file}:{p.line}:{p.column}" if p.line else p.file, Text(p.level, style=_COLOURS[p.level]), what)
    if problems:
        console().print(found)


def _annotation(problem: Problem, folder: Path) -> str:
    """A workflow command: GitHub shows it beside the line in the pull request. Files are named from where the workflow runs."""
    place = f"file={_escaped(os.path.relpath(folder / problem.file), ':,')}" if problem.line else ""
    place += f",line={problem.line},col={problem.column}" if problem.line else ""
    what = f"{f'{problem.path}: ' if problem.path else ''}{problem.message}{f' ({problem.suggestion})' if problem.suggestion else ''}"
    return f"::{_ANNOTATION[problem.level]}{f' {place}' if place else ''}::{_escaped(what)}"


def _escaped(text: str, more: str = "") -> str:
    """As the runner reads them back: `%`, the ends of lines, and in properties what separates those."""
    for character in ("%", "\r", "\n", *more):
        text = text.replace(character, f"%{ord(character):02X}")
    return text
