"""Hand-offs: how they are told, where on-call is shown, and what the leader remembers of both from one look to the next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from pager.model.origin import Origin
from pager.model.outgoing import Notice


class Handoff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As it is written under a schedule or in the settings. What is None is not said there: the settings say it, or else DEFAULT."""

    before: tuple[timedelta, ...] | None = None
    at: bool | None = None
    via: tuple[str, ...] | None = None
    channel: str | None = None
    off: bool = False
    origin: Origin | None = None


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """How hand-offs of a schedule are told: so long `before`, `at` it, over each channel of `via`; `channel` is a chat channel, or empty."""

    before: tuple[timedelta, ...] = (timedelta(hours=1),)
    at: bool = True
    via: tuple[str, ...] = ("chat", "email")
    channel: str = ""


DEFAULT = Telling()


def telling(own: Handoff | None, default: Handoff | None) -> Telling | None:
    """What a schedule says goes before what the settings say, key by key. None: hand-offs are not told."""
    if (own is None and default is None) or (own is not None and own.off):
        return None
    said = [part for part in (own, default) if part is not None]
    return Telling(
        before=next((p.before for p in said if p.before is not None), DEFAULT.before),
        at=next((p.at for p in said if p.at is not None), DEFAULT.at),
        via=next((p.via for p in said if p.via is not None), DEFAULT.via),
        channel=next((p.channel for p in said if p.channel is not None), DEFAULT.channel),
    )


class ShownInSlack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is on call is shown as the members of a user group (its ID), and in the topic of a channel. Either may be empty."""

    user_group: str = ""
    topic: str = ""
    origin: Origin | None = None


# --- what is remembered ---------------------------------------------------------------------------------------------------------------
class Told(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """This person knows that they come on call at `start`, until `end` (None: not known). `ahead`: the nearest `before` that has been told."""

    user: str
    start: datetime
    end: datetime | None
    ahead: timedelta


class Watched(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One schedule at the last look: who was `on` call, and who has been told to come."""

    on: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()


class Memory(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """All schedules. `pending` are notices that go with what is remembered here, each under the name that it is committed once by: they are
    kept before they are committed, so that whoever looks next finishes what was begun. `made` counts the notices ever made."""

    watched: Mapping[str, Watched] = {}
    pending: tuple[tuple[str, Notice], ...] = ()
    made: int = 0
