"""Which incidents can come: every source of alerts, severity and route, folded to those whose escalation differs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from pager.conditions.match import holds
from pager.escalate.urgency import waking
from pager.model.alert import Severity, Urgency
from pager.model.condition import Condition
from pager.model.config import Config
from pager.model.hours import Hours
from pager.model.policy import Policy, TargetKind
from pager.model.route import Route
from pager.rehearse.check.ground import levels
from pager.rehearse.check.unknowns import reads
from pager.route.assign import urgency_of

_GIVEN = ("severity", "service", "integration")
_ORDER = list(Severity)


class Source(msgspec.Struct, frozen=True):
    """Alerts that name `names`, or come over `integration`, and stand for `service`; `` where there is none."""

    service: str
    names: str = ""
    integration: str = ""


class Subject(msgspec.Struct, frozen=True):
    service: str
    severity: Severity
    route: str = ""


class Case(msgspec.Struct, frozen=True):
    """Incidents that escalate alike. `policy` may be empty: none applies. `start` counts from 0. `known` are facts and labels that conditions
    may ask for and that are settled, `own` the service's labels, which an alert's own take the place of. `sla` are the times after which a
    service level moves the chain. `subjects` are all that belong to it. `support`: outside of these hours its urgency is low; `waking`: while
    that is low, it pages nobody before these begin."""

    policy: str
    start: int
    urgency: Urgency
    known: dict[str, str]
    own: dict[str, str]
    sla: tuple[timedelta, ...]
    subjects: tuple[Subject, ...]
    support: Hours | None = None
    waking: Hours | None = None

    def of(self, urgency: Urgency) -> Case:
        """The same with that urgency."""
        known = {**self.known, "urgency": str(urgency)} if "urgency" in self.known else self.known
        return self if urgency is self.urgency else msgspec.structs.replace(self, urgency=urgency, known=known)

    def variants(self) -> tuple[Case, ...]:
        """As it is, and, where it has another urgency by the hour or comes to one, as it is then."""
        if self.support is None and self.waking is None:
            return (self,)
        return (self.of(Urgency.HIGH), self.of(Urgency.LOW))


class Policies:
    """What each policy leads on to, and what of an alert its stages look at."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._known: dict[str, tuple[tuple[Policy, ...], frozenset[str], bool]] = {}

    def chain(self, name: str) -> tuple[Policy, ...]:
        """The policy, and those that `service:` targets of it may hand over to."""
        return self._of(name)[0]

    def conditions(self, name: str) -> list[Condition]:
        return [stage.condition for policy in self.chain(name) for stage in policy.stages if stage.condition]

    def reads(self, name: str) -> frozenset[str]:
        return self._of(name)[1]

    def waits(self, name: str) -> bool:
        return self._of(name)[2]

    def _of(self, name: str) -> tuple[tuple[Policy, ...], frozenset[str], bool]:
        if name not in self._known:
            chain = tuple(self._walk(name))
            looked_at = frozenset(reads(s.condition for p in chain for s in p.stages if s.condition))
            self._known[name] = chain, looked_at, any(s.wait_for_hours for p in chain for s in p.stages)
        return self._known[name]

    def next_of(self, name: str) -> list[str]:
        """The policies that its stages may hand over to at once."""
        policy = self._config.policies.get(name)
        services = [t.name for s in (policy.stages if policy else ()) for t in s.notify if t.kind is TargetKind.SERVICE]
        return [following for following in map(self._policy_of, services) if following in self._config.policies]

    def _policy_of(self, service: str) -> str:
        known = self._config.services.get(service)
        return (known.policy if known else None) or self._config.settings.default_policy or ""

    def _walk(self, name: str) -> Iterable[Policy]:
        seen: dict[str, None] = {name: None}
        queue = [name] if name in self._config.policies else []
        while queue:
            at = queue.pop(0)
            yield self._config.policies[at]
            queue += [following for following in dict.fromkeys(self.next_of(at)) if following not in seen]
            seen |= dict.fromkeys(queue)


