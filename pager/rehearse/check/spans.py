"""Spans of time: counted with, and written out as people say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pager.model.times import duration
from pager.oncall.instants import zone

Span = tuple[datetime, datetime]
"""Half open, UTC."""
Spans = tuple[Span, ...]
"""In order, none touching another's inside."""


def joined(spans: Iterable[Span]) -> Spans:
    """In order, with those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return tuple(found)


def common(some: Sequence[Span], others: Sequence[Span]) -> Spans:
    """What lies in both."""
    found: list[Span] = []
    i = k = 0
    while i < len(some) and k < len(others):
        start, end = max(some[i][0], others[k][0]), min(some[i][1], others[k][1])
        if start < end:
            found.append((start, end))
        if some[i][1] <= others[k][1]:
            i += 1
        else:
            k += 1
    return tuple(found)


def without(some: Sequence[Span], others: Sequence[Span]) -> Spans:
    """What lies in `some` and not in `others`; both in order."""
    found: list[Span] = []
    k = 0
    for start, end in some:
        while k < len(others) and others[k][1] <= start:
            k += 1
        at, j = start, k
        while j < len(others) and others[j][0] < end:
            if at < others[j][0]:
                found.append((at, others[j][0]))
            at = max(at, others[j][1])
            j += 1
        if at < end:
            found.append((at, end))
    return tuple(found)


def total(spans: Iterable[Span]) -> timedelta:
    """To the second."""
    return timedelta(seconds=round(sum((end - start for start, end in spans), timedelta(0)).total_seconds()))


# --- words ----------------------------------------------------------------------------------------------------------------------------
def when(span: Span, horizon: Span, timezone: str) -> str:
    """`Sunday 2027-10-31 02:00-03:00 Europe/Stockholm`. `at all times` is the whole horizon; what lasts beyond it goes `on`."""
    if span[0] <= horizon[0] and span[1] >= horizon[1]:
        return "at all times"
    tz = zone(timezone)
    start, end = span[0].astimezone(tz), span[1].astimezone(tz)
    if span[1] >= horizon[1]:
        return f"from {_day(start)} {_clock(start)} {timezone} on"
    changed = "" if start.utcoffset() == end.utcoffset() else f" ({duration(total([span]))}: the clocks change)"
    if start.date() == (end - timedelta(microseconds=1)).date():
        return f"{_day(start)} {_clock(start)}-{_clock(end, midnight='24:00')} {timezone}{changed}"
    return f"{_day(start)} {_clock(start)} to {_day(end)} {_clock(end)} {timezone}{changed}"


def more_times(spans: Sequence[Span], timezone: str) -> str:
    """What else there is beside the first: `12 more times until Sunday 2027-12-05, 1d 2h in all`; empty when there is no more."""
    if len(spans) < 2:
        return ""
    last = (spans[-1][1] - timedelta(microseconds=1)).astimezone(zone(timezone))
    count = len(spans) - 1
    return f"{count} more time{'' if count == 1 else 's'} until {_day(last)}, {duration(total(spans))} in all"


def named(words: Sequence[str], most: int = 3) -> str:
    """`a, b and c`; of many the first few and how many more."""
    shown, rest = list(words[:most]), len(words) - most
    if rest > 0:
        shown.append(f"{rest} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def _day(at: datetime) -> str:
    return f"{_DAYS[at.weekday()]} {at:%Y-%m-%d}"


def _clock(at: datetime, midnight: str = "00:00") -> str:
    text = f"{at:%H:%M}" if at.second == 0 else f"{at:%H:%M:%S}"
    return midnight if text == "00:00" else text


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
