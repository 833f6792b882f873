"""Several workers on one store, stores that die and come back, and config that changes under way."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pager.ports import StoreUnavailable
from pager.store.embedded import start as start_store
from tests.acceptance.daemon import ANA, BEN, Daemon, eventually, pages, texts
from tests.fakes.twilio_fake import TwilioFake


async def test_two_workers_page_nobody_twice_and_one_that_dies_costs_no_page(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake
) -> None:
    first = await make_daemon("a").start()
    second = await make_daemon("b", redis_url=first.store_url).start()
    for k in range(40):
        await first.push(summary=f"disk {k}", service="quiet", dedup_key=f"k{k}", severity="critical")
        if k == 20:
            second.kill()
    await eventually(lambda: len({m["body"].split(" ")[0] for m in pages(twilio, ANA)}) == 40, 15)
    by_incident = Counter(m["body"].split(" ")[0] for m in pages(twilio, ANA))
    assert len(by_incident) == 40
    # Only what was in flight at the kill might come twice, and a look-up finds most of that.
    assert sum(by_incident.values()) <= 41, "somebody was paged twice"


async def test_the_store_killed_under_load_comes_back_and_nothing_accepted_is_lost(daemon: Daemon, twilio: TwilioFake) -> None:
    accepted: list[str] = []

    async def load() -> None:
        for k in range(120):
            try:
                await daemon.push(summary=f"disk {k}", service="quiet", dedup_key=f"k{k}")
                accepted.append(f"k{k}")
            except StoreUnavailable:
                await asyncio.sleep(0.05)

    async def kill_it() -> None:
        for _ in range(3):
            await asyncio.sleep(0.3)
            with suppress(ProcessLookupError):  # it is just being started again
                os.kill(int((daemon.folder / "data" / "store" / "pid").read_text()), signal.SIGKILL)

    async with asyncio.TaskGroup() as group:
        group.create_task(load())
        group.create_task(kill_it())
    assert len(accepted) > 10
    await eventually(daemon.is_ready, 15, daemon.tail)

    async def all_there() -> bool:
        try:
            return {i["dedup_key"] for i in await daemon.incidents()} >= set(accepted)
        except StoreUnavailable:  # the last kill may come after the first look
            return False

    await eventually(all_there, 15, lambda: f"lost: {len(accepted)} accepted\n{daemon.tail()}")
    await eventually(lambda: len(pages(twilio, ANA)) >= len(accepted), 20)


async def test_a_store_that_is_gone_breaks_the_glass(make_daemon: Callable[..., Daemon], twilio: TwilioFake, tmp_path: Path) -> None:
    store = start_store(tmp_path / "elsewhere")
    daemon = await make_daemon(redis_url=f"unix://{store.socket_path}").start()
    store.stop()
    await eventually(lambda: texts(twilio, "+14155550199"), 15, daemon.tail)
    assert "NOT being paged" in texts(twilio, "+14155550199")[0]["body"]
    assert daemon.get("/readyz")[0] == 503
    assert daemon.get("/healthz")[0] == 200
    answer = await twilio.inbound_sms(ANA, "+15005550006", "7K3M")
    assert "NOT recorded" in answer["replies"][0]
    again = start_store(tmp_path / "elsewhere")
    try:
        await eventually(daemon.is_ready, 15, daemon.tail)
        await eventually(lambda: any("is back" in m["body"] for m in texts(twilio, "+14155550199")), 10)
        await daemon.push(summary="after", service="quiet")
        await eventually(lambda: pages(twilio, ANA), 10, daemon.tail)
    finally:
        daemon.kill()
        again.stop()


async def test_a_bad_config_never_replaces_a_good_one_and_a_good_one_comes_into_force(daemon: Daemon, twilio: TwilioFake) -> None:
    file = daemon.config / "pagerd.yaml"
    good = file.read_text()
    file.write_text(good.replace("ack_timeout: 1h", "ack_timeout: soon"))
    await eventually(lambda: "config.refused" in daemon.log.read_text(), 10)
    assert "pagerd.yaml:" in daemon.tail()
    assert daemon.metric("pagerd_config_last_reload_successful") == 0
    await daemon.push(summary="x", service="quiet")
    await eventually(lambda: pages(twilio, ANA), 5)
    file.write_text(good.replace('slow:\n    stages:\n      - {notify: ["user:ana"]', 'slow:\n    stages:\n      - {notify: ["user:ben"]'))
    await eventually(lambda: "config.in_force" in daemon.log.read_text(), 10)
    await daemon.push(summary="y", service="quiet", dedup_key="y")
    await eventually(lambda: pages(twilio, BEN), 5)


async def test_a_restart_goes_on_where_it_was(make_daemon: Callable[..., Daemon], twilio: TwilioFake) -> None:
    daemon = await make_daemon().start()
    await daemon.push(summary="x", service="db", severity="critical")
    await eventually(lambda: pages(twilio, ANA), 5)
    assert await daemon.stop(signal.SIGINT) == 0
    await asyncio.sleep(4)  # the stage times out while nobody is there
    assert pages(twilio, BEN) == []
    await daemon.start()
    await eventually(lambda: pages(twilio, BEN), 5, daemon.tail)
    assert "late by" in pages(twilio, BEN)[0]["body"]


async def test_ctrl_c_ends_the_daemon_and_its_store(make_daemon: Callable[..., Daemon]) -> None:
    daemon = await make_daemon().start()
    pid = int((daemon.folder / "data" / "store" / "pid").read_text())
    assert await daemon.stop(signal.SIGINT) == 0
    assert not _runs(pid)


async def test_commands_say_when_the_store_is_not_there(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon()
    assert "pagerd run" in await daemon.cli("list", expect=3)
    assert "pagerd run" in await daemon.cli("ack", "1", expect=3)


async def test_unknown_things_are_named(daemon: Daemon) -> None:
    assert "there is no incident 99" in await daemon.cli("ack", "99", expect=1)
    assert "nobody" in await daemon.cli("ack", "1", "--as", "nobody", expect=2)
    assert "there is no incident 99" in await daemon.cli("show", "99", expect=1)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
