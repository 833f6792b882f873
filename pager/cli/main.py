"""`pagerd`: every command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pager import __version__
from pager.cli import answering, looking, planning, pushing
from pager.cli.context import ConfigOption, choose, console, folder_of, stop

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
    config: Annotated[Path | None, typer.Option("--config", help="The config folder (or PAGERD_CONFIG).", show_default="config")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    choose(config)


@app.command()
def run(
    config: ConfigOption = None,
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Instead of settings.http.listen.")] = None,
) -> None:
    """Run the daemon until SIGINT or SIGTERM."""
    from pager.daemon import run as run_daemon

    stop(run_daemon(folder_of(config), os.environ, listen))


@app.command()
def doctor(config: ConfigOption = None) -> None:
    """Look at the config, the store and each credential, and say what to do."""
    import asyncio

    from pager.wiring import doctor as examine

    findings = asyncio.run(examine(folder_of(config), os.environ))
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]no[/]"
        console().print(f"{mark}  {finding.what}" + (f"\n    -> {finding.advice}" if finding.advice else ""))
    stop(0 if all(f.ok for f in findings) else 1)


planning.register(app)
pushing.register(app)
looking.register(app)
answering.register(app)


def main() -> None:
    app(prog_name="pagerd")