def cases(config: Config, policies: Policies, dead: frozenset[int]) -> tuple[Case, ...]:
    """`dead` are the routes (by place) that earlier ones leave nothing to."""
    found: dict[tuple[object, ...], tuple[Case, dict[Subject, None]]] = {}
    sources = _sources(config)
    certain = [(k, route.condition) for k, route in enumerate(config.routes) if _is_settled(route)]
    taken = {
        (source, severity): next((k for k, condition in certain if holds(condition.terms, _facts(source, severity))), len(config.routes))
        for source in sources
        for severity in _ORDER
    }
    for source in sources:
        for severity in _ORDER:
            if taken[source, severity] == len(config.routes):
                _add(found, config, policies, source, severity, None)
    for k, route in enumerate(config.routes):
        if route.suppress or k in dead:
            continue
        alike = bool(route.service) and not any(term.key in ("service", "integration") for term in route.condition.terms)
        left = set(_ORDER)  # of what it makes the same of every source: one of each severity is enough
        for source in sources:
            for severity in _ORDER:
                if severity in left and k <= taken[source, severity] and may_match(route, source, severity):
                    _add(found, config, policies, source, severity, route)
                    left -= {severity} if alike else set()
    return tuple(msgspec.structs.replace(case, subjects=tuple(subjects)) for case, subjects in found.values())


def _add(
    found: dict[tuple[object, ...], tuple[Case, dict[Subject, None]]], config: Config, policies: Policies, source: Source, severity: Severity,
    route: Route | None,
) -> None:  # fmt: skip
    """As `Router.assign` would have it."""
    name = (route.service if route else None) or source.service
    service = config.services.get(name)
    given = (route.severity if route else None) or severity
    policy = (route.policy if route else None) or (service.policy if service else None) or config.settings.default_policy or ""
    urgency, support = urgency_of(route, service, given)
    digest = config.settings.digest if support or urgency is Urgency.LOW else None
    waking_hours = waking(digest, service) if digest else None
    asked = policies.reads(policy)
    facts = {"severity": str(given), "service": name, "urgency": str(urgency), **_labels(route.labels if route else {})}
    known = {key: value for key, value in facts.items() if key in asked}
    its = {"team": service.team or "", **_labels(service.labels)} if service else {}
    own = {key: value for key, value in its.items() if key in asked and key not in known and value}
    start = start_of(config.policies.get(policy), route)
    sla = levels(service) if service and policies.waits(policy) else ()
    key = (policy, start, urgency, support, waking_hours, tuple(sorted(known.items())), tuple(sorted(own.items())), sla)
    _, subjects = found.setdefault(key, (Case(policy, start, urgency, known, own, sla, (), support, waking_hours), {}))
    subjects[Subject(name, given, route.name if route else "")] = None


def _labels(labels: dict[str, str]) -> dict[str, str]:
    """Under the keys of terms."""
    return {f"labels.{key}": value for key, value in labels.items()} | ({"team": labels["team"]} if "team" in labels else {})


def start_of(policy: Policy | None, route: Route | None) -> int:
    """The stage (from 0) that the route names; the first where it names none, or one that the policy has not."""
    if policy is None or route is None or not route.start_at:
        return 0
    return next((k for k, stage in enumerate(policy.stages) if stage.name == route.start_at), 0)


def _sources(config: Config) -> list[Source]:
    mentioned = {value for r in config.routes for t in r.condition.terms if t.key == "service" for value in t.values}
    return [
        *(Source(name, names=name) for name in config.services),
        *(Source(name, names=name) for name in sorted(mentioned - config.services.keys())),
        *(Source(i.service or "", integration=i.name) for i in config.integrations.values()),
        Source(""),
    ]


def _facts(source: Source, severity: Severity) -> dict[str, str]:
    facts = {"severity": str(severity), "service": source.names, "integration": source.integration}
    return {key: value for key, value in facts.items() if value}


def may_match(route: Route, source: Source, severity: Severity) -> bool:
    """Whether some alert of that source and severity meets the route's condition."""
    facts = _facts(source, severity)
    return all(holds((term,), facts) for term in route.condition.terms if term.key in _GIVEN)


def _is_settled(route: Route) -> bool:
    """Whether source and severity settle if it matches."""
    return not route.condition.expression and all(term.key in _GIVEN for term in route.condition.terms)
