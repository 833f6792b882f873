"""Settings of the daemon, the providers that carry pages, and the channels they carry."""

from __future__ import annotations

from datetime import time, timedelta

import msgspec

from pager.model.condition import Condition
from pager.model.handoff import Handoff
from pager.model.hours import Hours
from pager.model.origin import Origin
from pager.model.person import Ladder, Limits, Rung
from pager.model.policy import Target

CHANNELS = ("sms", "voice", "chat", "email")


class CatchAll(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is paged, `every` so often, when a policy is exhausted or reaches nobody."""

    notify: tuple[Target, ...]
    every: timedelta = timedelta(minutes=10)
    origin: Origin | None = None


class BreakGlass(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is told directly, from memory, when the store has been gone for `after`; again `every` so often."""

    sms: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    after: timedelta = timedelta(seconds=60)
    every: timedelta = timedelta(minutes=15)


class Digest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Low urgency outside of `hours` waits until they begin; of a service with support hours, until those do. What nobody has acknowledged
    after `high_after` of these hours is of high urgency from then on."""

    hours: Hours = Hours(start=time(9), end=time(22))
    high_after: timedelta = timedelta(hours=4)
    origin: Origin | None = None


class Rate(msgspec.Struct, frozen=True, array_like=True):
    count: int
    within: timedelta


class Throttle(msgspec.Struct, frozen=True, kw_only=True):
    """How many pages a person, and an address, gets in a time; None: as many as there are."""

    per_person: Rate | None = None
    per_number: Rate | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account at a vendor. `options` holds what its kind defines; `senders` maps a prefix of the receiver's number (`+34`, `*`) to our number.
    `missing` names the credentials that are empty."""

    name: str
    kind: str
    timeout: timedelta = timedelta(seconds=10)
    options: dict[str, str] = {}
    senders: dict[str, str] = {}
    missing: tuple[str, ...] = ()
    origin: Origin | None = None


class ChatRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    to: str
    condition: Condition | None = None
    otherwise: bool = False  # `else: true`
    origin: Origin | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`redis_url` is `embedded` or a URL; `redis_replicas`, how many replicas must have on disk what is accepted. `data_dir`
    empty: the user's state folder. `link_keys` sign the links in emails, the first those to
    come; without any the installation's own secret does."""

    redis_url: str = "embedded"
    redis_replicas: int = 0
    redis_shards: int = 1
    data_dir: str = ""
    stream: str = "pager:alerts"
    demo: bool = False
    listen: str = "127.0.0.1:8080"
    public_url: str = ""
    link_keys: tuple[str, ...] = ()
    link_expires: timedelta = timedelta(days=3)
    timezone: str = "UTC"
    default_policy: str | None = None
    catch_all: CatchAll | None = None
    ladder: Ladder = Ladder(high=(Rung(timedelta(0), ("sms",)),), low=(Rung(timedelta(0), ("sms",)),))
    break_glass: BreakGlass | None = None
    heartbeat_url: str = ""
    heartbeat_every: timedelta = timedelta(minutes=1)
    retain_incidents: timedelta = timedelta(days=90)
    retain_audit: timedelta = timedelta(days=400)
    throttle: Throttle = Throttle(per_person=Rate(10, timedelta(minutes=1)))
    ack_expires: timedelta = timedelta(hours=24)
    handoff: Handoff | None = None
    limits: Limits | None = None
    digest: Digest | None = None
    origin: Origin | None = None
