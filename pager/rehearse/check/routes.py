"""Routes that are never taken, and those that lead elsewhere than they say."""

from __future__ import annotations

from collections.abc import Iterable

from pager.model.problem import Level, Problem
from pager.rehearse.check.ground import problem
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.spans import named


def shadowed(scene: Scene) -> Iterable[Problem]:
    routes = scene.ground.config.routes
    for k, shadow in scene.shadows.items():
        route = routes[k]
        before = named([routes[j].name for j in shadow.by])
        message = f"route {route.name} is never taken: whatever it matches, {before} take{'s' if len(shadow.by) == 1 else ''} before it"
        yield problem(Level.WARNING, route.origin, f"routes[{k}]", message, f"put it before {routes[shadow.by[0]].name}, or take it out")


def starts(scene: Scene) -> Iterable[Problem]:
    """`start_at` with a policy that has no stage of that name: it starts at the first one."""
    config = scene.ground.config
    by_name = {route.name: (k, route) for k, route in enumerate(config.routes) if route.start_at and not route.suppress}
    lacking: dict[str, dict[str, None]] = {}
    for case in scene.cases:
        policy = config.policies.get(case.policy)
        for subject in case.subjects:
            if subject.route in by_name and policy is not None:
                name = by_name[subject.route][1].start_at
                if all(stage.name != name for stage in policy.stages):
                    lacking.setdefault(subject.route, {})[policy.name] = None
    for route_name, policies in lacking.items():
        k, route = by_name[route_name]
        which = f"{'policy' if len(policies) == 1 else 'policies'} {named(list(policies))}"
        message = f"route {route.name} starts at stage {route.start_at!r}, which {which} has not: the first stage is taken"
        yield problem(Level.WARNING, route.origin, f"routes[{k}].start_at", message, "give the route a policy that has it")
