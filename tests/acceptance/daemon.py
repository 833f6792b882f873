"""The real process, on a real Valkey of its own, against the wire fakes of the vendors."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from pager.cli.looking import Wanted
from pager.cli.looking import _read as read_incidents
from pager.report.incident import MOST_MEMBERS, incident_json, show_json
from pager.store.connection import Connections
from pager.store.embedded import running
from pager.wiring.desk import Desk, open_desk
from tests.fakes.twilio_fake import TwilioFake
from tests.leaks import KNOWN, LOGS, know, leaks, secrets_of
from tests.ports import free_port

ANA, BEN, ERIK = "+14155550100", "+14155550101", "+14155550102"
T = TypeVar("T")
CODE = re.compile(r"Reply (\w+) to acknowledge")


CONFIG = """
noise: {{storm: off}}
settings:
  throttle: off
  data_dir: "${{PAGERD_DATA_DIR}}"
  redis: {{url: "${{PAGERD_REDIS_URL:-embedded}}"}}
  http: {{public_url: "{public_url}"}}
  default_policy: chain
  catch_all: {{notify: ["user:erik"], every: 5s}}
  ladder: {{high: [{{after: 0s, via: [sms]}}], low: [{{after: 0s, via: [sms]}}]}}
  break_glass: {{sms: ["+14155550199"], after: 3s, every: 1m}}
providers:
  twilio: {{account_sid: "{sid}", auth_token: "{token}", from: {{"*": "+15005550006"}}, api_url: "{api}", timeout: 2s}}
  backup: {{kind: twilio, account_sid: "{sid}", auth_token: "{token}", from: {{"*": "+15005550010"}}, api_url: "{api}", timeout: 2s}}
channels: {{sms: {channels}}}
users:
  ana: {{name: Ana Ruiz, contact: {{sms: "{ana}"}}}}
  ben: {{name: Ben Okafor, contact: {{sms: "{ben}"}}}}
  erik: {{name: Erik Lund, contact: {{sms: "{erik}"}}}}
teams: {{sre: {{members: [ana, ben], lead: erik}}}}
policies:
  chain:
    stages:
      - {{notify: ["user:ana"], via: [sms], ack_timeout: 3s}}
      - {{notify: ["user:ben"], via: [sms], ack_timeout: 3s}}
  slow:
    stages:
      - {{notify: ["user:ana"], via: [sms], ack_timeout: 1h}}
services:
  db: {{team: sre, policy: chain}}
  quiet: {{team: sre, policy: slow}}
routes:
  - {{name: staging, match: {{env: staging}}, suppress: "staging never pages"}}
"""

SEVERAL = """
noise: {{storm: off}}
settings:
  throttle: off
  data_dir: "${{PAGERD_DATA_DIR}}"
  redis: {{url: "${{PAGERD_REDIS_URL:-embedded}}"}}
  http: {{public_url: "{public_url}", link_keys: [summer-0123456789]}}
  default_policy: chain
  catch_all: {{notify: ["user:erik"], every: 5s}}
  ladder: {{high: [{{after: 0s, via: [chat]}}, {{after: 1s, via: [sms]}}], low: [{{after: 0s, via: [chat]}}]}}
providers:
  twilio: {{account_sid: "{sid}", auth_token: "{token}", from: {{"*": "+15005550006"}}, api_url: "{api}", timeout: 2s}}
  slack: {{bot_token: "{bot}", app_token: "{app}", signing_secret: "{signing}", api_url: "{slack}", timeout: 2s}}
  email: {{smtp: "{smtp}", from: "On call <pagerd@example.com>", timeout: 2s}}
channels: {{sms: {channels}, chat: slack, email: email}}
users:
  ana: {{name: Ana Ruiz, contact: {{sms: "{ana}", chat: "slack:U0ALICE", email: ana@example.com}}}}
  ben: {{name: Ben Okafor, contact: {{sms: "{ben}", chat: "slack:U0BOB", email: ben@example.com}}}}
  erik: {{name: Erik Lund, contact: {{sms: "{erik}"}}}}
teams: {{sre: {{members: [ana, ben], lead: erik, chat: "#ops"}}}}
policies:
  chain:
    stages:
      - {{notify: ["user:ana"], ack_timeout: 3s}}
      - {{notify: ["user:ben"], via: [sms], ack_timeout: 1h}}
  chat: {{stages: [{{notify: ["user:ana"], via: [chat], ack_timeout: 1h}}]}}
  ladder: {{stages: [{{notify: ["user:ana"], ack_timeout: 1h}}]}}
  email: {{stages: [{{notify: ["user:ana"], via: [email], ack_timeout: 1h}}, {{notify: ["user:ben"], via: [sms], ack_timeout: 1h}}]}}
  all:
    stages:
      - {{notify: ["user:ana", "user:ben"], via: [chat, email, sms], ack_timeout: 5s}}
      - {{notify: ["user:erik"], via: [sms], ack_timeout: 1h}}
services:
  db: {{team: sre, policy: chain}}
  chat: {{team: sre, policy: chat}}
  mail: {{policy: email}}
  night: {{policy: ladder}}
  shop: {{team: sre, policy: all}}
integrations:
  tool: {{kind: events-v2, key: tool-key-0123456789, service: mail}}
  prometheus: {{kind: alertmanager, key: prom-key-0123456789, service: mail}}
  script: {{kind: generic, key: script-key-0123456789, service: mail}}
