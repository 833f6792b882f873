"""Who is on call for a schedule, a service or a person; now, and shift by shift."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from pager.model.config import Config
from pager.model.policy import Target, TargetKind
from pager.model.schedule import OnCall
from pager.model.times import rfc3339
from pager.oncall.memo import Rota
from pager.oncall.who import people_of


class UnknownName(LookupError):
    """Nothing in the config is called so."""


class Asked(msgspec.Struct, frozen=True):
    """What a name stands for. `named` are people that a policy names itself, on call at all times; with `only`, nobody else counts.
    `timezone` is where its wall clock hangs. `is_schedule`: a single one, so that its answers need not say which."""

    schedules: tuple[str, ...]
    timezone: str
    named: tuple[OnCall, ...] = ()
    only: str = ""
    is_schedule: bool = False


def read_name(config: Config, name: str) -> Asked:
    """A schedule, a service (the first stage of its policy) or a person (the schedules they are in), in this order; `user:ana`,
    `schedule:x` and `service:x` say which. Raises UnknownName."""
    kind, colon, rest = name.partition(":")
    plain = rest if colon and kind in (TargetKind.SCHEDULE, TargetKind.SERVICE, TargetKind.USER) else name
    kinds = (kind,) if plain != name else (TargetKind.SCHEDULE, TargetKind.SERVICE, TargetKind.USER)
    if TargetKind.SCHEDULE in kinds and plain in config.schedules:
        return Asked((plain,), config.schedules[plain].timezone, is_schedule=True)
    if TargetKind.SERVICE in kinds and plain in config.services:
        return _first_stage(config, plain)
    if TargetKind.USER in kinds and plain in config.users:
        theirs = tuple(s.name for s in config.schedules.values() if plain in people_of(s))
        return Asked(theirs, config.users[plain].timezone, only=plain)
    raise UnknownName(name)


def who_json(config: Config, rota: Rota, name: str, at: datetime) -> dict[str, Any]:
    """Who is on call at that moment (UTC), each person once. `schedule` is the one the answer comes from; of several, the first that has
    somebody; None where no schedule is asked. Raises UnknownName."""
    asked = read_name(config, name)
    found = [(schedule, on_call) for schedule in asked.schedules for on_call in rota.who(schedule, at)]
    counted = [(schedule, on_call) for schedule, on_call in found if asked.only in ("", on_call.user)]
    schedules = (*(schedule for schedule, _ in counted), *asked.schedules, None)
    people: dict[str, dict[str, Any]] = {}
    for schedule, on_call in counted:
        people.setdefault(on_call.user, _on_call_json(on_call, "" if asked.is_schedule else f"on call in {schedule}: "))
    for on_call in asked.named:
        people.setdefault(on_call.user, _on_call_json(on_call))
    return {"at": rfc3339(at), "schedule": schedules[0], "on_call": list(people.values())}


def shifts_json(config: Config, rota: Rota, name: str, start: datetime, end: datetime) -> dict[str, Any]:
    """Who is on call from `start` to `end` (UTC), shift by shift, in order; also shifts with nobody. For a person their own shifts. Those of
    a service or a person say their `schedule` (None: a policy names them itself). Raises UnknownName."""
    asked = read_name(config, name)
    found = [shift for schedule in asked.schedules for shift in _shifts(rota, asked, schedule, start, end)]
    if asked.named:
        found.append(_shift_json(start, end, [(o.user, o.because) for o in asked.named]) | {"schedule": None})
    return {"shifts": sorted(found, key=lambda shift: str(shift["from"]))}


def _first_stage(config: Config, service: str) -> Asked:
    """Whom the service's first stage asks. A `service:` target hands over to that service's policy; without a policy it is the catch-all."""
    targets: list[tuple[Target, str]] = []
    policies: list[str] = []
    following: str | None = service
    while following is not None:
        policy = config.policies.get(config.services[following].policy or config.settings.default_policy or "")
        if policy is not None and policy.name in policies:
            break  # gone through already: the escalation stops here, too
        if policy is not None and policy.stages:
            policies.append(policy.name)
            stage, why = policy.stages[0].notify, f"stage 1 of policy {policy.name}"
        else:
            stage, why = config.settings.catch_all.notify if config.settings.catch_all else (), "the catch-all"
        targets += [(target, why) for target in stage]
        following = next((t.name for t in stage if t.kind is TargetKind.SERVICE and t.name in config.services), None)
    schedules = dict.fromkeys(t.schedule for t, _ in targets if t.kind is TargetKind.SCHEDULE)
    known = tuple(name for name in schedules if name in config.schedules)
    timezone = config.schedules[known[0]].timezone if known else config.settings.timezone
    return Asked(known, timezone, tuple(on_call for target, why in targets for on_call in _named(config, target, why)))


def _named(config: Config, target: Target, why: str) -> Iterable[OnCall]:
    """The people a target names without a schedule."""
    if target.kind is TargetKind.USER:
        yield OnCall(user=target.name, because=f"named by {why}", origin=target.origin)
    elif target.kind is TargetKind.TEAM and target.name in config.teams:
        for user in config.teams[target.name].members:
            yield OnCall(user=user, because=f"member of team {target.name}, named by {why}", origin=target.origin)


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
        mine = [(o.user, o.because) for o in shift.on_call if asked.only in ("", o.user)]
        if asked.only and not mine:
            continue
        one = _shift_json(shift.start, shift.end, mine) | ({} if asked.is_schedule else {"schedule": schedule})
        if found and found[-1]["to"] == one["from"] and all(found[-1][name] == one[name] for name in ("users", "because")):
            found[-1]["to"] = one["to"]
        else:
            found.append(one)
    return found


def _shift_json(start: datetime, end: datetime, people: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "from": rfc3339(start),
        "to": rfc3339(end),
        "users": list(dict.fromkeys(user for user, _ in people)),
        "because": "; ".join(dict.fromkeys(because for _, because in people)) or "nobody is on call",
    }
