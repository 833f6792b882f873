"""Which kinds of providers there are, what each can carry, and those now in use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from pager.config import Loaded, load
from pager.decide import Rules
from pager.model.config import Config
from pager.model.origin import Origin
from pager.model.problem import Problem
from pager.model.rota import NOTHING, RotaFacts
from pager.model.settings import Provider, Settings
from pager.notify.plan import BOARD, CONSOLE, Providers
from pager.ports import Board, Channel
from pager.wiring.stores import usable

if TYPE_CHECKING:  # see `make`
    from pager.channels.slack import Slack
    from pager.channels.slack_roster import SlackRoster

CARRIED: Mapping[str, Collection[str]] = {"sms": ("twilio",), "chat": ("slack",), "email": ("smtp",), BOARD: ("slack",)}
"""Which kinds can carry a channel."""

_ADAPTERS = {"twilio": "pager.channels.twilio", "slack": "pager.channels.slack", "smtp": "pager.channels.smtp"}


def make(provider: Provider) -> Channel:
    """The adapter of a provider whose credentials are all there. Raises ValueError, in words, for one that can't be right."""
    # Loaded when it is needed: the vendors' SDKs take longer to load than most commands to run.
    adapter = import_module(_ADAPTERS[provider.kind])
    return cast(Callable[[Provider], Channel], adapter.from_provider)(provider)


def load_whole(folder: Path, environment: Mapping[str, str]) -> Loaded:
    """The config, with what only the adapters know to be wrong."""
    loaded = load(folder, environment)
    if loaded.config is None:
        return loaded
    found = (_store_problem(loaded.config.settings), *map(_problem, loaded.config.providers.values()))
    wrong = tuple(problem for problem in found if problem)
    return Loaded(None, (*loaded.problems, *wrong)) if wrong else loaded


def _store_problem(settings: Settings) -> Problem | None:
    try:
        usable(settings.redis_url)
    except ValueError as error:
        return _at(settings.origin, "settings.redis.url", str(error).removeprefix("settings.redis.url: "))
    return None


def _problem(provider: Provider) -> Problem | None:
    if provider.missing:
        return None
    try:
        make(provider)
    except ValueError as error:
        return _at(provider.origin, f"providers.{provider.name}", str(error).removeprefix(f"provider {provider.name}: "))
    return None


def _at(o: Origin | None, path: str, message: str) -> Problem:
    return Problem(file=o.file if o else "", line=o.line if o else 0, column=o.column if o else 0, path=path, message=message)


class Current:
    """The config in force, made ready; replaced as a whole by a good reload, and with what the rota depends on besides it. Channels live as
    long as their provider stays the same."""

    def __init__(self, config: Config) -> None:
        self._channels: dict[str, Channel] = {}
        self._made_of: dict[str, object] = {}
        self._facts = NOTHING
        self.replace(config)

    def replace(self, config: Config) -> None:
        """Raises ValueError where an adapter can't be made; then the config before stays in force."""
        # Where in its file a provider stands is no reason to connect anew.
        wanted: dict[str, object] = {name: replace(p, origin=None) for name, p in config.providers.items() if not p.missing}
        if config.settings.demo:
            wanted[CONSOLE] = CONSOLE
        channels = {name: self._channels[name] for name, made_of in wanted.items() if self._made_of.get(name) == made_of}
        for name in wanted.keys() - channels.keys():
            channels[name] = _console() if name == CONSOLE else make(config.providers[name])
        self._channels, self._made_of = channels, wanted
        self.rules = Rules(config, Providers.of(config, CARRIED), self._facts)

    def put_facts(self, facts: RotaFacts) -> None:
        """What is known besides the config is something else now."""
        self._facts = facts
        self.rules = self.rules.with_facts(facts)

    @property
    def config(self) -> Config:
        return self.rules.config

    def in_force(self) -> tuple[Config, RotaFacts]:
        """What the rota is made of."""
        return self.rules.config, self.rules.rota.facts

    def channels(self) -> Mapping[str, Channel]:
        return self._channels

    def boards(self) -> Mapping[str, Board]:
        """Those of the channels that can keep a message up to date."""
        return {name: cast(Board, channel) for name, channel in self._channels.items() if channel.kind in CARRIED[BOARD]}

    def rosters(self) -> Mapping[str, SlackRoster]:
        """Those of the channels that can show who is on call."""
        return {name: cast("Slack", channel).roster for name, channel in self._channels.items() if channel.kind in CARRIED[BOARD]}

    def slacks(self) -> list[Provider]:
        """The Slack accounts in use."""
        return [p for p in self.config.providers.values() if p.kind == "slack" and not p.missing]

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()


def _console() -> Channel:
    from pager.channels.console import Console

    return Console(sys.stdout)
