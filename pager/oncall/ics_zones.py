"""The zones of a calendar file: IANA's names, those of Windows, and such as only the file explains."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar as Component
from icalendar import Timezone
from icalendar.timezone.tzp import TZP
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from pager.oncall.instants import wall, zone

_SAMPLES = [datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(days=k) for k in range(0, 1461, 5)]


class Zones:
    """`configured`, then what the calendar says of itself, then `default` are for whole days and for times without a zone."""

    def __init__(self, calendar: Component, configured: str | None, default: str) -> None:
        said = _known(str(calendar.get("X-WR-TIMEZONE", "")))
        self.own = configured or said or default
        self._explained = {str(part.get("TZID", "")): part for part in calendar.walk("VTIMEZONE")}
        self._found: dict[str, tuple[str, str]] = {}
        self.guessed = ""
        """What is not sure about the zone asked for last."""

    def of(self, when: Any) -> str:
        """The IANA name of the zone of a property with a date or time."""
        self.guessed = ""
        value = when.dt
        if not isinstance(value, datetime):
            return self.own
        return self._zone_of(value, str(when.params.get("TZID", "")))

    def wall(self, when: Any, name: str, clock: time) -> datetime:
        """The wall-clock time there, naive; of a date, at that time of day."""
        value = when.dt
        if not isinstance(value, datetime):
            return datetime.combine(value, clock)
        return self.to_wall(value, str(when.params.get("TZID", "")), name)

    def to_wall(self, value: datetime, tzid: str, name: str) -> datetime:
        of, naive = self._zone_of(value, tzid), value.replace(tzinfo=None)
        return naive if of == name else self.at(self.instant(naive, of), name)

    def at(self, instant: datetime, name: str) -> datetime:
        return wall(instant, zone(name))

    def instant(self, naive: datetime, name: str) -> datetime:
        """A time that does not exist is read by the offset before the jump, as RFC 5545 says."""
        return naive.replace(tzinfo=zone(name)).astimezone(UTC)

    def _zone_of(self, value: datetime, tzid: str) -> str:
        if tzid:
            if tzid not in self._found:
                self._found[tzid] = self._look_up(tzid)
            name, self.guessed = self._found[tzid]
            return name
        return self.own if value.tzinfo is None else "UTC"

    def _look_up(self, tzid: str) -> tuple[str, str]:
        """By its name; else by what the file says of it: the zone with the same clocks."""
        known = _known(tzid)
        if known:
            return known, ""
        explained = self._explained.get(tzid)
        if isinstance(explained, Timezone):
            try:
                same = _with_the_same_clocks(explained.to_tz(TZP(), lookup_tzid=False))
            except (ValueError, KeyError, IndexError, TypeError, AttributeError):
                same = ""
            if same:
                return same, ""
        return self.own, f"its zone {tzid!r} is not known: {self.own} is taken"


def _known(tzid: str) -> str:
    """An IANA name for it, also behind a vendor's prefix (`/citadel.org/20211207_1/Europe/Berlin`); empty where there is none."""
    parts = tzid.strip().strip("/").split("/")
    for k in range(len(parts)):
        name = "/".join(parts[k:])
        name = WINDOWS_TO_OLSON.get(name, name)
        if not name:
            continue
        try:
            return ZoneInfo(name).key
        except (KeyError, ValueError, OSError):
            continue
    return ""


def _with_the_same_clocks(explained: tzinfo) -> str:
    offsets = tuple(at.astimezone(explained).utcoffset() for at in _SAMPLES)
    return next(
        (
            name
            for name in _candidates()
            if all(at.astimezone(ZoneInfo(name)).utcoffset() == o for at, o in zip(_SAMPLES, offsets, strict=True))
        ),
        "",
    )


@lru_cache(maxsize=1)
def _candidates() -> tuple[str, ...]:
    return ("UTC", *dict.fromkeys(WINDOWS_TO_OLSON.values()))
