"""What the daemon is made of: pinned by hash, free to use in a product, and listed the same way each time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKED: dict[str, str] = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
ELSEWHERE = set(re.findall(r"^([A-Za-z0-9._-]+)==\S+ ; ", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
"""Only for some platform or Python."""
PERMISSIVE = {
    "MIT": "MIT", "MIT License": "MIT",
    "Apache-2.0": "Apache-2.0", "Apache 2.0": "Apache-2.0", "Apache Software License": "Apache-2.0",
    "BSD-2-Clause": "BSD", "BSD-3-Clause": "BSD", "BSD License": "BSD",
    "ISC": "ISC", "ISC License": "ISC", "ISC License (ISCL)": "ISC",
    "PSF-2.0": "PSF-2.0", "Python Software Foundation License": "PSF-2.0",
}  # fmt: skip
NOT_PERMISSIVE = {"certifi": "MPL 2.0"}
"""Each is named in docs/security.md, with why it is there all the same."""


def licences(name: str) -> list[str]:
    """By the package's own metadata: the expression, else the classifiers, else the field of old."""
    told = metadata(name)

    def of(field: str) -> list[str]:
        return [value for value in told.get_all(field) or [] if value]

    if expressions := of("License-Expression"):
        return re.split(r" (?:AND|OR) ", expressions[0].replace("(", "").replace(")", ""))
    classifiers = [c.rpartition(" :: ")[2] for c in of("Classifier") if c.startswith("License :: OSI Approved :: ")]
    return classifiers or [text.strip() for text in of("License")] or ["none"]


@pytest.mark.parametrize("name", sorted(LOCKED))
def test_what_the_daemon_needs_is_permissively_licensed(name: str) -> None:
    try:
        found = licences(name)
    except PackageNotFoundError:
        assert name in ELSEWHERE, "it is locked for here, and not installed"
        return
    if name in NOT_PERMISSIVE:
        assert NOT_PERMISSIVE[name] in " ".join(found)
    else:
        assert set(found) <= PERMISSIVE.keys()


@pytest.mark.parametrize("name", sorted(NOT_PERMISSIVE))
def test_what_is_not_is_said(name: str) -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    assert f"`{name}`" in text
    assert NOT_PERMISSIVE[name] in text


def test_the_list_of_parts_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("NO `make` HERE: no list of parts was made")
    stamp = ".venv/dev.stamp"
    texts = []
    for name, more in (("one.json", ""), ("two.json", "--no-validate")):  # what is the same is as valid
        command = ["make", "-s", "-o", stamp, f"BIN={Path(sys.executable).parent}", "sbom", f"SBOM={tmp_path / name}", f"ARGS={more}"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    assert str(ROOT) not in texts[0]
    parts = json.loads(texts[0])
    assert parts["bomFormat"] == "CycloneDX"
    assert parts["metadata"]["component"]["name"] == "pagerd"
    assert not {"serialNumber"} & parts.keys()
    assert "timestamp" not in parts["metadata"]
    assert {part["name"]: part["version"] for part in parts["components"]} == LOCKED
    assert all(part["externalReferences"][0]["hashes"] for part in parts["components"])


def test_an_audit_that_could_not_look_something_up_fails() -> None:
    makefile = (ROOT / "Makefile").read_text()
    lines = [line for line in makefile.splitlines() if "pip-audit" in line]
    assert {line.rsplit(" ", 1)[1] for line in lines} == {"requirements.lock", "requirements-dev.lock"}
    assert all("--strict" in line and "--require-hashes" in line for line in lines)
