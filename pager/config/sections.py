"""The sections of the config, each a shape that builds nouns of the model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pager.config.reading import (
    COUNT,
    DURATION,
    POSITIVE,
    SPAN,
    TEXT,
    WALL,
    Bool,
    Choice,
    Context,
    Either,
    Field,
    ListOf,
    MapOf,
    Record,
    Ref,
    Scalar,
    Shape,
    pairs_of,
)
from pager.config.shapes import (
    CHANNEL,
    CONDITION,
    EVERY,
    HOURS,
    LADDER,
    MATCH,
    RATE,
    SEVERITY,
    TARGETS,
    URGENCY,
    ZONE,
    condition_of,
)
from pager.config.tree import Node
from pager.model.condition import Condition
from pager.model.noise import Flap, Group, Inhibit, Maintenance, Noise, Pause, Recurring, Storm, Threshold
from pager.model.origin import Origin
from pager.model.person import Away, Person, Team
from pager.model.policy import OnTimeout, Policy, Stage
from pager.model.route import Route
from pager.model.schedule import Holidays, Layer, Override, OverrideKind, Schedule
from pager.model.service import Heartbeat, Integration, Service, Sla
from pager.model.settings import BreakGlass, CatchAll, ChatRule, Provider, Settings, Throttle

INTEGRATION_KINDS = (
    "alertmanager", "grafana", "cloudwatch", "datadog", "sentry", "uptime-kuma", "google-cloud-monitoring", "azure-monitor", "new-relic",
    "healthchecks", "zabbix", "nagios", "icinga", "pingdom", "uptimerobot", "statuscake", "better-stack", "elastic", "jenkins",
    "github-actions", "cloudevents", "opsgenie", "victorops", "events-v2", "heartbeat", "email", "generic",
)  # fmt: skip
PROVIDER_KINDS = {"twilio": ("account_sid", "auth_token"), "slack": ("bot_token",), "smtp": ("smtp",)}
"""Each kind's credentials: without them it can carry nothing."""


class Named(Shape[dict[str, Any]]):
    """A map by name, whose entries are told their name as `name` (or another word)."""

    def __init__(self, entry: Record[Any], word: str = "name") -> None:
        self.entry, self._word = entry, word
        self.expected = "a map by name"

    def read(self, node: Node, context: Context, path: str) -> dict[str, Any] | None:
        if node.kind != "map":
            return self.wrong(node, context, path)
        found: dict[str, Any] = {}
        for key, value in pairs_of(node, context, path):
            at = f"{path}.{key.text}"
            values = self.entry.values(value, context, at)
            if values is not None:
                built = self.entry.build(key, context, at, {self._word: key.text, **values})
                if built is not None:
                    found[key.text] = built
        return found

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.entry.schema()}


def _with_condition(model: Callable[..., Any], *, required: bool = False) -> Callable[..., Any]:
    def build(**values: Any) -> Any:
        condition = condition_of(values)
        if condition is None and required:
            condition = Condition(origin=values.get("origin"))
        return model(condition=condition, **values)

    return build


# --- settings -------------------------------------------------------------------------------------------------------------------------
_CATCH_ALL: Record[CatchAll] = Record({"notify": Field(TARGETS, required=True), "every": SPAN}, CatchAll)
_BREAK_GLASS: Record[BreakGlass] = Record(
    {"sms": ListOf(TEXT, or_one=True), "email": ListOf(TEXT, or_one=True), "after": SPAN, "every": SPAN}, BreakGlass, origin=False
)
_THROTTLE: Record[Throttle] = Record({"per_person": RATE, "per_number": RATE}, Throttle, origin=False)


def _settings(**v: Any) -> Settings:
    flat = {**v, **v.pop("redis", {}), **v.pop("http", {}), **v.pop("heartbeat_out", {}), **v.pop("retention", {})}
    for name in ("redis", "http", "heartbeat_out", "retention"):
        flat.pop(name, None)
    if flat.get("throttle", 0) == {}:
        flat["throttle"] = Throttle()
    return Settings(**{name: value for name, value in flat.items() if value not in ("",)})


def _part(fields: dict[str, Field | Shape[Any]]) -> Record[dict[str, Any]]:
    return Record(fields, dict, origin=False)


SETTINGS: Record[Settings] = Record(
    {
        "redis": _part({"url": Field(TEXT, to="redis_url")}),
        "data_dir": TEXT,
        "stream": TEXT,
        "demo": Bool(),
        "http": _part({"listen": TEXT, "public_url": TEXT}),
        "timezone": ZONE,
        "default_policy": Ref("policy"),
        "catch_all": _CATCH_ALL,
        "ladder": LADDER,
        "break_glass": _BREAK_GLASS,
        "heartbeat_out": _part({"url": Field(TEXT, to="heartbeat_url"), "every": Field(SPAN, to="heartbeat_every")}),
        "retention": _part({"incidents": Field(SPAN, to="retain_incidents"), "audit": Field(SPAN, to="retain_audit")}),
        "throttle": Either(scalar=Choice({"off": {}}), map=_THROTTLE),
        "ack_expires": SPAN,
    },
    _settings,
    origin=False,
)


