"""When only the catch-all is left, case by case."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pager.model.problem import Level
from pager.rehearse.check.cases import Case, Policies
from pager.rehearse.check.ground import Ground
from pager.rehearse.check.spans import Span
from pager.rehearse.check.unknowns import World, worlds
from pager.rehearse.check.walk import Passed, Step, Way, edges, walk

_LEVELS = list(Level)


class Hole(msgspec.Struct, frozen=True):
    """For that long only the catch-all is left; `way` says how it came to that."""

    span: Span
    way: Way


class Finding(msgspec.Struct, frozen=True):
    """Holes of one case, all of one level, for one kind of alert."""

    case: Case
    world: World
    level: Level
    holes: tuple[Hole, ...]


def holes(ground: Ground, policies: Policies, case: Case, world: World) -> tuple[Hole, ...]:
    """In order; neighbours that come about in the same way are one."""
    found: list[Hole] = []
    starts = edges(ground, policies, case)
    for start, end in zip(starts, (*starts[1:], ground.end), strict=True):
        way = walk(ground, case, world, start)
        if way.at is not None:
            continue
        if found and found[-1].span[1] == start and found[-1].way.steps == way.steps:
            found[-1] = Hole((found[-1].span[0], end), way)
        else:
            found.append(Hole((start, end), way))
    return tuple(found)


def findings(ground: Ground, policies: Policies, cases: Iterable[Case]) -> tuple[Finding, ...]:
    """The worst of each case; of kinds of alerts that fare equally badly, the first."""
    found: list[Finding] = []
    for case in cases:
        if not case.policy and all(not subject.service for subject in case.subjects):
            continue  # said of settings.default_policy
        worst: Finding | None = None
        for world in worlds(policies.conditions(case.policy), case.known, case.own):
            for level, some in _by_level(ground, holes(ground, policies, case, world)):
                if worst is None or _LEVELS.index(level) < _LEVELS.index(worst.level):
                    worst = Finding(case, world, level, some)
        if worst is not None:
            found.append(worst)
    return tuple(found)


def _by_level(ground: Ground, some: Iterable[Hole]) -> list[tuple[Level, tuple[Hole, ...]]]:
    by_level: dict[Level, list[Hole]] = {}
    for hole in some:
        by_level.setdefault(_level(ground, hole.way.steps), []).append(hole)
    return [(level, tuple(these)) for level, these in by_level.items()]


def _level(ground: Ground, steps: Iterable[Step]) -> Level:
    """What hangs on the content of an alert may never come, and who is not known may be there: then it is no error."""
    taken = {step.how for step in steps}
    if any(step.guessed for step in steps):
        return Level.WARNING if Passed.EMPTY in taken else Level.NOTE
    if Passed.LEFT in taken and Passed.EMPTY not in taken:
        return Level.WARNING
    if any(name in ground.unread for step in steps for name in step.schedules):
        return Level.WARNING
    only_unmet = bool(taken) and taken <= {Passed.UNMET, Passed.POSTS}
    return Level.WARNING if only_unmet and any(step.by_alert for step in steps) else Level.ERROR
