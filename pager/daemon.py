"""The daemon: starts everything, keeps it going, and ends it cleanly."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import msgspec
import structlog
import uvloop
from starlette.types import ASGIApp

from pager import __version__, telemetry
from pager.channels.calendar_url import CalendarUrl
from pager.config import fingerprint, without_secrets
from pager.loops.cadence import Cadence
from pager.loops.calendars import ReadCalendars
from pager.loops.facts import FollowFacts
from pager.loops.lead import Lead
from pager.loops.reload import Reload
from pager.loops.upkeep import Upkeep
from pager.loops.watch import BreakGlass
from pager.model.config import Config
from pager.model.problem import Problem
from pager.ports import StoreUnavailable
from pager.store.embedded import Embedded, EmbeddedError
from pager.store.shards import ShardsDiffer
from pager.telemetry import Metrics, Progress
from pager.web.app import make_app
from pager.web.server import bind, serve
from pager.wiring.health import Health
from pager.wiring.outside import SlackRoom, doors
from pager.wiring.roles import ALL, Role
from pager.wiring.rooms import Rooms
from pager.wiring.stores import Store, data_dir, start_store, worker_name
from pager.wiring.vendors import Current, load_whole
from pager.wiring.welcome import welcome

_PAUSE = 0.2  # seconds between tries while the store is away
_LOOK_AT_STORE = 1.0
_LOOK_AT_CONFIG = 1.0
_FILES = 8192
_STOP_WITHIN = 20.0  # seconds: a send under way ends at its provider's timeout

log = structlog.get_logger()


def run(folder: Path, environment: Mapping[str, str], listen: str | None = None, roles: frozenset[Role] = ALL) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit code: 0 after a clean stop, 1 when it can't start."""
    telemetry.set_up_logs(on_terminal=sys.stderr.isatty())
    loaded = load_whole(folder, environment)
    if loaded.config is None:
        _print(loaded.problems)
        return 1
    address = listen or loaded.config.settings.listen
    try:
        sock = bind(address)
    except (OSError, ValueError) as error:
        print(f"can't listen on {address}: {error}. Give another one with --listen HOST:PORT.", file=sys.stderr)
        return 1
    try:
        name, lock = worker_name(data_dir(loaded.config.settings, environment))
        url, embedded = start_store(loaded.config.settings, environment)
    except (EmbeddedError, OSError, ValueError) as error:
        print(f"can't start: {error}", file=sys.stderr)
        return 1
    _allow_many_files()
    daemon = _Daemon(folder, environment, loaded.config, address, name, url, embedded, roles)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(daemon.run(sock))
    finally:
        _leave(embedded, lock)
    return daemon.exit_code


def _allow_many_files() -> None:
    """Connections from outside must not use up what the store and the providers need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _collect_seldom() -> None:
    """What is loaded by now stays: looking through it for garbage stops every page for a tenth of a second."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _leave(embedded: Embedded | None, lock: IO[bytes]) -> None:
    if embedded is not None:
        try:
            embedded.stop()
        except EmbeddedError as error:
            print(error, file=sys.stderr)
    lock.close()


def _print(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)


