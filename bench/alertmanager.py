"""Alertmanager, started and measured as a worker of ours is. Debian's package prometheus-alertmanager brings it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.worker import cpu_of

CONFIG = """
route: {receiver: nobody, group_by: [key], group_wait: 10m, group_interval: 10m, repeat_interval: 4h,
        routes: [{receiver: sink, matchers: [paging="yes"], group_wait: 0s}]}
receivers: [{name: nobody}, {name: sink, webhook_configs: [{url: "http://127.0.0.1:%d/hook", send_resolved: false}]}]
"""


class Alertmanager:
    """In memory: an alert that it has taken does not outlive it. It tells the sink about alerts with the label paging="yes"."""

    def __init__(self, program: str, sink_port: int) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="alertmanager-bench-")
        folder = Path(self._temporary.name)
        (folder / "am.yml").write_text(CONFIG % sink_port)
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{sock.getsockname()[1]}"
        words = [
            f"--config.file={folder}/am.yml",
            f"--storage.path={folder}/data",
            f"--web.listen-address={self.host}",
            "--cluster.listen-address=",
        ]
        self._process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self) -> Alertmanager:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"http://{self.host}/-/ready", timeout=1)
                return self
            except OSError:
                time.sleep(0.02)
        raise TimeoutError("Alertmanager is not ready")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._temporary.cleanup()

    def cpu(self) -> float:
        """User and system seconds so far."""
        return cpu_of(self._process.pid)


def program() -> str | None:
    return shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
