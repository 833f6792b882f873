"""Who reaches us from outside: the doors of the HTTP application, and Slack's sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from pager.channels.slack_answers import SlackAnswers
from pager.channels.slack_desk import SlackDesk
from pager.channels.slack_inbound import signature_ok as slack_signature_ok
from pager.channels.slack_socket import SlackSocket
from pager.channels.twilio_webhooks import read_sms, read_status, signature_ok, twiml_message
from pager.model.settings import Provider
from pager.telemetry import Metrics
from pager.web.app import Doors, People
from pager.web.calendar import CalendarFeeds
from pager.web.intake import Intake
from pager.web.keyring import Keyring
from pager.web.reply import ReplyPages
from pager.web.slack import SlackCallbacks
from pager.web.twilio import InboundText, TwilioCallbacks, Wire
from pager.wiring.roles import ALL, Role
from pager.wiring.rooms import Rooms
from pager.wiring.stores import Store
from pager.wiring.vendors import Current


def doors(
    current: Current,
    store: Store,
    rooms: Rooms,
    slack: SlackRoom,
    waiting: Callable[[], int],
    metrics: Metrics,
    roles: Collection[Role] = ALL,
) -> Doors:
    """Those of the roles. `waiting` is how many alerts wait in the stream."""
    intake = Intake(Keyring(lambda: current.config), rooms.add, rooms.advance.change, waiting, metrics)
    people = People(
        reply=ReplyPages(rooms.links, store.incidents, rooms.door, lambda: current.rules),
        calendars=CalendarFeeds(rooms.calendar_links, current.in_force, lambda: datetime.now(UTC)),
        slack=SlackCallbacks(slack.is_signed, slack.handle, rooms.advance.once),
        twilio=TwilioCallbacks(
            _twilio_wire(current), lambda: current.config.settings.public_url, store.incidents, rooms.advance, rooms.door, metrics
        ),
    )
    return Doors(intake if Role.INTAKE in roles else None, people if Role.WEB in roles else None)


def _twilio_wire(current: Current) -> Callable[[], Wire]:
    """What the callbacks need of Twilio's own, by the accounts now configured."""

    def is_signed(url: str, form: list[tuple[str, str]], signature: str) -> bool:
        account = dict(form).get("AccountSid", "")
        tokens = [
            p.options["auth_token"]
            for p in current.config.providers.values()
            if p.kind == "twilio" and not p.missing and p.options.get("account_sid") == account
        ]
        return any(signature_ok(token, url, form, signature) for token in dict.fromkeys(tokens))

    def read_text(form: Mapping[str, str]) -> InboundText:
        text = read_sms(form)
        return InboundText(text.sid, text.sender, text.body)

    def answer(text: str | None) -> str:
        return twiml_message(text or "")

    return lambda: Wire(is_signed, read_status, read_text, answer)


class SlackRoom:
    """What people do in Slack, by sockets and by signed requests."""

    def __init__(self, current: Current, rooms: Rooms, metrics: Metrics) -> None:
        self._current = current
        self._metrics = metrics
        self._desk = SlackDesk(rooms.door, self._say, self._tell)
        self._sockets: dict[str, tuple[object, asyncio.Task[None]]] = {}

    async def run(self, look_every: float = 1.0) -> None:
        """Until cancelled. Follows the config."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._desk.run())
            while True:
                self._follow(group)
                await asyncio.sleep(look_every)

    def _follow(self, group: asyncio.TaskGroup) -> None:
        """A socket for each account that has an app token, and none for others."""
        wanted = {p.name: p for p in self._current.slacks() if p.options.get("app_token")}
        for name, (made_of, task) in list(self._sockets.items()):
            if name not in wanted or wanted[name].options != made_of:
                task.cancel()
                del self._sockets[name]
        for name in wanted.keys() - self._sockets.keys():
            socket = SlackSocket(wanted[name], self.handle, lambda there, name=name: self._metrics.slack_connected(name, there))  # type: ignore[misc]
            self._sockets[name] = (wanted[name].options, group.create_task(socket.run()))

    async def handle(self, kind: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        return await self._desk.handle(kind, payload)

    def is_signed(self, timestamp: str, body: bytes, signature: str) -> bool:
        now = datetime.now(UTC)
        secrets = [secret for p in self._current.slacks() if (secret := p.options.get("signing_secret"))]
        return any(slack_signature_ok(secret, timestamp, body, signature, now) for secret in secrets)

    async def _say(self, url: str, body: Mapping[str, Any]) -> None:
        accounts: list[Provider] = self._current.slacks()
        await SlackAnswers([p.options.get("api_url", "") for p in accounts])(url, body)

    async def _tell(self, thread: str, text: str, key: str) -> object:
        boards = list(self._current.boards().values())
        return await boards[0].reply(thread, text, key) if boards else None
