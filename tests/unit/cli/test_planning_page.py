"""What docs/planning.md shows is what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.unit.cli.installation import Installation
from tests.unit.cli.test_plan import commit, git

PAGE = (Path(__file__).parents[3] / "docs" / "planning.md").read_text()
[CONFIG] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
[EDIT] = re.findall(r"```diff\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = re.findall(r"```(?:text)?\n\$ pagerd (.*?)\n(.*?)```", PAGE, re.DOTALL)


def without_commits(text: str) -> str:
    """A commit's name comes from its time as well; lines end without the blanks that a page can't show."""
    return "\n".join(line.rstrip() for line in re.sub(r"\b[0-9a-f]{7}\b", "1a2b3c4", text).splitlines())


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_an_example_of_the_page_is_so(
    office: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, shown: str
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    office.write(CONFIG)
    commit(tmp_path)
    if command.startswith("plan"):
        git(tmp_path, "checkout", "-q", "-b", "wedding")
        kept, added = (next(line[1:] for line in EDIT.splitlines() if line.startswith(sign)) for sign in " +")
        assert kept in CONFIG
        office.write(CONFIG.replace(kept, f"{kept}\n{added}"))
        commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = office.pagerd(*shlex.split(command))
    assert result.exit_code == 0, result.output
    assert without_commits(shown) == without_commits(result.stdout), f"\n{result.stdout}"


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4
