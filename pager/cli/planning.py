"""Before it happens: check, who. Neither needs the daemon."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pager.cli.context import DEFAULT_CONFIG, NO, USAGE, ConfigOption, JsonOption, ZoneOption, config_of, facts_of, stop
from pager.cli.printing import Zone, clock, console, duration, moment, print_json, table, zone


def register(app: typer.Typer) -> None:
    app.command()(who)


# --- who ------------------------------------------------------------------------------------------------------------------------------
def who(
    name: Annotated[str, typer.Argument(metavar="SCHEDULE|SERVICE|USER", help="A service stands for its policy's first stage.")],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="T", help="RFC 3339, or wall-clock time in --tz, else in the zone of what is named. Default: now."),
    ] = None,
    span: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="Shifts over a time, such as 14d.")] = None,
    tz: ZoneOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Who is on call, and why."""
    from pager.oncall.memo import Rota
    from pager.rehearse.who import UnknownName, read_name, shifts_json, who_json

    found = config_of(config)
    try:
        asked = read_name(found, name)
    except UnknownName:
        stop(NO, f"{name!r} is no schedule, service or user. Schedules: {', '.join(found.schedules) or 'none'}")
    clocks = zone(tz or asked.timezone)
    start = moment(at, clocks) if at else datetime.now(UTC)
    rota = Rota.of(found, facts_of(found))
    try:
        answer = who_json(found, rota, name, start) if span is None else shifts_json(found, rota, name, start, start + duration(span))
    except OverflowError:
        stop(USAGE, "that is beyond the calendar")
    if as_json:
        print_json(answer)
    elif span is None:
        _print_who(answer, asked.only, clocks)
    else:
        _print_shifts(answer, clocks)


def _print_who(answer: dict[str, Any], person: str, tz: Zone) -> None:
    if not answer["on_call"]:
        print(f"{person or 'nobody'} is {'not ' if person else ''}on call at {clock(answer['at'], tz)}")
        return
    found = table("who", "why", "until", "config")
    for one in answer["on_call"]:
        found.add_row(one["user"], one["because"], clock(one["until"], tz, "%a %Y-%m-%d %H:%M %Z", "further notice"), one["origin"] or "")
    console().print(found)


def _print_shifts(answer: dict[str, Any], tz: Zone) -> None:
    found = table("from", "to", "who", "why", whole=2)
    for shift in answer["shifts"]:
        place = f"{shift['schedule']}: " if shift.get("schedule") else ""
        begin, end = clock(shift["from"], tz, "%a %Y-%m-%d %H:%M %Z"), clock(shift["to"], tz, "%a %m-%d %H:%M %Z")
        found.add_row(begin, end, ", ".join(shift["users"]) or "nobody", place + shift["because"])
    if answer["shifts"]:
        console().print(found)
    else:
        print("no shifts")
