"""What all tests share."""

from __future__ import annotations

import os

import pytest
import structlog
from hypothesis import settings

from pager.telemetry import processors
from tests.leak_watch import LeakWatch

# A build repeats what the last one tried; whoever works on the code tries something new each time.
# A machine that is busy with other things is no fault: what takes too long is stopped by pytest.
settings.register_profile("house", max_examples=50, deadline=None)
settings.register_profile("ci", settings.get_profile("house"), derandomize=True)
settings.register_profile("explore", settings.get_profile("house"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "house"))

structlog.configure(processors=processors(on_terminal=True))  # a test logs as the daemon does


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeakWatch(), "leak-watch")
