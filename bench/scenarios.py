"""What is measured. Each scenario gives rows: what, the target that must be met, and what came out."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

import msgspec

from bench.alertmanager import Alertmanager, program
from bench.load import event, post, posted, webhook
from bench.sink import Books
from bench.worker import PAGING, PROMETHEUS, TOOL, Worker, alert


class Row(msgspec.Struct, frozen=True):
    what: str
    must: str
    came_out: str
    met: bool | None = None  # None: no target


async def stream() -> list[Row]:
    """New incidents and repeats, from the stream until it is worked off."""
    books = Books()
    port = await books.serve()
    with Worker(port) as w:
        rows = []
        new = [alert(f"n{k}") for k in range(20_000)]
        repeats = [alert(f"n{k % 100}") for k in range(40_000)]
        for what, load, rate_must, cpu_must in (("new incidents", new, 4000, 180), ("repeats", repeats, 12_000, 60)):
            await w.push(load[:1000])
            await w.drained()
            before, began = w.cpu(), time.monotonic()
            await w.push(load[1000:])
            await w.drained()
            took, after = time.monotonic() - began, w.cpu()
            count = len(load) - 1000
            daemon, store = ((b - a) * 1e6 / count for a, b in zip(before, after, strict=True))
            rate, cpu = count / took, daemon + store
            rows.append(Row(f"{what}/s from the stream", f"{rate_must:,}", f"{rate:,.0f}", rate >= rate_must))
            rows.append(
                Row(
                    f"{what}: CPU ms per 1,000",
                    str(cpu_must),
                    f"{cpu:.0f} (Python {daemon:.0f} µs, store {store:.0f} µs each)",
                    cpu <= cpu_must,
                )
            )
        return rows


async def http() -> list[Row]:
    """One alert a request, all loops on: until the answer, and until the stream is worked off. Each connection waits for its answer: on a slower
    disk it takes more of them to keep the daemon busy."""
    connections = 64 if Worker.slow_fsync else 16
    books = Books()
    port = await books.serve()
    rows = []
    with Worker(port) as w:
        enqueue = ("/v2/enqueue", lambda key: event(key, TOOL))
        hook = _one_by_one()
        loads = [
            ("new, Events v2", *enqueue, "e{}"), ("repeats, Events v2", *enqueue, "e0"),
            ("new, Alertmanager", *hook, "a{}"), ("repeats, Alertmanager", *hook, "a0"),
        ]  # fmt: skip
        for what, path, body, key in loads:
            await post(w.host, path, [body(key.format(f"warm{k}")) for k in range(500)])
            await w.drained()
            bodies = [body(key.format(k)) for k in range(8000)]
            before = w.cpu()
            sent = await post(w.host, path, bodies, connections)
            await w.drained()
            daemon, store = ((b - a) * 1e6 / len(bodies) for a, b in zip(before, w.cpu(), strict=True))
            came_out = (
                f"{sent.rate:,.0f}; answered in {sent.p50:.1f} / {sent.p99:.1f} ms, Python {daemon:.0f} µs, store {store:.0f} µs each"
            )
            rows.append(
                Row(f"accepted/s over {connections} connections ({what})", "2,500", came_out, sent.rate >= 2500 and not sent.refused)
            )
    return rows


async def versus() -> list[Row]:
    """The same alerts to Alertmanager and to us, in turns: how many a second are accepted, what they cost, how soon they are told."""
    found = program()
    if found is None:
        return [Row("side by side with Alertmanager", "", "NO ALERTMANAGER HERE: Debian's package is prometheus-alertmanager")]
    books = Books()
    port = await books.serve()
    rows = []
    with Worker(port) as w, Alertmanager(found, port) as am:
        for size, count in ((1, 4000), (64, 20_000)):
            for what, key in (("new", f"{size}-{{}}"), ("repeats", f"{size}-0")):
                groups = [[key.format(k + n) for n in range(size)] for k in range(0, count, size)]
                before = am.cpu()
                theirs = await post(am.host, "/api/v2/alerts", [posted(group) for group in groups])
                their_cpu = (am.cpu() - before) / count * 1e6
                ours_before = sum(w.cpu())
                ours = await post(w.host, _one_by_one()[0], [webhook(group) for group in groups])
                await w.drained()
                cpu = (sum(w.cpu()) - ours_before) / count * 1e6
                came_out = f"{ours.rate * size:,.0f} at {cpu:.0f} ms, on disk; Alertmanager {theirs.rate * size:,.0f} at {their_cpu:.0f} ms, in memory"
                rows.append(Row(f"accepted/s and CPU per 1,000 ({what}, {size} a request)", "", came_out))
        keys = [[f"{side}{k}" for k in range(200)] for side in ("am", "us")]
        told = await _told(books, am.host, "/api/v2/alerts", keys[0], [posted([key], paging="yes") for key in keys[0]])
        paged = await _told(books, w.host, f"/in/alertmanager/{PAGING}", keys[1], [webhook([key], paging="yes") for key in keys[1]])
        rows.append(Row("from POST to the receiver's socket at 20/s, p50 / p99", "", f"{paged}; Alertmanager {told}"))
    return rows


async def _told(books: Books, host: str, path: str, keys: list[str], bodies: list[bytes]) -> str:
    rate = 20
    sent = await post(host, path, bodies, rate=rate)
    await until(lambda: all(key in books.arrived for key in keys), 20)
    late = sorted((books.arrived[key] - sent.began - k / rate) * 1000 for k, key in enumerate(keys) if key in books.arrived)
    lost = len(keys) - len(late)
    return f"{late[len(late) // 2]:.1f} / {late[int(len(late) * 0.99) - 1]:.1f} ms, lost {lost}" if late else "none arrived"


def _one_by_one() -> tuple[str, Callable[[str], bytes]]:
    return f"/in/alertmanager/{PROMETHEUS}", lambda key: webhook([key])


async def memory() -> list[Row]:
    """Daemon and store, per open incident."""
    books = Books()
    port = await books.serve()
    with Worker(port) as w:
        await w.push([alert(f"warm{k}") for k in range(500)])
        await w.drained()
        before = w.rss()
        count = 20_000
        await w.push([alert(f"n{k}") for k in range(count)])
        await w.drained()
        await asyncio.sleep(2)
        daemon, store = ((b - a) * 1024 / count for a, b in zip(before, w.rss(), strict=True))
        row = Row(
            "memory per open incident", "2.5 KB", f"{daemon + store:.1f} KB (daemon {daemon:.1f}, store {store:.1f})", daemon + store <= 2.5
        )
        return [row]


async def deadlines() -> list[Row]:
    """A million armed, a thousand a second due."""
    books = Books()
    port = await books.serve()
    with Worker(port) as w:
        far = int((time.time() + 30 * 86400) * 1000)
        for start in range(0, 1_000_000, 50_000):
            flat = [x for k in range(start, start + 50_000) for x in (far + k, 10_000_000 + k)]
            await w.connection.call("ZADD", w.keys.deadlines, *flat)
        for second in range(20):  # each comes due 20 s later
            began = time.monotonic()
            await w.push([alert(f"m{second}-{k}", "muted") for k in range(1000)])
            await asyncio.sleep(max(0, 1 - (time.monotonic() - began)))
        before, cpu = _buckets(w), w.cpu()
        await asyncio.sleep(15)
        after, cpu_after = _buckets(w), w.cpu()
        fired = {le: after[le] - before.get(le, 0) for le in after}
        total = max(fired.values())
        p50, p99 = (_quantile(fired, total, q) for q in (0.5, 0.99))
        busy = sum(b - a for a, b in zip(cpu, cpu_after, strict=True)) / total * 1e6
        return [
            Row("deadlines: lateness p99, 1M armed, 1,000/s due", "50 ms", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms; {total / 15:.0f}/s, {busy:.0f} µs each",
                p99 <= 50),
        ]  # fmt: skip


async def latency() -> list[Row]:
    """From the acceptance of an alert, which is the answer to its XADD, to the provider's socket; at an even rate."""
    books = Books()
    port = await books.serve()
    rows = []
    with Worker(port) as w:
        await w.push([alert(f"warm{k}", "loud") for k in range(50)])
        await asyncio.sleep(1.5)
        for rate, seconds, must in ((20, 20, (10, 30)), (500, 10, (15, 60))):
            due: dict[str, float] = {}
            accepted: dict[str, float] = {}

            async def push(key: str, accepted: dict[str, float] = accepted) -> None:
                await w.push([alert(key, "loud")])
                accepted[key] = time.monotonic()

            before, began = w.cpu(), time.monotonic()
            async with asyncio.TaskGroup() as group:
                for k in range(rate * seconds):
                    at = began + k / rate
                    await asyncio.sleep(max(0, at - time.monotonic()))
                    due[f"r{rate}-{k}"] = at
                    group.create_task(push(f"r{rate}-{k}"))
            await until(lambda due=due: all(key in books.arrived for key in due), 30)  # type: ignore[misc]
            cpu = sum(b - a for a, b in zip(before, w.cpu(), strict=True)) / len(due) * 1e3
            p50, p99 = _since(accepted, books)
            lost = sum(key not in books.arrived for key in due)
            rows.append(
                Row(f"acceptance to the provider's socket at {rate}/s, p50 / p99", f"{must[0]} / {must[1]} ms",
                    "{:.1f} / {:.1f} ms (from XADD {:.1f} / {:.1f}); lost {}, twice {}, {:.2f} ms CPU each".format(
                        p50, p99, *_since(due, books), lost, books.twice, cpu), p50 <= must[0] and p99 <= must[1] and not lost)
            )  # fmt: skip
    return rows


