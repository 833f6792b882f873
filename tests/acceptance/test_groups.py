"""Two hundred alerts of one cluster, against the real daemon: one page, and one end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.acceptance.daemon import Daemon, eventually, pages
from tests.fakes.twilio_fake import TwilioFake

COUNT = 200
CONFIG = """
settings:
  data_dir: "${{PAGERD_DATA_DIR}}"
  http: {{public_url: "{public_url}"}}
  default_policy: slow
  catch_all: {{notify: ["user:ana"], every: 1h}}
providers:
  twilio: {{account_sid: "{sid}", auth_token: "{token}", from: {{"*": "+15005550006"}}, api_url: "{api}", timeout: 5s}}
channels: {{sms: {channels}}}
users: {{ana: {{name: Ana Ruiz, contact: {{sms: "{ana}"}}}}, ben: {{name: Ben Okafor, contact: {{sms: "{ben}"}}}}}}
policies:
  slow:
    stages:
      - {{notify: ["user:ana"], via: [sms], ack_timeout: 2s}}
      - {{notify: ["user:ben"], via: [sms], ack_timeout: 1h}}
services: {{db: {{policy: slow}}}}
noise: {{group: [{{name: per-cluster, by: [service, labels.cluster], window: 5m}}]}}
"""


async def push(daemon: Daemon, action: str, keys: range) -> None:
    lines = [
        json.dumps(
            {"action": action, "dedup_key": f"k{k}", "summary": f"node {k} is gone", "severity": "critical", "service": "db",
             "labels": {"cluster": "eu-1", "node": f"n{k}"}}
        )
        for k in keys
    ]  # fmt: skip
    await daemon.cli("send", "-", stdin="\n".join(lines))


async def test_two_hundred_alerts_of_a_cluster_are_one_page_and_one_end(make_daemon: Callable[..., Daemon], twilio: TwilioFake) -> None:
    daemon = await make_daemon(config=CONFIG).start()

    async def shown() -> dict[str, Any]:
        [incident] = await daemon.incidents("--all")
        return incident

    await push(daemon, "trigger", range(COUNT))

    async def all_in() -> bool:
        found = await daemon.incidents("--all")
        return [i["alerts"] for i in found] == [COUNT]

    await eventually(all_in, 15, daemon.tail)
    await eventually(lambda: len(pages(twilio)) >= 2, 15, daemon.tail)
    first, second = pages(twilio)
    assert f"({COUNT} alerts)" in second["body"]
    assert "All: service=db, cluster=eu-1" in second["body"]
    assert first["to"] != second["to"]
    await push(daemon, "resolve", range(COUNT - 3))

    async def three_left() -> bool:
        return bool((await shown())["firing"] == 3)

    await eventually(three_left, 15, daemon.tail)
    incident = await shown()
    assert incident["state"] == "triggered"
    assert incident["shared"] == {"service": "db", "cluster": "eu-1"}
    assert f"3 of {COUNT} alerts still fire" in await daemon.cli("list")
    members = (await daemon.show(incident["number"]))["members"]
    assert len(members) == COUNT
    assert [member["state"] for member in members[:4]] == ["firing"] * 3 + ["resolved"]
    assert f"and {COUNT - 50} more" in await daemon.cli("show", str(incident["number"]))
    await push(daemon, "resolve", range(COUNT - 3, COUNT))

    async def over() -> bool:
        return bool((await shown())["state"] == "resolved")

    await eventually(over, 15, daemon.tail)
    assert len(pages(twilio)) == 2
