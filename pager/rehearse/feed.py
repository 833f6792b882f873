"""The shifts of a person or a schedule as iCalendar, RFC 5545, with what RFC 7986 and the vendors add for feeds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from icalendar import Calendar, Event
from icalendar.prop import vDuration

from pager.model.config import Config
from pager.model.policy import TargetKind
from pager.oncall.memo import Rota
from pager.oncall.who import Shift, people_of

BEFORE, AFTER = timedelta(days=30), timedelta(days=90)
_DAY = timedelta(days=1)
_FARTHEST = timedelta(days=1500)  # a shift that is longer is cut
_REFRESH = timedelta(hours=1)


class Feed(msgspec.Struct, frozen=True):
    """`tag` is the same as long as the shifts are, whenever it was made."""

    body: bytes
    tag: str


class Duty(msgspec.Struct, frozen=True):
    """One person's shift, whole: others may come and go meanwhile. `since` is its true start; None: it began before anybody looked."""

    schedule: str
    user: str
    because: str
    origin: str
    start: datetime
    end: datetime
    since: datetime | None


def feed(config: Config, rota: Rota, kind: str, name: str, now: datetime) -> Feed | None:
    """That of `user` or `schedule` NAME, from 30 days before today (UTC) to 90 after it; None where there is none. Its stamps are those of
    the hour, so that a client sees what is newer."""
    if kind == TargetKind.SCHEDULE and name in config.schedules:
        title, timezone, schedules, only = f"On call: {name}", config.schedules[name].timezone, [name], ""
    elif kind == TargetKind.USER and name in config.users:
        title, timezone, only = f"{config.users[name].name} on call", config.users[name].timezone, name
        schedules = [s.name for s in config.schedules.values() if name in people_of(s) or _overridden(rota, s.name, name)]
    else:
        return None
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    duties = [duty for schedule in schedules for duty in duties_of(rota, schedule, today - BEFORE, today + AFTER + _DAY, only)]
    return _written(config, title, timezone, sorted(duties, key=lambda d: (d.start, d.schedule, d.user)), now)


def _overridden(rota: Rota, schedule: str, user: str) -> bool:
    return any(override.user == user for override in rota.facts.overrides.get(schedule, ()))


def duties_of(rota: Rota, schedule: str, start: datetime, end: datetime, only: str = "") -> list[Duty]:
    """Those that touch the time from `start` to `end`, each from its beginning to its end, though that be outside."""
    first, last = start - 8 * _DAY, end + 8 * _DAY
    shifts = list(rota.shifts(schedule, first, last))
    while True:
        found = [duty for duty in _duties(schedule, shifts, first, only) if duty.start < end and start < duty.end]
        early, late = any(d.since is None for d in found), any(d.end == last for d in found)
        if early and start - first < _FARTHEST:
            before = start - 4 * (start - first)
            shifts, first = [*rota.shifts(schedule, before, first), *shifts], before
        elif late and last - end < _FARTHEST:
            after = end + 4 * (last - end)
            shifts, last = [*shifts, *rota.shifts(schedule, last, after)], after
        else:
            return found


def _duties(schedule: str, shifts: Iterable[Shift], first: datetime, only: str) -> list[Duty]:
    found: list[Duty] = []
    open_: dict[tuple[str, str], int] = {}
    for shift in shifts:
        still: dict[tuple[str, str], int] = {}
        for o in shift.on_call:
            if only not in ("", o.user):
                continue
            k = open_.get((o.user, o.because))
            if k is None:
                k = len(found)
                since = shift.start if shift.start > first else None
                found.append(Duty(schedule, o.user, o.because, str(o.origin or ""), shift.start, shift.end, since))
            else:
                found[k] = msgspec.structs.replace(found[k], end=shift.end)
            still[(o.user, o.because)] = k
        open_ = still
    return found


def _written(config: Config, title: str, timezone: str, duties: list[Duty], now: datetime) -> Feed:
    calendar = Calendar()
    for name, value in (
        ("PRODID", "-//pagerd//on call//EN"), ("VERSION", "2.0"), ("CALSCALE", "GREGORIAN"), ("METHOD", "PUBLISH"),
        ("NAME", title), ("X-WR-CALNAME", title), ("X-WR-TIMEZONE", timezone), ("X-PUBLISHED-TTL", "PT1H"),
    ):  # fmt: skip
        calendar.add(name, value)
    calendar.add("REFRESH-INTERVAL", vDuration(_REFRESH), parameters={"VALUE": "DURATION"})
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    digest = hashlib.sha256(json.dumps([title, timezone]).encode())
    for duty in duties:
        event, said = _event(config, duty, hour)
        calendar.add_component(event)
        digest.update(json.dumps(said).encode())
    return Feed(calendar.to_ical(), digest.hexdigest()[:32])


def _event(config: Config, duty: Duty, hour: datetime) -> tuple[Event, list[str]]:
    """An event, and what it says without its stamps."""
    person = config.users.get(duty.user)
    summary = f"{person.name if person else duty.user} on call: {duty.schedule}"
    place = f"\nwritten at {duty.origin}" if duty.origin else ""
    link = f"\n{config.settings.public_url}" if config.settings.public_url else ""
    description = f"{duty.because}{place}\npagerd who schedule:{duty.schedule} --at {duty.start:%Y-%m-%dT%H:%M:%SZ}{link}"
    event = Event()
    event.add("UID", uid(duty))
    event.add("DTSTAMP", hour)
    event.add("LAST-MODIFIED", hour)
    event.add("SEQUENCE", int(hour.timestamp()) // 3600)
    event.add("DTSTART", duty.start)
    event.add("DTEND", duty.end)
    event.add("SUMMARY", summary)
    event.add("DESCRIPTION", description)
    event.add("TRANSP", "TRANSPARENT")
    return event, [uid(duty), str(duty.start), str(duty.end), summary, description]


def uid(duty: Duty) -> str:
    """The same for the same person's shift of a schedule that begins at the same moment, whatever else is edited."""
    since = "" if duty.since is None else duty.since.isoformat()
    return hashlib.blake2b(json.dumps([duty.schedule, duty.user, since]).encode(), digest_size=16).hexdigest() + "@pagerd"
