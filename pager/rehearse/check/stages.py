"""Stages that no incident comes to, and policies that hand over in a circle."""

from __future__ import annotations

from collections.abc import Iterable

from pager.model.policy import Policy, Stage, TargetKind
from pager.model.problem import Level, Problem
from pager.rehearse.check.entered import hands_over_to
from pager.rehearse.check.ground import Ground, problem
from pager.rehearse.check.scene import Scene


def unreached(scene: Scene) -> Iterable[Problem]:
    for policy in scene.ground.config.policies.values():
        first = scene.entered.policies.get(policy.name)
        if first is None:
            message = "no service, route or default leads to it"
            yield problem(Level.NOTE, policy.origin, f"policies.{policy.name}", message, "name it in a service, or take it out")
            continue
        for k, stage in enumerate(policy.stages):
            if (policy.name, k) not in scene.entered.stages:
                why = _why(scene.ground, policy, k, stage, first)
                path = f"policies.{policy.name}.stages[{k}]"
                yield problem(Level.WARNING, stage.origin, path, f"no alert can reach stage {k + 1}: {why}", "change that, or take it out")


def _why(ground: Ground, policy: Policy, k: int, stage: Stage, first: int) -> str:
    if k < first:
        return f"whatever comes starts at stage {first + 1}"
    before = next((j for j in range(first, k) if _always_hands_over(ground, policy, policy.stages[j])), None)
    if before is not None:
        service = next(target.name for target in policy.stages[before].notify if target.kind is TargetKind.SERVICE)
        return f"stage {before + 1} hands over to service {service} for good"
    if stage.during and not ground.inside(stage.during):
        return "its hours do not come in the time looked at"
    return "what comes to this policy does not meet its condition"


def _always_hands_over(ground: Ground, policy: Policy, stage: Stage) -> bool:
    return not stage.condition and not stage.during and hands_over_to(ground, stage, (policy.name,)) is not None


def circles(scene: Scene) -> Iterable[Problem]:
    """`service:` targets whose policies lead back to where they came from: the chain stops handing over there. Each circle once; also targets
    whose service has no policy."""
    ground = scene.ground
    said: set[frozenset[str]] = set()
    for policy in ground.config.policies.values():
        for k, stage in enumerate(policy.stages):
            service = next((t.name for t in stage.notify if t.kind is TargetKind.SERVICE), None)
            if service is None:
                continue
            path = f"policies.{policy.name}.stages[{k}]"
            following = ground.policy_of(service)
            if following is None:
                message = f"service {service} has no policy: nothing is handed over"
                yield problem(Level.WARNING, stage.origin, path, message, "give the service a policy, or set default_policy")
                continue
            circle = _back_to(scene, policy.name, following.name)
            if circle and frozenset(circle) not in said:
                said.add(frozenset(circle))
                way = " -> ".join([*circle, circle[0]])
                message = f"service {service} hands over in a circle ({way}): the last stage of it asks only the people it names itself"
                yield problem(Level.WARNING, stage.origin, path, message, "let one of them name people")


def _back_to(scene: Scene, home: str, start: str) -> list[str]:
    """The policies from `home` over `start` back to it, by the shortest way; none where there is no way back."""
    if start == home:
        return [home]
    came: dict[str, str] = {start: home}
    queue = [start]
    while queue:
        at = queue.pop(0)
        for following in scene.policies.next_of(at):
            if following == home:
                way = [at]
                while way[0] != start:
                    way.insert(0, came[way[0]])
                return [home, *way]
            if following not in came:
                came[following] = at
                queue.append(following)
    return []
