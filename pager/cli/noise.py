"""What the noise rules did: noise report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pager.cli.context import DEFAULT_CONFIG, ConfigOption, JsonOption, at_desk
from pager.cli.lately import open_since
from pager.cli.printing import Zone, clock, horizon, print_columns, print_json, zone
from pager.model.times import rfc3339
from pager.report.noise import Ledger, Report, report_json

if TYPE_CHECKING:
    from pager.wiring.desk import Desk

_SHORT = "%a %Y-%m-%d %H:%M %Z"


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="What the noise rules did.")
    group.command("report")(report)
    app.add_typer(group, name="noise")


def report(
    span: Annotated[str, typer.Option("--for", metavar="DURATION", help="How far to look back.")] = "7d",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """How many incidents each rule muted, and how many of those somebody had to be paged for after all."""
    back = horizon(span)

    async def work(desk: Desk) -> tuple[Report, Zone]:
        now = await desk.incidents.now()
        ledger = Ledger(now - back, now)
        async for snapshot in open_since(desk, now - back):
            if snapshot.incident is not None:
                ledger.add(snapshot.incident)
        return ledger.report(desk.config), zone(desk.config.settings.timezone)

    found, tz = at_desk(config, work)
    if as_json:
        return print_json(report_json(found))
    return _print(found, tz)


def _print(found: Report, tz: Zone) -> None:
    start, end = (clock(rfc3339(at), tz, _SHORT) for at in (found.start, found.end))
    print(f"from {start} to {end}: {found.incidents} incidents, {found.muted} muted, {found.paged} paged")
    if found.rules:
        print("")
        rows = [
            (
                f"{rule.kind} {rule.rule}", str(rule.muted), str(rule.regretted), str(rule.paged_later), str(rule.service_paged),
                clock(rfc3339(rule.last), tz, _SHORT), str(rule.origin or ""),
            )
            for rule in found.rules
        ]  # fmt: skip
        print_columns(("rule", "muted", "regretted", "paged later", "service paged", "last", "where"), rows)
        print("\nregretted: somebody was paged for it later, or a later incident of its service paged within an hour")
    for rule in found.never:
        print(f"never: {rule.kind} {rule.rule}" + (f" [{rule.origin}]" if rule.origin else ""))
