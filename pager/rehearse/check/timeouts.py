"""Times that cross: what is to come inside a stage, and comes after its end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pager.model.alert import Urgency
from pager.model.person import Rung
from pager.model.policy import OnTimeout, Policy, Stage
from pager.model.problem import Level, Problem
from pager.model.times import duration
from pager.rehearse.check.ground import Ground, problem
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.spans import named


def crossing(scene: Scene) -> Iterable[Problem]:
    ground = scene.ground
    late: dict[tuple[str, int, Urgency, Rung], list[str]] = {}
    for (name, k), urgencies in scene.entered.stages.items():
        policy = ground.config.policies[name]
        stage = policy.stages[k]
        if stage.repeat_every and stage.repeat_every >= stage.ack_timeout:
            message = f"repeat_every ({duration(stage.repeat_every)}) never comes: the stage is over after {duration(stage.ack_timeout)}"
            advice = "make it shorter than ack_timeout"
            yield problem(Level.WARNING, stage.origin, f"policies.{name}.stages[{k}].repeat_every", message, advice)
        if stage.via or stage.wait_for_all:
            continue
        for urgency in urgencies:
            for user in dict.fromkeys(user for target in stage.notify for user in ground.ever(target)):
                rung = _first_late(ground, policy, k, user, urgency)
                if rung is not None:
                    late.setdefault((name, k, urgency, rung), []).append(user)
    for (name, k, urgency, rung), users in late.items():
        stage = ground.config.policies[name].stages[k]
        over = duration(_length(stage))
        message = (
            f"of {named(users)}, the {urgency} ladder's rung after {duration(rung.after)} ({' and '.join(rung.via)}) never comes: "
            f"stage {k + 1} is over after {over}"
        )
        advice = "a longer ack_timeout, on_timeout: repeat, or an earlier rung"
        yield problem(Level.WARNING, stage.origin, f"policies.{name}.stages[{k}].ack_timeout", message, advice)


def _length(stage: Stage) -> timedelta:
    return stage.ack_timeout * (1 + stage.repeat_limit if stage.on_timeout is OnTimeout.REPEAT else 1)


def _first_late(ground: Ground, policy: Policy, k: int, user: str, urgency: Urgency) -> Rung | None:
    """The first rung with a way to the person that does not come, since the stages that ask them in a row from there are over before. A ladder
    runs on through stages that ask the same person again, further passes and the catch-all."""
    rungs = ground.rungs(user, (), urgency)
    useful = [rung for rung in rungs if any(ground.carries(user, channel) for channel in rung.via)]
    if len(useful) < 2 or _asked_before(ground, policy, k, user):
        return None
    left = timedelta(0)
    for stage in policy.stages[k:]:
        if not _asks(ground, stage, user):
            break
        if stage.wait_for_all:
            return None
        left += _length(stage)
    else:
        if policy.loop or _in_catch_all(ground, user):
            return None
    since = useful[0].after  # what has no address before it is passed at once, and brings the rest forward
    return next((rung for rung in useful[1:] if rung.after - since >= left), None)


def _asks(ground: Ground, stage: Stage, user: str) -> bool:
    return not stage.via and any(user in ground.ever(target) for target in stage.notify)


def _asked_before(ground: Ground, policy: Policy, k: int, user: str) -> bool:
    return k > 0 and _asks(ground, policy.stages[k - 1], user)


def _in_catch_all(ground: Ground, user: str) -> bool:
    catch_all = ground.config.settings.catch_all
    return catch_all is None or any(user in ground.ever(target) for target in catch_all.notify)
