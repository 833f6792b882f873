"""From the wall clock to instants. A local time that does not exist means the moment the clocks jump; one that exists twice, the first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_BLOCK = 4  # of 2^4 days
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
    offset = _steady(tz, wall.toordinal() >> _BLOCK)
    if offset is not None:
        return (wall - offset).replace(tzinfo=UTC)
    first = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if first.astimezone(tz).replace(tzinfo=None) == wall:
        return first
    return _jump(wall, tz)


@lru_cache(maxsize=65_536)
def _steady(tz: ZoneInfo, block: int) -> timedelta | None:
    """The zone's offset, where its clocks are not changed in those sixteen days, nor in the two before and after; None where they are. Most
    times are asked for in such days, and are found without looking the zone up."""
    try:
        start = datetime.fromordinal(block << _BLOCK).replace(tzinfo=UTC) - timedelta(days=2)
        end = start + timedelta(days=4 + (1 << _BLOCK))
        offset, at = start.astimezone(tz).utcoffset(), start
        while at < end:
            at += timedelta(hours=3)  # no clock was ever put forward and back within that
            if at.astimezone(tz).utcoffset() != offset:
                return None
    except (OverflowError, ValueError):  # at the calendar's ends
        return None
    return offset


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
    offset = _steady(tz, at.toordinal() >> _BLOCK) if at.tzinfo is UTC else None
    if offset is not None:
        return at.replace(tzinfo=None) + offset
    return at.astimezone(tz).replace(tzinfo=None)
