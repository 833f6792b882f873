"""Who stands in for whom: override add, list, remove."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pager.cli.context import DEFAULT_CONFIG, NO, USAGE, AsOption, ConfigOption, JsonOption, at_desk, config_of, facts_of, stop
from pager.cli.printing import Zone, clock, console, duration, period, print_json, printable, table, zone
from pager.model.event import Entry
from pager.model.schedule import Override, OverrideKind
from pager.model.times import rfc3339
from pager.rehearse.overriding import (
    Change,
    changes,
    every_override,
    find_override,
    override_json,
    sentence,
    span_of,
    with_override,
    without_override,
)

if TYPE_CHECKING:
    from pager.model.config import Config
    from pager.model.rota import RotaFacts
    from pager.wiring.desk import Desk

VIA = "cli"
_NOT_RECORDED = "NOT recorded: "
_NOW = "now"
_LONGEST_WHY = 300  # characters
_LOOKED_AT = timedelta(days=92)  # of the hours that change
_SHORT = "%a %Y-%m-%d %H:%M %Z"


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Who stands in for whom: at run time, at once, and with a name to it.")
    group.command("add")(add)
    group.command("list")(list_)
    group.command("remove")(remove)
    app.add_typer(group, name="override")


# --- add ------------------------------------------------------------------------------------------------------------------------------
def add(
    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE")],
    start: Annotated[str, typer.Option("--from", metavar="T", help="RFC 3339, wall-clock time in the schedule's zone, or now.")] = _NOW,
    end: Annotated[str | None, typer.Option("--to", metavar="T", help="The same.")] = None,
    span: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="Instead of --to, such as 4h.")] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="USER", help="Instead of everyone.")] = None,
    instead_of: Annotated[str | None, typer.Option("--instead-of", metavar="USER", help="Only in place of this person.")] = None,
    added: Annotated[str | None, typer.Option("--add", metavar="USER", help="As well.")] = None,
    removed: Annotated[str | None, typer.Option("--remove", metavar="USER", help="Acts as if they stood in no layer.")] = None,
    why: Annotated[str, typer.Option("--why", metavar="TEXT")] = "",
    by: AsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Put somebody on call, or off, for a time."""
    kind, who = _whom(user, added, removed)
    if instead_of is not None and kind is not OverrideKind.REPLACE:
        stop(USAGE, "--instead-of goes with --user")
    if (end is None) == (span is None):
        stop(USAGE, "say until when: --to T or --for DURATION")
    lasts = duration(span) if span is not None else None

    async def work(desk: Desk) -> tuple[Config, Override, tuple[Change, ...]]:
        found, now = desk.config, await desk.incidents.now()
        _must_be_known(found, schedule, who, instead_of, by)
        tz = zone(found.schedules[schedule].timezone)
        begin, until = period(start, end, lasts, tz, now)
        override = Override(
            start=begin, end=until, kind=kind, user=who, instead_of=instead_of, reason=printable(why.strip())[:_LONGEST_WHY], by=by or VIA
        )  # fmt: skip
        changed = _changed(found, desk.facts, with_override(desk.facts, schedule, override), schedule, override, now)
        kept = await desk.rota.add_override(schedule, override, _entry(now, "override.added", by, found, schedule, override))
        return found, kept, changed

    found, kept, changed = at_desk(config, work, if_gone=_NOT_RECORDED)
    print(f"override {kept.id} of {schedule}: {_words(found, schedule, kept)}")
    _print_changes(changed, zone(found.schedules[schedule].timezone))


def _whom(user: str | None, added: str | None, removed: str | None) -> tuple[OverrideKind, str]:
    given = [
        (kind, who)
        for kind, who in ((OverrideKind.REPLACE, user), (OverrideKind.ADD, added), (OverrideKind.REMOVE, removed))
        if who is not None
    ]
    if len(given) != 1:
        stop(USAGE, "say who: one of --user X [--instead-of Y], --add X, --remove X")
    return given[0]


def _must_be_known(config: Config, schedule: str, *users: str | None) -> None:
    if schedule not in config.schedules:
        stop(USAGE, f"{schedule!r} is no schedule of the config: {', '.join(config.schedules) or 'it has none'}")
    for user in users:
        if user is not None and user not in config.users:
            stop(USAGE, f"{user!r} is no user of the config: {', '.join(config.users) or 'it has none'}")


