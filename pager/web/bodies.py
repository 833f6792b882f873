"""Bodies of requests: bounded in size and in time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

_PATIENCE = 20.0  # seconds for a whole body: a client that dribbles holds a connection, and nothing else


class TooLarge(Exception):
    """The body is over the limit. What was read of it is dropped."""


class TooSlow(Exception):
    """The body did not come in time."""


async def body_of(request: Request, limit: int) -> bytes:
    """Raises TooLarge, TooSlow, and ClientDisconnect."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:  # Python refuses some thousand digits
        raise TooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise TooLarge
    except TimeoutError:
        raise TooSlow from None
    return bytes(body)


__all__ = ["ClientDisconnect", "TooLarge", "TooSlow", "body_of"]
