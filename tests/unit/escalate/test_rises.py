"""Nights on which something gets worse: whoever is asked hears of it, and nobody's chain begins anew for that."""

from __future__ import annotations

from typing import Any

import pytest

from pager.model.incident import DeadlineKind, State
from pager.notify.wording import sms_page
from tests.house import House
from tests.night import Night, config_of, never_answers
from tests.unit.escalate.test_groups import silence_of

CONFIG = """
settings:
  timezone: UTC
  catch_all: {notify: ["user:boss"], every: 10m}
  ladder: {high: [{after: 0s, via: [sms]}, {after: 4m, via: [voice]}], low: [{after: 0s, via: [sms]}]}
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: [twilio], voice: [twilio]}
users:
  ana: {name: Ana, contact: {sms: "+12125550001", voice: "+12125550001"}}
  ben: {name: Ben, contact: {sms: "+12125550002", voice: "+12125550002"}}
  boss: {name: Boss, contact: {sms: "+12125550009"}}
policies:
  chain: {stages: [{notify: ["user:ana"], ack_timeout: 10m}, {notify: ["user:ben"], ack_timeout: 10m}]}
  both: {stages: [{notify: ["user:ana", "user:ben"], via: [sms], ack_timeout: 10m, wait_for: all}]}
  office: {stages: [{notify: ["user:ana"], via: [sms], wait_for_hours: {from: "09:00", to: "17:00"}}]}
services: {checkout: {policy: chain}, two: {policy: both}, desk: {policy: office}}
routes: [{name: always, match: {labels.env: live}, severity: critical}]
noise:
  storm: off
  group: [{name: per-cluster, by: [labels.cluster], window: 30m}]
"""


@pytest.fixture
def night() -> Night:
    return Night(config_of(CONFIG))


@pytest.fixture
def house() -> House:
    return House(CONFIG)


def text(house: House, key: str) -> str:
    """What a page for it says now."""
    incident = house.incident(key)
    own = house.store.by_number(incident.number).own
    assert own is not None
    return sms_page(incident, own, incident.pages[-1], None, "7K3M", house.clock.now, None, {})


def in_cluster(key: str, severity: str, **fields: Any) -> dict[str, Any]:
    return {"dedup_key": key, "severity": severity, "labels": {"cluster": "eu-1"}, **fields}


# --- one alert ------------------------------------------------------------------------------------------------------------------------
def test_an_unanswered_error_that_becomes_critical_pages_once_more_and_its_time_runs_on(night: Night) -> None:
    night.alert(severity="error")
    night.until("2:00").alert(severity="critical")
    assert night.pages() == [("0:00", "ana", "sms"), ("2:00", "ana", "sms")]
    assert night.incident.reason == "worse: it was error"
    night.until("10:00")
    assert night.pages()[2:] == [("4:00", "ana", "voice"), ("10:00", "ben", "sms")]


def test_it_is_told_on_the_rung_that_was_reached(night: Night) -> None:
    night.alert(severity="error")
    night.until("5:00").alert(severity="critical")
    assert night.pages()[-1] == ("5:00", "ana", "voice")


def test_severities_that_swing_page_once_for_each_that_is_worse_than_ever(night: Night) -> None:
    for severity in ("error", "critical", "error", "critical", "warning", "error", "critical"):
        night.alert(severity=severity)
    assert len(night.pages()) == 2


def test_a_rise_that_the_route_makes_nothing_of_pages_nobody_and_says_so(night: Night) -> None:
    live: dict[str, Any] = {"labels": {"env": "live"}}
    night.alert(severity="error", **live)
    night.until("1:00").alert(severity="critical", **live)
    assert len(night.pages()) == 1
    [said] = night.said("incident.worsened")
    assert said.endswith("critical as before: nobody is paged again")


def test_a_page_that_waits_is_replaced_by_the_one_that_says_it_is_worse(night: Night) -> None:
    night.provider = never_answers
    night.alert(severity="error")
    night.until("0:04").alert(severity="critical")
    assert [page.state for page in night.incident.pages] == ["withdrawn", "queued"]
    assert night.incident.reason == "", "the first was never seen"
    first, second = night.incident.pages
    assert second.due_at == first.due_at, "nobody has heard of it since then"


def test_the_catch_all_hears_of_it(night: Night) -> None:
    night.alert(severity="error")
    night.until("22:00").alert(severity="critical")
    assert night.pages()[-1] == ("22:00", "boss", "sms")
    assert night.pages()[-2] == ("20:00", "boss", "sms")


def test_whoever_it_is_assigned_to_hears_of_it_alone(night: Night) -> None:
    night.alert(severity="error")
    night.say("assign", target="ben")
    night.until("1:00").alert(severity="critical")
    assert night.pages()[-2:] == [("0:00", "ben", "sms"), ("1:00", "ben", "sms")]


def test_where_all_must_answer_those_who_have_not_are_told(night: Night) -> None:
    night.alert(severity="error", service="two")
    night.say("acknowledge", by="ana")
    night.until("1:00").alert(severity="critical", service="two")
    assert night.pages()[2:] == [("1:00", "ben", "sms")]


def test_a_stage_that_waits_for_its_hours_goes_on_waiting_and_says_so(night: Night) -> None:
    night.alert(severity="error", service="desk")
    night.until("1:00").alert(severity="critical", service="desk")
    assert night.pages() == []
    assert len(night.said("stage.waiting")) == 2
    assert [x.kind for x in night.incident.deadlines] == [DeadlineKind.HOURS]


