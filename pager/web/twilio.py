"""Twilio's callbacks: receipts of messages, and text messages that people send.

The signature covers the public URL, so it is checked against `settings.http.public_url`, never against the Host header. It has no
timestamp: what was taken once is not taken again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from pager.advance import Advance, Item
from pager.door import NOT_RECORDED, Door
from pager.model.event import Event, PageDelivered, PageFailed
from pager.model.incident import PageState
from pager.model.snapshot import FOLD
from pager.ports import Fate, Incidents, Meter, Status, StoreUnavailable
from pager.web.bodies import ClientDisconnect, TooLarge, TooSlow, body_of

MAX_BODY = 64 * 1024

log = structlog.get_logger()

Form = list[tuple[str, str]]


class InboundText(msgspec.Struct, frozen=True):
    id: str
    sender: str
    body: str


class Wire(msgspec.Struct, frozen=True):
    """What is Twilio's own: handed in by the wiring, so that this room knows no vendor's adapter."""

    is_signed: Callable[[str, Form, str], bool]  # url, form, signature
    read_status: Callable[[Mapping[str, str]], tuple[str, Status]]
    read_text: Callable[[Mapping[str, str]], InboundText]
    answer: Callable[[str | None], str]  # TwiML


class TwilioCallbacks:
    def __init__(
        self, wire: Callable[[], Wire], public_url: Callable[[], str], incidents: Incidents, advance: Advance, door: Door, meter: Meter
    ):
        self._wire = wire
        self._public_url = public_url
        self._incidents = incidents
        self._advance = advance
        self._door = door
        self._meter = meter

    async def sms(self, request: Request) -> Response:
        form = await self._signed_form(request)
        if isinstance(form, Response):
            self._meter.reply("sms", "forged")
            return form
        try:
            text = self._wire().read_text(dict(form))
        except ValueError as error:
            return Response(str(error), status_code=400)
        answer = await self._door.by_sms(text.sender, text.body, text.id)
        if answer is not None and answer.replayed:
            return Response("taken before", status_code=403)
        return Response(self._wire().answer(answer.text if answer else None), media_type="application/xml")

    async def status(self, request: Request) -> Response:
        """A receipt. Which page it is of stands in the URL that we gave Twilio, under its signature."""
        form = await self._signed_form(request)
        if isinstance(form, Response):
            return form
        query = request.query_params
        try:
            incident, seq, attempt = int(query["incident"]), int(query["page"]), int(query["attempt"])
            receipt, status = self._wire().read_status(dict(form))
        except (KeyError, ValueError):
            return Response("not a receipt of ours", status_code=400)
        try:
            await self._apply(incident, seq, attempt, receipt, status)
        except StoreUnavailable:
            return Response(NOT_RECORDED, status_code=503)
        return Response(status_code=204)

    async def _apply(self, incident: int, seq: int, attempt: int, receipt: str, status: Status) -> None:
        event = _event(seq, attempt, status)
        if event is None:
            return
        _, [known] = await self._incidents.by_number([incident])
        if known.unreadable:
            raise StoreUnavailable(known.unreadable)
        page = known.incident.page(seq) if known.incident else None
        if page is None or page.receipt not in ("", receipt):
            return
        self._meter.page(page.channel, "delivered" if status.fate is Fate.DELIVERED else "undelivered")
        others = await self._others(incident, seq, receipt, status) if page.folded or not page.receipt else []
        await self._advance.events([Item(incident, event), *others])

    async def _others(self, incident: int, seq: int, receipt: str, status: Status) -> list[Item]:
        """What the receipt means for the other pages that the same message spoke for."""
        code = await self._incidents.code(FOLD, f"{incident}-{seq}")
        pages = [(number, other) for number, other in (code.pages if code else ()) if number != incident]
        _, known = await self._incidents.by_number([number for number, _ in pages])
        items = []
        for (number, other), snapshot in zip(pages, known, strict=True):
            page = snapshot.incident.page(other) if snapshot.incident else None
            # It may be faster than our note that the message was accepted.
            mine = page is not None and (page.receipt == receipt or (page.state is PageState.QUEUED and page.attempt == 1))
            if page is not None and mine and (event := _event(other, page.attempt, status)) is not None:
                items.append(Item(number, event))
        return items

    async def _signed_form(self, request: Request) -> Form | Response:
        try:
            body = await body_of(request, MAX_BODY)
        except TooLarge:
            return Response("too large", status_code=413)
        except (TooSlow, ClientDisconnect):
            return Response("too slow", status_code=408)
        public_url = self._public_url()
        if not public_url:
            log.warning("twilio.refused", why="settings.http.public_url is empty, so no signature can be checked")
            return Response("public_url is not set", status_code=403)
        url = public_url.rstrip("/") + request.url.path + (f"?{request.url.query}" if request.url.query else "")
        form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        if not self._wire().is_signed(url, form, request.headers.get("x-twilio-signature", "")):
            log.warning("twilio.refused", why="wrong signature", path=request.url.path)
            return Response("wrong signature", status_code=403)
        return form


def _event(seq: int, attempt: int, status: Status) -> Event | None:
    match status.fate:
        case Fate.DELIVERED:
            return PageDelivered(seq)
        case Fate.FAILED:
            return PageFailed(seq, attempt, status.why, status.fault)
        case _:
            return None
