"""Whatever stands in the folder, `load` answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.config import Loaded, json_schema, load, load_settings, not_active_yet, without_secrets
from pager.config.sections import SECTIONS


def keys_of(schema: Any) -> Iterator[str]:
    """Every key that the config knows, from its schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from keys_of(inner)


KEYS = sorted(set(keys_of(json_schema())))
WORDS = [
    "", "5m", "0s", "99999999999999999999w", "1mo", "9999999mo", "09:00", "24:00", "2026-01-05T09:00", "9999-12-31T23:59", "0001-01-01", "Europe/Madrid",
    "Europe", "user:ana", "team:t", "schedule:s/next", "channel:slack/#x", "user:", ":", "${A}", "${", "$${A}", "high", "mon", "sms", "critical", "off",
    "10/1m", "3 in 1h", "+34600000001", "severity == 'error'", "1 +", "(", "a{9,1}", "\x00", "\ud7ff", "generic", "twilio", "all", "repeat",
]  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=5),
    max_leaves=40,
)
lines = st.lists(
    st.sampled_from(
        ["a: ", "- ", "  ", "\t", "[", "]", "{", "}", "&x ", "*x", "!!str ", "? ", "|\n", "'", '"', "#", "---\n", "%YAML 1.3\n", "\n", ","]
    )
)


def loaded(*files: bytes) -> Loaded:
    """What comes of the files; the other readers of the folder must not raise, either."""
    with TemporaryDirectory() as folder:
        for number, content in enumerate(files):
            Path(folder, f"{number}.yaml").write_bytes(content)
        load_settings(Path(folder), {"A": "x"})
        found = load(Path(folder), {"A": "x"})
    if found.config is not None:
        not_active_yet(without_secrets(found.config))
    assert (found.config is None) == any(problem.level == "error" for problem in found.problems)
    assert all(problem.message and problem.file and problem.line >= 0 for problem in found.problems)
    return found


@pytest.mark.parametrize("section", SECTIONS)
@given(trees)
def test_no_section_raises_for_what_stands_in_it(section: str, tree: Any) -> None:
    loaded(json.dumps({section: tree}).encode())


@pytest.mark.parametrize("section", SECTIONS)
@given(st.dictionaries(st.sampled_from(["ana", "t", "s"]), st.dictionaries(st.sampled_from(KEYS), trees, max_size=6), max_size=3))
def test_no_section_raises_for_entries_of_the_right_shape(section: str, tree: Any) -> None:
    loaded(json.dumps({section: tree}).encode(), json.dumps({section: list(tree.values())}).encode())


@given(
    st.lists(
        st.binary(max_size=100) | lines.map(lambda parts: "".join(parts).encode()) | st.text(max_size=100).map(str.encode),
        min_size=1,
        max_size=3,
    )
)
def test_no_files_raise(files: list[bytes]) -> None:
    loaded(*files)