# --- providers and channels -----------------------------------------------------------------------------------------------------------
_OPTIONS = (
    "account_sid", "auth_token", "messaging_service_sid", "api_url", "bot_token", "app_token", "signing_secret", "smtp",
)  # fmt: skip


def _provider(
    name: str, origin: Origin, kind: str = "", senders: Any = None, timeout: timedelta = timedelta(seconds=10), **options: str
) -> Provider:
    kind = kind or _PROVIDER_ALIASES.get(name, name)
    if kind not in PROVIDER_KINDS:
        raise ValueError(f"provider {name} needs a kind: one of {', '.join(PROVIDER_KINDS)}")
    if isinstance(senders, str):
        senders = {"*": senders}
    return Provider(
        name=name,
        kind=kind,
        timeout=timeout,
        options=options,
        senders=senders or {},
        missing=tuple(option for option in PROVIDER_KINDS[kind] if not options.get(option)),
        origin=origin,
    )


_PROVIDER_ALIASES = {"email": "smtp"}
PROVIDERS = Named(
    Record(
        {
            "kind": Choice({k: k for k in PROVIDER_KINDS}),
            "timeout": SPAN,
            "from": Field(Either(scalar=TEXT, map=MapOf(TEXT)), to="senders"),
            **{option: Field(TEXT) for option in _OPTIONS},
        },
        _provider,
    )
)
CHANNELS: Record[dict[str, tuple[str, ...]]] = Record(
    {name: ListOf(Ref("provider"), or_one=True) for name in ("sms", "voice", "chat", "email")}, dict, origin=False
)


def _chat_rule(to: str, origin: Origin, otherwise: bool = False, **values: Any) -> ChatRule:
    condition = condition_of(values)
    if otherwise == (condition is not None):
        raise ValueError("a rule has match or if, or else it is `else: true`")
    return ChatRule(to=to, condition=condition, otherwise=otherwise, origin=origin)


CHAT_CHANNELS = ListOf(Record({**CONDITION, "else": Field(Bool(), to="otherwise"), "to": Field(TEXT, required=True)}, _chat_rule))


# --- people ---------------------------------------------------------------------------------------------------------------------------
def _period(start: Any, end: Any) -> None:
    if end <= start:
        raise ValueError("`to` must be after `from`")


def _away(start: Any, end: Any, origin: Origin, reason: str = "") -> Away:
    _period(start, end)
    return Away(start, end, reason, origin)


_FROM_TO = {"from": Field(WALL, to="start", required=True), "to": Field(WALL, to="end", required=True)}


def _phone(text: str) -> str:
    digits = text.removeprefix("+")
    if not text.startswith("+") or not digits.isdigit() or not 7 <= len(digits) <= 15:
        raise ValueError("in international form, such as +34600000001")
    return text


_PHONE = Scalar("a phone number", _phone)
USERS = Named(
    Record(
        {
            "name": Field(TEXT, required=True),
            "timezone": ZONE,
            "contact": _part({"sms": _PHONE, "voice": _PHONE, "chat": TEXT, "email": TEXT}),
            "ladder": LADDER,
            "away": ListOf(Record({**_FROM_TO, "reason": TEXT}, _away)),
        },
        Person,
    ),
    "id",
)
TEAMS = Named(Record({"members": ListOf(Ref("user")), "lead": Ref("user"), "chat": TEXT}, Team))


# --- schedules ------------------------------------------------------------------------------------------------------------------------
def _override(
    start: Any, end: Any, origin: Origin, user: str = "", instead_of: str | None = None, add: str = "", remove: str = "", reason: str = ""
) -> Override:
    _period(start, end)
    who = {OverrideKind.REPLACE: user, OverrideKind.ADD: add, OverrideKind.REMOVE: remove}
    named = [kind for kind, name in who.items() if name]
    if len(named) != 1:
        raise ValueError("an override has one of user, add or remove")
    if instead_of and named != [OverrideKind.REPLACE]:
        raise ValueError("`for` goes with user")
    return Override(
        start=start, end=end, kind=named[0], user=who[named[0]], instead_of=instead_of, reason=reason, by="the config", origin=origin
    )


def _schedule(layers: tuple[Layer, ...] = (), **values: Any) -> Schedule:
    names = [layer.name for layer in layers]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"two layers are called {twice!r}")
    return Schedule(layers=layers, timezone=values.pop("timezone", "UTC"), **values)


_LAYER = Record(
    {
        "name": Field(TEXT, required=True),
        "users": Field(ListOf(Ref("user"), least=1, nulls=True), required=True),
        "every": Field(EVERY, required=True),
        "starts": Field(WALL, required=True),
        "ends": WALL,
        "only": ListOf(HOURS, or_one=True, least=1),
        "take": POSITIVE,
    },
    Layer,
)
_OVERRIDE = Record(
    {
        **_FROM_TO,
        "user": Ref("user"),
        "for": Field(Ref("user"), to="instead_of"),
        "add": Ref("user"),
        "remove": Ref("user"),
        "reason": TEXT,
    },
    _override,
)
SCHEDULES = Named(
    Record(
        {
            "team": Ref("team"),
            "timezone": ZONE,
            "layers": Field(ListOf(_LAYER, least=1), required=True),
            "overrides": ListOf(_OVERRIDE),
            "holidays": Record(
                {"country": Field(TEXT, required=True), "region": TEXT, "users": Field(ListOf(Ref("user"), least=1), required=True)},
                Holidays,
            ),
        },
        _schedule,
    )
)


