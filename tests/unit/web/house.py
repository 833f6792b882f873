"""The HTTP room on a store in memory, called in process, at the wire of ASGI: so a test says which bytes come, when, and whether the rest does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.types import ASGIApp, Message

from pager.advance import Advance
from pager.decide import Rules
from pager.door import Door
from pager.intake.stream import read_entry
from pager.loops.ingest import Ingest
from pager.model.alert import Alert
from pager.model.config import Config
from pager.notify.plan import Providers
from pager.ports import StoreUnavailable
from pager.telemetry import Metrics
from pager.web.app import Doors, People, Readiness, make_app
from tests.fakes.memory_store import MemoryStore
from tests.night import config_of
from tests.payments import PAYMENTS

PD, PROM, HOOK, MAPPED = "0123456789abcdef0123456789abcdef", "prom-key-1", "hook-key-1", "mapped-key-1"
CONFIG = f"""{PAYMENTS}
integrations:
  pd: {{kind: events-v2, key: {PD}, service: plain}}
  prom: {{kind: alertmanager, key: {PROM}, service: plain}}
  hook: {{kind: generic, key: {HOOK}, service: plain}}
  mapped: {{kind: generic, key: {MAPPED}, service: plain, fields: {{summary: body.title, dedup_key: body.id}}}}
"""
NOW = timedelta(0)


# --- calling --------------------------------------------------------------------------------------------------------------------------
class Answered(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


async def call(
    app: ASGIApp, method: str, path: str, *chunks: bytes, headers: Mapping[str, str] | None = None, rest: str = "none"
) -> Answered:
    """What is answered to a body that comes in these chunks. `rest`: there is `none`; the client is `gone`, or silent (`stuck`), in the middle
    of the body. The length is declared where there is one chunk and no other word in `headers`."""
    given = {"content-type": "application/json", **({"content-length": str(len(chunks[0]))} if len(chunks) == 1 else {}), **(headers or {})}
    coming: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if rest == "none":
        coming.append({"type": "http.request", "body": b"", "more_body": False})
    if rest == "gone":
        coming.append({"type": "http.disconnect"})
    sent: list[Message] = []

    async def receive() -> Message:
        if not coming:
            await asyncio.Event().wait()
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": unquote(path),
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "server": ("127.0.0.1", 8080), "client": ("127.0.0.1", 1),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], answered, b"".join(message.get("body", b"") for message in sent))


class _Closed:
    """A door that a test has no use for."""

    def __getattr__(self, name: str) -> Any:
        async def closed(*_: object) -> None:
            raise AssertionError(f"{name} was called")

        return closed


def served(**doors: Any) -> ASGIApp:
    """The application with these of its doors."""
    people = People(**{name: doors.get(name, _Closed()) for name in People.__struct_fields__})
    made = Doors(doors.get("intake", _Closed()), people)
    return make_app(readiness=lambda: Readiness((), ""), metrics=lambda: b"", doors=made)


# --- what the classes take ------------------------------------------------------------------------------------------------------------
class Stream:
    """Keeps what is added. `down`: it can't be reached; `gate`: it takes until that is open."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.sizes: list[int] = []
        self.calls = 0
        self.given_up = 0
        self.down = False
        self.gate: asyncio.Event | None = None

    async def add(self, entries: Sequence[Mapping[str, str]]) -> None:
        self.calls += 1
        await self._reach()
        for entry in entries:
            alert = read_entry({name.encode(): value.encode() for name, value in entry.items()})
            assert isinstance(alert, Alert), alert
            self.alerts.append(alert)
            self.sizes.append(sum(map(len, entry.values())))

    async def _reach(self) -> None:
        if self.down:
            raise StoreUnavailable("gone")
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.given_up += 1
                raise


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warning(self, event: str, **more: object) -> None:
        self.said.append(f"{event} {more}")

    exception = warning


class House:
    """One worker on a store in memory. Incident 1 is open once there was an alert."""

    def __init__(self, config: Config | None = None) -> None:
        self.rules = self.rules_of(config or config_of(CONFIG))
        self.store = MemoryStore()
        self.ports = self.store.worker("w0")
        self.metrics = Metrics()
        self.advance = Advance(self.ports.incidents, lambda: self.rules, b"secret", self.metrics)
        self.ingest = Ingest(self.ports.alerts, self.advance, self.metrics)
        self.door = Door(self.ports.incidents, self.advance, self.ports.refusals, lambda: self.rules, self.metrics)

    @staticmethod
    def rules_of(config: Config) -> Rules:
        return Rules(config, Providers.of(config, {"sms": ("twilio",)}))

    async def work(self) -> None:
        """Take what is in the stream."""
        await self.ports.presence.refresh()
        while self.store.alerts.entries:
            await self.ingest.run_once(NOW)

    async def alert(self, **fields: str) -> None:
        alert = {"summary": "disk full", "service": "plain", "severity": "critical", "dedup_key": "k", **fields}
        self.store.alerts.add({name.encode(): value.encode() for name, value in alert.items()})
        await self.work()

    def counted(self, line: str) -> bool:
        """Whether the metrics have this line."""
        return f"{line}\n" in self.metrics.text().decode()
