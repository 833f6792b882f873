"""What an alert of a group costs, by how many there are: to come into it, to repeat, to be resolved."""

from __future__ import annotations

import json

from bench.scenarios import Row
from bench.sink import Books
from bench.worker import Worker, alert

_MEASURED = 10_000


async def groups() -> list[Row]:
    """CPU of daemon and store for an alert of groups of 10 and of 1,000, and of one that is alone."""
    worker = Worker(await Books().serve())
    path = worker.folder / "config" / "pagerd.yaml"
    rule = {"name": "pool", "by": ["labels.pool"], "window": "1h"}
    path.write_text(json.dumps({**json.loads(path.read_text()), "noise": {"group": [rule]}}))
    with worker as w:
        await w.push([alert(f"first{k}") for k in range(1000)])
        await w.drained()
        alone = await _costs(w, [alert(f"alone{k}") for k in range(_MEASURED)])
        few = await _costs(w, [_of(f"few{k}", k // 10) for k in range(_MEASURED)])
        many = await _costs(w, [_of(f"many{k}", 10_000 + k // 1000) for k in range(_MEASURED)])
    return [
        Row(
            f"{what}, from groups of 10 to groups of 1,000",
            "below 1.5 x",
            f"{b / a:.2f} x ({a:.0f} to {b:.0f} µs; alone {c:.0f} µs)",
            b / a < 1.5,
        )
        for what, a, b, c in zip(("coming into a group", "a repeat in a group", "a resolve in a group"), few, many, alone, strict=True)
    ]


def _of(key: str, pool: int) -> str:
    made = json.loads(alert(key))
    made["labels"]["pool"] = f"p{pool}"
    return json.dumps(made)


async def _costs(w: Worker, alerts: list[str]) -> list[float]:
    """To come, to repeat, and to be resolved, in µs of daemon and store together."""
    over = [json.dumps({**json.loads(one), "action": "resolve"}) for one in alerts]
    costs = []
    for load in (alerts, alerts + alerts, over):
        before = sum(w.cpu())
        await w.push(load)
        await w.drained(120)
        costs.append((sum(w.cpu()) - before) / len(load) * 1e6)
    return costs
