"""What the rota depends on besides the config: kept in the store, followed by every worker."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from pager.model.event import Entry
from pager.model.mute import Silence
from pager.model.rota import RotaFacts, Span
from pager.model.schedule import Override


class RotaStore(Protocol):
    async def facts(self, known: int = 0) -> RotaFacts | None:
        """All of it; None where nothing has changed since version `known`, which is quickly seen. What this release can't read is left out."""

    async def wait(self, limit: timedelta) -> None:
        """Return when an override, a silence or a calendar was changed by anybody, or after `limit`. For one caller at a time."""

    async def add_override(self, schedule: str, override: Override, said: Entry) -> Override:
        """With the id it was given: a number that grows. Its times are instants. It is written together with `said`, to which its id is
        added, and confirmed wherever that counts."""

    async def remove_override(self, id_: str, said: Entry) -> bool:
        """Written together with `said` and confirmed; False where there is none with that id."""

    async def add_silence(self, silence: Silence, said: Entry) -> Silence:
        """With the id it was given: a number that grows. Written with `said`, and confirmed, as an override is."""

    async def end_silence(self, id_: str, at: datetime, said: Entry) -> Silence | None:
        """As it is since: over at `at`, by who says so in `said`, and kept for the report. Written and confirmed as above; None where there is
        none with that id, or it was over by then."""

    async def drop_ended(self, before: datetime, token: int) -> int:
        """Drop the overrides and silences that were over before then; how many were. Raises NotLeader where a leader with a later `token` has
        written."""

    async def save_calendar(self, name: str, spans: tuple[Span, ...] | None, token: int) -> None:
        """What was last read well of a calendar; None: it is not wanted any more. Each call makes every worker read all facts again: save what
        has changed. Raises NotLeader as above."""
