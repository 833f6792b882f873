"""The line to Twilio: the SDK's http client with a pool that is closed, a time limit that holds, and errors that keep their headers."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

CONNECTIONS = 64  # sends that one provider may have under way
# Twilio's load balancer drops idle connections sooner than a quiet night sends its next page, and a POST on a dropped one is ambiguous.
KEEP_IDLE = 15.0


class Refused(Exception):
    """Twilio answered with another status than 2xx. `code` is its own error code, 0 where the body names none; `retry_after` what the
    header of that name asks for. The text holds nothing of the request or the answer, so it may be shown and logged."""

    def __init__(self, status: int, code: int = 0, retry_after: timedelta | None = None) -> None:
        super().__init__(f"HTTP {status}, error {code}" if code else f"HTTP {status}")
        self.status = status
        self.code = code
        self.retry_after = retry_after


class NotReached(Exception):
    """No connection came about: nothing was asked of Twilio, so nothing was done. The text is safe to show."""


class PooledHttp(AsyncTwilioHttpClient):  # type: ignore[misc]
    """Sends every request to `api_url`, over one pool of connections that opens with the first request (the loop must run by then).

    Each request ends within `timeout`. It is never sent twice: the SDK's `max_retries` repeats a POST after a 5xx, which is another SMS.
    Raises Refused and NotReached; else what aiohttp raises, and then nobody knows what was done."""

    session: aiohttp.ClientSession | None

    def __init__(self, api_url: str, timeout: timedelta) -> None:
        super().__init__(pool_connections=False)
        self._api_url = api_url.rstrip("/")
        self._seconds = timeout.total_seconds()

    async def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        if self.session is None:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_IDLE)
            self.session = aiohttp.ClientSession(connector=connector)
        headers = dict(headers or {}) | ({"Authorization": _basic(*auth)} if auth else {})
        form = urlencode(data, doseq=True).encode() if data else None  # for aiohttp it takes several times as long
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            # The SDK drops the time limit of its constructor, and takes none in `create`: only the one given here is kept.
            response = await super().request(method, self._at_our_url(url), params, form, headers, None, self._seconds, False)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotReached(f"no connection to {urlsplit(self._api_url).netloc}: {type(error).__name__}") from error
        if not 200 <= response.status_code < 300:
            raise Refused(response.status_code, error_code(response.text), retry_after(response.headers.get("Retry-After")))
        return response

    def _at_our_url(self, url: str) -> str:
        """The SDK picks a host by region and by the environment; here the config alone says it."""
        parts = urlsplit(url)
        return f"{self._api_url}{parts.path}?{parts.query}" if parts.query else f"{self._api_url}{parts.path}"

    def log_request(self, kwargs: dict[str, Any]) -> None:
        """Nothing: the SDK would write phone numbers into the log."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Nothing: headers of answers are no news."""

    def __repr__(self) -> str:
        return f"PooledHttp({urlsplit(self._api_url).netloc})"


def _basic(login: str, password: str) -> str:
    """RFC 7617. As a header, since aiohttp is giving up its `auth` argument."""
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


def error_code(body: str) -> int:
    """Twilio's error code in the body of a refusal, or 0. Source: https://www.twilio.com/docs/usage/twilios-response#exceptions"""
    try:
        code = json.loads(body)["code"]
    except (ValueError, KeyError, TypeError):
        return 0
    return code if isinstance(code, int) else 0


def retry_after(header: str | None) -> timedelta | None:
    """The seconds form of Retry-After (RFC 9110, 10.2.3). Twilio doesn't send the date form; it counts as none."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return timedelta(seconds=seconds) if 0 <= seconds < 86_400 else None
