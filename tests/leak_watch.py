"""Fails the session when a secret stands in a log: of the daemons that tests started, or in what a test logged and printed itself.

With several processes each looks at what is its own, by the secrets that it knows, and hands what it found to the one that began the
session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.leaks import KNOWN, LOGS, leaks

_HANDED_ON = "leaks"


class LeakWatch:
    def __init__(self) -> None:
        self.found: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for title, text in report.sections:
            self._look(f"{report.nodeid}, {title}", text)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for log in LOGS:
            if log.exists():
                self._look(str(log), log.read_text(errors="replace"))
        if self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        handed_on: dict[str, Any] | None = getattr(session.config, "workeroutput", None)  # only where another process began the session
        if handed_on is not None:
            handed_on[_HANDED_ON] = self.found

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A process of the session has ended. One that crashed hands on nothing; that fails the session anyway."""
        self._note(getattr(node, "workeroutput", {}).get(_HANDED_ON, []))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.found:
            terminalreporter.section("secrets in logs", red=True)
            for line in self.found:
                terminalreporter.line(line)

    def _look(self, where: str, text: str) -> None:
        self._note([f"{where}: {what}" for what in leaks(text, KNOWN)])

    def _note(self, lines: list[str]) -> None:
        # Each once and where it stands: a log that leaks does so in every line.
        self.found += [line for line in dict.fromkeys(lines) if line not in self.found]
