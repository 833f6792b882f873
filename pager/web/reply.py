"""The page behind the signed link of an email: GET shows the incident and changes nothing, since scanners open links; POST acts, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from pager.decide import Rules
from pager.door import NOT_RECORDED, Door
from pager.escalate.replies import LONGEST_SNOOZE
from pager.model.event import Answer, ReplyAction
from pager.model.snapshot import Snapshot
from pager.notify.card import Card
from pager.notify.cards import OFFERED, incident_card
from pager.notify.replies import read_duration
from pager.ports import Incidents, StoreUnavailable
from pager.web.bodies import ClientDisconnect, TooLarge, TooSlow, body_of
from pager.web.links import Link, ReplyLinks

_MAX_BODY = 4096
_STORED_WITHIN = 8.0  # seconds
_BROKEN = "NOT recorded: something in the pager itself went wrong. Answer another way, or call somebody."
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}
_page = Environment(
    loader=PackageLoader("pager.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
).get_template("reply.html")

log = structlog.get_logger()


class ReplyPages:
    def __init__(self, links: ReplyLinks, incidents: Incidents, door: Door, rules: Callable[[], Rules]) -> None:
        self._links = links
        self._incidents = incidents
        self._door = door
        self._rules = rules

    async def show(self, token: str) -> Response:
        try:
            found = await self._open(token)
        except (StoreUnavailable, TimeoutError):
            return _plain(503, "The pager can't reach its store", "Nothing was changed. Try again, or call somebody.")
        if isinstance(found, Response):
            return found
        link, snapshot, now = found
        return await self._shown(200, link, snapshot, now, "")

    async def act(self, token: str, request: Request) -> Response:
        try:
            form = dict(parse_qsl((await body_of(request, _MAX_BODY)).decode("utf-8", "replace")))
        except (TooLarge, TooSlow, ClientDisconnect):
            return _plain(400, "Nothing was done", "This is not a form of this page.")
        try:
            return await self._act(token, form)
        except (StoreUnavailable, TimeoutError):
            return _plain(503, NOT_RECORDED, "")
        except Exception:
            log.exception("reply.failed")
            return _plain(500, _BROKEN, "")

    async def _act(self, token: str, form: Mapping[str, str]) -> Response:
        """Raises StoreUnavailable and TimeoutError: then nothing is known to be recorded."""
        found = await self._open(token)
        if isinstance(found, Response):
            return found
        link, snapshot, now = found
        action = next((a for a in OFFERED if a == form.get("action")), None)
        span = read_duration(form.get("duration", "")) if action is ReplyAction.SNOOZE else None
        if action is None or (action is ReplyAction.SNOOZE and not (span and span <= LONGEST_SNOOZE)):
            return await self._shown(400, link, snapshot, now, "Nothing was done: choose one of these.")
        async with asyncio.timeout(_STORED_WITHIN):
            answer = await self._door.by_link(link.user, action, link.incident, f"link:{link.id}:{action}", link.page, span)
        status, said = _outcome(answer, action)
        try:
            now, snapshot = await self._load(link.incident)
        except (StoreUnavailable, TimeoutError):  # what was recorded stays so
            return _plain(status, said, "")
        return await self._shown(status, link, snapshot, now, said)

    async def _open(self, token: str) -> tuple[Link, Snapshot, datetime] | Response:
        """Raises StoreUnavailable and TimeoutError."""
        link = self._links.read(token)
        if link is None:
            log.warning("reply.refused", why="not a link of ours")
            return _plain(403, "This link is not valid", "It may have been cut, or its key was replaced. Answer another way.")
        if link.user not in self._rules().config.users:
            log.warning("reply.refused", why="not in the config any more", user=link.user)
            return _plain(403, f"{link.user} is not in the config any more", "Nothing was done.")
        now, snapshot = await self._load(link.incident)
        if link.expires <= now:
            return _plain(410, "This link has expired", "Answer another way.")
        if snapshot.incident is None or snapshot.record is None:
            return _plain(410, f"Incident {link.incident} is not kept any more", "")
        return link, snapshot, now

    async def _load(self, number: int) -> tuple[datetime, Snapshot]:
        async with asyncio.timeout(_STORED_WITHIN):
            now, [snapshot] = await self._incidents.by_number([number])
        if snapshot.unreadable:
            raise StoreUnavailable(snapshot.unreadable)
        return now, snapshot

    async def _spoken_for(self, link: Link) -> int:
        """How many incidents the email is about."""
        try:
            async with asyncio.timeout(_STORED_WITHIN):
                return len(await self._door.pages_of(link.incident, link.page)) or 1
        except (StoreUnavailable, TimeoutError):
            return 1

    async def _shown(self, status: int, link: Link, snapshot: Snapshot, now: datetime, said: str) -> Response:
        incident, record = snapshot.incident, snapshot.own
        if incident is None or record is None:
            return _plain(410, f"Incident {link.incident} is not kept any more", said)
        rules = self._rules()
        service = rules.config.services.get(incident.service)
        card = incident_card(incident, record, snapshot.policy, service, now, rules.names)
        if (count := await self._spoken_for(link)) > 1:
            actions = tuple(action for action in card.actions if action is not ReplyAction.RESOLVE)
            said_of = f"The email was about {count} incidents: what you answer is said of all of them."
            card = replace(card, lines=(said_of, *card.lines), actions=actions)
        return _html(status, card.title, said, card, rules.names.get(link.user, link.user))


def _outcome(answer: Answer, action: ReplyAction) -> tuple[int, str]:
    """The status, and a sentence."""
    if answer.replayed:
        return 409, f"Taken before, so nothing was done again: {action}."
    return (400 if answer.refused else 200), f"{answer.text[:1].upper()}{answer.text[1:]}."


def _plain(status: int, heading: str, said: str) -> Response:
    return _html(status, heading, said, None, "")


def _html(status: int, heading: str, said: str, card: Card | None, person: str) -> Response:
    actions = [str(action) for action in card.actions] if card else []
    text = _page.render(heading=heading, said=said, card=card, actions=actions, person=person)
    headers = dict(_HEADERS) | ({"Retry-After": "10"} if status == 503 else {})
    return Response(text, status, headers, media_type="text/html")
