"""Why somebody who stands in a rotation is passed over: removed, not in the config, away, or at a limit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from pager.model.person import Limits, Person
from pager.model.rota import NOTHING, RotaFacts
from pager.oncall.instants import FOREVER, instant, zone
from pager.oncall.windows import standing

T = TypeVar("T")


class Held(Generic[T]):
    """An answer kept as long as it holds. `find` gives it with the moment at which it may change."""

    def __init__(self, find: Callable[[datetime], tuple[T, datetime]]) -> None:
        self._find = find
        self._from = self._until = FOREVER
        self._value: T

    def at(self, at: datetime) -> tuple[T, datetime]:
        if not self._from <= at < self._until:
            self._value, self._until = self._find(at)
            self._from = at
        return self._value, self._until


class Absences:
    """Everybody's. `limits` are for people without their own."""

    def __init__(self, people: Mapping[str, Person], facts: RotaFacts = NOTHING, limits: Limits | None = None) -> None:
        self.people = people
        self._limits = limits
        self._away = {user: Held(_away(person)) for user, person in people.items() if person.away}
        self._tired = {
            user: Held(_tired(person, own, facts.night_pages[user]))
            for user, person in people.items()
            if (own := person.limits or limits) and facts.night_pages.get(user)
        }

    def limits(self, user: str) -> Limits | None:
        person = self.people.get(user)
        return (person.limits or self._limits) if person else None

    def why(self, user: str, at: datetime, removed: Collection[str], limited: bool) -> tuple[str, datetime]:
        """Why they are passed over, empty where they are not, and when that may change. Limits on nights count only where `limited`."""
        if user in removed:
            return "is removed by an override", FOREVER
        if user not in self.people:
            return "is not in the config", FOREVER
        away, until = self._away[user].at(at) if user in self._away else ("", FOREVER)
        if away or not limited or user not in self._tired:
            return away, until
        tired, changes = self._tired[user].at(at)
        return tired, min(until, changes)


def _away(person: Person) -> Callable[[datetime], tuple[str, datetime]]:
    tz = zone(person.timezone)
    spans = [(instant(a.start, tz), instant(a.end, tz), f"is away{f': {a.reason}' if a.reason else ''}") for a in person.away]

    def find(at: datetime) -> tuple[str, datetime]:
        until = min((edge for start, end, _ in spans for edge in (start, end) if edge > at), default=FOREVER)
        return next((why for start, end, why in spans if start <= at < end), ""), until

    return find


def _tired(person: Person, limits: Limits, pages: tuple[datetime, ...]) -> Callable[[datetime], tuple[str, datetime]]:
    """Within a night the number of pages counts; once it is over, the rest since the last of them."""
    nights = [(page, night.until) for page in pages if (night := standing(limits.night, page, person.timezone)).inside and night.until]
    tz = zone(person.timezone)
    spans: list[tuple[datetime, datetime, str]] = []
    for end in dict.fromkeys(end for _, end in nights):
        mine = [page for page, its_end in nights if its_end == end]
        if limits.pages_per_night is not None and len(mine) >= limits.pages_per_night:
            enough = mine[limits.pages_per_night - 1]
            spans.append((enough, end, f"was paged {_times(limits.pages_per_night)} this night"))
        if limits.rest is not None and mine[-1] + limits.rest > end:
            until = mine[-1] + limits.rest
            spans.append((end, until, f"rests until {until.astimezone(tz):%H:%M} after a page at {mine[-1].astimezone(tz):%H:%M}"))

    def find(at: datetime) -> tuple[str, datetime]:
        until = min((edge for start, end, _ in spans for edge in (start, end) if edge > at), default=FOREVER)
        return next((why for start, end, why in spans if start <= at < end), ""), until

    return find


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
