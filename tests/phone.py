"""One person's phone, and a worker over the store in memory: alerts in, messages out, time as the test wants it."""

from __future__ import annotations

from datetime import datetime, timedelta

from pager.advance import Advance
from pager.decide import Rules
from pager.door import Door
from pager.loops.compose import Compose
from pager.loops.deadlines import DeadlineLoop
from pager.loops.deliver import Deliver
from pager.loops.ingest import Ingest
from pager.notify.plan import Providers
from pager.ports import Message
from pager.telemetry import Metrics
from tests.fakes.memory_channel import MemoryChannel
from tests.fakes.memory_store import Clock, MemoryStore
from tests.night import config_of

ANA = "+34600000001"
PHONE = """
settings:
  timezone: UTC
  throttle: {throttle}
  catch_all: {{notify: ["user:ana"], every: 2h}}
providers: {{twilio: {{account_sid: AC1, auth_token: t, from: "+14155550111"}}, backup: {{kind: twilio, account_sid: AC2, auth_token: t, from: "+14155550122"}}}}
channels: {{sms: [twilio, backup]}}
users: {{ana: {{name: Ana, contact: {{sms: "+34600000001"}}}}}}
policies: {{p: {{stages: [{{notify: ["user:ana"], via: [sms], ack_timeout: 1h}}]}}}}
services: {{db: {{policy: p}}, web: {{policy: p}}}}
noise: {{storm: off, maintenance: [{{name: patch night, match: {{service: db}}, from: 2026-06-01T00:00, to: 2026-06-01T02:00}}]}}
"""


class Phone:
    """Ana's, and a worker."""

    def __init__(self, throttle: str = "{per_person: 10/1m}", text: str = PHONE, at: datetime | None = None) -> None:
        """`text`: the config, with a place for `throttle`."""
        config = config_of(text.format(throttle=throttle))
        self.rules = Rules(config, Providers.of(config, {"sms": ("twilio", "backup"), "chat": ("slack",), "email": ("smtp",)}))
        self.store = MemoryStore(Clock(at) if at else None)
        self.channels = {name: MemoryChannel(name) for name in ("twilio", "backup", "slack", "email")}
        for channel in self.channels.values():
            channel.now = self.store.clock.now
        self.metrics = Metrics()
        self.start("w0")
        self._pushed = 0

    def start(self, worker: str) -> None:
        ports = self.store.worker(worker)
        self.ports = ports
        self.advance = Advance(ports.incidents, lambda: self.rules, b"secret", self.metrics)
        self.ingest = Ingest(ports.alerts, self.advance, self.metrics)
        self.deadlines = DeadlineLoop(ports.deadlines, self.advance, self.metrics)
        compose = Compose(lambda: self.rules, self.advance.code)
        self.deliver = Deliver(ports.outbox, self.advance, lambda: self.channels, compose, self.metrics, lambda: 0.0, folder=compose)
        self.door = Door(ports.incidents, self.advance, ports.refusals, lambda: self.rules, self.metrics)

    async def push(
        self, count: int = 1, severity: str = "error", service: str = "web", action: str = "trigger", first: int | None = None
    ) -> None:
        first = self._pushed if first is None else first
        for k in range(first, first + count):
            alert = {"summary": f"disk {k} is full", "dedup_key": f"k{k}", "severity": severity, "service": service, "action": action}
            self.store.alerts.add({name.encode(): value.encode() for name, value in alert.items()})
        self._pushed = max(self._pushed, first + count)
        await self.ports.presence.refresh()
        await self.ingest.run_once(timedelta(0))

    async def after(self, seconds: float) -> None:
        self.store.clock.advance(timedelta(seconds=seconds))
        for channel in self.channels.values():
            channel.now = self.store.clock.now
        await self.ports.presence.refresh()
        await self.deadlines.run_once()
        await self.deliver.run_once()

    def got(self) -> list[Message]:
        return [kept.message for channel in self.channels.values() for kept in channel.accepted if kept.message.id]

    def named(self) -> list[str]:
        """The page ids that messages speak for, in order."""
        return [page for message in self.got() for page in message.pages or (message.id,)]

    def told(self) -> list[Message]:
        """Notices, in order."""
        return [kept.message for channel in self.channels.values() for kept in channel.accepted if not kept.message.id]
