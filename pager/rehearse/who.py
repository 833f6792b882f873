"""Who is on call for a schedule, a service or a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pager.model.config import Config
from pager.model.policy import TargetKind
from pager.oncall.instants import rfc3339
from pager.oncall.who import Shift, shifts, who


class UnknownName(Exception):
    """Nothing in the config is called so."""


def schedules_of(config: Config, name: str) -> tuple[str, ...]:
    """The schedules a name stands for: itself, those of a service's first stage, or those a person is in. Raises UnknownName."""
    if name in config.schedules:
        return (name,)
    if name in config.services:
        policy = config.policies.get(config.services[name].policy or config.settings.default_policy or "")
        targets = policy.stages[0].notify if policy else ()
        return tuple(t.name.removesuffix("/next") for t in targets if t.kind is TargetKind.SCHEDULE)
    if name in config.users:
        return tuple(s.name for s in config.schedules.values() if _is_in(config, s.name, name))
    raise UnknownName(name)


def _is_in(config: Config, schedule: str, user: str) -> bool:
    found = config.schedules[schedule]
    return any(user in layer.users for layer in found.layers) or any(user in (o.user, o.instead_of) for o in found.overrides)


def who_json(config: Config, name: str, at: datetime) -> dict[str, Any]:
    """Who is on call at that moment."""
    schedules = schedules_of(config, name)
    return {
        "at": rfc3339(at),
        "schedule": name if name in config.schedules else (schedules[0] if schedules else None),
        "on_call": [
            {"user": o.user, "because": o.because, "origin": str(o.origin) if o.origin else None, "until": rfc3339(o.until)}
            for schedule in schedules
            for o in who(config.schedules[schedule], at, config.users)
            if name not in config.users or o.user == name
        ]
        + _named_directly(config, name),
    }


def _named_directly(config: Config, name: str) -> list[dict[str, Any]]:
    """People and teams that a service's first stage names itself."""
    if name in config.schedules or name not in config.services:
        return []
    policy = config.policies.get(config.services[name].policy or config.settings.default_policy or "")
    people: list[tuple[str, str, str | None]] = []
    for target in policy.stages[0].notify if policy else ():
        origin = str(target.origin) if target.origin else None
        if target.kind is TargetKind.USER:
            people.append((target.name, f"named by policy {policy.name}", origin))  # type: ignore[union-attr]
        elif target.kind is TargetKind.TEAM and target.name in config.teams:
            people += [(user, f"member of team {target.name}", origin) for user in config.teams[target.name].members]
    return [{"user": user, "because": because, "origin": origin, "until": None} for user, because, origin in people]


def shifts_json(config: Config, name: str, start: datetime, end: datetime) -> dict[str, Any]:
    """Who is on call over a time, shift by shift; for a person, their own shifts with the schedule."""
    person = name in config.users and name not in config.schedules
    found = [
        _shift_json(shift, schedule, name if person else None)
        for schedule in schedules_of(config, name)
        for shift in shifts(config.schedules[schedule], start, end, config.users)
    ]
    return {"shifts": [shift for shift in found if not person or name in shift["users"]]}


def _shift_json(shift: Shift, schedule: str, person: str | None) -> dict[str, Any]:
    mine = [o for o in shift.on_call if person is None or o.user == person]
    return {
        "from": rfc3339(shift.start),
        "to": rfc3339(shift.end),
        "schedule": schedule,
        "users": [o.user for o in mine],
        "because": "; ".join(dict.fromkeys(o.because for o in mine)) or "nobody is on call",
    }
