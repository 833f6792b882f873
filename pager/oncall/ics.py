"""Reads iCalendar, RFC 5545, as Google, Outlook and Apple write it. What each event repeats stays as it was written: `calendars` works it out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from icalendar import Calendar as Component
from icalendar import vRecur

from pager.model.calendar import Calendar, Series
from pager.model.person import Person
from pager.oncall.ics_zones import Zones
from pager.oncall.naming import Names

MOST_BYTES = 5 * 1024 * 1024
MOST_EVENTS = 10_000
_DAY = timedelta(days=1)
_NEVER = ("SECONDLY", "MINUTELY")  # nobody is on call for a minute, and working them out takes for ever


class NotACalendar(ValueError):
    """It can't be read as a whole, or no event stands in it. In words."""


class Remark(msgspec.Struct, frozen=True):
    """Something of one event that was not taken. `line` counts from 1. `names`: it is only that the event names nobody."""

    line: int
    what: str
    names: bool = False


class Read(msgspec.Struct, frozen=True):
    series: tuple[Series, ...]
    remarks: tuple[Remark, ...] = ()


def read_ics(text: str, calendar: Calendar, users: Mapping[str, Person], timezone: str) -> Read:
    """Every event that can be read, and what could not be. `timezone` is that of the installation, for whole days and times without a zone
    where neither `calendar` nor the text says one. Raises NotACalendar."""
    if "BEGIN:VCALENDAR" not in text[:1000].upper():
        raise NotACalendar("is no calendar: it does not begin with BEGIN:VCALENDAR")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Sequence[Component] = Component.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise NotACalendar(f"can't be read: {' '.join(str(error).split())[:200]}") from None
    lines = [k for k, line in enumerate(text.split("\n"), start=1) if line.strip().upper() == "BEGIN:VEVENT"]
    reader = _Reader(Names(users, calendar.people))
    events = 0
    for one in found:
        zones = Zones(one, calendar.timezone, timezone)
        held = [_Event(event, line) for event, line in zip(one.walk("VEVENT"), lines[events:], strict=False)]
        events += len(held)
        reader.calendar(held, zones)
    if not events:
        raise NotACalendar("no event stands in it" + (", or it was cut off" if lines else ""))
    if events > MOST_EVENTS:
        raise NotACalendar(f"has more than {MOST_EVENTS} events")
    return Read(tuple(reader.series), tuple(reader.remarks))


class _Event:
    """A VEVENT by its words. A property that stands there twice counts once."""

    def __init__(self, component: Any, line: int) -> None:
        self._component = component
        self.line = line
        self.broken = [str(what) for _, what in component.errors]

    def get(self, name: str) -> Any:
        value = self._component.get(name)
        return value[0] if isinstance(value, list) else value

    def all(self, name: str) -> list[Any]:
        value = self._component.get(name)
        return [] if value is None else value if isinstance(value, list) else [value]

    def text(self, name: str) -> str:
        return " ".join(str(self.get(name) or "").split())

    @property
    def uid(self) -> str:
        return self.text("UID") or f"line {self.line}"

    @property
    def cancelled(self) -> bool:
        return self.text("STATUS").upper() == "CANCELLED"

    def attendees(self) -> list[str]:
        """Of those who did not say no."""
        return [_address(one) for one in self.all("ATTENDEE") if str(getattr(one, "params", {}).get("PARTSTAT", "")).upper() != "DECLINED"]


def _address(value: Any) -> str:
    text = str(value or "")
    email = str(getattr(value, "params", {}).get("EMAIL", ""))
    return email or re.sub(r"(?i)^mailto:", "", text)


