"""Who is on call for a schedule, a service or a person; now, and shift by shift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from pager.model.config import Config
from pager.model.policy import TargetKind
from pager.model.schedule import OnCall
from pager.model.times import rfc3339
from pager.oncall.memo import Rota
from pager.oncall.who import people_of
from pager.rehearse.chain import Asks, chain


class UnknownName(LookupError):
    """Nothing in the config is called so. `known` is what might be meant."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.known = known


class Asked(msgspec.Struct, frozen=True):
    """What a name stands for. `named` are people that a policy names itself, on call at all times; with `only`, nobody else counts.
    `timezone` is where its wall clock hangs. `is_schedule`: a single one, so that its answers need not say which. `home` is the schedule that is
    spoken of when nobody is on call."""

    schedules: tuple[str, ...]
    timezone: str
    named: tuple[OnCall, ...] = ()
    only: str = ""
    is_schedule: bool = False
    home: str | None = None


def read_name(config: Config, name: str) -> Asked:
    """A schedule, a service (the first stage of its policy) or a person (whatever schedule they are on call in), in this order; `user:ana`,
    `schedule:x` and `service:x` say which. Raises UnknownName."""
    named: dict[str, Mapping[str, object]] = {
        TargetKind.SCHEDULE: config.schedules,
        TargetKind.SERVICE: config.services,
        TargetKind.USER: config.users,
    }
    kind, colon, rest = name.partition(":")
    plain = rest if colon and kind in named else name
    kinds = (kind,) if plain != name else tuple(named)
    match next((kind for kind in kinds if plain in named[kind]), None):
        case TargetKind.SCHEDULE:
            return Asked((plain,), config.schedules[plain].timezone, is_schedule=True, home=plain)
        case TargetKind.SERVICE:
            return _first_stage(config, plain)
        case TargetKind.USER:
            # All of them are asked: what was said at run time or stands in a calendar may put them anywhere.
            home = next((s.name for s in config.schedules.values() if plain in people_of(s)), None)
            return Asked(tuple(config.schedules), config.users[plain].timezone, only=plain, home=home)
        case _:
            raise UnknownName(plain, [known for kind in kinds for known in named[kind]])


def who_json(config: Config, rota: Rota, name: str, at: datetime) -> dict[str, Any]:
    """Who is on call at that moment (UTC), each person once. `schedule` is the one the answer comes from; of several, the first that has
    somebody; None where no schedule is asked. Raises UnknownName."""
    asked = read_name(config, name)
    found = [(schedule, on_call) for schedule in asked.schedules for on_call in rota.who(schedule, at)]
    counted = [(schedule, on_call) for schedule, on_call in found if asked.only in ("", on_call.user)]
    people: dict[str, dict[str, Any]] = {}
    for schedule, on_call in counted:
        people.setdefault(on_call.user, _on_call_json(on_call, "" if asked.is_schedule else f"on call in {schedule}: "))
    for on_call in asked.named:
        people.setdefault(on_call.user, _on_call_json(on_call))
    return {"at": rfc3339(at), "schedule": next((schedule for schedule, _ in counted), asked.home), "on_call": list(people.values())}


def shifts_json(config: Config, rota: Rota, name: str, start: datetime, end: datetime) -> dict[str, Any]:
    """Who is on call from `start` to `end` (UTC), shift by shift, in order; also shifts with nobody. For a person their own shifts. Those of
    a service or a person say their `schedule` (None: a policy names them itself). Raises UnknownName."""
    asked = read_name(config, name)
    found = [shift for schedule in asked.schedules for shift in _shifts(rota, asked, schedule, start, end)]
    if asked.named:
        found.append(_shift_json(start, end, asked.named, None))
    return {"shifts": sorted(found, key=lambda shift: str(shift["from"]))}


def _first_stage(config: Config, service: str) -> Asked:
    asks = next(iter(chain(config, service)), Asks(""))
    timezone = config.schedules[asks.schedules[0]].timezone if asks.schedules else config.settings.timezone
    return Asked(asks.schedules, timezone, asks.named, home=next(iter(asks.schedules), None))


def _on_call_json(on_call: OnCall, place: str = "") -> dict[str, Any]:
    return {
        "user": on_call.user,
        "because": place + on_call.because,
        "origin": str(on_call.origin) if on_call.origin else None,
        "until": rfc3339(on_call.until),
    }


def _shifts(rota: Rota, asked: Asked, schedule: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """One schedule's. A person's neighbouring shifts are one when only others came or went between them."""
    found: list[dict[str, Any]] = []
    for shift in rota.shifts(schedule, start, end):
        mine = [o for o in shift.on_call if asked.only in ("", o.user)]
        if asked.only and not mine:
            continue
        one = _shift_json(shift.start, shift.end, mine, schedule)
        if found and all(found[-1][name] == one[name] or name in ("from", "to") for name in one) and found[-1]["to"] == one["from"]:
            found[-1]["to"] = one["to"]
        else:
            found.append(one)
    return found


def _shift_json(start: datetime, end: datetime, people: Sequence[OnCall], schedule: str | None) -> dict[str, Any]:
    return {
        "from": rfc3339(start),
        "to": rfc3339(end),
        "users": list(dict.fromkeys(o.user for o in people)),
        "because": "; ".join(dict.fromkeys(o.because for o in people)) or "nobody is on call",
        "origin": "; ".join(dict.fromkeys(str(o.origin) for o in people if o.origin)) or None,
        "schedule": schedule,
    }
