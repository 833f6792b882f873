"""What a change of the config changes: whose shifts move, which services reach other people by it, and where alerts lead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest

import msgspec
from msgspec.structs import replace

from pager.model.config import Config
from pager.model.hours import Hours
from pager.model.person import Limits
from pager.oncall.memo import Rota
from pager.oncall.who import Shift
from pager.rehearse.chain import CATCH_ALL, Asks, chain
from pager.rehearse.changes import Change, What, changes
from pager.rehearse.leads import Redirected, redirected
from pager.rehearse.moves import Moved, Share, Span, moved, overlaid, share

Timelines = Mapping[str, tuple[Shift, ...]]


class ScheduleMoves(msgspec.Struct, frozen=True, kw_only=True):
    """`was` is what the schedule was called before, where it has another name and the same people."""

    schedule: str
    timezone: str
    what: What
    was: str = ""
    moves: tuple[Moved, ...] = ()


class StageMoves(msgspec.Struct, frozen=True, kw_only=True):
    """`stage` counts from 1; None: the catch-all. `old` and `new` are its names, empty where it is new or
    gone. `schedules` are those it asks, before or after, whose people move; without any it asks others. `always`: as long as
    one looks ahead."""

    stage: int | None
    old: str
    new: str
    schedules: tuple[str, ...]
    moves: tuple[Moved, ...]
    always: bool


class ServiceMoves(msgspec.Struct, frozen=True, kw_only=True):
    service: str
    stages: tuple[StageMoves, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`start` to `end` (UTC) is how far was looked. Each tuple has only what changes."""

    start: datetime
    end: datetime
    people: tuple[Share, ...] = ()
    schedules: tuple[ScheduleMoves, ...] = ()
    services: tuple[ServiceMoves, ...] = ()
    redirected: tuple[Redirected, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.schedules or self.services or self.redirected or self.changes)

    @property
    def nobody(self) -> tuple[tuple[str, Moved], ...]:
        """Times with nobody on call in a schedule that had somebody."""
        return tuple((s.schedule, m) for s in self.schedules if s.what is What.CHANGED for m in s.moves if m.old and not m.new)


def plan(old: Config, old_rota: Rota, new: Config, new_rota: Rota, start: datetime, end: datetime) -> Plan:
    """Everything from `start` to `end` (UTC) that the new config decides differently from the old one."""
    whole = (start, end)
    before = {name: old_rota.shifts(name, start, end) for name in old.schedules}
    after = {name: new_rota.shifts(name, start, end) for name in new.schedules}
    schedules = tuple(_schedules(old, new, before, after, whole))
    moves = [move for one in schedules for move in one.moves]
    moving = {name for one in schedules for name in (one.schedule, one.was)}
    people = (share(user, _night(new if user in new.users else old, user), moves) for user in {**old.users, **new.users})
    return Plan(
        start=start,
        end=end,
        people=tuple(one for one in people if one is not None),
        schedules=schedules,
        services=tuple(_services(old, new, before, after, whole, moving)),
        redirected=redirected(old, new),
        # What a change of a schedule comes to is said by its moves.
        changes=tuple(c for c in changes(old, new) if c.kind != "schedule" or c.name not in moving),
    )


def _night(config: Config, user: str) -> Hours:
    """What their limits call a night, in their zone."""
    person = config.users[user]
    night = (person.limits or config.settings.limits or Limits()).night
    return night if night.timezone else replace(night, timezone=person.timezone)


# --- schedules ------------------------------------------------------------------------------------------------------------------------
def _schedules(old: Config, new: Config, before: Timelines, after: Timelines, whole: Span) -> Iterable[ScheduleMoves]:
    renamed = _renamed(before, after)
    was = {new_name: old_name for old_name, new_name in renamed.items()}
    for name in [*before, *(name for name in after if name not in before)]:
        timezone = (new.schedules.get(name) or old.schedules[name]).timezone
        moves = moved(before.get(name) or _nobody(whole), after.get(name) or _nobody(whole))
        if name in renamed:
            continue
        if name in was:
            yield ScheduleMoves(schedule=name, timezone=timezone, what=What.NEW, was=was[name])
        elif name not in before:
            yield ScheduleMoves(schedule=name, timezone=timezone, what=What.NEW, moves=moves)
        elif name not in after:
            yield ScheduleMoves(schedule=name, timezone=timezone, what=What.GONE, moves=moves)
        elif moves:
            yield ScheduleMoves(schedule=name, timezone=timezone, what=What.CHANGED, moves=moves)


def _renamed(before: Timelines, after: Timelines) -> dict[str, str]:
    """From old names to new ones: of schedules that went, to those that came and have the same people at all times."""
    gone, came = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    found: dict[str, str] = {}
    for name in gone:
        same = next((other for other in came if other not in found.values() and not moved(before[name], after[other])), None)
        if same is not None and any(shift.on_call for shift in before[name]):
            found[name] = same
    return found


def _nobody(whole: Span) -> tuple[Shift, ...]:
    return (Shift(*whole, ()),)


# --- services -------------------------------------------------------------------------------------------------------------------------
def _services(
    old: Config, new: Config, before: Timelines, after: Timelines, whole: Span, moving: Collection[str]
) -> Iterable[ServiceMoves]:  # fmt: skip
    known: dict[str, tuple[Moved, ...]] = {}  # many services follow the same policy

    def moves(was: Asks, comes: Asks) -> tuple[Moved, ...]:
        key = f"{_who(was)} -> {_who(comes)}"
        if key not in known:
            known[key] = moved(_timeline(was, before, whole), _timeline(comes, after, whole))
        return known[key]

    for name in old.services:
        if name not in new.services:
            continue
        pairs = _pairs(chain(old, name), chain(new, name))
        found = tuple(
            StageMoves(
                stage=k,
                old=was.name,
                new=comes.name,
                schedules=tuple(schedule for schedule in dict.fromkeys((*was.schedules, *comes.schedules)) if schedule in moving),
                moves=differ,
                always=[(move.start, move.end) for move in differ] == [whole],
            )
            for k, was, comes in pairs
            if (differ := moves(was, comes))
        )
        if found:
            yield ServiceMoves(service=name, stages=found)


def _pairs(old: Sequence[Asks], new: Sequence[Asks]) -> Iterable[tuple[int | None, Asks, Asks]]:
    """Stage by stage, and the catch-all with the catch-all."""
    stages = [[asks for asks in asked if asks.name != CATCH_ALL] for asked in (old, new)]
    last = [next((asks for asks in asked if asks.name == CATCH_ALL), Asks("")) for asked in (old, new)]
    for k, (was, comes) in enumerate(zip_longest(*stages, fillvalue=Asks("")), start=1):
        yield k, was, comes
    yield None, last[0], last[1]


def _who(asks: Asks) -> str:
    return repr((asks.schedules, [o.user for o in asks.named]))


def _timeline(asks: Asks, timelines: Timelines, whole: Span) -> tuple[Shift, ...]:
    return overlaid([timelines[name] for name in asks.schedules], asks.named, whole)
