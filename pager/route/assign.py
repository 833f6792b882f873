"""What an alert is given: service, policy, severity, urgency, labels, where to start, or why nobody is paged for it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from pager.conditions.condition import Facts
from pager.conditions.index import RuleIndex
from pager.model.alert import Alert, Severity, Urgency
from pager.model.config import Config
from pager.model.hours import Hours
from pager.model.origin import Origin
from pager.model.route import Route
from pager.model.service import Service


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`because` says in words where it comes from; `suppress` is a reason or None; `notes` tell of conditions that could not be evaluated.
    `hours`: `urgency` is that in these hours, and low outside of them; `rises_at` (UTC): it is low at present, and when they begin."""

    service: str
    policy: str
    severity: Severity
    urgency: Urgency
    labels: dict[str, str]
    route: str = ""
    start_at: str | None = None
    suppress: str | None = None
    because: str = ""
    origin: Origin | None = None
    notes: tuple[str, ...] = ()
    hours: Hours | None = None
    rises_at: datetime | None = None


_REMEMBERED = 512  # alerts: as many as are decided about at once


class Router:
    """The routes of a config, indexed: the first that matches wins. What an alert was given is remembered for a while: what it may mean for
    others is asked before it is decided about."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._routes = config.routes
        self.makes_critical = any(route.severity is Severity.CRITICAL for route in config.routes)
        self._index = RuleIndex([route.condition for route in config.routes])
        self._given: dict[int, tuple[Alert, Assignment]] = {}  # by the alert's id, which holds as long as the alert is held

    def assign(self, alert: Alert) -> Assignment:
        """Service: the route's, else the alert's own when known, else its integration's. Policy: the route's, else the service's, else the
        default."""
        known = self._given.get(id(alert))
        if known is not None:
            return known[1]
        if len(self._given) >= _REMEMBERED:
            self._given.clear()
        given = self._assign(alert)
        self._given[id(alert)] = (alert, given)
        return given

    def _assign(self, alert: Alert) -> Assignment:
        config = self._config
        found = self._index.first(Facts.of(alert))
        route = self._routes[found.index] if found.index is not None else None
        notes = tuple(f"route {self._routes[k].name}: {why}" for k, why in found.failed)
        name, whence = self._service(alert, route)
        service = config.services.get(name)
        severity = (route.severity if route else None) or alert.severity
        policy = (route.policy if route else None) or (service.policy if service else None) or config.settings.default_policy or ""
        urgency, hours = urgency_of(route, service, severity)
        return Assignment(
            service=name,
            policy=policy,
            severity=severity,
            urgency=urgency,
            labels={**(service.labels if service else {}), **alert.labels, **(route.labels if route else {})},
            route=route.name if route else "",
            start_at=route.start_at if route else None,
            suppress=route.suppress if route else None,
            because=f"{whence}; policy {policy or 'none'}",
            origin=route.origin if route else (service.origin if service else None),
            notes=notes,
            hours=hours,
        )

    def _service(self, alert: Alert, route: Route | None) -> tuple[str, str]:
        config = self._config
        if route and route.service:
            return route.service, f"route {route.name}: service {route.service}"
        by_route = f"route {route.name}; " if route else "no route; "
        if alert.service in config.services:
            return alert.service, f"{by_route}the alert names service {alert.service}"
        integration = config.integrations.get(alert.integration)
        if integration and integration.service:
            return integration.service, f"{by_route}integration {integration.name} stands for service {integration.service}"
        return alert.service, by_route + (f"service {alert.service!r} is unknown" if alert.service else "no service")


def urgency_of(route: Route | None, service: Service | None, severity: Severity) -> tuple[Urgency, Hours | None]:
    """What route or service say, else what follows from severity: an error outside of the support hours wakes nobody. With the hours where it
    hangs on them."""
    explicit = (route.urgency if route else None) or (service.urgency if service else None)
    if explicit:
        return explicit, None
    if severity is Severity.CRITICAL:
        return Urgency.HIGH, None
    if severity is Severity.ERROR:
        return Urgency.HIGH, service.support_hours if service else None
    return Urgency.LOW, None
