"""What keeps people from being paged for an incident for a time, and says so."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from pager.model.alert import Severity
from pager.model.condition import Condition
from pager.model.origin import Origin


class MuteKind(StrEnum):
    ROUTE = "route"
    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    INHIBITION = "inhibition"
    PAUSE = "pause"  # it may heal by itself
    THRESHOLD = "threshold"  # there are too few of them yet
    STORM = "storm"  # one page speaks for all
    DIGEST = "digest"  # of low urgency: it waits for the morning


class Mute(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """`rule` is a name, or a silence's id; `reason` a sentence. `until` (UTC): when it ends by itself; None: with what it hangs on. `said_at`:
    when a person said so; None: a rule does."""

    kind: MuteKind
    rule: str
    reason: str
    until: datetime | None = None
    origin: Origin | None = None
    names: tuple[str, ...] = ()  # of the pointers it hangs on
    said_at: datetime | None = None

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.rule}"

    def as_it_ended(self, at: datetime) -> str:
        """Its reason; where it ended before its time, with that moment for the one it names."""
        return self.reason.replace(until(self.until), until(at)) if self.until is not None and at < self.until else self.reason


def until(at: datetime) -> str:
    """As reasons name an end (UTC)."""
    return f"until {at:%Y-%m-%d %H:%M} UTC"


class Hush(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What muted `alerts` of a group's open alerts as they came; `worst` is the worst severity among them."""

    mute: Mute
    alerts: int
    worst: Severity
    since: datetime
    over: datetime  # it counts no longer than that
    unnamed: int = 0  # of `alerts`: those that don't know it, since it muted them only later


class Muted(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """That something muted an incident, and since when it last did: what a rule is held to account by."""

    kind: MuteKind
    rule: str
    at: datetime


class Silence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's word that what matches wakes nobody from `start` to `end` (UTC, half open). `said_at`: when they said so; for those of the
    files, which stand in git, None. `id` is the name of those. `ended_by`: who took it back before its time, at `end`."""

    id: str
    condition: Condition
    start: datetime
    end: datetime
    by: str
    why: str = ""
    said_at: datetime | None = None
    origin: Origin | None = None
    ended_by: str = ""
