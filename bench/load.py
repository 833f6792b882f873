"""A load over HTTP: bare connections that are kept open, one request under way on each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

import msgspec

from bench.worker import alert


class Sent(msgspec.Struct, frozen=True):
    """`rate` in requests a second; answer times in milliseconds; `began` on the monotonic clock."""

    began: float
    rate: float
    p50: float
    p99: float
    refused: int


async def post(host: str, path: str, bodies: Sequence[bytes], connections: int = 16, rate: float | None = None) -> Sent:
    """As fast as they are answered; or evenly, `rate` a second."""
    took: list[float] = []
    refused = 0
    left = iter(enumerate(bodies))

    async def one() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection(*host.split(":"))
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: ".encode()
        for k, body in left:
            if rate:
                await asyncio.sleep(max(0, began + k / rate - time.monotonic()))
            sent = time.monotonic()
            writer.write(head + b"%d\r\n\r\n" % len(body) + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            took.append((time.monotonic() - sent) * 1000)
            refused += not answer.startswith(b"HTTP/1.1 2")
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(one() for _ in range(connections)))
    came_to = len(bodies) / (time.monotonic() - began)
    took.sort()
    return Sent(began, came_to, took[len(took) // 2], took[int(len(took) * 0.99)], refused)


def event(key: str, routing_key: str) -> bytes:
    """As PagerDuty's Events API v2 takes it."""
    fields = json.loads(alert(key))
    payload = {name: fields[name] for name in ("summary", "source", "severity", "component", "group", "class")}
    return json.dumps(
        {
            "routing_key": routing_key,
            "event_action": "trigger",
            "dedup_key": key,
            "payload": {**payload, "custom_details": fields["details"]},
        }
    ).encode()


def webhook(keys: Sequence[str], **labels: str) -> bytes:
    """As Alertmanager posts a group."""
    alerts = [
        {"status": "firing", "labels": _labels(key, labels), "annotations": {"summary": f"<{key}> disk almost full"}, "startsAt": "2026-03-01T00:00:00Z",
         "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus.example.com/graph", "fingerprint": key}
        for key in keys
    ]  # fmt: skip
    group = {"version": "4", "status": "firing", "groupKey": "{}", "receiver": "pagerd", "truncatedAlerts": 0, "alerts": alerts}
    return json.dumps(group).encode()


def posted(keys: Sequence[str], **labels: str) -> bytes:
    """As Prometheus posts the same alerts to Alertmanager."""
    return json.dumps([{"labels": _labels(key, labels), "annotations": {"summary": f"<{key}> disk almost full"}} for key in keys]).encode()


def _labels(key: str, more: dict[str, str]) -> dict[str, str]:
    return {**json.loads(alert(key))["labels"], "severity": "critical", "key": key, **more}
