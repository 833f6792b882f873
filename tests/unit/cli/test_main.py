"""Which installation a command speaks of, how it ends, and what it loads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pager import __version__
from pager.wiring.doctor import Finding
from tests.unit.cli.installation import Installation, unreachable

COMMANDS = {
    "run",
    "doctor",
    "check",
    "who",
    "plan",
    "send",
    "list",
    "show",
    "ack",
    "resolve",
    "escalate",
    "snooze",
    "assign",
    "note",
    "dead",
}


class TestWhichInstallation:
    @pytest.mark.parametrize(
        ("words", "environment", "folder"),
        [
            (("list",), None, "config"),
            (("list",), "env", "env"),
            (("--config", "before", "list"), "env", "before"),
            (("list", "--config", "after"), "env", "after"),
            (("--config", "before", "list", "--config", "after"), None, "after"),
            (("--config", "before", "list", "--config", "config"), None, "config"),
            (("--config", "before", "dead", "list"), None, "before"),
            (("dead", "list", "--config", "after"), "env", "after"),
        ],
    )
    def test_it_is_the_nearest_that_is_named(
        self, office: Installation, words: tuple[str, ...], environment: str | None, folder: str
    ) -> None:
        result = office.pagerd(*words, PAGERD_CONFIG=environment)
        assert result.exit_code == 0, result.output
        assert office.opened == [Path(folder)]


class TestHowItEnds:
    @pytest.mark.parametrize("words", [("list",), ("show", "1"), ("send", "--summary", "x"), ("dead", "list"), ("dead", "retry", "--all")])
    def test_a_store_that_is_not_there_is_a_3_with_what_was_tried(
        self, office: Installation, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pager.wiring.desk.open_desk", unreachable("no store at 127.0.0.1:1: start the daemon with `pagerd run`"))
        result = office.pagerd(*words)
        assert (result.exit_code, result.stdout) == (3, "")
        assert "no store at 127.0.0.1:1: start the daemon with `pagerd run`" in result.stderr
        assert f"config folder: {office.folder}" in result.stderr

    def test_a_store_that_goes_away_meanwhile_is_a_3(self, office: Installation) -> None:
        office.store.down = True
        assert office.pagerd("list").exit_code == 3

    def test_a_folder_that_is_not_there_is_said_along(self, office: Installation) -> None:
        office.store.down = True
        assert "there is no folder nowhere" in office.pagerd("list", "--config", "nowhere").stderr

    def test_an_address_that_is_none_is_a_3(self, tmp_path: Path) -> None:
        office = Installation(tmp_path / "config")
        office.write('settings: {redis: {url: "http://127.0.0.1"}}')
        result = office.pagerd("list")
        assert result.exit_code == 3
        assert "redis://" in result.stderr

    def test_nobody_at_the_address_is_a_3_that_names_it(self, tmp_path: Path) -> None:
        office = Installation(tmp_path / "config")
        office.write('settings: {redis: {url: "redis://127.0.0.1:1/0"}}')
        result = office.pagerd("ack", "1")
        assert result.exit_code == 3
        assert result.stderr.startswith("NOT recorded: ")
        assert "127.0.0.1:1" in result.stderr

    @pytest.mark.parametrize("words", [("explode",), ("ack",), ("list", "--colour"), ("snooze", "1")])
    def test_what_is_no_command_is_a_2(self, office: Installation, words: tuple[str, ...]) -> None:
        assert office.pagerd(*words).exit_code == 2


class TestDoctor:
    def examined(self, office: Installation, monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> tuple[int, str]:
        async def examine(folder: Path, environment: Mapping[str, str]) -> list[Finding]:
            assert folder == office.folder
            return list(findings)

        monkeypatch.setattr("pager.wiring.doctor.doctor", examine)
        result = office.pagerd("doctor")
        return result.exit_code, result.stdout

    def test_a_line_a_finding_with_what_to_do(self, office: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        well, ill = Finding(True, "store: answers"), Finding(False, "provider twilio: 20003 [authenticate]", "renew the token")
        assert self.examined(office, monkeypatch, well, ill) == (
            1,
            "ok  store: answers\nno  provider twilio: 20003 [authenticate] -> renew the token\n",
        )

    def test_all_well_is_a_0(self, office: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.examined(office, monkeypatch, Finding(True, "store: answers")) == (0, "ok  store: answers\n")


class TestRun:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str | None, frozenset[str]]]:
        asked: list[tuple[Path, str | None, frozenset[str]]] = []

        def run(folder: Path, environment: Mapping[str, str], listen: str | None, roles: frozenset[str]) -> int:
            asked.append((folder, listen, roles))
            return 1

        monkeypatch.setattr("pager.daemon.run", run)
        return asked

    def test_it_ends_as_the_daemon_does(self, office: Installation, asked: list[tuple[Path, str | None, frozenset[str]]]) -> None:
        assert office.pagerd("run", "--listen", "127.0.0.1:1").exit_code == 1
        assert asked == [(office.folder, "127.0.0.1:1", frozenset({"intake", "ingest", "deadlines", "deliver", "web", "cadence"}))]

    def test_it_does_a_part(self, office: Installation, asked: list[tuple[Path, str | None, frozenset[str]]]) -> None:
        office.pagerd("run", "--roles", "deliver, web")
        assert asked == [(office.folder, None, frozenset({"deliver", "web"}))]

    @pytest.mark.parametrize(("roles", "why"), [("web,paging", "no role 'paging'"), (",", "no role is given")])
    def test_an_unknown_role_is_a_2(
        self, office: Installation, asked: list[tuple[Path, str | None, frozenset[str]]], roles: str, why: str
    ) -> None:
        result = office.pagerd("run", "--roles", roles)
        assert (result.exit_code, asked) == (2, [])
        assert why in result.stderr
        assert "any of intake, ingest, deadlines, deliver, web, cadence" in result.stderr


class TestWhatItOffers:
    def test_help_names_every_command(self, office: Installation) -> None:
        text = office.pagerd("--help").stdout
        assert set(text.split()) >= COMMANDS
        assert max(len(line) for line in text.splitlines()) <= 80

    def test_the_version(self, office: Installation) -> None:
        assert office.pagerd("--version").stdout == f"pagerd {__version__}\n"

    def test_it_starts_without_the_libraries_that_only_some_commands_need(self) -> None:
        slow = {"aiohttp", "apscheduler", "cel_expr_python", "pager.wiring", "hiredis", "rich", "starlette", "twilio", "uvicorn"}
        program = f"import sys, pager.cli.main; print(*sorted({slow!r} & sys.modules.keys()))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.split() == []
