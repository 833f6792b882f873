"""Answers kept while they hold: a storm of incidents asks the same again and again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pager.model.hours import Hours
from pager.model.person import Person
from pager.model.schedule import OnCall, Schedule
from pager.oncall.who import next_change, who
from pager.oncall.windows import Standing, standing


class Rota:
    """The schedules of one config."""

    def __init__(self, schedules: Mapping[str, Schedule], people: Mapping[str, Person]) -> None:
        self._schedules = schedules
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
