"""What keeps people from being paged for an incident for a time, and says so."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from pager.model.condition import Condition
from pager.model.origin import Origin


class MuteKind(StrEnum):
    ROUTE = "route"
    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    INHIBITION = "inhibition"
    PAUSE = "pause"  # it may heal by itself
    THRESHOLD = "threshold"  # there are too few of them yet
    FLAPPING = "flapping"
    STORM = "storm"  # one page speaks for all


class Mute(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """`rule` is a name, or a silence's id; `reason` a sentence. `until` (UTC): when it ends by itself; None: with what it hangs on."""

    kind: MuteKind
    rule: str
    reason: str
    until: datetime | None = None
    origin: Origin | None = None


class Silence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's word that what matches wakes nobody from `start` to `end` (UTC, half open). `said_at`: when they said so; for those of the
    files, which stand in git, None. `id` is the name of those."""

    id: str
    condition: Condition
    start: datetime
    end: datetime
    by: str
    why: str = ""
    said_at: datetime | None = None
    origin: Origin | None = None
