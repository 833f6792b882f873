"""What a log shows of a fault."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from pager import telemetry


@pytest.fixture
def _as_it_was() -> Iterator[None]:
    before: dict[str, Any] = structlog.get_config()
    handlers = logging.root.handlers[:]
    yield
    structlog.configure(**before)
    logging.root.handlers[:] = handlers


@pytest.mark.usefixtures("_as_it_was")
@pytest.mark.parametrize("on_terminal", [True, False])
def test_a_traceback_shows_no_variables(on_terminal: bool, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.set_up_logs(on_terminal=on_terminal)
    auth_token = "hunter2-hunter2"
    try:
        raise RuntimeError(f"a token of {len(auth_token)} characters")
    except RuntimeError:
        structlog.get_logger().exception("loop.failed")
    told = "".join(capsys.readouterr())
    assert "a token of 15 characters" in told
    assert "test_telemetry.py" in told, "where it happened"
    assert auth_token not in told


def test_silences_are_counted_as_one_and_states_without_an_incident_as_none() -> None:
    metrics = telemetry.Metrics()
    for kind, rule in (("silence", "1"), ("silence", "2"), ("pause", "transient")):
        metrics.muted(kind, rule, 1)
    metrics.incidents({"suppressed": 3, "triggered": 1})
    metrics.incidents({"triggered": 1})
    shown = metrics.text().decode()
    assert 'pagerd_muted_total{kind="silence",rule=""} 2.0' in shown
    assert 'pagerd_muted_total{kind="pause",rule="transient"} 1.0' in shown
    assert "pagerd_suppressed_incidents 0.0" in shown
    assert 'pagerd_incidents{state="suppressed"} 0.0' in shown
