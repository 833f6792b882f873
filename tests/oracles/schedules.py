"""Schedules made at random around a moment: every feature, times on the quarter of an hour, and most of them near the moment."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from random import Random

import msgspec

from pager.model.hours import Hours
from pager.model.person import Away, Limits, Person
from pager.model.schedule import Every, Holidays, Layer, NamedShift, Override, OverrideKind, Schedule

QUARTER = timedelta(minutes=15)
USERS = ("ana", "ben", "chandra", "dora")
_COUNTRIES = (("ES", "MD"), ("US", None), ("LB", None), ("AU", "NSW"), ("GB", "SCT"))


class Situation(msgspec.Struct, frozen=True):
    schedule: Schedule
    people: dict[str, Person]
    night_pages: dict[str, tuple[datetime, ...]]


def situation(rng: Random, zones: tuple[str, ...], spot: datetime) -> Situation:
    """`spot` is naive wall-clock time; the first of `zones` is the schedule's, any may be a person's or a layer's."""
    people = {user: _person(rng, user, zones, spot) for user in USERS}
    pages = {
        user: tuple(sorted((spot + _quarters(rng, 8)).replace(tzinfo=UTC) for _ in range(rng.randint(1, 4))))
        for user, person in people.items()
        if person.limits
    }
    schedule = Schedule(
        name="s",
        timezone=zones[0],
        layers=tuple(_layer(rng, k, zones, spot) for k in range(rng.randint(1, 3))),
        overrides=tuple(_override(rng, spot) for _ in range(rng.choice((0, 0, 1, 2)))),
        holidays=_holidays(rng) if rng.random() < 0.25 else None,
    )
    return Situation(schedule, people, pages)


def _quarters(rng: Random, days: int) -> timedelta:
    return rng.randint(-96 * days, 96 * days) * QUARTER


def _near(rng: Random, spot: datetime) -> datetime:
    return spot + rng.choice((rng.randint(-12, 12) * QUARTER, _quarters(rng, 3)))


def _person(rng: Random, user: str, zones: tuple[str, ...], spot: datetime) -> Person:
    away = _near(rng, spot)
    return Person(
        id=user,
        name=user,
        timezone=rng.choice(zones),
        away=(Away(away, away + rng.randint(1, 200) * QUARTER),) if rng.random() < 0.3 else (),
        limits=Limits(
            pages_per_night=rng.choice((None, 1, 2)),
            rest=rng.choice((None, timedelta(hours=8))),
            consecutive_weeks=rng.choice((None, 1, 2)),
        )
        if rng.random() < 0.4
        else None,
    )


def _slots(rng: Random) -> tuple[str | None, ...]:
    return tuple(rng.choice((*USERS, *USERS, None, "zoe")) for _ in range(rng.randint(1, 4)))


def _layer(rng: Random, k: int, zones: tuple[str, ...], spot: datetime) -> Layer:
    starts = _near(rng, spot) - rng.choice((0, 1, 5, 30)) * timedelta(days=1)
    users, every = _slots(rng), Every()
    shifts: tuple[NamedShift, ...] = ()
    if rng.random() < 0.3:
        shifts = tuple(
            NamedShift(name=f"part {j}", lasts=rng.choice((timedelta(hours=12), timedelta(days=2), timedelta(days=5))), users=own)
            for j, own in enumerate(_slots(rng) if rng.random() < 0.5 else () for _ in range(rng.randint(1, 3)))
        )
    else:
        every = rng.choice((Every(timedelta(hours=12)), Every(timedelta(days=1)), Every(timedelta(weeks=1)), Every(months=1)))
    in_effect = _near(rng, spot)
    return Layer(
        name=f"layer {k}",
        users=users,
        every=every,
        shifts=shifts,
        starts=starts,
        begins=in_effect if rng.random() < 0.15 else None,
        ends=in_effect + rng.randint(1, 300) * QUARTER if rng.random() < 0.15 else None,
        timezone=rng.choice((None, None, *zones)),
        only=tuple(_hours(rng, spot) for _ in range(rng.choice((0, 0, 1, 2)))),
        take=rng.choice((1, 1, 1, 2)),
    )


def _hours(rng: Random, spot: datetime) -> Hours:
    days = tuple(sorted(rng.sample(range(7), rng.randint(1, 7))))
    start, end = ((_near(rng, spot)).time() if rng.random() < 0.5 else time(rng.randrange(24)) for _ in range(2))
    first = (spot + timedelta(days=rng.randint(-2, 2))).date() if rng.random() < 0.1 else None
    return Hours(days=days, start=start, end=end, first_date=first)


def _override(rng: Random, spot: datetime) -> Override:
    start, kind = _near(rng, spot), rng.choice(list(OverrideKind))
    instead_of = rng.choice((None, *USERS)) if kind is OverrideKind.REPLACE else None
    return Override(start=start, end=start + rng.randint(1, 200) * QUARTER, kind=kind, user=rng.choice(USERS), instead_of=instead_of)


def _holidays(rng: Random) -> Holidays:
    country, region = rng.choice(_COUNTRIES)
    return Holidays(country=country, region=region, users=tuple(rng.sample(USERS, rng.randint(1, 3))))
