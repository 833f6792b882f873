"""What the checks of one run share, each found out when it is asked for first."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from pager.model.alert import Urgency
from pager.model.problem import Level
from pager.rehearse.check.cases import Case, Policies, cases
from pager.rehearse.check.entered import Entered, entered
from pager.rehearse.check.ground import Ground
from pager.rehearse.check.holes import Finding, findings
from pager.rehearse.check.shadows import Shadow, shadows
from pager.rehearse.check.spans import Spans, joined


class Scene:
    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.policies = Policies(ground.config)

    @cached_property
    def shadows(self) -> dict[int, Shadow]:
        """Routes (by place) that earlier ones leave nothing to."""
        return shadows(self.ground.config.routes)

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        return cases(self.ground.config, self.policies, frozenset(self.shadows))

    @cached_property
    def entered(self) -> Entered:
        """Which stages some incident may enter, and with which urgency."""
        return entered(self.ground, self.cases)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Where only the catch-all is left."""
        return findings(self.ground, self.policies, self.cases)

    def gaps(self, policy: str) -> Spans:
        """When that is an error for some incident of the policy."""
        return joined(hole.span for f in self.findings if f.level is Level.ERROR and f.case.policy == policy for hole in f.holes)

    def catch_all_reaches(self, urgency: Urgency, at: datetime) -> bool:
        """Over each person's ladder, else over any way there is."""
        catch_all = self.ground.config.settings.catch_all
        people = [user for target in catch_all.notify for user in self.ground.people(target, at)] if catch_all else []
        return any(self.ground.can_page(user, (), urgency) or self.every_way(user) for user in people)

    def every_way(self, user: str) -> bool:
        person = self.ground.config.users.get(user)
        return person is not None and any(self.ground.carries(user, channel) for channel in person.contact)
