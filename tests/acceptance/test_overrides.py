"""Who stands in for whom, said at run time to the real processes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

from tests.acceptance.daemon import ANA, BEN, CONFIG, ERIK, Daemon, eventually, pages
from tests.fakes.twilio_fake import TwilioFake

NIGHTS = (
    CONFIG.replace('{{notify: ["user:ben"], via: [sms], ack_timeout: 3s}}', '{{notify: ["schedule:night"], via: [sms], ack_timeout: 1h}}')
    + "schedules: {{night: {{timezone: UTC, layers: [{{name: all, users: [ben], every: 1w, starts: 2026-01-05T00:00}}]}}}}\n"
)


async def test_whoever_is_put_on_call_while_an_incident_escalates_is_paged_next_and_kill_9_takes_nothing_back(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake
) -> None:
    daemon = await make_daemon(config=NIGHTS).start()
    await daemon.push(summary="disk full", service="db", dedup_key="k", severity="critical")
    await eventually(lambda: pages(twilio, ANA), 5)
    said = await daemon.cli("override", "add", "night", "--for", "2h", "--user", "erik", "--why", "ben is ill", "--as", "ana")
    assert said.startswith("override 1 of night: erik instead of everyone from ")
    assert said.splitlines()[-1].split()[-3:] == ["ben", "->", "erik"]
    await eventually(lambda: pages(twilio, ERIK), 10)
    assert pages(twilio, BEN) == []
    queued = [line["what"] for line in (await daemon.show(1))["timeline"] if line["event"] == "page.queued"]
    assert queued[-1] == "erik by sms: on call in night: override 1 by ana: ben is ill"

    await daemon.cli("override", "add", "night", "--for", "2h", "--add", "ana", "--as", "ben")
    daemon.kill()
    os.kill(int((daemon.folder / "data" / "store" / "pid").read_text()), signal.SIGKILL)
    await daemon.start()
    assert [one["user"] for one in json.loads(await daemon.cli("who", "night", "--json"))["on_call"]] == ["erik", "ana"]
