"""Settings, and who carries what: providers and channels."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pager.config.handoffs import DEFAULT_HANDOFF
from pager.config.named import Named, part
from pager.config.reading import Bool, Choice, Either, Field, ListOf, MapOf, Record, Ref
from pager.config.scalars import COUNT, POSITIVE, SPAN, TEXT
from pager.config.shapes import (
    CONDITION,
    HOURS,
    LADDER,
    LIMITS,
    RATE,
    ROOM,
    TARGETS,
    ZONE,
    condition_of,
)
from pager.model.origin import Origin
from pager.model.settings import BreakGlass, CatchAll, ChatRule, Digest, Provider, Settings, Throttle

PROVIDER_KINDS = {"twilio": ("account_sid", "auth_token"), "slack": ("bot_token",), "smtp": ("smtp",)}
"""Each kind's credentials: without them it can carry nothing."""


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


SETTINGS: Record[Settings] = Record(
    {
        "redis": part(
            {
                "url": Field(TEXT, to="redis_url"),
                "replicas": Field(COUNT, to="redis_replicas"),
                "shards": Field(POSITIVE, to="redis_shards"),
            }
        ),
        "data_dir": TEXT,
        "stream": TEXT,
        "demo": Bool(),
        "http": part({"listen": TEXT, "public_url": TEXT, "link_keys": ListOf(TEXT, or_one=True), "link_expires": SPAN}),
        "timezone": ZONE,
        "default_policy": Ref("policy"),
        "catch_all": _CATCH_ALL,
        "ladder": LADDER,
        "break_glass": _BREAK_GLASS,
        "heartbeat_out": part({"url": Field(TEXT, to="heartbeat_url"), "every": Field(SPAN, to="heartbeat_every")}),
        "retention": part({"incidents": Field(SPAN, to="retain_incidents"), "audit": Field(SPAN, to="retain_audit")}),
        "throttle": Either(scalar=Choice({"off": {}}), map=_THROTTLE),
        "ack_expires": SPAN,
        "handoff": DEFAULT_HANDOFF,
        "digest": Record({"hours": HOURS, "high_after": SPAN}, Digest),
        "limits": LIMITS,
    },
    _settings,
    origin=True,
)


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


CHAT_CHANNELS = ListOf(Record({**CONDITION, "else": Field(Bool(), to="otherwise"), "to": Field(ROOM, required=True)}, _chat_rule))
