"""What Slack sends us, read; whatever else comes is nobody's press, command or mention."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.channels.slack_inbound import read_command, read_mention, read_press, signature_ok
from pager.model.event import ReplyAction
from tests.contract_folder import contract

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
PRESS: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U0ANA", "username": "ana"},
    "trigger_id": "12466734323.1395872398",
    "container": {"type": "message", "message_ts": "1.2", "channel_id": "D0ANA"},
    "response_url": "https://hooks.slack.com/actions/T0/1/abc",
    "actions": [{"action_id": "acknowledge", "value": "42-3", "type": "button", "action_ts": "1548426417.840180"}],
}
MENTION: dict[str, Any] = {
    "type": "event_callback",
    "event_id": "Ev0PV52K21",
    "event": {"type": "app_mention", "user": "U0ANA", "text": "<@U0BOT> ack 42", "ts": "1515449522.000016", "channel": "C0OPS"},
}


def pressed(**changes: Any) -> dict[str, Any]:
    return {**PRESS, "actions": [{**PRESS["actions"][0], **changes}]}


def test_a_press_names_who_what_and_which_page() -> None:
    press = read_press(PRESS)
    assert press is not None
    assert (press.user, press.action, press.incident, press.page) == ("U0ANA", ReplyAction.ACKNOWLEDGE, 42, 3)
    assert press.once == "slack:12466734323.1395872398"
    assert press.response_url.startswith("https://hooks.slack.com/")


def test_a_button_of_a_channel_is_about_no_page() -> None:
    press = read_press(pressed(value="42", action_id="resolve"))
    assert press is not None
    assert (press.action, press.incident, press.page) == (ReplyAction.RESOLVE, 42, 0)


def test_without_a_trigger_a_press_goes_by_its_moment() -> None:
    press = read_press({k: v for k, v in PRESS.items() if k != "trigger_id"})
    assert press is not None
    assert press.once == "slack:U0ANA:1548426417.840180"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {**PRESS, "type": "view_submission"},
        {**PRESS, "user": None},
        {**PRESS, "user": {"id": 5}},
        {**PRESS, "actions": []},
        {**PRESS, "actions": "acknowledge"},
        {**PRESS, "actions": [7]},
        pressed(action_id="launch"),
        pressed(value="0"),
        pressed(value="42-"),
        pressed(value="42-3-1"),
        pressed(value="\u0664\u0662"),
        pressed(value=" 42"),
        pressed(value="9" * 40),
    ],
)
def test_what_is_no_press_of_ours_is_none(payload: dict[str, Any]) -> None:
    assert read_press(payload) is None


def test_a_command_is_its_text() -> None:
    command = read_command({"user_id": "U0ANA", "text": "ack 42", "trigger_id": "1.2", "response_url": "https://x", "command": "/pager"})
    assert command is not None
    assert (command.user, command.text, command.once) == ("U0ANA", "ack 42", "slack:1.2")
    assert read_command({"text": "ack 42"}) is None


def test_a_mention_is_answered_in_its_thread() -> None:
    mention = read_mention(MENTION)
    assert mention is not None
    assert (mention.user, mention.text.strip(), mention.channel, mention.thread) == ("U0ANA", "ack 42", "C0OPS", "1515449522.000016")
    below = read_mention({**MENTION, "event": {**MENTION["event"], "thread_ts": "1515440000.000001"}})
    assert below is not None
    assert below.thread == "1515440000.000001"


@pytest.mark.parametrize(
    "change",
    [
        {"bot_id": "B0BOT"},
        {"subtype": "message_changed"},
        {"type": "message", "channel_type": "channel"},
        {"type": "reaction_added"},
        {"user": ""},
        {"ts": None},
    ],
)
def test_what_nobody_said_to_us_is_none(change: dict[str, Any]) -> None:
    assert read_mention({**MENTION, "event": {**MENTION["event"], **change}}) is None


def test_a_direct_message_needs_no_mention() -> None:
    event = {**MENTION["event"], "type": "message", "channel_type": "im", "text": "list"}
    mention = read_mention({**MENTION, "event": event})
    assert mention is not None
    assert mention.text == "list"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=8), x, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["type", "user", "actions", "event", "event_id", "trigger_id", "text", "user_id"]), json_values))
def test_nothing_that_json_can_hold_raises(payload: dict[str, Any]) -> None:
    read_press({"type": "block_actions", **payload})
    read_command(payload)
    read_mention(payload)


def test_the_signature_of_slacks_own_example() -> None:
    """Source: https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
        b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    at = datetime.fromtimestamp(1531420618, UTC)
    assert signature_ok(SECRET, "1531420618", body, signature, at)
    assert signature_ok(SECRET, "1531420618", body, signature, at + timedelta(seconds=299))
    assert not signature_ok(SECRET, "1531420618", body, signature, at + timedelta(seconds=301))
    assert not signature_ok(SECRET, "1531420618", body, signature, at - timedelta(seconds=301))
    assert not signature_ok(SECRET, "1531420618", body + b" ", signature, at)
    assert not signature_ok("another", "1531420618", body, signature, at)


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [("", "v0=a"), ("soon", "v0=a"), ("1531420618", ""), ("1531420618", "\u00fc"), ("9" * 400, "v0=a"), ("-1", "v0=a")],
)
def test_a_signature_of_any_shape_is_refused_and_nothing_raises(timestamp: str, signature: str) -> None:
    assert not signature_ok(SECRET, timestamp, b"\xff", signature, datetime.fromtimestamp(1531420618, UTC))


def test_an_empty_secret_signs_nothing() -> None:
    assert not signature_ok("", "1531420618", b"", "v0=", datetime.fromtimestamp(1531420618, UTC))


def test_payloads_as_slack_documents_them() -> None:
    folder: Path = contract("payloads") / "slack"
    acknowledged = json.loads((folder / "block_actions_ack_button.json").read_text())
    acknowledged["actions"][0]["action_id"] = "acknowledge"
    press = read_press(acknowledged)
    assert press is not None
    assert (press.user, press.incident) == ("W111", 42)
    assert read_press(json.loads((folder / "block_actions.json").read_text())) is None  # a button of somebody else's
    command = read_command(dict(parse_qsl((folder / "slash_command.form").read_text(), keep_blank_values=True)))
    assert command is not None
    assert (command.user, command.text) == ("U2147483697", "94070")
