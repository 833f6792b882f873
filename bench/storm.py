"""A storm with folding on: who is told of what and when, how often each phone rings, and what it costs meanwhile."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter, defaultdict
from typing import Any

from bench.scenarios import Row
from bench.sink import Books
from bench.worker import STREAM, Worker, config
from pager.model.incident import Incident, State
from pager.store import codec

_PER_PERSON, _WITHIN = 10, 60.0
_NUMBER = re.compile(r"#(\d+)")


class _Phones(Books):
    """What each phone got, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.got: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)

    def note(self, text: str, now: float, to: str = "") -> None:
        self.count += 1
        self.got[to].append((now, text))


async def storm(alerts: int = 50_000, services: int = 500, people: int = 10) -> list[Row]:
    """1 % of the alerts are critical. `noise.storm` and `settings.throttle` as they are where the config says nothing."""
    phones = _Phones()
    port = await phones.serve()
    with Worker(port, using=_config(port, services, people)) as w:
        before, peak, backlog = sum(w.rss()), 0.0, 0
        pushed = asyncio.ensure_future(_push(w, alerts, services))
        began = time.monotonic()
        worked_off, slowest = 0.0, 0.0
        while True:
            asked = time.monotonic()
            backlog = max(backlog, waiting := int(await w.connection.call("XLEN", STREAM)))
            slowest = max(slowest, time.monotonic() - asked)
            peak = max(peak, sum(w.rss()))
            if pushed.done() and not waiting and not worked_off:
                worked_off = time.monotonic() - began
            if worked_off and (time.monotonic() - began > 420 or (time.monotonic() - began > 20 and await _settled(w))):
                break
            await asyncio.sleep(0.25)
        took = time.monotonic() - began
        incidents = await _incidents(w, alerts)
        return [
            *_rows(incidents, await pushed, phones, alerts),
            Row("worked off; the stream's longest; all paged after", "-", f"{worked_off:.0f} s; {backlog:,}; {took:.0f} s", None),
            Row("slowest XLEN meanwhile; daemon + store, per incident", "-", f"{slowest * 1000:.0f} ms; {(peak - before) * 1024 / alerts:.1f} KB", None),
        ]  # fmt: skip


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
    """When each was pushed."""
    at: dict[str, float] = {}
    for start in range(0, alerts, 1000):
        names = [f"k{k}" for k in range(start, min(start + 1000, alerts))]
        values = [
            json.dumps({
                "summary": f"{name} is down", "dedup_key": name, "service": f"s{k % services}", "severity": "critical" if k % 100 == 0 else "error",
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


async def _incidents(w: Worker, alerts: int) -> list[Incident]:
    last = int(await w.connection.call("GET", w.keys.number))
    found: list[Incident] = []
    for start in range(1, last + 1, 1000):
        stored = await w.connection.call("MGET", *(w.keys.incident(n) for n in range(start, min(start + 1000, last + 1))))
        found += [codec.incident_of(value) for value in stored if value]
    return found


def _rows(incidents: list[Incident], pushed: dict[str, float], phones: _Phones, alerts: int) -> list[Row]:
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
        Row(f"{len(critical)} critical of {alerts:,}: each named after at most", "30 s", f"{late[-1]:.1f} s", late[-1] <= 30),
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
