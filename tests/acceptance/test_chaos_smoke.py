"""A few seconds of what `make chaos` does for minutes: enough to see that it still works."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.chaos.run import Plan, chaos

FAULTS = ("worker.kill", "store.kill", "net.blip")


async def test_a_few_seconds_of_chaos_break_no_promise() -> None:
    plan = Plan(seconds=3, seed=3, rate=8, ack=1, stretch=0.1, calm=(0.2, 0.5), only=FAULTS, disk_mb=0, workers=2, quiet=1.5)
    with tempfile.TemporaryDirectory(prefix="pagerd-chaos-") as folder:  # a socket's path must be short
        result = await chaos(Path(folder), plan)
    assert not result.findings.violations, result.text
    assert result.evidence.faults, result.text
    assert len(result.evidence.pages) > 10, result.text
