"""Alerts over HTTP: a clear yes after the store has confirmed, or a clear no.

Source of the Events API: https://developer.pagerduty.com/docs/events-api-v2-overview"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from pager.intake.body import Bad, read_body
from pager.intake.events_v2 import MESSAGE, read_change, read_event, routing_key
from pager.intake.sources import EVENTS_V2, READERS
from pager.intake.stream import to_entry
from pager.intake.text import MAX_SUMMARY, clean
from pager.model.alert import Alert
from pager.model.service import Integration
from pager.ports import Meter, StoreUnavailable
from pager.web.bodies import ClientDisconnect, TooLarge, TooSlow, body_of
from pager.web.keyring import Keyring
from pager.web.straight import Answer

MAX_BODY = 512 * 1024
MOST_WAITING = 200_000  # alerts in the stream: beyond it senders are asked to come back
_STORED_WITHIN = 5.0  # seconds: tools wait about ten
_RETRY_AFTER = "5"

Add = Callable[[Sequence[Mapping[str, str]]], Awaitable[object]]
"""Puts entries into the alerts stream; returns when the store has confirmed all of them."""

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode


class Yes(msgspec.Struct, frozen=True):
    """What is to be stored, and what is said then; `busy` is the status of a no because too many wait."""

    alerts: Sequence[Alert]
    said: Mapping[str, object]
    busy: int


class No(msgspec.Struct, frozen=True):
    what: str
    message: str
    errors: Sequence[str] = ()
    status: int = 400


Read = Callable[[bytes, str], Yes | No]
"""What a body, of a content type, comes to."""


class Intake:
    def __init__(
        self, keyring: Keyring, add: Add, change: Callable[[str, str], Awaitable[None]], backlog: Callable[[], int], meter: Meter
    ) -> None:
        """`backlog` is how many alerts wait in the stream; `change` records that something was changed out there."""
        self._keyring = keyring
        self._add = add
        self._change = change
        self._backlog = backlog
        self._meter = meter

    async def enqueue(self, request: Request) -> Response:
        """`POST /v2/enqueue`."""
        return await self._taken(request, self._read_event)

    async def change(self, request: Request) -> Response:
        """`POST /v2/change/enqueue`. Nobody is paged for a change; it stands in the audit."""
        raw = await self._body(request)
        if isinstance(raw, Response):
            return raw
        found = self._event(raw, request.headers.get("content-type", ""))
        if isinstance(found, No):
            return self._refused(found)
        change = read_change(*found)
        if isinstance(change, Bad):
            return self._refused(_no(change))
        try:
            async with asyncio.timeout(_STORED_WITHIN):
                source = f" ({change.source})" if change.source else ""
                await self._change(change.integration, f"{change.summary}{source}")
        except (StoreUnavailable, TimeoutError):
            return _response(_unavailable())
        return _response(Answer(202, _encode({"status": "success", "message": "Change event processed"})))

    async def webhook(self, kind: str, key: str, request: Request) -> Response:
        """`POST /in/<kind>/<key>`."""
        read = self._webhook_reader(kind, key)
        if read is None:
            return self._refused(No("not found", "no integration of this kind has this key", status=404))
        return await self._taken(request, read)

    def take(self, path: str, raw: bytes, content_type: str, tell: Callable[[Answer], None]) -> bool:
        """Take the whole body of a POST: `tell` gets the answer after the store has confirmed. False where there is anything to say but yes:
        then nothing was done, and it is for the methods above."""
        read = self._reader(path)
        if read is None or len(raw) > MAX_BODY or self._backlog() > MOST_WAITING:
            return False
        try:
            found = read(raw, content_type)
            entries = [to_entry(alert) for alert in found.alerts] if isinstance(found, Yes) else []
        except Exception:
            return False  # a fault of ours: it comes up again there, and is said
        if not isinstance(found, Yes) or not entries:
            return False
        stored = asyncio.ensure_future(self._add(entries))
        late = asyncio.get_running_loop().call_later(_STORED_WITHIN, stored.cancel)

        def told(_: object) -> None:
            late.cancel()
            tell(self._outcome(stored, found))

        stored.add_done_callback(told)
        return True

    # --- parts ------------------------------------------------------------------------------------------------------------------------
    def _reader(self, path: str) -> Read | None:
        match path.split("/"):
            case ["", "v2", "enqueue"]:
                return self._read_event
            case ["", "in", kind, key] if kind and key:
                return self._webhook_reader(kind, key)
        return None

    def _read_event(self, raw: bytes, content_type: str) -> Yes | No:
        found = self._event(raw, content_type)
        if isinstance(found, No):
            return found
        body, integration = found
        alert = read_event(body, integration)
        if isinstance(alert, Bad):
            return _no(alert)
        # What was given is given back, also where we keep a shorter one; unless nothing of it can be kept.
        given = body.get("dedup_key")
        key = given if isinstance(given, str) and clean(given, MAX_SUMMARY) else alert.dedup_key
        return Yes((alert,), {"status": "success", "message": "Event processed", "dedup_key": key}, busy=429)

    def _webhook_reader(self, kind: str, key: str) -> Read | None:
        integration, reader = self._keyring.find(kind, key), READERS.get(kind)
        if integration is None or reader is None:
            return None

        def read(raw: bytes, content_type: str) -> Yes | No:
            body = read_body(raw, content_type)
            if isinstance(body, Bad):
                return _no(body)
            alerts = reader(body, integration)
            return Yes(alerts, {"status": "success", "message": f"{len(alerts)} alerts accepted", "alerts": len(alerts)}, busy=503)

        return read

    def _event(self, raw: bytes, content_type: str) -> tuple[dict[str, Any], Integration] | No:
        """The body, an object, and whose key it names."""
        body = read_body(raw, content_type)
        if isinstance(body, Bad):
            return _no(body)
        key = routing_key(body)
        if isinstance(key, Bad):
            return _no(key)
        integration = self._keyring.find(EVENTS_V2, key)
        if integration is None:
            return _no(Bad(MESSAGE, ("'routing_key' is not the key of an events-v2 integration",)))
        return body, integration

    async def _taken(self, request: Request, read: Read) -> Response:
        raw = await self._body(request)
        if isinstance(raw, Response):
            return raw
        found = read(raw, request.headers.get("content-type", ""))
        if isinstance(found, No):
            return self._refused(found)
        no = await self._store(found) if found.alerts else None
        return _response(no or Answer(202, _encode(found.said)))

    async def _body(self, request: Request) -> bytes | Response:
        """The body, or the answer that says why not."""
        try:
            return await body_of(request, MAX_BODY)
        except TooLarge:
            return self._refused(No("too large", f"a body may have {MAX_BODY} bytes", status=413), close=True)
        except TooSlow:
            return self._refused(No("too slow", "the body did not come in time", status=408), close=True)
        except ClientDisconnect:
            return Response(status_code=400)

    async def _store(self, found: Yes) -> Answer | None:
        """None when the store has confirmed them."""
        if self._backlog() > MOST_WAITING:
            self._meter.alerts("refused", len(found.alerts))
            message = "NOT accepted: too many alerts wait already. Send it again."
            return _later(found.busy, "throttled", message)
        try:
            async with asyncio.timeout(_STORED_WITHIN):
                await self._add([to_entry(alert) for alert in found.alerts])
        except (StoreUnavailable, TimeoutError):
            self._meter.alerts("refused", len(found.alerts))
            return _unavailable()
        return None

    def _outcome(self, stored: asyncio.Future[object], found: Yes) -> Answer:
        """What to say after `stored` came to its end."""
        error = TimeoutError() if stored.cancelled() else stored.exception()
        if error is None:
            return Answer(202, _encode(found.said))
        self._meter.alerts("refused", len(found.alerts))
        if not isinstance(error, (StoreUnavailable, TimeoutError)):
            log.error("intake.failed", exc_info=error)
        return _unavailable()

    def _refused(self, no: No, close: bool = False) -> Response:
        self._meter.alerts("invalid")
        log.warning("intake.refused", status=no.status, why=no.message, errors=list(no.errors))
        headers = {"Connection": "close"} if close else {}
        body = {"status": no.what, "message": no.message, "errors": list(no.errors) or [no.message]}
        return _response(Answer(no.status, _encode(body), headers))


def _no(bad: Bad) -> No:
    return No("invalid event", bad.message, bad.errors, bad.status)


def _unavailable() -> Answer:
    return _later(503, "unavailable", "NOT accepted: the store can't be reached. Send it again.")


def _later(status: int, what: str, message: str) -> Answer:
    return Answer(status, _encode({"status": what, "message": message, "errors": [message]}), {"Retry-After": _RETRY_AFTER})


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers), media_type="application/json")
