"""The project's own promises: locked, pure of hosts, in rooms of a size to live in."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_names_no_host_and_pins_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    for entry in re.split(r"\n(?=[a-z])", text.strip()):
        assert re.match(r"[A-Za-z0-9._-]+==", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = [set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS]
    for wanted, names in ((project["dependencies"], locked[0]), (project["optional-dependencies"]["dev"], locked[1])):
        for requirement in wanted:
            name = re.match(r"[A-Za-z0-9._-]+", requirement)
            assert name is not None
            assert name[0].lower() in names, requirement


@pytest.mark.parametrize("file", sorted((ROOT / "pager").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_of_a_size_to_live_in_and_says_what_it_is(file: Path) -> None:
    text = file.read_text()
    assert text.count("\n") <= 350
    assert ast.get_docstring(ast.parse(text)), "a file begins by saying what it is"


def test_every_script_declares_its_engine() -> None:
    for script in (ROOT / "pager" / "store" / "lua").glob("*.lua"):
        assert script.read_text().startswith("#!lua"), script.name
