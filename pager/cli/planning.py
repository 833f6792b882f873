"""Before it happens: check, who. Neither needs the daemon."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from pager.cli.context import GOOD, NO, USAGE, ConfigOption, JsonOption, config_of, console, folder_of, print_json, stop


def register(app: typer.Typer) -> None:
    app.command()(check)
    app.command()(who)


def check(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="The config folder.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the config, for editors.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong with the config, and what of it is not active yet."""
    from pager.config import json_schema, load, not_active_yet
    from pager.model.problem import Level
    from pager.rehearse import check as rehearse

    if schema:
        return print_json(json_schema())
    loaded = load(folder or folder_of(config), os.environ)
    problems = list(loaded.problems)
    if loaded.config is not None:
        problems += [*rehearse.check(loaded.config), *not_active_yet(loaded.config)]
    levels = list(Level)
    problems.sort(key=lambda p: (levels.index(p.level), p.file, p.line, p.column))
    errors = [p for p in problems if p.level is Level.ERROR]
    if as_json:
        names = ("level", "file", "line", "column", "path", "message", "suggestion")
        print_json({"errors": [{name: getattr(p, name) for name in names} for p in problems]})
    else:
        for problem in problems:
            print(problem)
        users = len(loaded.config.users) if loaded.config else 0
        services = len(loaded.config.services) if loaded.config else 0
        print(f"{len(errors)} errors" if errors else f"good: {services} services, {users} users")
    stop(NO if errors else GOOD)


def who(
    name: Annotated[str, typer.Argument(metavar="SCHEDULE|SERVICE|USER")],
    at: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339, or wall-clock time in --tz. Now by default.")] = None,
    span: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="Shifts over a time, such as 14d.")] = None,
    tz: Annotated[str | None, typer.Option(metavar="ZONE", help="The zone to read and show times in.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who is on call, and why."""
    from pager.rehearse.who import UnknownName, shifts_json, who_json

    found = config_of(config)
    zone = _zone(tz or found.settings.timezone)
    start = _time(at, zone)
    try:
        answer = who_json(found, name, start) if span is None else shifts_json(found, name, start, start + _duration(span))
    except UnknownName:
        stop(NO, f"{name!r} is no schedule, service or user. Schedules: {', '.join(found.schedules)}")
    if as_json:
        print_json(answer)
    elif span is None:
        _print_who(answer, zone)
    else:
        _print_shifts(answer, zone)


def _print_who(answer: dict[str, Any], zone: ZoneInfo) -> None:
    from rich.table import Table

    table = Table("who", "why", "config", "until", box=None, pad_edge=False)
    for one in answer["on_call"]:
        table.add_row(one["user"], one["because"], one["origin"] or "", _local(one["until"], zone))
    console().print(table if answer["on_call"] else f"nobody is on call in {answer['schedule']}")


def _print_shifts(answer: dict[str, Any], zone: ZoneInfo) -> None:
    from rich.table import Table

    table = Table("from", "to", "schedule", "who", "why", box=None, pad_edge=False)
    for shift in answer["shifts"]:
        table.add_row(
            _local(shift["from"], zone), _local(shift["to"], zone), shift["schedule"], ", ".join(shift["users"]) or "nobody", shift["because"]
        )  # fmt: skip
    console().print(table)


def _local(at: str | None, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(at).astimezone(zone).strftime("%a %Y-%m-%d %H:%M %Z") if at else "further notice"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        stop(USAGE, f"{name!r} is no time zone: an IANA name such as Europe/Madrid")


def _time(text: str | None, zone: ZoneInfo) -> datetime:
    if text is None:
        return datetime.now(UTC)
    from pager.oncall.instants import instant

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        stop(USAGE, f"{text!r} is no time: such as 2026-10-25T02:30 or 2026-10-25T00:30:00Z")
    return at.astimezone(UTC) if at.tzinfo else instant(at, zone)


def _duration(text: str) -> timedelta:
    from pager.config.scalars import read_duration

    try:
        return read_duration(text)
    except ValueError as error:
        stop(USAGE, f"{text!r} is no duration: {error}")
