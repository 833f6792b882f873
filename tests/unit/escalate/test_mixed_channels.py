"""Nights over chat, SMS, voice and email at once, through several providers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta

import pytest

from pager.decide import Rules
from pager.model.event import Event, Fault, PageAccepted, PageDeferred, PageFailed, Reply, ReplyAction
from pager.model.incident import DeadlineKind, Page, PageState, Phase, State
from pager.notify.plan import Providers
from tests.night import CARRIED, Night, accepts, config_of, refuses
from tests.payments import PAYMENTS, with_policy

EVERY = ("chat", "sms", "email")
ADDRESSES = 'chat: "slack:U0ANA", email: ana@example.com}'
LADDER = """, ladder: {
    high: [{after: 0s, via: [chat]}, {after: 2m, via: [sms]}, {after: 5m, via: [voice]}, {after: 9m, via: [email]}],
    low: [{after: 0s, via: [email]}, {after: 2h, via: [chat]}]}"""

CHAT_ONLY = ", ladder: {high: [{after: 0s, via: [chat]}]}"

Provider = Callable[[Page], Event | None]


def mine(stages: str, provider: Provider = accepts, ladder: str = "", **alert: str) -> Night:
    """With `ladder`, Ana has one of her own; the others keep to the installation's."""
    night = Night(config_of(with_policy(stages).replace(ADDRESSES, ADDRESSES + ladder)))
    night.provider = provider
    night.alert(service="mine", **alert)
    return night


def fails(*which: str, fault: Fault = Fault.ADDRESS) -> Provider:
    """Channels, providers or people that don't work tonight."""
    return lambda page: refuses(page, "refused", fault) if {page.channel, page.provider, page.user} & set(which) else accepts(page)


def busy_in(channel: str, times: int = 99, seconds: int = 30) -> Provider:
    left = times

    def provider(page: Page) -> Event:
        nonlocal left
        if page.channel != channel or left == 0:
            return accepts(page)
        left -= 1
        return PageDeferred(page.seq, page.attempt, timedelta(seconds=seconds), "429 ratelimited")

    return provider


def ways(night: Night) -> list[tuple[str, str, str, str]]:
    """(clock, user, channel, provider) of each page sent."""
    return [(clock, user, channel, sent.provider) for (clock, user, channel), sent in zip(night.pages(), night.sent, strict=True)]


def told(night: Night, kind: str) -> set[tuple[str, str]]:
    return {(n.user, n.channel) for n in night.notices if n.kind == kind}


# --- ladders ------------------------------------------------------------------------------------------------------------------------------
def test_a_persons_own_ladder_climbs_from_chat_to_sms_to_a_call_to_email() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 10m}, {notify: ["user:erik"], via: [sms]}]', ladder=LADDER)
    night.until("9:59")
    assert night.pages() == [("0:00", "ana", "chat"), ("2:00", "ana", "sms"), ("5:00", "ana", "voice"), ("9:00", "ana", "email")]
    assert night.until("10:00").pages()[-1] == ("10:00", "erik", "sms")


def test_the_ladder_runs_from_the_first_accepted_page_not_from_the_first_try() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 10m}]', busy_in("chat", times=2, seconds=3), LADDER)
    night.until("6:00")
    assert night.pages()[2:] == [("0:06", "ana", "chat"), ("2:06", "ana", "sms"), ("5:06", "ana", "voice")]


def test_each_person_has_a_ladder_of_their_own() -> None:
    night = mine('[{notify: ["user:ana", "user:ben"], ack_timeout: 10m}]', ladder=LADDER)
    night.until("9:00")
    assert [(c, ch) for c, user, ch in night.pages() if user == "ana"] == [
        ("0:00", "chat"),
        ("2:00", "sms"),
        ("5:00", "voice"),
        ("9:00", "email"),
    ]
    assert [(c, ch) for c, user, ch in night.pages() if user == "ben"] == [("0:00", "chat"), ("0:00", "sms")]


def test_low_urgency_takes_the_low_ladder_and_no_phone_rings() -> None:
    night = mine('[{notify: ["user:ana", "user:ben"], ack_timeout: 3h}]', ladder=LADDER, severity="warning")
    night.until("2:59:59")
    assert night.pages() == [("0:00", "ana", "email"), ("0:00", "ben", "chat"), ("1:00:00", "ben", "email"), ("2:00:00", "ana", "chat")]


