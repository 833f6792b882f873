"""The only file that names concrete adapters: puts the rooms together for the daemon and for the command line."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

import msgspec

from pager.advance import Advance
from pager.channels.console import Console
from pager.channels.twilio import from_provider
from pager.channels.twilio_webhooks import read_sms, read_status, signature_ok, twiml_message
from pager.config import load, load_settings
from pager.decide import Rules
from pager.door import Door
from pager.loops.compose import Compose
from pager.loops.deadlines import DeadlineLoop
from pager.loops.deliver import Deliver
from pager.loops.ingest import Ingest
from pager.model.config import Config
from pager.model.outgoing import Priority
from pager.model.settings import Settings
from pager.notify.plan import CONSOLE, Providers
from pager.ports import Channel, Meter, StoreUnavailable
from pager.store.alerts import RedisAlertStream
from pager.store.connection import Connection, connect, socket_url
from pager.store.deadlines import RedisDeadlines
from pager.store.embedded import Embedded, running, start
from pager.store.incidents import RedisIncidents
from pager.store.keys import Keys, StreamKeys
from pager.store.outbox import RedisOutbox
from pager.store.presence import Presence
from pager.store.refusals import RedisRefusals
from pager.store.snapshots import Snapshots
from pager.store.sweeper import Sweeper, Swept
from pager.telemetry import Metrics
from pager.web.twilio import InboundText, Wire

CARRIED: Mapping[str, tuple[str, ...]] = {"sms": ("twilio",)}
"""Which kinds of providers can carry a channel."""

EMBEDDED = "embedded"


class Current:
    """The config in force, made ready; replaced as a whole by a good reload. Channels live as long as their provider stays the same."""

    def __init__(self, config: Config, *, with_channels: bool = True) -> None:
        """Without channels it only decides: what it decides to send, a daemon sends."""
        self._with_channels = with_channels
        self._channels: dict[str, Channel] = {}
        self._made_of: dict[str, object] = {}
        self.replace(config)

    def replace(self, config: Config) -> None:
        wanted: dict[str, object] = {name: p for name, p in config.providers.items() if p.kind == "twilio" and not p.missing}
        if config.settings.demo:
            wanted[CONSOLE] = CONSOLE
        if not self._with_channels:
            wanted = {}
        channels = {name: self._channels[name] for name, made_of in wanted.items() if self._made_of.get(name) == made_of}
        for name in wanted.keys() - channels.keys():
            channels[name] = Console(sys.stdout) if name == CONSOLE else from_provider(config.providers[name])
        self._channels, self._made_of = channels, wanted
        self.rules = Rules(config, Providers.of(config, CARRIED))

    @property
    def config(self) -> Config:
        return self.rules.config

    def channels(self) -> Mapping[str, Channel]:
        return self._channels

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()


# --- where the store is ---------------------------------------------------------------------------------------------------------------
def data_dir(settings: Settings, environment: Mapping[str, str]) -> Path:
    """`settings.data_dir`, else the user's state folder."""
    if settings.data_dir:
        return Path(settings.data_dir).expanduser()
    state = environment.get("XDG_STATE_HOME") or os.path.join(environment.get("HOME", "") or "/var/tmp", ".local", "state")
    return Path(state) / "pagerd"


def worker_name(folder: Path) -> tuple[str, IO[bytes]]:
    """A name that a restart finds again, so that what the last run left pending is picked up at once; and the lock that keeps it ours while
    we live. The kernel lets go of it with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    place = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=3).hexdigest()
    for slot in range(1000):
        lock = (folder / f"worker-{slot}.lock").open("wb")
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except OSError:
            lock.close()
            continue
        return f"{socket.gethostname()}-{place}-{slot}", lock
    raise RuntimeError(f"a thousand workers run on {folder}")


def start_store(settings: Settings, environment: Mapping[str, str]) -> tuple[str, Embedded | None]:
    """The store's URL, and our hold on the embedded server where it is one. Raises EmbeddedError."""
    if settings.redis_url != EMBEDDED:
        return settings.redis_url, None
    embedded = start(data_dir(settings, environment))
    return socket_url(str(embedded.socket_path)), embedded


