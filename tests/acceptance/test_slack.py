"""A night in Slack: direct messages with buttons, the team's channel, commands; by Socket Mode and by signed requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aiohttp

from tests.acceptance.conftest import start_several
from tests.acceptance.daemon import ANA, BEN, Daemon, eventually, pages
from tests.fakes.mail_server import MailServer
from tests.fakes.slack_fake import SlackFake, elements, sign
from tests.fakes.twilio_fake import TwilioFake

OPS = "C0OPS"
BUTTONS = ["acknowledge", "resolve", "escalate", "snooze"]
Said = dict[str, Any]


def direct(slack: SlackFake, user: str = "U0ALICE") -> list[Said]:
    """What we wrote to a person, in order."""
    return [m for (channel, _), m in slack.messages.items() if slack.members.get(channel) == [user]]


def asking(slack: SlackFake, user: str = "U0ALICE") -> list[Said]:
    """Pages: a notice is words alone."""
    return [m for m in direct(slack, user) if m.get("blocks")]


def boards(slack: SlackFake) -> list[Said]:
    """The messages of incidents in the team's channel."""
    return [m for (channel, _), m in slack.messages.items() if channel == OPS and m.get("bot_id") and not m.get("thread_ts")]


def thread(slack: SlackFake) -> str:
    """All that was said under them."""
    return "\n".join(m["text"] for (channel, _), m in slack.messages.items() if channel == OPS and m.get("bot_id") and m.get("thread_ts"))


def buttons(message: Said) -> list[str]:
    return [el["action_id"] for block in message.get("blocks", []) for el in elements(block) if "action_id" in el]


def shown(message: Said) -> str:
    return json.dumps(message.get("blocks", []), ensure_ascii=False)


def place(slack: SlackFake, message: Said) -> tuple[str, str]:
    return next(key for key, m in slack.messages.items() if m is message or m["ts"] == message["ts"])


def whispered(slack: SlackFake) -> list[str]:
    """What only one person saw."""
    return [m["text"] for m in slack.ephemeral]


async def state(daemon: Daemon, number: int = 1) -> tuple[str, str | None]:
    incident = await daemon.show(number)
    return incident["state"], incident["acknowledged_by"]


async def paged(daemon: Daemon, slack: SlackFake, service: str = "chat", count: int = 1) -> tuple[str, str]:
    """Where Ana's page stands."""
    await daemon.push(summary="disk full", service=service, dedup_key=f"k{count}", severity="critical")
    await eventually(lambda: len(asking(slack)) == count, 5, daemon.tail)
    return place(slack, asking(slack)[-1])


class TestAnIncident:
    async def test_has_a_message_with_four_buttons_and_one_in_the_channel_that_keep_up_with_it(
        self, several: Daemon, slack: SlackFake
    ) -> None:
        daemon = several
        at = await paged(daemon, slack)
        await eventually(lambda: boards(slack), 5, daemon.tail)
        assert buttons(asking(slack)[0]) == BUTTONS
        assert buttons(boards(slack)[0]) == BUTTONS
        assert "disk full" in asking(slack)[0]["text"]
        assert "triggered, stage 1, asking Ana Ruiz" in shown(boards(slack)[0])
        assert (await slack.click(*at, "acknowledge"))["acked"]
        await eventually(lambda: "acknowledged by Ana Ruiz" in shown(boards(slack)[0]), 5, daemon.tail)
        await eventually(lambda: "acknowledged by Ana Ruiz" in shown(asking(slack)[0]), 5, daemon.tail)
        assert buttons(boards(slack)[0]) == BUTTONS[1:]
        assert (await slack.click(*place(slack, boards(slack)[0]), "resolve", user="U0BOB"))["acked"]
        await eventually(lambda: "resolved by Ben Okafor" in shown(boards(slack)[0]), 5, daemon.tail)
        await eventually(lambda: buttons(asking(slack)[0]) == [], 5, daemon.tail)
        assert buttons(boards(slack)[0]) == []
        await eventually(lambda: "Ben Okafor: incident resolved" in thread(slack), 5, lambda: thread(slack))
        for event in ("incident opened", "page accepted", "Ana Ruiz: incident acknowledged"):
            assert thread(slack).count(event) == 1, thread(slack)
        # Updated in place: one message each, however often it changed.
        assert (len(boards(slack)), len(asking(slack))) == (1, 1)

    async def test_snoozed_and_escalated_by_button(self, several: Daemon, slack: SlackFake, twilio: TwilioFake) -> None:
        at = await paged(several, slack, "db")
        assert (await slack.click(*at, "escalate"))["acked"]
        await eventually(lambda: pages(twilio, BEN), 2.5, several.tail)
        assert (await slack.click(*at, "snooze"))["acked"]
        await eventually(lambda: any("snoozed 1 until" in text for text in whispered(slack)), 5, lambda: str(whispered(slack)))
        assert (await state(several))[0] == "snoozed"