def test_a_stage_that_repeats_does_not_start_the_ladders_time_again() -> None:
    """The call is due three minutes after the first page, however often the stage is paged until then."""
    night = mine('[{notify: ["user:ana"], ack_timeout: 2m, on_timeout: repeat, repeat_limit: 3}, {notify: ["user:erik"], via: [sms]}]')
    night.until("4:00")
    assert ("3:00", "ana", "voice") in night.pages()


def test_a_rung_reached_early_brings_the_next_one_forward() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 10m}]', fails("chat"), LADDER)
    night.until("9:00")
    assert night.pages() == [("0:00", "ana", "chat"), ("0:00", "ana", "sms"), ("3:00", "ana", "voice"), ("7:00", "ana", "email")]


def test_a_rung_without_an_answer_goes_to_the_next_rung_and_never_to_the_next_stage_before_its_time() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 20m}, {notify: ["user:erik"], via: [sms]}]', ladder=LADDER)
    night.until("19:59")
    assert {user for _, user, _ in night.pages()} == {"ana"}
    assert night.incident.stage == 0
    assert night.until("20:00").pages()[-1] == ("20:00", "erik", "sms")


def test_the_catch_all_too_keeps_to_the_low_ladder_at_low_urgency() -> None:
    night = Night(config_of(PAYMENTS.replace('catch_all: {notify: ["user:dora"]', 'catch_all: {notify: ["user:ben"]')))
    night.alert(service="plain", severity="info")
    night.until("1:00:00")
    assert night.incident.phase is Phase.CATCH_ALL
    assert {channel for clock, user, channel in night.pages() if clock == "50:00"} == {"chat"}


# --- several channels at once -------------------------------------------------------------------------------------------------------------
def test_via_several_channels_pages_over_all_of_them_at_once() -> None:
    night = mine('[{notify: ["user:ana"], via: [chat, sms, email], ack_timeout: 5m}]')
    assert ways(night) == [("0:00", "ana", "chat", "slack"), ("0:00", "ana", "sms", "twilio"), ("0:00", "ana", "email", "email")]


@pytest.mark.parametrize("via", ["sms", "chat", "email", "voice"])
def test_an_ack_over_any_channel_stops_all_the_others_at_once(via: str) -> None:
    night = mine(
        '[{notify: ["user:ana", "user:ben"], ack_timeout: 5m, resolve_timeout: 1h}, {notify: ["user:erik"], via: [sms]}]', ladder=LADDER
    )
    sent = len(night.sent)
    night.until("1:00").happen(Reply(action=ReplyAction.ACKNOWLEDGE, by="ana", via=via, page=1))
    night.until("59:59")
    assert len(night.sent) == sent
    assert night.incident.runs == ()


def test_an_ack_in_chat_takes_back_the_sms_and_the_email_that_still_wait() -> None:
    night = mine(
        '[{notify: ["user:ana"], via: [chat, sms, email], ack_timeout: 5m}]', lambda page: accepts(page) if page.channel == "chat" else None
    )
    assert [p.state for p in night.incident.pages] == [PageState.ACCEPTED, PageState.QUEUED, PageState.QUEUED]
    night.say("acknowledge", by="ana", page=1)
    assert [p.state for p in night.incident.pages] == [PageState.ACCEPTED, PageState.WITHDRAWN, PageState.WITHDRAWN]


def test_an_ack_takes_back_a_page_that_waits_for_its_next_try() -> None:
    night = mine('[{notify: ["user:ana"], via: [chat, sms], ack_timeout: 5m}]', busy_in("chat"))
    night.say("acknowledge", by="ana")
    night.until("4:00")
    assert night.pages() == [("0:00", "ana", "chat"), ("0:00", "ana", "sms")]


def test_whoever_was_paged_hears_of_the_ack_over_the_channel_that_reached_them() -> None:
    stages = '[{notify: ["user:ana"], via: [email], ack_timeout: 5m}, {notify: ["user:ben"], via: [chat], ack_timeout: 5m}, {notify: ["user:erik"], via: [sms]}]'
    night = mine(stages)
    night.until("10:00").say("acknowledge", by="erik")
    assert told(night, "acknowledged") == {("ana", "email"), ("ben", "chat")}
    assert {n.providers for n in night.notices} == {("email",), ("slack",)}
    night.say("resolve", by="erik")
    assert told(night, "resolved") == {("ana", "email"), ("ben", "chat")}


