"""A backup of the installation's store, where it is ours to copy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pager.config import load_settings
from pager.store.backup import BackupError, back_up
from pager.store.connection import connect
from pager.wiring.stores import EMBEDDED, data_dir, find_store


async def backup(folder: Path, environment: Mapping[str, str], to: Path) -> tuple[int, Path]:
    """Copy the embedded store of the config in `folder` to `to`, while it runs: the bytes copied, and the folder to put them back into.
    Raises BackupError, OSError, and StoreUnavailable when the store does not run."""
    settings = load_settings(folder, environment)
    if settings.redis_url != EMBEDDED:
        raise BackupError("settings.redis.url names a store of your own: back it up as docs/operations.md says")
    store = data_dir(settings, environment) / "store"
    connection = connect(find_store(settings, environment))
    try:
        return await back_up(connection, store, to), store
    finally:
        await connection.close()