async def burst() -> list[Row]:
    """5,000 incidents at once."""
    books = Books()
    port = await books.serve()
    with Worker(port) as w:
        await w.push([alert(f"warm{k}", "loud") for k in range(50)])
        await asyncio.sleep(1.5)
        began = time.monotonic()
        await w.push([alert(f"b{k}", "loud") for k in range(5000)])
        await until(lambda: len(books.arrived) >= 5050, 60)
        took = max(books.arrived.values()) - began
        missing = 5050 - len(books.arrived)
        return [
            Row(
                "5,000 at once: the last one delivered",
                "5 s",
                f"{took:.1f} s; lost {missing}, twice {books.twice}",
                took <= 5 and not missing,
            )
        ]


async def crash() -> list[Row]:
    """kill -9 with 2,000 pages pending: a provider that does not answer holds them back."""
    books = Books()
    port = await books.serve()
    with Worker(port) as w:
        books.hold = True
        await w.push([alert(f"c{k}", "loud") for k in range(2000)])
        await w.drained()
        await asyncio.sleep(1)
        at_kill = len(books.arrived)
        w.kill()
        books.hold = False
        began = time.monotonic()
        first = w.start()
        await until(lambda: len(books.arrived) > at_kill, 30)
        next_page = time.monotonic() - began
        await until(lambda: len(books.arrived) >= 2000, 60)
        return [
            Row("kill -9 with 2,000 pending: arrived", "2,000", f"{len(books.arrived):,}; {at_kill} in flight at the kill, {books.twice} twice",
                len(books.arrived) == 2000 and books.twice <= at_kill),
            Row("after kill -9 and a restart: the next page", "3 s", f"{next_page:.1f} s (ready after {first:.1f} s)", next_page <= 3),
        ]  # fmt: skip


