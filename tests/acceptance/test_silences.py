"""A silence said at night to the real processes: quiet at once, over at once, and kill -9 takes nothing back."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable

from tests.acceptance.daemon import ANA, Daemon, eventually, pages
from tests.fakes.twilio_fake import TwilioFake

GRACE = 30.0


async def test_what_is_silenced_wakes_nobody_and_what_still_fires_when_it_is_taken_back_pages_in_time(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake
) -> None:
    daemon = await make_daemon().start()
    said = await daemon.cli("silence", "add", "cluster=eu-1", "alertname=~Disk.*", "--for", "2h", "--why", "new disks", "--as", "ana")
    assert said.startswith("silence 1: cluster=eu-1 alertname=~Disk.* from ")
    daemon.kill()
    os.kill(int((daemon.folder / "data" / "store" / "pid").read_text()), signal.SIGKILL)
    await daemon.start()

    fields = {"summary": "disk full", "service": "db", "severity": "critical", "cluster": "eu-1", "alertname": "DiskFull"}
    await daemon.push(**fields, dedup_key="quiet")
    await daemon.push(**{**fields, "cluster": "us-1"}, dedup_key="loud")
    await eventually(lambda: len(pages(twilio, ANA)) >= 1, 10)
    muted, loud = await daemon.incidents()
    assert (muted["state"], loud["state"]) == ("suppressed", "triggered")
    assert muted["reason"].startswith("silenced by ana until ")
    [listed] = json.loads(await daemon.cli("silence", "list", "--json"))
    assert (listed["id"], listed["by"], listed["why"], listed["muting"], listed["muted"]) == ("1", "ana", "new disks", 1, 1)
    assert 'pagerd_muted_total{kind="silence",rule=""} 1.0' in daemon.get("/metrics")[1]
    await daemon.cli("ack", str(loud["number"]), "--as", "ana")

    before, ended = len(pages(twilio, ANA)), time.monotonic()
    assert "#1 critical db: disk full (suppressed; nobody was paged)" in await daemon.cli("silence", "remove", "1", "--as", "ben")
    await eventually(lambda: len(pages(twilio, ANA)) > before, GRACE)
    assert time.monotonic() - ended < GRACE
    events = [line["event"] for line in (await daemon.show(muted["number"]))["timeline"]]
    assert events[:2] == ["incident.suppressed", "incident.unmuted"]
    [rule] = json.loads(await daemon.cli("noise", "report", "--json"))["rules"]
    assert (rule["kind"], rule["rule"], rule["muted"], rule["paged_later"]) == ("silence", "1", 1, 1)
