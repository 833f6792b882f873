"""Alerts by hand, and what became of those that could not be read."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pager.cli.context import GOOD, NO, USAGE, ConfigOption, JsonOption, at_desk, print_json, stop

if TYPE_CHECKING:
    from pager.wiring import Desk


_BATCH = 500


def register(app: typer.Typer) -> None:
    app.command()(send)
    dead = typer.Typer(no_args_is_help=True, help="Entries of the stream that could not be read.")
    dead.command("list")(dead_list)
    dead.command("retry")(dead_retry)
    app.add_typer(dead, name="dead")


def send(
    source_of: Annotated[str | None, typer.Argument(metavar="[-]", help="`-`: JSON objects from stdin, one a line.")] = None,
    summary: Annotated[str | None, typer.Option(help="What is wrong, in a line.")] = None,
    severity: Annotated[str | None, typer.Option(help="critical, error, warning or info.")] = None,
    service: Annotated[str | None, typer.Option(help="What it is about.")] = None,
    source: Annotated[str | None, typer.Option(help="Where it comes from.")] = None,
    component: Annotated[str | None, typer.Option()] = None,
    group: Annotated[str | None, typer.Option()] = None,
    class_: Annotated[str | None, typer.Option("--class")] = None,
    dedup_key: Annotated[str | None, typer.Option(help="What makes repeats the same alert.")] = None,
    action: Annotated[str | None, typer.Option(help="trigger, acknowledge or resolve.")] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="K=V")] = None,
    detail: Annotated[list[str] | None, typer.Option(metavar="K=V")] = None,
    config: ConfigOption = None,
) -> None:
    """Push an alert; prints its entry's id once it is stored."""
    if source_of is not None:
        if source_of != "-":
            stop(USAGE, f"{source_of!r}: only - (stdin) can stand here")
        return at_desk(config, lambda desk: _send_lines(desk, sys.stdin))
    alert = {
        "summary": summary, "severity": severity, "service": service, "source": source, "component": component, "group": group,
        "class": class_, "dedup_key": dedup_key, "action": action, "labels": _pairs(label), "details": _pairs(detail),
    }  # fmt: skip
    filled = {name: value for name, value in alert.items() if value}
    if not filled:
        stop(USAGE, "nothing to send: give --summary, or - to read from stdin")
    return at_desk(config, lambda desk: _send_all(desk, [msgspec.json.encode(filled).decode()]))


async def _send_lines(desk: Desk, lines: Iterable[str]) -> None:
    batch: list[str] = []
    for line in lines:
        if line.strip():
            batch.append(line.strip())
        if len(batch) == _BATCH:
            await _send_all(desk, batch)
            batch = []
    await _send_all(desk, batch)


async def _send_all(desk: Desk, alerts: list[str]) -> None:
    if alerts:
        for entry in await desk.stream.add_many([{"alert": alert} for alert in alerts]):
            print(entry)


def _pairs(given: list[str] | None) -> dict[str, str]:
    pairs = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not equals or not name:
            stop(USAGE, f"{one!r} should be NAME=VALUE")
        pairs[name] = value
    return pairs


def dead_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """A line an entry: id, reason, start of the content."""
    letters = at_desk(config, lambda desk: desk.stream.dead())
    if as_json:
        fields = [{k.decode("utf-8", "replace"): v.decode("utf-8", "replace") for k, v in letter.fields.items()} for letter in letters]
        print_json([{"id": x.id, "reason": x.reason, "at": x.at, "fields": f} for x, f in zip(letters, fields, strict=True)])
        return
    for letter in letters:
        content = " ".join(f"{k.decode('utf-8', 'replace')}={v[:200].decode('utf-8', 'replace')}" for k, v in letter.fields.items())
        print(f"{letter.id}  {letter.reason}  {''.join(c if c.isprintable() else '·' for c in content)[:80]}")


def dead_retry(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    config: ConfigOption = None,
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
    missing = [entry for entry in wanted if entry not in done]
    for entry in missing:
        print(f"{entry} is no dead letter", file=sys.stderr)
    stop(NO if missing else GOOD)
