"""What deploy/ promises: nobody's root, nothing to write to but the data, nothing to build with, versions that are named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
UNIT = (ROOT / "deploy" / "pagerd.service").read_text()


def instructions(stage: int) -> list[tuple[str, str]]:
    """Of one stage: each instruction and what it says."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    stages = re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]
    return [(word, rest) for line in stages[stage].splitlines() if line for word, _, rest in [line.partition(" ")]]


def test_the_image_is_built_in_one_stage_and_run_in_another_that_can_build_nothing() -> None:
    assert len(re.findall(r"^FROM ", DOCKERFILE, re.MULTILINE)) == 2
    first, last = instructions(0), instructions(-1)
    assert ("RUN", "python -m venv --without-pip /app") in first
    assert any("--require-hashes -r requirements.lock" in rest for _, rest in first)
    assert "pip uninstall" in dict(last)["RUN"]
    assert not any(tool in DOCKERFILE for tool in ("apt-get", "gcc", "build-essential", "curl", "wget"))
    assert [rest for word, rest in last if word == "COPY"] == ["--from=build /app /app"]


def test_the_image_runs_as_a_number_that_is_not_root_and_knows_whether_it_lives() -> None:
    last = dict(instructions(-1))
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"])
    assert f"-o {last['USER'].split(':')[0]} " in last["RUN"], "the data folder is theirs"
    assert "/healthz" in last["HEALTHCHECK"]
    assert json.loads(last["HEALTHCHECK"].partition(" CMD ")[2])[0] == "python"
    assert "PYTHONDONTWRITEBYTECODE=1" in last["ENV"]
    assert last["VOLUME"] == "/data"


def test_every_image_has_a_version() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) + [s["image"] for s in COMPOSE["services"].values() if "image" in s]
    for image in bases:
        assert re.search(r":\d", image), image
        assert not image.endswith(":latest")
    assert len({base for base in bases if base.startswith("python")}) == 1


def test_the_image_is_made_of_what_is_named_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = {name for word, rest in instructions(0) if word == "COPY" for name in rest.split()[:-1]}
    assert allowed == {name.removeprefix("./") for name in copied}


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_has_no_more_than_it_needs(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert not {"privileged", "cap_add", "pid", "network_mode"} & service.keys()
    assert not any("docker.sock" in str(volume) for volume in service["volumes"])


def test_the_composed_pagerd_is_the_image_and_its_store_is_seen_by_nobody_else() -> None:
    pagerd, valkey = COMPOSE["services"]["pagerd"], COMPOSE["services"]["valkey"]
    assert pagerd["user"] == dict(instructions(-1))["USER"]
    assert (ROOT / "deploy" / pagerd["build"]["context"] / pagerd["build"]["dockerfile"]).is_file()
    assert "./config:/config:ro" in pagerd["volumes"]
    assert all(port.startswith("127.0.0.1:") for port in pagerd["ports"])
    assert "ports" not in valkey
    assert (valkey["networks"], COMPOSE["networks"]["store"]) == (["store"], {"internal": True})


@pytest.mark.parametrize(
    "line", ["DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "CapabilityBoundingSet="]
)
def test_the_systemd_unit_is_shut_in_too(line: str) -> None:
    assert line in UNIT.splitlines()
