"""One run: load and faults, then quiet, then the audit."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos.audit import Audit, Evidence, Findings
from tests.chaos.faults import Faults
from tests.chaos.gauges import Gauges
from tests.chaos.house import House
from tests.chaos.load import Load
from tests.chaos.report import excused, explain, table

_QUIET_AT_MOST = 60.0
_MOST_ASKED = 60  # incidents: when more are in doubt, much is broken


@dataclass(frozen=True)
class Plan:
    seconds: float
    seed: int
    rate: float = 10
    ack: float = 4.0  # the first stage's time
    stretch: float = 1.0
    calm: tuple[float, float] = (2, 5)
    only: tuple[str, ...] = ()
    mishaps: float = 0.05
    disk_mb: int = 128
    workers: int = 3
    quiet: float = 3.0  # seconds to wait at the end, beyond what a stage takes


@dataclass(frozen=True)
class Result:
    evidence: Evidence
    findings: Findings
    text: str


async def chaos(folder: Path, plan: Plan) -> Result:
    async with House(folder, plan.seed, ack=plan.ack, mishaps=plan.mishaps, disk_mb=plan.disk_mb, workers=plan.workers) as house:
        load = Load(house, plan.seed, plan.rate)
        faults = Faults(house, plan.seed, stretch=plan.stretch, calm=plan.calm, only=plan.only)
        gauges = Gauges(house)
        watching = asyncio.ensure_future(gauges.run())
        try:
            await asyncio.gather(load.run(plan.seconds), faults.run(plan.seconds))
            await house.whole()
            await _quiet(house, gauges, still=plan.ack * 1.5 + plan.quiet)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        evidence = await _evidence(house, load, faults, gauges)
        findings = Audit(evidence).run()
        conflicts = sum(gauges.total("pagerd_commit_conflicts_total").values())
        text = table(evidence, findings, house, conflicts, faults.skipped)
        if findings.twice or findings.late:
            text = f"{excused(evidence, findings)}\n\n{text}"
        if findings.violations:
            text = f"{await explain(findings.violations, evidence, house)}\n\n{text}"
        return Result(evidence, findings, text)


async def _quiet(house: House, gauges: Gauges, still: float) -> None:
    """Until nothing waits and nobody was paged for longer than a stage takes; what is still owed after a minute will not come."""
    house.provider.is_out = False
    began = house.now()
    while house.now() - began < _QUIET_AT_MOST:
        await asyncio.sleep(0.5)
        last = house.provider.pages[-1].at if house.provider.pages else began
        if house.now() - max(last, began) > still and gauges.backlog == 0:
            return


async def _evidence(house: House, load: Load, faults: Faults, gauges: Gauges) -> Evidence:
    ended, ended_at = house.now(), time.time()
    await gauges.read()
    listed = json.loads(await house.workers[0].cli("list", "--all", "--json"))
    dead = sum(gauges.total('pagerd_alerts_total{outcome="dead"').values())
    evidence = Evidence(
        ledger=load.ledger, incidents=listed, pages=tuple(house.provider.pages), faults=tuple(faults.past),
        repairs=gauges.total("pagerd_invariant_repairs_total"), failures=gauges.total("pagerd_failures_total"), dead=int(dead),
        ended=ended, ended_at=ended_at,
    )  # fmt: skip
    doubtful = Audit(evidence).doubtful()[:_MOST_ASKED]
    return replace(evidence, timelines={number: (await house.workers[0].show(number))["timeline"] for number in doubtful})
