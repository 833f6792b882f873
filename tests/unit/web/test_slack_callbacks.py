"""Slack over HTTP: who may speak, how often, and what is said back."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.model.incident import State
from pager.web.slack import MAX_BODY, SlackCallbacks
from tests.contract_folder import contract
from tests.unit.intake.any_json import json_values
from tests.unit.web.house import Answered, House, Log, call, served

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
AT = 1531420618
# Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
DOCUMENTED = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
    b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
    b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
PATHS = {"interactive": "/slack/interactivity", "slash_commands": "/slack/command", "events_api": "/slack/events"}


def sign(body: bytes, at: str = str(AT), secret: str = SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:%b:%b" % (at.encode("latin-1"), body), hashlib.sha256).hexdigest()


def press(value: str = "1", action: str = "acknowledge", user: str = "U0ANA") -> bytes:
    payload = {"type": "block_actions", "user": {"id": user}, "actions": [{"action_id": action, "value": value}]}
    return b"payload=" + quote(json.dumps(payload)).encode()


def command(text: str, user: str = "U0ANA", trigger: str = "t1") -> bytes:
    return urlencode({"command": "/pagerd", "text": text, "user_id": user, "trigger_id": trigger}).encode()


class Workspace:
    """Slack, and an incident 1. What somebody types is answered at once; a press is answered beside it, as `told`."""

    def __init__(self) -> None:
        self.house = House()
        self.handled: list[tuple[str, Mapping[str, Any]]] = []
        self.told: list[str] = []
        self.app = served(slack=SlackCallbacks(self.is_signed, self.handle, self.house.advance.once))

    def is_signed(self, at: str, body: bytes, signature: str) -> bool:
        in_time = at.isascii() and at.isdigit() and len(at) < 12 and abs(int(at) - AT) <= 300
        return in_time and hmac.compare_digest(sign(body, at).encode(), signature.encode())

    async def handle(self, kind: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        self.handled.append((kind, payload))
        if kind == "slash_commands" and payload.get("text"):
            answer = await self.house.door.by_command(f"slack:{payload['user_id']}", payload["text"], f"slack:{payload['trigger_id']}")
            return {"response_type": "ephemeral", "text": answer.text}
        if kind == "interactive" and payload.get("actions"):
            action = payload["actions"][0]
            answer = await self.house.door.by_command(
                f"slack:{payload['user']['id']}", f"{action['action_id']} {action['value']}", "slack:p1"
            )
            self.told.append(answer.text)
        return None

    async def send(self, kind: str, body: bytes, at: str = str(AT), signature: str | None = None, **how: Any) -> Answered:
        signed = {"x-slack-request-timestamp": at, "x-slack-signature": sign(body, at) if signature is None else signature}
        return await call(
            self.app, "POST", PATHS[kind], body, headers={"content-type": "application/x-www-form-urlencoded", **signed}, **how
        )

    @property
    def state(self) -> State:
        return self.house.store.incidents[1].state


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr("pager.web.slack.log", Log())
    slack = Workspace()
    await slack.house.alert()
    return slack


# --- who may speak ------------------------------------------------------------------------------------------------------------------------
async def test_the_example_of_slacks_own_pages_is_taken(slack: Workspace) -> None:
    answer = await slack.send("slash_commands", DOCUMENTED, signature=SIGNATURE)
    assert (answer.status, answer.body) == (200, b"")
    [(kind, payload)] = slack.handled
    assert (kind, payload["command"], payload["text"], payload["team_domain"]) == ("slash_commands", "/webhook-collect", "", "testteamnow")


async def test_a_press_and_a_command_act_and_are_answered(slack: Workspace) -> None:
    answer = await slack.send("interactive", press())
    assert (answer.status, answer.body, slack.told, slack.state) == (200, b"", ["acknowledged 1"], State.ACKNOWLEDGED)
    answer = await slack.send("slash_commands", command("resolve 1"))
    assert (answer.status, answer.json, slack.state) == (200, {"response_type": "ephemeral", "text": "resolved 1"}, State.RESOLVED)
    assert slack.house.store.incidents[1].acknowledged_by == "ana"


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize(
    "signature",
    ["", "v0=", sign(press(), secret="another"), sign(press() + b" "), sign(press())[3:], sign(press()).upper(), "é", SIGNATURE],
)
async def test_who_can_not_sign_is_not_heard(slack: Workspace, kind: str, signature: str) -> None:
    answer = await slack.send(kind, press(), signature=signature)
    assert (answer.status, slack.handled, slack.state) == (403, [], State.TRIGGERED)


async def test_a_body_that_was_changed_is_not_heard(slack: Workspace) -> None:
    answer = await slack.send("slash_commands", command("resolve 1"), signature=sign(command("list")))
    assert (answer.status, slack.handled) == (403, [])


@pytest.mark.parametrize(("at", "heard"), [(AT - 300, True), (AT - 301, False), (AT + 300, True), (AT + 301, False), (AT + 86_400, False)])
async def test_a_signature_has_its_time(slack: Workspace, at: int, heard: bool) -> None:
    answer = await slack.send("interactive", press(), at=str(at))
    assert (answer.status, bool(slack.handled)) == ((200, True) if heard else (403, False))


@pytest.mark.parametrize("at", ["", "now", "-1", "²", "1531420618.0", "9" * 5000])
async def test_a_time_that_is_none_is_no_fault_of_ours(slack: Workspace, at: str) -> None:
    assert (await slack.send("interactive", press(), at=at, signature=SIGNATURE)).status == 403


async def test_who_signs_nothing_is_not_heard(slack: Workspace) -> None:
    for path in PATHS.values():
        challenge = b'{"type": "url_verification", "challenge": "c"}'
        assert (await call(slack.app, "POST", path, challenge)).status == 403
        assert (await call(slack.app, "GET", path)).status == 405
    assert slack.handled == []


# --- once -----------------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "body"), [("interactive", press()), ("slash_commands", command("ack 1")), ("events_api", b'{"type": "event_callback"}')]
)
async def test_a_signature_is_good_for_one_use(slack: Workspace, kind: str, body: bytes) -> None:
    assert (await slack.send(kind, body)).status == 200
    assert [(await slack.send(kind, body)).status for _ in range(3)] == [403] * 3
    assert len(slack.handled) == 1
    assert (await slack.send(kind, body, at=str(AT + 1))).status == 200, "signed afresh, it is another request"


async def test_two_uses_at_once_are_one(slack: Workspace) -> None:
    both = await asyncio.gather(slack.send("interactive", press()), slack.send("interactive", press()))
    assert sorted(answer.status for answer in both) == [200, 403]
    assert len(slack.handled) == 1


async def test_what_was_refused_has_used_nothing_up(slack: Workspace) -> None:
    assert (await slack.send("interactive", b"payload=%7B")).status == 400
    assert (await slack.send("interactive", press(), signature="v0=00")).status == 403
    assert (await slack.send("interactive", press())).status == 200


# --- what it asks -----------------------------------------------------------------------------------------------------------------------------
async def test_slack_is_told_that_the_address_is_ours_as_often_as_it_asks(slack: Workspace) -> None:
    body = b'{"token": "t", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "type": "url_verification"}'
    slack.house.store.down = True
    for _ in range(2):
        answer = await slack.send("events_api", body)
        assert (answer.status, answer.json) == (200, {"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"})
    assert slack.handled == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("interactive", b""),
        ("interactive", b"payload="),
        ("interactive", b"payload=%7B"),
        ("interactive", b"payload=%5B%5D"),
        ("interactive", b'{"type": "block_actions"}'),
        ("interactive", b"payload=" + b"[" * 100_000),
        ("interactive", b"payload=" + b"9" * 100_000),
        ("events_api", b""),
        ("events_api", b"[]"),
        ("events_api", b'"x"'),
        ("events_api", b"\xff\xfe"),
        ("events_api", b'{"type": '),
    ],
)
async def test_what_is_not_what_slack_sends_is_a_400(slack: Workspace, kind: str, body: bytes) -> None:
    assert ((await slack.send(kind, body)).status, slack.handled) == (400, [])


async def test_half_an_emoji_reaches_nobody(slack: Workspace) -> None:
    assert (await slack.send("events_api", b'{"type": "event_callback", "text": "x \\ud83d"}')).status == 200
    assert (await slack.send("interactive", b"payload=" + quote('{"a\\udd25": ["\\ud83d"]}').encode())).status == 200
    assert (await slack.send("events_api", b'{"type": "url_verification", "challenge": "\\ud83d"}')).json == {"challenge": "?"}
    assert [payload for _, payload in slack.handled] == [{"type": "event_callback", "text": "x ?"}, {"a?": ["?"]}]


@settings(max_examples=50)
@given(json_values("type", "challenge", "actions", "user"), st.sampled_from(sorted(PATHS)))
def test_no_payload_is_a_fault_of_ours(value: Any, kind: str) -> None:
    body = json.dumps(value).encode()
    body = body if kind == "events_api" else b"payload=" + quote(body).encode()

    assert asyncio.run(call(ANY, "POST", PATHS[kind], body)).status in (200, 400)


async def _first(_: str) -> bool:
    return True


async def _readable(_: str, payload: Mapping[str, Any]) -> None:
    json.dumps(payload, ensure_ascii=False).encode()


ANY = served(slack=SlackCallbacks(lambda *_: True, _readable, _first))


@pytest.mark.parametrize("kind", PATHS)
async def test_what_is_too_large_or_does_not_come_is_refused(slack: Workspace, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await slack.send(kind, b"x" * (MAX_BODY + 1))).status == 413
    monkeypatch.setattr("pager.web.bodies._PATIENCE", 0.005)
    assert (await slack.send(kind, press()[:10], rest="stuck")).status == 408
    assert (await slack.send(kind, press(), rest="gone")).status == 408
    assert slack.handled == []


# --- trouble ----------------------------------------------------------------------------------------------------------------------------
async def test_when_the_store_is_gone_the_person_is_told_and_slack_is_content(slack: Workspace) -> None:
    slack.house.store.down = True
    answer = await slack.send("slash_commands", command("ack 1"))
    assert (answer.status, "NOT recorded" in answer.json["text"]) == (200, True)
    answer = await slack.send("interactive", press())
    assert (answer.status, answer.body) == (200, b"")
    assert "NOT recorded" in slack.told[0]
    slack.house.store.down = False
    assert slack.state is State.TRIGGERED
    answer = await slack.send("slash_commands", command("ack 1"))
    assert (answer.status, slack.state) == (200, State.ACKNOWLEDGED), "what was not recorded has used nothing up"


async def test_a_store_that_hangs_is_not_waited_for(slack: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(_: str) -> bool:
        await asyncio.Event().wait()
        return False

    monkeypatch.setattr("pager.web.slack._ANSWER_WITHIN", 0.005)
    slack.app = served(slack=SlackCallbacks(slack.is_signed, slack.handle, hangs))
    assert (await slack.send("interactive", press())).status == 200
    assert slack.told == ["acknowledged 1"], "whether it was taken before, the door asks again"


async def test_a_stranger_is_told_so(slack: Workspace) -> None:
    answer = await slack.send("slash_commands", command("ack 1", user="U0MALLORY"))
    assert (answer.status, "nobody known" in answer.json["text"], slack.state) == (200, True, State.TRIGGERED)


# --- what Slack really sends --------------------------------------------------------------------------------------------------------------
async def test_the_payloads_of_the_contract_are_read_as_they_are(slack: Workspace) -> None:
    folder = contract("payloads/slack")
    pressed = sorted(folder.glob("block_actions*.form"))
    for form in pressed:
        assert (await slack.send("interactive", form.read_bytes())).status == 200
        assert slack.handled[-1] == ("interactive", json.loads(form.with_suffix(".json").read_bytes()))
    assert (await slack.send("slash_commands", (folder / "slash_command.form").read_bytes())).status == 200
    example = json.loads((folder / "signature_example.json").read_bytes())
    assert (
        sign(example["body"].encode(), example["headers"]["X-Slack-Request-Timestamp"], example["signing_secret"])
        == example["expected_signature"]
    )
    assert len(pressed) > 1
