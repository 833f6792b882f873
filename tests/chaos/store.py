"""The store as an operator runs it: a server of its own, started again by a supervisor, on a disk that may be full."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from pager.store.embedded import _command

_HALF = b"*3\r\n$3\r\nSET\r\n$9\r\nhalf-writ"
"""What a power cut leaves of a command that nobody was told of."""


class ChaosStore:
    """Valkey with the options of the embedded one (`appendonly yes`, `appendfsync always`), whose AOF is rewritten often. With `disk_mb` its
    data lies on a disk of that size, which takes root."""

    def __init__(self, folder: Path, disk_mb: int = 0) -> None:
        self.folder = folder / "disk"
        self.folder.mkdir(parents=True)
        self.socket_path = folder / "valkey.sock"
        self._log = folder / "valkey.log"
        self._filler = self.folder / "filler"
        self._process: subprocess.Popen[bytes] | None = None
        self.has_disk = bool(disk_mb) and _mount(self.folder, disk_mb)

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        options = ["--auto-aof-rewrite-min-size", "1mb", "--auto-aof-rewrite-percentage", "50"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_command(self.folder, self.socket_path), *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )  # fmt: skip

    async def start(self, within: float = 20) -> None:
        """Start it unless it runs, and wait until it answers; a supervisor tries again when it ends."""
        async with asyncio.timeout(within):
            while not (self.is_running and await asyncio.to_thread(self._answers)):
                if not self.is_running:
                    self.spawn()
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def tear(self) -> None:
        """Append half a command to the newest AOF. Only while it is down."""
        files = sorted(self.folder.glob("appendonlydir/*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))
        with files[-1].open("ab") as file:
            file.write(_HALF)

    def pause(self) -> None:
        if self._process is not None and self.is_running:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None and self.is_running:
            self._process.send_signal(signal.SIGCONT)

    def fill(self) -> None:
        """No byte is left on its disk."""
        with self._filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)

    def end(self) -> None:
        self.kill()
        if self.has_disk:
            subprocess.run(["umount", str(self.folder)], check=False)

    def tail(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            try:
                line.connect(str(self.socket_path))
                line.sendall(b"PING\r\n")
                return line.recv(64).startswith(b"+PONG")
            except OSError:
                return False


def _mount(folder: Path, size_mb: int) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0
