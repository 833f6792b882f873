"""What pages only after several, what becomes worse by coming again, and what can't make up its mind."""

from __future__ import annotations

import pytest

from pager.model.incident import State
from pager.report.incident import incident_json
from tests.house import House
from tests.night import Night, clock, config_of
from tests.payments import PAYMENTS


def house(noise: str) -> House:
    return House(PAYMENTS + f"\nnoise: {{{noise}}}\n")


# --- thresholds -----------------------------------------------------------------------------------------------------------------------
BY_KEY = "threshold: [{name: flaky, match: {alertname: Flaky}, count: 3, within: 10m}]"
BY_HOST = "threshold: [{name: hosts, match: {alertname: Flaky}, count: 3, within: 10m, by: labels.rack}]"
FLAKY = {"alertname": "Flaky", "rack": "r1"}


def test_an_alert_pages_with_its_third_push_in_ten_minutes() -> None:
    h = house(BY_KEY)
    h.alert("a", **FLAKY)
    assert h.incident("a").reason == "only 1 of 3 in 10m (threshold flaky)"
    h.until("4:00").alert("a", **FLAKY)
    assert h.incident("a").reason == "only 2 of 3 in 10m (threshold flaky)"
    h.until("9:00").alert("a", **FLAKY)
    assert h.paged("a") == ["9:00"]
    h.until("9:30").alert("a", **FLAKY)
    assert (h.store.records[next(iter(h.store.records))].repeats, h.paged("a")) == (3, ["9:00"]), "then it is as any other"


def test_pushes_that_are_too_far_apart_never_page() -> None:
    h = house(BY_KEY)
    for minute in range(0, 120, 6):
        h.until(f"{minute // 60}:{minute % 60:02}:00").alert("a", **FLAKY)
    assert h.paged("a") == []


def test_three_different_alerts_of_one_rack_page_and_another_rack_is_counted_for_itself() -> None:
    h = house(BY_HOST)
    h.push({"dedup_key": "a", **FLAKY}, {"dedup_key": "b", **FLAKY}, {"dedup_key": "x", **FLAKY, "rack": "r2"})
    h.until("1:00")
    assert h.pages == []
    h.alert("c", **FLAKY)
    h.until("1:01")
    assert h.paged("c") == h.paged("a") == h.paged("b") == ["1:00"], "those that waited page as well"
    assert h.paged("x") == []


def test_by_key_is_each_alert_for_itself_and_by_condition_all_that_the_rule_is_for() -> None:
    by = "threshold: [{name: flaky, match: {alertname: Flaky}, count: 3, within: 10m, by: %s}]"
    each, whole = house(by % "key"), house(by % "condition")
    for h in (each, whole):
        h.push(
            {"dedup_key": "a", **FLAKY}, {"dedup_key": "b", "alertname": "Flaky", "service": "db"}, {"dedup_key": "c", "alertname": "Flaky"}
        )
        h.until("1:00")
    assert each.pages == []
    assert {key for _, key, _ in whole.pages} == {"a", "b", "c"}
    each.push({"dedup_key": "a", **FLAKY}, {"dedup_key": "a", **FLAKY})
    assert {key for _, key, _ in each.pages} == {"a"}


def test_what_recurs_may_be_counted_by_condition_too() -> None:
    h = house("recurring: [{name: often, match: {alertname: Flaky}, after: 2 in 1h, severity: critical, by: condition}]")
    h.push({"dedup_key": "a", **FLAKY, "severity": "warning"}, {"dedup_key": "b", "alertname": "Flaky", "severity": "warning"})
    assert (h.incident("a").severity, h.incident("b").severity) == ("warning", "critical")


def test_the_words_stand_alone_and_a_label_of_that_name_is_said_so() -> None:
    rule = "\nnoise: {threshold: [{name: t, match: {a: b}, count: 3, within: 5m, by: %s}]}\n"
    with pytest.raises(AssertionError, match=r"`condition` stands alone in `by`; the label of that name is labels.condition"):
        config_of(PAYMENTS + rule % "[service, condition]")
    assert config_of(PAYMENTS + rule % "[service, labels.condition]").noise.threshold[0].by == ("service", "labels.condition")


def test_once_there_are_enough_one_more_pages_at_once() -> None:
    h = house(BY_HOST)
    h.push(*({"dedup_key": key, **FLAKY} for key in "abcd"))
    h.until("0:01")
    assert h.paged("d") == ["0:00"]


def test_what_is_over_before_there_are_enough_wakes_nobody_but_counts() -> None:
    h = house(BY_HOST)
    for second, key in enumerate("abc"):
        h.until(f"0:0{second}").alert(key, **FLAKY)
        if key != "c":
            h.resolve(key)
    assert h.pages
    assert h.paged("a") == h.paged("b") == []


