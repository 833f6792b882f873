"""`python -m tests.simulation 0-99999`: run seeds on all cores. A failing one is told as the shortest history found for it."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import Counter

from tests.simulation.checker import check
from tests.simulation.history import History, Violation
from tests.simulation.plan import Plan, plan_of
from tests.simulation.shrink import shortest
from tests.simulation.world import run

_MOST_TOLD = 3


def main(seeds: str) -> int:
    """The exit code: 1 where a promise was broken."""
    first, _, last = seeds.partition("-")
    wanted = range(int(first), int(last or first) + 1)
    began, faults, failing = time.monotonic(), Counter[str](), list[int]()
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for seed, injected, violations in pool.imap_unordered(_one, wanted, chunksize=8):
            faults.update(injected)
            if violations:
                failing.append(seed)
                print(f"seed {seed}: {violations[0]}", flush=True)
    took = time.monotonic() - began
    print(f"{len(wanted)} runs in {took:.0f} s: {len(wanted) / took * 3600:,.0f} an hour; {len(failing)} broke a promise")
    print("faults: " + ", ".join(f"{what} {count:,}" for what, count in sorted(faults.items())))
    for seed in sorted(failing)[:_MOST_TOLD]:
        tell(plan_of(seed))
    return bool(failing)


def _one(seed: int) -> tuple[int, Counter[str], list[Violation]]:
    plan = plan_of(seed)
    history = run(plan)
    injected = Counter(fault.what for fault in history.faults)
    injected.update(f"provider {step.way}" for step in plan.steps if step.what == "outage")
    injected.update(f"reload {step.way}" for step in plan.steps if step.what == "reload")
    return seed, injected, check(history)


def tell(plan: Plan) -> None:
    broken = {v.promise for v in check(run(plan))}
    short = shortest(plan, lambda p: any(v.promise in broken for v in check(run(p))))
    history = run(short)
    print(told(short, history, check(history)))


def told(plan: Plan, history: History, violations: list[Violation]) -> str:
    parts = [
        f"\nseed {plan.seed}, the shortest plan found:",
        *map(str, plan.steps),
        "its history:",
        str(history),
        "broken:",
        *map(str, violations),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "0-1999"))