# --- several --------------------------------------------------------------------------------------------------------------------------
def test_a_worse_one_that_comes_into_a_group_pages_again_while_the_first_page_is_unanswered(house: House) -> None:
    house.push(in_cluster("a", "error"))
    house.until("0:04").push(in_cluster("b", "critical"))
    assert house.paged("a") == ["0:00", "0:04"]
    house.until("0:08").push(in_cluster("c", "critical"), in_cluster("d", "error"))
    assert house.paged("a") == ["0:00", "0:04"], "as bad as was paged for is no news"
    house.until("10:00")
    assert house.pages[-1] == ("10:00", "a", "ben"), "the stage is over when it would have been"


def test_one_of_a_group_that_gets_worse_pages_again(house: House) -> None:
    house.push(in_cluster("a", "error"), in_cluster("b", "error"))
    house.until("1:00").push(in_cluster("b", "critical"))
    assert house.paged("a") == ["0:00", "1:00"]


def test_a_worse_one_of_the_same_batch_is_one_page(house: House) -> None:
    house.push(in_cluster("a", "error"), in_cluster("b", "error"), in_cluster("c", "critical"))
    assert len(house.pages) == 1
    assert house.incident("a").severity == "critical"


def test_a_worse_one_that_was_muted_is_told_on_the_rung_that_was_reached(house: House) -> None:
    house.hear(silence_of("b", end=5))
    house.push(in_cluster("a", "error"))
    house.push({"dedup_key": "b", "severity": "critical", "labels": {"cluster": "eu-1", "host": "b"}})
    house.until("5:00")
    assert house.paged("a") == ["0:00", "4:00", "5:00"]
    assert house.incident("a").reason.startswith("muted until now (silenced by ben")
    house.until("10:00")
    assert house.pages[-1] == ("10:00", "a", "ben")
    assert house.state("a") is State.TRIGGERED


# --- what the page says ---------------------------------------------------------------------------------------------------------------
def test_the_page_says_that_it_is_worse(house: House) -> None:
    house.push({"dedup_key": "a", "severity": "error"})
    house.until("1:00").push({"dedup_key": "a", "severity": "critical"})
    assert text(house, "a") == "#1 CRITICAL checkout: broken. Worse: it was error. Reply 7K3M to acknowledge"


def test_a_group_is_called_by_its_worst_alert_for_as_long_as_that_fires(house: House) -> None:
    house.push(in_cluster("a", "error", summary="disk 80%"), in_cluster("b", "critical", summary="disk full"))
    assert text(house, "a") == "#1 CRITICAL checkout (2 alerts): disk full. All: cluster=eu-1. Reply 7K3M to acknowledge"
    house.push(in_cluster("c", "critical", summary="node gone"), in_cluster("b", "critical", action="resolve"))
    assert text(house, "a").startswith("#1 CRITICAL checkout (2 of 3 alerts still fire): node gone.")
    house.push(in_cluster("c", "critical", action="resolve"))
    assert text(house, "a").startswith("#1 ERROR checkout (1 of 3 alerts still fire): disk 80%.")
    house.push(in_cluster("a", "warning", summary="disk 70%"))
    assert text(house, "a").startswith("#1 WARNING checkout (1 of 3 alerts still fire): disk 70%.")


def test_a_group_whose_first_alert_is_over_is_called_by_one_that_fires(house: House) -> None:
    house.push(in_cluster("a", "error", summary="disk 80%"), in_cluster("b", "error", summary="node gone"))
    house.push(in_cluster("a", "error", action="resolve"))
    assert text(house, "a").startswith("#1 ERROR checkout (1 of 2 alerts still fire): node gone.")


def test_a_group_is_called_by_what_nothing_mutes(house: House) -> None:
    house.hear(silence_of("a", end=20))
    house.push({"dedup_key": "a", "severity": "error", "summary": "silenced", "labels": {"cluster": "eu-1", "host": "a"}})
    house.until("1:00").push(in_cluster("b", "warning", summary="loud"))
    assert text(house, "a").startswith("#1 WARNING checkout (2 alerts): loud.")
    house.until("20:00")
    assert text(house, "a").startswith("#1 ERROR checkout (2 alerts): silenced.")


def test_of_many_as_bad_some_are_remembered_and_none_is_called_what_it_is_not(house: House) -> None:
    house.push(in_cluster("a", "warning", summary="disk 80%"), *(in_cluster(f"k{n}", "critical", summary=f"node {n}") for n in range(9)))
    house.push(*(in_cluster(f"k{n}", "critical", action="resolve") for n in range(4)))
    assert text(house, "a").startswith("#1 CRITICAL checkout (6 of 10 alerts still fire): node 4.")
    assert len(house.incident("a").leads) <= 5
    house.push(*(in_cluster(f"k{n}", "critical", action="resolve") for n in range(4, 8)), in_cluster("m", "error", summary="slow"))
    assert house.incident("a").lead is None, "one of them is critical, and which one is not known"


# --- at the end -----------------------------------------------------------------------------------------------------------------------
def test_what_people_are_told_at_the_end_is_about_the_alert_it_began_with(house: House) -> None:
    house.push(in_cluster("a", "error", summary="disk 80%"), in_cluster("b", "error", summary="node gone"))
    for key in "ab":
        house.push(in_cluster(key, "error", action="resolve", summary=""))
    assert house.notices == ["#1 Resolved by stream after 0s. checkout (2 alerts): disk 80%."]


@pytest.mark.parametrize("by", ["its alerts", "a person"])
def test_a_group_keeps_the_worst_it_had_when_it_is_over(house: House, by: str) -> None:
    house.push(in_cluster("a", "warning"), in_cluster("b", "critical"), in_cluster("b", "critical", action="resolve"))
    assert house.incident("a").severity == "warning"
    if by == "a person":
        house.say("a", "resolve")
    else:
        house.push(in_cluster("a", "warning", action="resolve"))
    assert (house.state("a"), house.incident("a").severity) == (State.RESOLVED, "critical")
