"""The line to Slack: the SDK's client with a pool that is closed, time limits that hold, no retries, and errors that hold no secrets."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from pager.channels.slack_errors import NotReached, Refused, word

API_URL = "https://slack.com/api/"
CONNECTIONS = 64  # requests that one provider may have under way
# Slack's load balancer drops idle connections sooner than a quiet night sends its next page, and a POST on a dropped one is ambiguous.
KEEP_IDLE = 15.0
_CONNECT_SHARE = 0.8  # of a request's time: what has no connection by then has asked nothing


def quiet() -> logging.Logger:
    """The SDK writes requests, tokens and socket addresses into its log; here it has nowhere to write to."""
    logger = logging.getLogger("pager.slack_sdk")
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    return logger


def web_client(token: str, api_url: str, timeout: timedelta) -> AsyncWebClient:
    """The SDK's client for `api_url`. Its default retry handler repeats a POST after a dropped connection, which is another message."""
    url = f"{api_url.rstrip('/')}/"
    seconds = max(1, round(timeout.total_seconds()))
    client = AsyncWebClient(token=token, base_url=url, timeout=seconds, retry_handlers=[], logger=quiet())
    client.proxy = None  # the SDK takes one from the environment, and asks no NO_PROXY
    return client


class SlackLine:
    """The SDK's methods over one pool of connections that opens with the first request (the loop must run by then).

    Each request ends within `timeout`, and is sent once. `ask` raises Refused and NotReached; else what aiohttp or the SDK raise, and then
    nobody knows what was done."""

    def __init__(self, token: str, api_url: str, timeout: timedelta) -> None:
        self.web = web_client(token, api_url, timeout)
        self._host = urlsplit(api_url).netloc
        self._seconds = timeout.total_seconds()

    async def ask(self, request: Awaitable[AsyncSlackResponse]) -> Mapping[str, Any]:
        """The answer's body. `request` is a call of a method of `web` that nobody awaited yet."""
        return (await self.answer(request))[0]

    async def answer(self, request: Awaitable[AsyncSlackResponse]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """The answer's body and headers."""
        self._open()
        return await answered(request, self._host)

    def _open(self) -> None:
        if self.web.session is None or self.web.session.closed:
            limits = aiohttp.ClientTimeout(total=self._seconds, connect=self._seconds * _CONNECT_SHARE)
            connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_IDLE)
            self.web.session = aiohttp.ClientSession(connector=connector, timeout=limits)

    async def close(self) -> None:
        session, self.web.session = self.web.session, None
        if session is not None:
            await session.close()


async def answered(request: Awaitable[AsyncSlackResponse], host: str) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """The body and headers of a yes. Raises as SlackLine.ask does."""
    try:
        response = await request
    except SlackApiError as error:
        raise _refused(error) from None
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise NotReached(f"no connection to {host}: {type(error).__name__}") from None
    if not isinstance(response.data, dict):
        raise ValueError("no JSON object")
    return response.data, response.headers


def _refused(error: SlackApiError) -> Refused:
    """Of the SDK's error only what is known to be harmless: its text holds the whole answer. Its `response` is the SDK's, or aiohttp's where
    the body was no JSON."""
    response = error.response
    status: Any = getattr(response, "status_code", None) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    body: Mapping[str, Any] = data if isinstance(data, dict) else {}
    headers: Mapping[str, str] = getattr(response, "headers", None) or {}
    return Refused(int(status), word(body.get("error")), _seconds(headers.get("Retry-After")), word(body.get("needed")))


def _seconds(header: str | None) -> timedelta | None:
    """The seconds form of Retry-After (RFC 9110, 10.2.3), the one that Slack sends."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return timedelta(seconds=seconds) if 0 <= seconds < 86_400 else None