class TestAnswers:
    async def test_over_signed_requests_and_only_those(
        self, make_daemon: Callable[..., Daemon], slack: SlackFake, mail: MailServer
    ) -> None:
        daemon = await start_several(make_daemon, slack, mail, vendors={"app": ""})
        at = await paged(daemon, slack)
        for how in ({"tamper": "signature"}, {"tamper": "body"}, {"age": 301}, {"age": -301}):
            refused = await slack.click(*at, "acknowledge", via="http", **how)
            assert refused["status"] == 403, how
        assert await state(daemon) == ("triggered", None)
        taken = await slack.click(*at, "acknowledge", via="http")
        assert (taken["status"], await state(daemon)) == (200, ("acknowledged", "ana"))
        await eventually(lambda: any("acknowledged 1" in text.lower() for text in whispered(slack)), 5, lambda: str(whispered(slack)))
        said = await slack.command("/pager", "list", via="http", user="U0BOB")
        assert "disk full" in said["payload"]["text"]
        assert (await slack.mention("note 1 on my way", via="http"))["acked"]
        await eventually(lambda: any("on my way" in block for block in map(shown, boards(slack))), 5, daemon.tail)
        assert not slack.sockets

    async def test_a_request_that_is_replayed_does_nothing(self, several: Daemon, slack: SlackFake) -> None:
        await paged(several, slack)
        stamp = f"{int(float(slack._stamp()))}"
        body = "command=%2Fpager&text=note+1+again&user_id=U0ALICE&trigger_id=1.1&channel_id=C0OPS"
        headers = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": sign(slack.signing_secret, stamp, body),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        async with aiohttp.ClientSession() as session:
            got = [(await session.post(f"{several.url}/slack/command", data=body, headers=headers)).status for _ in range(2)]
        assert got == [200, 403]
        timeline = (await several.show(1))["timeline"]
        assert len([e for e in timeline if e["event"] == "incident.noted"]) == 1

    async def test_the_same_envelope_twice_acts_once(self, several: Daemon, slack: SlackFake) -> None:
        at = await paged(several, slack)
        for _ in range(2):
            assert (await slack.click(*at, "acknowledge", envelope_id="e-1"))["acked"]
        told = await slack.mention("note 1 looking", duplicate=True)
        assert told["attempts"] == 2
        timeline = (await several.show(1))["timeline"]
        assert [e["event"] for e in timeline].count("incident.acknowledged") == 1
        assert [e["event"] for e in timeline].count("incident.noted") == 1

    async def test_a_stranger_is_answered_and_refused(self, several: Daemon, slack: SlackFake) -> None:
        slack.users["U0EVE"] = {"id": "U0EVE", "name": "eve", "email": "eve@example.com"}
        await paged(several, slack)
        await eventually(lambda: boards(slack), 5)
        at = place(slack, boards(slack)[0])
        for via in ("socket", "http"):
            assert (await slack.click(*at, "acknowledge", user="U0EVE", via=via))["acked"]
        await eventually(lambda: len([t for t in whispered(slack) if "slack:U0EVE is nobody known" in t]) == 2, 5, several.tail)
        for text in ("ack 1", "list"):
            said = await slack.command("/pager", text, user="U0EVE")
            assert "Nothing was done: slack:U0EVE is nobody known" in said["payload"]["text"]
            assert "disk full" not in said["payload"]["text"]
        assert await state(several) == ("triggered", None)
        assert several.metric('pagerd_replies_total{channel="chat",result="unknown_person"}') == 4

    async def test_by_command_and_by_mention(self, several: Daemon, slack: SlackFake) -> None:
        await paged(several, slack)
        said = await slack.command("/pager", "ack 1")
        assert "acknowledged 1" in said["payload"]["text"].lower()
        assert await state(several) == ("acknowledged", "ana")
        for words, answer in (("", "Commands:"), ("dance", "not understood"), ("ack", "Which incident?"), ("ack 99", "no incident 99")):
            assert answer in (await slack.command("/pager", words))["payload"]["text"]
        asked = await slack.mention("note 1 it is the log volume", user="U0BOB")

        def answered() -> bool:
            return any(m.get("thread_ts") == asked["ts"] for m in slack.messages.values())

        await eventually(answered, 5, several.tail)
        await slack.mention("resolve 1", channel="im")
        await eventually(lambda: any("resolved by Ana Ruiz" in shown(board) for board in boards(slack)), 5, several.tail)


