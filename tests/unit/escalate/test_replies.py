"""What people say, and what they are told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pager.model.alert import Alert
from pager.model.event import AlertSeen
from pager.model.incident import State
from tests.night import START, Night, accepts, config_of, refuses
from tests.payments import PAYMENTS, with_policy


@pytest.fixture
def night() -> Night:
    night = Night(config_of(PAYMENTS))
    night.alert(service="plain")
    return night


def test_an_ack_after_the_second_page_stops_the_third(night: Night) -> None:
    night.until("6:00")
    answer = night.say("acknowledge", by="ben")
    night.until("19:00")
    assert night.paged() == [("0:00", "ana"), ("5:00", "ben"), ("5:00", "dora")]
    assert answer.text == "acknowledged 1"
    assert (night.incident.acknowledged_by, night.state) == ("ben", State.ACKNOWLEDGED)


def test_an_ack_tells_the_others_who_were_paged(night: Night) -> None:
    night.until("6:00").say("acknowledge", by="ben")
    assert sorted((n.user, n.kind) for n in night.notices) == [("ana", "acknowledged"), ("dora", "acknowledged")]


def test_a_second_ack_says_who_has_it_already(night: Night) -> None:
    night.say("acknowledge", by="ben")
    answer = night.say("acknowledge", by="ana")
    assert answer.text == "acknowledged 1; Ben Okafor already had it"
    assert not answer.done
    assert night.incident.acknowledged_by == "ben"


def test_a_resolve_closes_and_tells_everybody_who_was_paged(night: Night) -> None:
    night.until("6:00").say("resolve", by="ana")
    assert night.state is State.RESOLVED
    assert night.incident.deadlines == ()
    assert sorted((n.user, n.channel) for n in night.notices) == [("ben", "sms"), ("dora", "sms")]
    night.until("5:00:00")
    assert len(night.paged()) == 3


def test_what_is_said_after_the_end_is_answered_and_changes_nothing(night: Night) -> None:
    night.say("resolve", by="ana")
    answer = night.say("acknowledge", by="ben")
    assert answer.text.startswith("1 was resolved by Ana Ruiz at ")
    assert night.state is State.RESOLVED


def test_a_snooze_is_quiet_and_then_pages_the_same_stage_afresh(night: Night) -> None:
    night.until("6:00").say("snooze", by="ben", duration=timedelta(hours=2))
    assert night.state is State.SNOOZED
    night.until("2:06:00")
    assert night.paged()[3:] == [("2:06:00", "ben"), ("2:06:00", "dora")]


def test_a_snooze_without_a_sane_length_is_refused(night: Night) -> None:
    assert night.say("snooze").refused
    assert night.state is State.TRIGGERED


def test_escalate_pages_the_next_stage_now(night: Night) -> None:
    answer = night.until("1:00").say("escalate", by="ana")
    assert answer.text == "escalated 1: stage 2 pages Ben Okafor, Dora Weiss"
    assert night.paged()[1:] == [("1:00", "ben"), ("1:00", "dora")]


def test_escalate_of_what_somebody_has_triggers_it_again_and_tells_them(night: Night) -> None:
    night.say("acknowledge", by="ana")
    night.say("escalate", by="ben")
    assert night.state is State.TRIGGERED
    assert ("ana", "escalated") in [(n.user, n.kind) for n in night.notices]


def test_an_ack_expires_after_a_day_and_pages_the_same_stage(night: Night) -> None:
    night = Night(config_of(with_policy('[{notify: ["user:erik"], via: [sms], ack_timeout: 5m}]')))
    night.alert(service="mine")
    night.say("acknowledge", by="erik")
    night.until("24:00:00")
    assert night.paged() == [("0:00", "erik"), ("24:00:00", "erik")]


def test_assign_pages_the_target_and_the_chain_goes_on_when_there_is_no_answer(night: Night) -> None:
    answer = night.until("1:00").say("assign", by="ana", target="user:erik")
    assert answer.text == "assigned 1: paging Erik Lund"
    night.until("6:00")
    assert night.paged() == [("0:00", "ana"), ("1:00", "erik"), ("6:00", "ana")]


def test_assign_to_nobody_known_is_refused_by_name(night: Night) -> None:
    answer = night.say("assign", target="user:eric")
    assert answer.refused
    assert "user:eric" in answer.text


def test_a_note_is_kept_for_the_hand_over(night: Night) -> None:
    night.say("note", by="ana", text="looks like  the\ndisk")
    assert night.incident.notes == ("Ana Ruiz: looks like the disk",)


def test_wait_for_all_pages_until_each_target_has_answered() -> None:
    night = Night(config_of(with_policy('[{notify: ["user:ben", "user:erik"], via: [sms], ack_timeout: 5m, wait_for: all}]')))
    night.alert(service="mine")
    assert night.say("acknowledge", by="ben").text == "noted for 1; still waiting for user:erik"
    night.until("10:00")
    assert night.paged() == [("0:00", "ben"), ("0:00", "erik"), ("5:00", "erik"), ("10:00", "erik")]
    night.say("acknowledge", by="erik")
    assert night.state is State.ACKNOWLEDGED


def test_wait_for_all_goes_on_asking_when_a_later_page_fails() -> None:
    night = Night(config_of(with_policy('[{notify: ["user:ben", "user:erik"], via: [sms], ack_timeout: 5m, wait_for: all}]')))
    night.alert(service="mine")
    night.provider = refuses
    night.until("5:00")
    night.provider = accepts
    night.until("10:00")
    assert night.paged()[-2:] == [("10:00", "ben"), ("10:00", "erik")]


def test_a_worse_alert_wakes_an_acknowledged_incident_and_an_equal_one_does_not(night: Night) -> None:
    night = Night(config_of(PAYMENTS))
    night.alert(service="plain", severity="error")
    night.say("acknowledge", by="ana")
    night.until("1:00").alert(service="plain", severity="error")
    assert len(night.sent) == 1
    night.until("2:00").alert(service="plain", severity="critical")
    assert night.state is State.TRIGGERED
    assert night.paged() == [("0:00", "ana"), ("2:00", "ana")]


def test_a_severity_that_swings_back_to_what_it_was_does_not_page_again(night: Night) -> None:
    night.say("acknowledge", by="ana")
    for severity in ("warning", "critical", "error", "critical"):
        night.until("1:00").alert(service="plain", severity=severity)
    assert night.state is State.ACKNOWLEDGED
    assert night.incident.severity == "critical"


def test_a_worse_alert_that_takes_another_route_changes_policy() -> None:
    text = PAYMENTS + "routes:\n  - {name: mild, match: {severity: warning}, policy: default}\n"
    night = Night(config_of(text))
    night.alert(service="plain", severity="warning")
    assert night.incident.policy == "default"
    night.until("1:00").alert(service="plain", severity="critical")
    assert night.incident.policy == "payments"
    assert night.paged(channel="sms") == [("1:00", "ana")]


def test_a_suppressed_incident_is_recorded_and_pages_nobody_until_it_gets_worse() -> None:
    text = PAYMENTS + 'routes:\n  - {name: staging, match: {severity: warning}, suppress: "warnings never page"}\n'
    night = Night(config_of(text))
    night.alert(service="plain", severity="warning")
    assert (night.state, night.incident.reason) == (State.SUPPRESSED, "warnings never page")
    night.until("72:00:00")
    assert night.paged() == []
    assert night.incident.next_deadline is not None
    night.alert(service="plain", severity="critical")
    assert night.paged() == [("72:00:00", "ana")]


def test_start_at_enters_the_named_stage() -> None:
    night = Night(config_of(PAYMENTS + "routes:\n  - {name: exposed, match: {class: leak}, start_at: leadership}\n"))
    night.alert(service="plain", **{"class": "leak"})
    assert night.paged() == [("0:00", "erik")]


def test_the_service_level_is_told_at_80_percent_and_broken_at_the_end() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert()
    night.until("2:00").say("acknowledge", by="ana")
    night.until("47:59")
    assert [n.kind for n in night.notices] == ["not_resolved"]
    night.until("48:00")
    assert ("#payments", "sla_soon") in [(n.address, n.kind) for n in night.notices]
    night.say("acknowledge", by="ben")
    night.until("1:00:00")
    assert night.incident.sla_breached == ("resolve",)
    assert night.paged()[-1] == ("1:00:00", "erik")


def test_resolve_after_closes_what_is_not_repeated() -> None:
    text = PAYMENTS + "integrations:\n  tool: {kind: events-v2, key: abcdefghijklmnop, service: db, resolve_after: 30m}\n"
    night = Night(config_of(text))

    def push() -> None:
        alert = Alert(scope="tool", dedup_key="k", summary="s", integration="tool")
        night.happen(AlertSeen(alert, (int(night.now.timestamp() * 1000), 0)))

    push()
    night.say("acknowledge", by="ana")
    night.until("20:00")
    push()
    night.until("49:59")
    assert night.state is State.ACKNOWLEDGED
    night.until("50:00")
    assert (night.state, night.incident.resolved_by) == (State.RESOLVED, "pagerd")


def test_an_alert_after_a_resolve_pages_though_the_stores_clock_ran_back(night: Night) -> None:
    night.alert()
    night.until("9:00").say("resolve", by="ana")
    night.now = START + timedelta(minutes=2)
    night.alert()
    assert (night.state, night.incident.number) == (State.TRIGGERED, 2)


def test_a_tool_that_acknowledges_is_given_as_the_reason(night: Night) -> None:
    night.alert()
    night.alert(action="acknowledge")
    assert night.said("incident.acknowledged") == ["its alert was acknowledged"]