def test_too_few_is_bounded_as_all_that_mutes() -> None:
    h = house(BY_KEY + ", limits: {suppress_at_most: 1h}")
    h.alert("a", **FLAKY)
    assert h.until("1:00:00").paged("a") == ["1:00:00"]


def test_an_alert_without_the_label_is_not_counted_and_pages() -> None:
    h = house(BY_HOST)
    h.alert("a", alertname="Flaky")
    assert h.paged("a") == ["0:00"]


# --- what recurs ----------------------------------------------------------------------------------------------------------------------
RECURRING = "recurring: [{name: again, match: {component: disk}, after: 3 in 1h, severity: critical, by: component}]"


def test_the_third_of_a_subsystem_within_an_hour_is_critical() -> None:
    h = house(RECURRING)
    for minute, key in ((0, "a"), (10, "b"), (20, "c")):
        h.until(f"{minute}:00").alert(key, component="disk", severity="warning")
    assert [h.incident(key).severity for key in "abc"] == ["warning", "warning", "critical"]
    assert h.incident("c").urgency == "high"
    assert "warning becomes critical: 3 in 1h (recurring again)" in [e.what for e in h.store.audit if e.event == "incident.raised"]


def test_repeats_of_one_alert_are_no_recurrence() -> None:
    h = house(RECURRING)
    for _ in range(5):
        h.alert("a", component="disk", severity="warning")
    assert h.incident("a").severity == "warning"


def test_what_is_worse_already_stays_as_it_is() -> None:
    h = house(RECURRING.replace("severity: critical", "severity: warning"))
    for key in "abc":
        h.alert(key, component="disk", severity="error")
    assert h.incident("c").severity == "error"


# --- flapping -------------------------------------------------------------------------------------------------------------------------
def flapping() -> Night:
    return Night(config_of(PAYMENTS + "\nnoise: {flap: {changes: 6, within: 10m, hold: 15m}}\n"))


def flap(night: Night, times: int, start: int = 0) -> None:
    """Every half a minute it begins, and every other it ceases."""
    for k in range(times):
        night.until(f"{(start + k) // 2}:{30 * ((start + k) % 2):02}")
        night.alert() if k % 2 == 0 else night.resolve()


def test_from_the_sixth_change_on_it_is_one_incident_with_one_page() -> None:
    n = flapping()
    flap(n, 20)
    assert n.incident.number == 3, "the third is held"
    assert [clock(sent.after) for sent in n.sent if sent.stage == 0] == ["0:00", "1:00", "2:00"]
    assert n.said("incident.flapping") == ["6 changes in 10m: held open until nothing changes for 15m"]
    assert incident_json(n.snapshot)["reason"] == "flapping: held open until nothing has changed by 01:24:30 UTC"


def test_when_it_is_stable_and_over_the_incident_is_over_and_that_is_told_once() -> None:
    n = flapping()
    flap(n, 20)
    n.say("acknowledge")
    told = len(n.notices)
    n.until("24:29")
    assert n.state is State.ACKNOWLEDGED
    n.until("24:30")
    assert (n.state, n.incident.resolved_at) == (State.RESOLVED, n.now)
    assert n.said("incident.resolved")[-1] == "it flapped, and has not fired for 15m"
    assert len({notice.user for notice in n.notices[told:] if notice.kind == "resolved"}) >= 1


def test_when_it_is_stable_and_fires_it_goes_on_as_any_other() -> None:
    n = flapping()
    flap(n, 19)
    n.say("acknowledge")
    n.until("24:00")
    assert n.said("incident.stable") == ["it has fired without a break for 15m"]
    assert [notice.kind for notice in n.notices][-1] == "stable"
    n.resolve()
    assert n.state is State.RESOLVED


def test_repeats_of_what_flaps_and_fires_are_only_counted() -> None:
    n = flapping()
    flap(n, 7)
    before = (n.incident, len(n.entries))
    n.alert()
    assert (n.incident, len(n.entries)) == before


def test_a_person_who_resolves_what_flaps_has_done_so_until_it_fires_again() -> None:
    n = flapping()
    flap(n, 7)
    n.say("resolve")
    states = [n.state]
    n.until("4:00").alert()
    states.append(n.state)
    n.until("4:30").resolve()
    states.append(n.state)
    assert states == [State.RESOLVED, State.TRIGGERED, State.TRIGGERED], "it flaps still"
    assert n.incident.number == 4


def test_a_slow_change_of_mind_is_no_flapping() -> None:
    n = flapping()
    for k in range(12):
        n.until(f"{k * 5 // 60}:{k * 5 % 60:02}:00")
        n.alert() if k % 2 == 0 else n.resolve()
    assert n.state is State.RESOLVED
    assert n.said("incident.flapping") == []
