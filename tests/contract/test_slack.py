"""Pages and boards in Slack by its own SDK, against a server that refuses, stalls and loses answers as Slack does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.channels.slack import SCOPES, Slack
from pager.channels.slack_blocks import blocks_of, plain
from pager.model.alert import Link, Severity
from pager.model.event import Fault, ReplyAction
from pager.model.incident import State
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
HASTY = timedelta(seconds=1)


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
    "a hang": ({"hang": 3}, lambda r: isinstance(r, TryAgain), 0),
    "a hang that was carried out": ({"hang": 3, "accepted": True}, lambda r: isinstance(r, Sent) and r.found, 1),
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


@pytest.mark.parametrize("script", [{"status": 500}, {"hang": 3}, {"garbage": True}, {"error": "missing_scope"}], ids=str)
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


async def test_one_slow_answer_holds_up_no_other_page(channel: Slack, slack: SlackFake) -> None:
    await channel._places.to_post(_person())
    slack.fault("chat.postMessage", hang=0.9)
    began = time.monotonic()
    others = [Message(address="slack:U0ALICE", text=str(n), id=f"42-{n}", code="7K3M") for n in range(20)]
    slow = asyncio.ensure_future(channel.send(PAGE))
    await asyncio.sleep(0)
    assert all(isinstance(r, Sent) for r in await asyncio.gather(*map(channel.send, others)))
    assert time.monotonic() - began < 0.9
    await slow


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
