"""The chain of stages, in virtual time."""

from __future__ import annotations

import pytest

from pager.model.incident import Phase, State
from tests.night import Night, accepts, config_of, refuses, span
from tests.payments import PAYMENTS, with_policy


@pytest.fixture
def night() -> Night:
    return Night(config_of(PAYMENTS))


def mine(stages: str, extra: str = "", **alert: str) -> Night:
    night = Night(config_of(with_policy(stages, extra)))
    night.alert(service="mine", **alert)
    return night


def test_the_worked_example_unanswered_pages_at_0_5_and_20_minutes(night: Night) -> None:
    night.alert()
    night.until("29:59")
    assert night.pages() == [("0:00", "ana", "sms"), ("5:00", "ben", "sms"), ("5:00", "dora", "sms"), ("20:00", "erik", "sms")]


def test_the_worked_example_acknowledged_at_3_and_not_resolved_enters_stage_2_at_48(night: Night) -> None:
    night.alert()
    night.until("3:00").say("acknowledge", by="ana")
    night.until("47:59")
    assert night.paged() == [("0:00", "ana")]
    night.until("48:00")
    assert night.paged() == [("0:00", "ana"), ("48:00", "ben"), ("48:00", "dora")]
    assert night.state is State.TRIGGERED
    assert ("ana", "not_resolved") in [(n.user, n.kind) for n in night.notices]


def test_ack_timeout_and_service_level_due_together_enter_the_next_stage_once(night: Night) -> None:
    night.alert()
    night.until("5:00")
    assert night.incident.stage == 1
    assert len(night.said("stage.entered")) == 2
    assert night.incident.sla_breached == ("acknowledge",)


def test_the_last_stage_repeats_and_then_the_catch_all_goes_on_for_ever() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert(service="plain")
    night.until("1:10:00")
    assert night.paged()[3:] == [
        ("20:00", "erik"), ("30:00", "erik"), ("40:00", "erik"),
        ("50:00", "dora"), ("53:00", "dora"), ("1:00:00", "dora"), ("1:10:00", "dora"),
    ]  # fmt: skip
    assert night.incident.phase is Phase.CATCH_ALL


def test_a_policy_that_loops_makes_one_more_pass() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert(service="db", severity="info")
    night.until("30:00")
    assert night.paged() == [("0:00", "ana"), ("10:00", "ana"), ("20:00", "dora"), ("30:00", "dora")]


def test_low_urgency_keeps_the_low_ladder() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 2h}]', severity="info")
    night.until("1:30:00")
    assert night.pages() == [("0:00", "ana", "chat"), ("1:00:00", "ana", "email")]


def test_a_ladder_climbs_while_the_stage_lasts() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 5m}, {notify: ["user:erik"], ack_timeout: 5m}]')
    night.until("9:00")
    assert night.pages() == [("0:00", "ana", "chat"), ("0:00", "ana", "sms"), ("3:00", "ana", "voice"), ("5:00", "erik", "sms")]


def test_somebody_asked_again_does_not_start_from_the_first_rung() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 5m}, {notify: ["user:ana", "user:erik"], ack_timeout: 5m}]')
    night.until("5:00")
    assert ("5:00", "ana", "voice") in night.pages()
    assert ("5:00", "ana", "chat") not in night.pages()


def test_an_empty_schedule_passes_on_at_once_and_says_so() -> None:
    night = mine('[{notify: ["schedule:empty"], ack_timeout: 5m}, {notify: ["user:erik"], via: [sms], ack_timeout: 5m}]')
    assert night.paged() == [("0:00", "erik")]
    assert night.said("target.empty") == ["schedule:empty: nobody is on call"]
    assert [(n.kind, n.address) for n in night.notices] == [("nobody", "#payments")]


def test_a_person_without_an_address_is_passed_over_at_once() -> None:
    night = mine('[{notify: ["user:nomad"], via: [sms], ack_timeout: 5m}, {notify: ["user:erik"], via: [sms], ack_timeout: 5m}]')
    assert night.paged() == [("0:00", "erik")]
    assert night.said("page.impossible") == ["nomad has no address for sms"]


def test_a_policy_that_reaches_nobody_ends_at_the_catch_all_without_looping() -> None:
    night = mine('[{notify: ["schedule:empty"], ack_timeout: 5m}]', ", after_last: {loop: 5}")
    assert night.paged() == [("0:00", "dora")]
    assert night.said("policy.looped") == []
    assert night.incident.phase is Phase.CATCH_ALL


def test_a_catch_all_that_fails_is_tried_again_after_its_interval() -> None:
    night = Night(config_of(with_policy('[{notify: ["schedule:empty"], ack_timeout: 5m}]')))
    night.provider = refuses
    night.alert(service="mine")
    night.provider = accepts
    night.until("10:00")
    assert night.sent[-1].user == "dora"
    assert night.paged()[-1] == ("10:00", "dora")


