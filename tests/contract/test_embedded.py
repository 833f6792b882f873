"""The embedded server: it keeps what it was given, outlives daemons, and ends with the last of them."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pager.store import embedded
from pager.store.embedded import Embedded, EmbeddedError, running, start, stop

DAEMON = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from pager.store.embedded import start
    server = start(Path(sys.argv[1]))
    print(server.started, flush=True)
    time.sleep(600)
""")


def ask(path: Path, *words: str) -> bytes:
    """One command over a plain socket."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5)
        line.connect(str(path))
        line.sendall(" ".join(words).encode() + b"\r\n")
        return line.recv(4096)


def pid_of(data_dir: Path) -> int:
    return int((data_dir / "store" / "pid").read_text())


def daemon(data_dir: Path) -> tuple[subprocess.Popen[str], bool]:
    """Another process that uses the server, in a process group of its own; and whether it started it."""
    process = subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(data_dir)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, process_group=0
    )
    assert process.stdout is not None
    return process, process.stdout.readline() == "True\n"


def end(process: subprocess.Popen[str], sig: signal.Signals) -> None:
    os.killpg(process.pid, sig)
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop(tmp_path)


def test_what_was_answered_is_there_after_kill_9_of_the_server(data_dir: Path) -> None:
    server = start(data_dir)
    assert ask(server.socket_path, "SET", "k", "v") == b"+OK\r\n"
    os.kill(pid_of(data_dir), signal.SIGKILL)
    assert server.revive()
    assert ask(server.socket_path, "GET", "k") == b"$1\r\nv\r\n"
    assert not server.revive()
    server.stop()


def test_it_writes_each_command_to_disk_and_never_evicts(data_dir: Path) -> None:
    server = start(data_dir)
    settings = {"appendonly": b"yes", "appendfsync": b"always", "maxmemory-policy": b"noeviction", "port": b"0", "save": b""}
    for name, value in settings.items():
        assert value in ask(server.socket_path, "CONFIG", "GET", name).split(b"\r\n")
    server.stop()


def test_nobody_else_may_look_into_its_folder(data_dir: Path) -> None:
    server = start(data_dir)
    assert stat.S_IMODE(server.socket_path.parent.stat().st_mode) == 0o700
    server.stop()


def test_a_second_daemon_attaches_and_the_last_one_stops_the_server(data_dir: Path) -> None:
    first = start(data_dir)
    second = start(data_dir)
    assert (first.started, second.started) == (True, False)
    assert first.socket_path == second.socket_path
    assert not first.stop()
    assert ask(second.socket_path, "PING") == b"+PONG\r\n"
    assert second.stop()
    assert running(data_dir) is None
    assert not second.stop(), "a second stop does nothing"


def test_what_was_stored_is_there_after_a_clean_stop(data_dir: Path) -> None:
    server = start(data_dir)
    ask(server.socket_path, "SET", "k", "v")
    server.stop()
    server = start(data_dir)
    assert server.started
    assert ask(server.socket_path, "GET", "k") == b"$1\r\nv\r\n"
    server.stop()


def test_the_server_outlives_a_daemon_that_is_killed_and_the_next_one_attaches(data_dir: Path) -> None:
    process, started = daemon(data_dir)
    assert started
    end(process, signal.SIGKILL)
    assert running(data_dir) is not None
    server = start(data_dir)
    assert not server.started
    assert server.stop(), "the killed one does not count any more"


def test_ctrl_c_in_the_terminal_of_the_daemon_does_not_reach_the_server(data_dir: Path) -> None:
    process, _ = daemon(data_dir)
    end(process, signal.SIGINT)
    path = running(data_dir)
    assert path is not None
    assert ask(path, "PING") == b"+PONG\r\n"


def test_a_daemon_elsewhere_keeps_the_server_from_being_stopped(data_dir: Path) -> None:
    process, _ = daemon(data_dir)
    assert not stop(data_dir)
    assert running(data_dir) is not None
    end(process, signal.SIGKILL)
    assert stop(data_dir)
    assert running(data_dir) is None


def test_what_a_dead_server_left_lying_around_is_no_hindrance(data_dir: Path) -> None:
    server = start(data_dir)
    os.kill(pid_of(data_dir), signal.SIGKILL)
    server.revive()
    server.stop()
    (data_dir / "store" / "pid").write_text(f"{os.getpid()}\n")  # somebody else's by now
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(server.socket_path))
    assert running(data_dir) is None
    again = start(data_dir)
    assert again.started
    again.stop()


def test_a_server_whose_socket_was_removed_is_started_again(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "DEAF_LIMIT", timedelta(milliseconds=100))
    server = start(data_dir)
    ask(server.socket_path, "SET", "k", "v")
    server.socket_path.unlink()
    assert server.revive()
    assert ask(server.socket_path, "GET", "k") == b"$1\r\nv\r\n"
    server.stop()


def test_a_folder_too_deep_for_a_socket_gets_one_elsewhere_that_all_find(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    first = start(deep)
    assert len(os.fsencode(first.socket_path)) < 100
    assert stat.S_IMODE(first.socket_path.parent.stat().st_mode) == 0o700
    second = start(deep)
    assert (second.started, second.socket_path) == (False, first.socket_path)
    assert running(deep) == first.socket_path
    second.stop()
    first.stop()
    assert not first.socket_path.parent.exists()
    assert start(deep).stop()


@pytest.mark.parametrize("trap", ["open to others", "a link"])
def test_a_folder_elsewhere_that_somebody_else_may_have_made_is_not_used(tmp_path: Path, trap: str) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    (deep / "store").mkdir(parents=True)
    theirs = tmp_path / "swept-and-made-anew"
    theirs.mkdir(mode=0o700)
    if trap == "a link":
        theirs.rename(tmp_path / "behind")
        theirs.symlink_to(tmp_path / "behind")
    else:
        theirs.chmod(0o777)
    (deep / "store" / "socket-folder").write_text(str(theirs))
    server = start(deep)
    assert server.socket_path.parent != theirs
    assert server.stop()
    assert not list(theirs.iterdir())


def test_a_server_that_can_not_start_is_said_with_its_own_words(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = embedded._command
    monkeypatch.setattr(embedded, "_command", lambda *args: [*command(*args), "--no-such-option", "1"])
    with pytest.raises(EmbeddedError, match=r"ended at its start[\s\S]*no-such-option"):
        Embedded(data_dir)


def test_a_server_that_never_answers_is_given_up_in_time(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_command", lambda *args: ["sleep", "2"])
    with pytest.raises(EmbeddedError, match="does not answer after"):
        start(data_dir, limit=timedelta(milliseconds=50))


def test_looking_for_a_server_where_none_ever_was_leaves_no_trace(tmp_path: Path) -> None:
    assert running(tmp_path / "nowhere") is None
    assert not stop(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
