"""What the rota depends on besides the config, for a command that answers without it, too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pager.model.rota import NOTHING, RotaFacts
from pager.model.settings import Settings
from pager.ports import StoreUnavailable
from pager.wiring.stores import EMBEDDED, Store, data_dir, find_store

QUICKLY = 1.0  # seconds


async def read_facts(settings: Settings, environment: Mapping[str, str]) -> RotaFacts:
    """What the installation's store knows, if it answers quickly; none is ever started. Raises StoreUnavailable."""
    try:
        if settings.redis_url == EMBEDDED and not (data_dir(settings, environment) / "store").exists():
            return NOTHING  # this installation never ran: nothing was ever said
        store = Store(find_store(settings, environment), settings, worker="looker")
    except (ValueError, OSError) as error:  # an address that is none, a folder that is not ours
        raise StoreUnavailable(str(error)) from error
    try:
        async with asyncio.timeout(QUICKLY):
            return await store.rota.facts() or NOTHING
    except TimeoutError as error:
        raise StoreUnavailable(f"no answer within {QUICKLY:g} s") from error
    finally:
        await store.close()
