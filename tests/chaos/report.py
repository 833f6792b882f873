"""A table at the end; and for each violation what is needed to find its cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from tests.chaos.audit import AFTERMATH, Evidence, Findings, Violation
from tests.chaos.house import House
from tests.chaos.ledger import Deed, Said

_AROUND = 12.0
_MOST_SHOWN = 5


def table(evidence: Evidence, findings: Findings, house: House, conflicts: float, skipped: Sequence[str]) -> str:
    rows: list[tuple[str, str]] = []
    kinds = Counter(fault.kind for fault in evidence.faults)
    for kind in sorted(kinds):
        spent = sum(fault.until - fault.at for fault in evidence.faults if fault.kind == kind)
        rows.append((f"fault {kind}", f"{kinds[kind]}   ({spent:.0f} s)"))
    rows += [(f"fault {kind}", "SKIPPED: it takes root, for a disk of the store's own") for kind in skipped]
    counts = evidence.ledger.counts()
    for deed in Deed:
        said = ", ".join(f"{counts[deed, one]} {one}" for one in Said if counts.get((deed, one)))
        rows.append((f"{deed}s" if deed is not Deed.ACK else "acks", said or "none"))
    states = Counter(incident["state"] for incident in evidence.incidents)
    rows.append(("incidents", ", ".join(f"{count} {state}" for state, count in sorted(states.items()))))
    rows.append(("pages accepted", str(len(evidence.pages))))
    rows.append(("mishaps at the provider", str(house.provider.mishaps)))
    rows.append(("paged twice, in a fault", str(len(findings.twice))))
    rows.append(("paged after an answer, in a fault", str(len(findings.late))))
    rows.append(("commit conflicts", f"{conflicts:g}"))
    rows.append(("break-glass messages", str(sum("CRITICAL" in text for text in house.provider.told))))
    rows.append(("seconds, of them without a fault", f"{evidence.ended:.0f}, {_calm(evidence):.0f}"))
    rules = Counter(violation.rule for violation in findings.violations)
    rows.append(("VIOLATIONS", ", ".join(f"{count} {rule}" for rule, count in rules.items()) or "0"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _calm(evidence: Evidence) -> float:
    """Seconds in which nothing could be blamed on a fault."""
    calm, since = 0.0, 0.0
    for fault in sorted((fault for fault in evidence.faults if fault.excuses), key=lambda fault: fault.at):
        calm += max(fault.at - since, 0)
        since = max(since, fault.until + AFTERMATH)
    return calm + max(evidence.ended - since, 0)


def excused(evidence: Evidence, findings: Findings) -> str:
    """All faults, and what they are to blame for, one a line."""
    lines = [str(fault) for fault in evidence.faults]
    lines += [
        f"twice: #{first.incident} {first.to} at {first.at:.2f} ({first.code}) and {again.at:.2f} ({again.code}), {_blamed(evidence, first.at)}"
        for first, again in findings.twice
    ]
    lines += [
        f"late: #{page.incident} {page.to} at {page.at:.2f}, {after:.1f} s after the answer, {_blamed(evidence, page.at - after)}"
        for page, after in findings.late
    ]
    return "\n".join(lines)


def _blamed(evidence: Evidence, at: float) -> str:
    near = [fault for fault in evidence.faults if fault.excuses and fault.at <= at + _AROUND / 2 and at <= fault.until + 1]
    return "; ".join(" ".join(str(fault).split()) for fault in near)


async def explain(violations: Sequence[Violation], evidence: Evidence, house: House) -> str:
    """Of each rule the first few."""
    shown: Counter[str] = Counter()
    parts: list[str] = []
    for violation in violations:
        shown[violation.rule] += 1
        if shown[violation.rule] <= _MOST_SHOWN:
            parts.append(await _explain(violation, evidence, house))
    return "\n\n".join(parts)


async def _explain(v: Violation, evidence: Evidence, house: House) -> str:
    lines = [f"VIOLATION {v.rule}: {v.key} #{v.incident} at {v.at:.2f}: {v.why}"]
    moments = [v.at]
    account = evidence.ledger.accounts.get(v.key)
    if account is not None:
        for line in account.lines:
            lines.append(f"  {line.at:7.2f} .. {line.until:7.2f}  sent: {line.deed} by {line.via}: {line.said}")
            moments.append(line.until)
    for page in evidence.pages:
        if v.key and page.key == v.key:
            lines.append(f"  {page.at:7.2f}  page accepted: #{page.incident} {page.to} from {page.sender} {page.code}")
            moments.append(page.at)
    if v.incident:
        shown = await house.workers[0].show(v.incident)
        for entry in shown["timeline"]:
            at = datetime.fromisoformat(entry["at"]).timestamp() - house.began_at
            lines.append(f"  {at:7.2f}  {entry['event']} {entry['who']}: {entry['what']}")
    begin, end = min(moments) - _AROUND, max(moments) + _AROUND
    lines += [f"  {fault}" for fault in evidence.faults if fault.at <= end and begin <= fault.until]
    return "\n".join(lines)
