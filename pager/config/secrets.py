"""A config without what must not be kept elsewhere."""

from __future__ import annotations

from msgspec.structs import replace

from pager.model.config import Config


def without_secrets(config: Config) -> Config:
    """The same decisions, but no credentials and no keys: safe to keep in the store."""
    return replace(
        config,
        # Addresses may hold a password or a token, and whoever reads this has found the store already.
        settings=replace(config.settings, redis_url="", heartbeat_url="", link_keys=()),
        calendars={name: replace(c, url="") for name, c in config.calendars.items()},
        providers={name: replace(p, options={}) for name, p in config.providers.items()},
        integrations={name: replace(i, key="", secret="") for name, i in config.integrations.items()},
        heartbeats={name: replace(h, key="") for name, h in config.heartbeats.items()},
    )