# --- remove ---------------------------------------------------------------------------------------------------------------------------
def remove(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `override list` names it.")],
    by: AsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Take an override back. One of the files is removed there."""

    async def work(desk: Desk) -> tuple[Config, str, Override, tuple[Change, ...]]:
        found, now, facts = desk.config, await desk.incidents.now(), desk.facts
        if by is not None and by not in found.users:
            stop(USAGE, f"{by!r} is no user of the config: {', '.join(found.users) or 'it has none'}")
        known = find_override(facts, id_)
        if known is None:
            _unknown(id_)
        schedule, override = known
        changed = _changed(found, facts, without_override(facts, id_), schedule, override, now)
        if not await desk.rota.remove_override(id_, _entry(now, "override.removed", by, found, schedule, override)):
            _unknown(id_)
        return found, schedule, override, changed

    found, schedule, override, changed = at_desk(config, work, if_gone=_NOT_RECORDED)
    print(f"removed override {id_} of {schedule}: {_words(found, schedule, override)}")
    _print_changes(changed, _zone_of(found, schedule))


def _unknown(id_: str) -> NoReturn:
    stop(NO, f"there is no override {id_!r}: `pagerd override list --all` names those there are")


# --- list -----------------------------------------------------------------------------------------------------------------------------
def list_(
    schedule: Annotated[str | None, typer.Argument(metavar="SCHEDULE", help="Of this schedule only.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Overrides as they apply: those of the files, then those of run time."""
    found = config_of(config)
    facts, now = facts_of(found), datetime.now(UTC)
    if schedule is not None and schedule not in found.schedules and schedule not in facts.overrides:
        stop(USAGE, f"{schedule!r} is no schedule of the config: {', '.join(found.schedules) or 'it has none'}")
    chosen = [
        (name, override)
        for name, override in every_override(found, facts)
        if schedule in (None, name) and (every or span_of(found, name, override)[1] > now)
    ]
    rows = [override_json(found, name, override) for name, override in chosen]
    if as_json:
        return print_json(rows)
    if not rows:
        return print("no overrides")
    for row, (name, override) in zip(rows, chosen, strict=True):
        print(f"{row['id'] or 'file':<6}{name}: {_words(found, name, override)}")
        print(f"      by {row['by']}" + (f", {row['origin']}" if row["origin"] else ""))
        if row["left_out"]:
            print(f"      NOT in force: {row['left_out']}")


# --- all of them ----------------------------------------------------------------------------------------------------------------------
def _changed(
    config: Config, before: RotaFacts, after: RotaFacts, schedule: str, override: Override, now: datetime
) -> tuple[Change, ...]:  # fmt: skip
    """From now on."""
    from pager.oncall.memo import Rota

    start, end = span_of(config, schedule, override)
    start = max(start, now)
    if end <= start:
        return ()
    return changes(Rota.of(config, before), Rota.of(config, after), schedule, start, min(end, start + _LOOKED_AT))


def _entry(now: datetime, event: str, by: str | None, config: Config, schedule: str, override: Override) -> Entry:
    return Entry(now, 0, event, by or VIA, f"{schedule}: {_words(config, schedule, override)}")


def _words(config: Config, schedule: str, override: Override) -> str:
    tz = _zone_of(config, schedule)
    start, end = span_of(config, schedule, override)
    why = f" ({override.reason})" if override.reason else ""
    return f"{sentence(override)} from {_clock(start, tz)} to {_clock(end, tz)}{why}"


def _zone_of(config: Config, schedule: str) -> Zone:
    return zone(config.schedules[schedule].timezone if schedule in config.schedules else "UTC")


def _clock(at: datetime, tz: Zone) -> str:
    return clock(rfc3339(at), tz, _SHORT)


def _print_changes(changed: tuple[Change, ...], tz: Zone) -> None:
    if not changed:
        return print("nobody's hours change by it")
    shown = table("from", "to", "before", "after", whole=2)
    for one in changed:
        shown.add_row(
            _clock(one.start, tz), _clock(one.end, tz), ", ".join(one.before) or "nobody", "-> " + (", ".join(one.after) or "nobody")
        )
    return console().print(shown)
