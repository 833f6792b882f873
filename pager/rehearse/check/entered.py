"""Which stages some incident may enter."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pager.model.alert import Urgency
from pager.model.policy import Policy, Stage, TargetKind
from pager.rehearse.check.cases import Case
from pager.rehearse.check.ground import Ground
from pager.rehearse.check.unknowns import World, is_decided, judge

Place = tuple[str, int]
"""A policy and the place of a stage in it, from 0."""


class Entered(msgspec.Struct, frozen=True):
    """`policies` are those that some incident comes to, and the first stage (from 0) it may begin at."""

    stages: dict[Place, dict[Urgency, None]]
    policies: dict[str, int]


def entered(ground: Ground, cases: Iterable[Case]) -> Entered:
    found = Entered({}, {})
    for case in (variant for each in cases for variant in each.variants()):
        policy = ground.config.policies.get(case.policy)
        if policy is not None:
            _go(ground, case, policy, case.start, (), found)
    return found


def _go(ground: Ground, case: Case, policy: Policy, start: int, seen: tuple[str, ...], found: Entered) -> None:
    found.policies[policy.name] = min(start, found.policies.get(policy.name, start))
    for k, stage in enumerate(policy.stages[start:], start):
        if not _may_hold(stage, case) or (stage.during and not ground.inside(stage.during)):
            continue
        found.stages.setdefault((policy.name, k), {})[case.urgency] = None
        following = hands_over_to(ground, stage, (*seen, policy.name))
        if following is not None:
            _go(ground, case, following, 0, (*seen, policy.name), found)
            if not stage.condition and not stage.during:
                return
    return


def hands_over_to(ground: Ground, stage: Stage, seen: tuple[str, ...]) -> Policy | None:
    service = next((target.name for target in stage.notify if target.kind is TargetKind.SERVICE), None)
    following = ground.policy_of(service) if service else None
    return following if following is not None and following.name not in seen else None


def _may_hold(stage: Stage, case: Case) -> bool:
    """Whether some alert of the case meets the stage's condition."""
    condition = stage.condition
    if condition is None:
        return True
    settled = msgspec.structs.replace(
        condition,
        terms=tuple(term for term in condition.terms if term.key in case.known or term.key in ("severity", "service")),
        expression=condition.expression if condition.expression and is_decided(condition.expression) else None,
    )
    if settled.expression and "stage" in settled.expression:
        settled = msgspec.structs.replace(settled, expression=None)  # whichever stage it comes from
    return judge(settled, case.known, {}, World(), 1).holds