def test_repeat_every_pages_again_inside_the_stage() -> None:
    night = mine('[{notify: ["user:erik"], via: [sms], ack_timeout: 5m, repeat_every: 2m}, {notify: ["user:ben"], via: [sms]}]')
    night.until("5:00")
    assert night.paged() == [("0:00", "erik"), ("2:00", "erik"), ("4:00", "erik"), ("5:00", "ben")]


def test_a_stage_that_does_not_apply_is_skipped_with_a_reason() -> None:
    night = mine(
        '[{notify: ["user:ana"], via: [sms], match: {severity: info}}, {notify: ["user:ben"], via: [sms], if: "severity == \'critical\'"}]'
    )
    assert night.paged() == [("0:00", "ben")]
    assert night.said("stage.skipped") == ["stage 1 does not apply"]


def test_a_condition_that_fails_pages_rather_than_not() -> None:
    night = mine('[{notify: ["user:ana"], via: [sms], if: "double(details[\'x\']) > 1.0"}]')
    assert night.paged() == [("0:00", "ana")]
    assert "entered all the same" in night.said("condition.failed")[0]


def test_a_stage_outside_its_hours_is_skipped() -> None:
    night = mine('[{notify: ["user:ana"], via: [sms], during: {from: "09:00", to: "17:00"}}, {notify: ["user:ben"], via: [sms]}]')
    assert night.paged() == [("0:00", "ben")]


def test_a_stage_that_waits_for_its_hours_pages_when_they_come() -> None:
    night = mine('[{notify: ["user:ana"], via: [sms], wait_for_hours: {from: "09:00", to: "17:00", timezone: UTC}}]')
    assert night.paged() == []
    assert night.incident.phase is Phase.HOURS
    night.until("8:00:00")
    assert night.paged() == [("8:00:00", "ana")]


def test_a_stage_whose_hours_never_come_is_passed_over_as_it_is_said() -> None:
    gone = '{notify: ["user:ana"], via: [sms], wait_for_hours: {from: "09:00", to: "17:00", to_date: 2020-01-01}}'
    night = mine(f'[{gone}, {{notify: ["user:ben"], via: [sms]}}]')
    assert night.said("stage.skipped") == ["stage 1: its hours never come"]
    assert night.paged() == [("0:00", "ben")]


def test_a_service_as_target_hands_over_to_its_policy() -> None:
    night = mine('[{notify: ["user:erik"], via: [sms], ack_timeout: 5m}, {notify: ["service:plain"]}]')
    night.until("10:00")
    assert night.paged() == [("0:00", "erik"), ("5:00", "ana"), ("10:00", "ben"), ("10:00", "dora")]
    assert night.incident.policy == "payments"


def test_policies_that_hand_over_in_a_circle_end_at_the_catch_all() -> None:
    night = mine('[{notify: ["service:mine"]}]')
    assert night.paged() == [("0:00", "dora")]


def test_after_a_stall_there_is_one_transition_timed_from_now() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert(service="plain")
    night.stall_until("3:00:00")
    assert night.paged() == [("0:00", "ana"), ("3:00:00", "ben"), ("3:00:00", "dora")]
    night.until("3:14:59")
    assert len(night.paged()) == 3
    night.until("3:15:00")
    assert night.paged()[-1] == ("3:15:00", "erik")
    assert night.sent[1].page.due_at == night.start + span("5:00")


def test_a_stage_cannot_time_out_before_its_first_page_was_accepted() -> None:
    night = Night(config_of(PAYMENTS))
    night.provider = lambda page: None
    night.alert()
    night.until("4:00:00")
    assert {s.user for s in night.sent} == {"ana"}
    assert night.incident.next_deadline is not None


def test_an_alert_without_service_goes_by_the_default_policy() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert(service="")
    assert night.incident.policy == "default"
    assert {s.user for s in night.sent} == {"ana"}


def test_an_open_incident_keeps_its_policy_and_asks_who_is_on_call_now() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert(service="plain")
    edited = PAYMENTS.replace('notify: ["schedule:secondary", "user:dora"]', 'notify: ["user:erik"]').replace(
        "users: [ben]", "users: [erik]"
    )
    night.rules = Night(config_of(edited)).rules
    night.until("5:00")
    assert night.paged()[1:] == [("5:00", "erik"), ("5:00", "dora")], "stage 2 as it was, with whoever is on call in its schedule now"
    fresh = Night(config_of(edited))
    fresh.alert(service="plain")
    assert fresh.until("5:00").paged()[1:] == [("5:00", "erik")]


def test_every_state_change_and_every_page_has_its_line_in_the_timeline() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert(service="plain")
    night.until("5:00").say("acknowledge", by="ben")
    night.say("resolve", by="ben")
    events = [(e.event, bool(e.what or e.who != "pagerd")) for e in night.entries]
    assert [name for name, _ in events] == [
        "incident.opened", "stage.entered", "page.queued", "page.accepted",
        "stage.entered", "page.queued", "page.queued", "page.accepted", "page.accepted",
        "incident.acknowledged", "incident.resolved",
    ]  # fmt: skip
    assert all(reason for _, reason in events)
    assert [e.origin for e in night.entries if e.event == "stage.entered"] == ["pagerd.yaml:30:9", "pagerd.yaml:31:9"]
