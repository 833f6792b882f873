"""A backup is a set of files that belong together, or none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pager.store import backup
from pager.store.backup import BackupError, back_up
from pager.store.connection import Connection

SETTING = "auto-aof-rewrite-percentage"


class Server(Connection):
    """Answers as one does that rewrites its files for a while."""

    def __init__(self, rewriting: int = 0) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.rewriting = rewriting

    async def call(self, *command: Any) -> Any:
        self.asked.append(command)
        if command[0] != "INFO":
            return b"OK"
        self.rewriting -= 1
        return b"aof_rewrite_in_progress:%d\r\naof_rewrite_scheduled:0\r\n" % (self.rewriting >= 0)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(backup, "_PAUSE", 0)
    files = tmp_path / "store" / "appendonlydir"
    files.mkdir(parents=True)
    for name in ("appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"):
        (files / name).write_text(name)
    return tmp_path / "store"


async def test_a_rewrite_is_waited_for_and_none_begins_meanwhile(store: Path, tmp_path: Path) -> None:
    server = Server(rewriting=3)
    assert await back_up(server, store, tmp_path / "copy") > 0
    assert [command[0] for command in server.asked] == ["CONFIG", "INFO", "INFO", "INFO", "INFO", "CONFIG"]
    assert (server.asked[0], server.asked[-1]) == (("CONFIG", "SET", SETTING, "0"), ("CONFIG", "SET", SETTING, "100"))
    assert {p.name: p.read_text() for p in (tmp_path / "copy" / "appendonlydir").iterdir()} == {
        p.name: p.read_text() for p in (store / "appendonlydir").iterdir()
    }


@pytest.mark.parametrize("times", [1, 100])
async def test_a_set_that_changes_under_way_is_copied_anew_or_there_is_no_backup(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    manifest, changed, copyfile = store / "appendonlydir" / "appendonly.aof.manifest", 0, shutil.copyfile

    def meddling(*args: Any, **options: Any) -> Any:
        nonlocal changed
        if changed < times:
            changed += 1
            manifest.write_text(f"the set {changed}")
        return copyfile(*args, **options)

    monkeypatch.setattr(shutil, "copyfile", meddling)
    server = Server()
    if times > 1:
        with pytest.raises(BackupError, match="rewritten over and over"):
            await back_up(server, store, tmp_path / "copy")
        assert not (tmp_path / "copy" / "appendonlydir").exists()
    else:
        await back_up(server, store, tmp_path / "copy")
        assert (tmp_path / "copy" / "appendonlydir" / manifest.name).read_text() == "the set 1"
    assert server.asked[-1] == ("CONFIG", "SET", SETTING, "100")


async def test_what_is_there_is_not_written_over(store: Path, tmp_path: Path) -> None:
    server = Server()
    await back_up(server, store, tmp_path / "copy")
    with pytest.raises(BackupError, match="holds a backup already"):
        await back_up(server, store, tmp_path / "copy")