class _Reader:
    def __init__(self, names: Names) -> None:
        self._names = names
        self.series: list[Series] = []
        self.remarks: list[Remark] = []

    def calendar(self, events: Iterable[_Event], zones: Zones) -> None:
        """An event that is moved or called off leaves its place in the series it belongs to."""
        whole: list[_Event] = []
        moved: dict[str, list[Any]] = {}
        for event in events:
            instead_of = event.get("RECURRENCE-ID")
            if instead_of is not None and hasattr(instead_of, "dt"):
                moved.setdefault(event.uid, []).append(instead_of)
                if str(instead_of.params.get("RANGE", "")).upper() == "THISANDFUTURE":
                    self._say(event, "moves the events after it, too (RANGE=THISANDFUTURE): only this one is moved")
            whole.append(event)
        for event in self._newest(whole):
            if event.cancelled:
                continue
            try:
                self._event(event, zones, moved.get(event.uid, ()) if event.get("RECURRENCE-ID") is None else ())
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                self._say(event, f"is left out: {' '.join(str(error).split())[:200]}")

    def _newest(self, events: Sequence[_Event]) -> Iterable[_Event]:
        """Each event once: by UID and place in its series, the one with the highest SEQUENCE."""
        found: dict[tuple[str, str], _Event] = {}
        for event in events:
            place = event.get("RECURRENCE-ID")
            key = (event.uid, str(place.dt) if hasattr(place, "dt") else "")
            before = found.get(key)
            if before is None or _sequence(event) >= _sequence(before):
                found[key] = event
        return found.values()

    def _event(self, event: _Event, zones: Zones, moved: Sequence[Any]) -> None:
        begins = event.get("DTSTART")
        if begins is None or not hasattr(begins, "dt") or not isinstance(begins.dt, date):
            raise ValueError("; ".join(event.broken) or "it has no DTSTART")
        days, zone = not isinstance(begins.dt, datetime), zones.of(begins)
        if zones.guessed:
            self._say(event, zones.guessed)
        start = _naive(begins.dt)
        length, exact = _length(event, zones, start, zone, days)
        if not days and _is_outlooks_day(event, start, length):
            days = True
        rules = () if event.get("RECURRENCE-ID") is not None else tuple(self._rules(event, zones, zone, days))
        named = self._names.of(event.text("SUMMARY"), event.attendees(), _address(event.get("ORGANIZER")))
        if not named.users:
            self._say(event, f"{event.text('SUMMARY')[:60]!r} {named.why}", names=True)
        one = Series(start, length, zone, event.text("SUMMARY")[:200], named.users, days, exact, rules)
        also, periods = self._also(event, zones, one)
        without = tuple(zones.wall(when, zone, start.time()) for when in [*_dates(event.all("EXDATE")), *moved])
        self.series += [msgspec.structs.replace(one, also=also, without=without), *periods]

    def _rules(self, event: _Event, zones: Zones, zone: str, days: bool) -> Iterable[str]:
        for rule in event.all("RRULE"):
            if not isinstance(rule, vRecur):
                raise ValueError("; ".join(event.broken) or "its RRULE can't be read")
            parts = {str(name).upper(): value for name, value in rule.items()}
            if str(parts["FREQ"][0]).upper() in _NEVER:
                raise ValueError(f"it repeats {parts['FREQ'][0]}")
            until = parts.pop("UNTIL", None)
            words = [word for word in _written(rule).split(";") if not word.upper().startswith("UNTIL=")]
            if until:
                words.append(f"UNTIL={_until(until[0], zones, zone, days):%Y%m%dT%H%M%S}")
            yield ";".join(words)

    def _also(self, event: _Event, zones: Zones, one: Series) -> tuple[tuple[datetime, ...], list[Series]]:
        """Dates that were added; and those with lengths of their own."""
        also: list[datetime] = []
        periods: list[Series] = []
        for when in _dates(event.all("RDATE")):
            if not isinstance(when.dt, tuple):
                also.append(zones.wall(when, one.zone, one.start.time()))
                continue
            first, second = when.dt
            length = second if isinstance(second, timedelta) else second - first
            wall = zones.to_wall(first, str(when.params.get("TZID", "")), one.zone)
            periods.append(msgspec.structs.replace(one, start=wall, length=length, exact=True, rules=()))
        return tuple(also), periods

    def _say(self, event: _Event, what: str, *, names: bool = False) -> None:
        self.remarks.append(Remark(event.line, what, names))


def _naive(value: date) -> datetime:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else datetime.combine(value, time())


def _length(event: _Event, zones: Zones, start: datetime, zone: str, days: bool) -> tuple[timedelta, bool]:
    """On the wall clock where it can be: a watch of each night from 20:00 to 08:00 has no hole when the clocks change."""
    ends, lasts = event.get("DTEND"), event.get("DURATION")
    if ends is not None and hasattr(ends, "dt"):
        end_zone = zones.of(ends)
        if days or end_zone == zone:
            length, exact = _naive(ends.dt) - start, False
        else:
            length, exact = zones.instant(_naive(ends.dt), end_zone) - zones.instant(start, zone), True
    elif lasts is not None and hasattr(lasts, "dt"):
        length, exact = lasts.dt, lasts.dt % _DAY != timedelta(0)
    else:
        length, exact = (_DAY if days else timedelta(0)), False
    if days and length < _DAY:
        length = _DAY
    if length <= timedelta(0):
        raise ValueError("it ends when it begins, or before")
    return length, exact


def _is_outlooks_day(event: _Event, start: datetime, length: timedelta) -> bool:
    marked = event.text("X-MICROSOFT-CDO-ALLDAYEVENT").upper() == "TRUE"
    return marked and start.time() == time() and length % _DAY == timedelta(0)


def _until(value: Any, zones: Zones, zone: str, days: bool) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time() if days else time(23, 59, 59))
    if value.tzinfo is None:
        return value
    return zones.at(value, zone)


def _dates(lists: Iterable[Any]) -> Iterable[Any]:
    """Each date of properties that hold several, with the zone its property names."""
    for one in lists:
        yield from getattr(one, "dts", ())


def _sequence(event: _Event) -> int:
    try:
        return int(event.get("SEQUENCE") or 0)
    except (TypeError, ValueError):
        return 0


def _written(rule: vRecur) -> str:
    text: bytes = rule.to_ical()  # type: ignore[no-untyped-call]
    return text.decode()
