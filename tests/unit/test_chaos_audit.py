"""An auditor that never finds anything would pass everything: each rule is shown what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.audit import Audit, Evidence
from tests.chaos.faults import Fault
from tests.chaos.house import phone
from tests.chaos.ledger import Deed, Ledger, Line, Said
from tests.chaos.provider import PageSent

LATER = "2030-01-01T00:00:00Z"


def incident(**fields: Any) -> dict[str, Any]:
    known = {"number": 1, "dedup_key": "key-0", "state": "triggered", "next_deadline": LATER, "acknowledged_at": None}
    return {**known, **fields}


def page(stage: int, at: float, code: str = "7K3M") -> PageSent:
    return PageSent("key-0", 1, phone(4, stage), "+15005550006", code, at)


def evidence(*said: tuple[Deed, float], **fields: Any) -> Evidence:
    """Of one key, triggered at second 10, whose three people were paged."""
    ledger = Ledger()
    ledger.open(service=4).lines += [Line(deed, "stream", at, at, Said.YES) for deed, at in ((Deed.TRIGGER, 10.0), *said)]
    pages = (page(0, 10.1), page(1, 14.1), page(2, 20.1))
    known = Evidence(ledger, (incident(),), pages, faults=(), repairs={}, failures={}, dead=0, ended=60, ended_at=1_800_000_000)
    return replace(known, **fields)


def broken(found: Evidence) -> list[str]:
    return [violation.rule for violation in Audit(found).run().violations]


def test_a_quiet_night_breaks_nothing() -> None:
    assert broken(evidence()) == []
    assert (
        broken(evidence((Deed.ACK, 12), incidents=(incident(state="acknowledged", acknowledged_at=LATER),), pages=(page(0, 10.1),))) == []
    )
    assert broken(evidence((Deed.RESOLVE, 12), incidents=(incident(state="resolved", next_deadline=None),), pages=(page(0, 10.1),))) == []


@pytest.mark.parametrize(
    ("rule", "said", "fields"),
    [
        ("lost", (), {"incidents": ()}),
        ("doubled", (), {"incidents": (incident(), incident(number=2, state="acknowledged"))}),
        ("resolve lost", ((Deed.RESOLVE, 30),), {}),
        ("ack lost", ((Deed.ACK, 30),), {}),
        ("no deadline", (), {"incidents": (incident(next_deadline=None),)}),
        ("overdue", (), {"incidents": (incident(next_deadline="2026-01-01T00:00:00Z"),)}),
        ("unknown", (), {"incidents": (incident(), incident(number=2, dedup_key="key-9"))}),
        ("not paged", (), {"pages": (page(0, 10.1), page(2, 20.1))}),
        ("twice", (), {"pages": (*(page(k, 10 + 5 * k) for k in range(3)), page(2, 40, "9ABC"))}),
        ("repaired", (), {"repairs": {"pagerd_invariant_repairs_total": 1}}),
        ("failure", (), {"failures": {'pagerd_failures_total{where="ingest"}': 1}}),
        ("dead", (), {"dead": 1}),
    ],
)
def test_what_is_broken_is_found(rule: str, said: Sequence[tuple[Deed, float]], fields: dict[str, Any]) -> None:
    assert broken(evidence(*said, **fields)) == [rule]


def test_a_page_after_the_answer_needs_a_fault_to_blame() -> None:
    acked = (incident(state="acknowledged", acknowledged_at=LATER),)
    assert broken(evidence((Deed.ACK, 12), incidents=acked, pages=(page(0, 10.1), page(1, 14.1)))) == ["paged after answer"]
    assert broken(evidence((Deed.ACK, 12), incidents=acked, pages=(page(0, 10.1), page(1, 13.9)))) == [], "it was under way"
    cut = Fault("net.cut", "w0", 11, 13)
    found = Audit(evidence((Deed.ACK, 12), incidents=acked, pages=(page(0, 10.1), page(1, 14.1)), faults=(cut,))).run()
    assert (found.violations, len(found.late)) == ([], 1)


def test_a_page_twice_needs_a_send_that_was_under_way_at_a_fault() -> None:
    pages = (page(0, 10.1), page(0, 14.0), page(1, 16), page(2, 22))
    assert broken(evidence(pages=pages)) == ["twice"]
    assert broken(evidence(pages=pages, faults=(Fault("provider.out", "", 9, 15),))) == ["twice"], "a look-up finds what a provider took"
    assert broken(evidence(pages=pages, faults=(Fault("worker.kill", "w0", 30, 33),))) == ["twice"]
    found = Audit(evidence(pages=pages, faults=(Fault("worker.kill", "w0", 10.2, 13),))).run()
    assert (found.violations, len(found.twice)) == ([], 1)


def test_who_could_not_be_reached_at_all_need_not_be_paged() -> None:
    said = {1: [{"event": "person.unreachable", "what": "u4-0: every way failed"}]}
    assert broken(evidence(pages=(page(1, 14), page(2, 20)), timelines=said)) == []
    assert broken(evidence(pages=(page(2, 20),), timelines=said)) == ["not paged"]
