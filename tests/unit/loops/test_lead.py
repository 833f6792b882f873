"""Jobs of the leader run on one worker, and on another once that is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pager.loops.lead import LEASE, Lead
from pager.ports import NotLeader, StoreUnavailable
from tests.fakes.memory_store import MemoryStore


class Gauge:
    def __init__(self) -> None:
        self.said: list[bool] = []

    def leads(self, it_does: bool) -> None:
        self.said.append(it_does)


async def test_a_job_runs_where_its_worker_leads() -> None:
    store, ran = MemoryStore(), list[str]()
    gauges = {name: Gauge() for name in ("a", "b")}
    leads = {name: Lead(store.worker(name).leader, gauge) for name, gauge in gauges.items()}

    async def round_of_all() -> list[str]:
        ran.clear()
        for name, lead in leads.items():

            async def job(token: int, name: str = name) -> None:
                ran.append(name)

            await lead.renew()
            await lead.only(job)()
        return list(ran)

    assert await round_of_all() == ["a"]
    store.clock.advance(LEASE - timedelta(milliseconds=1))
    assert await round_of_all() == ["a"]
    await leads["a"].resign()
    del leads["a"]
    assert await round_of_all() == ["b"]
    assert gauges["b"].said == [False, False, True]


async def test_nobody_leads_without_a_store_and_a_refused_job_is_left() -> None:
    store, gauge = MemoryStore(), Gauge()
    lead = Lead(store.worker("a").leader, gauge)
    await lead.renew()

    async def refused(token: int) -> None:
        raise NotLeader("another was here")

    await lead.only(refused)()
    store.down = True
    with pytest.raises(StoreUnavailable):
        await lead.renew()

    async def never(token: int) -> None:
        raise AssertionError("it does not lead")

    await lead.only(never)()
    await lead.resign()
    assert gauge.said == [True, False]


async def test_a_job_that_falls_on_the_renewal_of_the_lease_runs_all_the_same() -> None:
    store, ran = MemoryStore(), list[int]()
    leader = store.worker("a").leader
    lead = Lead(leader, Gauge())
    await lead.renew()

    async def job(token: int) -> None:
        ran.append(token)

    class Slow:
        async def lead(self, lease: timedelta) -> int | None:
            await lead.only(job)()
            return await leader.lead(lease)

        async def resign(self) -> None: ...

    lead._leader = Slow()
    await lead.renew()
    assert len(ran) == 1
