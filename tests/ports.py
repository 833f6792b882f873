"""Ports of this machine for servers that tests start: each is given once, whatever other test processes there are."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import IO

_FIRST, _COUNT = 10_000, 10_000  # below the range that the kernel hands out, also with a cluster's second port 10,000 above
_given: dict[int, IO[str]] = {}


def free_port() -> int:
    """Ours until this process ends: a lock on a file of its name says so to the others."""
    folder = Path(tempfile.gettempdir()) / f"pagerd-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for k in range(_COUNT):
        port = _FIRST + (os.getpid() * 50 + k) % _COUNT
        if port not in _given and (lock := _locked(folder / str(port))) is not None:
            if _is_free(port) and _is_free(port + _COUNT):
                _given[port] = lock
                return port
            lock.close()
    raise OSError("no free port")


def _locked(file: Path) -> IO[str] | None:
    lock = file.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what lingers of a connection that is over keeps no server from it
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
