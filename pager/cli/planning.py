"""Before it happens: check. It needs no daemon."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pager.cli.context import DEFAULT_CONFIG, GOOD, NO, ConfigOption, JsonOption, stop
from pager.cli.printing import console, print_json, table

if TYPE_CHECKING:
    from pager.model.problem import Problem

_PROBLEM = ("level", "file", "line", "column", "path", "message", "suggestion")
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}


def register(app: typer.Typer) -> None:
    app.command()(check)


# --- check ----------------------------------------------------------------------------------------------------------------------------
def check(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="The config folder, instead of --config.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the config, for editors.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong with the config, and what of it is not active yet."""
    from pager.config import json_schema, not_active_yet
    from pager.rehearse.check import check as rehearse
    from pager.wiring.vendors import CARRIED, load_whole

    if schema:
        return print_json(json_schema())
    loaded = load_whole(folder or config, os.environ)
    inactive = not_active_yet(loaded.config) if loaded.config is not None else []
    problems = rehearse(loaded.config, (*loaded.problems, *inactive), CARRIED)
    bad = loaded.config is None or any(p.level == "error" for p in problems)
    if as_json:
        print_json({"errors": [{name: getattr(p, name) for name in _PROBLEM} for p in problems]})
    else:
        _print_problems(problems)
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
