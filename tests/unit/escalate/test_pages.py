"""A page that failed is not a page."""

from __future__ import annotations

from datetime import timedelta

from pager.model.event import Fault, PageAccepted, PageDelivered, PageFailed
from pager.model.incident import PageState
from tests.night import Night, accepts, config_of, delivers, is_busy, refuses, span
from tests.payments import PAYMENTS, with_policy


def start(provider: object, stages: str | None = None) -> Night:
    night = Night(config_of(with_policy(stages) if stages else PAYMENTS))
    night.provider = provider  # type: ignore[assignment]
    night.alert(service="mine" if stages else "plain")
    return night


def through(good: str) -> object:
    return lambda page: accepts(page) if page.provider == good else refuses(page, "20003 credentials", Fault.PROVIDER)


def test_a_refused_page_goes_to_the_next_provider_at_once() -> None:
    night = start(through("backup"))
    assert [(s.user, s.provider) for s in night.sent] == [("ana", "twilio"), ("ana", "backup")]
    assert night.until("4:59").paged() == [("0:00", "ana")]


def test_a_bad_address_is_not_tried_at_another_provider_but_on_the_next_rung() -> None:
    night = start(lambda page: refuses(page) if page.channel == "sms" else accepts(page), '[{notify: ["user:ana"], ack_timeout: 5m}]')
    assert [(s.channel, s.provider) for s in night.sent] == [("chat", "slack"), ("sms", "twilio"), ("voice", "twilio")]


def test_when_every_way_to_everybody_failed_the_next_stage_is_entered_at_once() -> None:
    night = start(lambda page: refuses(page) if page.user == "ana" else accepts(page))
    assert night.paged() == [("0:00", "ana"), ("0:00", "ben"), ("0:00", "dora")]


def test_when_all_fails_it_still_ends_at_the_catch_all_and_goes_on() -> None:
    night = start(refuses)
    assert night.sent[-1].user == "dora"
    night.provider = accepts
    night.until("10:00")
    assert night.paged()[-1] == ("10:00", "dora")


def test_an_undelivered_receipt_later_moves_on_at_once() -> None:
    night = start(accepts)
    night.until("1:00").happen(PageFailed(1, 1, "30005 unknown handset", Fault.ADDRESS))
    assert night.paged() == [("0:00", "ana"), ("1:00", "ben"), ("1:00", "dora")]


def test_an_unreachable_handset_is_tried_once_more_and_then_given_up() -> None:
    night = start(accepts)
    night.happen(PageFailed(1, 1, "30003 unreachable", Fault.AGAIN_ONCE))
    assert [(s.user, s.page.attempt) for s in night.sent] == [("ana", 1), ("ana", 2)]
    night.happen(PageFailed(1, 2, "30003 unreachable", Fault.AGAIN_ONCE))
    assert {s.user for s in night.sent} == {"ana", "ben", "dora"}


def test_a_yes_to_a_try_that_failed_meanwhile_is_not_one_to_the_next() -> None:
    night = start(lambda *_: None)
    night.happen(PageFailed(1, 1, "30003 unreachable", Fault.AGAIN_ONCE))
    night.happen(PageAccepted(1, 1, "twilio", "SM1"))
    page = night.incident.page(1)
    assert page is not None
    assert (page.state, page.attempt) == (PageState.QUEUED, 2)


def test_a_busy_provider_hands_over_to_the_other_at_once() -> None:
    night = start(lambda page: is_busy(page) if page.provider == "twilio" else accepts(page))
    assert [(s.provider) for s in night.sent] == ["twilio", "backup"]


def test_the_only_provider_is_tried_again_after_the_wait_it_asked_for() -> None:
    night = start(lambda page: is_busy(page), '[{notify: ["user:dora"], via: [voice], ack_timeout: 5m}]')
    night.provider = accepts
    night.until("0:02")
    assert [(s.user, s.page.attempt) for s in night.sent] == [("dora", 1), ("dora", 2)]


def test_a_provider_that_stays_busy_is_given_up_after_a_few_tries() -> None:
    night = start(
        is_busy, '[{notify: ["user:dora"], via: [voice], ack_timeout: 5m}, {notify: ["user:erik"], via: [chat, sms], ack_timeout: 5m}]'
    )
    night.until("0:30")
    assert [s.user for s in night.sent][:5] == ["dora"] * 4 + ["erik"]


def test_no_receipt_within_a_minute_tries_the_next_provider() -> None:
    night = start(lambda page: PageAccepted(page.seq, page.attempt, page.provider, "SM"))
    night.until("0:59")
    assert len(night.sent) == 1
    night.until("1:00")
    assert [s.provider for s in night.sent] == ["twilio", "backup"]
    assert night.until("4:59").incident.stage == 0
    assert night.until("5:00").incident.stage == 1


def test_a_delivered_page_is_left_alone() -> None:
    night = start(accepts)
    night.provider = delivers(night)
    night.until("6:00")
    assert all(s.provider == "twilio" for s in night.sent)


def test_a_receipt_faster_than_our_own_note_counts() -> None:
    night = start(lambda page: None)
    night.happen(PageDelivered(1))
    assert night.incident.pages[0].state is PageState.DELIVERED
    assert night.until("5:00").incident.stage == 1
    night.happen(PageAccepted(1, 1, "twilio", "SM1"))
    assert night.incident.pages[0].state is PageState.DELIVERED


def test_a_failure_faster_than_our_own_note_is_not_undone_by_it() -> None:
    night = start(lambda page: None)
    night.happen(PageFailed(1, 1, "30005", Fault.ADDRESS))
    night.happen(PageAccepted(1, 1, "twilio", "SM1"))
    assert night.incident.pages[0].state is PageState.FAILED


def test_repeated_and_late_receipts_change_nothing() -> None:
    night = start(accepts)
    night.happen(PageDelivered(1))
    before = night.snapshot
    for event in (PageDelivered(1), PageAccepted(1, 1, "twilio", "SM1")):
        assert night.happen(event).after.incident == before.incident


def test_a_failure_of_a_stage_that_is_over_pages_nobody() -> None:
    night = start(accepts)
    night.until("6:00")
    sent = len(night.sent)
    night.happen(PageFailed(1, 1, "30005", Fault.ADDRESS))
    assert len(night.sent) == sent


def test_a_chain_that_runs_for_days_keeps_its_record_small() -> None:
    night = start(accepts)
    night.until("200:00:00")
    assert len(night.sent) > 1000
    assert len(night.incident.pages) < 70


def test_a_late_page_remembers_when_it_was_due() -> None:
    night = start(accepts)
    night.stall_until("1:00:00")
    late = night.sent[-1].page
    assert late.due_at == night.start + span("5:00")


def test_two_busy_accounts_are_asked_once_each_however_long_the_night_was() -> None:
    night = Night(config_of(PAYMENTS))
    night.alert(service="plain")
    night.until("6:10:00")
    assert len(night.incident.pages) == 30, "as many as are kept"
    night.say("snooze", duration=timedelta(minutes=10))
    night.provider = is_busy
    night.stall_until("7:00:00")
    asked = [(e.at, e.what) for e in night.entries if e.event == "page.deferred"]
    assert asked
    assert len(asked) == len(set(asked))
