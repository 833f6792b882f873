"""`pagerd plan OLD NEW`: what a change of the config changes, before it is merged. It needs no daemon."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pager.cli.context import DEFAULT_CONFIG, GOOD, NO, USAGE, ConfigOption, JsonOption, ZoneOption, read_config, stop
from pager.cli.printing import horizon, moment, print_json, zone

if TYPE_CHECKING:
    from pager.model.config import Config
    from pager.rehearse.plan import Plan

_SIDE = "A folder, or a git revision: then it is the config folder at that revision, or REVISION:FOLDER."


def register(app: typer.Typer) -> None:
    app.command()(plan)


def plan(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_SIDE)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same.")],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="T", help="From when: RFC 3339, or wall-clock time in --tz, else in settings.timezone. Default: now."),
    ] = None,
    span: Annotated[str, typer.Option("--for", metavar="DURATION", help="How far to look ahead.")] = "90d",
    tz: ZoneOption = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="To paste into a pull request.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when anything changes, as `git diff` does.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Whose shifts move from OLD to NEW, and which services reach other people by it."""
    from pager.cli.plan_markdown import as_markdown
    from pager.cli.plan_text import as_text
    from pager.oncall.memo import Rota
    from pager.rehearse.plan import plan as compare
    from pager.rehearse.plan_json import plan_json

    (old_name, before, unset), (new_name, after, also) = _read(old, config), _read(new, config)
    if unset or also:
        print(f"not set here, and read as empty on both sides: {', '.join(sorted({*unset, *also}))}", file=sys.stderr)
    clocks = zone(tz) if tz else None
    start = moment(at, clocks if tz else zone(after.settings.timezone)) if at else datetime.now(UTC)
    start = start.replace(microsecond=0)
    try:
        found = compare(before, Rota.of(before), after, Rota.of(after), start, start + horizon(span))
    except OverflowError:
        stop(USAGE, "that is beyond the calendar")
    if as_json:
        print_json({"old": old_name, "new": new_name, **plan_json(found)})
    else:
        form = as_markdown if markdown else as_text
        sys.stdout.write(form(found, old_name, new_name, _zones(found, after, tz)))
    stop(NO if exit_code and not found.is_empty else GOOD)


def _read(word: str, config: Path) -> tuple[str, Config, tuple[str, ...]]:
    """What the side is called, its config, and the variables that are not set. Ends with 2 where there is no such side, and with 1 where it can't
    be read."""
    from pager.cli.revision import NoSuchSide, UnreadableSide, side_of

    try:
        with side_of(word, config) as side:
            return side.name, *read_config(side.folder, side.name)
    except NoSuchSide as error:
        stop(USAGE, str(error))
    except UnreadableSide as error:
        stop(NO, str(error))


def _zones(found: Plan, config: Config, tz: str | None) -> dict[str, str]:
    """In which zone the times of each schedule are shown; under the empty name, those of no schedule."""
    return {"": tz or config.settings.timezone} | {one.schedule: tz or one.timezone for one in found.schedules}
