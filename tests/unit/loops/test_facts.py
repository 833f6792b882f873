"""What is said at run time is in force within a second, and stays so while the store is away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pager.advance import Advance
from pager.loops.compose import Compose
from pager.loops.deliver import Deliver
from pager.loops.facts import FollowFacts
from pager.loops.ingest import Ingest
from pager.model.config import Config
from pager.model.event import Entry
from pager.model.schedule import Override, OverrideKind
from pager.ports import StoreUnavailable
from pager.telemetry import Metrics
from pager.wiring.vendors import Current
from tests.fakes.memory_channel import MemoryChannel
from tests.fakes.memory_store import MemoryStore
from tests.night import START, config_of

CONFIG = """
settings: {demo: true}
users: {ana: {name: Ana, contact: {sms: "+12125550001"}}, ben: {name: Ben, contact: {sms: "+12125550002"}}}
schedules: {primary: {layers: [{name: all, users: [ana], every: 1w, starts: 2026-01-05T00:00}]}}
"""
HOUR = timedelta(hours=1)
ANA, BEN = "+12125550001", "+12125550002"
SAID = Entry(START, 0, "override.added", "ben")


class Worker:
    def __init__(self, store: MemoryStore, config: Config) -> None:
        self.rota = store.worker("w1").rota
        self.current = Current(config)
        self.follow = FollowFacts(self.rota, self.current.put_facts, lambda: self.current.config)

    def who(self, at: datetime = START) -> list[str]:
        return [on.user for on in self.current.rules.rota.who("primary", at)]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as found:
        yield found


def instead(user: str) -> Override:
    return Override(start=START, end=START + HOUR, kind=OverrideKind.REPLACE, user=user, by="ben")


async def test_an_override_is_in_force_at_the_next_look_and_a_reload_keeps_it(store: MemoryStore) -> None:
    worker = Worker(store, config_of(CONFIG))
    assert worker.who() == ["ana"]
    kept = await worker.rota.add_override("primary", instead("ben"), SAID)
    assert await worker.follow.run_once()
    assert not await worker.follow.run_once()
    assert (worker.who(), worker.who(START + HOUR)) == (["ben"], ["ana"])
    worker.current.replace(config_of(CONFIG + "teams: {ops: {members: [ana]}}"))
    assert worker.who() == ["ben"]
    await worker.rota.remove_override(kept.id, SAID)
    assert await worker.follow.run_once()
    assert worker.who() == ["ana"]


async def test_without_the_store_what_was_read_last_stays_in_force(store: MemoryStore) -> None:
    worker = Worker(store, config_of(CONFIG))
    await worker.rota.add_override("primary", instead("ben"), SAID)
    await worker.follow.run_once()
    store.down = True
    with pytest.raises(StoreUnavailable):
        await worker.follow.run_once()
    assert worker.who() == ["ben"]


async def test_who_left_the_config_is_put_on_call_by_nothing_and_that_is_said_once(store: MemoryStore, logs: list[Any]) -> None:
    worker = Worker(store, config_of(CONFIG))
    await worker.rota.add_override("primary", instead("cyd"), SAID)
    await worker.rota.add_override("gone", instead("ben"), SAID)
    for _ in range(2):
        await worker.follow.run_once()
    assert worker.who() == ["ana"]
    assert [entry["why"] for entry in logs if entry["event"] == "override.left_out"] == [
        "override 1 of primary: cyd is not in the config",
        "override 2: schedule gone is not in the config",
    ]


async def test_who_was_paged_often_enough_in_their_night_is_passed_over(store: MemoryStore) -> None:
    text = (
        CONFIG.replace("users: [ana]", "users: [ana, ben]")
        + """
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: twilio}
policies: {p: {stages: [{notify: ["schedule:primary"], via: [sms], ack_timeout: 5m}]}}
services: {db: {policy: p}}
"""
    )
    worker = Worker(store, config_of(text.replace("demo: true", "demo: true, limits: {pages_per_night: 2}")))
    store.clock.now = START  # at night in UTC
    ports, meter, phone = store.worker("w1"), Metrics(), MemoryChannel("twilio", expects_receipt=False)
    advance = Advance(ports.incidents, lambda: worker.current.rules, b"secret", meter)
    compose = Compose(lambda: worker.current.rules, advance.code)
    ingest, deliver = Ingest(ports.alerts, advance, meter), Deliver(ports.outbox, advance, lambda: {"twilio": phone}, compose, meter)
    paged = []
    for k in range(3):
        await ports.alerts.add({"summary": "disk full", "service": "db", "severity": "critical", "dedup_key": str(k)})
        await ingest.run_once(timedelta(0))
        await deliver.run_once()
        paged.append(phone.accepted[-1].message.address)
        await worker.follow.run_once()
    assert paged == [BEN, BEN, ANA]
    assert store.night_pages == {"ben": (START, START), "ana": (START,)}
