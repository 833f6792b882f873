"""What goes wrong, chosen by dice, one or two things at a time, with calm between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.chaos.house import House, Worker


@dataclass
class Fault:
    """`until` is when everything was whole again. A fault of the provider alone excuses nobody."""

    kind: str
    what: str
    at: float
    until: float = field(default=float("inf"))

    @property
    def excuses(self) -> bool:
        return not self.kind.startswith("provider")

    def __str__(self) -> str:
        return f"{self.at:7.2f} .. {self.until:7.2f}  {self.kind} {self.what}"


Way = Callable[[Fault], Awaitable[None]]


class Faults:
    """`stretch` scales how long they last. `only` names the kinds that may come; else all that this machine can do."""

    def __init__(
        self, house: House, seed: int, *, stretch: float = 1.0, calm: tuple[float, float] = (2, 5), only: tuple[str, ...] = ()
    ) -> None:
        self._house, self._dice = house, random.Random(f"faults {seed}")
        self._stretch, self._calm = stretch, calm
        self.past: list[Fault] = []
        ways = {**self._of_store(), **self._of_workers(), **self._of_lines(), "provider.out": self._provider_out}
        self.skipped = [] if house.store.has_disk else ["store.disk_full"]
        self._ways: dict[str, Way] = {k: way for k, way in ways.items() if k not in self.skipped and (not only or k in only)}
        self._bag: list[str] = []

    async def run(self, seconds: float) -> None:
        end = self._house.now() + seconds
        while True:
            await asyncio.sleep(self._dice.uniform(*self._calm))
            if self._house.now() >= end:
                return
            kinds = [self._draw()]
            if self._dice.random() < 0.25:
                other = self._draw()
                # Two of one family would undo each other's work.
                kinds += [other] if other.split(".")[0] != kinds[0].split(".")[0] else []
            await self._together(kinds)

    async def _together(self, kinds: list[str]) -> None:
        faults = [Fault(kind, "", self._house.now()) for kind in kinds]
        self.past += faults
        await asyncio.gather(*(self._ways[fault.kind](fault) for fault in faults))
        await self._house.whole()
        for fault in faults:
            fault.until = self._house.now()

    def _draw(self) -> str:
        """From a bag, so that each kind comes before any comes twice."""
        if not self._bag:
            self._bag = self._dice.sample(list(self._ways), len(self._ways))
        return self._bag.pop()

    async def _for(self, least: float, most: float) -> None:
        await asyncio.sleep(self._dice.uniform(least, most) * self._stretch)

    # --- the store --------------------------------------------------------------------------------------------------------------------
    def _of_store(self) -> dict[str, Way]:
        return {
            "store.kill": self._store_kill, "store.torn_aof": self._store_torn, "store.stop": self._store_stop, "store.disk_full": self._store_full,
        }  # fmt: skip

    async def _store_kill(self, fault: Fault) -> None:
        self._house.store.kill()
        await self._for(0.1, 4)
        await self._house.store.start()

    async def _store_torn(self, fault: Fault) -> None:
        self._house.store.kill()
        self._house.store.tear()
        await self._for(0.1, 1)
        await self._house.store.start()

    async def _store_stop(self, fault: Fault) -> None:
        self._house.store.pause()
        await self._for(1, 8)
        self._house.store.resume()

    async def _store_full(self, fault: Fault) -> None:
        """Valkey ends itself when it can't write; its supervisor starts it again and again."""
        store = self._house.store
        store.fill()
        end = self._house.now() + self._dice.uniform(2, 6) * self._stretch
        while self._house.now() < end:
            if not store.is_running:
                fault.what = "it ended itself"
                store.spawn()
            await asyncio.sleep(0.3)
        store.make_room()
        await store.start()

    # --- workers ----------------------------------------------------------------------------------------------------------------------
    def _of_workers(self) -> dict[str, Way]:
        return {"worker.kill": self._worker_kill, "worker.kill_all": self._worker_kill_all, "worker.stop": self._worker_stop}

    async def _worker_kill(self, fault: Fault) -> None:
        worker = self._any(fault)
        worker.kill()
        await self._for(0, 6)
        worker.launch()

    async def _worker_kill_all(self, fault: Fault) -> None:
        for worker in self._house.workers:
            worker.kill()
        await self._for(0, 3)
        for worker in self._house.workers:
            worker.launch()

    async def _worker_stop(self, fault: Fault) -> None:
        worker = self._any(fault)
        worker.stop_short()
        await asyncio.sleep(30 * self._stretch)
        worker.go_on()

    # --- lines to the store -----------------------------------------------------------------------------------------------------------
    def _of_lines(self) -> dict[str, Way]:
        return {"net.cut": self._cut, "net.blip": self._blip, "net.delay": self._delay, "net.stall": self._stall, "net.deaf": self._deaf}

    async def _cut(self, fault: Fault) -> None:
        await self._lines(fault, "cut", 1, 6)

    async def _blip(self, fault: Fault) -> None:
        for _ in range(5):
            await self._lines(fault, "blip", 0.1, 0.6)

    async def _delay(self, fault: Fault) -> None:
        await self._lines(fault, "slow", 3, 8)

    async def _stall(self, fault: Fault) -> None:
        await self._lines(fault, "stall", 1, 8)

    async def _deaf(self, fault: Fault) -> None:
        await self._lines(fault, "deafen", 1, 8)

    async def _lines(self, fault: Fault, do: str, least: float, most: float) -> None:
        """Of one worker, or of all. What was held comes late, or never."""
        workers = self._house.workers if self._dice.random() < 0.3 else [self._any(fault)]
        fault.what = " ".join(worker.name for worker in workers)
        for worker in workers:
            worker.proxy.slow(0.2) if do == "slow" else getattr(worker.proxy, do)()
        await self._for(least, most)
        never = self._dice.random() < 0.5
        for worker in workers:
            if never:
                worker.proxy.blip()
            worker.proxy.heal()

    # --- the provider -----------------------------------------------------------------------------------------------------------------
    async def _provider_out(self, fault: Fault) -> None:
        self._house.provider.is_out = True
        await self._for(2, 5)
        self._house.provider.is_out = False

    def _any(self, fault: Fault) -> Worker:
        worker = self._dice.choice(self._house.workers)
        fault.what = worker.name
        return worker
