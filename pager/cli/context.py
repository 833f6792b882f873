"""What every command shares: which installation, how it reaches the store, how it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from pager.model.rota import NOTHING, RotaFacts
from pager.model.snapshot import UnreadableError
from pager.ports import StoreUnavailable

if TYPE_CHECKING:
    from pager.model.config import Config
    from pager.oncall.memo import Rota
    from pager.wiring.desk import Desk

GOOD, NO, USAGE, UNREACHABLE = 0, 1, 2, 3
T = TypeVar("T")


def _nearest(context: typer.Context, given: Path) -> Path:
    """`--config` after the command's name, else before it, else PAGERD_CONFIG, else `config`."""
    source = context.get_parameter_source("config")
    before: Path | None = context.find_root().params.get("config")
    return given if before is None or (source is not None and source.name == "COMMANDLINE") else before


DEFAULT_CONFIG = Path("config")
ConfigOption = Annotated[
    Path, typer.Option("--config", metavar="DIR", envvar="PAGERD_CONFIG", callback=_nearest, help="The config folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON with stable names.")]
AsOption = Annotated[str | None, typer.Option("--as", metavar="USER", help="On whose behalf.")]
ZoneOption = Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="The zone of times: an IANA name, or `local`.")]
Number = Annotated[int, typer.Argument(metavar="N", help="The incident's number.")]


def at_desk(folder: Path, work: Callable[[Desk], Awaitable[T]], *, if_gone: str = "") -> T:
    """Do something with the installation's store. Ends with 3 when it can't be reached, and says `if_gone`, why, and where it looked."""
    from pager.wiring.desk import open_desk

    async def run() -> T:
        async with AsyncExitStack() as stack:
            try:
                desk = await stack.enter_async_context(open_desk(folder, os.environ))
            except ValueError as error:  # an address that is none
                raise StoreUnavailable(f"the store can't be reached: {error}") from error
            return await work(desk)

    try:
        return asyncio.run(run())
    except UnreadableError as error:
        stop(NO, str(error))
    except StoreUnavailable as error:
        hint = f"config folder: {folder}" if folder.is_dir() else f"there is no folder {folder}: give the config's with --config DIR"
        stop(UNREACHABLE, f"{if_gone}{error}\n({hint}; `pagerd doctor` says more)")


def config_of(folder: Path) -> Config:
    """The config in the folder, for who asks who is on call."""
    return read_config(folder)[0]


def read_config(folder: Path, name: str = "") -> tuple[Config, tuple[str, ...]]:
    """The config in the folder, and the variables it names that are not set: where one stands for a credential or an address, that is no error
    here. Ends with 1 and everything that is wrong with it, of `name` where there are several."""
    from pager.config import load

    loaded = load(folder, os.environ, forgiving=True)
    if loaded.config is None:
        place = f"{name}: " if name else ""
        stop(NO, "\n".join([*(f"{place}{problem}" for problem in loaded.problems), f"{place}the config has errors"]))
    return loaded.config, loaded.unset


def rota_of(config: Config) -> Rota:
    """Whom the commands ask who is on call."""
    from pager.oncall.memo import Rota

    return Rota.of(config, facts_of(config))


def facts_of(config: Config) -> RotaFacts:
    """What the rota depends on besides the config, as the store of the installation knows it; said on stderr where it can't be reached."""
    from pager.wiring.facts import read_facts

    try:
        return asyncio.run(read_facts(config.settings, os.environ))
    except StoreUnavailable as error:
        print(f"without run-time overrides: the store can't be reached ({error})", file=sys.stderr)
        return NOTHING


def stop(code: int, message: str = "") -> NoReturn:
    """End the command. What is said goes to stderr: it is not the answer."""
    if message:
        print(message, file=sys.stderr)
    raise typer.Exit(code)
