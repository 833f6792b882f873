"""What was accepted against what people got. It knows the public contracts only: the command line's JSON, what the provider accepted, the
metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.chaos.faults import Fault
from tests.chaos.house import STAGES, person, phone
from tests.chaos.ledger import Account, Deed, Ledger
from tests.chaos.provider import PageSent

AFTERMATH = 4.0
"""Seconds after a fault in which what it held up may still come: a lease, a worker's absence, a pause between tries."""
_UNDER_WAY = 6.0
"""The longest that a send may have been under way when a fault began: its provider's timeout, and a little."""


@dataclass(frozen=True)
class Violation:
    rule: str
    key: str
    incident: int
    at: float
    why: str


@dataclass(frozen=True)
class Evidence:
    ledger: Ledger
    incidents: Sequence[Mapping[str, Any]]
    pages: Sequence[PageSent]
    faults: Sequence[Fault]
    repairs: Mapping[str, float]
    failures: Mapping[str, float]
    dead: int
    ended: float  # of the run, when it was quiet
    ended_at: float  # the same moment, as a timestamp
    timelines: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # of the doubtful incidents


@dataclass
class Findings:
    """With a fault to blame: pages to somebody who had one for that incident, with the first; and pages after an answer, with how long."""

    violations: list[Violation] = field(default_factory=list)
    twice: list[tuple[PageSent, PageSent]] = field(default_factory=list)
    late: list[tuple[PageSent, float]] = field(default_factory=list)


class Audit:
    def __init__(self, evidence: Evidence, grace: float = 2.0) -> None:
        self._e, self._grace = evidence, grace
        self._by_key: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for incident in evidence.incidents:
            self._by_key[incident["dedup_key"]].append(incident)
        self._pages: dict[str, list[PageSent]] = defaultdict(list)
        for page in evidence.pages:
            self._pages[page.key].append(page)
        self._found = Findings()

    def run(self) -> Findings:
        for account in self._e.ledger.accounts.values():
            self._accepted(account)
            self._answers(account)
            self._after_answers(account)
        for incident in self._e.incidents:
            self._incident(incident)
        self._twice()
        for rule, counts in (("repaired", self._e.repairs), ("failure", self._e.failures)):
            for name, count in counts.items():
                self._no(rule, "", 0, self._e.ended, f"{name} is {count:g}")
        if self._e.dead:
            self._no("dead", "", 0, self._e.ended, f"{self._e.dead} dead letters of good alerts")
        return self._found

    # --- rules ------------------------------------------------------------------------------------------------------------------------
    def _accepted(self, account: Account) -> None:
        """An accepted trigger has an incident; one, where nothing about it is in doubt."""
        at, found = account.first(Deed.TRIGGER), self._by_key[account.key]
        if at is not None and not found:
            self._no("lost", account.key, 0, at, "the trigger was accepted, and there is no incident")
        if account.is_sure and len(found) > 1:
            self._no("doubled", account.key, found[-1]["number"], at or 0, f"one trigger, {len(found)} incidents")

    def _answers(self, account: Account) -> None:
        """A confirmed resolve ended it, a confirmed acknowledgement is on record."""
        resolved, acked, found = account.first(Deed.RESOLVE), account.first(Deed.ACK), self._by_key[account.key]
        if resolved is not None and account.is_sure and any(i["state"] != "resolved" for i in found):
            self._no("resolve lost", account.key, found[0]["number"], resolved, f"resolved, and it is {found[0]['state']}")
        if acked is not None and found and not any(i["acknowledged_at"] for i in found):
            self._no("ack lost", account.key, found[0]["number"], acked, f"acknowledged, and it is {found[0]['state']}")

    def _after_answers(self, account: Account) -> None:
        """Nobody is paged for what somebody has, or what is over."""
        answered = [at for at in (account.first(Deed.ACK), account.first(Deed.RESOLVE)) if at is not None]
        if not answered or not account.is_sure:
            return
        at = min(answered)
        for page in self._pages[account.key]:
            if page.at <= at + self._grace:
                continue
            if self._faulted(at, page.at):
                self._found.late.append((page, page.at - at))
            else:
                self._no(
                    "paged after answer", account.key, page.incident, page.at, f"{page.to} was paged {page.at - at:.1f} s after the answer"
                )

    def _incident(self, incident: Mapping[str, Any]) -> None:
        """What is open is looked at again; who should have been paged was."""
        number, key = incident["number"], incident["dedup_key"]
        if incident["state"] == "resolved":
            return
        due = incident["next_deadline"]
        if due is None:
            self._no("no deadline", key, number, self._e.ended, f"it is {incident['state']} and has no next deadline")
        elif datetime.fromisoformat(due).timestamp() < self._e.ended_at - 5:
            self._no("overdue", key, number, self._e.ended, f"its deadline {due} has passed")
        if incident["state"] != "triggered":
            return
        if key not in self._e.ledger.accounts:
            return self._no("unknown", key, number, self._e.ended, "nobody sent this")
        said = self._e.timelines.get(number, ())
        given_up = {entry["what"].split(":")[0] for entry in said if entry["event"] == "person.unreachable"}
        missed = [who for who in self._unpaged(incident) if who not in given_up]
        if missed:
            self._no("not paged", key, number, self._e.ended, f"nobody answered, and {', '.join(missed)} were never paged")

    def doubtful(self) -> list[int]:
        """Incidents that nobody answered and somebody was not paged for: their timelines should say why."""
        return [i["number"] for i in self._e.incidents if i["state"] == "triggered" and self._unpaged(i)]

    def _unpaged(self, incident: Mapping[str, Any]) -> list[str]:
        account = self._e.ledger.accounts.get(incident["dedup_key"])
        paged = {page.to for page in self._pages[incident["dedup_key"]] if page.incident == incident["number"]}
        stages = range(STAGES) if account else ()
        return [person(account.service, k) for k in stages if account and phone(account.service, k) not in paged]

    def _twice(self) -> None:
        """Each person is asked once for an incident; a second page takes a send that was under way at a fault."""
        first: dict[tuple[int, str], PageSent] = {}
        for page in self._e.pages:
            before = first.setdefault((page.incident, page.to), page)
            if before is page:
                continue
            if self._faulted(before.at, before.at + _UNDER_WAY, aftermath=0.5):
                self._found.twice.append((before, page))
            else:
                why = f"{page.to} was paged at {before.at:.2f} ({before.code}) and at {page.at:.2f} ({page.code})"
                self._no("twice", page.key, page.incident, page.at, why)

    # --- parts ------------------------------------------------------------------------------------------------------------------------
    def _faulted(self, begin: float, end: float, aftermath: float = AFTERMATH) -> bool:
        return any(f.excuses and f.at <= end and begin <= f.until + aftermath for f in self._e.faults)

    def _no(self, rule: str, key: str, incident: int, at: float, why: str) -> None:
        self._found.violations.append(Violation(rule, key, incident, at, why))
