"""One person where two are meant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pager.model.policy import Policy
from pager.model.problem import Level, Problem
from pager.rehearse.check.entered import hands_over_to
from pager.rehearse.check.ground import Ground, problem, schedules_of
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.spans import Span, Spans, joined, more_times, named, when


def two_places(scene: Scene) -> Iterable[Problem]:
    """A person on call in two schedules of one chain. Where a stage asks nobody but those asked before, escalating to it is in vain."""
    ground = scene.ground
    for name in scene.entered.policies:
        policy = ground.config.policies[name]
        for later, stage in enumerate(policy.stages):
            found = _with_earlier(ground, policy, later)
            if found is None:
                continue
            in_vain, pair, spans, user = found
            mine, other, earlier = pair
            zone = ground.config.schedules[mine].timezone
            moment, more = when(spans[0], (ground.start, ground.end), zone), more_times(spans, zone)
            there = "the same stage" if earlier == later else f"stage {earlier + 1}"
            message = f"{moment}: {user} is on call in schedule {mine} and, for {there}, in schedule {other}"
            message += "; nobody else is asked" if in_vain else ""
            message += f" (also {more})" if more else ""
            advice = f"let schedule {mine} have another person then" if in_vain else ""
            path = f"policies.{name}.stages[{later}]"
            yield problem(Level.WARNING if in_vain else Level.NOTE, stage.origin, path, message, advice)


def _with_earlier(ground: Ground, policy: Policy, later: int) -> tuple[bool, tuple[str, str, int], Spans, str] | None:
    """The worst of what the stage shares with earlier ones: in vain or not, the schedules and the earlier stage, when, and who first."""
    stage = policy.stages[later]
    best: tuple[bool, tuple[str, str, int], Spans, str] | None = None
    for earlier in range(later + 1):
        for mine in schedules_of(stage.notify):
            for other in schedules_of(policy.stages[earlier].notify):
                if mine == other or (earlier == later and mine < other):
                    continue
                found = _meets(ground, policy, later, earlier, mine, other)
                if found and (best is None or found[0] > best[0]):
                    best = (found[0], (mine, other, earlier), found[1], found[2])
    return best


def _meets(ground: Ground, policy: Policy, later: int, earlier: int, mine: str, other: str) -> tuple[bool, Spans, str] | None:
    alone: list[Span] = []
    beside: list[Span] = []
    first: dict[bool, str] = {}
    for span, here, there in _together(ground, mine, other):
        both = [user for user in here if user in there]
        if not both:
            continue
        in_vain = earlier < later and _nobody_new(ground, policy, later, span[0])
        (alone if in_vain else beside).append(span)
        first.setdefault(in_vain, both[0])
    if alone:
        return True, joined(alone), first[True]
    return (False, joined(beside), first[False]) if beside else None


def _together(ground: Ground, mine: str, other: str) -> Iterable[tuple[Span, tuple[str, ...], tuple[str, ...]]]:
    """Both schedules side by side, over the horizon."""
    a, b = ground.timeline(mine), ground.timeline(other)
    moments = sorted({*a.starts, *b.starts})
    for start, end in zip(moments, (*moments[1:], ground.end), strict=True):
        if start < ground.end:
            yield (start, min(end, ground.end)), a.at(start), b.at(start)


def _nobody_new(ground: Ground, policy: Policy, later: int, at: datetime) -> bool:
    before = {user for stage in policy.stages[:later] for target in stage.notify for user in ground.people(target, at)}
    asked = {user for target in policy.stages[later].notify for user in ground.people(target, at)}
    return asked <= before


def one_person(scene: Scene) -> Iterable[Problem]:
    """Policies that have nobody but one person, whatever the stage and whenever in the horizon."""
    ground = scene.ground
    by_user: dict[str, list[str]] = {}
    for name in scene.entered.policies:
        policy = ground.config.policies[name]
        people = {user for stage in policy.stages for target in stage.notify for user in ground.ever(target)}
        if len(people) == 1 and not any(hands_over_to(ground, stage, (name,)) for stage in policy.stages):
            by_user.setdefault(people.pop(), []).append(name)
    for user, policies in by_user.items():
        policy = ground.config.policies[policies[0]]
        more = f" (also of {named(policies[1:])})" if policies[1:] else ""
        message = f"{user} is a single point: nobody else is in it; after them only the catch-all is left{more}"
        yield problem(Level.WARNING, policy.origin, f"policies.{policy.name}", message, "add a stage with others")
