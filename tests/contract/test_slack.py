"""Pages and boards in Slack by its own SDK, against a server that refuses, stalls and loses answers as Slack does."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from pager.channels.slack import SCOPES, Slack, from_provider
from pager.channels.slack_blocks import blocks_of, plain
from pager.model.alert import Link, Severity
from pager.model.event import Fault, ReplyAction
from pager.model.incident import State
from pager.model.settings import Provider
from pager.notify.card import Card, Fact
from pager.ports import GiveUp, Message, SendResult, Sent, TryAgain
from tests.fakes.slack_fake import SlackFake, check_blocks

ACTIONS = (ReplyAction.ACKNOWLEDGE, ReplyAction.RESOLVE, ReplyAction.ESCALATE, ReplyAction.SNOOZE)
CARD = Card(
    number=42, title="#42 CRITICAL db: disk full", state=State.TRIGGERED, severity=Severity.CRITICAL, facts=(Fact("Source", "db1"),),
    lines=("SLA: 4m left to acknowledge.",), links=(Link("https://runbooks.example.com/db", "Runbook"),), actions=ACTIONS, page=1
)  # fmt: skip
PAGE = Message(address="slack:U0ALICE", text="#42 CRITICAL db: disk full", id="42-1", code="7K3M", card=CARD)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
HASTY = timedelta(seconds=0.5)
TOO_LONG = 2  # seconds


@pytest.fixture
async def slack() -> AsyncIterator[SlackFake]:
    async with SlackFake() as fake:
        yield fake


@pytest.fixture
async def channel(slack: SlackFake) -> AsyncIterator[Slack]:
    channel = Slack("slack", slack.bot_token, api_url=slack.base_url, timeout=HASTY)
    yield channel
    await channel.close()


def there(slack: SlackFake) -> list[dict[str, Any]]:
    return list(slack.messages.values())


def calls(slack: SlackFake, method: str) -> int:
    return sum(r["method"] == method for r in slack.requests)


# --- a page -------------------------------------------------------------------------------------------------------------------------------
async def test_a_page_is_a_direct_message_with_four_buttons(channel: Slack, slack: SlackFake) -> None:
    sent = await channel.send(PAGE)
    assert isinstance(sent, Sent)
    assert (sent.found, sent.expects_receipt) == (False, False)
    [message] = there(slack)
    buttons = [e["text"]["text"] for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]
    assert [text.split()[0] for text in buttons] == ["Acknowledge", "Resolve", "Escalate", "Snooze"]
    assert message["text"] == PAGE.text


async def test_a_persons_conversation_is_opened_once(channel: Slack, slack: SlackFake) -> None:
    for n in range(3):
        assert isinstance(await channel.send(Message(address="slack:U0ALICE", text=str(n), id=f"42-{n}", code="7K3M")), Sent)
    assert (calls(slack, "conversations.open"), len(there(slack))) == (1, 3)


async def test_a_storm_opens_a_persons_conversation_once(channel: Slack, slack: SlackFake) -> None:
    pages = [replace(PAGE, id=f"{n}-1") for n in range(20)]
    assert {type(result) for result in await asyncio.gather(*map(channel.send, pages))} == {Sent}
    assert (calls(slack, "conversations.open"), len(there(slack))) == (1, 20)


async def test_a_conversation_that_is_slow_to_open_holds_up_no_other_person_and_nobody_for_long(channel: Slack, slack: SlackFake) -> None:
    slack.fault("conversations.open", hang=TOO_LONG)
    began = time.monotonic()
    to_ana = [asyncio.ensure_future(channel.send(replace(PAGE, id=f"{n}-1"))) for n in range(3)]
    await asyncio.sleep(0.02)
    assert isinstance(await channel.send(replace(PAGE, address="slack:U0BOB")), Sent)
    assert not any(page.done() for page in to_ana)
    await asyncio.gather(*to_ana)
    assert time.monotonic() - began < HASTY.total_seconds() + 0.5
    assert isinstance(to_ana[0].result(), TryAgain)
    assert isinstance(await channel.send(PAGE), Sent)


# what the server does, what is answered, and how many messages are there then
FAULTS: dict[str, tuple[dict[str, Any], Callable[[SendResult], bool], int]] = {
    "too many at once": ({"status": 429, "retry_after": 7}, lambda r: isinstance(r, TryAgain) and r.after == timedelta(seconds=7), 0),
    "a 500": ({"status": 500}, lambda r: isinstance(r, TryAgain), 0),
    "a 500 that was carried out": ({"status": 500, "accepted": True}, lambda r: isinstance(r, Sent) and r.found, 1),
    "a 503": ({"status": 503}, lambda r: isinstance(r, TryAgain), 0),
    "a 401": ({"status": 401}, lambda r: isinstance(r, GiveUp) and r.fault is Fault.PROVIDER, 0),
    "no such channel": ({"error": "channel_not_found"}, lambda r: isinstance(r, GiveUp) and r.fault is Fault.ADDRESS, 0),
    "archived": ({"error": "is_archived"}, lambda r: isinstance(r, GiveUp) and r.fault is Fault.ADDRESS, 0),
    "a token taken back": ({"error": "token_revoked"}, lambda r: isinstance(r, GiveUp) and r.fault is Fault.PROVIDER, 0),
    "an error without a cause": ({"error": "internal_error"}, lambda r: isinstance(r, TryAgain), 0),
    "a hang": ({"hang": TOO_LONG}, lambda r: isinstance(r, TryAgain), 0),
    "a hang that was carried out": ({"hang": TOO_LONG, "accepted": True}, lambda r: isinstance(r, Sent) and r.found, 1),
    "a cut line": ({"drop": True}, lambda r: isinstance(r, TryAgain), 0),
    "a cut line after it was carried out": ({"drop": True, "accepted": True}, lambda r: isinstance(r, Sent) and r.found, 1),
    "a page of some proxy": ({"garbage": True}, lambda r: isinstance(r, TryAgain), 0),
    "that page after it was carried out": ({"garbage": True, "accepted": True}, lambda r: isinstance(r, Sent) and r.found, 1),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("what", ["page", "post", "reply"])
async def test_whatever_slack_does_is_one_message_at_most_and_a_clear_answer(
    channel: Slack, slack: SlackFake, fault: str, what: str
) -> None:
    script, is_right, count = FAULTS[fault]
    if what == "page" and fault != "no such channel":  # of a conversation that is known that is no last word: it is opened anew
        await channel._places.to_post(_person())  # the conversation is open already
    parent = await channel.post("C0OPS", CARD, "parent", "p") if what == "reply" else None
    before = len(there(slack))
    slack.fault("chat.postMessage", **script)

    async def do() -> SendResult:
        match what:
            case "page":
                return await channel.send(PAGE)
            case "post":
                return await channel.post("C0OPS", CARD, "#42", "42:C0OPS")
            case _:
                assert isinstance(parent, Sent)
                return await channel.reply(parent.receipt, "acknowledged", "42:1")

    began = time.monotonic()
    result = await do()
    assert time.monotonic() - began < HASTY.total_seconds() + 1.5
    assert is_right(result), result
    assert len(there(slack)) - before == count
    assert calls(slack, "chat.postMessage") == 1 + (what == "reply")
    assert slack.bot_token not in repr(result)
    if isinstance(result, TryAgain):  # what was not done is done the second time, once
        assert isinstance(await do(), Sent)
        assert len(there(slack)) - before == 1


def _person() -> Any:
    from pager.channels.slack_places import place

    found = place("slack:U0ALICE")
    assert found is not None
    return found


@pytest.mark.parametrize("address", ["", "U0ALICE", "ana", "slack:ana", "slack:", "#", "@ana", "slack:U0ALICE ", "+14155550100"])
async def test_what_is_no_address_is_said_without_asking_slack(channel: Slack, slack: SlackFake, address: str) -> None:
    result = await channel.send(Message(address=address, text="x", id="42-1", code="7K3M"))
    assert isinstance(result, GiveUp)
    assert result.fault is Fault.ADDRESS
    assert slack.requests == []


async def test_channels_that_are_closed_to_us_say_what_to_do(channel: Slack, slack: SlackFake) -> None:
    for address, words in (("C0ELSE", "/invite"), ("C0OLD", "archived"), ("#nowhere", "/invite")):
        result = await channel.post(address, CARD, "#42", "k")
        assert isinstance(result, GiveUp), address
        assert words in result.why


async def test_a_conversation_that_is_another_by_now_is_opened_anew(channel: Slack, slack: SlackFake) -> None:
    assert isinstance(await channel.send(PAGE), Sent)
    slack.fault("chat.postMessage", error="channel_not_found")
    again = Message(address="slack:U0ALICE", text="again", id="42-2", code="8Q2P")
    assert isinstance(await channel.send(again), TryAgain)
    assert isinstance(await channel.send(again), Sent)
    assert calls(slack, "conversations.open") == 2


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_blocks_too_long"])
async def test_a_page_outranks_its_looks(channel: Slack, slack: SlackFake, error: str) -> None:
    slack.fault("chat.postMessage", error=error)
    assert isinstance(await channel.send(PAGE), Sent)
    [message] = there(slack)
    assert "blocks" not in message
    assert message["text"] == PAGE.text


# --- a board ------------------------------------------------------------------------------------------------------------------------------
async def test_a_message_is_updated_in_place_and_its_thread_stays_below_it(channel: Slack, slack: SlackFake) -> None:
    posted = await channel.post("#ops", CARD, "#42", "42:#ops")
    assert isinstance(posted, Sent)
    assert isinstance(await channel.reply(posted.receipt, "paged ana", "42:0"), Sent)
    resolved = Card(number=42, title="#42", state=State.RESOLVED, severity=Severity.CRITICAL)
    assert isinstance(await channel.update(posted.receipt, resolved, "#42 (resolved)"), Sent)
    message, below = there(slack)
    assert message["text"] == "#42 (resolved)"
    assert not any(b["type"] == "actions" for b in message["blocks"])
    assert below["thread_ts"] == message["ts"]


async def test_what_was_posted_is_found_by_its_key_and_nothing_else_is(channel: Slack) -> None:
    posted = await channel.post("#ops", CARD, "#42", "42:#ops")
    assert isinstance(posted, Sent)
    below = await channel.reply(posted.receipt, "paged ana", "42:0")
    assert await channel.find_post("#ops", "42:#ops", LONG_AGO) == Sent(posted.receipt, expects_receipt=False, found=True)
    assert await channel.find_post("#ops", "43:#ops", LONG_AGO) is None
    assert await channel.find_post("#ops", "42:#ops", datetime.now(UTC) + timedelta(hours=1)) is None
    found = await channel.find_reply(posted.receipt, "42:0")
    assert isinstance(below, Sent)
    assert found is not None
    assert found.receipt == below.receipt
    assert await channel.find_reply(posted.receipt, "42:1") is None


@pytest.mark.parametrize("script", [{"status": 500}, {"hang": TOO_LONG}, {"garbage": True}, {"error": "missing_scope"}], ids=str)
async def test_what_can_not_be_looked_up_is_not_found(channel: Slack, slack: SlackFake, script: dict[str, Any]) -> None:
    assert isinstance(await channel.send(PAGE), Sent)
    slack.fault("conversations.history", **script)
    assert await channel.find(PAGE, LONG_AGO) is None
    assert await channel.find(PAGE, LONG_AGO) is not None


async def test_a_message_that_somebody_deleted_is_not_asked_for_again(channel: Slack, slack: SlackFake) -> None:
    posted = await channel.post("#ops", CARD, "#42", "k")
    assert isinstance(posted, Sent)
    slack.messages.clear()
    assert isinstance(await channel.update(posted.receipt, CARD, "#42"), GiveUp)
    assert isinstance(await channel.reply(posted.receipt, "x", "k"), GiveUp)
    for receipt in ("", "C0OPS", "C0OPS:", "nothing:1.2"):
        assert isinstance(await channel.update(receipt, CARD, "#42"), GiveUp)


async def test_one_slow_answer_holds_up_no_other_page(slack: SlackFake) -> None:
    channel = Slack("slack", slack.bot_token, api_url=slack.base_url)
    await channel._places.to_post(_person())
    slack.fault("chat.postMessage", hang=0.9)
    began = time.monotonic()
    others = [Message(address="slack:U0ALICE", text=str(n), id=f"42-{n}", code="7K3M") for n in range(20)]
    slow = asyncio.ensure_future(channel.send(PAGE))
    await asyncio.sleep(0)
    assert all(isinstance(r, Sent) for r in await asyncio.gather(*map(channel.send, others)))
    assert time.monotonic() - began < 0.9
    assert not slow.done()
    await slow
    await channel.close()


# --- credentials --------------------------------------------------------------------------------------------------------------------------
async def test_credentials_that_work_have_nothing_to_report(channel: Slack) -> None:
    assert await channel.check() is None


async def test_a_bad_token_says_where_the_right_one_is_and_is_not_repeated(slack: SlackFake) -> None:
    channel = Slack("slack", "xoxb-wrong-secret", api_url=slack.base_url, timeout=HASTY)
    wrong, result = await channel.check(), await channel.send(PAGE)
    await channel.close()
    assert "Bot User OAuth Token" in str(wrong)
    assert isinstance(result, GiveUp)
    assert result.fault is Fault.PROVIDER
    assert "xoxb-wrong-secret" not in f"{wrong}{result}{channel!r}"


async def test_nobody_there_is_said(slack: SlackFake) -> None:
    channel = Slack("slack", "xoxb", api_url="http://127.0.0.1:1/api/", timeout=HASTY)
    assert "check api_url and the network" in str(await channel.check())
    assert isinstance(await channel.send(PAGE), TryAgain)
    await channel.close()


def test_every_scope_is_asked_for_once() -> None:
    assert len(set(SCOPES)) == len(SCOPES)


# --- what it says -------------------------------------------------------------------------------------------------------------------------
HOSTILE = st.text(max_size=200) | st.sampled_from(
    [
        "<!channel>",
        "<@U0ALICE>",
        "&lt;!here&gt;",
        "*bold* _it_ `x`",
        "\x00\x1b[31m\u202e",
        "a" * 5000,
        "🔥" * 3000,
        "\ud83d",
        "https://x.example.com|y>",
    ]
)
CARDS = st.builds(
    Card,
    number=st.integers(1, 10**9),
    title=HOSTILE,
    state=st.sampled_from(State),
    severity=st.sampled_from(Severity),
    facts=st.lists(st.builds(Fact, HOSTILE, HOSTILE), max_size=30).map(tuple),
    lines=st.lists(HOSTILE, max_size=30).map(tuple),
    links=st.lists(
        st.builds(Link, st.sampled_from(["https://a.example.com/?q=<>|&", "javascript:x", "", "http://["]), HOSTILE), max_size=12
    ).map(tuple),
    actions=st.lists(st.sampled_from(ReplyAction), max_size=6).map(tuple),
    page=st.integers(0, 99),
)


@given(CARDS)
def test_any_card_fits_slacks_limits_and_calls_nobody(card: Card) -> None:
    blocks = blocks_of(card)
    assert check_blocks(blocks) == []
    text = repr(blocks)
    assert "<!" not in text
    assert "<@" not in text


@given(HOSTILE)
def test_any_text_fits_and_calls_nobody(text: str) -> None:
    said = plain(text)
    assert 0 < len(said.encode("utf-16-le", "replace")) // 2 <= 4000
    assert "<" not in said


# --- whatever the end of an update or a look-up ---------------------------------------------------------------------------------------
IN_DOUBT: dict[str, dict[str, Any]] = {
    "a 500": {"status": 500},
    "a 503": {"status": 503},
    "a hang": {"hang": TOO_LONG},
    "a cut line": {"drop": True},
    "a page of some proxy": {"garbage": True},
}


async def posted(channel: Slack, text: str = "#42", key: str = "42:C0OPS") -> str:
    sent = await channel.post("C0OPS", CARD, text, key)
    assert isinstance(sent, Sent), sent
    return sent.receipt


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("how", IN_DOUBT)
async def test_an_update_of_unknown_end_is_done_again(channel: Slack, slack: SlackFake, how: str, carried_out: bool) -> None:
    receipt = await posted(channel)
    slack.fault("chat.update", accepted=carried_out, **IN_DOUBT[how])
    result = await channel.update(receipt, CARD, "newer")
    assert isinstance(result, TryAgain)
    assert result.after <= timedelta(seconds=2)
    assert (there(slack)[0]["text"] == "newer") is carried_out
    assert await channel.update(receipt, CARD, "newest") == Sent(receipt, expects_receipt=False)
    assert [message["text"] for message in there(slack)] == ["newest"]


@pytest.mark.parametrize(
    ("fault", "reaches"),
    [({"status": 401}, Fault.PROVIDER), ({"error": "channel_not_found"}, Fault.ADDRESS), ({"error": "token_revoked"}, Fault.PROVIDER)],
)
async def test_an_update_that_is_refused_is_given_up(channel: Slack, slack: SlackFake, fault: dict[str, Any], reaches: Fault) -> None:
    receipt = await posted(channel)
    slack.fault("chat.update", **fault)
    result = await channel.update(receipt, CARD, "newer")
    assert isinstance(result, GiveUp)
    assert result.fault is reaches
    assert calls(slack, "chat.update") == 1


async def test_too_many_updates_wait_as_long_as_slack_asks(channel: Slack, slack: SlackFake) -> None:
    receipt = await posted(channel)
    slack.fault("chat.update", status=429, retry_after=7)
    result = await channel.update(receipt, CARD, "newer")
    assert isinstance(result, TryAgain)
    assert result.after == timedelta(seconds=7)


@pytest.mark.parametrize("how", IN_DOUBT)
async def test_a_person_who_could_not_be_opened_got_nothing_and_is_tried_again(channel: Slack, slack: SlackFake, how: str) -> None:
    slack.fault("conversations.open", **IN_DOUBT[how])
    assert isinstance(await channel.send(PAGE), TryAgain)
    assert calls(slack, "chat.postMessage") == 0
    assert isinstance(await channel.send(PAGE), Sent)


@pytest.mark.parametrize("how", IN_DOUBT)
async def test_when_the_look_up_fails_as_well_the_page_is_found_before_the_next_try(channel: Slack, slack: SlackFake, how: str) -> None:
    slack.fault("chat.postMessage", accepted=True, **IN_DOUBT[how])
    slack.fault("conversations.history", times=2, **IN_DOUBT[how])  # aiohttp asks a second time where a GET met a cut line
    assert isinstance(await channel.send(PAGE), TryAgain)
    slack.faults.clear()
    found = await channel.find(PAGE, LONG_AGO)
    assert found == Sent("{}:{}".format(*next(iter(slack.messages))), expects_receipt=False, found=True)


@pytest.mark.parametrize("how", IN_DOUBT)
async def test_boards_and_replies_that_can_not_be_looked_up_are_found_later(channel: Slack, slack: SlackFake, how: str) -> None:
    receipt = await posted(channel)
    below = await channel.reply(receipt, "paged ana", "42:0")
    for method in ("conversations.history", "conversations.replies"):
        slack.fault(method, times=2, **IN_DOUBT[how])

    async def look() -> list[Sent | None]:
        return list(await asyncio.gather(channel.find_post("C0OPS", "42:C0OPS", LONG_AGO), channel.find_reply(receipt, "42:0")))

    assert await look() == [None, None]
    slack.faults.clear()
    assert isinstance(below, Sent)
    assert [found and found.receipt for found in await look()] == [receipt, below.receipt]


async def test_every_call_ends_within_the_timeout(channel: Slack, slack: SlackFake) -> None:
    receipt = await posted(channel)
    slack.fault(hang=30, times=99)
    writes = [
        channel.send(PAGE), channel.post("#ops", CARD, "#42", "k"), channel.reply(receipt, "x", "k"), channel.update(receipt, CARD, "newer")
    ]  # fmt: skip
    looks = [channel.find(PAGE, LONG_AGO), channel.find_post("#ops", "k", LONG_AGO), channel.find_reply(receipt, "k")]
    began = time.monotonic()
    results, found, wrong = await asyncio.gather(asyncio.gather(*writes), asyncio.gather(*looks), channel.check())
    assert time.monotonic() - began < HASTY.total_seconds() + 0.5
    assert all(isinstance(result, TryAgain) for result in results)
    assert found == [None, None, None]
    assert "in time" in str(wrong)


# what hangs, one after another
STUCK: dict[str, list[dict[str, Any]]] = {
    "the message": [{"method": "chat.postMessage", "hang": TOO_LONG}],
    "the look-up": [{"method": "chat.postMessage", "drop": True}, {"method": "conversations.history", "hang": TOO_LONG}],
    "the message and the look-up": [{"method": "chat.postMessage", "hang": TOO_LONG}, {"method": "conversations.history", "hang": TOO_LONG}],
    "a message whose blocks are refused late": [
        {"method": "chat.postMessage", "hang": 0.2, "error": "invalid_blocks"}, {"method": "chat.postMessage", "hang": TOO_LONG},
        {"method": "conversations.history", "hang": TOO_LONG},
    ],
}  # fmt: skip


@pytest.mark.parametrize("what", STUCK)
async def test_a_send_ends_within_the_timeout_wherever_it_is_stuck(channel: Slack, slack: SlackFake, what: str) -> None:
    for fault in STUCK[what]:
        slack.fault(**fault)
    began = time.monotonic()
    assert isinstance(await channel.send(PAGE), TryAgain)
    assert time.monotonic() - began < HASTY.total_seconds() + 0.5
    assert there(slack) == []


# --- how long to wait -----------------------------------------------------------------------------------------------------------------
async def test_nobody_waits_an_hour_because_a_header_says_so(channel: Slack, slack: SlackFake) -> None:
    slack.fault("chat.postMessage", status=429, retry_after=3600)
    result = await channel.send(PAGE)
    assert isinstance(result, TryAgain)
    assert result.after == timedelta(minutes=1)


async def test_a_busy_channel_takes_the_next_message_later() -> None:
    async with SlackFake(rate_limit=True) as slack:
        channel = Slack("slack", slack.bot_token, api_url=slack.base_url)
        results = [await channel.post("C0OPS", CARD, "#42", f"k{n}") for n in range(4)]
        await channel.close()
    assert [type(result) for result in results] == [Sent, Sent, Sent, TryAgain]
    assert isinstance(results[-1], TryAgain)
    assert results[-1].after == timedelta(seconds=1)


@pytest.mark.parametrize("error", ["ratelimited", "service_unavailable"])
async def test_a_no_for_now_is_not_looked_up(channel: Slack, slack: SlackFake, error: str) -> None:
    slack.fault("chat.postMessage", error=error)
    assert isinstance(await channel.send(PAGE), TryAgain)
    assert calls(slack, "conversations.history") == 0


# --- which message is which -----------------------------------------------------------------------------------------------------------
async def test_a_page_is_known_by_its_id_code_and_address_and_by_nothing_else(channel: Slack) -> None:
    sent = await channel.send(PAGE)
    assert isinstance(sent, Sent)
    for other in (replace(PAGE, id="42-2"), replace(PAGE, code="8Q2P"), replace(PAGE, id=""), replace(PAGE, address="slack:U0BOB")):
        assert await channel.find(other, LONG_AGO) is None
    reworded = await channel.find(replace(PAGE, text="late by 2m", card=None), LONG_AGO)
    assert reworded == Sent(sent.receipt, expects_receipt=False, found=True)


async def test_a_message_keeps_its_key_through_updates(channel: Slack) -> None:
    receipt = await posted(channel)
    await channel.update(receipt, CARD, "newer")
    assert await channel.find_post("#ops", "42:C0OPS", LONG_AGO) == Sent(receipt, expects_receipt=False, found=True)
    assert await channel.find_reply(receipt, "42:C0OPS") is None


@pytest.mark.parametrize(("ahead", "found"), [(45, True), (-45, True), (300, False)])
async def test_clocks_may_differ_by_less_than_a_minute(slack: SlackFake, ahead: int, found: bool) -> None:
    channel = Slack("slack", slack.bot_token, api_url=slack.base_url, clock=lambda: datetime.now(UTC) + timedelta(seconds=ahead))
    slack.fault("chat.postMessage", drop=True, accepted=True)
    assert isinstance(await channel.send(PAGE), Sent if found else TryAgain)
    await channel.close()


async def test_a_channel_is_found_by_its_name_among_many_and_asked_for_once(channel: Slack, slack: SlackFake) -> None:
    slack.channels |= {f"C{n:05}": {"id": f"C{n:05}", "name": f"team-{n}", "is_member": True, "is_archived": False} for n in range(1500)}
    for name in ("#team-1450", "#team-1450", "#team-7"):
        assert await channel.find_post(name, "k", LONG_AGO) is None
    assert calls(slack, "conversations.list") == 2
    slack.fault("chat.postMessage", drop=True, accepted=True)
    result = await channel.post("#team-1450", CARD, "#42", "k")
    assert isinstance(result, Sent)
    assert result.found
    assert len(there(slack)) == 1


async def test_public_channels_are_found_although_the_app_may_not_see_private_ones(channel: Slack, slack: SlackFake) -> None:
    slack.fault("conversations.list", error="missing_scope")
    slack.fault("chat.postMessage", drop=True, accepted=True)
    result = await channel.post("#ops", CARD, "#42", "k")
    assert isinstance(result, Sent)
    assert result.found


# --- looks are worth less than the page -----------------------------------------------------------------------------------------------
async def test_a_message_is_kept_up_to_date_without_the_blocks_that_slack_refuses(channel: Slack, slack: SlackFake) -> None:
    receipt = await posted(channel)
    slack.fault("chat.update", error="invalid_blocks")
    assert isinstance(await channel.update(receipt, CARD, "newer"), Sent)
    assert [(message["text"], message["blocks"]) for message in there(slack)] == [("newer", [])]


@pytest.mark.parametrize(
    "errors", [["metadata_too_large"], ["invalid_metadata_format", "invalid_blocks"], ["invalid_blocks", "metadata_too_large"]]
)
async def test_a_page_goes_out_without_the_name_that_slack_refuses(channel: Slack, slack: SlackFake, errors: list[str]) -> None:
    for error in errors:
        slack.fault("chat.postMessage", error=error)
    assert isinstance(await channel.send(PAGE), Sent)
    [message] = there(slack)
    assert message["text"] == PAGE.text
    assert "metadata" not in message
    assert ("blocks" in message) is ("invalid_blocks" not in errors)


async def test_a_refusal_of_looks_that_stays_is_an_answer(channel: Slack, slack: SlackFake) -> None:
    slack.fault("chat.postMessage", error="invalid_blocks", times=9)
    assert isinstance(await channel.send(PAGE), GiveUp)
    assert calls(slack, "chat.postMessage") == 2


# --- text from outside, as Slack gets it ----------------------------------------------------------------------------------------------
async def test_text_from_outside_calls_nobody(channel: Slack, slack: SlackFake) -> None:
    loud = "<!channel> <!here|x> <@U0BOB> <https://evil.example.com|click> R&D &lt;!here&gt;"
    tame = "&lt;!channel&gt; &lt;!here|x&gt; &lt;@U0BOB&gt; &lt;https://evil.example.com|click&gt; R&amp;D &amp;lt;!here&amp;gt;"
    receipt = await posted(channel, loud)
    await channel.reply(receipt, loud, "42:0")
    assert [message["text"] for message in there(slack)] == [tame, tame]
    await channel.update(receipt, CARD, f"{loud}!")
    assert there(slack)[0]["text"] == f"{tame}!"
    orders = [r["args"] for r in slack.requests if r["method"] in ("chat.postMessage", "chat.update")]
    assert [(order["parse"], order["link_names"]) for order in orders] == [("none", False)] * 3
    assert [order.get("mrkdwn") for order in orders] == [False, False, None]


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "&" * 4000, "👩‍👩‍👧" * 3000, "a\n" * 30_000, "", " \n ", "\x00\n\x00", "\ud83d", "\x1b[31mred\x07"]
)
async def test_text_of_any_kind_and_length_goes_out_and_can_be_shown_anew(channel: Slack, slack: SlackFake, text: str) -> None:
    receipt = await posted(channel, text)
    assert isinstance(await channel.update(receipt, CARD, text), Sent)
    [message] = there(slack)
    assert message["text"].strip()
    assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\ud800-\udfff]{1,4000}", message["text"])


def texts(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for block in blocks:
        found += [block["text"]] if "text" in block else []
        found += block.get("fields", [])
        found += [element["text"] if element["type"] == "button" else element for element in block.get("elements", [])]
    return found


@given(CARDS)
@example(replace(CARD, title="&" * 5000, facts=(Fact("n" * 500, "&" * 5000),) * 30, lines=("<" * 5000,) * 5))
@example(replace(CARD, facts=(), lines=("😀" * 5000,), links=(Link("https://x.example.com/" + "&" * 200, "<" * 500),) * 60))
@example(replace(CARD, title="", facts=(Fact("*", "\x00"), Fact("", "")), lines=("\x00",), actions=(ReplyAction.NOTE,)))
def test_slack_reads_nothing_in_a_card_but_text_and_links_to_the_web(card: Card) -> None:
    shown = texts(blocks_of(card))
    for text in shown:
        bare = re.sub(r"<https?://[^<>|\s]+\|[^<>|]+>", "", text["text"]) if text["type"] == "mrkdwn" else text["text"]
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", bare)
        assert text["text"].strip()
        assert text["text"].encode()
        assert text["type"] == "plain_text" or text["verbatim"] is True
    assert sum(len(text["text"].encode("utf-16-le")) // 2 for text in shown) <= 13_000


def test_a_button_brings_back_what_it_was_under_and_stands_there_once() -> None:
    def buttons(card: Card) -> list[tuple[str, str]]:
        return [(e["action_id"], e["value"]) for b in blocks_of(card) if b["type"] == "actions" for e in b["elements"]]

    assert buttons(CARD) == [("acknowledge", "42-1"), ("resolve", "42-1"), ("escalate", "42-1"), ("snooze", "42-1")]
    assert buttons(replace(CARD, page=0, actions=(ReplyAction.RESOLVE, ReplyAction.NOTE, ReplyAction.RESOLVE))) == [("resolve", "42")]
    assert buttons(replace(CARD, actions=(ReplyAction.ASSIGN,))) == []


@given(HOSTILE)
@example("\x00\n\x00")
def test_a_text_is_never_blank(text: str) -> None:
    assert plain(text) == plain(text).strip() != ""


# --- answers of an odd shape, in pages, or with headers -------------------------------------------------------------------------------
class OddSlack(SlackFake):
    """Answers with a given text after all was done, tells the scopes that were granted, gives conversations in pages, and counts connections."""

    def __init__(self, bot_token: str = "xoxb-fake") -> None:
        super().__init__(bot_token=bot_token)
        self.answers: list[str] = []  # of the next calls
        self.scopes: tuple[str, ...] = ()
        self.connections: set[object] = set()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        self.connections.add(id(request.transport))
        response = await super()._api(request)
        if self.scopes:
            response.headers["X-OAuth-Scopes"] = ",".join(self.scopes)
        if self.answers and request.match_info["method"] in ("chat.postMessage", "auth.test"):
            return web.Response(text=self.answers.pop(0), content_type="application/json")
        return response

    def _do_conversations_history(self, args: dict[str, Any]) -> dict[str, Any]:
        whole: dict[str, Any] = super()._do_conversations_history({**args, "limit": 10_000})
        return self._page(whole["messages"], args, "messages")

    def _do_conversations_replies(self, args: dict[str, Any]) -> dict[str, Any]:
        whole: dict[str, Any] = super()._do_conversations_replies(args)
        return self._page(whole["messages"], args, "messages")


@pytest.fixture
async def odd() -> AsyncIterator[OddSlack]:
    server = OddSlack()
    async with server:
        yield server


@pytest.fixture
async def pager(odd: OddSlack) -> AsyncIterator[Slack]:
    pager = Slack("slack", odd.bot_token, api_url=odd.base_url)
    yield pager
    await pager.close()


HALF = '{"ok": true, "ts": "1'


@pytest.mark.parametrize(
    "answer", [HALF, "", "[]", '"ok"', '{"ok": true}', '{"ok": true, "channel": {"id": "C0OPS"}, "ts": 1.2}', "{}", "null"]
)
async def test_an_answer_that_says_nothing_is_looked_up(pager: Slack, odd: OddSlack, answer: str) -> None:
    odd.answers = [answer]
    result = await pager.post("C0OPS", CARD, "#42", "k")
    assert isinstance(result, Sent)
    assert result == Sent("{}:{}".format(*next(iter(odd.messages))), expects_receipt=False, found=True)
    assert len(odd.messages) == 1


async def test_a_message_is_found_below_many_newer_ones_and_a_reply_at_the_end_of_a_long_thread(pager: Slack, odd: OddSlack) -> None:
    receipt = await posted(pager)
    ts = float(receipt.partition(":")[2])
    for n in range(1, 500):
        other = {"user": "U0BOB", "text": "hm", "metadata": None if n % 2 else {"event_type": "x"}}
        odd.messages["C0OPS", f"{ts + n:.6f}"] = {**other, "ts": f"{ts + n:.6f}"}
        odd.messages["C0OPS", f"{ts + n / 1000:.6f}"] = {**other, "ts": f"{ts + n / 1000:.6f}", "thread_ts": f"{ts:.6f}"}
    below = await pager.reply(receipt, "paged ana", "42:0")
    assert await pager.find_post("C0OPS", "42:C0OPS", datetime.now(UTC)) == Sent(receipt, expects_receipt=False, found=True)
    assert calls(odd, "conversations.history") == 3
    assert isinstance(below, Sent)
    assert await pager.find_reply(receipt, "42:0") == Sent(below.receipt, expects_receipt=False, found=True)


async def test_check_names_the_scopes_that_are_missing(pager: Slack, odd: OddSlack) -> None:
    odd.scopes = SCOPES
    assert await pager.check() is None
    odd.scopes = tuple(scope for scope in SCOPES if scope not in ("im:write", "groups:history"))
    assert (await pager.check() or "").startswith("the app lacks im:write, groups:history: ")


@pytest.mark.parametrize("answer", [HALF, "", "[]", "{}", "<html>hello</html>"])
async def test_check_tells_a_server_that_is_no_slack(pager: Slack, odd: OddSlack, answer: str) -> None:
    odd.answers = [answer]
    assert "check api_url" in (await pager.check() or "")


@pytest.mark.parametrize("how", IN_DOUBT)
async def test_check_tells_a_slack_that_does_not_work(channel: Slack, slack: SlackFake, how: str) -> None:
    slack.fault("auth.test", **IN_DOUBT[how])
    assert "check api_url" in (await channel.check() or "")


async def test_an_app_token_is_told_from_a_bot_token(slack: SlackFake) -> None:
    channel = Slack("slack", slack.app_token, api_url=slack.base_url)
    assert "bot_token begins with xoxb-" in (await channel.check() or "")
    await channel.close()


async def test_nothing_told_or_logged_holds_the_token_or_the_page(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token, told = "xoxb-s3cr3t", []
    odd = OddSlack(token)
    async with odd:
        pager = Slack("slack", token, api_url=odd.base_url, timeout=HASTY / 2)
        for fault in (*IN_DOUBT.values(), {"status": 429}, {"status": 401}):
            for method in ("chat.postMessage", "auth.test"):
                odd.fault(method, **fault)
            told += [await pager.send(PAGE), await pager.check()]
        for answer in (f"{token} {PAGE.text}", json.dumps({"ok": False, "error": f"{token} {PAGE.text}", "needed": f"{token}!"})):
            odd.answers = [answer, answer]
            told += [await pager.send(PAGE), await pager.check()]
        whole = f"{told} {pager!r} {pager._line!r} {pager._line.web!r} {caplog.text}"
        await pager.close()
    assert not [why for why in told if why is None]
    assert token not in whole
    assert PAGE.text not in whole


# --- the line -------------------------------------------------------------------------------------------------------------------------
async def test_messages_one_after_another_share_one_connection_that_is_closed_in_the_end(pager: Slack, odd: OddSlack) -> None:
    for n in range(5):
        await posted(pager, key=f"k{n}")
    assert len(odd.connections) == 1
    session = pager._line.web.session
    await pager.close()
    assert session is not None
    assert session.closed


async def test_a_burst_keeps_within_the_pool(pager: Slack, odd: OddSlack) -> None:
    await asyncio.gather(*(posted(pager, key=f"k{n}") for n in range(150)))
    assert len(odd.connections) <= 64


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_proxy_in_the_environment_does_not_take_the_requests(slack: SlackFake, monkeypatch: pytest.MonkeyPatch, slash: str) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    options = {"bot_token": slack.bot_token, "api_url": slack.base_url.rstrip("/") + slash}
    channel = from_provider(Provider(name="chat", kind="slack", options=options))
    assert isinstance(await channel.send(PAGE), Sent)
    assert channel.name == "chat"
    await channel.close()


def test_a_provider_without_a_token_is_refused() -> None:
    with pytest.raises(ValueError, match="provider chat: bot_token"):
        from_provider(Provider(name="chat", kind="slack"))
