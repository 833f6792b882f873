"""What an event of a calendar comes to with its repetitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pager.model.calendar import Series
from pager.model.rota import Span
from pager.oncall.instants import zone

MOST_SPANS = 10_000  # of one calendar at once
_DAY = timedelta(days=1)
_STEPS = {"HOURLY": timedelta(hours=1), "DAILY": _DAY, "WEEKLY": 7 * _DAY}


def expand(series: Iterable[Series], start: datetime, end: datetime, most: int = MOST_SPANS) -> list[Span]:
    """The events between two moments (UTC), with those that only reach in; whole days one by one. The first `most` of them."""
    found = [span for one in series for span in _spans(one, start, end, most)]
    return sorted(set(found), key=lambda span: (span.start, span.end, span.summary, span.users))[:most]


def _spans(one: Series, start: datetime, end: datetime, most: int) -> Iterator[Span]:
    # A day more on both sides: wall clocks are up to 14 hours off.
    first, last = _wall(start) - one.length - _DAY, _wall(end) + _DAY
    count = 0
    for begins in sorted(set(_beginnings(one, first, last))):
        for span in _days(one, begins) if one.days else [_span(one, begins)]:
            if span.start < end and start < span.end and span.start < span.end:
                yield span
                count += 1
        if count >= most:
            return


def _wall(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def _beginnings(one: Series, first: datetime, last: datetime) -> Iterator[datetime]:
    """On the wall clock, from `first` to `last`."""
    without = set(one.without)
    # Whoever takes "this and all that follow" off a calendar at the first leaves a rule that ends before it begins.
    if first <= one.start <= last and one.start not in without and not any(_over(rule, one.start) for rule in one.rules):
        yield one.start
    yield from (at for at in one.also if first <= at <= last and at not in without)
    for rule in one.rules:
        yield from (at for at in _repeated(one.start, rule, first, last) if at not in without)


def _over(rule: str, start: datetime) -> bool:
    until = rule.upper().partition("UNTIL=")[2]
    return bool(until) and datetime.strptime(until[:15], "%Y%m%dT%H%M%S") < start


def _repeated(start: datetime, rule: str, first: datetime, last: datetime) -> Sequence[datetime]:
    # Only where an event repeats: a start of the daemon without one does not wait for it.
    from dateutil.rrule import rrule, rrulestr

    parts = dict(part.split("=", 1) for part in rule.upper().split(";") if "=" in part)
    step = _STEPS.get(parts.get("FREQ", ""))
    if step is not None and "COUNT" not in parts and first > start:
        # Years of a daily event need not be gone through.
        step *= int(parts.get("INTERVAL", "1"))
        start += max(0, (first - start) // step - 1) * step
    found = rrulestr(rule, dtstart=start)
    return found.between(first, last, inc=True) if isinstance(found, rrule) else ()


def _span(one: Series, begins: datetime) -> Span:
    start = _instant(begins, one.zone)
    end = start + one.length if one.exact else _instant(begins + one.length, one.zone)
    return Span(start, end, one.users, one.summary)


def _days(one: Series, begins: datetime) -> Iterator[Span]:
    for k in range(max(1, one.length // _DAY)):
        day = begins + k * _DAY
        yield Span(_instant(day, one.zone), _instant(day + _DAY, one.zone), one.users, one.summary, day.date().isoformat())


def _instant(wall: datetime, name: str) -> datetime:
    """What does not exist is read by the offset before the jump, as RFC 5545 says; what exists twice is the first."""
    return wall.replace(tzinfo=zone(name)).astimezone(UTC)
