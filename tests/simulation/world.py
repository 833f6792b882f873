"""One run: a store in memory, workers, providers, people and tools, on one virtual clock; and the history of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import structlog

from pager.config import Loaded
from pager.decide import Rules
from pager.model.condition import Condition, Term
from pager.model.event import Entry
from pager.model.incident import Incident
from pager.model.mute import Silence
from pager.model.schedule import Override, OverrideKind
from pager.notify.plan import Providers
from pager.ports import Commit, Outcome, StoreUnavailable
from pager.report.incident import show_json
from tests.fakes.memory_store import Clock, MemoryStore
from tests.night import config_of
from tests.simulation.history import Fault, History, Seen
from tests.simulation.installation import BAD, FIRST, SECOND, SILENCED, STAND_IN
from tests.simulation.outside import People, Provider
from tests.simulation.plan import ENDS, TROUBLE_ENDS, WORKERS, Plan, Step
from tests.simulation.virtual_loop import VirtualLoop
from tests.simulation.workers import Worker

_START = datetime(2026, 6, 2, 1, 0, tzinfo=UTC)
_CARRIED = {"sms": ("twilio",), "chat": ("slack",)}
_PROVIDERS = (("twilio", "twilio"), ("backup", "twilio"), ("slack", "slack"))


@cache
def _versions() -> tuple[dict[str, Rules], Loaded]:
    """The rules of both versions, and what the loader says of the bad one."""
    configs = {"first": config_of(FIRST), "second": config_of(SECOND)}
    try:
        config_of(BAD)
    except AssertionError:
        return {name: Rules(config, Providers.of(config, _CARRIED)) for name, config in configs.items()}, Loaded(None, ())
    raise AssertionError("the bad config is good")


def run(plan: Plan) -> History:
    """What is seen of it. The same plan gives the same history."""
    logs = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        world = World(plan)
        world.loop.run(world.story())
    finally:
        structlog.configure(**logs)
    if world.loop.crashes:
        raise world.loop.crashes[0]
    return world.history


class World:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seed = plan.seed
        self.loop = VirtualLoop()
        self.history = History()
        self.rules, self.bad = _versions()
        self.clock = _StoreClock(self.loop)
        self.store = _Store(self)
        self.meter = _Meter(self)
        self.channels = {name: Provider(self, name, kind) for name, kind in _PROVIDERS}
        self.people = People(self)
        self._down_until = 0.0
        self._waiting: dict[str, list[asyncio.Future[None]]] = {"alerts": [], "outboxes": [], "deadlines": [], "rota": []}
        self._tasks: set[asyncio.Task[None]] = set()
        self.workers = [Worker(self, k) for k in range(WORKERS)]

    # --- the story --------------------------------------------------------------------------------------------------------------------
    async def story(self) -> None:
        for worker in self.workers:
            worker.start()
        for step in self.plan.steps:
            await asyncio.sleep(step.at - self.loop.time())
            self._happen(step)
        await asyncio.sleep(TROUBLE_ENDS - self.loop.time())
        for worker in self.workers:
            worker.armed.clear()
            if not worker.alive:
                worker.start()
        await asyncio.sleep(ENDS - self.loop.time())
        self._look_back()
        for worker in self.workers:
            worker.crash(None)

    def _happen(self, step: Step) -> None:
        now, worker = self.loop.time(), self.workers[step.worker]
        match step.what:
            case "alert":
                self.spawn(self._push(step))
            case "crash" | "lost" | "failed" | "pause":
                worker.arm(step)
            case "slow":
                worker.slow_until = now + step.seconds
                self.fault("slow", now, now + step.seconds + 3, worker.name)
            case "down":
                self._down_until = max(self._down_until, now + step.seconds)
                self.fault("down", now, now + step.seconds)
            case "step":
                self.clock.skew += timedelta(seconds=step.seconds)
                self.history.steps.append((now, step.seconds))
                self.fault("step", now, now + 0.1)
                self.wake("deadlines")
            case "reload" if worker.alive:
                wanted = self.bad if step.way == "bad" else Loaded(self.rules[step.way].config, ())
                worker.reload.apply(wanted)
                self.note("config", worker=worker.name, wanted=step.way, in_force=worker.variant)
            case "override":
                self.spawn(self._override(step.action))
            case "silence":
                self.spawn(self._silence(step.action))
            case "outage":
                self.channels[step.key].outages.append((now, now + step.seconds, step.way))

    # --- tools ------------------------------------------------------------------------------------------------------------------------
    async def _push(self, step: Step) -> None:
        """A tool goes on until it has a yes: by the stream from the store, over HTTP from a worker."""
        fields = {"alert": json.dumps({"action": step.action, "dedup_key": step.key, "summary": f"<{step.key}>", "severity": step.severity,
                                       "service": step.service})}  # fmt: skip
        if step.action == "garbage":
            fields = {"alert": "{"}
        for trial in range(200):
            try:
                id_ = await self._add(step, fields, self.workers[(step.worker + trial) % WORKERS] if step.way == "http" else None)
            except StoreUnavailable:
                await asyncio.sleep(1.0)
                continue
            self.note("accepted", entry=id_, key=step.key, action=step.action, service=step.service, severity=step.severity)
            return

    async def _override(self, action: str) -> None:
        """Somebody says it at a command line, until the store takes it."""
        rota, now = self.store.worker("cli").rota, self.clock.now
        said = Entry(now, 0, f"override.{action}", "ana", STAND_IN)
        while self.is_down():
            await asyncio.sleep(1.0)
        if action == "add":
            always = timedelta(days=1)  # the store's clock may be put back
            await rota.add_override(
                "night", Override(start=now - always, end=now + always, kind=OverrideKind.REPLACE, user=STAND_IN, by="ana"), said
            )
        else:
            await rota.remove_override("1", said)
        self.note("override", action=action)
        self.wake("rota")

    async def _silence(self, action: str) -> None:
        """The same for a service that is to wake nobody."""
        while self.is_down() or (action == "end" and not self.store.silences):
            await asyncio.sleep(1.0)
        rota, now, always = self.store.worker("cli").rota, self.clock.now, timedelta(days=1)
        said = Entry(now, 0, f"silence.{action}", "ana", SILENCED)
        if action == "add":
            condition = Condition(terms=(Term("service", (SILENCED,)),))
            await rota.add_silence(
                Silence(id="", condition=condition, start=now - always, end=now + always, by="ana", why="known", said_at=now), said
            )
        else:
            await rota.end_silence("1", now, said)
        self.note("silence", action=action)
        self.wake("rota")

    async def _add(self, step: Step, fields: dict[str, str], through: Worker | None) -> str:
        async def put() -> str:
            id_ = await self.workers[0].ports.alerts.add(fields)
            self.note("stored", entry=id_, key=step.key, action=step.action)
            return id_

        if through is not None:
            if not through.alive:
                raise StoreUnavailable("no answer")
            return str(await _or_unavailable(through.exchange(True, put)))
        if self.is_down():
            raise StoreUnavailable("down")
        return await put()

    # --- what is seen -----------------------------------------------------------------------------------------------------------------
    def note(self, kind: str, **facts: Any) -> None:
        self.history.seen.append(Seen(self.loop.time(), kind, facts))

    def fault(self, what: str, begins: float, ends: float, worker: str | None = None) -> None:
        self.history.faults.append(Fault(what, begins, ends, worker))
        self.note("fault", what=what, worker=worker, until=round(ends, 2))

    def _look_back(self) -> None:
        for number, incident in sorted(self.store.incidents.items()):
            snapshot = self.store.by_number(number)
            listed = [(identity, self.store.record(identity)) for identity in self.store.members.get(number, ())]
            shown = show_json(snapshot, (), listed)
            alone = [{"dedup_key": shown["dedup_key"], "state": "resolved" if shown["state"] == "resolved" else "firing"}]
            alerts = {alert["dedup_key"]: alert["state"] for alert in shown.get("members", alone)}
            armed = self.store.scores.get(number)
            self.note(
                "end",
                **{k: shown[k] for k in ("number", "state", "dedup_key", "next_deadline", "reason", "alerts")},
                armed=armed is not None,
                keys=list(alerts),
                firing=[key for key, state in alerts.items() if state == "firing"],
                fire=shown.get("firing"),
            )
            assert incident.number == number
        for letter in self.store.dead:
            self.note("dead", entry=letter.id, reason=letter.reason)
        self.note("left", alerts=len(self.store.alerts.entries), outboxes=sum(len(o.entries) for o in self.store.outboxes))

    # --- waiting ----------------------------------------------------------------------------------------------------------------------
    def spawn(self, story: Any) -> None:
        task = self.loop.create_task(story)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def waits(self, what: str, limit: float) -> None:
        future: asyncio.Future[None] = self.loop.create_future()
        self._waiting[what].append(future)
        timer = self.loop.call_later(limit, _settle, future)
        try:
            await future
        finally:
            timer.cancel()

    def wake(self, what: str) -> None:
        waiting, self._waiting[what] = self._waiting[what], []
        for future in waiting:
            _settle(future)

    def nap(self) -> float:
        """How long a sleeper may sleep that is woken for anything nearer: to the next deadline."""
        ahead = (min(self.store.scores.values(), default=float("inf")) - self.clock.ms) / 1000
        return min(max(ahead, 1.0), 20.0)

    def look(self) -> float:
        """What waits for the store may look as seldom as this: the daemon looks each second, and is woken just the same. Once all trouble
        is over, nothing comes but by a wake."""
        return 5.0 if self.loop.time() < TROUBLE_ENDS + 15 else 40.0

    def is_down(self) -> bool:
        return self.loop.time() < self._down_until


class _StoreClock(Clock):
    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.skew = timedelta(0)
        self._at = -1.0, self.skew
        self._now = _START

    @property
    def now(self) -> datetime:  # type: ignore[override]
        at = self._loop.time(), self.skew
        if at != self._at:
            self._at, self._now = at, _START + timedelta(seconds=at[0]) + self.skew
        return self._now


class _Store(MemoryStore):
    """Tells what of its changes can be seen from outside, and wakes who waits for them."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self._world = world
        for stream in self.outboxes:
            stream.added = lambda: world.wake("outboxes")
        self.alerts.added = lambda: world.wake("alerts")

    def commit(self, commit: Commit, worker: str, moved: set[int]) -> Outcome:
        before = commit.before.incident
        outcome = super().commit(commit, worker, moved)
        if outcome is Outcome.DONE and commit.after.incident is not None:
            self._tell(before, commit.after.incident, commit)
        return outcome

    def _tell(self, before: Incident | None, after: Incident, commit: Commit) -> None:
        world = self._world
        for entry in commit.entries:
            world.note("timeline", number=entry.incident, event=entry.event, who=entry.who, what=entry.what)
        if before is None or before.state is not after.state or before.severity is not after.severity:
            armed = self.scores.get(after.number)
            service = "muted" if after.state == "suppressed" else after.service
            world.note("state", number=after.number, key=after.dedup_key, state=after.state.value, service=service, armed=armed is not None)
        world.wake("deadlines")


class _Meter:
    """Faults of our own, and what break-glass did; the rest is nobody's business here."""

    def __init__(self, world: World) -> None:
        self._world = world

    def left(self, where: str, count: int = 1) -> None:
        raise AssertionError(f"{where} could not read {count}")

    def failure(self, where: str) -> None:
        self._world.note("failure", where=where)

    def repaired(self, count: int) -> None:
        self._world.note("repaired", count=count)

    def __getattr__(self, name: str) -> Callable[..., None]:
        self.__dict__[name] = nothing = lambda *_: None
        return nothing


async def _or_unavailable(exchange: Any) -> Any:
    """A worker that dies leaves its caller without an answer."""
    try:
        return await exchange
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise StoreUnavailable("no answer") from None


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
