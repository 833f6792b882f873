"""Five thousand alerts at once, to the real process: no phone rings more often than it may, and nothing critical is missed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import Any

from pager.store.connection import Connections
from tests.acceptance.daemon import ANA, BEN, Daemon, code_in, eventually, pages
from tests.fakes.twilio_fake import TwilioFake

ALERTS, SERVICES, MOST, WITHIN = 2000, 50, 10, 6.0
STORM = """
settings:
  data_dir: "${{PAGERD_DATA_DIR}}"
  redis: {{url: "${{PAGERD_REDIS_URL:-embedded}}"}}
  http: {{public_url: "{public_url}"}}
  default_policy: ana
  throttle: {{per_person: 10/6s}}
  catch_all: {{notify: ["user:ana"], every: 1h}}
providers:
  twilio: {{account_sid: "{sid}", auth_token: "{token}", from: {{"*": "+15005550006"}}, api_url: "{api}", timeout: 5s}}
channels: {{sms: {channels}}}
users:
  ana: {{name: Ana Ruiz, contact: {{sms: "{ana}"}}}}
  ben: {{name: Ben Okafor, contact: {{sms: "{ben}"}}}}
  erik: {{name: Erik Lund, contact: {{sms: "{erik}"}}}}
policies:
  ana: {{stages: [{{notify: ["user:ana"], via: [sms], ack_timeout: 1h}}]}}
  ben: {{stages: [{{notify: ["user:ben"], via: [sms], ack_timeout: 1h}}]}}
noise: {{storm: {{pages: 20, within: 8s, per: service}}}}
services:
""" + "".join(f"  s{k}: {{{{policy: {'ana' if k % 2 else 'ben'}}}}}\n" for k in range(SERVICES))


def _alert(k: int) -> tuple[str, ...]:
    fields = {
        "summary": f"k{k} is down",
        "dedup_key": f"k{k}",
        "service": f"s{k % SERVICES}",
        "severity": "error" if k % 100 else "critical",
    }
    return tuple(chain.from_iterable(fields.items()))


async def test_a_storm_is_told_in_few_pages_and_everything_critical_is_named(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake
) -> None:
    daemon = await make_daemon(config=STORM).start()
    connections = Connections(daemon.store_url)
    store = connections.holding("pager:alerts")
    for start in range(0, ALERTS, 1000):
        await store.pipe([("XADD", "pager:alerts", "*", *_alert(k)) for k in range(start, start + 1000)])
    await eventually(lambda: _paged(daemon) >= ALERTS, 60, daemon.tail)
    await connections.close()
    incidents = await daemon.incidents()
    assert len(incidents) == ALERTS
    assert {incident["state"] for incident in incidents} == {"triggered"}
    named = {int(number) for page in pages(twilio) for number in re.findall(r"#(\d+)", page["body"])}
    assert {incident["number"] for incident in incidents if incident["severity"] == "critical"} <= named
    assert any("STORM, one page for all" in page["body"] for page in pages(twilio))
    for phone in (ANA, BEN):
        times = sorted(_at(page) for page in pages(twilio, phone))
        assert all((last - first).total_seconds() >= WITHIN - 1 for first, last in zip(times, times[MOST:], strict=False)), times
    last = pages(twilio, ANA)[-1]
    spoken_for = int(last["body"].rsplit(" ", 1)[1])
    await twilio.inbound_sms(ANA, "+15005550006", code_in(last))
    await eventually(lambda: daemon.metric('pagerd_incidents{state="acknowledged"}') >= spoken_for, 20, daemon.tail)


def _paged(daemon: Daemon) -> float:
    return daemon.metric('pagerd_pages_total{channel="sms",result="accepted"}')


def _at(page: dict[str, Any]) -> datetime:
    return parsedate_to_datetime(page["date_created"])
