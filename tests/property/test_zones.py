"""Every zone of the world whose clocks were changed in the last twenty years, around the changes: the rota against the oracle."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

import pytest

from pager.model.rota import RotaFacts
from pager.oncall.memo import Rota
from tests.oracles import oncall_oracle as oracle
from tests.oracles.schedules import QUARTER, situation

START, END, STEP = datetime(2006, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=12)
REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
SCHEDULES = 7  # a zone
PARTS = 8


@cache
def changes(name: str) -> tuple[datetime, ...]:
    """To the minute (UTC), when the clocks of the zone were changed."""
    tz, found, at = ZoneInfo(name), [], START
    while at < END:
        if at.astimezone(tz).utcoffset() != (at + STEP).astimezone(tz).utcoffset():
            early, late = at, at + STEP
            while late - early > timedelta(minutes=1):
                middle = early + (late - early) // 2
                early, late = (middle, late) if middle.astimezone(tz).utcoffset() == early.astimezone(tz).utcoffset() else (early, middle)
            found.append(late.replace(second=0, microsecond=0))
        at += STEP
    return tuple(found)


def zones() -> Iterator[str]:
    return (name for name in sorted(zoneinfo.available_timezones()) if name.split("/")[0] in REGIONS and changes(name))


def test_the_odd_ones_are_among_them() -> None:
    found = set(zones())
    assert len(found) > 250
    for odd in (
        "Australia/Lord_Howe",
        "Asia/Beirut",
        "Africa/Cairo",
        "Pacific/Apia",
        "Europe/Volgograd",
        "Asia/Pyongyang",
        "America/Caracas",
    ):
        assert odd in found


@pytest.mark.parametrize("part", range(PARTS))
def test_the_rota_agrees_with_the_oracle_wherever_clocks_were_changed(part: int) -> None:
    for name in sorted(zones())[part::PARTS]:
        for seed in range(SCHEDULES):
            rng = Random(f"{name} {seed}")
            change = rng.choice(changes(name))
            spot = change.astimezone(ZoneInfo(name)).replace(tzinfo=None)
            spot -= timedelta(minutes=spot.minute % 15, seconds=spot.second)
            s = situation(rng, (name, rng.choice(("UTC", "Europe/Madrid", "Pacific/Chatham"))), spot)
            rota = Rota({"s": s.schedule}, s.people, RotaFacts(night_pages=s.night_pages))
            base = change - timedelta(minutes=change.minute % 15)
            for at in sorted(base + rng.choice((rng.randint(-8, 8), rng.randint(-288, 288))) * QUARTER for _ in range(3)):
                found = [on_call.user for on_call in rota.who("s", at)]
                assert found == oracle.on_call(s.schedule, at, s.people, s.night_pages), (name, seed, at, s)
