"""What is open, and what happened: list, show."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from pager.cli.context import DEFAULT_CONFIG, NO, USAGE, ConfigOption, JsonOption, Number, ZoneOption, at_desk, stop
from pager.cli.lately import EVERY_RESOLVED, each
from pager.cli.printing import Zone, clock, console, print_columns, print_json, print_json_list, printable, table, zone
from pager.model.incident import DeadlineKind, Incident, State
from pager.model.snapshot import Snapshot
from pager.notify.cards import MANY
from pager.notify.wording import alerts_words
from pager.report.incident import MOST_MEMBERS, incident_json, show_json

if TYPE_CHECKING:
    from rich.console import Console

    from pager.wiring.desk import Desk

_COLOURS = {"triggered": "red", "acknowledged": "yellow", "snoozed": "cyan", "suppressed": "bright_black", "resolved": "green"}
_SHORT = "%m-%d %H:%M:%S"
_MOST_PRINTED = 50  # of a group's alerts
_MOST_DETAIL = 200  # characters of one detail

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    app.command("list")(list_)
    app.command()(show)


# --- list -----------------------------------------------------------------------------------------------------------------------------
class Wanted(msgspec.Struct, frozen=True):
    """Which incidents to list. Drills only where asked for."""

    resolved: bool
    state: str | None
    service: str | None
    drills: bool

    def is_met_by(self, incident: Incident) -> bool:
        return (
            (incident.state == self.state if self.state is not None else self.resolved or incident.is_open)
            and self.service in (None, incident.service)
            and (self.drills or not incident.drill)
        )


def list_(
    every: Annotated[bool, typer.Option("--all", help="Resolved ones as well.")] = False,
    state: Annotated[str | None, typer.Option("--state", metavar="STATE", help=f"One of {', '.join(State)}.")] = None,
    service: Annotated[str | None, typer.Option("--service", metavar="SERVICE", help="Of this service only.")] = None,
    drills: Annotated[bool, typer.Option("--drills", help="Drills as well.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Incidents that are not resolved, the oldest first."""
    if state is not None and state not in set(State):
        stop(USAGE, f"{state!r} is no state: one of {', '.join(State)}")
    wanted = Wanted(every, state, service, drills)
    if as_json:
        encode = msgspec.json.Encoder().encode
        return print_json_list(at_desk(config, lambda desk: _read(desk, wanted, lambda snapshot, _: encode(incident_json(snapshot)))))
    rows = at_desk(config, lambda desk: _read(desk, wanted, _row))
    if not rows:
        return print("no incidents" if every or state or service else "nothing is open")
    colours = [_COLOURS[row[1]] for row in rows]
    print_columns(("#", "state", "severity", "service", "stage", "age", "who", "summary"), rows, colours)


async def _read(desk: Desk, wanted: Wanted, view: Callable[[Snapshot, datetime], T]) -> list[T]:
    """A view of each incident that is wanted."""
    numbers = set[int]()
    if wanted.state != State.RESOLVED:
        numbers.update(await desk.incidents.open_numbers())
    if wanted.resolved or wanted.state == State.RESOLVED:
        numbers.update(await desk.incidents.resolved_numbers(EVERY_RESOLVED))
    return [
        view(snapshot, now)
        async for now, snapshot in each(desk, sorted(numbers))
        if snapshot.incident is not None and wanted.is_met_by(snapshot.incident)
    ]


def _row(snapshot: Snapshot, now: datetime) -> tuple[str, ...]:
    incident, record = snapshot.incident, snapshot.own
    assert incident is not None
    return (
        str(incident.number),
        incident.state.value,
        incident.severity.value,
        incident.service or "-",
        str(incident.stage + 1),
        _age(now - incident.opened_at),
        incident.resolved_by or incident.acknowledged_by or "-",
        _marks(incident) + (record.alert.summary if record else ""),
    )


def _marks(incident: Incident) -> str:
    said = [alerts_words(incident)] if incident.alerts > 1 else []
    said += ["flapping"] if any(deadline.kind is DeadlineKind.STABLE for deadline in incident.deadlines) else []
    said += ["speaks for a storm"] if incident.storm else []
    return f"({', '.join(said)}) " if said else ""


def _age(span: timedelta) -> str:
    """In the largest unit that fits: `3d`, `5h`, `12m`, `40s`."""
    seconds = max(int(span.total_seconds()), 0)
    return next((f"{seconds // size}{unit}" for unit, size in (("d", 86400), ("h", 3600), ("m", 60)) if seconds >= size), f"{seconds}s")


