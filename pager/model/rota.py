"""What the rota depends on besides the config: said, read or counted while the daemon runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from pager.model.mute import Silence
from pager.model.schedule import Override


class Span(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One event of a calendar: half open, UTC. `users` are those it names, in its order; empty: it names nobody we know. `day` (a whole day, as
    `2026-12-25`) where it has no times."""

    start: datetime
    end: datetime
    users: tuple[str, ...] = ()
    summary: str = ""
    day: str = ""


class RotaFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`overrides`: those of run time, by schedule, in order of creation. `calendars`: those read from a URL, by name, as last read well.
    `night_pages`: by user, when they were paged in their night (UTC), the latest last, as far back as their limits look. `silences`: those of
    run time. `version` changes with any of it."""

    overrides: Mapping[str, tuple[Override, ...]] = {}
    calendars: Mapping[str, tuple[Span, ...]] = {}
    night_pages: Mapping[str, tuple[datetime, ...]] = {}
    silences: tuple[Silence, ...] = ()
    version: int = 0


NOTHING = RotaFacts()