async def idle() -> list[Row]:
    """Start, and what it costs to wait."""
    books = Books()
    port = await books.serve()
    with Worker(port) as w:
        await asyncio.sleep(2)
        before = w.cpu()
        await asyncio.sleep(10)
        share = [(b - a) * 10 for a, b in zip(before, w.cpu(), strict=True)]
        daemon, store = w.rss()
        return [
            Row("start to ready", "1.5 s", f"{w.ready_after:.2f} s", w.ready_after <= 1.5),
            Row("idle RSS of the daemon", "120 MB", f"{daemon:.0f} MB (store {store:.0f})", daemon <= 120),
            Row("idle CPU", "2%", f"{sum(share):.1f}% (daemon {share[0]:.1f}, store {share[1]:.1f})", sum(share) <= 2),
        ]


def _since(moments: dict[str, float], books: Books) -> tuple[float, float]:
    """Milliseconds from then to the arrival, p50 and p99."""
    late = sorted((books.arrived[key] - at) * 1000 for key, at in moments.items() if key in books.arrived)
    return statistics.median(late), late[int(len(late) * 0.99) - 1]


async def until(is_so: Callable[[], bool], limit: float) -> None:
    end = time.monotonic() + limit
    while not is_so() and time.monotonic() < end:
        await asyncio.sleep(0.01)


def _buckets(w: Worker) -> dict[float, float]:
    name = "pagerd_deadline_lateness_seconds_bucket"
    return {
        float(line.split('le="')[1].split('"')[0]): float(line.rsplit(" ", 1)[1]) for line in w.get("/metrics").splitlines() if line.startswith(name)
    }  # fmt: skip


def _quantile(cumulative: dict[float, float], total: float, q: float) -> float:
    """Milliseconds, by a straight line inside the bucket."""
    low, below = 0.0, 0.0
    for le, count in sorted(cumulative.items()):
        if count >= q * total:
            inside = (q * total - below) / (count - below) if count > below else 1
            return (low + (le - low) * inside) * 1000 if le != float("inf") else low * 1000
        low, below = le, count
    return float("inf")
