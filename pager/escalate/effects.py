"""What the machine asks of its surroundings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from pager.conditions.condition import Facts
from pager.model.config import Config
from pager.model.event import Fault
from pager.model.hours import Hours
from pager.model.incident import Incident, Page, Run
from pager.model.outgoing import Planned
from pager.model.person import Rung
from pager.model.schedule import OnCall
from pager.oncall.windows import Standing


class Planner(Protocol):
    """Who carries a page where. Written in `pager.notify.plan`."""

    def ladder(self, user: str, incident: Incident) -> tuple[Rung, ...]:
        """The person's rungs for the incident's urgency."""

    def every_way(self, user: str) -> tuple[Rung, ...]:
        """One rung over every channel the person can be reached on: for when the ladder reaches nobody."""

    def pages(self, incident: Incident, run: Run, due_at: datetime, now: datetime) -> Planned:
        """The pages of the run's present rung."""

    def instead(self, incident: Incident, page: Page, fault: Fault) -> Page | None:
        """What to try at once in place of a page that failed, on the same rung."""


class OnCallOf(Protocol):
    def __call__(self, schedule: str, at: datetime) -> tuple[OnCall, ...]: ...


class StandingOf(Protocol):
    def __call__(self, hours: Hours, at: datetime) -> Standing: ...


class World(msgspec.Struct, frozen=True):
    """What the machine may look at besides the incident. All of it answers for the config now in force, at the moment asked. `turns`: how
    many of each schedule's `/next` were taken before."""

    config: Config
    on_call: OnCallOf
    standing: StandingOf
    planner: Planner
    facts: Facts
    names: Mapping[str, str] = {}
    turns: Mapping[str, int] = {}
