from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.installation import Installation


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation; whatever folder a command names, the store is the office's."""
    made = Installation(tmp_path / "config")
    monkeypatch.setattr("pager.wiring.desk.open_desk", made.open_desk)
    monkeypatch.setattr("pager.wiring.facts.read_facts", made.read_facts)
    return made
