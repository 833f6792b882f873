"""Whom the stages of a service ask, one after another."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pager.model.config import Config
from pager.model.policy import Policy, Target, TargetKind
from pager.model.schedule import OnCall

CATCH_ALL = "the catch-all"


class Asks(msgspec.Struct, frozen=True):
    """One stage: `schedules` whose people it asks, and those it `named` itself, who are asked at all times. `name` is the stage's, such as
    `stage 1 of policy payments`, or CATCH_ALL."""

    name: str
    schedules: tuple[str, ...] = ()
    named: tuple[OnCall, ...] = ()


def chain(config: Config, service: str) -> tuple[Asks, ...]:
    """The stages of the service's policy, then the catch-all. A `service:` target hands over: from there that service's policy goes on. Without
    a policy it is the catch-all alone."""
    found: list[Asks] = []
    gone_through: set[str] = set()
    pending: list[tuple[Target, str]] = []  # of the stage that handed over: asked along with the first of what follows
    following: str | None = service
    while following is not None:
        policy = policy_of(config, following)
        if policy is None or policy.name in gone_through:
            break  # the escalation stops there, too
        gone_through.add(policy.name)
        following = None
        for k, stage in enumerate(policy.stages, start=1):
            pending += [(target, f"stage {k} of policy {policy.name}") for target in stage.notify]
            following = next((t.name for t in stage.notify if t.kind is TargetKind.SERVICE and t.name in config.services), None)
            if following is not None:
                break
            found.append(_asks(config, pending))
            pending = []
    last = [(target, CATCH_ALL) for target in (config.settings.catch_all.notify if config.settings.catch_all else ())]
    if pending and policy is not None:
        found.append(_asks(config, pending))  # handed over in a circle
        pending = []
    if last or pending:
        found.append(_asks(config, [*pending, *last]))
    return tuple(found)


def policy_of(config: Config, service: str) -> Policy | None:
    """The service's own, else the default one; None without any, or where it has no stages."""
    policy = config.policies.get(config.services[service].policy or config.settings.default_policy or "")
    return policy if policy is not None and policy.stages else None


def _asks(config: Config, targets: list[tuple[Target, str]]) -> Asks:
    schedules = dict.fromkeys(t.schedule for t, _ in targets if t.kind is TargetKind.SCHEDULE)
    return Asks(
        name=targets[-1][1],
        schedules=tuple(name for name in schedules if name in config.schedules),
        named=tuple(on_call for target, why in targets for on_call in _named(config, target, why)),
    )


def _named(config: Config, target: Target, why: str) -> Iterable[OnCall]:
    """The people a target names without a schedule."""
    if target.kind is TargetKind.USER:
        yield OnCall(user=target.name, because=f"named by {why}", origin=target.origin)
    elif target.kind is TargetKind.TEAM and target.name in config.teams:
        for user in config.teams[target.name].members:
            yield OnCall(user=user, because=f"member of team {target.name}, named by {why}", origin=target.origin)
