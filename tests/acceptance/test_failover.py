"""A master dies for good, and its replica takes its place."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.daemon import ANA, CONFIG, Daemon, code_in, eventually, pages
from tests.fakes.twilio_fake import TwilioFake
from tests.valkey_nodes import Watched

REPLICATED = CONFIG.replace('-embedded}}"}}', '-embedded}}", replicas: 1}}') + "integrations: {{tool: {{kind: events-v2, key: tool-key-0123456789, service: quiet}}}}\n"  # fmt: skip


async def post(daemon: Daemon, key: str, routing_key: str = "tool-key-0123456789") -> int:
    event = {"summary": f"disk {key}", "severity": "critical", "source": "test"}
    body = {"routing_key": routing_key, "event_action": "trigger", "dedup_key": key, "payload": event}

    def send() -> int:
        request = urllib.request.Request(f"{daemon.url}/v2/enqueue", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    return await asyncio.to_thread(send)


async def test_nothing_accepted_is_lost_with_the_master_and_pages_go_out(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake, tmp_path: Path
) -> None:
    watched = Watched(tmp_path / "nodes")
    try:
        await watched.start()
        daemon = await make_daemon(config=REPLICATED, redis_url=watched.url).start()
        assert "must confirm: a failover loses nothing" in daemon.get("/readyz")[1]
        doctor = await daemon.cli("doctor", expect=None)
        assert "1 replica, 1 must confirm" in doctor
        accepted: list[str] = []

        async def load() -> None:
            end = time.monotonic() + 2.5
            k = 0
            while time.monotonic() < end:
                k += 1
                if await post(daemon, f"k{k}") == 202:
                    accepted.append(f"k{k}")

        loading = [asyncio.create_task(load())]
        await asyncio.sleep(0.7)
        watched.master.kill()
        await asyncio.gather(*loading)
        assert len(accepted) > 5
        # The new master has no replica: nothing more is accepted, and what was goes on.
        await eventually(lambda: "0 replicas of the 1 that must confirm" in daemon.get("/readyz")[1], 12, daemon.tail)
        await eventually(lambda: {m["body"].split("disk ")[1].split()[0].strip(".:,") for m in pages(twilio, ANA)} >= set(accepted), 10)
        assert await post(daemon, "alone") == 503
        code = code_in(pages(twilio, ANA)[0])
        assert "NOT recorded" in (await twilio.inbound_sms(ANA, "+15005550006", code))["replies"][0]
        watched.master = await type(watched.master)(
            tmp_path / "nodes", "--appendonly", "yes", "--appendfsync", "always", "--replicaof", "127.0.0.1", str(watched.replica.port)
        ).start()
        await eventually(daemon.is_ready, 12, daemon.tail)

        async def accepts() -> bool:
            return await post(daemon, "after") == 202

        await eventually(accepts, 8)
        await eventually(lambda: any("disk after" in m["body"] for m in pages(twilio, ANA)), 5)
    finally:
        watched.end()
