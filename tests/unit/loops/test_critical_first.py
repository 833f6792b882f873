"""Behind a backlog: what is critical is paged before its turn, and order does not matter."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.advance import Advance
from pager.decide import Rules
from pager.loops.ingest import Ingest
from pager.model.incident import State
from pager.notify.plan import Providers
from pager.telemetry import Metrics
from tests.fakes.memory_store import MemoryStore
from tests.night import config_of

BACKLOG = """
settings: {timezone: UTC, catch_all: {notify: ["user:ana"], every: 2h}, throttle: off}
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: [twilio]}
users: {ana: {name: Ana, contact: {sms: "+34600000001"}}}
policies: {p: {stages: [{notify: ["user:ana"], via: [sms], ack_timeout: 3h}]}}
services: {db: {policy: p}}
noise: {storm: off}
routes: [{name: core, match: {component: core}, severity: critical}]
"""
RULES = Rules(config_of(BACKLOG), Providers.of(config_of(BACKLOG), {"sms": ("twilio",)}))


class Backlog:
    """A worker that takes two alerts at a time, and so reads eight ahead."""

    def __init__(self, batch: int = 2, patience: timedelta = timedelta(0)) -> None:
        self.store = MemoryStore()
        self.ports = self.store.worker("w0")
        self.advance = Advance(self.ports.incidents, lambda: RULES, b"secret", Metrics())
        self.ingest = Ingest(self.ports.alerts, self.advance, Metrics(), batch, patience)

    def push(self, key: str, severity: str = "error", action: str = "trigger", **more: str) -> None:
        alert = {"summary": f"{key} is down", "dedup_key": key, "severity": severity, "service": "db", "action": action, **more}
        self.store.alerts.add({name.encode(): value.encode() for name, value in alert.items()})

    async def step(self) -> int:
        return await self.ingest.run_once(timedelta(0))

    async def work_off(self) -> None:
        while await self.step():
            pass

    def known(self) -> dict[str, str]:
        return {one.dedup_key: str(one.state) for one in self.store.incidents.values()}


async def test_what_is_critical_passes_by_what_came_before_it() -> None:
    night = Backlog()
    for k in range(7):
        night.push(f"k{k}")
    night.push("worse", severity="critical")
    night.push("routed", component="core")
    await night.step()
    assert list(night.known()) == ["worse", "routed", "k0", "k1"]
    await night.work_off()
    assert len(night.known()) == 9
    assert not night.store.alerts.entries


async def test_what_came_behind_it_of_the_same_alert_counts_as_well() -> None:
    night = Backlog()
    for k in range(4):
        night.push(f"k{k}")
    night.push("worse", severity="critical")
    night.push("worse", action="resolve")
    await night.step()
    assert night.known()["worse"] == "resolved"
    assert not [page for one in night.store.incidents.values() if one.severity == "critical" for page in one.pages if page.state.is_live]
    await night.work_off()
    assert len(night.known()) == 5


async def test_it_stays_where_it_was_until_its_turn() -> None:
    night = Backlog()
    for k in range(4):
        night.push(f"k{k}")
    night.push("worse", severity="critical")
    await night.step()
    assert len(night.store.alerts.entries) == 3
    again = Backlog()
    again.store, again.ports = night.store, night.store.worker("w1")
    again.advance = Advance(again.ports.incidents, lambda: RULES, b"secret", Metrics())
    again.ingest = Ingest(again.ports.alerts, again.advance, Metrics(), 2, timedelta(0))
    await again.work_off()
    assert sum(one.dedup_key == "worse" for one in night.store.incidents.values()) == 1
    assert not night.store.alerts.entries


@pytest.mark.parametrize("night", [Backlog(batch=256), Backlog(patience=timedelta(seconds=4))], ids=["few", "just come"])
async def test_without_a_backlog_nothing_is_read_ahead(night: Backlog) -> None:
    asked: list[int] = []

    async def ahead(limit: int) -> list[object]:
        asked.append(limit)
        return []

    night.ports.alerts.ahead = ahead  # type: ignore[assignment]
    for key in "abcde":
        night.push(key, severity="critical")
    await night.work_off()
    assert asked == []


async def test_where_most_are_critical_each_waits_for_its_turn() -> None:
    night = Backlog()
    for k in range(8):
        night.push(f"k{k}", severity="critical")
    await night.step()
    assert list(night.known()) == ["k0", "k1"]


_STEPS = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from(("error", "critical", "warning")), st.sampled_from(("trigger", "trigger", "resolve"))
    ),
    max_size=24,
)


@settings(max_examples=60, deadline=None)
@given(_STEPS, st.integers(1, 3))
def test_what_is_open_in_the_end_is_what_was_said_last(steps: list[tuple[str, str, str]], batch: int) -> None:
    night = Backlog(batch)
    for key, severity, action in steps:
        night.push(key, severity, action)
    asyncio.run(night.work_off())
    last = {key: action for key, _, action in steps}
    fires = [one.dedup_key for one in night.store.incidents.values() if one.state is not State.RESOLVED]
    assert sorted(fires) == sorted(key for key, action in last.items() if action == "trigger")