def find_store(settings: Settings, environment: Mapping[str, str]) -> str:
    """The URL of a store that should be there already. Raises StoreUnavailable when the embedded one does not run."""
    if settings.redis_url != EMBEDDED:
        return settings.redis_url
    folder = data_dir(settings, environment)
    found = running(folder)
    if found is None:
        raise StoreUnavailable(f"no store runs in {folder}: start the daemon with `pagerd run`, or name its store in settings.redis.url")
    return socket_url(str(found))


def durability(settings: Settings) -> str:
    """What the present settings can lose, in words."""
    if settings.redis_url == EMBEDDED:
        return "embedded store, appendfsync always: what was accepted survives a crash of the daemon, the store and the machine, not the loss of the disk"
    return "external store: what was accepted is as safe as its appendfsync setting; `pagerd doctor` says what that can lose"


# --- the rooms together ---------------------------------------------------------------------------------------------------------------
class Store:
    """Every port on one connection."""

    def __init__(self, url: str, stream: str, worker: str) -> None:
        self.connection: Connection = connect(url)
        keys, stream_keys = Keys(), StreamKeys(stream)
        snapshots = Snapshots(self.connection, keys)
        self.incidents = RedisIncidents(self.connection, snapshots, worker, keys)
        self.deadlines = RedisDeadlines(self.connection, keys)
        self.outbox = RedisOutbox(self.connection, snapshots, worker, keys)
        self.stream = RedisAlertStream(self.connection, worker, stream_keys)
        self.presence = Presence(self.connection, (keys.worker(worker), stream_keys.worker(worker)))
        self.sweeper = Sweeper(self.connection, keys)
        self.refusals = RedisRefusals(self.connection, keys)
        self._keys = keys

    async def ping(self) -> None:
        """Raises StoreUnavailable when the store does not answer, or can't write."""
        await self.connection.call("SET", self._keys.alive, "1", "EX", 60)

    # --- for upkeep -------------------------------------------------------------------------------------------------------------------
    async def now(self) -> datetime:
        return await self.incidents.now()

    async def sweep(self, cursor: int, count: int) -> Swept:
        return await self.sweeper.sweep(cursor, count)

    async def retire(self, before: datetime) -> int:
        return await self.sweeper.retire(before)

    async def trim_audit(self, before: datetime) -> None:
        await self.sweeper.trim_audit(before)

    async def counts(self) -> dict[str, int]:
        return await self.incidents.counts()

    async def backlogs(self) -> dict[str, int]:
        """How many entries wait in the alerts stream and in each outbox."""
        lengths = await self.connection.pipe([("XLEN", key) for key in self._keys.outboxes])
        outboxes = {priority.name.lower(): int(length) for priority, length in zip(Priority, lengths, strict=True)}
        return {"alerts": await self.stream.backlog(), **outboxes}

    async def close(self) -> None:
        await self.deadlines.close()
        await self.connection.close()


class Rooms:
    """What runs on a store that answers: the writer, the door and the loops."""

    def __init__(self, store: Store, current: Current, secret: bytes, meter: Meter) -> None:
        def rules() -> Rules:
            return current.rules

        self.advance = Advance(store.incidents, rules, secret, meter)
        self.door = Door(store.incidents, self.advance, store.refusals, rules, meter)
        self.ingest = Ingest(store.stream, self.advance, meter)
        self.deadlines = DeadlineLoop(store.deadlines, self.advance, meter)
        self.deliver = Deliver(store.outbox, self.advance, current.channels, Compose(rules, self.advance.code), meter)


def twilio_wire(current: Current) -> Callable[[], Wire]:
    """What the callbacks need of Twilio's own, by the accounts now configured."""

    def is_signed(url: str, form: list[tuple[str, str]], signature: str) -> bool:
        account = dict(form).get("AccountSid", "")
        tokens = [
            p.options["auth_token"]
            for p in current.config.providers.values()
            if p.kind == "twilio" and not p.missing and p.options.get("account_sid") == account
        ]
        return any(signature_ok(token, url, form, signature) for token in dict.fromkeys(tokens))

    def read_text(form: Mapping[str, str]) -> InboundText:
        text = read_sms(form)
        return InboundText(text.sid, text.sender, text.body)

    def answer(text: str | None) -> str:
        return twiml_message(text or "")

    return lambda: Wire(is_signed, read_status, read_text, answer)


