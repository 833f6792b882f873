"""A config made ready for decisions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from datetime import datetime

import msgspec
from msgspec.structs import replace

from pager.conditions.condition import Facts
from pager.escalate.effects import World
from pager.model.alert import Alert, Urgency
from pager.model.config import Config
from pager.model.policy import Policy, Stage
from pager.model.rota import NOTHING, RotaFacts
from pager.model.service import Sla
from pager.noise.counts import Counter
from pager.noise.group import Groups
from pager.noise.inhibit import Inhibitions
from pager.noise.mutes import Mutes
from pager.notify.plan import Planner, Providers
from pager.oncall.memo import Rota, Windows
from pager.route.assign import Assignment, Router

# Where neither route, service nor settings name a policy: a stage that reaches nobody, and so the catch-all.
NO_POLICY = Policy(name="none", stages=(Stage(notify=()),))


class Rules:
    """A config made ready for decisions: indexed, memoised, with the ways to people."""

    def __init__(self, config: Config, providers: Providers, facts: RotaFacts = NOTHING) -> None:
        self.config = config
        self.router = Router(config)
        self.planner = Planner(config, providers)
        self.rota = Rota.of(config, facts)
        self.mutes = Mutes(config.noise, facts.silences, config.settings.timezone)
        self.inhibitions = Inhibitions(config.noise.inhibit)
        self.groups = Groups(config.noise.group)
        self.thresholds = Counter("threshold", config.noise.threshold)
        self.recurring = Counter("recurring", config.noise.recurring)
        self.windows = Windows(config.settings.timezone)
        self.names = {user: person.name for user, person in config.users.items()}
        self.watches = bool(self.inhibitions or self.thresholds or self.recurring)
        """Whether an alert may mean something for others."""
        self._refs: dict[str, tuple[Policy, str]] = {}

    def with_facts(self, facts: RotaFacts) -> Rules:
        """The same config with other facts: nothing else is made again."""
        other = copy(self)
        other.rota = Rota.of(self.config, facts)
        other.mutes = Mutes(self.config.noise, facts.silences, self.config.settings.timezone)
        return other

    def assign(self, alert: Alert, now: datetime) -> Assignment:
        """What the alert is given at that moment. Hours that never come are as none."""
        assigned = self.router.assign(alert)
        if assigned.hours is None:
            return assigned
        standing = self.windows.standing(assigned.hours, now)
        if standing.inside or standing.until is None:
            return assigned
        because = f"{assigned.because}; outside of the support hours, which begin {standing.until:%Y-%m-%d %H:%M} UTC"
        return replace(assigned, urgency=Urgency.LOW, rises_at=standing.until, because=because)

    def policy(self, name: str) -> Policy:
        return self.config.policies.get(name, NO_POLICY)

    def ref(self, policy: Policy) -> str:
        """The policy's content hash: open incidents keep the policy they started with under it."""
        known = self._refs.get(policy.name)
        if known is None or known[0] is not policy:
            known = self._refs[policy.name] = (policy, hashlib.sha256(msgspec.msgpack.encode(policy)).hexdigest()[:16])
        return known[1]

    def world(self, facts: Facts, turns: Mapping[str, int]) -> World:
        return World(self.config, self.rota.who, self.windows.standing, self.planner, facts, self.names, turns)

    def sla(self, service: str) -> Sla:
        """None of its times for a service that is not there."""
        known = self.config.services.get(service)
        return known.sla if known else Sla()
