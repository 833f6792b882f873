"""Links that a command prints."""

from __future__ import annotations

from collections.abc import Mapping

from pager.model.config import Config
from pager.web.links import CalendarLinks, own_key
from pager.wiring.stores import Store, find_store


async def calendar_url(config: Config, environment: Mapping[str, str], kind: str, name: str) -> str:
    """The secret link to the shifts of a `user` or `schedule`; empty without a public URL. The store is asked for the installation's key where
    the config names none: raises StoreUnavailable, and ValueError for a store's address that is none."""
    settings = config.settings
    keys = tuple(key for key in settings.link_keys if key)
    if not keys and settings.public_url:
        store = Store(find_store(settings, environment), settings, worker="calendar")
        try:
            await store.settle()
            keys = (own_key(await store.incidents.secret()),)
        finally:
            await store.close()
    return CalendarLinks(lambda: keys, lambda: settings.public_url).make(kind, name)
