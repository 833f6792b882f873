"""Socket Mode: Slack reaches us over a connection that we open, so that no public URL is needed.

The SDK's client does the talking. When to connect is decided here: its own way never returns with a bad token, and goes on asking for an
address that is good for one connection only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from pager.channels.slack_errors import Refused, in_words
from pager.channels.slack_http import API_URL, answered, quiet, web_client
from pager.model.settings import Provider

CONNECT_WITHIN = timedelta(seconds=10)
_PING = 3.0  # seconds: a line that is dead is noticed after one or two of these
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # between tries to connect
_OLD_LINE_KEPT = 3.0  # seconds: answers under way still go out over it
_REMEMBERED = 1000  # envelopes

Handle = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any] | None]]

log = structlog.get_logger()


class SlackSocket:
    """`handle` is given the kind and payload of each envelope, once; what it returns is the answer. `connected` hears of each change."""

    def __init__(
        self, provider: Provider, handle: Handle, connected: Callable[[bool], None], connect_within: timedelta = CONNECT_WITHIN
    ) -> None:
        self._name = provider.name
        self._app_token = provider.options.get("app_token", "")
        self._api_url = provider.options.get("api_url", "") or API_URL
        self._handle = handle
        self._connected = connected
        self._within = connect_within
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def run(self) -> None:
        """Until cancelled. A connection that ends, or that Slack announces to end, is followed by a new one before the old one is dropped."""
        line: _Line | None = None
        try:
            async with asyncio.TaskGroup() as farewells:
                while True:
                    following = await self._connect()
                    if line is not None:
                        farewells.create_task(_leave(line, _OLD_LINE_KEPT))
                    line = following
                    self._connected(True)
                    await line.over.wait()
                    if not await line.is_connected():
                        self._connected(False)
        finally:
            self._connected(False)
            if line is not None:
                await _leave(line)

    async def _connect(self) -> _Line:
        pause = _FIRST_PAUSE
        while True:
            try:
                line = await self._once()
                log.info("slack.connected", provider=self._name)
                return line
            except Exception as error:
                log.warning("slack.not_connected", provider=self._name, why=why(error), again_in=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _once(self) -> _Line:
        web = web_client("", self._api_url, self._within)
        line = _Line(self._app_token, web, self._on_request)
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                line.wss_uri = await address_of(web, self._app_token, self._api_url)
                await line.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await _leave(line)
            raise
        return line

    async def _on_request(self, line: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answer = None
        if request.envelope_id in self._seen:  # Slack did not hear our answer
            log.info("slack.envelope_again", provider=self._name)
        else:
            self._remember(request.envelope_id)
            answer = await self._handle(request.type, request.payload)
        with suppress(ConnectionError):  # it will come again
            await line.send_socket_mode_response(SocketModeResponse(request.envelope_id, answer))

    def _remember(self, envelope: str) -> None:
        self._seen[envelope] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


async def address_of(web: AsyncWebClient, app_token: str, api_url: str) -> str:
    """An address for one connection. Raises what `answered` raises."""
    body, _ = await answered(web.apps_connections_open(app_token=app_token), api_url)
    return str(body.get("url", ""))


async def check_app_token(provider: Provider) -> str | None:
    """None when Socket Mode will work, else what is wrong and what to do."""
    api_url = provider.options.get("api_url", "") or API_URL
    try:
        async with asyncio.timeout(provider.timeout.total_seconds()):
            await address_of(web_client("", api_url, provider.timeout), provider.options["app_token"], api_url)
    except Exception as error:
        return why(error)
    return None


def why(error: Exception) -> str:
    """What keeps Socket Mode from working, and what to do."""
    if not isinstance(error, Refused) or error.status >= 500:
        return f"{in_words(error)}: check api_url and the network"
    if error.error in ("invalid_auth", "not_authed", "not_allowed_token_type"):
        return (
            f"Slack {error.error}: app_token must be an App-Level Token (xapp-...) with the scope connections:write, from Basic Information"
        )
    return f"{in_words(error)}; is Socket Mode turned on in the app's settings?"


class _Line(SocketModeClient):
    """One connection. `over` is set when another one is due."""

    def __init__(
        self, app_token: str, web: AsyncWebClient, listener: Callable[[AsyncBaseSocketModeClient, SocketModeRequest], Awaitable[None]]
    ) -> None:
        self.over = asyncio.Event()
        super().__init__(app_token, logger=quiet(), web_client=web, ping_interval=_PING)
        self.proxy = None  # the SDK takes one from the environment, and asks no NO_PROXY
        self.socket_mode_request_listeners.append(listener)

        async def ended(_: object) -> None:
            self.over.set()

        self.on_close_listeners.append(ended)
        self.on_error_listeners.append(ended)

    async def connect_to_new_endpoint(self, force: bool = False) -> None:
        """What the SDK calls when Slack closes the line, announces to, or is not heard any more."""
        self.over.set()


async def _leave(line: _Line, after: float = 0.0) -> None:
    try:
        await asyncio.sleep(after)
    finally:
        with suppress(Exception):
            await line.close()  # type: ignore[no-untyped-call]
