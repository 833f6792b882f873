"""Socket Mode by Slack's own SDK, against a server that renews, drops and refuses connections as Slack does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from pager.channels import slack_socket
from pager.channels.slack import Slack
from pager.channels.slack_answers import SlackAnswers
from pager.channels.slack_socket import SlackSocket, check_app_token
from pager.model.alert import Severity
from pager.model.event import ReplyAction
from pager.model.incident import State
from pager.model.settings import Provider
from pager.notify.card import Card
from pager.ports import Message, Sent
from tests.acceptance.daemon import eventually
from tests.fakes.slack_fake import SlackFake

CARD = Card(number=42, title="#42 disk full", state=State.TRIGGERED, severity=Severity.CRITICAL, actions=(ReplyAction.ACKNOWLEDGE,))


@pytest.fixture
async def slack() -> AsyncIterator[SlackFake]:
    async with SlackFake() as fake:
        yield fake


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_socket, "_PING", 0.2)
    monkeypatch.setattr(slack_socket, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(slack_socket, "_OLD_LINE_KEPT", 0.3)


def provider(slack: SlackFake, app_token: str | None = None) -> Provider:
    options = {"bot_token": slack.bot_token, "app_token": app_token or slack.app_token, "api_url": slack.base_url}
    return Provider(name="slack", kind="slack", options=options)


class Heard:
    def __init__(self) -> None:
        self.envelopes: list[tuple[str, Mapping[str, Any]]] = []
        self.connected: list[bool] = []
        self.answer: dict[str, Any] | None = None

    async def handle(self, kind: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        self.envelopes.append((kind, payload))
        return self.answer


@asynccontextmanager
async def listening(slack: SlackFake, app_token: str | None = None, within: float = 2.0) -> AsyncIterator[Heard]:
    heard = Heard()
    socket = SlackSocket(provider(slack, app_token), heard.handle, heard.connected.append, timedelta(seconds=within))
    task = asyncio.ensure_future(socket.run())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])


async def page(slack: SlackFake) -> tuple[str, str]:
    """A message with a button: where it is."""
    channel = Slack("slack", slack.bot_token, api_url=slack.base_url)
    sent = await channel.send(Message(address="slack:U0ALICE", text="#42 disk full", id="42-1", code="7K3M", card=CARD))
    await channel.close()
    assert isinstance(sent, Sent)
    where, _, ts = sent.receipt.partition(":")
    return where, ts


def asked_for(slack: SlackFake, method: str) -> int:
    return sum(r["method"] == method for r in slack.requests)


async def test_a_press_is_heard_and_slack_is_answered(slack: SlackFake) -> None:
    async with listening(slack) as heard:
        await slack.wait_socket()
        got = await slack.click(*await page(slack), "acknowledge")
        assert got["acked"]
        [(kind, payload)] = heard.envelopes
        assert (kind, payload["user"]["id"], payload["actions"][0]["value"]) == ("interactive", "U0ALICE", "42")
        assert heard.connected == [True]
    assert heard.connected[-1] is False


async def test_a_command_is_answered_with_what_the_desk_says(slack: SlackFake) -> None:
    async with listening(slack) as heard:
        heard.answer = {"response_type": "ephemeral", "text": "nothing is open"}
        await slack.wait_socket()
        got = await slack.command("/pager", "list")
        assert (got["acked"], got["payload"]["text"]) == (True, "nothing is open")


async def test_an_envelope_that_comes_again_is_handled_once(slack: SlackFake) -> None:
    async with listening(slack) as heard:
        await slack.wait_socket()
        where = await page(slack)
        for _ in range(2):
            assert (await slack.click(*where, "acknowledge", envelope_id="one"))["acked"]
        assert len(heard.envelopes) == 1


async def test_a_line_that_slack_renews_is_followed_before_it_ends(slack: SlackFake) -> None:
    async with listening(slack) as heard:
        await slack.wait_socket()
        await slack.disconnect("refresh_requested")
        await slack.wait_socket(count=2)  # the new one is there while the old one still is
        assert heard.connected[-1] is True
        await eventually(lambda: sum(not s.closed for s in slack.sockets) == 1, 5)
        assert (await slack.click(*await page(slack), "acknowledge"))["acked"]


async def test_a_line_that_is_cut_is_opened_again(slack: SlackFake) -> None:
    async with listening(slack) as heard:
        await slack.wait_socket()
        for _ in range(3):
            before = len(slack.sockets)
            slack.drop_sockets()
            await eventually(lambda before=before: len(slack.sockets) > before, 5)  # type: ignore[misc]
            assert (await slack.click(*await page(slack), "acknowledge"))["acked"]
        assert len(heard.envelopes) == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "retry_after": 1},
        {"status": 500},
        {"status": 503},
        {"error": "internal_error"},
        {"drop": True},
        {"garbage": True},
        {"hang": 5},
    ],
    ids=str,
)
async def test_an_address_that_slack_does_not_give_is_asked_for_again(slack: SlackFake, fault: dict[str, Any]) -> None:
    slack.fault("apps.connections.open", **fault)
    async with listening(slack, within=0.5):
        await slack.wait_socket(timeout=6)
        assert asked_for(slack, "apps.connections.open") == 2


async def test_a_bad_token_is_said_and_does_not_spin(slack: SlackFake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.extend([seconds] if seconds else [])
        await real(0)

    monkeypatch.setattr("pager.channels.slack_socket.asyncio.sleep", sleep)
    async with listening(slack, app_token="xapp-wrong") as heard:
        while len(pauses) < 12:
            await real(0.01)
        assert heard.connected == []
    assert pauses[:3] == [0.05, 0.1, 0.2]
    assert max(pauses) == 30.0


async def test_the_app_token_is_tried_and_what_is_wrong_is_said(slack: SlackFake, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await check_app_token(provider(slack)) is None
    assert len(slack.sockets) == 0
    wrong = await check_app_token(provider(slack, "xapp-wrong"))
    assert wrong is not None
    assert "connections:write" in wrong
    assert "xapp-wrong" not in wrong
    slack.fault("apps.connections.open", error="forbidden_team")
    assert "Socket Mode" in str(await check_app_token(provider(slack)))
    slack.fault("apps.connections.open", drop=True)
    assert "check api_url and the network" in str(await check_app_token(provider(slack)))


class TestAnswers:
    async def answer(self, slack: SlackFake, url: Callable[[dict[str, Any]], str]) -> None:
        async with listening(slack):
            await slack.wait_socket()
            got = await slack.click(*await page(slack), "acknowledge")
            await SlackAnswers([slack.base_url])(url(got), {"response_type": "ephemeral", "replace_original": False, "text": "acked <42>"})

    async def test_an_answer_is_seen_by_the_person_alone(self, slack: SlackFake) -> None:
        await self.answer(slack, lambda got: str(got["response_url"]))
        [said] = slack.ephemeral
        assert (said["user"], said["text"]) == ("U0ALICE", "acked &lt;42&gt;")

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:1/actions/T/1", "https://evil.example.com/actions/T/1", "ftp://hooks.slack.com/", "", "http://["]
    )
    async def test_an_address_that_is_not_slacks_is_left_alone(self, slack: SlackFake, url: str) -> None:
        await self.answer(slack, lambda _: url)
        assert slack.ephemeral == []

    async def test_an_answer_that_is_refused_raises_nothing(self, slack: SlackFake) -> None:
        await self.answer(slack, lambda got: str(got["response_url"]) + "x")
        assert slack.ephemeral == []
