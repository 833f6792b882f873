"""Alerts over HTTP: from the tools' own clients, from whoever follows the description, and from those who mean no good."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pagerduty import EventsApiV2Client
from pagerduty.errors import HttpError

from tests.acceptance.daemon import ANA, Daemon, code_in, eventually, pages
from tests.fakes.twilio_fake import TwilioFake
from tests.ports import free_port

CONFIG = """
settings:
  throttle: off
  data_dir: "${{PAGERD_DATA_DIR}}"
  http: {{public_url: "{public_url}"}}
  default_policy: slow
  catch_all: {{notify: ["user:ana"], every: 1h}}
providers:
  twilio: {{account_sid: "{sid}", auth_token: "{token}", from: {{"*": "+15005550006"}}, api_url: "{api}", timeout: 5s}}
channels: {{sms: {channels}}}
users: {{ana: {{name: Ana Ruiz, contact: {{sms: "{ana}"}}}}}}
policies: {{slow: {{stages: [{{notify: ["user:ana"], via: [sms], ack_timeout: 1h}}]}}}}
services: {{db: {{policy: slow}}}}
integrations:
  tool: {{kind: events-v2, key: tool-key-0123456789, service: db}}
  prometheus: {{kind: alertmanager, key: prom-key-0123456789, service: db}}
  script: {{kind: generic, key: script-key-0123456789, service: db, fields: {{summary: body.title, dedup_key: string(body.id)}}}}
"""


@pytest.fixture
async def intake(make_daemon: Callable[..., Daemon]) -> Daemon:
    return await make_daemon(config=CONFIG).start()


async def states(daemon: Daemon) -> dict[str, str]:
    return {i["summary"]: i["state"] for i in await daemon.incidents("--all")}


async def became(daemon: Daemon, summary: str, state: str) -> None:
    async def is_so() -> bool:
        return any(summary in known and found == state for known, found in (await states(daemon)).items())

    await eventually(is_so, 10, f"{summary} is not {state}\n{daemon.tail()}")


class Client(EventsApiV2Client):
    """PagerDuty's own, which takes no address but https, led to one without."""

    def __init__(self, key: str, daemon: Daemon) -> None:
        super().__init__(key, base_url="https://events.example.com")
        self._url = daemon.url


# --- the tools' own clients -----------------------------------------------------------------------------------------------------------------
async def test_pagerdutys_own_client_triggers_acknowledges_and_resolves(intake: Daemon, twilio: TwilioFake) -> None:
    client = Client("tool-key-0123456789", intake)
    key = await asyncio.to_thread(client.trigger, "disk full on db1", "db1", severity="critical", custom_details={"free": "0 B"})
    await eventually(lambda: pages(twilio, ANA), 5, intake.tail)
    assert pages(twilio, ANA)[0]["body"].startswith("#1 CRITICAL db: disk full on db1")
    assert await asyncio.to_thread(client.trigger, "disk full on db1", "db1", dedup_key=key, custom_details={"free": "1 B"}) == key
    assert await asyncio.to_thread(client.acknowledge, key) == key
    await became(intake, "disk full on db1", "acknowledged")
    assert await asyncio.to_thread(client.resolve, key) == key
    await became(intake, "disk full on db1", "resolved")
    [incident] = await intake.incidents("--all")
    assert (incident["alerts"], incident["acknowledged_by"], incident["resolved_by"]) == (1, "tool", "tool")
    assert (await intake.show(1))["details"] == {"free": "1 B"}
    await asyncio.to_thread(client.send_change_event, {"summary": "v2.1 deployed", "source": "ci"})
    stranger = Client("another-key", intake)
    with pytest.raises(HttpError) as refused:
        await asyncio.to_thread(stranger.trigger, "x", "y")
    assert refused.value.response is not None
    assert "routing_key" in refused.value.response.text


ALERTMANAGER = """
route: {receiver: pagerd, group_by: [job], group_wait: 100ms, group_interval: 500ms, repeat_interval: 1s}
receivers:
  - name: pagerd
    webhook_configs: [{url: "%s/in/alertmanager/prom-key-0123456789", send_resolved: true}]
"""


@asynccontextmanager
async def alertmanager(folder: Path, daemon: Daemon) -> AsyncIterator[str]:
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.skip("NO `prometheus-alertmanager` HERE: the real one was not tried; Debian's package of that name brings it")
    (folder / "am.yml").write_text(ALERTMANAGER % daemon.url)
    url = f"http://127.0.0.1:{free_port()}"
    words = [
        f"--config.file={folder}/am.yml",
        f"--storage.path={folder}/am",
        f"--web.listen-address={url[7:]}",
        "--cluster.listen-address=",
    ]
    with (folder / "am.log").open("wb") as log:
        process = subprocess.Popen([program, *words], stdout=log, stderr=log)
    try:
        yield url
    finally:
        process.kill()
        process.wait()


