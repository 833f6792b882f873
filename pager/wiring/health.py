"""Whether the daemon can do its work, and what its store can lose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from pager.model.config import Config
from pager.ports import StoreUnavailable
from pager.store.durability import Finding
from pager.telemetry import Progress
from pager.web.app import Readiness
from pager.wiring.stores import Store

_LOOK_EVERY = 5.0  # seconds


class Health:
    """`trouble` is what keeps the store from us, or empty."""

    def __init__(self, store: Store, config: Callable[[], Config], progress: Progress) -> None:
        self._store = store
        self._config = config
        self._progress = progress
        self._findings: list[Finding] = []
        self.trouble = "the store has not answered yet"

    async def run(self) -> None:
        """Until cancelled. Raises StoreUnavailable."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY)

    async def look(self) -> None:
        self._findings = await self._store.durability()

    async def first_look(self) -> None:
        try:
            await self.look()
        except StoreUnavailable as error:
            self.trouble = str(error)

    @property
    def durability(self) -> str:
        """What the store can lose, in words."""
        return "; ".join(finding.what for finding in self._findings) or "not known yet"

    def readiness(self, stopping: bool) -> Readiness:
        config = self._config()
        reasons = [self.trouble] if self.trouble else []
        reasons += [finding.what for finding in self._findings if finding.blocks]
        reasons += [f"the loop {loop} stands still" for loop in self._progress.standing_still()]
        reasons += [] if config.settings.demo else _without_credentials(config)
        if stopping:
            reasons.append("stopping")
        return Readiness(tuple(reasons), self.durability, tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        """It does what it can: alerts must not be turned away for it."""
        if met := self._store.newer.lately:
            yield f"a newer release of pagerd is writing to this store, and what it writes is left to it: upgrade this worker ({met})"


def _without_credentials(config: Config) -> list[str]:
    used = {name for names in config.channels.values() for name in names}
    return [f"provider {p.name} has no {', '.join(p.missing)}" for name, p in config.providers.items() if name in used and p.missing]
