"""Names that are filled in when an incident comes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from string import Formatter

from pager.model.problem import Level, Problem
from pager.rehearse.check.ground import problem
from pager.rehearse.check.scene import Scene

FIELDS = {"number": "1234", "service": "checkout", "severity": "critical", "team": "payments", "policy": "payments", "date": "2026-01-05"}
"""What a template may name, with what a try is filled with."""
_ROOM = re.compile(r"#[a-z0-9_\-]{1,80}")


def templates(scene: Scene) -> Iterable[Problem]:
    for policy in scene.ground.config.policies.values():
        for k, stage in enumerate(policy.stages):
            wrong = wrong_with(stage.major_incident) if stage.major_incident is not None else ""
            if wrong:
                path = f"policies.{policy.name}.stages[{k}].major_incident.channel"
                yield problem(Level.ERROR, stage.origin, path, f"{stage.major_incident!r} {wrong}", "such as #inc-{number}")


def wrong_with(template: str) -> str:
    """What is wrong with the name of a chat channel to be; empty when it can be filled in."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        return f"can't be filled in: {error}"
    for _, field, form, conversion in parts:
        if field is not None and (field not in FIELDS or form or conversion):
            whole = field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            return f"can't be filled in: there is no {{{whole}}}, only {', '.join(f'{{{name}}}' for name in FIELDS)}"
    filled = template.format(**FIELDS)
    return (
        "" if _ROOM.fullmatch(filled) else f"gives {filled!r}, which is no name of a chat channel: small letters, digits, - and _ after #"
    )