class _Daemon:
    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        config: Config,
        address: str,
        name: str,
        url: str,
        embedded: Embedded | None,
        roles: frozenset[Role],
    ) -> None:
        self.folder, self.environment, self.roles = folder, environment, roles
        self.address, self.name, self.embedded = address, name, embedded
        self.metrics = Metrics()
        self.progress = Progress(time.monotonic)
        self.stopping = asyncio.Event()
        self.reload = asyncio.Event()
        self.current = Current(config)
        self.reloading = Reload(lambda: self.current.config, self.current.replace, self.metrics.config_in_force)
        self.store = Store(url, config.settings, name, roles)
        self.health = Health(self.store, lambda: self.current.config, self.progress)
        self.facts = FollowFacts(self.store.rota, self.current.put_facts, lambda: self.current.config)
        self.calendars = ReadCalendars(
            self.store.rota, CalendarUrl(), self.current.in_force, self.store.now, self.metrics.calendar_read
        )  # fmt: skip
        self.rooms: Rooms | None = None
        self.exit_code = 0
        self.glass = BreakGlass(
            self.store, lambda: self.current.config, self.current.channels, self.metrics.break_glass, started=time.monotonic()
        )  # fmt: skip

    async def run(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sig, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload.set)
        log.info(
            "daemon.starting", version=__version__, worker=self.name, listen=self.address, config=str(self.folder), roles=sorted(self.roles)
        )
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch())
                await self._with_store(sock)
                watch.cancel()
        finally:
            with suppress(StoreUnavailable):
                await self.store.presence.leave()
            await self.store.close()
            await self.current.close()
            log.info("daemon.stopped")

    async def _with_store(self, sock: socket.socket) -> None:
        """Wait for the store, then run everything on it. People are told by the watch when that takes long."""
        secret = await self._first_answer()
        if secret is None:
            sock.close()
            return
        rooms = self.rooms = Rooms(self.store, self.current, secret, self.metrics)
        await self._save_config()
        await self.health.first_look()
        cadence, lead = Cadence(self.metrics.failure), Lead(self.store.leader, self.metrics)
        upkeep = Upkeep(self.store, self.metrics, lambda: self.current.config.settings.retain_incidents)
        upkeep.on(cadence)
        if Role.CADENCE in self.roles:
            await self._lead(cadence, lead, upkeep, rooms)
        cadence.start()
        slack = SlackRoom(self.current, rooms, self.metrics)
        app = self._app(rooms, slack, lambda: upkeep.waiting)
        async with asyncio.TaskGroup() as group:
            presence = group.create_task(self._presence())
            loops = [
                group.create_task(run) for run in (self._reloads(), self._kept_up("health", self.health.run), *self._of_roles(rooms, slack))
            ]
            adding = group.create_task(rooms.add.run())
            ending = [group.create_task(serve(app, sock, self.stopping))]
            if Role.DELIVER in self.roles:
                ending.append(group.create_task(rooms.deliver.run(self.stopping, self.progress.of("deliver"))))
            group.create_task(self._greet())
            await self.stopping.wait()
            log.info("daemon.stopping")
            cadence.stop()
            await lead.resign()
            for task in loops:
                task.cancel()
            with suppress(StoreUnavailable):
                await self.store.stream.settle()
            await asyncio.wait(ending, timeout=_STOP_WITHIN)
            for task in (*ending, adding, presence):
                task.cancel()

    def _of_roles(self, rooms: Rooms, slack: SlackRoom) -> Iterator[Coroutine[Any, Any, None]]:
        yield self._loop("facts", self._facts_step)
        if Role.INGEST in self.roles:
            yield self._loop("ingest", lambda: rooms.ingest.run_once(timedelta(seconds=1)))
        if Role.DEADLINES in self.roles:
            yield self._loop("deadlines", lambda: self._deadline_step(rooms))
        if Role.DELIVER in self.roles:
            yield self._kept_up("show", rooms.show.run)
        if Role.WEB in self.roles:
            yield self._kept_up("slack", slack.run)

    async def _facts_step(self) -> None:
        await self.facts.nap()
        await self.facts.run_once()

    async def _lead(self, cadence: Cadence, lead: Lead, upkeep: Upkeep, rooms: Rooms) -> None:
        with suppress(StoreUnavailable):
            await lead.renew()
        lead.on(cadence)
        for led in (upkeep, rooms.look, rooms.handoffs, rooms.shown, self.calendars):
            led.lead_on(cadence, lead)

    async def _first_answer(self) -> bytes | None:
        """The installation's secret, as soon as the store gives it; None when asked to stop before, or when the store is not for us."""
        while not self.stopping.is_set():
            try:
                await self.store.settle()
                await self.store.presence.refresh()
                await self.facts.run_once()
                return await self.store.incidents.secret()
            except ShardsDiffer as error:
                log.error("store.not_ours", why=str(error))
                self.exit_code = 1
                return None
            except StoreUnavailable as error:
                self.health.trouble = str(error)
                log.warning("store.unavailable", why=str(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), 1.0)
        return None

    # --- loops ------------------------------------------------------------------------------------------------------------------------
    async def _loop(self, name: str, step: Callable[[], Awaitable[object]]) -> None:
        """Step after step. The store's absence is waited out; anything else is a fault of ours that must not end the loop."""
        tick = self.progress.of(name)
        while True:
            try:
                await step()
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE)
            except Exception:
                self.metrics.failure(name)
                log.exception("loop.failed", loop=name)
                await asyncio.sleep(_PAUSE)
            tick()

    async def _deadline_step(self, rooms: Rooms) -> None:
        if not await rooms.deadlines.run_once():
            await rooms.deadlines.nap()

    async def _kept_up(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """What runs by itself, and is not watched: a chat that hangs or fails keeps nobody from being paged."""
        while True:
            try:
                await run()
            except StoreUnavailable:
                pass  # the watch says so
            except Exception:
                self.metrics.failure(name)
                log.exception("loop.failed", loop=name)
            await asyncio.sleep(_LOOK_AT_STORE)

    async def _presence(self) -> None:
        tick = self.progress.of("presence")
        while True:
            with suppress(StoreUnavailable):
                await self.store.presence.refresh()
            tick()
            await asyncio.sleep(1.0)

    async def _watch(self) -> None:
        """On its own, whatever the other loops do."""
        tick = self.progress.of("watch")
        while True:
            good = await self.glass.run_once(time.monotonic())
            trouble = "" if good else "the store can't be reached"
            if bool(trouble) != bool(self.health.trouble) and self.rooms is not None:
                log.warning("store.gone") if trouble else log.info("store.back")
            self.health.trouble = trouble
            if trouble and self.embedded is not None:
                await self._revive(self.embedded)
            tick()
            await asyncio.sleep(_LOOK_AT_STORE)

    async def _revive(self, embedded: Embedded) -> None:
        try:
            if await asyncio.to_thread(embedded.revive):
                log.warning("store.restarted")
        except EmbeddedError as error:
            log.error("store.not_restarted", why=str(error))

    # --- config -----------------------------------------------------------------------------------------------------------------------
    async def _reloads(self) -> None:
        """On a change in the folder, or on SIGHUP."""
        seen = fingerprint(self.folder)
        tick = self.progress.of("reload")
        while True:
            tick()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.reload.wait(), _LOOK_AT_CONFIG)
            now = await asyncio.to_thread(fingerprint, self.folder)
            if now != seen or self.reload.is_set():
                self.reload.clear()
                seen = now
                await self._reload()

    async def _reload(self) -> None:
        if self.reloading.apply(await asyncio.to_thread(load_whole, self.folder, self.environment)):
            await self._save_config()

    async def _save_config(self) -> None:
        """For commands: they decide by what the daemon runs on."""
        try:
            await self.store.incidents.save_config(msgspec.msgpack.encode(without_secrets(self.current.config)))
        except StoreUnavailable:
            log.warning("config.not_saved")

    # --- from outside -----------------------------------------------------------------------------------------------------------------
    def _app(self, rooms: Rooms, slack: SlackRoom, waiting: Callable[[], int]) -> ASGIApp:
        served = doors(self.current, self.store, rooms, slack, waiting, self.metrics, self.roles)
        return make_app(readiness=lambda: self.health.readiness(self.stopping.is_set()), metrics=self.metrics.text, doors=served)

    async def _greet(self) -> None:
        """A line to paste for who tries it for the first time."""
        _collect_seldom()
        log.info("daemon.ready", listen=self.address, durability=self.health.durability)
        if not self.current.config.settings.demo:
            return
        print(welcome(self.folder, next(iter(self.current.config.services), "")), flush=True)
