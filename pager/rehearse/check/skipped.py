"""Stages that reach nobody at times, though somebody else is paged in their place."""

from __future__ import annotations

from collections.abc import Iterable

from pager.model.alert import Urgency
from pager.model.policy import Policy, Stage, TargetKind
from pager.model.problem import Level, Problem
from pager.model.schedule import Layer
from pager.rehearse.check.cases import Case
from pager.rehearse.check.entered import hands_over_to
from pager.rehearse.check.ground import only_posts, problem, schedules_of
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.spans import Spans, common, more_times, named, when, without
from pager.rehearse.check.walk import why_empty


def skipped(scene: Scene) -> Iterable[Problem]:
    for (name, k), urgencies in scene.entered.stages.items():
        policy = scene.ground.config.policies[name]
        stage = policy.stages[k]
        if only_posts(stage) or hands_over_to(scene.ground, stage, (name,)):
            continue
        for urgency in urgencies:
            spans = _spans(scene, policy, stage, urgency)
            if spans:
                yield _said(scene, policy, k, urgency, spans)
                break  # the other urgency's ladders seldom make a difference, and then less of one


def _spans(scene: Scene, policy: Policy, stage: Stage, urgency: Urgency) -> Spans:
    ground = scene.ground
    horizon = (ground.start, ground.end)
    spans = common(ground.empty(stage, urgency), [horizon])
    if spans == (horizon,) and any(ground.ever(target) for target in stage.notify):
        return ()  # at no time: then it is not the rota, and said of the people and their addresses
    for hours in (stage.during, stage.wait_for_hours):
        spans = common(spans, ground.inside(hours)) if hours else spans
    return without(spans, scene.gaps(policy.name))


def _said(scene: Scene, policy: Policy, k: int, urgency: Urgency, spans: Spans) -> Problem:
    ground, stage = scene.ground, policy.stages[k]
    schedules = schedules_of(stage.notify)
    known = [ground.config.schedules[name] for name in schedules if name in ground.config.schedules]
    timezone = known[0].timezone if known else ground.config.settings.timezone
    case = Case(policy.name, k, urgency, {}, {}, (), ())
    why = why_empty(ground, case, stage, spans[0][0])
    more = more_times(spans, timezone)
    where = f"stage {k + 1}, {when(spans[0], (ground.start, ground.end), timezone)}"
    message = f"{where}: {why}; it is skipped, and {_next(policy, k)}{f' (also {more})' if more else ''}"
    by_design = bool(known) and all(_has_gaps(layer) for schedule in known for layer in schedule.layers)
    by_design = by_design and not (k + 1 < len(policy.stages) and policy.stages[k + 1].wait_for_hours)
    level = Level.NOTE if by_design else Level.WARNING
    advice = f"let schedule {named(schedules)} have somebody then" if schedules else "name somebody else"
    return problem(level, stage.origin, f"policies.{policy.name}.stages[{k}]", message, "" if by_design else advice)


def _has_gaps(layer: Layer) -> bool:
    """Whether it is written to have nobody at times."""
    return bool(layer.only) or None in (*layer.users, *(user for shift in layer.shifts for user in shift.users))


def _next(policy: Policy, k: int) -> str:
    if k + 1 >= len(policy.stages):
        return "the catch-all is next" if not policy.loop else "the next pass or the catch-all follows"
    following = policy.stages[k + 1]
    if any(target.kind is TargetKind.SERVICE for target in following.notify):
        return f"stage {k + 2} hands over at once"
    return f"stage {k + 2} {'waits for its hours' if following.wait_for_hours else 'is paged at once'}"