"""


class Daemon:
    """One worker. Several on one store: give the others the first one's `redis_url`."""

    def __init__(
        self,
        folder: Path,
        twilio: TwilioFake,
        *,
        redis_url: str = "embedded",
        config: str = CONFIG,
        channels: str = "[twilio]",
        phones: tuple[str, str, str] = (ANA, BEN, ERIK),
        vendors: Mapping[str, str] | None = None,
    ) -> None:
        """`vendors` fills in what the config has beyond Twilio."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "config"
        self.config.mkdir(exist_ok=True)
        text = config.format(
            public_url=self.url, sid=twilio.account_sid, token=twilio.auth_token, api=twilio.url, ana=phones[0], ben=phones[1],
            erik=phones[2], channels=channels, **(vendors or {})
        )  # fmt: skip
        (self.config / "pagerd.yaml").write_text(textwrap.dedent(text))
        know(*secrets_of(text), *secrets_of(redis_url))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PAGERD_CONFIG": str(self.config),
            "PAGERD_DATA_DIR": str(folder / "data"),
            "PAGERD_REDIS_URL": redis_url,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        self.log = folder / "log"
        LOGS.update({self.log: None, folder / "data" / "store" / "valkey.log": None})
        self.process: subprocess.Popen[bytes] | None = None

    # --- life -------------------------------------------------------------------------------------------------------------------------
    async def start(
        self,
        within: float = 30,
        program: tuple[str, ...] = ("-m", "pager"),
        environment: dict[str, str] | None = None,
        roles: str = "",
        prefix: tuple[str, ...] = (),
    ) -> Daemon:
        """`prefix` is a command that runs what follows it."""
        words = ["--roles", roles] if roles else []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, *program, "run", "--listen", f"127.0.0.1:{self.port}", *words],
                env={**self.environment, **(environment or {})}, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
            )  # fmt: skip
        await eventually(lambda: self.is_ready() or self._must_live(), within, lambda: f"not ready:\n{self.tail()}")
        return self

    def _must_live(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.tail()}"
        return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    async def stop(self, sig: int = signal.SIGTERM, within: float = 15) -> int:
        """Ask it to stop; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        await eventually(
            lambda: self.process is not None and self.process.poll() is not None, within, lambda: f"still running:\n{self.tail()}"
        )
        return int(self.process.returncode)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    @property
    def store_url(self) -> str:
        """Where its embedded store listens: for other workers."""
        given = self.environment["PAGERD_REDIS_URL"]
        socket_path = running(self.folder / "data")
        return given if given != "embedded" else f"unix://{socket_path}"

    # --- what others see --------------------------------------------------------------------------------------------------------------
    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=3) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def metric(self, line: str) -> float:
        """The value of a metric, named with its labels; 0 when it is not there."""
        found = [row.rsplit(" ", 1)[1] for row in self.get("/metrics")[1].splitlines() if row.startswith(line + " ")]
        return float(found[0]) if found else 0.0

    async def cli(self, *words: str, stdin: str | None = None, expect: int | None = 0) -> str:
        """Run a command of the CLI; its output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pager", *words, env=self.environment, cwd=self.folder,
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(stdin.encode() if stdin is not None else None), 30)
        text = out.decode()
        assert not leaks(text + err.decode(), KNOWN), f"{words[0]} shows a secret"
        assert expect is None or process.returncode == expect, (
            f"{words} ended with {process.returncode}:\n{text}\n{err.decode()}\n{self.tail()}"
        )
        return text + (err.decode() if expect != 0 else "")

    async def send(self, summary: str, **fields: str) -> str:
        words = [x for name, value in fields.items() for x in ("--" + name.replace("_", "-"), value)]
        return (await self.cli("send", "--summary", summary, *words)).strip()

    async def push(self, **fields: str | bytes) -> str:
        """XADD, as a tool does it: quicker than a command. Raises StoreUnavailable when it was not taken."""
        connections = Connections(self.store_url)
        try:
            words = [word for pair in fields.items() for word in pair]
            return str((await connections.holding("pager:alerts").call("XADD", "pager:alerts", "*", *words)).decode())
        finally:
            await connections.close()

    async def incidents(self, *words: Literal["--all"]) -> list[dict[str, Any]]:
        """What `list --json` prints, without a process of its own."""
        async with self._desk() as desk:
            return _plain(await read_incidents(desk, Wanted("--all" in words, None, None, False), lambda s, _: incident_json(s)))

    async def show(self, number: int) -> dict[str, Any]:
        """What `show --json` prints."""
        async with self._desk() as desk:
            _, [snapshot] = await desk.incidents.by_number([number])
            assert snapshot.incident is not None, f"there is no incident {number}"
            members = await desk.incidents.members(number, MOST_MEMBERS)
            return _plain(show_json(snapshot, await desk.incidents.timeline(number), members))

    def _desk(self) -> AbstractAsyncContextManager[Desk]:
        return open_desk(self.config, self.environment)


def _plain(found: T) -> T:
    text = msgspec.json.encode(found).decode()
    assert not leaks(text, KNOWN), "a secret is shown"
    back: T = json.loads(text)
    return back


def pages(twilio: TwilioFake, to: str | None = None) -> list[dict[str, Any]]:
    """Pages that the provider took, in order: those that want an answer."""
    return [m for m in texts(twilio, to) if CODE.search(m["body"])]


def texts(twilio: TwilioFake, to: str | None = None) -> list[dict[str, Any]]:
    """Everything that the provider took from us, notices and answers included."""
    return [m for m in twilio.messages.values() if m["direction"] == "outbound-api" and to in (None, m["to"])]


def code_in(message: dict[str, Any]) -> str:
    found = CODE.findall(message["body"])
    assert len(found) == 1, message["body"]
    return str(found[0])


async def eventually(is_so: Callable[[], Any], within: float, why: Callable[[], str] | str = "it did not happen") -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + within
    while True:
        found = is_so()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        if time.monotonic() > end:
            raise AssertionError(why if isinstance(why, str) else why())
        await asyncio.sleep(0.05)
