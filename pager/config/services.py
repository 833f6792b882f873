"""Policies, services, what speaks of them, and routes."""

from __future__ import annotations

from typing import Any

from pager.conditions.cel_body import problem_with
from pager.config.named import Named, with_condition
from pager.config.reading import Bool, Choice, Context, Either, Field, Json, ListOf, MapOf, Record, Ref, Shape, nearest, pairs_of
from pager.config.scalars import COUNT, DURATION, REASON, SPAN, TEXT
from pager.config.shapes import (
    CHANNEL,
    CONDITION,
    HOURS,
    SEVERITY,
    TARGETS,
    URGENCY,
    Expression,
    condition_of,
)
from pager.config.tree import Node
from pager.intake.fields import KNOWN
from pager.model.policy import OnTimeout, Policy, Stage
from pager.model.route import Route
from pager.model.service import Heartbeat, Integration, Service, Sla

INTEGRATION_KINDS = (
    "alertmanager", "grafana", "cloudwatch", "datadog", "sentry", "uptime-kuma", "google-cloud-monitoring", "azure-monitor", "new-relic",
    "healthchecks", "zabbix", "nagios", "icinga", "pingdom", "uptimerobot", "statuscake", "better-stack", "elastic", "jenkins",
    "github-actions", "cloudevents", "opsgenie", "victorops", "events-v2", "heartbeat", "email", "generic",
)  # fmt: skip


_STAGE = Record(
    {
        "name": TEXT,
        "notify": Field(TARGETS, required=True),
        "via": ListOf(CHANNEL, least=1),
        "ack_timeout": SPAN,
        "resolve_timeout": SPAN,
        "on_timeout": Choice({o.value: o for o in OnTimeout}),
        "repeat_limit": COUNT,
        "repeat_every": SPAN,
        **CONDITION,
        "during": HOURS,
        "wait_for_hours": HOURS,
        "wait_for": Field(Choice({"all": True, "any": False}), to="wait_for_all"),
        "major_incident": Record({"channel": Field(TEXT, required=True)}, lambda channel: channel, origin=False),
    },
    with_condition(Stage),
)


def _policy(after_last: int = 0, **values: Any) -> Policy:
    return Policy(loop=after_last, **values)


POLICIES = Named(
    Record(
        {
            "stages": Field(ListOf(_STAGE, least=1), required=True),
            "after_last": Record({"loop": Field(COUNT, required=True)}, lambda loop: loop, origin=False),
            "ack_expires": SPAN,
        },
        _policy,
    )
)


SERVICES = Named(
    Record(
        {
            "team": Ref("team"),
            "policy": Ref("policy"),
            "tier": COUNT,
            "runbook": TEXT,
            "sla": Record({"ack": SPAN, "resolve": SPAN}, Sla, origin=False),
            "urgency": URGENCY,
            "support_hours": HOURS,
            "labels": MapOf(TEXT),
        },
        Service,
    )
)


def _integration(resolve_after: Any = None, **values: Any) -> Integration:
    after, ask = resolve_after if isinstance(resolve_after, tuple) else (resolve_after, False)
    return Integration(resolve_after=after, ask_owner=ask, **values)


_RESOLVE_AFTER = Either(
    scalar=SPAN,
    map=Record({"after": Field(SPAN, required=True), "ask_owner": Bool()}, lambda after, ask_owner=False: (after, ask_owner), origin=False),
)
_BODY_CEL = Expression(problem_with)


class _Fields(Shape[dict[str, str]]):
    """`{summary: CEL over body, …}`: the fields of the stream contract."""

    expected = "a map from fields of an alert to CEL over `body`"

    def read(self, node: Node, context: Context, path: str) -> dict[str, str] | None:
        if node.kind != "map":
            return self.wrong(node, context, path)
        found: dict[str, str] = {}
        for key, value in pairs_of(node, context, path):
            at = f"{path}.{key.text}"
            if key.text not in KNOWN:
                context.fail(key, at, f"{key.text!r} is no field of an alert", nearest(key.text, KNOWN))
                continue
            expression = _BODY_CEL.read(value, context, at)
            if expression is not None:
                found[key.text] = expression
        return found

    def schema(self) -> Json:
        return {"type": "object", "propertyNames": {"enum": sorted(KNOWN)}, "additionalProperties": _BODY_CEL.schema()}


class _Integration(Record[Integration]):
    """One whose fields are mapped is of kind generic: every other kind knows its own."""

    def values(self, node: Node, context: Context, path: str) -> dict[str, Any] | None:
        values = super().values(node, context, path)
        if values and values.get("fields") and values["kind"] != "generic":
            key = next(key for key, _ in node.pairs() if key.text == "fields")
            context.fail(key, f"{path}.fields", f"kind {values['kind']} has its own fields", "only kind generic maps them")
        return values


INTEGRATIONS = Named(
    _Integration(
        {
            "kind": Field(Choice({k: k for k in INTEGRATION_KINDS}), required=True),
            "key": TEXT,
            "service": Ref("service"),
            "dedup_scope": TEXT,
            "secret": TEXT,
            "severity": SEVERITY,
            "resolve_after": _RESOLVE_AFTER,
            "fields": _Fields(),
        },
        _integration,
    )
)
HEARTBEATS = Named(
    Record(
        {
            "key": TEXT,
            "period": Field(SPAN, required=True),
            "grace": DURATION,
            "service": Ref("service"),
            "severity": SEVERITY,
            "paused": Bool(),
        },
        Heartbeat,
    )
)


def _route(**values: Any) -> Route:
    condition = condition_of(values)
    if condition is None:
        raise ValueError("a route needs match or if")
    return Route(condition=condition, **values)


ROUTES = ListOf(
    Record(
        {
            "name": Field(TEXT, required=True),
            **CONDITION,
            "service": Ref("service"),
            "policy": Ref("policy"),
            "severity": SEVERITY,
            "urgency": URGENCY,
            "labels": MapOf(TEXT),
            "start_at": Ref("stage"),
            "suppress": REASON,
        },
        _route,
    )
)
