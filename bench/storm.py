"""A storm with folding on: who is told of what and when, how often each phone rings, and what it costs meanwhile."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter, defaultdict
from typing import Any

from bench.load import event, post
from bench.scenarios import Row
from bench.sink import Books
from bench.worker import STREAM, TOOL, Worker, alert, config
from pager.model.incident import Incident, State
from pager.store import codec
from pager.store.connection import connect

_PER_PERSON, _WITHIN = 10, 60.0
_NUMBER = re.compile(r"#(\d+)")
_BESIDES, _BESIDE = "besides", 20  # what is pushed meanwhile, to see how soon it is taken; so many of it may still wait
_SOON = 1000.0  # milliseconds


class _Phones(Books):
    """What each phone got, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.got: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)

    def note(self, text: str, now: float, to: str = "") -> None:
        self.count += 1
        self.got[to].append((now, text))


async def storm() -> list[Row]:
    """1 % of the alerts are critical. `noise.storm` and `settings.throttle` as they are where the config says nothing. Then a smaller one, all for
    one person."""
    return [*await _storm(50_000, 500, 10), *await _storm(10_000, 100, 1)]


async def _storm(alerts: int, services: int, people: int) -> list[Row]:
    phones = _Phones()
    port = await phones.serve()
    with Worker(port, using=_config(port, services, people)) as w:
        before, peak, backlog, cpu = sum(w.rss()), 0.0, 0, w.cpu()
        over = asyncio.Event()
        taking = asyncio.ensure_future(_taking(w, over))
        pushed = asyncio.ensure_future(_push(w, alerts, services))
        began, worked_off = time.monotonic(), 0.0
        while not worked_off or (time.monotonic() - began < 420 and (time.monotonic() - began < 20 or not await _settled(w))):
            backlog = max(backlog, waiting := int(await w.connection.call("XLEN", STREAM)))
            peak = max(peak, sum(w.rss()))
            if pushed.done() and waiting < _BESIDE and not worked_off:
                worked_off, spent = time.monotonic() - began, [b - a for a, b in zip(cpu, w.cpu(), strict=True)]
                over.set()
            await asyncio.sleep(0.25)
        took = time.monotonic() - began
        taken = await taking
        slowest = ", ".join(f"{how} {ms:.0f} ms" for how, ms in taken.items())
        of_each = " + ".join(f"{seconds * 1e6 / alerts:.0f}" for seconds in spent)
        return [
            *_rows(await _incidents(w), await pushed, phones, alerts, people),
            Row("one more taken meanwhile, at the slowest", f"{_SOON:.0f} ms", slowest, max(taken.values()) <= _SOON),
            Row("worked off; the stream's longest; all paged after", "-", f"{worked_off:.0f} s; {backlog:,}; {took:.0f} s", None),
            Row("CPU of daemon + store; their memory, per incident", "-", f"{of_each} µs; {(peak - before) * 1024 / alerts:.1f} KB", None),
        ]  # fmt: skip


async def _taking(w: Worker, over: asyncio.Event) -> dict[str, float]:
    """Push one alert over HTTP and one to the stream each 100 ms, on lines of their own; the longest that one took, in milliseconds."""
    slowest = {"HTTP": 0.0, "XADD": 0.0}
    line = connect(w.store_url)
    while not over.is_set():
        sent = await post(w.host, "/v2/enqueue", [event(_BESIDES, TOOL)], connections=1)
        slowest["HTTP"] = max(slowest["HTTP"], sent.p99 if not sent.refused else float("inf"))
        began = time.monotonic()
        await line.call("XADD", STREAM, "*", "alert", alert(_BESIDES))
        slowest["XADD"] = max(slowest["XADD"], (time.monotonic() - began) * 1000)
        await asyncio.sleep(0.1)
    return slowest


