"""What `check` says about a config before, held against what the machine does in the night: small configs at random, alerts at any minute."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from pager.conditions.condition import DoesNot, Facts
from pager.conditions.condition import check as meets
from pager.model.condition import Condition
from pager.model.config import Config
from pager.model.event import Due
from pager.notify.plan import Providers
from pager.oncall.memo import Rota
from pager.rehearse.check.cases import Subject
from pager.rehearse.check.ground import Ground
from pager.rehearse.check.holes import holes
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.unknowns import World, is_decided
from pager.rehearse.check.walk import walk
from tests.night import CARRIED, Night, config_of

START = datetime(2026, 10, 19, tzinfo=UTC)  # the clocks change on the 25th, at 01:00Z
DAYS = 10
SEEDS = int(os.environ.get("PAGERD_CHECK_SEEDS", "60"))
ZONES = ["UTC", "Europe/Stockholm", "Asia/Kolkata"]
PEOPLE, SERVICES, POLICIES, SCHEDULES = ["ana", "ben", "cyd"], ["db", "web"], ["first", "second"], ["day", "night"]
SEVERITIES = ["critical", "error", "warning", "info"]
EXPRESSIONS = ['severity == "critical"', 'labels["x"] == "1"', "stage >= 2", 'service.startsWith("d")', 'urgency == "low"']


class Dice(Random):
    def some(self, values: list[Any], most: int, least: int = 1) -> list[Any]:
        return self.sample(values, self.randint(least, min(most, len(values))))

    def one_in(self, count: int) -> bool:
        return self.randrange(count) == 0


def hours(dice: Dice) -> dict[str, Any]:
    found: dict[str, Any] = {"from": f"{dice.randint(0, 23):02}:00", "to": f"{dice.randint(0, 23):02}:30"}
    if dice.one_in(2):
        found["days"] = dice.some(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 4)
    if dice.one_in(2):
        found["timezone"] = dice.choice(ZONES)
    if dice.one_in(10):
        found["to_date"] = "2026-10-22"
    return found


def person(dice: Dice) -> dict[str, Any]:
    contact = {"sms": "+34600000001", "email": "a@example.com", "chat": "slack:U0ANA"}
    made: dict[str, Any] = {"name": "N", "contact": {c: contact[c] for c in dice.some(list(contact), 3, 0)}}
    if dice.one_in(4):
        made["away"] = [{"from": f"2026-10-2{dice.randint(0, 4)}T0{dice.randint(0, 9)}:00", "to": "2026-10-25T03:00"}]
    if dice.one_in(4):
        made["ladder"] = {"high": [{"via": ["sms"]}, {"after": "3m", "via": ["chat"]}], "low": [{"via": dice.some(["chat", "email"], 1)}]}
    return made


def schedule(dice: Dice) -> dict[str, Any]:
    layers: list[dict[str, Any]] = []
    for k in range(dice.randint(1, 2)):
        starts = f"2026-10-{dice.randint(1, 24):02}T09:00"
        layer: dict[str, Any] = {"name": f"l{k}", "users": dice.choices([*PEOPLE, None], k=dice.randint(1, 3)), "starts": starts}
        layer["every"] = dice.choice(["12h", "1d", "1w"])
        if dice.one_in(2):
            layer["only"] = [hours(dice)]
        layers.append(layer)
    made: dict[str, Any] = {"timezone": dice.choice(ZONES), "layers": layers}
    if dice.one_in(3):
        kind = dice.choice(["user", "add", "remove"])
        made["overrides"] = [{"from": "2026-10-22T12:00", "to": "2026-10-24T07:00", kind: dice.choice(PEOPLE)}]
    return made


TARGETS = [*(f"user:{p}" for p in PEOPLE), *(f"schedule:{s}" for s in SCHEDULES * 3), "team:all", "team:none", "channel:slack/#x"]


def stage(dice: Dice) -> dict[str, Any]:
    targets = TARGETS + [f"service:{s}" for s in SERVICES] * 2
    made: dict[str, Any] = {"notify": dice.some(targets, 2), "name": dice.choice(["a", "b"]), "ack_timeout": "5m"}
    if dice.one_in(2):
        made["via"] = dice.some(["sms", "email", "chat", "voice"], 2)
    match dice.randint(0, 9):
        case 0:
            made["match"] = {"severity": dice.some(SEVERITIES, 2)}
        case 1:
            made["match"] = {"region": dice.some(["eu", "us"], 2)}
        case 2:
            made["match"] = {"service": dice.choice(SERVICES)}
        case 3 | 4:
            made["if"] = dice.choice(EXPRESSIONS)
        case 5:
            made["during"] = hours(dice)
        case 6 | 7:
            made["wait_for_hours"] = hours(dice)
        case _:
            pass
    return made


def route(dice: Dice) -> dict[str, Any]:
    match dice.randint(0, 3):
        case 0:
            chosen: dict[str, Any] = {"match": {"severity": dice.some(SEVERITIES, 3)}}
        case 1:
            chosen = {"match": {"region": dice.some(["eu", "us"], 2)}}
        case 2:
            chosen = {"match": {"service": dice.some(SERVICES, 2), "severity": dice.some(SEVERITIES, 3)}}
        case _:
            chosen = {"if": 'labels["region"] == "eu"'}
    gives: dict[str, list[Any]] = {"service": SERVICES, "policy": POLICIES, "severity": SEVERITIES, "urgency": ["high", "low"], "start_at": ["a", "b"],
             "suppress": ["why"], "labels": [{"region": "us"}]}  # fmt: skip
    for key in dice.some(list(gives), 2):
        chosen[key] = dice.choice(gives[key])
    return chosen


def texts(dice: Dice) -> str:
    services: dict[str, Any] = {}
    for name in SERVICES:
        services[name] = {"policy": dice.choice(POLICIES)} if dice.randint(0, 4) else {}
        if dice.one_in(3):
            services[name]["sla"] = {"ack": dice.choice(["10m", "7h"]), "resolve": "9h"}
        if dice.one_in(4):
            services[name]["urgency"] = dice.choice(["high", "low"])
        if dice.one_in(2):
            services[name]["support_hours"] = hours(dice)
        if dice.one_in(5):
            services[name]["labels"] = {"region": "eu"}
    made: dict[str, Any] = {
        "settings": {
            "timezone": dice.choice(ZONES), "default_policy": "first", "catch_all": {"notify": ["user:boss"]},
            "ladder": {"high": [{"via": ["chat"]}, {"after": "2m", "via": ["sms"]}], "low": [{"via": ["email"]}]},
        },
        "providers": {"twilio": {"account_sid": "a", "auth_token": "b", "from": "+1"}, "email": {"smtp": "smtp://localhost"}},
        "channels": {"sms": ["twilio"], "email": ["email"]},
        "users": {**{name: person(dice) for name in PEOPLE}, "boss": {"name": "B", "contact": {"sms": "+34600000002"}}},
        "teams": {"all": {"members": ["ana"]}, "none": {"members": []}},
        "schedules": {name: schedule(dice) for name in SCHEDULES},
        "policies": {name: {"stages": [stage(dice) for _ in range(dice.randint(1, 3))]} for name in POLICIES},
        "services": services,
        "routes": [{"name": f"r{k}", **r} for k, r in enumerate(route(dice) for _ in range(dice.randint(0, 3)))],
    }  # fmt: skip
    if dice.one_in(2):
        made["settings"]["digest"] = dice.choice(
            [{}, {"hours": hours(dice)}, {"hours": hours(dice), "high_after": dice.choice(["1m", "50m", "3h"])}]
        )
    if dice.one_in(4):
        made["noise"] = {"limits": {"suppress_at_most": dice.choice(["3h", "2d"])}}
    names = {s.get("name") for p in made["policies"].values() for s in p["stages"]}
    for one in made["routes"]:
        if one.get("start_at") not in names:
            one.pop("start_at", None)
    return json.dumps(made)


def night_of(config: Config, at: datetime, fields: dict[str, Any]) -> Night:
    """Until somebody is paged, or the catch-all is entered."""
    night = Night(config, at)
    night.alert(**fields)
    while not night.sent and not night.said("catch_all.entered"):
        night.now = night.incident.next_deadline or night.now
        night.happen(Due())
    return night


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_night_ends_at_the_catch_all_just_where_check_says_so(seed: int) -> None:
    dice = Dice(seed)
    config = config_of(texts(dice))
    providers = Providers.of(config, CARRIED)
    scene = Scene(Ground(config, providers, Rota.of(config), START, START + timedelta(days=DAYS)))
    for _ in range(3):
        _hold(scene, dice)


def _hold(scene: Scene, dice: Dice) -> None:
    config = scene.ground.config
    service, severity = dice.choice([*SERVICES, ""]), dice.choice(SEVERITIES)
    region, x = dice.choice(["", "eu", "us", "mars"]), dice.choice(["", "1", "2"])
    minutes = [dice.randrange(DAYS * 24 * 60) for _ in range(3)]
    labels = {name: value for name, value in (("region", region), ("x", x)) if value}
    fields: dict[str, Any] = {"severity": severity, "service": service, "labels": labels}
    probe = Night(config, START)
    probe.alert(**fields)
    assert probe.snapshot.record is not None
    assigned = probe.rules.assign(probe.snapshot.record.alert, START)
    if assigned.suppress:
        return
    subject = Subject(assigned.service, assigned.severity, assigned.route)
    [case] = [c for c in scene.cases if subject in c.subjects]
    assert case.policy == assigned.policy
    facts = Facts.of(probe.snapshot.record.alert, labels=assigned.labels, severity=assigned.severity, service=assigned.service)
    asked = {c.expression for c in scene.policies.conditions(case.policy) if c.expression and not is_decided(c.expression)}
    false = frozenset(e for e in asked if isinstance(meets(Condition(expression=e), facts), DoesNot))
    world = World({f"labels.{name}": value for name, value in labels.items()}, false=false)
    found = holes(scene.ground, scene.policies, case, world)
    edges = [moment for hole in found for moment in (hole.span[0], hole.span[1] - timedelta(minutes=1))][:4]
    for at in [*(START + timedelta(minutes=m) for m in minutes), *edges]:
        at = max(at, START)
        night = night_of(config, at, fields)
        is_hole = any(hole.span[0] <= at < hole.span[1] for hole in found)
        assert night.said("catch_all.entered") != [] if is_hole else night.sent[0].page.stage >= 0
        assert walk(scene.ground, case, world, at).at == (None if is_hole else night.now)
        if is_hole:
            assert any(finding.case == case for finding in scene.findings)
