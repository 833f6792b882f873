"""The shortest plan that still fails: steps are left out for as long as the same promise is broken."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.plan import Plan, Step


def shortest(plan: Plan, fails: Callable[[Plan], bool], tries: int = 400) -> Plan:
    """By halves, then quarters, down to single steps; `fails` is asked at most `tries` times."""
    steps, size = plan.steps, max(1, len(plan.steps) // 2)
    while tries > 0:
        smaller = _without(plan.seed, steps, size, fails, tries)
        tries -= len(steps) // size + 1
        if smaller is not None:
            steps = smaller
        elif size == 1:
            break
        else:
            size = max(1, size // 2)
    return Plan(plan.seed, steps)


def _without(seed: int, steps: tuple[Step, ...], size: int, fails: Callable[[Plan], bool], tries: int) -> tuple[Step, ...] | None:
    for start in range(0, len(steps), size):
        left = steps[:start] + steps[start + size :]
        if tries > 0 and len(left) < len(steps) and fails(Plan(seed, left)):
            return left
        tries -= 1
    return None
