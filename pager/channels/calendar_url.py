"""Calendars on the web: read as far as is sane, and not a byte further."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urljoin, urlsplit

import aiohttp

from pager.ports import NotRead

WITHIN = timedelta(seconds=10)
MOST_BYTES = 5 * 1024 * 1024
MOST_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)


class CalendarUrl:
    """The port CalendarSource. Only http and https, also where a redirect leads."""

    def __init__(self, within: timedelta = WITHIN) -> None:
        self._within = within

    async def read(self, url: str) -> str:
        host = urlsplit(url).hostname or "it"
        try:
            async with asyncio.timeout(self._within.total_seconds()), aiohttp.ClientSession() as session:
                for _ in range(MOST_REDIRECTS + 1):
                    text, url = await self._asked(session, url)
                    if text is not None:
                        return text
        except TimeoutError:
            raise NotRead(f"{host} did not answer within {self._within.total_seconds():g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Their texts may hold the address.
            raise NotRead(f"{host} can't be read: {type(error).__name__}") from None
        raise NotRead(f"{host} leads on and on: more than {MOST_REDIRECTS} redirects")

    async def _asked(self, session: aiohttp.ClientSession, url: str) -> tuple[str | None, str]:
        """The text; or None, and where it is said to be."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise NotRead(f"it leads to {parts.scheme or 'no scheme'}:, which is not read")
        async with session.get(url, allow_redirects=False, headers={"Accept": "text/calendar", "User-Agent": "pagerd"}) as answer:
            if answer.status in _MOVED and "Location" in answer.headers:
                return None, urljoin(url, answer.headers["Location"])
            if answer.status != 200:
                raise NotRead(f"{parts.hostname} answers {answer.status}")
            held = bytearray()
            async for chunk in answer.content.iter_chunked(65536):
                held += chunk
                if len(held) > MOST_BYTES:
                    raise NotRead(f"{parts.hostname} sends more than {MOST_BYTES >> 20} MiB")
            return held.decode("utf-8-sig", "replace"), url
