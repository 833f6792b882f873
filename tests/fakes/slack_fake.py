"""A local stand-in for the parts of Slack that a pager needs: Web API, Socket Mode, interactivity,
slash commands, modals, mentions.

deps: aiohttp            (Python 3.11+)

Checks what Slack checks: token kind per method, required arguments, argument types, channel and
user ids, Block Kit limits; answers HTTP 200 {"ok": false, "error": ...} as Slack does, 429 with
Retry-After when limited. Drives real SDK clients over a real websocket, and posts signed
HTTP interactivity requests.

    async with SlackFake() as slack:            # slack.base_url, slack.bot_token, slack.app_token
        slack.fault("chat.postMessage", status=429, retry_after=1)
        ...
        ack = await slack.click(channel, ts, "ack", user="U0ALICE")      # over Socket Mode
        ack = await slack.command("/pager", "oncall payments", user="U0BOB", channel="C0OPS")
        ack = await slack.submit(view_id, {"summary": "db is down"})     # a modal's values, by block or action id
        ack = await slack.mention("who is on call?", channel="C0OPS")    # channel="im": a direct message

Run as a script:  python slack_fake.py --port 8902     (then POST /__fake__/...)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import html
import json
import re
import secrets
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.leaks import know

BOT, APP = "bot", "app"
# method: (token kind, required, optional). Names as in Slack's method reference.
_POST_OPT = [
    "text",
    "blocks",
    "attachments",
    "thread_ts",
    "reply_broadcast",
    "unfurl_links",
    "unfurl_media",
    "icon_emoji",
    "icon_url",
    "mrkdwn",
    "link_names",
    "username",
    "parse",
    "metadata",
    "as_user",
    "markdown_text",
]
METHODS: dict[str, tuple[str, list[str], list[str]]] = {
    "api.test": ("", [], ["error", "foo"]),
    "auth.test": (BOT, [], []),
    "apps.connections.open": (APP, [], []),
    "chat.postMessage": (BOT, ["channel"], _POST_OPT),
    "chat.postEphemeral": (BOT, ["channel", "user"], _POST_OPT),
    "chat.update": (
        BOT,
        ["channel", "ts"],
        ["text", "blocks", "attachments", "metadata", "link_names", "parse", "reply_broadcast", "as_user", "file_ids", "markdown_text"],
    ),
    "chat.delete": (BOT, ["channel", "ts"], ["as_user"]),
    "chat.getPermalink": (BOT, ["channel", "message_ts"], []),
    "conversations.open": (BOT, [], ["channel", "users", "return_im", "prevent_creation"]),
    "conversations.info": (BOT, ["channel"], ["include_locale", "include_num_members"]),
    "conversations.list": (BOT, [], ["cursor", "exclude_archived", "limit", "types", "team_id"]),
    "conversations.history": (BOT, ["channel"], ["cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest"]),
    "conversations.replies": (BOT, ["channel", "ts"], ["cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest"]),
    "conversations.create": (BOT, ["name"], ["is_private", "team_id"]),
    "conversations.invite": (BOT, ["channel", "users"], ["force"]),
    "conversations.join": (BOT, ["channel"], []),
    "conversations.setTopic": (BOT, ["channel", "topic"], []),
    "conversations.setPurpose": (BOT, ["channel", "purpose"], []),
    "conversations.archive": (BOT, ["channel"], []),
    "conversations.members": (BOT, ["channel"], ["cursor", "limit"]),
    "pins.add": (BOT, ["channel"], ["timestamp"]),
    "reactions.add": (BOT, ["channel", "name", "timestamp"], []),
    "bookmarks.add": (BOT, ["channel_id", "title", "type"], ["link", "emoji", "entity_id", "access_level", "parent_id"]),
    "usergroups.list": (BOT, [], ["include_count", "include_disabled", "include_users", "team_id"]),
    "usergroups.users.list": (BOT, ["usergroup"], ["include_disabled", "team_id"]),
    "usergroups.users.update": (BOT, ["usergroup", "users"], ["include_count", "team_id", "additional_channels", "is_shared"]),
    "users.list": (BOT, [], ["cursor", "include_locale", "limit", "team_id"]),
    "users.lookupByEmail": (BOT, ["email"], []),
    "users.info": (BOT, ["user"], ["include_locale"]),
    "team.info": (BOT, [], ["team", "domain", "include_slackbot_availability"]),
    "views.open": (BOT, ["view"], ["trigger_id", "interactivity_pointer"]),
    "views.push": (BOT, ["view"], ["trigger_id", "interactivity_pointer"]),
    "views.update": (BOT, ["view"], ["view_id", "external_id", "hash"]),
}
# method: the scopes of which one is needed, for public and for private channels. Only asked for where `granted` says what the app has.
SCOPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "usergroups.list": (("usergroups:read",),) * 2,
    "usergroups.users.list": (("usergroups:read",),) * 2,
    "usergroups.users.update": (("usergroups:write",),) * 2,
    "conversations.info": (("channels:read",), ("groups:read",)),
    "conversations.setTopic": (("channels:write.topic", "channels:manage"), ("groups:write.topic", "groups:write")),
}
BLANK_OK = ("name", "topic", "purpose", "users")  # present but empty: the method itself answers
# input element: what it holds; state.values carries it as "value" or "selected_...", it starts from "initial_..."
INPUTS = {
    **dict.fromkeys(("plain_text_input", "email_text_input", "url_text_input", "number_input"), "value"),
    **dict.fromkeys(("static_select", "external_select", "radio_buttons"), "option"),
    **dict.fromkeys(("multi_static_select", "multi_external_select", "checkboxes"), "options"),
    "users_select": "user",
    "multi_users_select": "users",
    "conversations_select": "conversation",
    "multi_conversations_select": "conversations",
    "channels_select": "channel",
    "multi_channels_select": "channels",
    "datepicker": "date",
    "timepicker": "time",
    "datetimepicker": "date_time",
}


class SlackError(Exception):
    def __init__(self, error: str, *messages: str, **extra: Any) -> None:
        super().__init__(error)
        self.body = {"ok": False, "error": error, **extra}
        if messages:
            self.body["response_metadata"] = {"messages": [f"[ERROR] {m}" for m in messages]}


def sign(secret: str, timestamp: str, body: str) -> str:
    """X-Slack-Signature: v0=hex(HMAC-SHA256(secret, 'v0:timestamp:raw body'))."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()