# --- policies -------------------------------------------------------------------------------------------------------------------------
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
    _with_condition(Stage),
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


# --- services and what speaks of them -------------------------------------------------------------------------------------------------
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
INTEGRATIONS = Named(
    Record(
        {
            "kind": Field(Choice({k: k for k in INTEGRATION_KINDS}), required=True),
            "key": TEXT,
            "service": Ref("service"),
            "dedup_scope": TEXT,
            "secret": TEXT,
            "severity": SEVERITY,
            "resolve_after": _RESOLVE_AFTER,
            "fields": MapOf(TEXT),
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
            "suppress": TEXT,
        },
        _route,
    )
)


# --- noise ----------------------------------------------------------------------------------------------------------------------------
class _Only(Shape[Condition]):
    """A condition written as its match map alone."""

    expected = MATCH.expected

    def read(self, node: Node, context: Context, path: str) -> Condition | None:
        terms = MATCH.read(node, context, path)
        return None if terms is None else Condition(terms=terms, origin=node.origin)

    def schema(self) -> dict[str, Any]:
        return MATCH.schema()


_ONLY = _Only()
_NAMED = {"name": Field(TEXT, required=True)}
_BY = ListOf(TEXT, or_one=True, least=1)


def _recurring(after: Any, **values: Any) -> Recurring:
    return _with_condition(Recurring, required=True)(count=after.count, within=after.within, **values)  # type: ignore[no-any-return]


def _noise(storm: Any = None, limits: Any = None, **values: Any) -> Noise:
    return Noise(storm=storm or None, suppress_at_most=limits, **values)


def _maintenance(**values: Any) -> Maintenance:
    if (values.get("hours") is None) == (values.get("start") is None or values.get("end") is None):
        raise ValueError("a maintenance window has hours, or from and to")
    return _with_condition(Maintenance, required=True)(**values)  # type: ignore[no-any-return]


NOISE: Record[Noise] = Record(
    {
        "inhibit": ListOf(
            Record({**_NAMED, "if_open": Field(_ONLY, required=True), "mute": Field(_ONLY, required=True), "equal": _BY}, Inhibit)
        ),
        "group": ListOf(
            Record(
                {
                    **_NAMED,
                    "by": Field(_BY, required=True),
                    "window": Field(SPAN, required=True),
                    "sliding": Bool(),
                    "limit": POSITIVE,
                    **CONDITION,
                },
                _with_condition(Group),
            )
        ),
        "pause": ListOf(
            Record({**_NAMED, **CONDITION, "for": Field(SPAN, to="wait", required=True)}, _with_condition(Pause, required=True))
        ),
        "threshold": ListOf(
            Record(
                {**_NAMED, **CONDITION, "count": Field(POSITIVE, required=True), "within": Field(SPAN, required=True), "by": _BY},
                _with_condition(Threshold, required=True),
            )
        ),
        "recurring": ListOf(
            Record(
                {**_NAMED, **CONDITION, "after": Field(RATE, required=True), "severity": Field(SEVERITY, required=True), "by": _BY},
                _recurring,
            )
        ),
        "flap": Record(
            {"changes": Field(POSITIVE, required=True), "within": Field(SPAN, required=True), "hold": Field(SPAN, required=True)}, Flap
        ),
        "storm": Either(
            scalar=Choice({"off": ()}),
            map=Record({"pages": Field(POSITIVE, required=True), "within": Field(SPAN, required=True), "per": TEXT}, Storm),
        ),
        "maintenance": ListOf(
            Record({**_NAMED, **CONDITION, "hours": HOURS, "from": Field(WALL, to="start"), "to": Field(WALL, to="end")}, _maintenance)
        ),
        "limits": Record({"suppress_at_most": Field(SPAN, required=True)}, lambda suppress_at_most: suppress_at_most, origin=False),
    },
    _noise,
    origin=False,
)

BY_NAME: dict[str, Named] = {
    "providers": PROVIDERS,
    "users": USERS,
    "teams": TEAMS,
    "schedules": SCHEDULES,
    "policies": POLICIES,
    "services": SERVICES,
    "integrations": INTEGRATIONS,
    "heartbeats": HEARTBEATS,
}
WHOLE: dict[str, Shape[Any]] = {
    "settings": SETTINGS,
    "channels": CHANNELS,
    "chat_channels": CHAT_CHANNELS,
    "routes": ROUTES,
    "noise": NOISE,
}
SECTIONS: dict[str, Shape[Any]] = {**WHOLE, **BY_NAME}
