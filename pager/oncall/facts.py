"""What is known besides the config, held against it: people and schedules may have left it since."""

from __future__ import annotations

from collections.abc import Collection

from pager.model.rota import RotaFacts
from pager.model.schedule import Override


def left_out(facts: RotaFacts, schedules: Collection[str], people: Collection[str]) -> tuple[str, ...]:
    """A sentence for each override that is not in force."""
    found = (why_not(name, override, schedules, people) for name, overrides in facts.overrides.items() for override in overrides)
    return tuple(why for why in found if why)


def why_not(schedule: str, override: Override, schedules: Collection[str], people: Collection[str]) -> str:
    """Why an override of that schedule is not in force; empty where it is."""
    if schedule not in schedules:
        return f"override {override.id}: schedule {schedule} is not in the config"
    if override.user not in people:
        return f"override {override.id} of {schedule}: {override.user} is not in the config"
    return ""