async def test_a_real_alertmanager_fires_repeats_resolves_in_part_and_resolves(intake: Daemon, twilio: TwilioFake, tmp_path: Path) -> None:
    def alert(name: str, ended: bool = False) -> dict[str, Any]:
        labels = {"alertname": name, "job": "node", "severity": "critical", "instance": "db1"}
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + (-1 if ended else 3600)))
        return {"labels": labels, "annotations": {"summary": f"{name} on db1"}, "endsAt": ends}

    async with alertmanager(tmp_path, intake) as url, aiohttp.ClientSession() as http:

        async def push(*alerts: dict[str, Any]) -> None:
            async def taken() -> bool:
                try:
                    return (await http.post(f"{url}/api/v2/alerts", json=alerts)).status == 200
                except aiohttp.ClientError:
                    return False

            await eventually(taken, 10)

        await push(alert("DiskFull"), alert("HostSlow"))
        await eventually(lambda: len(pages(twilio, ANA)) == 2, 10, intake.tail)
        assert {"DiskFull on db1", "HostSlow on db1"} == set(await states(intake))
        await eventually(lambda: intake.metric('pagerd_alerts_total{outcome="repeats"}') >= 2, 10, intake.tail)
        await push(alert("DiskFull", ended=True), alert("HostSlow"))
        await became(intake, "DiskFull", "resolved")
        assert (await states(intake))["HostSlow on db1"] == "triggered"
        await push(alert("HostSlow", ended=True))
        await became(intake, "HostSlow", "resolved")
    assert len(pages(twilio, ANA)) == 2


async def test_any_json_is_mapped_by_the_integrations_own_fields(intake: Daemon, twilio: TwilioFake) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(2):
            answer = await http.post(f"{intake.url}/in/generic/script-key-0123456789", json={"title": "backup failed", "id": 7})
            assert (answer.status, (await answer.json())["status"]) == (202, "success")
    await eventually(lambda: pages(twilio, ANA), 5, intake.tail)
    [incident] = await intake.incidents()
    assert (incident["summary"], (await intake.show(1))["details"]) == ("backup failed", {"raw": {"title": "backup failed", "id": 7}})


# --- whoever follows the description --------------------------------------------------------------------------------------------------------
async def test_no_request_that_fits_the_description_or_does_not_gets_an_answer_it_does_not_name(intake: Daemon) -> None:
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    words = [
        "run",
        f"{intake.url}/api/openapi.json",
        "--checks",
        checks,
        "--max-examples",
        "5",
        "--seed",
        "1",
        "--phases",
        "examples,coverage,fuzzing",
    ]
    words += ["--workers", "1", "--suppress-health-check", "all", "--no-color", "--generation-database", "none"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "schemathesis.cli",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=intake.folder,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode == 0, out.decode()[-6000:]
    assert intake.is_ready()


# --- those who mean no good ---------------------------------------------------------------------------------------------------------------
async def test_floods_dribbles_and_silent_crowds_hold_up_nobodys_page(intake: Daemon, twilio: TwilioFake) -> None:
    big = b'{"routing_key": "tool-key-0123456789", "payload": "' + b"x" * 10_000_000 + b'"}'
    enqueue = f"{intake.url}/v2/enqueue"
    crowd: list[asyncio.StreamWriter] = []
    before = memory(intake)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        for k in range(1000):
            _, writer = await asyncio.open_connection("127.0.0.1", intake.port)
            if k % 2:  # half of them begin a body and never end it
                writer.write(b"POST /v2/enqueue HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{")
            crowd.append(writer)

        async def flood() -> int:
            try:
                return (await http.post(enqueue, data=big)).status
            except aiohttp.ClientError:  # hung up on amid the body: that is a no, too
                return 413

        floods = [asyncio.ensure_future(flood()) for _ in range(20)]
        began = time.monotonic()
        event = {"routing_key": "tool-key-0123456789", "event_action": "trigger", "payload": {"summary": "real", "source": "db1"}}
        answer = await http.post(enqueue, json=event)
        assert answer.status == 202
        await eventually(lambda: pages(twilio, ANA), 2, intake.tail)
        assert time.monotonic() - began < 2
        assert set(await asyncio.gather(*floods)) == {413}
        assert memory(intake) - before < 150_000_000
    for writer in crowd:
        writer.close()
    assert intake.is_ready()
    # A reply still gets in.
    assert (await twilio.inbound_sms(ANA, "+15005550006", code_in(pages(twilio, ANA)[0])))["replies"] == ["acknowledged 1"]


def memory(daemon: Daemon) -> int:
    """Resident, in bytes."""
    assert daemon.process is not None
    line = next(row for row in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines() if row.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


async def test_whatever_was_answered_with_202_outlives_a_kill(intake: Daemon) -> None:
    accepted: list[str] = []

    async def sender(http: aiohttp.ClientSession, n: int) -> None:
        for k in range(10_000):
            event = {"routing_key": "tool-key-0123456789", "event_action": "trigger", "dedup_key": f"{n}-{k}"}
            try:
                answer = await http.post(f"{intake.url}/v2/enqueue", json={**event, "payload": {"summary": f"{n}-{k}", "source": "s"}})
                if answer.status == 202:
                    accepted.append(json.loads(await answer.text())["dedup_key"])
            except (aiohttp.ClientError, OSError):
                return

    async with aiohttp.ClientSession() as http:
        senders = [asyncio.ensure_future(sender(http, n)) for n in range(8)]
        await eventually(lambda: len(accepted) > 300, 20, intake.tail)
        intake.kill()
        await asyncio.gather(*senders)
    await intake.start()

    async def all_there() -> bool:
        return set(accepted) <= {i["summary"] for i in await intake.incidents("--all")}

    await eventually(all_there, 30, intake.tail)
