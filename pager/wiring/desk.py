"""What a command works with."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from pager.advance import Advance
from pager.config import load, load_settings
from pager.decide import Rules
from pager.door import Door
from pager.model.config import Config
from pager.model.rota import NOTHING, RotaFacts
from pager.notify.plan import Providers
from pager.ports import Incidents, RotaStore
from pager.store.alerts import RedisAlertStream
from pager.telemetry import Metrics
from pager.wiring.stores import Store, find_store
from pager.wiring.vendors import CARRIED


class Desk(msgspec.Struct, frozen=True):
    """What a command works with: the same ports as the daemon's, and the config that the daemon runs on."""

    incidents: Incidents
    stream: RedisAlertStream
    door: Door
    config: Config
    rota: RotaStore
    facts: RotaFacts


@asynccontextmanager
async def open_desk(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Desk]:
    """Raises StoreUnavailable, in words, when the store can't be reached. A folder that is broken at 3 a.m. keeps nobody from answering: only
    the store's address is read from it."""
    settings = load_settings(folder, environment)
    url = find_store(settings, environment)
    store = Store(url, settings, worker=f"cli-{os.getpid()}")
    try:
        await store.settle()
        saved = await store.incidents.load_config()
        config = _saved(saved) or load(folder, environment).config or Config(settings=settings)
        facts = await store.rota.facts() or NOTHING
        rules, meter = Rules(config, Providers.of(config, CARRIED), facts), Metrics()
        advance = Advance(store.incidents, lambda: rules, await store.incidents.secret(), meter)
        door = Door(store.incidents, advance, store.refusals, lambda: rules, meter)
        yield Desk(store.incidents, store.stream, door, config, store.rota, facts)
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