class TestTheLineToSlack:
    async def test_renewed_or_lost_in_the_middle_of_a_chain_it_comes_back(
        self, several: Daemon, slack: SlackFake, twilio: TwilioFake
    ) -> None:
        at = await paged(several, slack, "db")
        before = len(slack.sockets)
        await slack.disconnect("refresh_requested")
        await eventually(lambda: len(slack.sockets) > before and not slack.sockets[-1].closed, 5, several.tail)
        assert (await slack.click(*at, "escalate"))["acked"]
        await eventually(lambda: pages(twilio, BEN), 2.5, several.tail)
        before = len(slack.sockets)
        slack.drop_sockets()
        await eventually(lambda: len(slack.sockets) > before, 10, several.tail)
        # An old line may look open for a moment longer: what goes down it is lost, and whoever pressed presses again.
        for _ in range(3):
            if (await slack.click(*at, "acknowledge"))["acked"]:
                break
        assert await state(several) == ("acknowledged", "ana")
        assert several.metric('pagerd_slack_connected{provider="slack"}') == 1

    async def test_a_post_that_was_carried_out_and_not_answered_is_made_once(
        self, several: Daemon, slack: SlackFake, twilio: TwilioFake
    ) -> None:
        slack.fault("chat.postMessage", drop=True, accepted=True, times=2)
        await paged(several, slack, "db")
        await eventually(lambda: boards(slack), 5, several.tail)

        async def accepted() -> bool:
            return any(e["event"] == "page.accepted" for e in (await several.show(1))["timeline"])

        await eventually(accepted, 5, several.tail)
        await eventually(lambda: "page accepted" in thread(slack), 5, several.tail)
        assert (len(asking(slack)), len(boards(slack))) == (1, 1)


PASSING: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "retry_after": 1},
    "500": {"status": 500},
    "500 though carried out": {"status": 500, "accepted": True},
    "hang": {"hang": 10},
    "hang though carried out": {"hang": 10, "accepted": True},
    "garbage": {"garbage": True},
    "dropped": {"drop": True},
}
FOR_GOOD: dict[str, dict[str, Any]] = {"no channel": {"error": "channel_not_found"}, "no token": {"error": "invalid_auth"}}


async def test_what_slack_trips_over_once_is_asked_once_all_the_same(several: Daemon, slack: SlackFake) -> None:
    for name, fault in PASSING.items():
        slack.fault("chat.postMessage", **fault)
        await several.push(summary=f"{name}.", service="night", dedup_key=name, severity="critical")
        await eventually(lambda: not slack.faults, 3, several.tail)
    for name in PASSING:
        await eventually(lambda name=name: asked_about(slack, name) == 1, 8, lambda name=name: f"{name}\n{several.tail()}")  # type: ignore[misc]
    await eventually(lambda: several.metric('pagerd_pages_total{channel="chat",result="found"}') >= 2, 5, several.tail)
    assert {name: asked_about(slack, name) for name in PASSING} == dict.fromkeys(PASSING, 1)


async def test_what_slack_refuses_for_good_goes_on_to_the_next_rung_at_once(several: Daemon, slack: SlackFake, twilio: TwilioFake) -> None:
    (several.config / "pagerd.yaml").write_text((several.config / "pagerd.yaml").read_text().replace("after: 1s, via", "after: 10m, via"))
    await eventually(lambda: "config.in_force" in several.log.read_text(), 5, several.tail)
    for name, fault in FOR_GOOD.items():
        slack.fault("chat.postMessage", times=1, **fault)
        await several.push(summary=f"{name}.", service="night", dedup_key=name, severity="critical")
        await eventually(lambda name=name: any(name in m["body"] for m in pages(twilio, ANA)), 2, several.tail)  # type: ignore[misc]
        assert asked_about(slack, name) == 0


async def test_a_chat_that_stays_down_ends_at_the_next_rung(several: Daemon, slack: SlackFake, twilio: TwilioFake) -> None:
    slack.fault("chat.postMessage", status=503, times=1000)
    await several.push(summary="disk full", service="night", dedup_key="k", severity="critical")
    await eventually(lambda: pages(twilio, ANA), 25, several.tail)
    assert asking(slack) == []


def asked_about(slack: SlackFake, summary: str) -> int:
    return sum(f"{summary}." in m["text"] for m in asking(slack))
