"""What the workers' own metrics said, over all their lives: a counter begins anew with its process."""

from __future__ import annotations

import asyncio
import re

from tests.chaos.house import House

_LINE = re.compile(r"^(pagerd_\w+_total(?:\{[^}]*\})?) (\S+)$", re.MULTILINE)
_BACKLOG = re.compile(r"^pagerd_backlog\{[^}]*\} (\S+)$", re.MULTILINE)


class Gauges:
    def __init__(self, house: House) -> None:
        self._house = house
        self._seen: dict[tuple[int, str], float] = {}
        self.backlog = float("inf")

    async def run(self) -> None:
        while True:
            await self.read()
            await asyncio.sleep(0.5)

    async def read(self) -> None:
        found = await asyncio.gather(*(asyncio.to_thread(worker.get, "/metrics") for worker in self._house.workers))
        waiting = []
        for worker, (status, text) in zip(self._house.workers, found, strict=True):
            if status == 200 and worker.process is not None:
                self._seen.update({(worker.process.pid, name): float(value) for name, value in _LINE.findall(text)})
                waiting += [float(value) for value in _BACKLOG.findall(text)]
        self.backlog = sum(waiting) if waiting else float("inf")

    def total(self, name: str) -> dict[str, float]:
        """By the whole name with labels; only what is not 0."""
        sums: dict[str, float] = {}
        for (_, line), value in self._seen.items():
            if line.startswith(name) and value:
                sums[line] = sums.get(line, 0) + value
        return sums
