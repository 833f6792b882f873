"""Shifts in other calendars: calendar."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from typing import Annotated

import typer

from pager.cli.context import DEFAULT_CONFIG, NO, UNREACHABLE, USAGE, ConfigOption, JsonOption, stop
from pager.cli.printing import print_json
from pager.ports import StoreUnavailable


def register(app: typer.Typer) -> None:
    app.command()(calendar)


def calendar(
    name: Annotated[str, typer.Argument(metavar="SCHEDULE|USER", help="Both called so: say `schedule:x` or `user:x`.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Print the secret link to the shifts of a schedule or a person, to subscribe to."""
    from pager.config import load
    from pager.wiring.links import calendar_url

    loaded = load(config, os.environ)  # with every variable set: a link that another key signed would lead nowhere
    found = loaded.config
    if found is None:
        stop(NO, "\n".join([*map(str, loaded.problems), "the config has errors"]))
    kind, colon, rest = name.partition(":")
    known: dict[str, Collection[str]] = {"schedule": found.schedules, "user": found.users}
    matches = [(k, n) for k, names in known.items() for n in ([rest] if colon and kind == k else [name]) if n in names]
    if not matches:
        stop(NO, f"{name!r} is no schedule or user. Schedules: {', '.join(found.schedules) or 'none'}")
    if len(matches) > 1:
        stop(USAGE, f"a schedule and a user are called {name}: say schedule:{name} or user:{name}")
    if not found.settings.public_url:
        stop(NO, "settings.http.public_url is not set: calendars need to know where this daemon is reached")
    try:
        url = asyncio.run(calendar_url(found, os.environ, *matches[0]))
    except (StoreUnavailable, ValueError) as error:
        stop(UNREACHABLE, f"{error}\n(the installation's key is in the store; settings.http.link_keys would name another)")
    print_json({"url": url}) if as_json else print(url)
