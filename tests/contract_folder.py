"""Where the contract by example is, for tests that read it; a test that can't find it skips loudly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def contract(name: str) -> Path:
    """A folder of the contract: PAGERD_CONTRACT, else `shared` beside the checkout."""
    folder = Path(os.environ.get("PAGERD_CONTRACT") or Path(__file__).parents[2] / "shared") / name
    if not folder.is_dir():
        pytest.skip(f"LOUD: {folder} is not there, so {name} is not tried; set PAGERD_CONTRACT")
    return folder
