"""Answers kept while they hold: a storm of incidents asks the same again and again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from pager.model.hours import Hours
from pager.model.person import Person
from pager.model.rota import NOTHING, RotaFacts
from pager.model.schedule import OnCall, Schedule
from pager.oncall.who import Shift, next_change, shifts, who
from pager.oncall.windows import Standing, standing


class Rota:
    """The schedules of one config, with what is known besides. The one way to ask who is on call."""

    def __init__(self, schedules: Mapping[str, Schedule], people: Mapping[str, Person], facts: RotaFacts = NOTHING) -> None:
        self.facts = facts
        self._schedules = {name: _with_overrides(schedule, facts) for name, schedule in schedules.items()}
        self._people = people
        self._known: dict[str, tuple[datetime, datetime | None, tuple[OnCall, ...]]] = {}

    def who(self, schedule: str, at: datetime) -> tuple[OnCall, ...]:
        """Nobody for a schedule that is not there."""
        known = self._known.get(schedule)
        if known is not None and known[0] <= at and (known[1] is None or at < known[1]):
            return known[2]
        found = self._schedules.get(schedule)
        if found is None:
            return ()
        on_call = who(found, at, self._people)
        self._known[schedule] = (at, next_change(found, at, self._people), on_call)
        return on_call

    def shifts(self, schedule: str, start: datetime, end: datetime) -> tuple[Shift, ...]:
        """From `start` to `end` (UTC) without a gap, also with nobody; none for a schedule that is not there."""
        found = self._schedules.get(schedule)
        return shifts(found, start, end, self._people) if found is not None else ()


def _with_overrides(schedule: Schedule, facts: RotaFacts) -> Schedule:
    """Those of the files come first."""
    more = facts.overrides.get(schedule.name, ())
    return replace(schedule, overrides=(*schedule.overrides, *more)) if more else schedule


class Windows:
    """The hours of one config, in the zone of the installation where they name none."""

    def __init__(self, timezone: str) -> None:
        self._timezone = timezone
        self._known: dict[Hours, tuple[datetime, Standing]] = {}

    def standing(self, hours: Hours, at: datetime) -> Standing:
        asked, known = self._known.get(hours, (None, None))
        if asked is not None and known is not None and known.until is not None and asked <= at < known.until:
            return known
        found = standing(hours, at, self._timezone)
        self._known[hours] = (at, found)
        return found