def test_nobody_is_told_over_a_channel_whose_page_failed_while_another_reached_them() -> None:
    night = mine('[{notify: ["user:ana", "user:ben"], via: [chat, sms], ack_timeout: 5m}]', fails("sms"))
    night.say("acknowledge", by="ben")
    assert told(night, "acknowledged") == {("ana", "chat")}


def test_an_sms_that_turns_out_undelivered_leaves_the_chat_as_the_way_to_tell() -> None:
    night = mine('[{notify: ["user:ana", "user:ben"], via: [chat, sms], ack_timeout: 5m}]')
    lost = next(p for p in night.incident.pages if (p.user, p.channel) == ("ana", "sms"))
    night.until("0:10").happen(PageFailed(lost.seq, 1, "30005 unknown handset", Fault.ADDRESS))
    ana = next(p for p in night.incident.paged if p.user == "ana")
    assert (ana.channel, ana.result) == ("chat", ""), "what failed is not what she has"
    night.say("acknowledge", by="ben")
    assert told(night, "acknowledged") == {("ana", "chat")}


def test_whom_no_page_reached_is_not_told_that_they_are_not_needed() -> None:
    night = mine('[{notify: ["user:ana"], via: [chat, sms, email], ack_timeout: 5m}, {notify: ["user:erik"], via: [sms]}]', fails("ana"))
    night.say("acknowledge", by="erik")
    assert night.notices == []


# --- a page that failed is not a page -----------------------------------------------------------------------------------------------------
def test_a_refused_chat_goes_on_to_the_next_rung_at_once() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 10m}]', fails("chat"), LADDER)
    assert night.pages() == [("0:00", "ana", "chat"), ("0:00", "ana", "sms")]


def test_rungs_are_gone_through_at_once_until_one_works() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 10m}]', fails("chat", "sms", "voice"), LADDER)
    assert [channel for _, _, channel in night.pages()] == ["chat", "sms", "voice", "email"]
    assert night.incident.stage == 0
    assert night.until("9:59").incident.stage == 0


def test_a_broken_account_hands_over_to_the_other_and_both_broken_to_the_next_channel() -> None:
    one = mine('[{notify: ["user:ana"], via: [sms], ack_timeout: 5m}]', fails("twilio", fault=Fault.PROVIDER))
    assert ways(one) == [("0:00", "ana", "sms", "twilio"), ("0:00", "ana", "sms", "backup")]
    both = mine('[{notify: ["user:ana"], ack_timeout: 10m}]', fails("chat", "twilio", "backup", fault=Fault.PROVIDER), LADDER)
    assert [(channel, provider) for _, _, channel, provider in ways(both)] == [
        ("chat", "slack"), ("sms", "twilio"), ("sms", "backup"), ("voice", "twilio"), ("email", "email"),
    ]  # fmt: skip


def test_a_page_again_inside_the_stage_may_go_through_an_account_that_carried_an_earlier_one() -> None:
    stages = '[{notify: ["user:erik"], via: [sms], ack_timeout: 10m, repeat_every: 2m}, {notify: ["user:ben"], via: [sms]}]'
    night = mine(stages, fails("twilio", fault=Fault.PROVIDER))
    night.until("4:00")
    assert [(clock, provider) for clock, _, _, provider in ways(night)] == [
        (clock, provider) for clock in ("0:00", "2:00", "4:00") for provider in ("twilio", "backup")
    ]  # fmt: skip
    assert night.incident.stage == 0


def test_an_undelivered_sms_while_the_chat_is_silent_tries_the_next_rung_at_once() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 5m}]')
    lost = next(p for p in night.incident.pages if p.channel == "sms")
    night.until("0:20").happen(PageFailed(lost.seq, 1, "30006 landline", Fault.ADDRESS))
    assert night.pages()[-1] == ("0:20", "ana", "voice")
    assert night.until("4:59").incident.stage == 0


