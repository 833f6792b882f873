"""What each rule that mutes is held to account by."""

from __future__ import annotations

from datetime import timedelta

from pager.model.incident import State
from pager.report.noise import Ledger, Report, report_json
from tests.house import House
from tests.night import START, span
from tests.payments import PAYMENTS

RULES = """
routes:
  - {name: staging, match: {env: staging}, suppress: "staging never pages"}
  - {name: never, match: {env: nowhere}, suppress: "nobody is there"}
noise:
  pause: [{name: transient, match: {severity: warning}, for: 2m}]
  inhibit: [{name: db-down, if_open: {alertname: DatabaseDown}, mute: {alertname: QueryFailed}, equal: [labels.cluster]}]
  maintenance: [{name: patch, match: {service: db}, hours: {from: "01:00", to: "02:00"}}]
"""
LATER = timedelta(days=1)


def report(house: House, start: str = "0:00", end: str = "24:00:00") -> Report:
    ledger = Ledger(START + span(start), START + span(end))
    for incident in house.store.incidents.values():
        ledger.add(incident)
    return ledger.report(house.rules.config)


def counted(found: Report) -> dict[str, tuple[int, int, int, int]]:
    return {f"{one.kind} {one.rule}": (one.muted, one.paged_later, one.service_paged, one.regretted) for one in found.rules}


def test_what_heals_or_is_suppressed_is_counted_and_nobody_regrets_it() -> None:
    h = House(PAYMENTS + RULES)
    for key in ("a", "b"):
        h.alert(key, severity="warning")
    h.alert("s", labels={"env": "staging"}, service="plain")
    h.until("1:00")
    for key in ("a", "b"):
        h.resolve(key)
    found = report(h)
    assert counted(found) == {"pause transient": (2, 0, 0, 0), "route staging": (1, 0, 0, 0)}
    assert (found.incidents, found.muted, found.paged) == (3, 3, 0)
    assert [(one.kind, one.rule) for one in found.never] == [("route", "never"), ("maintenance", "patch"), ("inhibition", "db-down")]


def test_what_waited_for_the_morning_is_meant_to_page_then() -> None:
    rules = PAYMENTS.replace("settings:", "settings:\n  digest: {hours: {from: '12:00'}, high_after: 4h}", 1)
    h = House(rules)
    h.alert("a", severity="warning", service="plain")
    h.until("20:00:00")
    found = report(h)
    assert counted(found) == {"digest digest": (1, 1, 0, 0)}
    assert found.rules[0].origin is not None


def test_what_had_to_page_after_all_is_regretted() -> None:
    h = House(PAYMENTS + RULES)
    h.alert("a", severity="warning")
    h.until("3:00")
    h.resolve("a")
    assert counted(report(h)) == {"pause transient": (1, 1, 0, 1)}


def test_another_incident_of_the_service_that_pages_within_an_hour_speaks_against_the_mute() -> None:
    h = House(PAYMENTS + RULES)
    h.alert("early", service="checkout")
    h.until("10:00")
    h.alert("s", labels={"env": "staging"}, service="checkout")
    h.alert("elsewhere", service="plain")
    assert counted(report(h))["route staging"] == (1, 0, 0, 0), "what paged before is no news, nor is another service"
    h.until("1:10:00")
    h.alert("soon")
    assert counted(report(h))["route staging"] == (1, 0, 1, 1)


def test_the_page_of_what_inhibits_is_no_regret() -> None:
    h = House(PAYMENTS + RULES)
    h.push(*({"dedup_key": name, "labels": {"alertname": name, "cluster": "eu"}} for name in ("QueryFailed", "DatabaseDown")))
    assert h.paged("DatabaseDown") == ["0:00"]
    h.until("1:00").resolve("QueryFailed")
    assert counted(report(h)) == {"inhibition db-down": (1, 0, 0, 0)}


def test_an_hour_is_an_hour() -> None:
    h = House(PAYMENTS + RULES)
    h.alert("s", labels={"env": "staging"})
    h.until("1:00:01")
    h.alert("late")
    assert counted(report(h))["route staging"] == (1, 0, 0, 0)


def test_each_rule_that_mutes_an_incident_counts_once_however_often_its_reason_is_said_anew() -> None:
    h = House(PAYMENTS + RULES)
    h.push(
        {"dedup_key": "q", "service": "db", "labels": {"alertname": "QueryFailed", "cluster": "eu"}},
        {"dedup_key": "d", "service": "plain", "labels": {"alertname": "DatabaseDown", "cluster": "eu"}},
    )
    assert h.incident("q").reason.startswith("inhibited by")
    h.until("30:00").resolve("d")
    h.until("31:00")
    assert h.incident("q").reason.startswith("maintenance patch until ")
    h.until("1:00:00")
    assert h.state("q") is State.TRIGGERED
    assert counted(report(h)) == {"inhibition db-down": (1, 1, 0, 1), "maintenance patch": (1, 1, 0, 1)}


def test_only_what_was_muted_in_the_time_counts() -> None:
    h = House(PAYMENTS + RULES)
    h.alert("s", labels={"env": "staging"})
    found = report(h, "1:00", "2:00:00")
    assert (found.rules, found.muted, found.incidents) == ((), 0, 1)
    assert "staging" in [one.rule for one in found.never]


def test_a_rule_that_left_the_config_is_counted_without_a_place() -> None:
    h = House(PAYMENTS + RULES)
    h.alert("s", labels={"env": "staging"})
    with_place, h.rules = report(h).rules[0], House(PAYMENTS).rules
    [rule] = report(h).rules
    assert (rule.rule, rule.origin) == ("staging", None)
    assert with_place.origin is not None


def test_the_names_of_the_json_are_a_contract() -> None:
    h = House(PAYMENTS + RULES)
    h.alert("s", labels={"env": "staging"})
    found = report_json(report(h))
    assert list(found) == ["from", "to", "incidents", "muted", "paged", "rules", "never"]
    assert list(found["rules"][0]) == ["kind", "rule", "origin", "muted", "paged_later", "service_paged", "regretted", "last"]
    assert found["rules"][0]["last"] == "2026-06-02T01:00:00.000Z"
    assert list(found["never"][0]) == ["kind", "rule", "origin"]
