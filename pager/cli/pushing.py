"""Alerts by hand, and what became of those that could not be read."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pager.cli.context import DEFAULT_CONFIG, GOOD, NO, USAGE, ConfigOption, JsonOption, at_desk, stop
from pager.cli.printing import print_json, printable
from pager.intake.fields import Unreadable
from pager.intake.stream import read_entry
from pager.model.times import rfc3339

if TYPE_CHECKING:
    from pager.ports import DeadLetter
    from pager.wiring.desk import Desk

_BATCH = 500  # alerts in one round trip
_MOST_SHOWN = 80  # characters of a dead letter's content
_NOT_SURE = "NOT all sent: only what has its id printed is surely stored: "


def register(app: typer.Typer) -> None:
    app.command()(send)
    dead = typer.Typer(no_args_is_help=True, help="Entries of the stream that could not be read.")
    dead.command("list")(dead_list)
    dead.command("retry")(dead_retry)
    app.add_typer(dead, name="dead")


# --- send -----------------------------------------------------------------------------------------------------------------------------
def send(
    stdin: Annotated[str | None, typer.Argument(metavar="[-]", help="`-`: JSON objects from stdin, one a line.")] = None,
    summary: Annotated[str | None, typer.Option("--summary", metavar="TEXT", help="What is wrong, in a line.")] = None,
    severity: Annotated[str | None, typer.Option("--severity", metavar="SEVERITY", help="critical, error, warning or info.")] = None,
    service: Annotated[str | None, typer.Option("--service", metavar="NAME", help="What it is about.")] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Where it comes from.")] = None,
    component: Annotated[str | None, typer.Option("--component", metavar="NAME")] = None,
    group: Annotated[str | None, typer.Option("--group", metavar="NAME")] = None,
    class_: Annotated[str | None, typer.Option("--class", metavar="NAME")] = None,
    dedup_key: Annotated[str | None, typer.Option("--dedup-key", metavar="KEY", help="What makes repeats the same alert.")] = None,
    action: Annotated[str | None, typer.Option("--action", metavar="ACTION", help="trigger, acknowledge or resolve.")] = None,
    label: Annotated[list[str] | None, typer.Option("--label", metavar="K=V")] = None,
    detail: Annotated[list[str] | None, typer.Option("--detail", metavar="K=V")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Push an alert; prints its entry's id once it is stored. Ends with 1 when it will be a dead letter, and says why."""
    alert = {
        "summary": summary, "severity": severity, "service": service, "source": source, "component": component, "group": group,
        "class": class_, "dedup_key": dedup_key, "action": action, "labels": _pairs(label), "details": _pairs(detail),
    }  # fmt: skip
    filled = {name: value for name, value in alert.items() if value}
    if stdin not in (None, "-"):
        stop(USAGE, f"{stdin!r}: only - (stdin) can stand here; the text goes to --summary")
    if (stdin is None) == (not filled):
        stop(USAGE, "give an alert by its options, or - to read JSON from stdin")
    lines = sys.stdin if stdin else [msgspec.json.encode(filled).decode()]
    unreadable = at_desk(config, lambda desk: _send(desk, lines), if_gone=_NOT_SURE)
    stop(NO if unreadable else GOOD)


async def _send(desk: Desk, lines: Iterable[str]) -> int:
    """How many could not be read. Those are stored all the same: the dead letters keep what was meant, with the reason."""
    batch, unreadable = list[str](), 0
    for line in lines:
        if line.strip():
            batch.append(line.strip())
        if len(batch) == _BATCH:
            unreadable += await _send_batch(desk, batch)
            batch = []
    return unreadable + (await _send_batch(desk, batch) if batch else 0)


async def _send_batch(desk: Desk, alerts: Sequence[str]) -> int:
    ids = await desk.stream.add_many([{"alert": alert} for alert in alerts])
    sys.stdout.write("".join(f"{entry}\n" for entry in ids))
    sys.stdout.flush()
    unreadable = 0
    for entry, alert in zip(ids, alerts, strict=True):
        read = read_entry({b"alert": alert.encode(errors="replace")})
        if isinstance(read, Unreadable):
            unreadable += 1
            print(f"{entry} will be a dead letter: {read.reason}", file=sys.stderr)
        else:
            for mended in read.notes:
                print(f"{entry}: {mended}", file=sys.stderr)
    return unreadable


def _pairs(given: list[str] | None) -> dict[str, str]:
    pairs = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not equals or not name:
            stop(USAGE, f"{one!r} should be NAME=VALUE")
        pairs[name] = value
    return pairs


# --- dead letters ---------------------------------------------------------------------------------------------------------------------
def dead_list(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """A line an entry: id, reason, start of the content."""
    letters = at_desk(config, lambda desk: desk.stream.dead())
    if as_json:
        return print_json([{"id": x.id, "reason": x.reason, "at": rfc3339(x.at), "fields": _fields(x)} for x in letters])
    for letter in letters:
        content = " ".join(f"{name}={value[:_MOST_SHOWN]}" for name, value in _fields(letter).items())
        print("  ".join(printable(part) for part in (letter.id, letter.reason, content[:_MOST_SHOWN])))


def dead_retry(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Put entries back into the stream, under the ids they had."""
    if bool(ids) == every:
        stop(USAGE, "name the ids, or give --all")

    async def retry(desk: Desk) -> tuple[list[str], list[str]]:
        wanted = ids or [letter.id for letter in await desk.stream.dead()]
        return wanted, await desk.stream.retry(wanted)

    wanted, done = at_desk(config, retry)
    for entry in done:
        print(f"{entry} is back in the stream")
    if not wanted:
        print("there are no dead letters")
    missing = [] if every else [entry for entry in dict.fromkeys(wanted) if entry not in done]
    stop(NO if missing else GOOD, "\n".join(f"{entry} is no dead letter" for entry in missing))


def _fields(letter: DeadLetter) -> dict[str, str]:
    return {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in letter.fields.items()}