# ---- Block Kit -----------------------------------------------------------------------------
def check_blocks(blocks: Any, path: str = "/blocks", limit: int = 50) -> list[str]:
    """Every breach of the published limits, worded as Slack words them; [] when all is well."""
    bad: list[str] = []

    def err(text: str, where: str) -> None:
        bad.append(f"{text} [json-pointer:{where}]")

    def text(obj: Any, where: str, most: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn"), least: int = 1) -> None:
        if not isinstance(obj, dict):
            return err("missing required field: text", where) if obj is None else err("must be an object", where)
        if obj.get("type") not in kinds:
            err(f"must be one of {', '.join(kinds)}", where + "/type")
        value = obj.get("text")
        if not isinstance(value, str):
            return err("missing required field: text", where)
        if len(value) < least:
            err(f"must be more than {least - 1} characters", where + "/text")
        if len(value) > most:
            err(f"must be less than {most + 1} characters", where + "/text")
        for key in obj:
            if key not in ("type", "text", "emoji", "verbatim"):
                err(f"invalid additional property: {key}", where)
        if obj.get("type") == "mrkdwn" and "emoji" in obj:
            err("invalid additional property: emoji", where)

    def string(obj: dict, key: str, most: int, where: str, need: bool = False) -> None:
        value = obj.get(key)
        if value is None:
            return err(f"missing required field: {key}", where) if need else None
        if not isinstance(value, str):
            return err("must be a string", f"{where}/{key}")
        if len(value) > most:
            err(f"must be less than {most + 1} characters", f"{where}/{key}")

    def element(
        el: Any,
        where: str,
        action_ids: list,
        allow: tuple[str, ...] = (
            "button",
            "static_select",
            "overflow",
            "datepicker",
            "users_select",
            "conversations_select",
            "workflow_button",
            "checkboxes",
            "radio_buttons",
            "timepicker",
        ),
    ) -> None:
        if not isinstance(el, dict):
            return err("must be an object", where)
        kind = el.get("type")
        if kind not in allow:
            return err(f"unsupported type: {kind}", where + "/type")
        if kind == "image":
            string(el, "alt_text", 2000, where, need=True)
            string(el, "image_url", 3000, where, need="slack_file" not in el)
            return
        string(el, "action_id", 255, where)
        if el.get("action_id"):
            if el["action_id"] in action_ids:
                err(f'`action_id` "{el["action_id"]}" already exists', where + "/action_id")
            action_ids.append(el["action_id"])
        if kind == "button":
            text(el.get("text"), where + "/text", 75, ("plain_text",))
            string(el, "value", 2000, where)
            string(el, "url", 3000, where)
            string(el, "accessibility_label", 75, where)
            if "style" in el and el["style"] not in ("primary", "danger"):
                err("must be one of primary, danger", where + "/style")
            for key in el:
                if key not in ("type", "text", "action_id", "value", "url", "style", "confirm", "accessibility_label"):
                    err(f"invalid additional property: {key}", where)
        if isinstance(el.get("confirm"), dict):
            con = el["confirm"]
            text(con.get("title"), where + "/confirm/title", 100, ("plain_text",))
            text(con.get("text"), where + "/confirm/text", 300)
            text(con.get("confirm"), where + "/confirm/confirm", 30, ("plain_text",))
            text(con.get("deny"), where + "/confirm/deny", 30, ("plain_text",))
        if el.get("placeholder") is not None:
            text(el["placeholder"], where + "/placeholder", 150, ("plain_text",))
        for key, least in (("min_length", 0), ("max_length", 1)):
            if key in el and not (isinstance(el[key], int) and least <= el[key] <= 3000):
                err(f"must be {least} to 3000", f"{where}/{key}")
        if kind == "number_input" and "is_decimal_allowed" not in el:
            err("missing required field: is_decimal_allowed", where)
        if kind in ("static_select", "multi_static_select", "overflow", "checkboxes", "radio_buttons"):
            options = el.get("options") or []
            most = {"static_select": 100, "multi_static_select": 100, "overflow": 5}.get(kind, 10)
            if not 1 <= len(options) <= most and not el.get("option_groups"):
                err(f"must have 1 to {most} items", where + "/options")
            for i, opt in enumerate(options):
                text(opt.get("text"), f"{where}/options/{i}/text", 75)
                string(opt, "value", 150, f"{where}/options/{i}", need=True)

    if not isinstance(blocks, list):
        return [f"must be an array [json-pointer:{path}]"]
    if len(blocks) > limit:
        err(f"no more than {limit} items allowed", path)
    block_ids: list[str] = []
    for n, block in enumerate(blocks):
        at = f"{path}/{n}"
        if not isinstance(block, dict) or "type" not in block:
            err("missing required field: type", at)
            continue
        string(block, "block_id", 255, at)
        if block.get("block_id"):
            if block["block_id"] in block_ids:
                err(f'`block_id` "{block["block_id"]}" already exists', at + "/block_id")
            block_ids.append(block["block_id"])
        ids: list[str] = []
        match block["type"]:
            case "section":
                if "text" not in block and "fields" not in block:
                    err("missing required field: text or fields", at)
                if "text" in block:
                    text(block["text"], at + "/text", 3000)
                fields = block.get("fields", [])
                if len(fields) > 10:
                    err("no more than 10 items allowed", at + "/fields")
                for i, field in enumerate(fields):
                    text(field, f"{at}/fields/{i}", 2000)
                if "accessory" in block:
                    element(
                        block["accessory"],
                        at + "/accessory",
                        ids,
                        (
                            "button",
                            "image",
                            "static_select",
                            "overflow",
                            "datepicker",
                            "users_select",
                            "conversations_select",
                            "checkboxes",
                            "radio_buttons",
                            "timepicker",
                        ),
                    )
            case "header":
                text(block.get("text"), at + "/text", 150, ("plain_text",))
            case "context":
                elements = block.get("elements")
                if not elements:
                    err("missing required field: elements", at)
                elif len(elements) > 10:
                    err("no more than 10 items allowed", at + "/elements")
                for i, el in enumerate(elements or []):
                    if isinstance(el, dict) and el.get("type") == "image":
                        element(el, f"{at}/elements/{i}", ids, ("image",))
                    else:
                        text(el, f"{at}/elements/{i}", 3000)
            case "actions":
                elements = block.get("elements")
                if not elements:
                    err("missing required field: elements", at)
                elif len(elements) > 25:
                    err("no more than 25 items allowed", at + "/elements")
                for i, el in enumerate(elements or []):
                    element(el, f"{at}/elements/{i}", ids)
            case "image":
                string(block, "alt_text", 2000, at, need=True)
                string(block, "image_url", 3000, at, need="slack_file" not in block)
            case "markdown":
                string(block, "text", 12000, at, need=True)
            case "input":
                text(block.get("label"), at + "/label", 2000, ("plain_text",))
                if block.get("hint") is not None:
                    text(block["hint"], at + "/hint", 2000, ("plain_text",))
                element(block.get("element"), at + "/element", ids, (*INPUTS, "rich_text_input", "file_input"))
            case "divider" | "rich_text" | "video" | "file":
                pass
            case other:
                err(f"unsupported type: {other}", at + "/type")
    return bad


def check_view(view: Any) -> list[str]:
    """A modal, as views.open, .push and .update take it."""
    if not isinstance(view, dict):
        return ["must be an object [json-pointer:/view]"]
    bad = check_blocks(view.get("blocks"), "/view/blocks", 100)
    blocks = [b for b in view.get("blocks") or [] if isinstance(b, dict)] if not bad else []
    if view.get("blocks") == []:
        bad.append("no less than 1 items allowed [json-pointer:/view/blocks]")
    bad += [f"unsupported type: {b['type']} [json-pointer:/view/blocks]" for b in blocks if b["type"] in ("markdown", "file")]
    if view.get("type") != "modal":
        bad.append("must be modal [json-pointer:/view/type]")
    for key, need in (("title", True), ("submit", any(b["type"] == "input" for b in blocks)), ("close", False)):
        label = view.get(key)
        if label is None:
            bad += [f"missing required field: {key} [json-pointer:/view]"] if need else []
        elif not isinstance(label, dict) or label.get("type") != "plain_text" or not isinstance(label.get("text"), str):
            bad.append(f"must be a plain_text object [json-pointer:/view/{key}]")
        elif not 1 <= len(label["text"]) <= 24:
            bad.append(f"must be 1 to 24 characters [json-pointer:/view/{key}/text]")
    for key, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if not isinstance(view.get(key) or "", str) or len(view.get(key) or "") > most:
            bad.append(f"must be less than {most + 1} characters [json-pointer:/view/{key}]")
    known = [
        "type",
        "title",
        "blocks",
        "close",
        "submit",
        "private_metadata",
        "callback_id",
        "clear_on_close",
        "notify_on_close",
        "external_id",
        "submit_disabled",
    ]
    return bad + [f"invalid additional property: {key} [json-pointer:/view]" for key in view if key not in known]


def elements(block: dict) -> list[dict]:
    """What a block holds to press or to fill in."""
    found = [block.get("element"), block.get("accessory"), *block.get("elements", [])]
    return [el for el in found if isinstance(el, dict)]


class SlackFake:
    def __init__(
        self,
        *,
        bot_token: str = "xoxb-fake",
        app_token: str = "xapp-1-fake",
        signing_secret: str = "s" * 32,
        strict: bool = True,
        rate_limit: bool = False,
        ack_seconds: float = 3.0,
    ) -> None:
        """strict: refuse arguments a method does not list (Slack mostly ignores them: a typo goes unseen).
        rate_limit: hold chat.postMessage to 1 a second and channel (a burst of 3)."""
        self.bot_token, self.app_token, self.signing_secret = bot_token, app_token, signing_secret
        know(bot_token, app_token, signing_secret)
        self.strict, self.rate_limit, self.ack_seconds = strict, rate_limit, ack_seconds
        self.team = {"id": "T0TEAM", "domain": "fake"}
        self.app_id, self.bot_id, self.bot_user = "A0APP", "B0BOT", "U0BOT"
        self.granted: set[str] | None = None  # the app's scopes; None: all, and nothing is told about them
        self.has_user_groups = True  # the plan has them
        self.groups_are_for: str = "everybody"  # or "admins": who may change user groups
        self.request_url: str | None = None  # HTTP interactivity; used by click(via="http")
        self.command_url: str | None = None  # slash commands and events over HTTP; without them, request_url
        self.event_url: str | None = None
        self.base_url = ""
        self._runner: web.AppRunner | None = None
        self.sockets: list[web.WebSocketResponse] = []
        self.reset()

    def reset(self) -> None:
        self.users: dict[str, dict[str, Any]] = {
            "U0ALICE": {"id": "U0ALICE", "name": "alice", "email": "alice@example.com"},
            "U0BOB": {"id": "U0BOB", "name": "bob", "email": "bob@example.com"},
        }
        self.channels: dict[str, dict[str, Any]] = {
            "C0OPS": {"id": "C0OPS", "name": "ops", "is_member": True, "is_archived": False},
            "C0OLD": {"id": "C0OLD", "name": "old", "is_member": True, "is_archived": True},
            "C0ELSE": {"id": "C0ELSE", "name": "else", "is_member": False, "is_archived": False},
        }
        self.members: dict[str, list[str]] = {}  # people in a channel; a channel not named here holds everyone
        self.usergroups: dict[str, dict[str, Any]] = {
            "S0ONCALL": {"id": "S0ONCALL", "handle": "oncall", "name": "On call", "users": ["U0ALICE"]},
            "S0GONE": {"id": "S0GONE", "handle": "gone", "name": "Gone", "users": [], "disabled": True},
        }
        self.messages: dict[tuple[str, str], dict] = {}
        self.pins: dict[str, list[str]] = {}  # channel: timestamps
        self.bookmarks: dict[str, list[dict]] = {}
        self.ephemeral: list[dict] = []
        self.views: list[dict] = []  # every modal ever opened or pushed
        self.modals: dict[str, list[dict]] = {}  # user: the modals open now, the visible one last
        self.requests: list[dict] = []  # every Web API call: method, args, answer
        self.acks: list[dict] = []  # every envelope answer that came over a socket
        self.faults: list[dict] = []
        self._tickets: dict[str, float] = {}
        self._pending: dict[str, asyncio.Future] = {}
        self._response_urls: dict[str, dict] = {}
        self._triggers: dict[str, tuple] = {}  # id: (until, or 0 when spent; user; the view it arose in)
        self._bucket: dict[str, tuple[float, float]] = {}
        self._ts = 0.0

    # ---- scripting -------------------------------------------------------------------------
    def fault(
        self,
        method: str | None = None,
        *,
        times: int = 1,
        skip: int = 0,
        status: int | None = None,
        retry_after: int | None = None,
        error: str | None = None,
        hang: float | None = None,
        drop: bool = False,
        garbage: bool = False,
        accepted: bool = False,
    ) -> None:
        """Script the next calls of a method (None: any). status=429 with retry_after, status=500/503,
        error='channel_not_found' (HTTP 200, ok false), hang seconds, drop the connection, garbage HTML.
        accepted: it WAS carried out all the same (a blind retry posts twice)."""
        self.faults.append({k: v for k, v in locals().items() if k != "self"})

    async def click(
        self,
        channel: str,
        ts: str,
        action_id: str,
        *,
        user: str = "U0ALICE",
        via: str = "socket",
        timeout: float | None = None,
        tamper: str | None = None,
        age: int = 0,
        envelope_id: str | None = None,
    ) -> dict:
        """A person presses a button that is really in that message. via: socket | http.
        tamper (http): 'signature' | 'body'; age: seconds by which the timestamp lies in the past.
        Answers {"acked": bool, "status"?, "payload"?, "response_url", "trigger_id", "envelope_id"?}."""
        message = self.messages.get((channel, ts))
        if message is None:
            raise LookupError("message_not_found")
        action = self._action(message.get("blocks", []), action_id)
        trigger, (_, url) = self._trigger(user), self._reply_url("actions", channel, user, ts)
        payload = {
            "type": "block_actions",
            **self._who(user),
            "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False},
            "trigger_id": trigger,
            "channel": {"id": channel, "name": self.channels.get(channel, {}).get("name", "directmessage")},
            "message": message,
            "state": {"values": {}},
            "response_url": url,
            "actions": [action],
        }
        got = await self._deliver("interactive", payload, via=via, timeout=timeout, tamper=tamper, age=age, envelope_id=envelope_id)
        return {**got, "response_url": url, "trigger_id": trigger}

    async def command(self, command: str, text: str = "", *, user: str = "U0ALICE", channel: str = "C0OPS", **how: Any) -> dict:
        """A person types a slash command (it works where the bot is no member, too). how: via, timeout, tamper, age,
        envelope_id, as for click. "payload" in the answer is what the app answered with; it is shown as Slack would
        show it (ephemeral, or a message if response_type is in_channel), and acked is False if Slack could not."""
        if not command.startswith("/") or user not in self.users or channel not in self.channels:
            raise LookupError("a command starts with /, and comes from a user in a channel")
        ch, trigger, (token, url) = self.channels[channel], self._trigger(user), self._reply_url("commands", channel, user)
        name = "directmessage" if ch.get("is_im") else "privategroup" if ch.get("is_private") and not ch["is_member"] else ch["name"]
        payload = {
            "token": "verification-token-deprecated",
            "team_id": self.team["id"],
            "team_domain": self.team["domain"],
            "channel_id": channel,
            "channel_name": name,
            "user_id": user,
            "user_name": self.users[user]["name"],
            "command": command,
            "text": text,
            "api_app_id": self.app_id,
            "is_enterprise_install": "false",
            "response_url": url,
            "trigger_id": trigger,
        }
        got = self._parsed(await self._deliver("slash_commands", payload, **how))
        if got["acked"] and got["payload"]:
            try:
                self._say(self._response_urls[token], got["payload"])
            except SlackError as exc:
                got.update(acked=False, error=exc.body)
        return {**got, "response_url": url, "trigger_id": trigger}

    async def press(self, view_id: str, action_id: str, *, user: str | None = None, **how: Any) -> dict:
        """A person presses a button in an open modal (its trigger_id serves views.push). how: as for command."""
        user, _stack, view = self._open_view(view_id, user)
        trigger = self._trigger(user, view_id)
        payload = {
            "type": "block_actions",
            **self._who(user),
            "container": {"type": "view", "view_id": view_id},
            "trigger_id": trigger,
            "view": dict(view),
            "actions": [self._action(view["blocks"], action_id)],
        }
        return {**await self._deliver("interactive", payload, **how), "trigger_id": trigger}

    async def submit(self, view_id: str, values: dict | None = None, *, user: str | None = None, **how: Any) -> dict:
        """A person fills in and submits the modal on top. values: {block_id or action_id: text, an option's value,
        a user id, a list of these, ...}; what is not named keeps its initial value. Refuses (LookupError) what Slack's
        own client would not send: a required input left empty, an option not on offer, a view not on top.
        Then does what the answer says: none closes it; response_action errors | update | push | clear.
        how: as for command. Adds "open": ids of the modals still open; acked is False for an unusable answer."""
        user, stack, view = self._open_view(view_id, user)
        if stack[-1] is not view or not view["submit"]:
            raise LookupError("not the view on top" if stack[-1] is not view else "that view has no submit button")
        left: dict[str, Any] = dict(values or {})
        state: dict[str, dict] = {}
        for block in view["blocks"]:
            for el in elements(block):
                if el.get("type") in INPUTS:
                    key = next((k for k in (el["action_id"], block["block_id"]) if k in left), None)
                    state.setdefault(block["block_id"], {})[el["action_id"]] = self._filled(
                        block, el, key is not None, left.pop(key or "", None)
                    )
        if left:
            raise LookupError(f"no input {', '.join(left)} in that view")
        trigger = self._trigger(user, view_id)
        payload = {
            "type": "view_submission",
            **self._who(user),
            "trigger_id": trigger,
            "view": {**view, "state": {"values": state}},
            "response_urls": [],
        }
        got = self._parsed(await self._deliver("interactive", payload, **how))
        if got["acked"] and view in stack:
            try:
                self._answer_view(got["payload"] or {}, stack, view)
            except SlackError as exc:
                got.update(acked=False, error=exc.body)
        return {**got, "trigger_id": trigger, "open": [v["id"] for v in stack]}

    async def mention(
        self,
        text: str,
        *,
        user: str = "U0ALICE",
        channel: str = "C0OPS",
        thread_ts: str | None = None,
        retries: int = 0,
        duplicate: bool = False,
        **how: Any,
    ) -> dict:
        """A person writes to the bot: app_mention in a channel it is in, message.im in a DM (channel="im" opens theirs).
        retries: delivered again so often while nobody acks; duplicate: once more although acked. how: as for command.
        Adds "channel", "ts", "event_id" (the same in every delivery) and "attempts"."""
        if user in self.users and channel == "im":
            channel = self._do_conversations_open({"users": user})["channel"]["id"]
        ch = self.channels.get(channel)
        if (
            user not in self.users
            or ch is None
            or ch["is_archived"]
            or not ch["is_member"]
            or (thread_ts and (channel, thread_ts) not in self.messages)
        ):
            raise LookupError("needs a known user, a channel in use that the bot is in, and a thread that exists")
        at_bot, ts = f"<@{self.bot_user}>", self._stamp()
        said = text if ch.get("is_im") or at_bot in text else f"{at_bot} {text}"
        message = {
            "type": "message",
            "user": user,
            "text": said,
            "ts": ts,
            "team": self.team["id"],
            "client_msg_id": str(uuid.uuid4()),
            **({"thread_ts": thread_ts} if thread_ts else {}),
        }
        self.messages[channel, ts] = message
        kind = {"type": "message", "channel_type": "im"} if ch.get("is_im") else {"type": "app_mention"}
        payload = {
            "token": "verification-token-deprecated",
            "team_id": self.team["id"],
            "api_app_id": self.app_id,
            "event": {**message, **kind, "channel": channel, "event_ts": ts},
            "type": "event_callback",
            "event_id": "Ev" + secrets.token_hex(5).upper(),
            "event_time": int(float(ts)),
            "is_ext_shared_channel": False,
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": self.team["id"],
                    "user_id": self.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "event_context": f"1-{kind['type']}-{self.team['id']}-{channel}",
        }
        for n in range(1 + max(retries, duplicate)):
            got = await self._deliver("events_api", payload, retry=n, **how)
            if got["acked"] and not (duplicate and n == 0):
                break
        return {**got, "channel": channel, "ts": ts, "event_id": payload["event_id"], "attempts": n + 1}

    def _who(self, user: str) -> dict:
        name = self.users[user]["name"]
        return {
            "user": {"id": user, "username": name, "name": name, "team_id": self.team["id"]},
            "api_app_id": self.app_id,
            "token": "verification-token-deprecated",
            "team": self.team,
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _trigger(self, user: str, view_id: str | None = None) -> str:
        trigger = f"{secrets.randbelow(10**12)}.{secrets.token_hex(8)}"
        self._triggers[trigger] = (time.time() + 3, user, view_id)
        return trigger

    def _reply_url(self, kind: str, channel: str, user: str, ts: str | None = None) -> tuple[str, str]:
        token = secrets.token_hex(12)
        self._response_urls[token] = {"left": 5, "until": time.time() + 1800, "channel": channel, "user": user, "ts": ts}
        return token, f"{self.root}/{kind}/{self.team['id']}/{token}"

    def _stamp(self) -> str:
        self._ts = max(self._ts + 0.000001, time.time())
        return f"{self._ts:.6f}"

    def _action(self, blocks: list, action_id: str) -> dict:
        for block in blocks:
            for el in elements(block):
                if el.get("action_id") == action_id:
                    return {
                        "action_id": action_id,
                        "block_id": block["block_id"],
                        "type": el["type"],
                        "text": el.get("text"),
                        "action_ts": f"{time.time():.6f}",
                        **{k: el[k] for k in ("value", "style") if k in el},
                    }
        raise LookupError(f"no action {action_id!r} there (already removed?)")

    def _open_view(self, view_id: str, user: str | None = None) -> tuple[str, list, dict]:
        for who, stack in self.modals.items():
            for view in stack:
                if view["id"] == view_id and user in (None, who):
                    return who, stack, view
        raise LookupError(f"no view {view_id} open" + (f" before {user}" if user else ""))

    def _filled(self, block: dict, el: dict, given: bool, value: Any) -> dict:
        """The state of one element with that value in it."""
        kind = INPUTS[el["type"]]
        many = kind in ("options", "users", "conversations", "channels")
        if not given:
            value = el.get("initial_" + kind)
        elif kind in ("option", "options") and value:
            offer = {o["value"]: o for o in [*el.get("options", []), *(o for g in el.get("option_groups", []) for o in g["options"])]}
            if "external" in el["type"]:
                offer = {v: {"text": {"type": "plain_text", "text": v}, "value": v} for v in (value if many else [value])}
            if any(v not in offer for v in (value if many else [value])):
                raise LookupError(f"no option {value!r} in {el['action_id']}")
            value = [offer[v] for v in value] if many else offer[value]
        elif kind in ("user", "users") and any(v not in self.users for v in (value or [] if many else [value])):
            raise LookupError(f"no user {value!r}")
        if block["type"] == "input" and not block.get("optional") and value in (None, "", []):
            raise LookupError(f"{el['action_id']} is required")
        if isinstance(value, str) and value and not el.get("min_length", 0) <= len(value) <= el.get("max_length", 3000):
            raise LookupError(f"{el['action_id']} is too short or too long")
        return {"type": el["type"], "value" if kind == "value" else "selected_" + kind: (value or []) if many else value or None}

    def _answer_view(self, answer: dict, stack: list, view: dict) -> None:
        match answer.get("response_action"):
            case None if not answer:
                stack.remove(view)
            case "errors":
                inputs, errors = [b["block_id"] for b in view["blocks"] if b["type"] == "input"], answer.get("errors")
                if (
                    not isinstance(errors, dict)
                    or not errors
                    or any(k not in inputs or not isinstance(v, str) or not v for k, v in errors.items())
                ):
                    raise SlackError("invalid_arguments", "errors: {block_id of an input block: text}")
            case "update":
                view.update(self._checked_view(answer.get("view"), view))
            case "push":
                self._show_view(self._checked_view(answer.get("view")), stack)
            case "clear":
                stack.clear()
            case other:
                raise SlackError("invalid_arguments", f"unknown response_action: {other}")

    async def _deliver(
        self,
        kind: str,
        payload: dict,
        *,
        via: str = "socket",
        timeout: float | None = None,
        tamper: str | None = None,
        age: int = 0,
        envelope_id: str | None = None,
        retry: int = 0,
    ) -> dict:
        if via not in ("socket", "http"):
            raise TypeError("via: socket or http")
        if via == "http":
            return await self._post(kind, payload, tamper, age, timeout, retry)
        extra = {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""} if kind == "events_api" else None
        return await self.send_envelope(kind, payload, timeout=timeout, envelope_id=envelope_id, extra=extra)

    @staticmethod
    def _parsed(got: dict) -> dict:
        """Over HTTP an answer is JSON only if its Content-Type says so; else it is text, shown as it stands."""
        raw = got.get("payload")
        if isinstance(raw, str):
            try:
                raw = json.loads(raw) if got.get("content_type") == "application/json" else {"text": raw} if raw else None
            except ValueError:
                raw = {"text": raw}
        return {**got, "payload": raw if isinstance(raw, dict) or raw is None else {"text": str(raw)}}

    async def send_envelope(
        self, kind: str, payload: dict, *, timeout: float | None = None, envelope_id: str | None = None, extra: dict | None = None
    ) -> dict:
        """One envelope to ONE open socket (Slack picks any). Waits for {"envelope_id": ...} back."""
        live = [s for s in self.sockets if not s.closed]
        if not live:
            return {"acked": False, "error": "no socket open"}
        envelope_id = envelope_id or str(uuid.uuid4())
        future = self._pending[envelope_id] = asyncio.get_running_loop().create_future()
        await secrets.choice(live).send_json(
            {
                "envelope_id": envelope_id,
                "payload": payload,
                "type": kind,
                "accepts_response_payload": kind != "events_api",
                **(extra or {}),
            }
        )
        try:
            answer = await asyncio.wait_for(future, timeout or self.ack_seconds)
            return {"acked": True, "envelope_id": envelope_id, "payload": answer.get("payload")}
        except TimeoutError:
            return {"acked": False, "envelope_id": envelope_id, "error": "operation_timeout"}
        finally:
            self._pending.pop(envelope_id, None)

    async def _post(self, kind: str, payload: dict, tamper: str | None, age: int, timeout: float | None, retry: int = 0) -> dict:
        url = {"slash_commands": self.command_url, "events_api": self.event_url}.get(kind) or self.request_url
        if not url:
            raise RuntimeError("set request_url first")
        body = (
            json.dumps(payload)
            if kind == "events_api"
            else urlencode(payload if kind == "slash_commands" else {"payload": json.dumps(payload)})
        )
        stamp = str(int(time.time()) - age)
        headers = {
            "Content-Type": "application/json" if kind == "events_api" else "application/x-www-form-urlencoded",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": sign("x" * 32 if tamper == "signature" else self.signing_secret, stamp, body),
            **({"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"} if retry else {}),
        }
        if tamper == "body":
            names = ("U0ALICE", "U0BOB") if "U0ALICE" in body else ("U0BOB", "U0ALICE")
            body = body.replace(*names) if names[0] in body else body + " "
        try:
            async with self._http.post(
                url, data=body, headers=headers, timeout=aiohttp.ClientTimeout(total=timeout or self.ack_seconds)
            ) as resp:
                return {"acked": resp.status == 200, "status": resp.status, "payload": await resp.text(), "content_type": resp.content_type}
        except (TimeoutError, aiohttp.ClientError) as exc:
            return {"acked": False, "status": 0, "error": repr(exc)}

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Slack renews connections: 'warning', 'refresh_requested' (then it closes), 'link_disabled'."""
        for ws in [s for s in self.sockets if not s.closed]:
            await ws.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-fake"}})
            if reason != "warning":
                asyncio.get_running_loop().call_later(0.5, lambda w: asyncio.ensure_future(w.close()), ws)

    def drop_sockets(self) -> None:
        """The network goes away: no close frame."""
        for ws in self.sockets:
            if not ws.closed and ws._req is not None and ws._req.transport is not None:
                ws._req.transport.abort()

    async def wait_socket(self, timeout: float = 5.0, count: int = 1) -> None:
        end = time.monotonic() + timeout
        while sum(not s.closed for s in self.sockets) < count:
            if time.monotonic() > end:
                raise TimeoutError("no socket opened")
            await asyncio.sleep(0.01)

    # ---- server ----------------------------------------------------------------------------
    async def start(self, host: str = "127.0.0.1", port: int = 0) -> SlackFake:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_get("/link/", self._link)
        app.router.add_post("/{kind:actions|commands}/{team}/{token}", self._response_url)
        app.router.add_route("*", "/__fake__/{verb}", self._control)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        assert isinstance(site._server, asyncio.Server)
        self.root = f"http://{host}:{site._server.sockets[0].getsockname()[1]}"
        self.base_url = self.root + "/api/"
        self._http = aiohttp.ClientSession()
        return self

    async def stop(self) -> None:
        for ws in self.sockets:
            if not ws.closed:
                await ws.close()
        await self._http.close()
        if self._runner:
            await self._runner.cleanup()

    async def __aenter__(self) -> SlackFake:
        return self if self.base_url else await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    # ---- Socket Mode -----------------------------------------------------------------------
    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if self._tickets.pop(ticket, 0) < time.time():  # each URL works once, and for a short while only
            return web.Response(status=400, text="invalid ticket")
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.sockets.append(ws)
        await ws.send_json(
            {
                "type": "hello",
                "num_connections": sum(not s.closed for s in self.sockets),
                "debug_info": {"host": "applink-fake", "build_number": 1, "approximate_connection_time": 18060},
                "connection_info": {"app_id": self.app_id},
            }
        )
        async for msg in ws:
            if msg.type == WSMsgType.TEXT:
                try:
                    answer = json.loads(msg.data)
                    envelope = answer["envelope_id"]
                except (ValueError, KeyError, TypeError):
                    await ws.send_json({"type": "error", "error": "an answer needs envelope_id"})
                    continue
                self.acks.append(answer)
                future = self._pending.get(envelope)
                if future and not future.done():
                    future.set_result(answer)
        return ws

    # ---- Web API ---------------------------------------------------------------------------
    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        entry: dict[str, Any] = {"method": method, "args": {}, "answer": None, "at": time.time()}
        self.requests.append(entry)
        try:
            args, token = await self._args(request)
            entry["args"] = args
            if method not in METHODS:
                raise SlackError("unknown_method", req_method=method)
            kind, required, optional = METHODS[method]
            self._token(kind, token)
            self._scope(method, args)
            fault = self._take_fault(method)
            if fault:
                done = self._call(method, required, optional, args) if fault["accepted"] else None
                if fault["hang"]:
                    await asyncio.sleep(fault["hang"])
                    if not fault["accepted"] and (request.transport is None or request.transport.is_closing()):
                        return web.Response(status=503)
                if fault["drop"]:
                    if request.transport is not None:
                        request.transport.abort()
                    return web.Response(status=503)
                if fault["garbage"]:
                    return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
                if fault["status"]:
                    limited = fault["status"] == 429
                    entry["answer"] = {"ok": False, "error": "ratelimited" if limited else "fatal_error"}
                    head = {"Retry-After": str(fault["retry_after"] or 1)} if limited else {}
                    return web.json_response(entry["answer"], status=fault["status"], headers=head)
                if fault["error"]:
                    raise SlackError(fault["error"])
                if done is not None:
                    entry["answer"] = done
                    return web.json_response(done)
            wait = self._limited(method, args)
            if wait:
                entry["answer"] = {"ok": False, "error": "ratelimited"}
                return web.json_response(entry["answer"], status=429, headers={"Retry-After": str(wait)})
            entry["answer"] = self._call(method, required, optional, args)
        except SlackError as exc:
            entry["answer"] = exc.body
        head = {"X-Slack-Req-Id": secrets.token_hex(16)}
        head |= {"X-OAuth-Scopes": ",".join(sorted(self.granted))} if self.granted is not None else {}
        return web.json_response(entry["answer"], headers=head)

    async def _args(self, request: web.Request) -> tuple[dict, str | None]:
        args: dict = dict(request.query)
        body = await request.text()
        if body:
            if request.content_type == "application/json":
                try:
                    data = json.loads(body)
                except ValueError:
                    raise SlackError("invalid_json") from None
                if not isinstance(data, dict):
                    raise SlackError("json_not_object")
                args.update(data)
            elif request.content_type == "application/x-www-form-urlencoded":
                args.update(parse_qsl(body, keep_blank_values=True))
            else:
                raise SlackError("invalid_post_type")
        header = request.headers.get("Authorization", "")
        token = header[7:] if header.startswith("Bearer ") else None
        return args, args.pop("token", None) or token

    def _token(self, kind: str, token: str | None) -> None:
        if not kind:
            return
        if not token:
            raise SlackError("not_authed")
        if token not in (self.bot_token, self.app_token):
            raise SlackError("invalid_auth")
        if (kind == BOT) != (token == self.bot_token):
            raise SlackError("not_allowed_token_type")

    def _scope(self, method: str, args: dict) -> None:
        if self.granted is None or method not in SCOPES:
            return
        needed = SCOPES[method][bool(self.channels.get(args.get("channel", ""), {}).get("is_private"))]
        if not self.granted.intersection(needed):
            raise SlackError("missing_scope", needed=needed[0], provided=",".join(sorted(self.granted)))

    def _take_fault(self, method: str) -> dict | None:
        for fault in self.faults:
            if fault["method"] not in (None, method):
                continue
            if fault["skip"] > 0:
                fault["skip"] -= 1
                continue
            fault["times"] -= 1
            if fault["times"] <= 0:
                self.faults.remove(fault)
            return dict(fault)
        return None

    def _limited(self, method: str, args: dict) -> int:
        if not self.rate_limit or method != "chat.postMessage":
            return 0
        now, channel = time.monotonic(), args.get("channel", "")
        level, at = self._bucket.get(channel, (3.0, now))
        level = min(3.0, level + (now - at))
        if level < 1:
            self._bucket[channel] = (level, now)
            return 1
        self._bucket[channel] = (level - 1, now)
        return 0

    def _call(self, method: str, required: list, optional: list, args: dict) -> dict:
        missing = [k for k in required if args.get(k) is None or (args[k] == "" and k not in BLANK_OK)]
        if missing:
            raise SlackError("invalid_arguments", *(f"missing required field: {k}" for k in missing))
        if self.strict:
            unknown = [k for k in args if k not in required and k not in optional]
            if unknown:
                raise SlackError("invalid_arguments", *(f"unknown argument: {k}" for k in unknown))
        for key in (
            "unfurl_links",
            "unfurl_media",
            "mrkdwn",
            "link_names",
            "reply_broadcast",
            "as_user",
            "return_im",
            "is_private",
            "force",
            "include_users",
            "include_count",
            "include_disabled",
            "include_num_members",
            "exclude_archived",
        ):
            if key in args and args[key] not in (True, False, "true", "false", "1", "0", 1, 0):
                raise SlackError("invalid_arguments", f"{key} must be a boolean")
        for key in (
            "channel",
            "ts",
            "thread_ts",
            "text",
            "user",
            "email",
            "message_ts",
            "name",
            "topic",
            "purpose",
            "timestamp",
            "channel_id",
            "title",
            "link",
            "usergroup",
            "view_id",
            "external_id",
            "hash",
            "trigger_id",
        ):
            if key in args and not isinstance(args[key], str):
                raise SlackError("invalid_arguments", f"must be a string [json-pointer:/{key}]")
        return {"ok": True, **getattr(self, "_do_" + method.replace(".", "_"))(args)}

    @staticmethod
    def _yes(args: dict, key: str) -> bool:
        return str(args.get(key)).lower() in ("true", "1")

    @staticmethod
    def _ids(args: dict, none: str) -> list[str]:
        if not isinstance(args["users"], str):
            raise SlackError("invalid_array_arg")
        ids = [u.strip() for u in args["users"].split(",") if u.strip()]
        if not ids:
            raise SlackError(none)
        return list(dict.fromkeys(ids))

    @staticmethod
    def _page(rows: list, args: dict, key: str, size: int = 100) -> dict:
        try:
            size = min(int(args.get("limit") or 0) or size, 1000)
        except ValueError:
            raise SlackError("invalid_limit") from None
        cursor = str(args.get("cursor") or 0)
        if not cursor.isdecimal() or size < 1:
            raise SlackError("invalid_limit" if size < 1 else "invalid_cursor")
        end = int(cursor) + size
        return {key: rows[int(cursor) : end], "response_metadata": {"next_cursor": str(end) if end < len(rows) else ""}}

    def _json_arg(self, args: dict, key: str, error: str) -> Any:
        value = args.get(key)
        if isinstance(value, str):
            try:
                return json.loads(value)
            except ValueError:
                raise SlackError(error) from None
        return value

    def _channel(self, ref: str, post: bool = True) -> str:
        if ref in self.users:  # posting to a user id opens the DM
            return str(self._do_conversations_open({"users": ref})["channel"]["id"])
        name = ref.removeprefix("#")
        for cid, ch in self.channels.items():
            if cid == ref or (post and ch.get("name") == name):
                if ch.get("is_private") and not ch["is_member"]:
                    break
                if post and ch["is_archived"]:
                    raise SlackError("is_archived")
                if post and not ch["is_member"]:
                    raise SlackError("not_in_channel")
                return cid
        raise SlackError("channel_not_found")

    def _conversation(self, cid: str, *, im: bool = False, member: bool = True, live: bool = True) -> dict:
        """By id only: names serve for posting, nowhere else."""
        ch = self.channels.get(cid)
        if ch is None or (ch.get("is_private") and not ch["is_member"]):
            raise SlackError("channel_not_found")
        if ch.get("is_im") and not im:
            raise SlackError("method_not_supported_for_channel_type")
        if live and ch["is_archived"]:
            raise SlackError("is_archived")
        if member and not ch["is_member"]:
            raise SlackError("not_in_channel")
        return ch

    def _members(self, cid: str) -> list[str]:
        people = self.members.get(cid, [u for u, who in self.users.items() if not who.get("deleted")])
        return [*people, *([self.bot_user] if self.channels[cid]["is_member"] else [])]

    def _target(self, args: dict) -> dict:
        """The message that pins.add and reactions.add point at."""
        self._conversation(args["channel"], im=True)
        if not re.fullmatch(r"\d+\.\d{1,6}", args["timestamp"]):
            raise SlackError("bad_timestamp")
        if (args["channel"], args["timestamp"]) not in self.messages:
            raise SlackError("message_not_found")
        return self.messages[args["channel"], args["timestamp"]]

    def _content(self, args: dict, text_limit: int, cut: bool) -> dict:
        out: dict = {}
        blocks = self._json_arg(args, "blocks", "invalid_blocks_format")
        if blocks is not None:
            problems = check_blocks(blocks)
            if problems:
                raise SlackError("invalid_blocks", *problems)
            out["blocks"] = [{"block_id": secrets.token_hex(3), **b} for b in blocks]
        attachments = self._json_arg(args, "attachments", "invalid_attachments")
        if attachments is not None:
            if not isinstance(attachments, list):
                raise SlackError("invalid_attachments")
            if len(attachments) > 100:
                raise SlackError("too_many_attachments")
            out["attachments"] = attachments
        metadata = self._json_arg(args, "metadata", "metadata_must_be_sent_as_json")
        if metadata is not None:
            if (
                not isinstance(metadata, dict)
                or not isinstance(metadata.get("event_type"), str)
                or not isinstance(metadata.get("event_payload"), dict)
            ):
                raise SlackError("invalid_metadata_format")
            out["metadata"] = metadata
        text = args.get("text") or args.get("markdown_text") or ""
        if not isinstance(text, str):
            raise SlackError("invalid_arguments", "must be a string [json-pointer:/text]")
        if not text and not blocks and not attachments:
            raise SlackError("no_text")
        if len(text) > text_limit:
            if not cut:
                raise SlackError("msg_too_long")
            text = text[:text_limit]
        out["text"] = text
        return out

    def _do_api_test(self, args: dict) -> dict:
        if args.get("error"):
            raise SlackError(args["error"])
        return {"args": args}

    def _do_auth_test(self, args: dict) -> dict:
        return {
            "url": "https://fake.slack.com/",
            "team": "Fake",
            "user": "pager",
            "team_id": self.team["id"],
            "user_id": self.bot_user,
            "bot_id": self.bot_id,
            "is_enterprise_install": False,
        }

    def _do_apps_connections_open(self, args: dict) -> dict:
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = time.time() + 30
        return {"url": f"ws{self.root[4:]}/link/?ticket={ticket}&app_id={self.app_id}"}

    def _do_chat_postMessage(self, args: dict) -> dict:
        channel = self._channel(args["channel"])
        content = self._content(args, 40000, cut=True)
        if args.get("thread_ts") and (channel, args["thread_ts"]) not in self.messages:
            raise SlackError("thread_not_found")
        if args.get("thread_ts"):
            content["thread_ts"] = args["thread_ts"]
        message = self._post_message(channel, content)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _post_message(self, channel: str, content: dict) -> dict:
        message = {
            "type": "message",
            "user": self.bot_user,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "team": self.team["id"],
            "ts": self._stamp(),
            **content,
        }
        self.messages[channel, message["ts"]] = message
        return message

    def _do_chat_postEphemeral(self, args: dict) -> dict:
        channel = self._channel(args["channel"])
        if args["user"] not in self.users or args["user"] not in self._members(channel):
            raise SlackError("user_not_in_channel")
        self.ephemeral.append({"channel": channel, "user": args["user"], **self._content(args, 40000, cut=True)})
        return {"message_ts": f"{time.time():.6f}"}

    def _do_chat_update(self, args: dict) -> dict:
        channel = self._channel(args["channel"])  # an id: names are for posting only
        if args["channel"] != channel:
            raise SlackError("channel_not_found")
        message = self.messages.get((channel, args["ts"]))
        if message is None:
            raise SlackError("message_not_found")
        if message["user"] != self.bot_user:
            raise SlackError("cant_update_message")
        content = self._content(args, 4000, cut=False)
        if "blocks" not in content and "blocks" not in args and args.get("text"):
            message.pop("blocks", None)  # text alone: the blocks go
        message.update(content)
        message["edited"] = {"user": self.bot_user, "ts": f"{time.time():.6f}"}
        return {"channel": channel, "ts": args["ts"], "text": message["text"], "message": message}

    def _do_chat_delete(self, args: dict) -> dict:
        message = self.messages.get((args["channel"], args["ts"]))
        if message is None or message["user"] != self.bot_user:
            raise SlackError("cant_delete_message" if message else "message_not_found")
        del self.messages[args["channel"], args["ts"]]
        return {"channel": args["channel"], "ts": args["ts"]}

    def _do_chat_getPermalink(self, args: dict) -> dict:
        if (args["channel"], args["message_ts"]) not in self.messages:
            raise SlackError("message_not_found")
        return {
            "channel": args["channel"],
            "permalink": f"https://fake.slack.com/archives/{args['channel']}/p{args['message_ts'].replace('.', '')}",
        }

    def _do_conversations_open(self, args: dict) -> dict:
        if args.get("channel"):
            return {"channel": {"id": self._channel(args["channel"], post=False)}}
        users = args.get("users")
        users = users.split(",") if isinstance(users, str) else list(users or [])
        if not users:
            raise SlackError("users_list_not_supplied")
        if any(u not in self.users for u in users):
            raise SlackError("user_not_found")
        if len(users) > 8:
            raise SlackError("too_many_users")
        cid = "D" + hashlib.sha1(",".join(sorted(users)).encode()).hexdigest()[:9].upper()
        new = cid not in self.channels
        self.channels.setdefault(cid, {"id": cid, "name": "directmessage", "is_member": True, "is_archived": False, "is_im": True})
        self.members[cid] = users
        return {"channel": {"id": cid}, **({} if new else {"no_op": True, "already_open": True})}

    def _do_conversations_info(self, args: dict) -> dict:
        cid = self._channel(args["channel"], post=False)
        count = {"num_members": len(self._members(cid))} if self._yes(args, "include_num_members") else {}
        blank = {"value": "", "creator": "", "last_set": 0}
        said = {} if self.channels[cid].get("is_im") else {"topic": dict(blank), "purpose": dict(blank)}
        return {"channel": {**said, **self.channels[cid], **count}}

    def _do_conversations_list(self, args: dict) -> dict:
        types = str(args.get("types") or "public_channel").split(",")
        if any(t not in ("public_channel", "private_channel", "mpim", "im") for t in types):
            raise SlackError("invalid_types")
        rows = [
            c
            for c in self.channels.values()
            if ("im" if c.get("is_im") else "private_channel" if c.get("is_private") else "public_channel") in types
            and not (self._yes(args, "exclude_archived") and c["is_archived"])
            and (c["is_member"] or not c.get("is_private"))
        ]
        return self._page(rows, args, "channels")

    def _do_conversations_create(self, args: dict) -> dict:
        name = args["name"]
        if not name or len(name) > 80:
            raise SlackError("invalid_name_maxlength" if name else "invalid_name_required")
        if not any(c.isalnum() for c in name):
            raise SlackError("invalid_name_punctuation")
        if name != name.lower() or not all(c.isalnum() or c in "-_" for c in name):
            raise SlackError("invalid_name_specials")
        if any(c.get("name") == name and not c.get("is_im") for c in self.channels.values()):  # archived ones keep theirs
            raise SlackError("name_taken")
        cid, private, blank = "C" + secrets.token_hex(5).upper(), self._yes(args, "is_private"), {"value": "", "creator": "", "last_set": 0}
        self.members[cid] = []
        self.channels[cid] = {
            "id": cid,
            "name": name,
            "name_normalized": name,
            "is_channel": not private,
            "is_group": private,
            "is_im": False,
            "is_mpim": False,
            "is_private": private,
            "is_member": True,
            "is_archived": False,
            "is_general": False,
            "created": int(time.time()),
            "creator": self.bot_user,
            "topic": dict(blank),
            "purpose": dict(blank),
            "previous_names": [],
        }
        return {"channel": self.channels[cid]}

    def _do_conversations_invite(self, args: dict) -> dict:
        ch, errors, good = self._conversation(args["channel"]), [], []
        for user in self._ids(args, "no_user"):
            error = (
                "cant_invite_self"
                if user == self.bot_user
                else "user_not_found"
                if user not in self.users or self.users[user].get("deleted")
                else "already_in_channel"
                if user in self._members(ch["id"])
                else ""
            )
            errors += [{"user": user, "ok": False, "error": error}] if error else []
            good += [] if error else [user]
        if errors and not (good and self._yes(args, "force")):  # one bad id: nobody is invited
            raise SlackError(str(errors[0]["error"]), errors=errors)
        self.members.setdefault(ch["id"], []).extend(good)
        return {"channel": ch, **({"errors": errors} if errors else {})}

    def _do_conversations_join(self, args: dict) -> dict:
        ch = self._conversation(args["channel"], member=False)
        if ch.get("is_private"):
            raise SlackError("method_not_supported_for_channel_type")
        if ch["is_member"]:
            return {"channel": ch, "warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
        ch["is_member"] = True
        return {"channel": ch}

    def _describe(self, args: dict, key: str) -> dict:
        ch = self._conversation(args["channel"])
        if len(args[key]) > 250:
            raise SlackError("too_long")
        # Given back as Slack gives it: three characters as entities, links in brackets.
        value = re.sub(r"https?://[^\s|]+", r"<\g<0>>", html.escape(args[key], quote=False))
        ch[key] = {"value": value, "creator": self.bot_user, "last_set": int(time.time())}
        return ch

    def _do_conversations_setTopic(self, args: dict) -> dict:
        return {"channel": self._describe(args, "topic")}

    def _do_conversations_setPurpose(self, args: dict) -> dict:
        self._describe(args, "purpose")
        return {}

    def _do_conversations_archive(self, args: dict) -> dict:
        ch = self._conversation(args["channel"], live=False)
        if ch["is_archived"] or ch.get("is_general"):
            raise SlackError("already_archived" if ch["is_archived"] else "cant_archive_general")
        ch["is_archived"] = True
        return {}

    def _do_conversations_members(self, args: dict) -> dict:
        ch = self._conversation(args["channel"], im=True, member=False, live=False)
        return self._page(self._members(ch["id"]), args, "members")

    def _do_pins_add(self, args: dict) -> dict:
        if not args.get("timestamp"):
            raise SlackError("no_item_specified")
        self._target(args)
        pins = self.pins.setdefault(args["channel"], [])
        if args["timestamp"] in pins or len(pins) >= 100:
            raise SlackError("already_pinned" if args["timestamp"] in pins else "too_many_pins")
        pins.append(args["timestamp"])
        return {}

    def _do_reactions_add(self, args: dict) -> dict:
        if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", args["name"]):  # no colons around it
            raise SlackError("invalid_name")
        reactions = self._target(args).setdefault("reactions", [])
        found = next((r for r in reactions if r["name"] == args["name"]), None)
        if found is None:
            reactions.append(found := {"name": args["name"], "users": [], "count": 0})
        if self.bot_user in found["users"]:
            raise SlackError("already_reacted")
        found["users"].append(self.bot_user)
        found["count"] += 1
        return {}

    def _do_bookmarks_add(self, args: dict) -> dict:
        ch = self.channels.get(args["channel_id"])
        if ch is None or ch.get("is_im") or not ch["is_member"] or ch["is_archived"]:
            raise SlackError("permission_denied" if ch else "channel_not_found")
        if args["type"] != "link":
            raise SlackError("invalid_bookmark_type")
        if not re.match(r"https?://.", args.get("link") or ""):
            raise SlackError("invalid_link")
        if args.get("emoji") and not re.fullmatch(r":[a-z0-9_+'-]+:", args["emoji"]):
            raise SlackError("invalid_emoji")
        rows = self.bookmarks.setdefault(ch["id"], [])
        if len(rows) >= 100:
            raise SlackError("too_many_bookmarks")
        rows.append(
            {
                "id": "Bk" + secrets.token_hex(5).upper(),
                "channel_id": ch["id"],
                "title": args["title"],
                "link": args["link"],
                "emoji": args.get("emoji"),
                "type": "link",
                "date_created": int(time.time()),
                "date_updated": 0,
                "last_updated_by_user_id": self.bot_user,
                "app_id": self.app_id,
            }
        )
        return {"bookmark": rows[-1]}

    def _usergroup(self, args: dict) -> dict:
        if not self.has_user_groups:
            raise SlackError("plan_upgrade_required")
        group = self.usergroups.get(args["usergroup"])
        if group is None or (group.get("disabled") and not self._yes(args, "include_disabled")):
            raise SlackError("no_such_subteam")
        return group

    def _usergroup_row(self, group: dict, users: bool, count: bool) -> dict:
        return {
            "id": group["id"],
            "team_id": self.team["id"],
            "is_usergroup": True,
            "name": group["name"],
            "handle": group["handle"],
            "description": group.get("description", ""),
            "is_external": False,
            "date_delete": int(group.get("disabled", False)),
            "prefs": {"channels": [], "groups": []},
            **({"users": group["users"]} if users else {}),
            **({"user_count": len(group["users"])} if count else {}),
        }

    def _do_usergroups_list(self, args: dict) -> dict:
        return {
            "usergroups": [
                self._usergroup_row(g, self._yes(args, "include_users"), self._yes(args, "include_count"))
                for g in self.usergroups.values()
                if not g.get("disabled") or self._yes(args, "include_disabled")
            ]
        }

    def _do_usergroups_users_list(self, args: dict) -> dict:
        return {"users": self._usergroup(args)["users"]}

    def _do_usergroups_users_update(self, args: dict) -> dict:
        if self.groups_are_for != "everybody":
            raise SlackError("permission_denied")
        group, users = self._usergroup(args), self._ids(args, "no_users_provided")  # it cannot be emptied
        if any(u not in self.users or self.users[u].get("deleted") for u in users):  # the bot may not be in it either
            raise SlackError("invalid_users")
        group["users"] = users
        return {"usergroup": self._usergroup_row(group, True, True)}

    def _do_conversations_history(self, args: dict) -> dict:
        channel = self._channel(args["channel"], post=False)
        rows = [
            m
            for (c, _), m in self.messages.items()
            if c == channel and "thread_ts" not in m and float(args.get("oldest") or 0) < float(m["ts"]) < float(args.get("latest") or 9e12)
        ]
        if not self._yes(args, "include_all_metadata"):
            rows = [{k: v for k, v in m.items() if k != "metadata"} for m in rows]
        return {"messages": rows[::-1][: int(args.get("limit") or 100)], "has_more": False}

    def _do_conversations_replies(self, args: dict) -> dict:
        rows = [m for (c, ts), m in self.messages.items() if c == args["channel"] and args["ts"] in (ts, m.get("thread_ts"))]
        if not rows:
            raise SlackError("thread_not_found")
        return {"messages": rows, "has_more": False}

    def _user(self, user: dict) -> dict:
        return {
            "id": user["id"],
            "team_id": self.team["id"],
            "name": user["name"],
            "deleted": user.get("deleted", False),
            "is_bot": False,
            "tz": "Etc/UTC",
            "profile": {"email": user["email"], "real_name": user["name"].title()},
        }

    def _do_users_lookupByEmail(self, args: dict) -> dict:
        for user in self.users.values():
            if user["email"].lower() == args["email"].lower() and not user.get("deleted"):
                return {"user": self._user(user)}
        raise SlackError("users_not_found")

    def _do_users_info(self, args: dict) -> dict:
        for user in self._do_users_list({})["members"]:
            if user["id"] == args["user"]:
                return {"user": user}
        raise SlackError("user_not_found")

    def _do_users_list(self, args: dict) -> dict:
        def other(uid: str, name: str, bot: bool) -> dict:  # Slackbot is not flagged as a bot; bots have no email
            return {"id": uid, "team_id": self.team["id"], "name": name, "deleted": False, "is_bot": bot, "profile": {"real_name": name}}

        rows = [other("USLACKBOT", "slackbot", False), *map(self._user, self.users.values()), other(self.bot_user, "pager", True)]
        return self._page(rows, args, "members", 1000)

    def _do_team_info(self, args: dict) -> dict:
        if args.get("team", self.team["id"]) != self.team["id"] or args.get("domain", self.team["domain"]) != self.team["domain"]:
            raise SlackError("team_not_found")
        return {"team": {**self.team, "name": "Fake", "email_domain": "example.com", "icon": {"image_default": True}}}

    def _checked_view(self, view: Any, own: dict | None = None) -> dict:
        problems = check_view(view)
        if problems:
            raise SlackError("invalid_arguments", *problems)
        if len(json.dumps(view)) > 250_000:
            raise SlackError("view_too_large")
        if view.get("external_id") and any(
            v is not own and v["external_id"] == view["external_id"] for stack in self.modals.values() for v in stack
        ):
            raise SlackError("duplicate_external_id")
        blocks = [{"block_id": secrets.token_hex(3), **b} for b in json.loads(json.dumps(view["blocks"]))]
        for el in (el for block in blocks for el in elements(block) if el.get("type") in INPUTS):
            el.setdefault("action_id", secrets.token_hex(3))
        return {
            "submit": None,
            "close": None,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **view,
            "blocks": blocks,
            "state": {"values": {}},
            "hash": f"{time.time():.0f}.{secrets.token_hex(4)}",
        }

    def _show_view(self, view: dict, stack: list) -> dict:
        if len(stack) >= 3:
            raise SlackError("push_limit_reached")
        vid = "V" + secrets.token_hex(5).upper()
        new = {
            "id": vid,
            "team_id": self.team["id"],
            "app_id": self.app_id,
            "bot_id": self.bot_id,
            "root_view_id": stack[0]["id"] if stack else vid,
            "previous_view_id": stack[-1]["id"] if stack else None,
            **view,
        }
        stack.append(new)
        self.views.append(new)
        return {"view": dict(new)}

    def _spend_trigger(self, args: dict) -> tuple[str, str | None]:
        if not args.get("trigger_id"):
            raise SlackError("invalid_arguments", "missing required field: trigger_id")
        until, user, inside = self._triggers.get(args["trigger_id"], (None, None, None))
        if not until or until < time.time():
            raise SlackError("invalid_trigger_id" if until is None else "expired_trigger_id" if until else "exchanged_trigger_id")
        self._triggers[args["trigger_id"]] = (0, user, inside)
        return user, inside

    def _do_views_open(self, args: dict) -> dict:
        view = self._checked_view(self._json_arg(args, "view", "invalid_arguments"))
        user, _ = self._spend_trigger(args)
        self.modals[user] = []  # one at a time
        return self._show_view(view, self.modals[user])

    def _do_views_push(self, args: dict) -> dict:
        view = self._checked_view(self._json_arg(args, "view", "invalid_arguments"))
        user, inside = self._spend_trigger(args)
        stack = self.modals.get(user, [])
        if inside not in [v["id"] for v in stack]:  # only from within an open modal
            raise SlackError("not_found")
        return self._show_view(view, stack)

    def _do_views_update(self, args: dict) -> dict:
        if not args.get("view_id") and not args.get("external_id"):
            raise SlackError("invalid_arguments", "missing required field: view_id")
        view = next(
            (
                v
                for stack in self.modals.values()
                for v in stack
                if args.get("view_id") == v["id"] or (args.get("external_id") and args["external_id"] == v["external_id"])
            ),
            None,
        )
        if view is None:
            raise SlackError("not_found")
        new = self._checked_view(self._json_arg(args, "view", "invalid_arguments"), view)
        if args.get("hash") and args["hash"] != view["hash"]:
            raise SlackError("hash_conflict")
        view.update(new)
        return {"view": dict(view)}

    def _say(self, slot: dict, args: dict) -> None:
        """The answer to a slash command, or through a response_url: to that person, or to the channel."""
        kind, content = args.get("response_type", "ephemeral"), self._content(args, 40000, cut=True)
        if kind not in ("ephemeral", "in_channel"):
            raise SlackError("invalid_arguments", "response_type must be ephemeral or in_channel")
        if kind == "in_channel":
            self._post_message(slot["channel"], content)
        else:
            self.ephemeral.append({"channel": slot["channel"], "user": slot["user"], **content})

    async def _response_url(self, request: web.Request) -> web.Response:
        slot = self._response_urls.get(request.match_info["token"])
        if slot is None or slot["until"] < time.time():
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if slot["left"] <= 0:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        slot["left"] -= 1
        try:
            args = json.loads(await request.text())
            if args.get("delete_original") and slot["ts"]:
                self.messages.pop((slot["channel"], slot["ts"]), None)
            elif args.get("replace_original") and slot["ts"]:
                content = self._content(args, 40000, cut=True)
                self.messages[slot["channel"], slot["ts"]].pop("blocks", None)
                self.messages[slot["channel"], slot["ts"]].update(content)
            else:
                self._say(slot, args)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        except SlackError as exc:
            return web.json_response(exc.body, status=400)
        return web.json_response({"ok": True})

    # ---- control over HTTP, for a fake run as its own process ------------------------------
    async def _control(self, request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        args = await request.json() if request.can_read_body else {}
        try:
            if verb == "fault":
                self.fault(**args)
                result: object = {"ok": True}
            elif verb in ("click", "command", "press", "submit", "mention"):
                result = await getattr(self, verb)(**args)
            elif verb == "disconnect":
                await self.disconnect(**args)
                result = {"ok": True}
            elif verb in ("reset", "drop_sockets"):
                getattr(self, verb)()
                result = {"ok": True}
            elif verb == "messages":
                result = [{"channel": c, **m} for (c, _), m in self.messages.items()]
            elif verb in ("requests", "acks", "ephemeral", "channels", "members", "pins", "bookmarks", "usergroups", "views", "modals"):
                result = getattr(self, verb)
            elif verb == "sockets":
                result = sum(not s.closed for s in self.sockets)
            else:
                return web.json_response({"error": f"no {verb}"}, status=404)
        except (TypeError, KeyError, LookupError, RuntimeError) as exc:
            return web.json_response({"error": str(exc)}, status=400)
        return web.json_response(result)


async def _main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--host", default="127.0.0.1")
    ap.add_argument("--port", type=int, default=8902)
    ap.add_argument("--request-url", help="where to POST interactivity for click via=http")
    ap.add_argument("--command-url", help="where to POST slash commands (else --request-url)")
    ap.add_argument("--event-url", help="where to POST events (else --request-url)")
    ap.add_argument("--rate-limit", action="store_true")
    args = ap.parse_args()
    fake = SlackFake(rate_limit=args.rate_limit)
    fake.request_url, fake.command_url, fake.event_url = args.request_url, args.command_url, args.event_url
    async with await fake.start(args.host, args.port):
        print(
            f"Slack fake on {fake.base_url}  bot_token={fake.bot_token}  app_token={fake.app_token}  signing_secret={fake.signing_secret}",
            flush=True,
        )
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
