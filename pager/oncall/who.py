"""Who is on call at one moment, and over a time: holidays or layers, then overrides."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from pager.model.schedule import Holidays, OnCall, Schedule
from pager.oncall.absence import Absences, Held
from pager.oncall.calendars import CalendarLane, Calendars, overriding
from pager.oncall.holidays import Holiday, find_holiday
from pager.oncall.instants import FOREVER, zone
from pager.oncall.layers import Lane, Place, Places
from pager.oncall.overrides import apply, find_active, in_order


class Shift(msgspec.Struct, frozen=True):
    """From `start` until `end` (UTC, half open) the same people are on call for the same reasons."""

    start: datetime
    end: datetime
    on_call: tuple[OnCall, ...]


class Roster:
    """One schedule made ready to be asked. Quick where it is asked about times in order: each part of the answer is kept as long as it holds."""

    def __init__(self, schedule: Schedule, absences: Absences, calendars: Calendars) -> None:
        self._absences = absences
        tz = schedule.timezone
        self._lanes = [
            CalendarLane(layer, tz, absences, calendars) if layer.calendar else Lane(layer, tz, absences)
            for layer in reversed(schedule.layers)
        ]
        overrides = [o for o in schedule.overrides if o.user in absences.people]  # who left the config can't stand in
        self._overrides = Held(
            in_order(
                find_active([o for o in overrides if not o.id], tz),
                overriding(schedule.override_calendars, calendars, tz, absences.people),
                find_active([o for o in overrides if o.id], tz),
            )
        )
        self._covers = schedule.holidays
        days = schedule.holidays.calendar or "" if schedule.holidays else ""
        self._holiday = (
            Held(find_holiday(schedule.holidays, lambda year: calendars.year(days, year), zone(tz))) if schedule.holidays else None
        )
        self._limited = any(absences.limits(user) for user in people_of(schedule))
        self._who = Held(self._find)

    def who(self, at: datetime) -> tuple[OnCall, ...]:
        """Everybody on call at that moment (UTC), with the reason and until when the answer holds."""
        return self._who.at(at)[0]

    def shifts(self, start: datetime, end: datetime) -> tuple[Shift, ...]:
        """The time from `start` to `end` without a gap; neighbours with the same people and reasons are one. A shift with nobody is in it, too."""
        found: list[Shift] = []
        at = start
        while at < end:
            on_call, changes = self._who.at(at)
            until = min(changes, end)
            if found and _same(found[-1].on_call, on_call):
                found[-1] = Shift(found[-1].start, until, found[-1].on_call)
            else:
                found.append(Shift(at, until, on_call))
            at = until
        return tuple(found)

    def next_change(self, at: datetime) -> datetime | None:
        """When the answer may change next; None: never."""
        until = self._who.at(at)[1]
        return until if until < FOREVER else None

    def _find(self, at: datetime) -> tuple[tuple[OnCall, ...], datetime]:
        overrides, changes = self._overrides.at(at)
        places, until = apply(overrides, lambda removed: self._by_itself(at, removed))
        until = min(until, changes)
        known = until if until < FOREVER else None
        return tuple(OnCall(user=p.user, because=p.because, origin=p.origin, until=known) for p in places), until

    def _by_itself(self, at: datetime, removed: Collection[str]) -> Places:
        """A limit never leaves nobody: then it is set aside."""
        places, until = self._asked(at, removed, self._limited)
        if places or not self._limited:
            return places, until
        places, changes = self._asked(at, removed, False)
        aside = tuple(Place(p.user, f"{p.because}; limits set aside: nobody else is there", p.origin, p.layer) for p in places)
        return aside, min(until, changes)

    def _asked(self, at: datetime, removed: Collection[str], limited: bool) -> Places:
        until = FOREVER
        if self._holiday is not None and self._covers is not None:
            holiday, until = self._holiday.at(at)
            if holiday is not None:
                place, changes = self._cover(self._covers, holiday, at, removed, limited)
                until = min(until, changes)
                if place is not None:
                    return (place,), until
        for lane in self._lanes:
            places, changes = lane.places(at, removed, limited)
            until = min(until, changes)
            if places:
                return places, until
        return (), until

    def _cover(
        self, rule: Holidays, holiday: Holiday, at: datetime, removed: Collection[str], limited: bool
    ) -> tuple[Place | None, datetime]:
        """Whose holiday it is; None where all of them are away: then the layers apply."""
        first = (holiday.number - 1) % len(rule.users)
        until = FOREVER
        missing: list[str] = []
        for user in (*rule.users[first:], *rule.users[:first]):
            why, changes = self._absences.why(user, at, removed, limited)
            until = min(until, changes)
            if not why:
                said = f" ({'; '.join(missing)})" if missing else ""
                return Place(user, f"holiday {holiday.name}, number {holiday.number} of the year{said}", rule.origin), until
            missing.append(f"{user} {why}")
        return None, until


def people_of(schedule: Schedule) -> tuple[str, ...]:
    """Everybody who stands in a layer, covers holidays, comes by an override or may be named by a calendar, each once."""
    parts = [part for layer in schedule.layers for part in (layer.users, *(shift.users for shift in layer.shifts))]
    slots = [user for part in parts for user in part]
    covers = schedule.holidays.users if schedule.holidays else ()
    return tuple(
        dict.fromkeys(user for user in (*slots, *covers, *(o.user for o in schedule.overrides), *schedule.named) if user is not None)
    )


def _same(some: tuple[OnCall, ...], others: tuple[OnCall, ...]) -> bool:
    return [(o.user, o.because) for o in some] == [(o.user, o.because) for o in others]
