"""What should not grow with the load: the cost of an alert over open incidents and routes; and who goes on when a worker dies."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from bench.scenarios import Row, until
from bench.sink import Books
from bench.worker import Worker, alert
from pager.conditions.matchers import read_matcher
from pager.model.condition import Condition
from pager.model.event import Entry
from pager.model.mute import Silence
from pager.store.rota import RedisRota

_MEASURED = 10_000


async def flat(open_incidents: int = 100_000) -> list[Row]:
    """CPU of daemon and store for an alert, few open incidents against many; and with 10 and with 1,000 routes."""
    rows = []
    async with _House() as w:
        new, repeats = await _costs(w, "few")
        for start in range(0, open_incidents, 20_000):
            await w.push([alert(f"open{start + k}") for k in range(min(20_000, open_incidents - start))])
            await w.drained(600)
        many_new, many_repeats = await _costs(w, "many")
    over = f"1k to {open_incidents // 1000}k open incidents"
    rows.append(_row(f"cost of a new incident, from {over}", new, many_new))
    rows.append(_row(f"cost of a repeat, from {over}", repeats, many_repeats))
    async with _House(routes=10) as w:
        new, repeats = await _costs(w, "ten")
    async with _House(routes=1000) as w:
        many_new, many_repeats = await _costs(w, "thousand")
    rows.append(_row("cost of a new incident, from 10 to 1,000 routes", new, many_new))
    rows.append(_row("cost of a repeat, from 10 to 1,000 routes", repeats, many_repeats))
    return rows


async def silences() -> list[Row]:
    """The same with no silence, with 10 and with 1,000 in force that match nothing; with 200 routes, too."""
    found: dict[int, tuple[float, float]] = {}
    async with _House(routes=200) as w:
        for count in (0, 10, 1000):
            await _silence(w, count - (10 if count > 10 else 0))
            found[count] = await _costs(w, f"silenced{count}-")
    return [
        _row(f"cost of a {what}, 200 routes, from 0 to {count:,} silences", found[0][k], found[count][k])
        for k, what in enumerate(("new incident", "repeat"))
        for count in (10, 1000)
    ]


async def million() -> list[Row]:
    """The same with a million open incidents: some minutes, and 2 GB."""
    return await flat(1_000_000)


async def takeover() -> list[Row]:
    """kill -9 of one of two workers with pages under way: until the other sends the next one."""
    books = Books()
    async with _House(books=books) as w, w.beside() as second:
        await w.push([alert(f"warm{k}", "loud") for k in range(200)])
        await until(lambda: len(books.arrived) >= 200, 30)
        books.hold = True
        await w.push([alert(f"c{k}", "loud") for k in range(400)])
        await w.drained()
        await asyncio.sleep(1)
        at_kill = len(books.arrived)
        w.kill()
        books.hold = False
        began = time.monotonic()
        await until(lambda: len(books.arrived) > at_kill, 30)
        next_page = time.monotonic() - began
        await until(lambda: len(books.arrived) >= 600, 60)
        assert second.process is not None
        assert second.process.poll() is None
        return [
            Row("after kill -9: the next page by the second worker", "5 s",
                f"{next_page:.1f} s; arrived {len(books.arrived)} of 600, {books.twice} twice", next_page <= 5 and len(books.arrived) == 600),
        ]  # fmt: skip


class _House:
    """A warm worker; `routes` that match nothing."""

    def __init__(self, routes: int = 0, books: Books | None = None) -> None:
        self._routes = routes
        self._books = books or Books()

    async def __aenter__(self) -> Worker:
        self._worker = Worker(await self._books.serve(), routes=self._routes)
        self._worker.__enter__()
        await self._worker.push([alert(f"first{k}") for k in range(1000)])
        await self._worker.drained()
        return self._worker

    async def __aexit__(self, *_: object) -> None:
        self._worker.__exit__()


async def _silence(w: Worker, count: int) -> None:
    """Say so many silences, and wait until they are in force."""
    rota, now = RedisRota(w.connection, w.keys), datetime.now(UTC)
    for k in range(count):
        condition = Condition(terms=(read_matcher(f"cluster=eu-{k + 100}"), read_matcher("alertname=~Cpu.*")))
        silence = Silence(id="", condition=condition, start=now, end=now + timedelta(hours=1), by="bench", said_at=now)
        await rota.add_silence(silence, Entry(now, 0, "silence.added", "bench"))
    await asyncio.sleep(3)


async def _costs(w: Worker, name: str) -> tuple[float, float]:
    """Of a new incident and of a repeat, in µs of daemon and store together."""
    costs = []
    for load in ([alert(f"{name}{k}") for k in range(_MEASURED)], [alert(f"{name}{k % 100}") for k in range(2 * _MEASURED)]):
        before = sum(w.cpu())
        await w.push(load)
        await w.drained()
        costs.append((sum(w.cpu()) - before) / len(load) * 1e6)
    return costs[0], costs[1]


def _row(what: str, few: float, many: float) -> Row:
    return Row(what, "below 1.5 x", f"{many / few:.2f} x ({few:.0f} to {many:.0f} µs)", many / few < 1.5)
