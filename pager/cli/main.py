"""`pagerd`: every command. What only one command needs is imported in it: `pagerd --help` waits for no vendor's library."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from pager import __version__
from pager.cli import answering, checking, keeping, looking, noise, overriding, plan, pushing, silencing, subscribing, who
from pager.cli.context import DEFAULT_CONFIG, GOOD, NO, USAGE, ConfigOption, stop

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="An on-call paging daemon. Exit codes: 0 good, 1 the answer is no, 2 usage, 3 the daemon or its store can't be reached.",
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pagerd {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    config: ConfigOption = DEFAULT_CONFIG,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """What may stand before a command's name. `--config` is looked up by the commands themselves."""


@app.command()
def run(
    listen: Annotated[str | None, typer.Option("--listen", metavar="HOST:PORT", help="Instead of settings.http.listen.")] = None,
    roles: Annotated[
        str | None, typer.Option("--roles", metavar="ROLE,…", help="Only these: intake,ingest,deadlines,deliver,web,cadence.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Run the daemon until SIGINT or SIGTERM."""
    from pager.daemon import run as run_daemon
    from pager.wiring.roles import ALL, read_roles

    try:
        wanted = ALL if roles is None else read_roles(roles)
    except ValueError as error:
        stop(USAGE, f"--roles: {error}")
    stop(run_daemon(config, os.environ, listen, wanted))


@app.command()
def doctor(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Look at the config, the store and each credential, and say what to do."""
    import asyncio

    from pager.wiring.doctor import doctor as examine

    findings = asyncio.run(examine(config, os.environ))
    for finding in findings:
        mark = typer.style("ok", fg="green") if finding.ok else typer.style("no", fg="red")
        typer.echo(f"{mark}  {finding.what}" + (f" -> {finding.advice}" if finding.advice else ""))
    stop(GOOD if all(finding.ok for finding in findings) else NO)


checking.register(app)
who.register(app)
plan.register(app)
pushing.register(app)
looking.register(app)
answering.register(app)
overriding.register(app)
silencing.register(app)
noise.register(app)
keeping.register(app)
subscribing.register(app)


def main() -> None:
    app(prog_name="pagerd")
