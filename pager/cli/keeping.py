"""What is kept: backup."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pager.cli.context import DEFAULT_CONFIG, NO, UNREACHABLE, ConfigOption, stop
from pager.ports import StoreUnavailable


def register(app: typer.Typer) -> None:
    app.command()(backup)


def backup(
    to: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for the copy.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Copy the embedded store while it runs."""
    import asyncio

    from pager.store.backup import FILES, BackupError
    from pager.wiring.backup import backup as copy

    try:
        size, store = asyncio.run(copy(config, os.environ, to))
    except StoreUnavailable as error:
        stop(UNREACHABLE, f"no backup was made: {error}")
    except (BackupError, OSError) as error:
        stop(NO, f"no backup was made: {error}")
    print(f"{size} bytes in {to / FILES}. To restore it: stop every daemon, and let it stand in the place of {store / FILES}.")
