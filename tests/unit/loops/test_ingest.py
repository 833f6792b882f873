"""From the stream to incidents, over the store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pager.advance import Advance
from pager.decide import Rules
from pager.loops.ingest import Ingest
from pager.model.snapshot import Identity, Snapshot
from pager.notify.plan import Providers
from pager.telemetry import Metrics
from tests.fakes.memory_store import MemoryStore, MemoryWorker
from tests.night import config_of
from tests.payments import PAYMENTS

CONFIG = config_of(PAYMENTS)
RULES = Rules(CONFIG, Providers.of(CONFIG, {"sms": ("twilio",)}))


class Taken:
    """Lets another worker open an incident between load and commit, the first few times."""

    def __init__(self, incidents: Any, other: Ingest, store: MemoryStore, times: int) -> None:
        self._incidents = incidents
        self._other = other
        self._store = store
        self._left = times
        self.handed_out = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._incidents, name)

    async def by_identity(self, identities: Sequence[Identity], suffices: Any = None) -> tuple[datetime, list[Snapshot]]:
        found: tuple[datetime, list[Snapshot]] = await self._incidents.by_identity(identities, suffices)
        if self._left:
            self._left -= 1
            _push(self._store, f"other{self._left}")
            await self._other.run_once(timedelta(0))
        return found

    async def numbers(self, count: int, part: int = 0) -> list[int]:
        self.handed_out += count
        numbers: list[int] = await self._incidents.numbers(count, part)
        return numbers


def _push(store: MemoryStore, key: str) -> None:
    store.alerts.add({b"summary": b"disk", b"service": b"plain", b"dedup_key": key.encode()})


def _ingest(worker: MemoryWorker, incidents: Any = None) -> Ingest:
    return Ingest(worker.alerts, Advance(incidents or worker.incidents, lambda: RULES, b"secret", Metrics()), Metrics())


async def test_alone_incidents_take_the_numbers_that_come_next() -> None:
    store = MemoryStore()
    worker = store.worker("w0")
    counted = Taken(worker.incidents, _ingest(worker), store, times=0)
    ingest = _ingest(worker, counted)
    for key in ("a", "b"):
        _push(store, key)
        await ingest.run_once(timedelta(0))
    assert (sorted(store.incidents), counted.handed_out) == ([1, 2], 0)


async def test_where_another_took_a_number_first_one_is_handed_out() -> None:
    store = MemoryStore()
    mine, other = store.worker("w0"), store.worker("w1")
    for worker in (mine, other):
        await worker.presence.refresh()
    taken = Taken(mine.incidents, _ingest(other), store, times=1)
    ingest = _ingest(mine, taken)
    _push(store, "mine")
    await ingest.run_once(timedelta(0))
    assert {store.incidents[n].dedup_key: n for n in store.incidents} == {"other0": 1, "mine": 2}
    assert taken.handed_out == 1
    _push(store, "next")
    await ingest.run_once(timedelta(0))
    assert taken.handed_out == 2, "the other may be at it still"