def test_a_bounced_email_of_the_only_person_enters_the_next_stage_at_once() -> None:
    night = mine('[{notify: ["user:ana"], via: [email], ack_timeout: 15m}, {notify: ["user:erik"], via: [sms]}]')
    night.until("0:30").happen(PageFailed(1, 1, "550 no such mailbox", Fault.ADDRESS))
    assert night.pages()[-1] == ("0:30", "erik", "sms")


@pytest.mark.parametrize("order", [("chat", "sms", "email"), ("email", "chat", "sms"), ("sms", "email", "chat")])
def test_the_last_of_three_channels_to_fail_enters_the_next_stage_whatever_their_order(order: tuple[str, ...]) -> None:
    night = mine('[{notify: ["user:ana"], via: [chat, sms, email], ack_timeout: 15m}, {notify: ["user:erik"], via: [sms]}]')
    seqs = {p.channel: p.seq for p in night.incident.pages}
    for k, channel in enumerate(order):
        assert night.incident.stage == 0
        night.until(f"0:{10 + k}").happen(PageFailed(seqs[channel], 1, "undelivered", Fault.ADDRESS))
    assert night.pages()[-1] == ("0:12", "erik", "sms")


def test_three_channels_failing_at_once_still_end_at_a_human() -> None:
    stages = '[{notify: ["user:ana"], via: [chat, sms, email], ack_timeout: 15m}, {notify: ["user:ben"], ack_timeout: 5m}]'
    night = mine(stages, fails("ana", "ben"))
    assert night.pages()[3:] == [("0:00", "ben", "chat"), ("0:00", "ben", "sms"), ("0:00", "dora", "sms")]
    assert night.incident.phase is Phase.CATCH_ALL


def test_one_person_who_can_be_reached_keeps_the_stage() -> None:
    night = mine(
        '[{notify: ["user:ana", "user:ben"], via: [chat, sms, email], ack_timeout: 5m}, {notify: ["user:erik"], via: [sms]}]', fails("ana")
    )
    night.until("4:59")
    assert night.incident.stage == 0
    assert night.said("person.unreachable") == ["ana: every way failed"]
    assert night.until("5:00").pages()[-1] == ("5:00", "erik", "sms")


def test_a_dead_chat_and_a_dead_sms_account_do_not_pass_over_whoever_email_reached() -> None:
    night = mine(
        '[{notify: ["user:ana"], via: [chat, sms, email], ack_timeout: 5m}, {notify: ["user:erik"], via: [sms]}]', fails("chat", "sms")
    )
    assert night.until("4:59").incident.stage == 0
    assert night.until("5:00").incident.stage == 1


# --- no way at all ------------------------------------------------------------------------------------------------------------------------
def test_a_person_without_an_address_for_a_channel_is_paged_over_the_others() -> None:
    night = mine('[{notify: ["user:erik"], via: [chat, sms, email], ack_timeout: 5m}]')
    assert night.pages() == [("0:00", "erik", "sms")]
    assert night.said("page.impossible") == ["erik has no address for chat", "erik has no address for email"]


def test_a_rung_without_any_address_is_passed_over_at_once() -> None:
    night = mine('[{notify: ["user:dora"], ack_timeout: 3h}]', severity="info")  # chat, then email: dora has neither
    assert night.incident.phase is Phase.CATCH_ALL
    assert night.pages()[0] == ("0:00", "dora", "sms"), "the catch-all takes every way there is"


@pytest.mark.parametrize("gone", ["chat", "sms", "email"])
def test_a_channel_that_nobody_carries_is_said_and_passed_over(gone: str) -> None:
    night = Night(config_of(with_policy('[{notify: ["user:ana"], via: [chat, sms, email], ack_timeout: 5m}]')))
    night.rules = without(night, gone)
    night.alert(service="mine")
    assert [channel for _, _, channel in night.pages()] == [channel for channel in EVERY if channel != gone]
    assert night.said("page.impossible") == [f"ana by {gone}: no provider carries it"]


def test_with_no_channel_left_it_ends_at_the_catch_all_and_says_that_nobody_is_paged() -> None:
    night = Night(config_of(PAYMENTS))
    night.rules = without(night, "chat", "sms", "email", "voice")
    night.alert(service="plain")
    assert night.pages() == []
    assert night.said("catch_all.nobody")
    assert night.incident.next_deadline is not None, "it is tried again"


