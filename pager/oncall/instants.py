"""From the wall clock to instants. A local time that does not exist means the moment the clocks jump; one that exists twice, the first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

FOREVER = datetime.max.replace(tzinfo=UTC)
"""When what never changes changes."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Raises ZoneInfoNotFoundError for a name that is not in the IANA database."""
    return ZoneInfo(name)


def instant(wall: datetime, tz: ZoneInfo) -> datetime:
    """The instant (UTC) of a naive wall-clock time; a time with a zone of its own is one already."""
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    first = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if first.astimezone(tz).replace(tzinfo=None) == wall:
        return first
    return _jump(wall, tz)


def _jump(wall: datetime, tz: ZoneInfo) -> datetime:
    """The instant at which the clocks skipped `wall`. With fold=1 such a time is read with the offset after the jump, so it falls before it;
    with fold=0, after it: the jump lies between."""
    early = wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    late = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    before = early.astimezone(tz).utcoffset()
    step = timedelta(seconds=1)
    while late - early > step:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle <= early:
            break
        if middle.astimezone(tz).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late


def wall(at: datetime, tz: ZoneInfo) -> datetime:
    """The naive wall-clock time of an instant."""
    return at.astimezone(tz).replace(tzinfo=None)
