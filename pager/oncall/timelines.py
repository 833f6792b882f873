"""Crews over a time around now, kept while the rota stays the same: who looks every second must not compute months each time."""

from __future__ import annotations

from datetime import datetime, timedelta

from pager.oncall.crews import Crew, crews
from pager.oncall.memo import Rota

BACK = timedelta(days=8)
"""A crew that has been there for a week is known from its beginning."""
AHEAD = timedelta(days=36)
"""So that a turn of a month is known to its end, however far ahead it is told."""
_GOOD_FOR = timedelta(hours=1)


class Timelines:
    """Of one rota."""

    def __init__(self, rota: Rota) -> None:
        self.rota = rota
        self._known: dict[tuple[str, timedelta], tuple[datetime, tuple[Crew, ...]]] = {}

    def crews(self, schedule: str, now: datetime, ahead: timedelta = timedelta(0)) -> tuple[Crew, ...]:
        """From BACK before now until AHEAD after now + `ahead`, or an hour more or less. Nobody at all for a schedule that is not there."""
        made, known = self._known.get((schedule, ahead), (None, ()))
        if made is None or not made <= now < made + _GOOD_FOR:
            found = crews(self.rota.shifts(schedule, now - BACK, now + ahead + AHEAD))
            known = found or (Crew(now - BACK, None, ()),)
            self._known[schedule, ahead] = (now, known)
        return known