def _config(port: int, services: int, people: int) -> dict[str, Any]:
    using = config(port)
    del using["settings"]["throttle"], using["noise"]
    users = {f"p{k}": {"name": f"P{k}", "contact": {"sms": f"+1212555{3000 + k}"}} for k in range(people)}
    stage = {"via": ["sms"], "ack_timeout": "2h"}
    policies = {f"p{k}": {"stages": [{"notify": [f"user:p{k}"], **stage}]} for k in range(people)}
    return {
        **using,
        "users": {**using["users"], **users},
        "policies": {**using["policies"], **policies},
        "services": {**using["services"], **{f"s{k}": {"policy": f"p{k % people}"} for k in range(services)}},
    }


async def _push(w: Worker, alerts: int, services: int) -> dict[str, float]:
    """When each was pushed. One of a hundred of each service is critical, another one of each."""
    at: dict[str, float] = {}
    for start in range(0, alerts, 1000):
        names = [f"k{k}" for k in range(start, min(start + 1000, alerts))]
        values = [
            json.dumps({
                "summary": f"{name} is down", "dedup_key": name, "service": f"s{k % services}", "severity": "critical" if k // services % 100 == k % services % 100 else "error",
                "labels": {"cluster": f"eu-{k % 7 % 3}"},
            })
            for k, name in enumerate(names, start)
        ]  # fmt: skip
        at.update(dict.fromkeys(names, time.monotonic()))
        await w.connection.pipe([("XADD", STREAM, "*", "alert", value) for value in values])
    return at


async def _settled(w: Worker) -> bool:
    """Nobody is held back, and nothing waits for a phone."""
    counts = dict(_pairs(await w.connection.call("HGETALL", w.keys.counts)))
    waiting = sum([int(await w.connection.call("XLEN", stream)) for stream in w.keys.outboxes])
    return not waiting and int(counts.get(b"suppressed", 0)) == 0


def _pairs(flat: Any) -> list[tuple[bytes, bytes]]:
    if isinstance(flat, dict):
        return list(flat.items())
    return list(zip(flat[::2], flat[1::2], strict=True))


async def _incidents(w: Worker) -> list[Incident]:
    last = int(await w.connection.call("GET", w.keys.number))
    found: list[Incident] = []
    for start in range(1, last + 1, 1000):
        stored = await w.connection.call("MGET", *(w.keys.incident(n) for n in range(start, min(start + 1000, last + 1))))
        found += [codec.incident_of(value) for value in stored if value]
    return [incident for incident in found if incident.dedup_key != _BESIDES]


def _rows(incidents: list[Incident], pushed: dict[str, float], phones: _Phones, alerts: int, people: int) -> list[Row]:
    named: dict[int, float] = {}
    for at, text in sorted(message for got in phones.got.values() for message in got):
        for number in _NUMBER.findall(text):
            named.setdefault(int(number), at)
    critical = [incident for incident in incidents if incident.severity == "critical"]
    late = sorted(named.get(one.number, float("inf")) - pushed[one.dedup_key] for one in critical)
    busiest = max(_most_in_any(sorted(at for at, _ in got)) for got in phones.got.values())
    states = Counter(one.state for one in incidents)
    unpaged = sum(not any(page.accepted_at for page in one.pages) for one in incidents if one.state is State.TRIGGERED)
    return [
        Row(f"{len(critical)} critical of {alerts:,} for {people}: named after at most", "30 s", f"{late[-1]:.1f} s", late[-1] <= 30),
        Row("pages to one phone in any minute, at most", f"{_PER_PERSON}", f"{busiest}; {phones.count} in all", busiest <= _PER_PERSON),
        Row("accounted for", "all", f"{len(incidents):,}, {dict(states)}; not paged {unpaged}",
            len(incidents) == alerts and not unpaged and not states[State.SUPPRESSED]),
    ]  # fmt: skip


def _most_in_any(times: list[float]) -> int:
    first, most = 0, 0
    for k, at in enumerate(times):
        while times[first] <= at - _WITHIN:
            first += 1
        most = max(most, k - first + 1)
    return most
