"""A copy of the embedded server's append-only files, taken while it runs.

The files of a set belong together: while the server rewrites them, a copy may hold the list of one set and the files of another. So it is kept
from beginning a rewrite meanwhile. What it appends meanwhile is no harm: a copy ends somewhere, and half a command or transaction at the end
is dropped when it is loaded.
Source: https://valkey.io/topics/persistence, backing up AOF persistence"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from pager.store.connection import Connection

FILES = "appendonlydir"
_SETTING = "auto-aof-rewrite-percentage"
_USUAL = "100"  # what the server begins with; the one found may be what a backup that was killed left
_TRIES = 5
_PAUSE = 0.1  # seconds


class BackupError(Exception):
    """There is no backup; the message says why."""


async def back_up(connection: Connection, store: Path, to: Path) -> int:
    """Copy the files of the server that works in `store` to `to/appendonlydir`, for this user alone; the bytes copied, which are on the disk
    then. Everything confirmed before the call is in them. Raises BackupError, OSError and StoreUnavailable."""
    await asyncio.to_thread(_make_room, to)
    await connection.call("CONFIG", "SET", _SETTING, "0")
    try:
        for _ in range(_TRIES):
            while await _is_rewriting(connection):
                await asyncio.sleep(_PAUSE)
            if (size := await asyncio.to_thread(_copied, store / FILES, to)) is not None:
                return size
    finally:
        await connection.call("CONFIG", "SET", _SETTING, _USUAL)
    raise BackupError("the store's files are being rewritten over and over: is somebody else at it? Try again")


async def _is_rewriting(connection: Connection) -> bool:
    info: bytes = await connection.call("INFO", "persistence")
    return b"aof_rewrite_in_progress:1" in info or b"aof_rewrite_scheduled:1" in info


def _make_room(to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (to / FILES).exists():
        raise BackupError(f"{to} holds a backup already: name another folder")


def _copied(live: Path, to: Path) -> int | None:
    """The bytes copied; None when the set changed in the meantime. What is half done never has the name of a backup."""
    part = to / f"{FILES}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    before, size = _lists(live), 0
    for file in sorted(live.iterdir()):
        copy = part / file.name
        shutil.copyfile(file, copy, follow_symlinks=False)
        copy.chmod(0o600)
        _sync(copy)
        size += copy.stat().st_size
    if _lists(live) != before or _lists(part) != before:
        return None
    _sync(part)
    part.rename(to / FILES)
    _sync(to)
    return size


def _lists(folder: Path) -> dict[str, bytes]:
    """What says which files make the set."""
    return {path.name: path.read_bytes() for path in folder.glob("*.manifest")}


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
