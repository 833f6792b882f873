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

MAX_BODY = 512 * 1024
MOST_WAITING = 200_000  # alerts in the stream: beyond it senders are asked to come back
_STORED_WITHIN = 5.0  # seconds: tools wait about ten
_RETRY_AFTER = "5"

Add = Callable[[Sequence[Mapping[str, str]]], Awaitable[object]]
"""Puts entries into the alerts stream; returns when the store has confirmed all of them."""

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode


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
        found = await self._event(request)
        if isinstance(found, Response):
            return found
        body, integration = found
        alert = read_event(body, integration)
        if isinstance(alert, Bad):
            return self._bad(alert)
        no = await self._store((alert,), busy=429)
        # What was given is given back, also where we keep a shorter one; unless nothing of it can be kept.
        given = body.get("dedup_key")
        key = given if isinstance(given, str) and clean(given, MAX_SUMMARY) else alert.dedup_key
        return no or _json(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    async def change(self, request: Request) -> Response:
        """`POST /v2/change/enqueue`. Nobody is paged for a change; it stands in the audit."""
        found = await self._event(request)
        if isinstance(found, Response):
            return found
        change = read_change(*found)
        if isinstance(change, Bad):
            return self._bad(change)
        try:
            async with asyncio.timeout(_STORED_WITHIN):
                source = f" ({change.source})" if change.source else ""
                await self._change(change.integration, f"{change.summary}{source}")
        except (StoreUnavailable, TimeoutError):
            return self._unavailable()
        return _json(202, {"status": "success", "message": "Change event processed"})

    async def webhook(self, kind: str, key: str, request: Request) -> Response:
        """`POST /in/<kind>/<key>`."""
        integration = self._keyring.find(kind, key)
        reader = READERS.get(kind)
        if integration is None or reader is None:
            return self._refused(404, "not found", "no integration of this kind has this key")
        body = await self._body(request)
        if isinstance(body, Response):
            return body
        alerts = reader(body, integration)
        no = await self._store(alerts, busy=503) if alerts else None
        return no or _json(202, {"status": "success", "message": f"{len(alerts)} alerts accepted", "alerts": len(alerts)})

    # --- parts ------------------------------------------------------------------------------------------------------------------------
    async def _event(self, request: Request) -> tuple[dict[str, Any], Integration] | Response:
        """The body, an object, and whose key it names."""
        body = await self._body(request)
        if isinstance(body, Response):
            return body
        key = routing_key(body)
        if isinstance(key, Bad):
            return self._bad(key)
        integration = self._keyring.find(EVENTS_V2, key)
        if integration is None:
            return self._bad(Bad(MESSAGE, ("'routing_key' is not the key of an events-v2 integration",)))
        return body, integration

    async def _body(self, request: Request) -> Any:
        """The body as JSON or a form has it, or the answer that says why not."""
        try:
            raw = await body_of(request, MAX_BODY)
        except TooLarge:
            return self._refused(413, "too large", f"a body may have {MAX_BODY} bytes", close=True)
        except TooSlow:
            return self._refused(408, "too slow", "the body did not come in time", close=True)
        except ClientDisconnect:
            return Response(status_code=400)
        body = read_body(raw, request.headers.get("content-type", ""))
        return self._bad(body) if isinstance(body, Bad) else body

    async def _store(self, alerts: Sequence[Alert], busy: int) -> Response | None:
        """None when the store has confirmed them."""
        if self._backlog() > MOST_WAITING:
            self._meter.alerts("refused", len(alerts))
            message = "NOT accepted: too many alerts wait already. Send it again."
            return _json(busy, {"status": "throttled", "message": message, "errors": [message]}, {"Retry-After": _RETRY_AFTER})
        try:
            async with asyncio.timeout(_STORED_WITHIN):
                await self._add([to_entry(alert) for alert in alerts])
        except (StoreUnavailable, TimeoutError):
            self._meter.alerts("refused", len(alerts))
            return self._unavailable()
        return None

    def _unavailable(self) -> Response:
        message = "NOT accepted: the store can't be reached. Send it again."
        return _json(503, {"status": "unavailable", "message": message, "errors": [message]}, {"Retry-After": _RETRY_AFTER})

    def _bad(self, bad: Bad) -> Response:
        return self._refused(bad.status, "invalid event", bad.message, bad.errors)

    def _refused(self, status: int, what: str, message: str, errors: Sequence[str] = (), close: bool = False) -> Response:
        self._meter.alerts("invalid")
        log.warning("intake.refused", status=status, why=message, errors=list(errors))
        headers = {"Connection": "close"} if close else {}
        return _json(status, {"status": what, "message": message, "errors": list(errors) or [message]}, headers)


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(_encode(body), status, dict(headers or {}), media_type="application/json")
