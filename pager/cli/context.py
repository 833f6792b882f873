"""What every command shares: which installation, what is printed, how it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import msgspec
import typer

from pager.ports import StoreUnavailable

if TYPE_CHECKING:
    from rich.console import Console

    from pager.model.config import Config
    from pager.wiring import Desk

GOOD, NO, USAGE, UNREACHABLE = 0, 1, 2, 3
T = TypeVar("T")

ConfigOption = Annotated[Path | None, typer.Option("--config", help="The config folder.", envvar="PAGERD_CONFIG", show_default="config")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON with stable names.")]
AsOption = Annotated[str | None, typer.Option("--as", metavar="USER", help="On whose behalf.")]
Number = Annotated[int, typer.Argument(metavar="N", help="The incident's number.")]

_chosen: list[Path] = []


def choose(folder: Path | None) -> None:
    """`--config` before the command's name."""
    _chosen[:] = [folder] if folder is not None else []


def folder_of(option: Path | None) -> Path:
    """`--config` after the command's name, else before it, else PAGERD_CONFIG, else `config`."""
    return option or (_chosen[0] if _chosen else Path(os.environ.get("PAGERD_CONFIG") or "config"))


def at_desk(option: Path | None, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Do something with the installation's store; ends with 3 when it can't be reached."""
    from pager.wiring import open_desk

    folder = folder_of(option)

    async def run() -> T:
        async with open_desk(folder, os.environ) as desk:
            return await work(desk)

    try:
        return asyncio.run(run())
    except (StoreUnavailable, ValueError) as error:
        stop(UNREACHABLE, f"{error}\n(config: {folder})")


def config_of(option: Path | None) -> Config:
    """The config in the folder; ends with 1 and everything that is wrong with it."""
    from pager.config import load

    loaded = load(folder_of(option), os.environ)
    if loaded.config is None:
        for problem in loaded.problems:
            print(problem, file=sys.stderr)
        stop(NO, "the config has errors")
    return loaded.config


def stop(code: int, message: str = "") -> NoReturn:
    if message:
        print(message, file=sys.stderr)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def console() -> Console:
    """A rich console; without a terminal plain text, as wide as it needs to be."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 120)
