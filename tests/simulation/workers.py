"""A worker of the simulation: the real loops, each exchange with the outside through a gate where faults strike."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pager.advance import Advance
from pager.door import Door
from pager.loops.compose import Compose
from pager.loops.deadlines import DeadlineLoop
from pager.loops.deliver import Deliver
from pager.loops.facts import FollowFacts
from pager.loops.ingest import Ingest
from pager.loops.look import LookAgain
from pager.loops.reload import Reload
from pager.loops.upkeep import Upkeep
from pager.loops.watch import BreakGlass
from pager.model.rota import NOTHING, RotaFacts
from pager.ports import AlertEntry, AlertStream, Channel, Deadlines, Incidents, Outbox, OutboxEntry, Refusals, RotaStore, StoreUnavailable
from pager.web.twilio import TwilioCallbacks
from tests.fakes.memory_store import MemoryWorker
from tests.simulation.plan import Step, chance

if TYPE_CHECKING:
    from pager.model.config import Config
    from tests.simulation.world import World

T = TypeVar("T")
_SECRET = bytes(range(32))
_ANSWER = 5.0  # seconds until an answer that does not come is given up
_BATCH = 4  # alerts: so that a worker that was away has a backlog
_OFTEN = 2.0  # between refreshes of a presence that is kept for three, and between looks at the store


class Worker:
    def __init__(self, world: World, index: int) -> None:
        self.world = world
        self.index = index
        self.name = f"w{index}"
        self.alive = False
        self.exchanges = 0
        self.armed: list[tuple[int, Step]] = []  # at which exchange it strikes
        self.paused_until = 0.0
        self.slow_until = 0.0
        self.read_at = 0.0  # of the last answer from the store
        self.variant = "first"
        self._life: asyncio.Task[None] | None = None
        self._generation = 0

    # --- life -------------------------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        self.alive = True
        self._generation += 1
        self.rules, self.facts = self.world.rules[self.variant], NOTHING
        self.ports = self.world.store.worker(self.name)
        incidents, meter = cast(Incidents, Gate(self, self.ports.incidents)), self.world.meter
        self.advance = Advance(incidents, lambda: self.rules, _SECRET, meter)
        self.door = Door(incidents, self.advance, cast(Refusals, Gate(self, self.ports.refusals)), lambda: self.rules, meter)
        callbacks = TwilioCallbacks(cast(Any, None), str, incidents, self.advance, self.door, meter)
        self.receipt = callbacks._apply
        self.follow = FollowFacts(cast(RotaStore, Following(self, self.ports.rota)), self._put_facts, lambda: self.rules.config)
        self.reload = Reload(lambda: self.rules.config, self._replace, meter.config_in_force)
        self._life = self.world.loop.create_task(self._run())

    def crash(self, back_after: float | None) -> None:
        """At once, wherever it is: from here on nothing of it reaches the outside."""
        if not self.alive or self._life is None:
            return
        self.alive = False
        self.armed.clear()
        self._life.cancel()
        if back_after is not None:
            self.world.loop.call_later(back_after, self.start)

    def _replace(self, config: Config) -> None:
        self.variant = "second" if config.revision == self.world.rules["second"].config.revision else "first"
        self._put_facts(self.facts)

    def _put_facts(self, facts: RotaFacts) -> None:
        self.facts = facts
        self.rules = self.world.rules[self.variant].with_facts(facts)

    # --- the loops, as the daemon runs them -------------------------------------------------------------------------------------------
    async def _run(self) -> None:
        world, meter = self.world, self.world.meter
        ingest = Ingest(cast(AlertStream, Awaiting(self, self.ports.alerts, "alerts")), self.advance, meter, _BATCH)
        deadlines = DeadlineLoop(cast(Deadlines, Sleeping(self, self.ports.deadlines)), self.advance, meter)
        outbox = cast(Outbox, Awaiting(self, self.ports.outbox, "outboxes"))
        channels: dict[str, Channel] = {name: cast(Channel, Gate(self, channel)) for name, channel in world.channels.items()}
        compose = Compose(lambda: self.rules, self.advance.code)
        deliver = Deliver(outbox, self.advance, lambda: channels, compose, meter, world.loop.time, folder=compose)
        again = LookAgain(cast(Incidents, Gate(self, self.ports.incidents)), self.advance, lambda: self.rules)
        glass = BreakGlass(
            _Pinged(self), lambda: self.rules.config, lambda: channels, meter.break_glass, started=world.loop.time()
        )  # fmt: skip
        keeper = _Keeper(self.ports)
        upkeep = Upkeep(cast(Any, Gate(self, keeper)), meter, lambda: timedelta(days=90))
        presence = Gate(self, self.ports.presence)
        with suppress(StoreUnavailable):
            await presence.refresh()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._steps(presence.refresh, pause=_OFTEN))
            group.create_task(self._steps(lambda: glass.run_once(world.loop.time()), pause=2 * _OFTEN))
            await self._first_facts()
            group.create_task(self._steps(self._facts_step))
            group.create_task(self._steps(lambda: again.run_once(self._generation), pause=_OFTEN))
            group.create_task(self._steps(lambda: ingest.run_once(timedelta(seconds=1))))
            group.create_task(self._steps(lambda: self._deadline_step(deadlines)))
            group.create_task(self._steps(lambda: upkeep.sweep(0), pause=15 * _OFTEN))
            group.create_task(deliver.run(asyncio.Event(), lambda: None))

    async def _first_facts(self) -> None:
        while True:
            try:
                await self.follow.run_once()
                return
            except StoreUnavailable:
                await asyncio.sleep(1.0)

    async def _facts_step(self) -> None:
        await self.follow.nap()
        await self.follow.run_once()

    async def _deadline_step(self, deadlines: DeadlineLoop) -> None:
        if not await deadlines.run_once():
            await deadlines.nap()

    async def _steps(self, step: Callable[[], Awaitable[object]], pause: float = 0.0) -> None:
        while True:
            try:
                await step()
            except StoreUnavailable:
                await asyncio.sleep(0.2)
            except Exception:
                self.world.meter.failure("loop")
                raise
            if pause:
                await asyncio.sleep(pause)

    # --- the gate ---------------------------------------------------------------------------------------------------------------------
    async def exchange(self, of_store: bool, do: Callable[[], Awaitable[T]]) -> T:
        """Faults that are armed for this exchange strike before or after it is done at the other side."""
        generation = self._generation
        self.exchanges += 1
        strikes = [step for at, step in self.armed if at == self.exchanges] if self.armed else ()
        for step in strikes:
            self._strike(step, "before")
        await self._held_up(generation)
        if of_store and self.world.is_down():
            await asyncio.sleep(_ANSWER if chance(self.world.seed, self.name, self.exchanges).random() < 0.2 else 0.01)
            raise StoreUnavailable("the store is down")
        if of_store and any(step.what == "failed" for step in strikes):
            raise StoreUnavailable("not done")
        result = await do()
        if of_store:
            self.read_at = self.world.loop.time()
        for step in strikes:
            self._strike(step, "after")
        await self._held_up(generation)
        if of_store and any(step.what == "lost" for step in strikes):
            raise StoreUnavailable("done, and the answer was lost")
        return result

    def _strike(self, step: Step, when: str) -> None:
        now = self.world.loop.time()
        if step.what == "crash" and step.way == when:
            self.world.fault("crash", now, now + step.seconds, self.name)
            self.crash(step.seconds)
        elif step.what == "pause" and when == "before" and now >= self.paused_until:
            self.paused_until = now + step.seconds
            self.world.fault("pause", now, now + step.seconds, self.name)
        elif step.what in ("lost", "failed") and when == "before":
            self.world.fault(step.what, now, now + 0.5, self.name)

    async def _held_up(self, generation: int) -> None:
        """A killed worker's calls end nowhere; a stopped one's when it wakes."""
        now = self.world.loop.time()
        if now < self.slow_until:
            await asyncio.sleep(chance(self.world.seed, self.name, self.exchanges, "slow").uniform(0.05, 1.5))
        while self.world.loop.time() < self.paused_until:
            await asyncio.sleep(self.paused_until - self.world.loop.time())
        if not self.alive or generation != self._generation:
            raise asyncio.CancelledError

    def arm(self, step: Step) -> None:
        self.armed.append((self.exchanges + step.exchange, step))


class Gate:
    """A port, or a channel, with each call through the gate of its worker."""

    def __init__(self, worker: Worker, port: Any) -> None:
        self._worker = worker
        self._port = port
        self._of_store = not hasattr(port, "accepted")

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not inspect.iscoroutinefunction(method):
            return method
        worker, of_store = self._worker, self._of_store

        async def through(*args: Any, **kwargs: Any) -> Any:
            if of_store:
                return await worker.exchange(True, lambda: method(*args, **kwargs))
            return await worker.exchange(False, lambda: method(*args, worker=worker, **kwargs))

        self.__dict__[name] = through
        return through


class Awaiting(Gate):
    """A reading port: waits at the store for something to read."""

    def __init__(self, worker: Worker, port: Any, what: str) -> None:
        super().__init__(worker, port)
        self._what = what

    async def take(self, limit: int, wait: timedelta) -> Any:
        handed: list[Any] = []

        async def take() -> Any:
            handed.append(await self._port.take(limit, timedelta(0)))
            return handed[0]

        try:
            found = await self._worker.exchange(True, take)
        except StoreUnavailable:
            if handed:
                self._port.unheard(_entries(handed[0]))
            raise
        if not _entries(found) and wait:
            await self._worker.world.waits(self._what, self._worker.world.look())
        return found


def _entries(found: Any) -> list[OutboxEntry] | list[AlertEntry]:
    return found[1] if isinstance(found, tuple) else found  # type: ignore[no-any-return]


class Sleeping(Gate):
    """Deadlines: `wait` ends when a nearer one is armed."""

    async def wait(self, limit: timedelta) -> None:
        await self._worker.world.waits("deadlines", limit.total_seconds() if limit < timedelta(seconds=1) else self._worker.world.nap())


class Following(Gate):
    """The rota: `wait` ends when somebody says an override."""

    async def wait(self, limit: timedelta) -> None:
        await self._worker.world.waits("rota", self._worker.world.look())


class _Pinged:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def ping(self) -> None:
        await self._worker.exchange(True, self._worker.ports.incidents.now)


class _Keeper:
    """What the sweep needs of a store."""

    def __init__(self, ports: MemoryWorker) -> None:
        self.sweep = ports.sweeper.sweep
