"""The simulation, and its checker: good runs keep every promise, and each promise is seen to be broken where it is."""

from __future__ import annotations

import pytest

from tests.simulation.__main__ import told
from tests.simulation.checker import _PROMISES, check
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.plan import Plan, plan_of
from tests.simulation.shrink import shortest
from tests.simulation.world import run

RUNS = 200
TRIES = 600


@pytest.mark.parametrize("start", range(0, RUNS, 50))
def test_every_promise_is_kept_whatever_breaks(start: int) -> None:
    for seed in range(start, start + 50):
        plan = plan_of(seed)
        history = run(plan)
        violations = check(history)
        assert not violations, told(plan, history, violations)


def test_the_same_seed_is_the_same_story() -> None:
    for seed in (3, 7, 40):
        assert str(run(plan_of(seed))) == str(run(plan_of(seed)))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_broken_promise_is_seen(mutant: Mutant) -> None:
    with mutant.at_work():
        broken = (v.promise for seed in (mutant.seed, *range(TRIES)) for v in check(run(plan_of(seed))))
        assert mutant.promise in broken, f"{TRIES} runs, and nobody noticed that {mutant.name}"


def test_each_promise_has_a_way_to_break_it() -> None:
    numbers = {int(promise.__name__.split("_")[1]) for promise in _PROMISES}
    assert {mutant.promise for mutant in MUTANTS} == numbers == set(range(1, 13))


def test_a_failing_run_is_told_in_few_steps() -> None:
    [mutant] = [m for m in MUTANTS if m.name == "a stage gives no reason"]
    with mutant.at_work():
        plan = shortest(Plan(1, plan_of(1).steps), lambda p: any(v.promise == 11 for v in check(run(p))))
        assert [step.what for step in plan.steps] == ["alert"]
        history = run(plan)
        assert "gives no reason" in told(plan, history, check(history))
