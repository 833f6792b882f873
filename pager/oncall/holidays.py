"""Public holidays: from 00:00 to 24:00 in the schedule's zone. The k-th of the year, counted by date, goes to `users[(k-1) mod n]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from pager.model.rota import Span
from pager.model.schedule import Holidays
from pager.oncall.instants import instant, wall

_DAY = timedelta(days=1)


class Holiday(msgspec.Struct, frozen=True):
    """`number` counts those of its year, from 1."""

    name: str
    number: int


class UnknownCountry(ValueError):
    """The `holidays` library does not know that country, or not that region of it."""


def find_holiday(
    rule: Holidays, calendar: Callable[[int], Iterable[Span]], tz: ZoneInfo
) -> Callable[[datetime], tuple[Holiday | None, datetime]]:
    """A function from a moment to the holiday that is on, and until when that holds. `calendar`: the events of
    a year whose whole days count, too."""

    @lru_cache(maxsize=8)
    def of_year(year: int) -> Mapping[date, str]:
        public = public_holidays(rule.country, rule.region, year) if rule.country else {}
        days = {date.fromisoformat(span.day): span.summary or "holiday" for span in reversed(list(calendar(year))) if span.day}
        return dict(sorted({**{day: name for day, name in days.items() if day.year == year}, **public}.items()))

    def find(at: datetime) -> tuple[Holiday | None, datetime]:
        today = wall(at, tz).date()
        for day in (today + _DAY, today, today - _DAY):  # clocks that go back over midnight show yesterday's date again
            if instant(_midnight(day), tz) <= at < instant(_midnight(day + _DAY), tz):
                today = day
                break
        dates = of_year(today.year)
        if today in dates:
            return Holiday(dates[today], list(dates).index(today) + 1), instant(_midnight(today + _DAY), tz)
        following = next((day for day in dates if day > today), date(today.year + 1, 1, 1))
        return None, instant(_midnight(following), tz)

    return find


@lru_cache(maxsize=256)
def public_holidays(country: str, region: str | None, year: int) -> Mapping[date, str]:
    """The library's default dates, named in English wherever we run. Raises UnknownCountry."""
    import holidays  # loaded when the first schedule asks: it takes a tenth of a second

    try:
        return dict(holidays.country_holidays(country, subdiv=region, years=year, language="en_US"))
    except NotImplementedError as error:
        raise UnknownCountry(str(error)) from None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
