"""noise report: what the rules that mute did."""

from __future__ import annotations

from datetime import timedelta

from tests.payments import PAYMENTS
from tests.unit.cli.installation import Installation

ROUTES = """
routes:
  - {name: staging, match: {env: staging}, suppress: "staging never pages"}
  - {name: nowhere, match: {env: nowhere}, suppress: "nobody is there"}
"""


def test_each_rule_says_what_it_muted_and_which_never_did(office: Installation) -> None:
    office.configure(PAYMENTS + ROUTES)
    office.alert(dedup_key="s", labels={"env": "staging"})
    office.alert(dedup_key="s", action="resolve", labels={"env": "staging"})
    office.store.clock.now += timedelta(minutes=5)
    office.alert()
    shown = office.pagerd("noise", "report").stdout.splitlines()
    assert shown[0] == "from Mon 2026-02-23 09:05 UTC to Mon 2026-03-02 09:05 UTC: 2 incidents, 1 muted, 1 paged"
    assert shown[3].split()[:6] == ["route", "staging", "1", "1", "0", "1"]
    assert shown[-1].startswith("never: route nowhere [pagerd.yaml:")
    found = office.json("noise", "report", "--for", "1h")
    assert [(one["rule"], one["muted"], one["regretted"]) for one in found["rules"]] == [("staging", 1, 1)]
    office.store.clock.now += timedelta(days=8)
    assert office.json("noise", "report")["rules"] == []
    assert office.pagerd("noise", "report", "--for", "soon").exit_code == 2
