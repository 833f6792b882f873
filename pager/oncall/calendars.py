"""Which events of a calendar run, and when that changes. Those of a file are worked out a stretch of time at once, and remembered; those read
from a URL are what was read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pager.model.calendar import Calendar
from pager.model.origin import Origin
from pager.model.rota import Span
from pager.model.schedule import Layer, Override, OverrideKind, Schedule
from pager.oncall.absence import Absences
from pager.oncall.instants import FOREVER, wall, zone
from pager.oncall.layers import Lane, Place, Places
from pager.oncall.overrides import Active
from pager.oncall.series import expand

_STRETCH = timedelta(days=256)
_DAY = timedelta(days=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Calendars:
    """`read`: those read from URLs, by name."""

    def __init__(self, calendars: Mapping[str, Calendar] | None = None, read: Mapping[str, tuple[Span, ...]] | None = None) -> None:
        self._calendars = calendars or {}
        self._read = read or {}
        self._timelines: dict[str, Timeline] = {}

    def running(self, name: str, at: datetime) -> tuple[Span, ...]:
        """In order of their beginnings. None of a calendar that is not there, or not read yet."""
        return self._timeline(name, at).running(at)

    def next_change(self, name: str, at: datetime) -> datetime | None:
        """When others may run, strictly after `at`; None: never, as far as is known."""
        return self._timeline(name, at).next_change(at)

    def spans(self, name: str, start: datetime, end: datetime) -> tuple[Span, ...]:
        """All that touch the time from `start` to `end`, in order of their beginnings, each once."""
        found: dict[Span, None] = {}
        at = start
        while at < end:
            timeline = self._timeline(name, at)
            found |= {span: None for span in timeline.spans if span.start < end and start < span.end}
            if timeline.until is None:
                break
            at = timeline.until
        return tuple(found)

    def year(self, name: str, year: int) -> tuple[Span, ...]:
        """Those of a year, whatever the zone."""
        return self.spans(name, datetime(year, 1, 1, tzinfo=UTC) - _DAY, datetime(year + 1, 1, 1, tzinfo=UTC) + _DAY)

    def origin(self, name: str) -> Origin | None:
        calendar = self._calendars.get(name)
        return calendar.origin if calendar else None

    def _timeline(self, name: str, at: datetime) -> Timeline:
        calendar = self._calendars.get(name)
        if calendar is not None and calendar.series:
            return _stretch(calendar, (at - _EPOCH) // _STRETCH)
        known = self._timelines.get(name)
        if known is None:
            known = self._timelines[name] = Timeline(self._read.get(name, ()))
        return known


class Timeline:
    """Some events in order. `until` is where what they say ends; None: it goes for all time."""

    def __init__(self, spans: Iterable[Span], until: datetime | None = None) -> None:
        self.spans = tuple(sorted(spans, key=lambda span: (span.start, span.end, span.summary, span.users)))
        self.until = until
        edges = {edge for span in self.spans for edge in (span.start, span.end) if until is None or edge < until}
        self._edges = sorted(edges | ({until} if until else set()))
        self._known: dict[int, tuple[Span, ...]] = {}

    def running(self, at: datetime) -> tuple[Span, ...]:
        k = bisect_right(self._edges, at)
        if k not in self._known:
            self._known[k] = tuple(span for span in self.spans if span.start <= at < span.end)
        return self._known[k]

    def next_change(self, at: datetime) -> datetime | None:
        k = bisect_right(self._edges, at)
        return self._edges[k] if k < len(self._edges) else None


@lru_cache(maxsize=256)
def _stretch(calendar: Calendar, number: int) -> Timeline:
    start = _EPOCH + number * _STRETCH
    return Timeline(expand(calendar.series, start, start + _STRETCH), start + _STRETCH)


def naming(schedule: Schedule) -> frozenset[str]:
    """The calendars whose events put people on call there."""
    return frozenset((*schedule.override_calendars, *(layer.calendar for layer in schedule.layers if layer.calendar)))


class CalendarLane(Lane):
    """A layer whose people are those whom the running events name."""

    def __init__(self, layer: Layer, timezone: str, absences: Absences, calendars: Calendars) -> None:
        super().__init__(layer, timezone, absences)
        self._calendars = calendars

    def inside(self, at: datetime, removed: Collection[str], limited: bool) -> Places:
        until = self._calendars.next_change(self.layer.calendar, at) or FOREVER
        places: dict[str, Place] = {}
        for span in self._calendars.running(self.layer.calendar, at):
            for user in span.users:
                why, changes = self._absences.why(user, at, removed, limited)
                until = min(until, changes)
                if not why:
                    because = f"layer {self.layer.name}, calendar {self.layer.calendar}: {span.summary}"
                    places.setdefault(user, Place(user, because, self.layer.origin, self.layer.name))
        return tuple(places.values()), until


def overriding(names: Sequence[str], calendars: Calendars, timezone: str, known: Collection[str]) -> Active:
    """What running events override: whoever the events of a calendar name, of those
    `known`, replace everyone. An event that names nobody overrides nothing. `timezone` is the schedule's."""
    tz = zone(timezone)

    def find(at: datetime) -> tuple[tuple[Override, ...], datetime]:
        found: list[Override] = []
        for name in names:
            kind = OverrideKind.REPLACE
            named = [(span, user) for span in calendars.running(name, at) for user in span.users if user in known]
            for span, user in named:
                start, end, reason = wall(span.start, tz), wall(span.end, tz), f"calendar {name}: {span.summary}"
                found.append(Override(start=start, end=end, kind=kind, user=user, reason=reason, origin=calendars.origin(name)))
                kind = OverrideKind.ADD
        until = min((calendars.next_change(name, at) or FOREVER for name in names), default=FOREVER)
        return tuple(found), until

    return find
