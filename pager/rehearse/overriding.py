"""What an override says, and whose hours change by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from pager.model.config import Config
from pager.model.rota import RotaFacts
from pager.model.schedule import Override, OverrideKind
from pager.model.times import rfc3339
from pager.oncall.facts import why_not
from pager.oncall.instants import instant, zone
from pager.oncall.memo import Rota


class Change(msgspec.Struct, frozen=True):
    """From `start` until `end` (UTC, half open) others are on call than before."""

    start: datetime
    end: datetime
    before: tuple[str, ...]
    after: tuple[str, ...]


def changes(before: Rota, after: Rota, schedule: str, start: datetime, end: datetime) -> tuple[Change, ...]:
    """Where the two rotas differ in who is on call, from `start` to `end` (UTC)."""
    was, will = before.shifts(schedule, start, end), after.shifts(schedule, start, end)
    edges = sorted({edge for shift in (*was, *will) for edge in (shift.start, shift.end)})
    found: list[Change] = []
    for begin, stop in pairwise(edges):
        one = Change(begin, stop, _users(before, schedule, begin), _users(after, schedule, begin))
        if found and found[-1].end == begin and (found[-1].before, found[-1].after) == (one.before, one.after):
            found[-1] = Change(found[-1].start, stop, one.before, one.after)
        elif one.before != one.after:
            found.append(one)
    return tuple(found)


def _users(rota: Rota, schedule: str, at: datetime) -> tuple[str, ...]:
    return tuple(on_call.user for on_call in rota.who(schedule, at))


def with_override(facts: RotaFacts, schedule: str, override: Override) -> RotaFacts:
    more = (*facts.overrides.get(schedule, ()), override)
    return msgspec.structs.replace(facts, overrides={**facts.overrides, schedule: more})


def without_override(facts: RotaFacts, id_: str) -> RotaFacts:
    left = {name: tuple(o for o in overrides if o.id != id_) for name, overrides in facts.overrides.items()}
    return msgspec.structs.replace(facts, overrides=left)


def find_override(facts: RotaFacts, id_: str) -> tuple[str, Override] | None:
    """Of run time, with its schedule."""
    return next(((name, o) for name, overrides in facts.overrides.items() for o in overrides if o.id == id_), None)


def sentence(override: Override) -> str:
    """`ben instead of ana`."""
    match override.kind:
        case OverrideKind.REPLACE:
            return f"{override.user} instead of {override.instead_of or 'everyone'}"
        case OverrideKind.ADD:
            return f"{override.user} as well"
        case OverrideKind.REMOVE:
            return f"without {override.user}"


def every_override(config: Config, facts: RotaFacts) -> Iterator[tuple[str, Override]]:
    """With their schedules: of each schedule those of the files, then those of run time, as they apply."""
    names = dict.fromkeys([*config.schedules, *facts.overrides])
    for name in names:
        of_files = config.schedules[name].overrides if name in config.schedules else ()
        yield from ((name, override) for override in (*of_files, *facts.overrides.get(name, ())))


def span_of(config: Config, schedule: str, override: Override) -> tuple[datetime, datetime]:
    """When it holds, in UTC."""
    tz: ZoneInfo = zone(config.schedules[schedule].timezone if schedule in config.schedules else "UTC")
    return instant(override.start, tz), instant(override.end, tz)


def override_json(config: Config, schedule: str, override: Override) -> dict[str, Any]:
    """`id` is None for one of the files, whose place is `origin`. `left_out` says why it is not in force, where it is not."""
    start, end = span_of(config, schedule, override)
    return {
        "id": override.id or None,
        "schedule": schedule,
        "from": rfc3339(start),
        "to": rfc3339(end),
        "kind": override.kind.value,
        "user": override.user,
        "instead_of": override.instead_of,
        "by": override.by,
        "why": override.reason,
        "origin": str(override.origin) if override.origin else None,
        "left_out": why_not(schedule, override, config.schedules, config.users) or None,
    }
