"""Two workers over one store, through the real loops, with crashes at any exchange with the store, providers that fail, and time that passes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pager.advance import Advance
from pager.decide import Rules
from pager.door import Door
from pager.loops.compose import Compose
from pager.loops.deadlines import DeadlineLoop
from pager.loops.deliver import Deliver
from pager.loops.ingest import Ingest
from pager.model.event import Fault, Reply, ReplyAction
from pager.model.incident import State
from pager.notify.plan import Providers
from pager.ports import GiveUp, Message, SendResult, StoreUnavailable, TryAgain
from tests.fakes.memory_channel import MemoryChannel
from tests.fakes.memory_store import Clock, MemoryStore
from tests.night import config_of
from tests.payments import PAYMENTS

RULES = Rules(config_of(PAYMENTS), Providers.of(config_of(PAYMENTS), {"sms": ("twilio",)}))
NOW = timedelta(0)


class NoMeter:
    """Counts faults of our own; the rest is nobody's business here."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def left(self, where: str, count: int = 1) -> None:
        raise AssertionError(f"{where} could not read {count}")

    def failure(self, where: str) -> None:
        self.faults.append(where)

    def __getattr__(self, _: str) -> Any:
        return lambda *args: None


class Breaking:
    """A store whose n-th exchange from now on does not come back: done, or not done."""

    def __init__(self, store: MemoryStore) -> None:
        self.left: int | None = None
        reach = store.reach

        def counted() -> None:
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise StoreUnavailable("crash")
            reach()

        store.reach = counted  # type: ignore[method-assign]


class Watched(MemoryChannel):
    """Promise 3: what stands in the store at the moment of a send wants it."""

    store: MemoryStore

    async def send(self, message: Message) -> SendResult:
        if message.id:
            number, seq = map(int, message.id.split("-"))
            incident = self.store.incidents[number]
            assert incident.state is State.TRIGGERED, f"page {message.id} was sent while {incident.state}"
            assert incident.page(seq) is not None
        return await super().send(message)


