"""The morning comes to the real process: a zone of its own, whose clock shows nine in a few seconds, and nothing else is made up."""

from __future__ import annotations

import itertools
import os
import signal
import struct
import time
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

import pytest

from pager.store.connection import Connections
from tests.acceptance.daemon import ANA, BEN, Daemon, code_in, eventually, pages
from tests.fakes.twilio_fake import TwilioFake

DAY = 86400
EVENING = (
    ("db1", "db", "warning"),
    ("db2", "db", "warning"),
    ("db3", "db", "info"),
    ("pay", "shop", "error"),
    ("cart", "shop", "warning"),
    ("db2", "", ""),  # that is over
)
MORNING = """
noise: {{storm: off}}
settings:
  data_dir: "${{PAGERD_DATA_DIR}}"
  redis: {{url: "${{PAGERD_REDIS_URL:-embedded}}"}}
  http: {{public_url: "{public_url}"}}
  catch_all: {{notify: ["user:erik"], every: 1h}}
  ladder: {{high: [{{via: [sms]}}], low: [{{via: [sms]}}]}}
  digest: {{hours: {{from: "09:00", to: "17:00", timezone: UTC}}, high_after: 2s}}
providers:
  twilio: {{account_sid: "{sid}", auth_token: "{token}", from: {{"*": "+15005550006"}}, api_url: "{api}", timeout: 5s}}
channels: {{sms: {channels}}}
users:
  ana: {{name: Ana Ruiz, contact: {{sms: "{ana}"}}}}
  ben: {{name: Ben Okafor, contact: {{sms: "{ben}"}}}}
  erik: {{name: Erik Lund, contact: {{sms: "{erik}"}}}}
policies:
  ana: {{stages: [{{notify: ["user:ana"], ack_timeout: 1h}}]}}
  ben: {{stages: [{{notify: ["user:ben"], ack_timeout: 1h}}]}}
services:
  db: {{policy: ana}}
  shop: {{policy: ben, support_hours: {{from: "09:00", to: "17:00", timezone: UTC}}}}
"""


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[Path]:
    """A folder of time zones that this process knows as well."""
    folder = tmp_path / "zones"
    (folder / "Test").mkdir(parents=True)
    known = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(folder), *known])
    yield folder
    zoneinfo.reset_tzpath(to=known)


async def soon_nine(daemon: Daemon, zones: Path) -> int:
    """When it will be nine by the config's hours (seconds since 1970). A busy machine may need so long to read them that it is nine by then."""
    text, process = (daemon.config / "pagerd.yaml").read_text(), daemon.process
    assert process is not None
    for attempt in itertools.count(1):
        nine, zone = int(time.time() + 2.5), f"Test/Soon{attempt}"
        (zones / zone).write_bytes(tzif(nine))
        (daemon.config / "pagerd.yaml").write_text(text.replace("timezone: UTC", f"timezone: {zone}"))
        process.send_signal(signal.SIGHUP)
        await eventually(lambda count=attempt: daemon.log.read_text().count("config.in_force") == count, 10, daemon.tail)  # type: ignore[misc]
        if time.time() < nine - 0.5:
            return nine
    raise AssertionError("never")


def tzif(nine: int) -> bytes:
    """A zone (RFC 9636, version 1) that is always so far from UTC that its clocks show nine then, to the second."""
    away = (9 * 3600 - nine + DAY // 2) % DAY - DAY // 2
    return struct.pack(">4sc15x6l", b"TZif", b"\0", 0, 0, 0, 0, 1, 4) + struct.pack(">lbb4s", away, 0, 0, b"TST\0")


async def push(daemon: Daemon, *alerts: tuple[str, str, str]) -> None:
    connections = Connections(daemon.store_url)
    fields = [
        {"dedup_key": key, "summary": f"{key} is full", "service": service, "severity": severity, "action": "trigger"}
        if service
        else {"dedup_key": key, "action": "resolve"}
        for key, service, severity in alerts
    ]
    stream = connections.holding("pager:alerts")
    await stream.pipe([("XADD", "pager:alerts", "*", *chain.from_iterable(each.items())) for each in fields])
    await connections.close()


async def test_the_evening_is_quiet_and_the_morning_is_one_message_that_one_reply_answers(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake, zones: Path
) -> None:
    daemon = make_daemon(config=MORNING)
    daemon.environment["PYTHONTZPATH"] = os.pathsep.join(zoneinfo.TZPATH)
    await daemon.start()
    nine = await soon_nine(daemon, zones)
    await push(daemon, *EVENING)
    await eventually(lambda: len(pages(twilio, ANA)) >= 1 and len(pages(twilio, BEN)) >= 2, 20, daemon.tail)
    assert time.time() >= nine
    [digest] = pages(twilio, ANA)
    await twilio.inbound_sms(ANA, "+15005550006", code_in(digest))
    by_key = {incident["summary"].split()[0]: incident for incident in await daemon.incidents()}
    assert digest["body"].startswith("Digest, 2 incidents of low urgency since ")
    assert f"#{by_key['db1']['number']} WARNING db: db1 is full; #{by_key['db3']['number']} INFO db: db3 is full." in digest["body"]
    assert digest["body"].endswith(f"Reply {code_in(digest)} to acknowledge all 2")
    urgent, alone = (page["body"] for page in pages(twilio, BEN)[:2])
    assert urgent.startswith(f"#{by_key['pay']['number']} ERROR shop: pay is full.")
    assert alone.startswith("Digest, of low urgency since ")
    assert f"#{by_key['cart']['number']} WARNING shop: cart is full." in alone
    await eventually(lambda: len(pages(twilio, BEN)) >= 3, 20, daemon.tail)
    assert time.time() >= nine + 2
    assert f"#{by_key['cart']['number']} WARNING shop: cart is full. Nobody looked in time" in pages(twilio, BEN)[2]["body"]
    evening, morning = (await daemon.show(by_key["db1"]["number"]))["timeline"][:2]
    assert (evening["event"], evening["what"]) == ("incident.suppressed", "waits for the morning digest at 09:00")
    assert datetime.fromisoformat(evening["at"]).timestamp() < nine <= datetime.fromisoformat(morning["at"]).timestamp()
    after = {incident["summary"].split()[0]: (incident["state"], incident["urgency"]) for incident in await daemon.incidents()}
    assert after == {
        **dict.fromkeys(("db1", "db3"), ("acknowledged", "low")),
        "pay": ("triggered", "high"),
        "cart": ("triggered", "high"),
    }
    assert len(pages(twilio, ANA)) == 1
