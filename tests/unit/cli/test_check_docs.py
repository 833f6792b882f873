"""Each example of docs/check.md, tried: what is printed there is what `pagerd check` prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pager.rehearse.check import CHECKS
from tests.unit.cli.installation import Installation

TEXT = (Path(__file__).parents[3] / "docs" / "check.md").read_text()
[BASE] = re.findall(r"<!-- installation -->\n```yaml\n(.*?)```", TEXT, re.DOTALL)
EXAMPLES = re.findall(r"### ([^\n]+)\n(?:[^`#][^\n]*\n)*```yaml\n(.*?)```\n```text\n(.*?)```", TEXT, re.DOTALL)
HORIZON = re.findall(r"checked with `(--at \S+ --for \S+)`", TEXT)[0].split()


def printed(office: Installation, example: str) -> list[str]:
    office.write(BASE)
    (office.folder / "example.yaml").write_text(example)
    return [line for line in office.pagerd("check", *HORIZON).stdout.splitlines()[:-1] if line not in alone(office)]


def alone(office: Installation) -> list[str]:
    (office.folder / "example.yaml").rename(office.folder / "example.txt")
    lines = office.pagerd("check", *HORIZON).stdout.splitlines()[:-1]
    (office.folder / "example.txt").rename(office.folder / "example.yaml")
    return lines


def test_the_installation_of_the_examples_is_good(office: Installation) -> None:
    office.write(BASE)
    assert office.pagerd("check", *HORIZON).stdout == "0 errors, 0 warnings, 0 notes: good\n"


@pytest.mark.parametrize(("example", "said"), [(e, s) for _, e, s in EXAMPLES], ids=[title for title, *_ in EXAMPLES])
def test_an_example_gives_what_stands_below_it(office: Installation, example: str, said: str) -> None:
    assert printed(office, example) == said.splitlines()
    assert said


def test_every_heading_with_an_example_says_the_level_it_gives() -> None:
    assert len(EXAMPLES) > 12
    for title, _, said in EXAMPLES:
        levels = set(re.findall(r": (error|warning|note): (?!.*not active yet)", said))
        assert levels <= set(re.findall(r"error|warning|note", title)), title


def test_the_workflow_is_one() -> None:
    [workflow] = re.findall(r"```yaml\n(name: on call.*?)```", TEXT, re.DOTALL)
    steps = yaml.safe_load(workflow)["jobs"]["check"]["steps"]
    assert steps[-1]["run"] == "pagerd check config"


def test_there_are_no_two_checks_of_a_name() -> None:
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)
