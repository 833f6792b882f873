"""Calendar feeds behind secret links, for Google, Apple and Outlook to subscribe to."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pager.model.config import Config
from pager.model.rota import RotaFacts
from pager.oncall.memo import Rota
from pager.web.links import CalendarLinks

if TYPE_CHECKING:
    from pager.rehearse.feed import Feed

_KEPT = 64  # feeds
_HOUR = timedelta(hours=1)
_HEADERS = {
    "Cache-Control": "private, no-cache",  # ask again each time: who is on call may have changed
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}
_EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


class CalendarFeeds:
    """Made in a thread, one at a time, and kept for the hour or until config or facts change: however many ask, alerts are taken in."""

    def __init__(self, links: CalendarLinks, rota: Callable[[], tuple[Config, RotaFacts]], now: Callable[[], datetime]) -> None:
        """`rota` is what is in force."""
        self._links = links
        self._rota = rota
        self._now = now
        self._kept: OrderedDict[tuple[str, str], tuple[object, Feed]] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def answer(self, token: str, request: Request) -> Response:
        """A link that is none, and one whose person or schedule is gone, say the same: nothing."""
        link = self._links.read(token)
        found = await self._feed(*link) if link is not None else None
        if found is None:
            return JSONResponse({"detail": "Not Found"}, 404)
        tag = f'W/"{found.tag}"'
        headers = {**_HEADERS, "ETag": tag}
        if _matches(request.headers.get("If-None-Match", ""), found.tag):
            return Response(status_code=304, headers=headers)
        return Response(found.body, headers=headers, media_type="text/calendar; charset=utf-8")

    async def _feed(self, kind: str, name: str) -> Feed | None:
        config, facts = self._rota()
        if name not in (config.schedules if kind == "schedule" else config.users):
            return None
        now = self._now()
        made_of = (config.revision, facts.version, (now - _EPOCH) // _HOUR)
        async with self._one_at_a_time:
            kept = self._kept.get((kind, name))
            if kept is not None and kept[0] == made_of:
                self._kept.move_to_end((kind, name))
                return kept[1]
            found = await asyncio.to_thread(_made, config, facts, kind, name, now)
            if found is not None:
                self._kept[(kind, name)] = (made_of, found)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return found


def _made(config: Config, facts: RotaFacts, kind: str, name: str, now: datetime) -> Feed | None:
    """With a rota of its own: that of the decisions is for one thread."""
    from pager.rehearse.feed import feed  # what writes calendars takes a tenth of a second to load, and a start does not wait for it

    return feed(config, Rota.of(config, facts), kind, name, now)


def _matches(asked: str, tag: str) -> bool:
    return asked.strip() == "*" or tag in re.findall(r'"([^"]*)"', asked)