def without(night: Night, *gone: str) -> Rules:
    carried: dict[str, Collection[str]] = {channel: kinds for channel, kinds in CARRIED.items() if channel not in gone}
    return Rules(night.rules.config, Providers.of(night.rules.config, carried))


# --- a busy chat --------------------------------------------------------------------------------------------------------------------------
def test_a_busy_chat_is_tried_again_after_its_wait_and_does_not_hold_up_the_sms() -> None:
    night = mine('[{notify: ["user:ana"], via: [chat, sms], ack_timeout: 5m}]', busy_in("chat", times=2))
    assert night.pages() == [("0:00", "ana", "chat"), ("0:00", "ana", "sms")]
    assert night.until("0:29").pages() == night.pages()[:2]
    night.until("4:00")
    assert night.pages()[2:] == [("0:30", "ana", "chat"), ("1:00", "ana", "chat")]
    assert [s.page.attempt for s in night.sent if s.channel == "chat"] == [1, 2, 3]


def test_a_chat_that_stays_busy_fails_and_the_next_rung_does_not_wait_for_its_time() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 10m}]', busy_in("chat"))
    night.until("2:00")
    assert night.pages() == [
        ("0:00", "ana", "chat"), ("0:00", "ana", "sms"), ("0:30", "ana", "chat"), ("1:00", "ana", "chat"), ("1:30", "ana", "chat"),
        ("1:30", "ana", "voice"),
    ]  # fmt: skip
    assert night.incident.stage == 0


def test_a_chat_that_asks_for_long_is_not_waited_for_alone() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 10m}]', busy_in("chat", times=1), LADDER)
    assert night.until("0:30").pages() == [("0:00", "ana", "chat"), ("0:00", "ana", "sms"), ("0:30", "ana", "chat")]
    assert night.incident.stage == 0


def test_nor_is_one_that_asks_for_a_little_again_and_again() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 10m}]', busy_in("chat", seconds=5), LADDER)
    assert night.until("0:06").pages() == [("0:00", "ana", "chat"), ("0:05", "ana", "chat"), ("0:05", "ana", "sms")]


def test_where_the_only_way_asks_for_long_the_next_stage_is_entered_at_once() -> None:
    night = mine('[{notify: ["user:ana"], via: [chat], ack_timeout: 10m}, {notify: ["user:erik"], via: [sms]}]', busy_in("chat"))
    assert night.pages() == [("0:00", "ana", "chat"), ("0:00", "erik", "sms")]


def test_where_another_of_the_stage_is_reached_its_time_is_kept() -> None:
    night = mine('[{notify: ["user:ana", "user:dora"], ack_timeout: 10m}, {notify: ["user:erik"], via: [sms]}]', busy_in("chat"), CHAT_ONLY)
    assert night.until("9:59").incident.stage == 0
    assert ("0:30", "ana", "chat") in night.pages()


def test_the_stage_is_timed_by_the_sms_while_the_chat_still_waits() -> None:
    night = mine('[{notify: ["user:ana"], via: [chat, sms], ack_timeout: 1m}, {notify: ["user:erik"], via: [sms]}]', busy_in("chat"))
    assert night.until("1:00").pages()[-1] == ("1:00", "erik", "sms")
    sent = len(night.sent)
    night.until("4:59")
    assert [s for s in night.sent[sent:] if s.channel == "chat"] == [], "the chat of a stage that is over is not tried again"


def test_a_chat_accepted_after_the_ack_is_remembered_so_that_its_buttons_can_be_replaced() -> None:
    night = mine(
        '[{notify: ["user:ana"], via: [chat, sms], ack_timeout: 5m}]', lambda page: accepts(page) if page.channel == "sms" else None
    )
    night.say("acknowledge", by="ana")
    night.happen(PageAccepted(1, 1, "slack", "D1:1.0", expects_receipt=False))
    assert (night.incident.pages[0].receipt, night.incident.is_shown) == ("D1:1.0", True)
    assert night.state is State.ACKNOWLEDGED
    assert {d.kind for d in night.incident.deadlines} == {DeadlineKind.ACK_EXPIRES}
