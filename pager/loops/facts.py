"""What the rota depends on besides the config: read anew as soon as it changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog

from pager.model.config import Config
from pager.model.rota import NOTHING, RotaFacts
from pager.oncall.facts import left_out
from pager.ports import RotaStore

LOOK_EVERY = timedelta(seconds=1)
"""No page is decided with facts that are older, as long as the store answers."""

log = structlog.get_logger()


class FollowFacts:
    """Without the store, what was read last stays in force."""

    def __init__(self, rota: RotaStore, put: Callable[[RotaFacts], None], config: Callable[[], Config]) -> None:
        self._rota = rota
        self._put = put
        self._config = config
        self._facts = NOTHING
        self._said: tuple[str, ...] = ()

    async def run_once(self) -> bool:
        """Whether other facts are in force than before. Raises StoreUnavailable."""
        found = await self._rota.facts(self._facts.version)
        if found is not None:
            self._facts = found
            self._put(found)
            log.info(
                "facts.in_force", version=found.version, overrides=sum(map(len, found.overrides.values())), silences=len(found.silences)
            )  # fmt: skip
        self._say_what_is_left_out()
        return found is not None

    async def nap(self) -> None:
        """Until somebody changes an override, a silence or a calendar; never longer than a second."""
        await self._rota.wait(LOOK_EVERY)

    def _say_what_is_left_out(self) -> None:
        """Once: the config, too, may have changed."""
        config = self._config()
        out = left_out(self._facts, config.schedules, config.users)
        for why in out:
            if why not in self._said:
                log.warning("override.left_out", why=why)
        self._said = out
