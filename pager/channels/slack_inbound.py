"""What Slack sends when somebody does something: presses of buttons, commands, mentions.

Source: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload, https://docs.slack.dev/interactivity/implementing-slash-commands
and https://docs.slack.dev/reference/events/app_mention"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from slack_sdk.signature import Clock, SignatureVerifier

from pager.model.event import ReplyAction

_ACTIONS = {action.value: action for action in ReplyAction}
_VALUE = re.compile(r"([1-9][0-9]{0,14})(?:-([1-9][0-9]{0,8}))?", re.ASCII)
_MENTION = re.compile(r"<@[^<>]*>")


class Press(msgspec.Struct, frozen=True):
    """A button of ours. `user` is Slack's id of the person; `once` names this very press; `response_url` takes the answer."""

    user: str
    action: ReplyAction
    incident: int
    page: int
    once: str
    response_url: str


class Command(msgspec.Struct, frozen=True):
    """A slash command, without its name."""

    user: str
    text: str
    once: str
    response_url: str


class Mention(msgspec.Struct, frozen=True):
    """Words to the bot, in a channel or in its direct messages. `thread` is the message under which to answer."""

    user: str
    text: str
    channel: str
    thread: str
    once: str


def read_press(payload: Mapping[str, Any]) -> Press | None:
    """None for what is no press of a button of ours."""
    actions = payload.get("actions")
    first = _map(actions[0]) if isinstance(actions, list) and actions else {}
    action, value = _ACTIONS.get(_text(first, "action_id")), _VALUE.fullmatch(_text(first, "value"))
    user = _text(_map(payload.get("user")), "id")
    if payload.get("type") != "block_actions" or action is None or value is None or not user:
        return None
    # A trigger belongs to one press; without one, the moment of it does.
    own = _text(payload, "trigger_id") or f"{user}:{_text(first, 'action_ts')}"
    return Press(user, action, int(value[1]), int(value[2] or 0), f"slack:{own}", _text(payload, "response_url"))


def read_command(form: Mapping[str, Any]) -> Command | None:
    user, trigger = _text(form, "user_id"), _text(form, "trigger_id")
    if not user or not trigger:
        return None
    return Command(user, _text(form, "text"), f"slack:{trigger}", _text(form, "response_url"))


def read_mention(payload: Mapping[str, Any]) -> Mention | None:
    """None for what nobody said to us: another event, a bot's words (ours among them), a message that was changed."""
    event = _map(payload.get("event"))
    said_to_us = event.get("type") == "app_mention" or (event.get("type") == "message" and event.get("channel_type") == "im")
    user, channel, ts, id_ = (_text(event, "user"), _text(event, "channel"), _text(event, "ts"), _text(payload, "event_id"))
    if not (said_to_us and user and channel and ts and id_) or event.get("bot_id") or event.get("subtype"):
        return None
    text = _MENTION.sub(" ", _text(event, "text"))
    return Mention(user, text, channel, _text(event, "thread_ts") or ts, f"slack:{id_}")


def signature_ok(secret: str, timestamp: str, body: bytes, signature: str, now: datetime) -> bool:
    """Whether Slack signed this body with our secret, within five minutes of `now`. Source:
    https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    try:
        return SignatureVerifier(secret, _Clock(now)).is_valid(body, timestamp, signature)
    except (ValueError, TypeError, OverflowError):  # no number, no text: whoever made it was not Slack
        return False


class _Clock(Clock):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> float:
        return self._now.timestamp()


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""
