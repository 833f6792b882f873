"""What is to be told about the hand-offs of a schedule, by what was told so far. Pure.

Nothing here asks whether a moment was just passed: each look compares what people were told with what is so now. So a look that comes late, twice,
or from another worker loses nothing and repeats nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from pager.model.handoff import Telling, Told, Watched
from pager.oncall.crews import Crew, at, stint

_FAR = timedelta(days=10_000)


class Kind(StrEnum):
    SOON = "soon"  # to who comes, before
    ON = "on"  # to who comes, at it
    OFF = "off"  # to who goes
    NOT_AFTER_ALL = "not_after_all"  # to who was told to come, and does not
    CHANGED = "changed"  # to who was told to come, and does at another time
    POSTED = "posted"  # to everybody, in the channel
    NOBODY = "nobody"


class Handing(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell. `start` and `end` (UTC; None: not known) are those of the person's time on call, or of the crew's. `others`: who hands
    over, or who has it instead. `before`: what was told until now. `useless_after`: then it makes no sense any more."""

    kind: Kind
    schedule: str
    start: datetime
    end: datetime | None
    user: str = ""
    crew: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    before: tuple[datetime, datetime | None] | None = None
    useless_after: datetime | None = None


class _Coming(msgspec.Struct, frozen=True):
    user: str
    start: datetime
    end: datetime | None
    others: tuple[str, ...]
    ahead: timedelta | None  # the nearest `before` that has come; None: it is too soon to tell


def look(schedule: str, how: Telling, crews: Sequence[Crew], before: Watched | None, now: datetime) -> tuple[Watched, tuple[Handing, ...]]:
    """What is remembered from now on, and what is to be told. `crews` cover the time from now on as far as the longest `before`. `before` None: the
    first look at this schedule; then nobody has just come or gone. Raises LookupError where `crews` don't hold this moment."""
    k = at(crews, now)
    present = crews[k].users
    was = present if before is None else before.on
    # Who has come as they were told to knows it.
    told = [t for t in before.told if t.start > now or t.user not in present] if before is not None else []
    coming = list(_coming(crews, k, how, now))
    known, said = _ahead(schedule, coming, told)
    left = [t for t in told if not _met(t, coming, was, now)]
    # Who is there already, and stays until then, may still be taken off before; who has just come is told the whole time anyway.
    stays = [t for t in left if _stays(t, crews, k)]
    gone = [_not_after_all(schedule, crews, t) for t in left if t not in stays]
    return Watched(present, (*known, *(t for t in stays if t.user in was or not how.at))), (
        *_changes(schedule, how, crews, k, was),
        *gone,
        *said,
    )


# --- at it ----------------------------------------------------------------------------------------------------------------------------
def _changes(schedule: str, how: Telling, crews: Sequence[Crew], k: int, was: Sequence[str]) -> Iterator[Handing]:
    crew = crews[k]
    goers = tuple(user for user in was if user not in crew.users)
    comers = tuple(user for user in crew.users if user not in was)
    if not goers and not comers:
        return
    whole = Handing(kind=Kind.POSTED, schedule=schedule, start=crew.start, end=crew.end, crew=crew.users, others=goers)
    if not crew.users:
        following = crews[k + 1].users if k + 1 < len(crews) else ()
        yield msgspec.structs.replace(whole, kind=Kind.NOBODY, crew=following, useless_after=crew.end)
    if not how.at:
        return
    for user in comers:
        start, end = stint(crews, k, user)
        yield Handing(kind=Kind.ON, schedule=schedule, user=user, start=start, end=end, crew=crew.users, others=goers, useless_after=end)
    for user in goers:
        yield Handing(kind=Kind.OFF, schedule=schedule, user=user, start=crew.start, end=crew.end, crew=crew.users, others=comers)
    if how.channel and crew.users:
        yield msgspec.structs.replace(whole, useless_after=crew.end)


# --- before it ------------------------------------------------------------------------------------------------------------------------
def _coming(crews: Sequence[Crew], k: int, how: Telling, now: datetime) -> Iterator[_Coming]:
    """Everybody who comes after the crew `k`."""
    for n in range(k + 1, len(crews)):
        crew, last = crews[n], crews[n - 1].users
        ahead = min((b for b in how.before if crew.start - b <= now), default=None)
        for user in crew.users:
            if user not in last:
                start, end = stint(crews, n, user)
                yield _Coming(user, start, end, tuple(u for u in last if u not in crew.users), ahead)


def _ahead(schedule: str, coming: Sequence[_Coming], told: Sequence[Told]) -> tuple[tuple[Told, ...], tuple[Handing, ...]]:
    known: list[Told] = []
    said: list[Handing] = []
    for c in coming:
        same = next((t for t in told if (t.user, t.start) == (c.user, c.start)), None)
        before = same or next((t for t in told if t.user == c.user and _overlap(t, c) and not _stands(t, coming)), None)
        if before is None and c.ahead is None:
            continue
        ahead = min((a for a in (c.ahead, before.ahead if before else None) if a is not None), default=_FAR)
        changed = before is not None and (before.start != c.start or (before.end is not None and before.end != c.end))
        if before is None or changed or ahead < before.ahead:
            was = (before.start, before.end) if before is not None and changed else None
            kind = Kind.CHANGED if changed else Kind.SOON
            said.append(
                Handing(
                    kind=kind, schedule=schedule, user=c.user, start=c.start, end=c.end, others=c.others, before=was, useless_after=c.start
                )
            )  # fmt: skip
        # Moved so far that its notices are still to come: they will.
        known.append(Told(c.user, c.start, c.end, ahead if c.ahead is not None else _FAR))
    return tuple(known), tuple(said)


def _met(t: Told, coming: Sequence[_Coming], was: Sequence[str], now: datetime) -> bool:
    """Whether they come, or it is over, or they are told in another way."""
    if _stands(t, coming) or any(c.user == t.user and _overlap(t, c) for c in coming):
        return True
    return (t.end is not None and t.end <= now) or (t.start <= now and t.user in was)


def _stays(t: Told, crews: Sequence[Crew], k: int) -> bool:
    end = stint(crews, k, t.user)[1] if t.user in crews[k].users else t.start
    return end is None or end > t.start


def _not_after_all(schedule: str, crews: Sequence[Crew], t: Told) -> Handing:
    instead = next((c.users for c in reversed(crews) if c.start <= t.start), crews[0].users)
    return Handing(kind=Kind.NOT_AFTER_ALL, schedule=schedule, user=t.user, start=t.start, end=t.end, others=instead, useless_after=t.end)


def _stands(t: Told, coming: Sequence[_Coming]) -> bool:
    return any((c.user, c.start) == (t.user, t.start) for c in coming)


def _overlap(t: Told, c: _Coming) -> bool:
    return (c.end is None or t.start < c.end) and (t.end is None or c.start < t.end)
