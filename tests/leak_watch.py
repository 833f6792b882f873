"""Fails the session when a secret stands in a log: of the daemons that tests started, or in what a test logged and printed itself."""

from __future__ import annotations

import pytest

from tests.leaks import KNOWN, LOGS, leaks


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

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.found:
            terminalreporter.section("secrets in logs", red=True)
            for line in self.found:
                terminalreporter.line(line)

    def _look(self, where: str, text: str) -> None:
        # Each once and where it stands: a log that leaks does so in every line.
        self.found += [line for what in leaks(text, KNOWN) if (line := f"{where}: {what}") not in self.found]
