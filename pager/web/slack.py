"""Slack over HTTP, for installations without Socket Mode. Each request is signed over its raw body and its time; a signature is good for five
minutes, and for one use.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pager.model.plain import plain
from pager.ports import StoreUnavailable
from pager.web.bodies import ClientDisconnect, TooLarge, TooSlow, body_of

MAX_BODY = 256 * 1024
_ANSWER_WITHIN = 2.5  # seconds: Slack waits three

log = structlog.get_logger()

IsSigned = Callable[[str, bytes, str], bool]
"""timestamp, raw body, signature: whether any of our secrets made it, just now."""
Handle = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any] | None]]
Once = Callable[[str], Awaitable[bool]]


class SlackCallbacks:
    def __init__(self, is_signed: IsSigned, handle: Handle, once: Once) -> None:
        """`once` is True for a request that is seen for the first time."""
        self._is_signed = is_signed
        self._handle = handle
        self._once = once

    async def interactivity(self, request: Request) -> Response:
        def payload(body: bytes) -> Mapping[str, Any]:
            return _object(dict(_form(body)).get("payload", ""))

        return await self._take(request, "interactive", payload)

    async def command(self, request: Request) -> Response:
        return await self._take(request, "slash_commands", lambda body: dict(_form(body)))

    async def events(self, request: Request) -> Response:
        return await self._take(request, "events_api", lambda body: _object(body.decode("utf-8", "replace")))

    async def _take(self, request: Request, kind: str, read: Callable[[bytes], Mapping[str, Any]]) -> Response:
        try:
            body = await body_of(request, MAX_BODY)
        except TooLarge:
            return Response("too large", status_code=413)
        except (TooSlow, ClientDisconnect):
            return Response("too slow", status_code=408)
        signature = request.headers.get("x-slack-signature", "")
        if not self._is_signed(request.headers.get("x-slack-request-timestamp", ""), body, signature):
            log.warning("slack.refused", why="wrong or old signature", path=request.url.path)
            return Response("wrong or old signature", status_code=403)
        try:
            payload = read(body)
        except ValueError:
            return Response("not what Slack sends", status_code=400)
        if kind == "events_api" and payload.get("type") == "url_verification":
            return JSONResponse({"challenge": str(payload.get("challenge", ""))})
        return await self._answer(kind, payload, signature)

    async def _answer(self, kind: str, payload: Mapping[str, Any], signature: str) -> Response:
        """Whatever becomes of it is said to the person by the handler, also that it was NOT recorded."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                first = await self._once(f"slack:{signature}")
        except (StoreUnavailable, TimeoutError):
            first = True
        if not first:
            log.warning("slack.refused", why="taken before")
            return Response("taken before", status_code=403)
        answer = await self._handle(kind, payload)
        return JSONResponse(answer) if answer else Response(status_code=200)


def _form(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _object(text: str) -> Mapping[str, Any]:
    """Raises ValueError for anything but a JSON object."""
    try:
        found = plain(json.loads(text))  # Slack may cut a text inside an emoji
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found
