"""kill -9 at every point of the chain loses no page. The points are found by a first run, which writes down every exchange with the store and
the provider. `make kill` dies at every one of them; else it is every other one of those after something was changed out there: between two changes
it is all the same where a process dies."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import end_store
from tests.acceptance.daemon import Daemon, eventually, pages
from tests.fakes.twilio_fake import TwilioFake

DOOMED = (str(Path(__file__).with_name("doomed.py")),)
AT_ONCE = 6
EVERY_POINT = os.environ.get("PAGERD_TEST_POINTS") == "all"
CHANGES = {"block XREADGROUP", "block MULTI", "tell SET", "script claim", "script commit", "http POST"}  # at a fixed place of the chain
CHAIN = """
noise: {{storm: off}}
settings:
  throttle: off
  data_dir: "${{PAGERD_DATA_DIR}}"
  http: {{public_url: "{public_url}"}}
  default_policy: chain
  catch_all: {{notify: ["user:erik"], every: 1h}}
providers:
  twilio: {{account_sid: "{sid}", auth_token: "{token}", from: {{"*": "+15005550006"}}, api_url: "{api}", timeout: 4s}}
channels: {{sms: {channels}}}
users:
  ana: {{name: Ana, contact: {{sms: "{ana}"}}}}
  ben: {{name: Ben, contact: {{sms: "{ben}"}}}}
  erik: {{name: Erik, contact: {{sms: "{erik}"}}}}
policies:
  chain:
    stages:
      - {{notify: ["user:ana"], via: [sms], ack_timeout: 1s}}
      - {{notify: ["user:ben"], via: [sms], ack_timeout: 1h}}
services: {{db: {{policy: chain}}}}
"""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[tuple[Path, TwilioFake]]:
    async with TwilioFake() as twilio:
        yield tmp_path, twilio


def phones(k: int) -> tuple[str, str, str]:
    return f"+1415555{k:04}", f"+1415556{k:04}", f"+1415557{k:04}"


async def one_night(folder: Path, twilio: TwilioFake, k: int, **environment: str) -> Daemon:
    """Start a daemon that may die, send it an alert, and start another when it did. Both people must be paged in the end."""
    ana, ben, _ = numbers = phones(k)
    daemon = Daemon(folder / str(k), twilio, config=CHAIN, phones=numbers)
    await daemon.start(program=DOOMED, environment=environment)
    process = daemon.process
    await daemon.push(summary="disk full", service="db", dedup_key="k", severity="critical")
    try:
        await eventually(lambda: (pages(twilio, ana) and pages(twilio, ben)) or (process and process.poll() is not None), 20)
        if process and process.poll() is not None:
            await daemon.start()
        await eventually(lambda: pages(twilio, ana) and pages(twilio, ben), 20, lambda: f"a page is lost: {environment}\n{daemon.tail()}")
        # A point after the last page is passed a moment later.
        await asyncio.sleep(0.3)
        if daemon.process and daemon.process.poll() is not None:
            await daemon.start()
        incidents = await daemon.incidents("--all")
        assert [i["number"] for i in incidents if i["service"] == "db"] == [incidents[0]["number"]], incidents
        for person in (ana, ben):
            assert len(pages(twilio, person)) <= 2, f"{person} was paged {len(pages(twilio, person))} times: {environment}"
    finally:
        daemon.kill()
        end_store(daemon.folder / "data")
    return daemon


@pytest.mark.timeout(280)
async def test_kill_9_at_every_point_of_the_chain_loses_no_page(lab: tuple[Path, TwilioFake]) -> None:
    folder, twilio = lab
    trace = folder / "trace"
    await one_night(folder, twilio, 0, PAGERD_TEST_TRACE=str(trace))
    points = list(dict.fromkeys(trace.read_text().splitlines()))
    assert len(points) > 25, points
    assert any("http POST" in p for p in points)
    assert any("script commit" in p for p in points)
    if not EVERY_POINT:
        points = [p for p in points if p.startswith("after ") and p.removeprefix("after ").partition(" #")[0] in CHANGES]
    assert {p.partition(" ")[2].partition(" #")[0] for p in points} >= CHANGES, points
    if not EVERY_POINT:
        points = points[::2]
    room = asyncio.Semaphore(AT_ONCE)
    died: list[str] = []

    async def die_at(k: int, place: str) -> None:
        async with room:
            daemon = await one_night(folder, twilio, k, PAGERD_TEST_KILL=place)
            if daemon.log.read_text().count("daemon.starting") > 1:
                died.append(place)

    async with asyncio.TaskGroup() as group:
        for k, place in enumerate(points, start=1):
            group.create_task(die_at(k, place))
    print(f"{len(points)} points, {len(died)} deaths")
    twice = [k for k in range(1, len(points) + 1) for person in phones(k)[:2] if len(pages(twilio, person)) > 1]
    assert len(died) >= len(points) * 0.9, f"only {len(died)} of {len(points)} points were reached again"
    # Only a page whose answer was on its way when the process died may come twice, and a look-up finds most of those.
    assert len(twice) <= 2, [points[k - 1] for k in twice]
