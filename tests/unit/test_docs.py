"""What the docs say is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pager.channels.slack import SCOPES
from pager.channels.slack_roster import GROUP_SCOPES, TOPIC_SCOPES
from pager.cli.main import app
from pager.config import json_schema, load
from pager.escalate.due import MOVES, SMALL, STEPS
from pager.escalate.table import EVENTS, TABLE
from pager.intake.sources import READERS
from pager.model.incident import DeadlineKind, State

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "deploy" / "README.md", ROOT / "CONTRIBUTING.md"]
MARKS = ("<!-- table -->\n", "<!-- /table -->")


def machine_table() -> str:
    """The machine's table as Markdown: a row an event, a column a state."""

    def cell(state: State, event: str) -> str:
        step = TABLE.get((state, event))
        return f"`{step.__module__.rsplit('.', 1)[1]}.{step.__name__}`" if step else ""

    rows = [f"| {event} | " + " | ".join(cell(state, event) for state in State) + " |" for event in EVENTS]
    return "\n".join(["| event | " + " | ".join(State) + " |", "|---" * (len(State) + 1) + "|", *rows]) + "\n"


def deadline_table() -> str:
    """What each deadline does when it comes."""
    rows = [f"| {kind} | moves the chain: `due.{STEPS[kind].__name__.lstrip('_')}` |" for kind in MOVES]
    rows += [f"| {kind} | inside the stage: `due.{step.__name__.lstrip('_')}` |" for kind, step in SMALL.items()]
    rows += ["| sla_ack_soon, sla_resolve_soon | people are told: `sla.tell_soon` |", "| resolve_after | `opening.quiet_for_long` |"]
    rows += ["| suppressed | is it muted still? `muting.on_time` |", "| stable | `flapping.is_stable` |"]
    rows += ["| hushed | is one of a group's alerts muted still? `grouped.still_hushed` |"]
    return "\n".join(["| deadline | what it does |", "|---|---|", *rows]) + "\n"


def test_every_deadline_does_something() -> None:
    done = {
        *MOVES,
        *SMALL,
        *(k for k in DeadlineKind if k.endswith("_soon")),
        DeadlineKind.RESOLVE_AFTER,
        DeadlineKind.SUPPRESSED,
        DeadlineKind.HUSHED,
        DeadlineKind.STABLE,
        DeadlineKind.STORM,
    }
    assert done == set(DeadlineKind)


def test_the_table_in_the_docs_is_the_machines() -> None:
    text = (ROOT / "docs" / "escalation.md").read_text()
    shown = text.split(MARKS[0])[1].split(MARKS[1])[0]
    due = machine_table() + "\n" + deadline_table()
    assert shown == due, f"put this between the marks:\n{due}"


NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "docs" / "security.md").read_text())


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_the_threat_model_names_is_there(file: str, test: str) -> None:
    assert f"def {test}(" in (ROOT / "tests" / file).read_text()


def test_every_part_of_the_threat_model_says_what_is_left_open() -> None:
    parts = (ROOT / "docs" / "security.md").read_text().split("\n## ")[1:]
    assert len(parts) == 9
    assert all("Left open: " in part or "review it like code" in part for part in parts)
    assert len(NAMED) > 40


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_files_named_are_there(page: Path) -> None:
    for name in re.findall(r"`((?:pager|tests|docs|deploy)/[\w./]+)`", page.read_text()):
        assert (ROOT / name).exists(), f"{page.name} names {name}"


def test_commands_named_exist() -> None:
    known = {c.name or (c.callback.__name__ if c.callback else "") for c in app.registered_commands} | {
        g.name for g in app.registered_groups
    }
    for page in PAGES:
        for name in re.findall(r"(?:^\s{4}|`|; )pagerd ([a-z]+)", page.read_text(), re.MULTILINE):
            assert name in known, f"{page.name} names pagerd {name}"


def test_make_targets_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"`make ([a-z]+)`|^\s{4}make ([a-z]+)", page.read_text(), re.MULTILINE)) <= {
            pair for t in targets for pair in ((t, ""), ("", t))
        }, page.name


def test_every_key_of_the_config_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    missing = {
        key for key in _keys(json_schema()["properties"]) | _keys(json_schema()["$defs"]) if not re.search(rf"\b{re.escape(key)}\b", text)
    }
    assert missing == set()


def test_the_published_schema_is_the_present_one() -> None:
    assert json.loads((ROOT / "docs" / "config.schema.json").read_text()) == json_schema(), (
        "renew it: pagerd check --schema > docs/config.schema.json"
    )


def test_the_example_config_is_good() -> None:
    loaded = load(ROOT / "config", {})
    assert loaded.config is not None, loaded.problems
    assert loaded.config.settings.demo


def _keys(schema: Any) -> set[str]:
    found: set[str] = set()
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {})) if isinstance(schema.get("properties"), dict) else set()
        for inner in schema.values():
            found |= _keys(inner)
    elif isinstance(schema, list):
        for inner in schema:
            found |= _keys(inner)
    return found


def test_the_manifest_to_paste_asks_for_what_the_adapter_needs() -> None:
    [pasted] = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    manifest = yaml.safe_load(pasted)
    granted = set(manifest["oauth_config"]["scopes"]["bot"])
    assert granted == {*SCOPES, *GROUP_SCOPES, *TOPIC_SCOPES, "app_mentions:read", "commands"}
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == ["app_mention", "message.im"]


def test_the_alert_to_post_is_taken_by_the_config_that_comes_along() -> None:
    [body, kind, key] = re.findall(r"curl -d '([^']+)' http://127.0.0.1:8080/in/(\w+)/(\S+)", (ROOT / "README.md").read_text())[0]
    config = load(ROOT / "config", {}).config
    assert config is not None
    [integration] = [i for i in config.integrations.values() if (i.kind, i.key) == (kind, key)]
    [alert] = READERS[kind](json.loads(body), integration)
    assert (alert.summary, alert.service, alert.notes) == ("disk full on db1", "db", ())
