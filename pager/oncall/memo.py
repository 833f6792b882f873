"""Answers kept while they hold: a storm of incidents asks the same again and again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from pager.model.calendar import Calendar
from pager.model.config import Config
from pager.model.hours import Hours
from pager.model.person import Limits, Person
from pager.model.rota import NOTHING, RotaFacts
from pager.model.schedule import OnCall, Schedule
from pager.oncall.absence import Absences
from pager.oncall.calendars import Calendars
from pager.oncall.who import Roster, Shift
from pager.oncall.windows import Standing, standing


class Rota:
    """The schedules of one config, with what is known besides. The one way to ask who is on call. `limits` are for people without their own."""

    def __init__(
        self,
        schedules: Mapping[str, Schedule],
        people: Mapping[str, Person],
        facts: RotaFacts = NOTHING,
        limits: Limits | None = None,
        calendars: Mapping[str, Calendar] | None = None,
    ) -> None:
        self.facts = facts
        self._schedules = schedules
        self._absences = Absences(people, facts, limits)
        self._calendars = Calendars(calendars, facts.calendars)
        self._rosters: dict[str, Roster] = {}

    @classmethod
    def of(cls, config: Config, facts: RotaFacts = NOTHING) -> Rota:
        return cls(config.schedules, config.users, facts, config.settings.limits, config.calendars)

    def who(self, schedule: str, at: datetime) -> tuple[OnCall, ...]:
        """Everybody on call at that moment (UTC), with the reason and until when the answer holds. Nobody for a schedule that is not there."""
        roster = self._roster(schedule)
        return roster.who(at) if roster else ()

    def shifts(self, schedule: str, start: datetime, end: datetime) -> tuple[Shift, ...]:
        """From `start` to `end` (UTC) without a gap, also with nobody; none for a schedule that is not there."""
        roster = self._roster(schedule)
        return roster.shifts(start, end) if roster else ()

    def next_change(self, schedule: str, at: datetime) -> datetime | None:
        """When the answer may change next; None: never, as far as is known."""
        roster = self._roster(schedule)
        return roster.next_change(at) if roster else None

    def _roster(self, name: str) -> Roster | None:
        if name not in self._rosters and name in self._schedules:
            schedule = _with_overrides(self._schedules[name], self.facts)
            self._rosters[name] = Roster(schedule, self._absences, self._calendars)
        return self._rosters.get(name)


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
