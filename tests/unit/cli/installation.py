"""An installation whose store is in memory: its command line, and a daemon that works when it is told to."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from typer.testing import CliRunner, Result

from pager.advance import Advance
from pager.cli.main import app
from pager.decide import Rules
from pager.door import Door
from pager.loops.compose import Compose
from pager.loops.deliver import Deliver
from pager.loops.ingest import Ingest
from pager.model.rota import NOTHING, RotaFacts
from pager.model.settings import Settings
from pager.notify.plan import Providers
from pager.ports import StoreUnavailable
from pager.telemetry import Metrics
from tests.fakes.memory_channel import MemoryChannel
from tests.fakes.memory_store import MemoryStore
from tests.night import config_of
from tests.payments import PAYMENTS

SECRET = bytes(range(32))
PLAIN = {
    "COLUMNS": "80",
    "XDG_STATE_HOME": "/nowhere",
    "TERM": "xterm-256color",
    "PAGERD_CONFIG": None,
    "FORCE_COLOR": None,
    "NO_COLOR": None,
}


class Installation:
    """`folder` holds its config. `opened` are the folders that commands asked the store for."""

    def __init__(self, folder: Path, text: str = PAYMENTS) -> None:
        self.folder = folder
        self.configure(text)
        self.store = MemoryStore()
        self.phones = MemoryChannel("twilio", "twilio", expects_receipt=False)
        self.opened: list[Path] = []

    def configure(self, text: str) -> None:
        """Write the config, and have the daemon run on it."""
        self.write(text)
        self.config = config_of(text)
        self.rules = Rules(self.config, Providers.of(self.config, {"sms": ("twilio",)}))

    def write(self, text: str) -> None:
        """What the folder holds; it may be broken."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "pagerd.yaml").write_text(textwrap.dedent(text))

    @asynccontextmanager
    async def open_desk(self, folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Any]:
        """In place of `pager.wiring.desk.open_desk`."""
        self.opened.append(folder)
        worker = self.store.worker("cli")
        await worker.incidents.now()
        meter = Metrics()
        rules = self.rules.with_facts(await worker.rota.facts() or NOTHING)
        advance = Advance(worker.incidents, lambda: rules, SECRET, meter)
        door = Door(worker.incidents, advance, worker.refusals, lambda: rules, meter)
        facts = await worker.rota.facts() or NOTHING
        yield SimpleNamespace(
            incidents=worker.incidents, stream=worker.alerts, door=door, config=self.config, rota=worker.rota, facts=facts
        )  # fmt: skip

    async def read_facts(self, settings: Settings, environment: Mapping[str, str]) -> RotaFacts:
        """In place of `pager.wiring.facts.read_facts`."""
        return await self.store.worker("looker").rota.facts() or NOTHING

    def pagerd(self, *words: str, stdin: str | None = None, **environment: str | None) -> Result:
        """Run a command as from a shell, without a terminal."""
        words = words if "--config" in words or "PAGERD_CONFIG" in environment else ("--config", str(self.folder), *words)
        return CliRunner().invoke(app, list(words), input=stdin, env={**PLAIN, **environment}, prog_name="pagerd")

    def json(self, *words: str) -> Any:
        """The answer of a command that must end well."""
        result = self.pagerd(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def alert(self, summary: str = "disk full", **fields: Any) -> None:
        """A tool pushes an alert, and the daemon deals with it."""
        alert = {"summary": summary, "dedup_key": "k", "severity": "critical", "service": "plain", **fields}
        self.store.alerts.add({b"alert": msgspec.json.encode(alert)})
        self.work()

    def work(self) -> None:
        """The daemon reads what is in the stream and sends what is in the outboxes."""

        async def once() -> None:
            worker, meter = self.store.worker("daemon"), Metrics()
            advance = Advance(worker.incidents, lambda: self.rules, SECRET, meter)
            self.phones.now = self.store.clock.now
            await Ingest(worker.alerts, advance, meter).run_once(timedelta(0))
            compose = Compose(lambda: self.rules, advance.code)
            await Deliver(worker.outbox, advance, lambda: {"twilio": self.phones}, compose, meter).run_once()

        asyncio.run(once())


def unreachable(words: str) -> Any:
    """In place of `open_desk`: nobody is there."""

    @asynccontextmanager
    async def open_desk(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Any]:
        raise StoreUnavailable(words)
        yield

    return open_desk
