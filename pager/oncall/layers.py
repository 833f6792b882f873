"""Whom one layer of a schedule puts on call."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from pager.model.origin import Origin
from pager.model.schedule import Layer
from pager.oncall.absence import Absences, Held
from pager.oncall.instants import FOREVER, instant, zone
from pager.oncall.rotation import Turn, handoff, order, turn_at
from pager.oncall.windows import standing

_WEEK = timedelta(weeks=1)
_LOOK_BACK = 400  # turns: who has held longer than that has done so since the rotation began


class Place(msgspec.Struct, frozen=True):
    """Somebody on call, and why. `layer` is empty for who did not come by one."""

    user: str
    because: str
    origin: Origin | None
    layer: str = ""


Places = tuple[tuple[Place, ...], datetime]
"""Who is on call, and the moment at which that may change."""


class Lane:
    """A layer made ready to be asked."""

    def __init__(self, layer: Layer, timezone: str, absences: Absences) -> None:
        """`timezone` is the schedule's."""
        self.layer = layer
        self._timezone = layer.timezone or timezone
        self._tz = zone(self._timezone)
        self._absences = absences
        self._begins = instant(layer.begins, self._tz) if layer.begins else None
        self._ends = instant(layer.ends, self._tz) if layer.ends else FOREVER
        self._open = Held(self._is_open)
        self._turn = Held(self._turn_at)
        self._held_by = lru_cache(maxsize=1024)(self._holders)

    def places(self, at: datetime, removed: Collection[str], limited: bool) -> Places:
        """`removed` people stand in no layer."""
        is_open, until = self._open.at(at)
        if not is_open:
            return (), until
        places, changes = self.inside(at, removed, limited)
        return places, min(until, changes)

    def inside(self, at: datetime, removed: Collection[str], limited: bool) -> Places:
        """While the layer is in effect and inside of its hours."""
        turn, until = self._turn.at(at)
        if turn is None or (turn.order[0] is None and self.layer.take == 1):
            return (), until  # a blank slot is meant: nobody steps in
        names: list[str] = []
        missing: list[str] = []
        for user in turn.order:
            if len(names) == self.layer.take:
                break
            if user is None or user in names:
                continue
            why, changes = self._absences.why(user, at, removed, limited)
            until = min(until, changes)
            why = why or (limited and self._too_long(user, turn)) or ""
            if why:
                missing.append(f"{user} {why}")
            else:
                names.append(user)
        because = self._because(turn, missing)
        return tuple(Place(user, because, self.layer.origin, self.layer.name) for user in names), until

    def _because(self, turn: Turn, missing: list[str]) -> str:
        shift = f", shift {turn.shift}" if turn.shift else ""
        return f"layer {self.layer.name}{shift}, turn {turn.number + 1}" + (f" ({'; '.join(missing)})" if missing else "")

    def _is_open(self, at: datetime) -> tuple[bool, datetime]:
        """Whether the layer is in effect and inside of its hours."""
        if self._begins and at < self._begins:
            return False, self._begins
        if at >= self._ends:
            return False, FOREVER
        if not self.layer.only:
            return True, self._ends
        hours = [standing(hours, at, self._timezone) for hours in self.layer.only]
        return any(one.inside for one in hours), min(self._ends, *(one.until or FOREVER for one in hours))

    def _turn_at(self, at: datetime) -> tuple[Turn | None, datetime]:
        turn = turn_at(self.layer, at, self._tz)
        return turn, turn.end if turn else handoff(self.layer, 0, self._tz)

    # --- consecutive weeks ------------------------------------------------------------------------------------------------------------
    def _too_long(self, user: str, turn: Turn) -> str:
        """Who has had as many weeks running as they may sits one out; then it counts afresh. Counted is whom the rotation gives the turns to
        by itself: away counts, overrides don't."""
        limits = self._absences.limits(user)
        if limits is None or limits.consecutive_weeks is None:
            return ""
        first = turn.number
        while first > 0 and turn.number - first < _LOOK_BACK and user in self._held_by(first - 1):
            first -= 1
        if turn.number - first >= _LOOK_BACK:
            first = 0
        weeks = (turn.start - handoff(self.layer, first, self._tz)) // _WEEK
        most = limits.consecutive_weeks
        return f"has had {most} week{'' if most == 1 else 's'} running" if weeks % (most + 1) == most else ""

    def _holders(self, number: int) -> tuple[str, ...]:
        start = handoff(self.layer, number, self._tz)
        slots = order(self.layer, number)
        if slots[0] is None and self.layer.take == 1:
            return ()
        there = dict.fromkeys(u for u in slots if u is not None and not self._absences.why(u, start, (), False)[0])
        return tuple(there)[: self.layer.take]