# --- the command line -----------------------------------------------------------------------------------------------------------------
class Desk(msgspec.Struct, frozen=True):
    """What a command works with: the same ports as the daemon's, and the config that the daemon runs on."""

    incidents: RedisIncidents
    stream: RedisAlertStream
    door: Door
    config: Config


@asynccontextmanager
async def open_desk(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Desk]:
    """Raises StoreUnavailable, in words, when the store can't be reached. A folder that is broken at 3 a.m. keeps nobody from answering: only
    the store's address is read from it."""
    settings = load_settings(folder, environment)
    url = find_store(settings, environment)
    store = Store(url, settings.stream, worker=f"cli-{os.getpid()}")
    try:
        saved = await store.incidents.load_config()
        config = _saved(saved) or load(folder, environment).config or Config(settings=settings)
        current = Current(config, with_channels=False)
        rooms = Rooms(store, current, await store.incidents.secret(), Metrics())
        yield Desk(store.incidents, store.stream, rooms.door, config)
    finally:
        await store.close()


def _saved(config: bytes | None) -> Config | None:
    """The config that the daemon keeps in the store; None where there is none, or it is another release's."""
    if config is None:
        return None
    try:
        return msgspec.msgpack.decode(config, type=Config)
    except msgspec.DecodeError:
        return None


class Finding(msgspec.Struct, frozen=True):
    """One thing that `doctor` looked at, and what to do about it."""

    ok: bool
    what: str
    advice: str = ""


async def doctor(folder: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Look at the config, the store and each credential."""
    loaded = load(folder, environment)
    errors = [p for p in loaded.problems if p.level == "error"]
    findings = [Finding(not errors, f"config {folder}: {len(errors)} errors", "run `pagerd check`" if errors else "")]
    settings = loaded.config.settings if loaded.config else load_settings(folder, environment)
    findings += await _store_findings(settings, environment)
    findings.append(
        Finding(
            bool(settings.public_url),
            "settings.http.public_url",
            "" if settings.public_url else "set it: receipts and replies by SMS need it",
        )
    )
    if loaded.config is not None:
        findings += await _provider_findings(loaded.config)
    return findings


async def _store_findings(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    try:
        url = find_store(settings, environment)
        store = Store(url, settings.stream, worker="doctor")
    except (StoreUnavailable, ValueError) as error:
        return [Finding(False, f"store: {error}", "start the daemon, or mend settings.redis.url")]
    try:
        await store.ping()
        found = [Finding(True, "store: answers and writes")]
        try:
            flat = await store.connection.call("CONFIG", "GET", "appendfsync")
            fsync = flat[1].decode() if flat else "unknown"
            losses = {
                "always": "nothing that was accepted",
                "everysec": "up to a second of what was accepted",
                "no": "whatever the system had not written",
            }
            what = losses.get(fsync, "unknown")
            findings_ok = fsync == "always"
            found.append(
                Finding(
                    findings_ok,
                    f"store: appendfsync {fsync}: a crash can lose {what}",
                    "" if findings_ok else "set appendonly yes, appendfsync always",
                )
            )
        except StoreUnavailable:
            found.append(
                Finding(True, "store: its durability settings can't be read", "check that appendonly is yes and appendfsync always")
            )
        return found
    except StoreUnavailable as error:
        return [Finding(False, f"store: {error}", "start it, or mend settings.redis.url")]
    finally:
        await store.close()


async def _provider_findings(config: Config) -> list[Finding]:
    findings = []
    for name, provider in config.providers.items():
        if provider.missing:
            findings.append(
                Finding(config.settings.demo, f"provider {name}: no {', '.join(provider.missing)}", "set it, or demo: true to try without")
            )
        elif provider.kind not in {kind for kinds in CARRIED.values() for kind in kinds}:
            findings.append(Finding(True, f"provider {name}: {provider.kind} is not active yet"))
        else:
            channel = from_provider(provider)
            try:
                wrong = await channel.check()
            finally:
                await channel.close()
            findings.append(Finding(wrong is None, f"provider {name}: {'credentials work' if wrong is None else wrong}"))
    return findings
