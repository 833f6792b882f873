"""As in a container: the daemon under a user that owns nothing but data_dir; program and config are not its to write."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import end_store
from tests.acceptance.daemon import ANA, Daemon, code_in, eventually, pages
from tests.fakes.twilio_fake import TwilioFake

NOBODY = 65532
ROOT = Path(__file__).parents[2]
_SETPRIV = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
_READS = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search", "--bounding-set=-all,+dac_read_search")


@pytest.fixture(scope="session")
def as_nobody() -> tuple[str, ...]:
    """What runs a command as that user. Where this environment lies in somebody's home, the user may read everything; in no case write."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("NOT ROOT, OR NO `setpriv` HERE: no other user can be tried, so nothing was tried as one")
    for prefix in ((*_SETPRIV, "--bounding-set=-all"), (*_SETPRIV, *_READS)):
        tried = subprocess.run([*prefix, sys.executable, "-c", "import redis"], cwd="/", capture_output=True, text=True, timeout=60)
        if tried.returncode == 0:
            return prefix
    pytest.skip(f"ANOTHER USER CAN'T READ THIS ENVIRONMENT, so nothing was tried as one: {tried.stderr[-200:]}")


@pytest.fixture
def folder(as_nobody: tuple[str, ...]) -> Iterator[Path]:
    """Everybody may enter it, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="pagerd-nobody-"))
    folder.chmod(0o755)
    shutil.copytree(ROOT / "pager", folder / "program" / "pager", ignore=shutil.ignore_patterns("__pycache__"))
    yield folder
    end_store(folder / "data")
    shutil.rmtree(folder)


@pytest.fixture
async def nobody(folder: Path, twilio: TwilioFake) -> AsyncIterator[Daemon]:
    daemon = Daemon(folder, twilio)
    daemon.environment |= {"PYTHONPATH": str(folder / "program"), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder / "data")}
    twilio.sms_url["*"] = f"{daemon.url}/twilio/sms"
    yield daemon
    if daemon.process is not None and daemon.process.poll() is None:
        daemon.kill()


def theirs(folder: Path) -> set[str]:
    """What the user wrote, outside of data_dir."""
    found = [path for path in folder.rglob("*") if folder / "data" not in (path, *path.parents)] + list(folder.parent.iterdir())
    return {str(path) for path in found if _owner(path) == NOBODY}


def _owner(path: Path) -> int | None:
    """None for what is gone by now: others use that folder, too."""
    try:
        return path.lstat().st_uid
    except FileNotFoundError:
        return None


async def test_it_pages_and_writes_to_data_dir_alone(nobody: Daemon, folder: Path, as_nobody: tuple[str, ...], twilio: TwilioFake) -> None:
    (folder / "data").mkdir(mode=0o700)
    os.chown(folder / "data", NOBODY, NOBODY)
    await nobody.start(prefix=as_nobody)
    assert nobody.process is not None
    assert os.stat(f"/proc/{nobody.process.pid}").st_uid == NOBODY
    await nobody.push(summary="disk full", service="db", severity="critical")
    await eventually(lambda: pages(twilio, ANA), 10, nobody.tail)
    assert (await twilio.inbound_sms(ANA, "+15005550006", code_in(pages(twilio, ANA)[0])))["replies"] == ["acknowledged 1"]
    assert health_check(nobody) == 0
    assert await nobody.stop() == 0
    assert health_check(nobody) != 0
    assert theirs(folder) == set()
    assert "store" in os.listdir(folder / "data")


async def test_a_data_dir_that_is_not_theirs_is_said_at_the_start(nobody: Daemon, folder: Path, as_nobody: tuple[str, ...]) -> None:
    (folder / "data").mkdir(mode=0o755)
    ended = subprocess.run(
        [*as_nobody, sys.executable, "-m", "pager", "run"], env=nobody.environment, cwd=folder, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert "can't start" in ended.stderr
    assert str(folder / "data") in ended.stderr


def health_check(daemon: Daemon) -> int:
    """The Dockerfile's, on the port that this daemon has."""
    [command] = re.findall(r'CMD (\["python".*\])', (ROOT / "deploy" / "Dockerfile").read_text())
    words = [word.replace(":8080/", f":{daemon.port}/") for word in json.loads(command)]
    return subprocess.run([sys.executable, *words[1:]], capture_output=True, timeout=30).returncode
