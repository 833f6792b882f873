"""Workers that do a part each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.acceptance.daemon import ANA, BEN, CONFIG, Daemon, code_in, eventually, pages
from tests.acceptance.test_failover import post
from tests.fakes.twilio_fake import TwilioFake

WITH_TOOL = CONFIG + "integrations: {{tool: {{kind: events-v2, key: tool-key-0123456789, service: db}}}}\n"


async def test_workers_of_different_roles_are_one_pager(make_daemon: Callable[..., Daemon], twilio: TwilioFake) -> None:
    deliver = await make_daemon("deliver", config=WITH_TOOL).start(roles="deliver")
    make: dict[str, Any] = {"config": WITH_TOOL, "redis_url": deliver.store_url}
    intake = await make_daemon("intake", **make).start(roles="intake")
    assert await post(intake, "one") == 202
    assert await post(deliver, "two") == 404
    assert (deliver.get("/in/generic/x")[0], deliver.get("/healthz")[0], deliver.get("/metrics")[0]) == (404, 200, 200)
    await asyncio.sleep(0.5)
    assert pages(twilio) == []  # nobody works the stream off
    ingest = await make_daemon("ingest", **make).start(roles="ingest,cadence")
    await eventually(lambda: pages(twilio, ANA), 10, ingest.tail)
    await asyncio.sleep(3.5)
    assert pages(twilio, BEN) == []  # nobody watches the deadlines
    web = await make_daemon("web", **make).start(roles="web, deadlines")
    await eventually(lambda: pages(twilio, BEN), 10, web.tail)
    answer = await twilio.inbound_sms(BEN, "+15005550006", code_in(pages(twilio, BEN)[0]))
    assert "acknowledged" in answer["replies"][0].lower()
    assert [d.metric("pagerd_leader") for d in (deliver, intake, ingest, web)] == [0, 0, 1, 0]
    other = await make_daemon("other", **make).start(roles="cadence")
    assert other.metric("pagerd_leader") == 0
    await ingest.stop()
    await eventually(lambda: other.metric("pagerd_leader") == 1, 5, other.tail)


async def test_what_a_worker_left_that_has_lost_the_role_is_taken_over(make_daemon: Callable[..., Daemon], twilio: TwilioFake) -> None:
    one = await make_daemon("one").start()
    keeper = await make_daemon("keeper", redis_url=one.store_url).start(roles="web")
    twilio.fault(op="CreateMessage", hang=30, times=1)
    await one.push(summary="disk", service="quiet", severity="critical")
    await asyncio.sleep(1)  # the page is under way
    one.kill()
    assert pages(twilio) == []
    await one.start(roles="web,ingest")  # the same name, which is present, and delivers no more
    await make_daemon("two", redis_url=one.store_url).start(roles="deliver")
    await eventually(lambda: pages(twilio, ANA), 15, one.tail)
    assert keeper.is_ready()
