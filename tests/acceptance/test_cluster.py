"""Three shards on a cluster, of which one master dies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.daemon import ANA, CONFIG, Daemon, code_in, eventually, pages
from tests.acceptance.test_failover import post
from tests.fakes.twilio_fake import TwilioFake
from tests.valkey_nodes import Clustered

TOOLS = [f"tool{k}" for k in range(5)]
SHARDED = CONFIG.replace('-embedded}}"}}', '-embedded}}", shards: 3}}') + "integrations:\n" + "".join(
    f"  {tool}: {{{{kind: events-v2, key: {tool}-key-0123456789, service: quiet}}}}\n" for tool in TOOLS
)  # fmt: skip


async def test_alerts_of_all_shards_are_paged_before_and_after_a_master_dies(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake, tmp_path: Path
) -> None:
    cluster = Clustered(tmp_path / "nodes")
    try:
        await cluster.start()
        daemon = await make_daemon(config=SHARDED, redis_url=cluster.url).start()
        await daemon.push(summary="disk pushed", service="quiet", severity="critical")
        for tool in TOOLS:
            assert await post(daemon, f"before-{tool}", f"{tool}-key-0123456789") == 202

        def paged(when: str) -> int:
            return len({m["body"].split("disk ")[1].split()[0] for m in pages(twilio, ANA) if f"disk {when}" in m["body"]})

        await eventually(lambda: paged("before") == len(TOOLS) and paged("pushed"), 10, daemon.tail)
        numbers = [incident["number"] for incident in await daemon.incidents()]
        assert {(number - 1) % 3 for number in numbers} == {0, 1, 2}, "the tools should lie in all shards"
        (await cluster.holder("pager:{p1}:number")).kill()
        accepted = [tool for tool in TOOLS if await post(daemon, f"during-{tool}", f"{tool}-key-0123456789") == 202]
        for tool in TOOLS:

            async def accepts(tool: str = tool) -> bool:
                return await post(daemon, f"after-{tool}", f"{tool}-key-0123456789") == 202

            await eventually(accepts, 20, daemon.tail)
        await eventually(daemon.is_ready, 20, daemon.tail)
        await eventually(lambda: paged("after") == len(TOOLS) and paged("during") >= len(accepted), 10, daemon.tail)
        for message in pages(twilio, ANA):
            if "disk before" in message["body"]:
                assert "acknowledged" in (await twilio.inbound_sms(ANA, "+15005550006", code_in(message)))["replies"][0].lower()
        states = {i["dedup_key"]: i["state"] for i in json.loads(await daemon.cli("list", "--json"))}
        assert all(states[f"before-{tool}"] == "acknowledged" for tool in TOOLS)
        await daemon.stop()
        file = daemon.config / "pagerd.yaml"
        file.write_text(file.read_text().replace("shards: 3", "shards: 2"))
        assert "begun with 3" in await daemon.cli("list", expect=3)
        assert "begun with 3" in await daemon.cli("run", "--listen", f"127.0.0.1:{daemon.port}", expect=1)
    finally:
        cluster.end()
