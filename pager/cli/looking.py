"""What is open, and what happened: list, show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pager.cli.context import NO, USAGE, ConfigOption, JsonOption, Number, at_desk, console, print_json, stop
from pager.model.event import Entry
from pager.model.incident import State
from pager.model.snapshot import Snapshot
from pager.report.incident import incident_json, show_json

if TYPE_CHECKING:
    from pager.wiring import Desk


_PAGE = 1000
_RESOLVED_SHOWN = 10_000
_COLOURS = {"triggered": "red", "acknowledged": "yellow", "snoozed": "cyan", "suppressed": "dim", "resolved": "green"}


def register(app: typer.Typer) -> None:
    app.command("list")(list_)
    app.command()(show)


def list_(
    every: Annotated[bool, typer.Option("--all", help="Resolved ones as well.")] = False,
    state: Annotated[str | None, typer.Option(help=", ".join(State))] = None,
    service: Annotated[str | None, typer.Option()] = None,
    drills: Annotated[bool, typer.Option("--drills", help="Drills as well.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Incidents that are not resolved."""
    if state is not None and state not in set(State):
        stop(USAGE, f"{state!r} is no state: one of {', '.join(State)}")
    with_resolved = every or state == State.RESOLVED
    snapshots = at_desk(config, lambda desk: _load(desk, with_resolved))
    rows = [
        incident_json(s)
        for s in snapshots
        if s.incident is not None
        and (state is None or s.incident.state == state)
        and (service is None or s.incident.service == service)
        and (drills or not s.incident.drill)
    ]
    if as_json:
        print_json(rows)
    else:
        _print_list(rows)


async def _load(desk: Desk, with_resolved: bool) -> list[Snapshot]:
    numbers = await desk.incidents.open_numbers()
    if with_resolved:
        numbers = sorted({*numbers, *await desk.incidents.resolved_numbers(_RESOLVED_SHOWN)})
    found: list[Snapshot] = []
    for start in range(0, len(numbers), _PAGE):
        _, snapshots = await desk.incidents.by_number(numbers[start : start + _PAGE])
        found += snapshots
    return found


def _print_list(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not rows:
        print("nothing is open")
        return
    table = Table("#", "state", "severity", "service", "summary", "stage", "since", box=None, pad_edge=False)
    for row in rows:
        who = row["resolved_by"] or row["acknowledged_by"] or ""
        table.add_row(
            str(row["number"]),
            Text(row["state"] + (f" by {who}" if who else ""), style=_COLOURS[row["state"]]),
            row["severity"],
            Text(row["service"]),
            Text(row["summary"][:60]),
            str(row["stage"]),
            _ago(row["opened_at"]),
        )
    console().print(table)


def show(number: Number, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """An incident and its timeline."""

    async def read(desk: Desk) -> tuple[Snapshot, list[Entry]]:
        _, [snapshot] = await desk.incidents.by_number([number])
        return snapshot, await desk.incidents.timeline(number)

    snapshot, timeline = at_desk(config, read)
    if snapshot.incident is None:
        stop(NO, f"there is no incident {number}")
    found = show_json(snapshot, timeline)
    if as_json:
        print_json(found)
    else:
        _print_show(found)


def _print_show(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    out.print(Text(f"#{found['number']} {found['severity'].upper()} {found['service']}: {found['summary']}", style="bold"))
    who = found["resolved_by"] or found["acknowledged_by"]
    state = found["state"] + (f" by {who}" if who else "") + (f" ({found['reason']})" if found["reason"] else "")
    out.print(Text(f"{state}; opened {_clock(found['opened_at'])}; stage {found['stage']} of policy {found['policy']}"))
    if found["next_deadline"]:
        out.print(Text(f"looked at again {_clock(found['next_deadline'])}"))
    for name, value in found["labels"].items():
        out.print(Text(f"  {name}={value}"))
    for paged in found["paged"]:
        out.print(Text(f"paged {paged['user']} by {paged['channel']} {_clock(paged['at'])}: {paged['result']}"))
    table = Table("when", "what", "who", "why", "config", box=None, pad_edge=False)
    for entry in found["timeline"]:
        table.add_row(_clock(entry["at"]), Text(entry["event"]), Text(entry["who"]), Text(entry["what"]), Text(entry["origin"] or ""))
    out.print(table)


def _clock(at: str) -> str:
    return datetime.fromisoformat(at).strftime("%m-%d %H:%M:%S UTC")


def _ago(at: str) -> str:
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"