class Workers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(datetime(2026, 6, 2, 1, 0, tzinfo=UTC))
        self.store = MemoryStore(self.clock)
        self.breaking = Breaking(self.store)
        self.meter = NoMeter()
        self.channels = {name: Watched(name, "twilio", expects_receipt=False) for name in ("twilio", "backup")}
        for channel in self.channels.values():
            channel.store = self.store
            channel.now = self.clock.now
        self.pushed: set[str] = set()
        self.crashes = 0
        self.runner = asyncio.Runner()
        self.workers = [self.make(k) for k in range(2)]

    def make(self, k: int) -> dict[str, Any]:
        ports = self.store.worker(f"w{k}")
        advance = Advance(ports.incidents, lambda: RULES, b"secret", self.meter)
        return {
            "ports": ports,
            "ingest": Ingest(ports.alerts, advance, self.meter),
            "deadlines": DeadlineLoop(ports.deadlines, advance, self.meter),
            "deliver": Deliver(ports.outbox, advance, lambda: self.channels, Compose(lambda: RULES, advance.code), self.meter),
            "door": Door(ports.incidents, advance, ports.refusals, lambda: RULES, self.meter),
        }

    def run(self, k: int, coroutine: Any) -> Any:
        """A worker's step. If the store breaks under it, the worker is gone and another starts under its name."""
        try:
            return self.runner.run(asyncio.wait_for(coroutine, 5))
        except (StoreUnavailable, TimeoutError):
            self.breaking.left = None
            self.crashes += 1
            self.workers[k] = self.make(k)
            return None
        finally:
            self.breaking.left = None

    def step(self, k: int, what: str) -> None:
        self.runner.run(self.workers[k]["ports"].presence.refresh())
        match what:
            case "ingest":
                self.run(k, self.workers[k]["ingest"].run_once(NOW))
            case "deadlines":
                self.run(k, self.workers[k]["deadlines"].run_once())
            case "deliver":
                self.run(k, self.workers[k]["deliver"].run_once())

    # --- what happens -----------------------------------------------------------------------------------------------------------------
    @rule(key=st.sampled_from("abc"), action=st.sampled_from(["trigger", "trigger", "resolve", "acknowledge"]),
          severity=st.sampled_from(["critical", "error", "warning"]))  # fmt: skip
    def push(self, key: str, action: str, severity: str) -> None:
        alert = {"summary": "s", "dedup_key": key, "action": action, "severity": severity, "service": "plain"}
        self.store.alerts.add({b"alert": json.dumps(alert).encode()})
        if action == "trigger":
            self.pushed.add(key)

    @rule(raw=st.binary(max_size=20))
    def push_garbage(self, raw: bytes) -> None:
        self.store.alerts.add({b"alert": raw})

    @rule(k=st.integers(0, 1), what=st.sampled_from(["ingest", "deadlines", "deliver"]))
    def step_goes_well(self, k: int, what: str) -> None:
        self.step(k, what)

    @rule(k=st.integers(0, 1), what=st.sampled_from(["ingest", "deadlines"]), after=st.integers(0, 8))
    def worker_dies_in_a_step(self, k: int, what: str, after: int) -> None:
        self.breaking.left = after
        self.runner.run(self._alive(k))
        self.step(k, what)

    async def _alive(self, k: int) -> None:
        """The step's own presence does not count among its exchanges."""
        assert self.breaking.left is not None
        self.breaking.left += 1

    @rule(k=st.integers(0, 1))
    def worker_restarts(self, k: int) -> None:
        self.workers[k] = self.make(k)

    @rule(span=st.sampled_from([timedelta(seconds=1), timedelta(seconds=4), timedelta(minutes=5), timedelta(hours=1)]))
    def time_passes(self, span: timedelta) -> None:
        self.clock.advance(span)
        for channel in self.channels.values():
            channel.now = self.clock.now

    @rule(
        k=st.integers(0, 1), action=st.sampled_from(list(ReplyAction)), number=st.integers(1, 3), by=st.sampled_from(["ana", "ben", "cli"])
    )
    def somebody_replies(self, k: int, action: ReplyAction, number: int, by: str) -> None:
        reply = Reply(action=action, by=by, via="cli", duration=timedelta(minutes=30), target="user:erik", text="x")
        self.run(k, self.workers[k]["door"].reply(number, reply))

    @rule(name=st.sampled_from(["twilio", "backup"]), result=st.sampled_from([
        TryAgain(timedelta(seconds=1), "429"), GiveUp("20003", Fault.PROVIDER), GiveUp("21211", Fault.ADDRESS)]))  # fmt: skip
    def provider_says_no(self, name: str, result: SendResult) -> None:
        self.channels[name].answer("*", result)

    # --- what must hold ---------------------------------------------------------------------------------------------------------------
    @invariant()
    def whoever_is_open_is_among_the_deadlines(self) -> None:
        for number, incident in self.store.incidents.items():
            assert (number in self.store.scores) == incident.is_open

    @invariant()
    def no_fault_of_our_own(self) -> None:
        assert self.meter.faults == []

    @invariant()
    def an_identity_has_one_open_incident(self) -> None:
        keys = Counter(i.dedup_key for i in self.store.incidents.values() if i.is_open)
        assert all(count == 1 for count in keys.values()), keys

    def teardown(self) -> None:
        """The storm is over: everything is worked off, and whoever should have been paged has been."""
        try:
            for channel in self.channels.values():
                channel._next.clear()
            for _ in range(12):
                self.clock.advance(timedelta(seconds=4))
                for k in range(2):
                    for what in ("ingest", "deadlines", "deliver"):
                        self.step(k, what)
            self.the_end()
        finally:
            self.runner.close()

    def the_end(self) -> None:
        assert not self.store.alerts.entries, "the stream is not worked off"
        assert {i.dedup_key for i in self.store.incidents.values()} >= self.pushed, "an alert is lost"
        taken = [m for c in self.channels.values() for m in c.accepted]
        told = {m.message.id.split("-")[0] for m in taken if m.message.id}
        for number, incident in self.store.incidents.items():
            if incident.state is State.TRIGGERED:
                assert str(number) in told, f"nobody was paged for {incident}"
        twice = Counter(m.message.id for m in taken if m.message.id)
        assert all(count == 1 for count in twice.values()) or self.crashes, twice


Workers.TestCase.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
TestWorkers = Workers.TestCase