# --- show -----------------------------------------------------------------------------------------------------------------------------
def show(number: Number, tz: ZoneOption = None, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """An incident and its timeline; times are in the installation's zone, unless --tz says another."""
    given = zone(tz) if tz else None

    async def read(desk: Desk) -> tuple[dict[str, Any], Zone]:
        _, [snapshot] = await desk.incidents.by_number([number])
        if snapshot.unreadable:
            stop(NO, f"incident {number}: {snapshot.unreadable}")
        if snapshot.incident is None:
            stop(NO, f"there is no incident {number}")
        timeline = await desk.incidents.timeline(number)
        members = await desk.incidents.members(number, MOST_MEMBERS) if snapshot.incident.group else []
        return show_json(snapshot, timeline, members), given if tz else zone(desk.config.settings.timezone)

    found, clocks = at_desk(config, read)
    if as_json:
        return print_json(found)
    out = console()
    _print_head(out, found, clocks)
    _print_members(out, found, clocks)
    _print_paged(out, found["paged"], clocks)
    _print_timeline(out, found["timeline"], clocks)


def _print_head(out: Console, found: dict[str, Any], tz: Zone) -> None:
    who = found["resolved_by"] or found["acknowledged_by"]
    since = found["resolved_at"] or found["acknowledged_at"]
    state = found["state"] + (f" by {who} {clock(since, tz, _SHORT)}" if who else "") + (f" ({found['reason']})" if found["reason"] else "")
    alerts = f"{found['alerts']} alert{'s' if found['alerts'] != 1 else ''}"
    alerts += f" ({found['firing']} still fire)" if found["alerts"] > 1 and found.get("firing") else ""
    counted = f"{alerts}, {found['repeats'] or 0} repeats"
    out.print(f"#{found['number']} {found['severity'].upper()} {found['service'] or '-'}: {found['summary']}", style="bold")
    out.print(state, style=_COLOURS[found["state"]])
    out.print(f"stage {found['stage']} of policy {found['policy'] or '-'}, team {found['team'] or '-'}, urgency {found['urgency']}")
    out.print(f"opened {clock(found['opened_at'], tz)}, {counted}")
    if found["next_deadline"]:
        out.print(f"looked at again {clock(found['next_deadline'], tz)}")
    out.print(f"dedup_key {found['dedup_key']}")
    for name, value in found["labels"].items():
        out.print(f"label {name}={value}")
    for name, value in found["details"].items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        out.print(f"detail {printable(name)}={printable(text[:_MOST_DETAIL])}{'…' if len(text) > _MOST_DETAIL else ''}")
    for link in found["links"]:
        out.print(f"link {link['text']} {link['href']}" if link["text"] else f"link {link['href']}", soft_wrap=True)


def _print_members(out: Console, found: dict[str, Any], tz: Zone) -> None:
    members = found.get("members", [])
    if len(members) < 2:
        return
    shown = table("alert", "state", "severity", "last seen", "summary")
    for one in members[:_MOST_PRINTED]:
        summary = " ".join(filter(None, (one["summary"], f"(now of #{one['belongs_to']})" if "belongs_to" in one else "")))
        shown.add_row(one["dedup_key"], one["state"], one["severity"] or "", clock(one["last_at"], tz, _SHORT, "-"), summary)
    out.print("\n" + ", ".join(f"{key}={value}" for key, value in found["shared"].items()), style="bold")
    out.print(shown)
    if found["alerts"] > _MOST_PRINTED:
        out.print(f"and {found['alerts'] - _MOST_PRINTED} more")


def _print_paged(out: Console, paged: list[dict[str, Any]], tz: Zone) -> None:
    if not paged:
        return out.print("\nnobody has been paged")
    found = table("paged", "over", "first at", "pages", "result")
    for one in paged:
        found.add_row(one["user"], one["channel"], clock(one["at"], tz, _SHORT), str(one["pages"]), one["result"])
    out.print("")
    out.print(found)


def _folded(timeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for event, run in itertools.groupby(timeline, key=lambda entry: entry["event"]):
        same = list(run)
        if event in MANY and len(same) > 3:
            same = [same[0], {**same[1], "what": f"and {len(same) - 2} more"}, same[-1]]
        kept += same
    return kept


def _print_timeline(out: Console, timeline: list[dict[str, Any]], tz: Zone) -> None:
    """The place in the config stands behind the reason: as a column of its own it would leave no room on 80 columns."""
    from rich.text import Text

    found = table("when", "what", "who", "why", whole=3)
    for entry in _folded(timeline):
        why = Text(entry["what"]).append(f"{' ' if entry['what'] else ''}[{entry['origin']}]" if entry["origin"] else "", style="dim")
        found.add_row(clock(entry["at"], tz, _SHORT), entry["event"], entry["who"], why)
    out.print("")
    out.print(found)
