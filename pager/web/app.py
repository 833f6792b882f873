"""The HTTP application: health, metrics, callbacks."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pager.web.twilio import TwilioCallbacks


class Readiness(msgspec.Struct, frozen=True):
    """`reasons` why not; `durability` says in words what the present settings can lose."""

    reasons: tuple[str, ...]
    durability: str

    @property
    def ready(self) -> bool:
        return not self.reasons


def make_app(*, readiness: Callable[[], Readiness], metrics: Callable[[], bytes], twilio: TwilioCallbacks) -> Starlette:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_: Request) -> Response:
        state = readiness()
        body = {"ready": state.ready, "reasons": list(state.reasons), "durability": state.durability}
        return JSONResponse(body, status_code=200 if state.ready else 503)

    async def exposition(_: Request) -> Response:
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", exposition),
            Route("/twilio/status", twilio.status, methods=["POST"]),
            Route("/twilio/sms", twilio.sms, methods=["POST"]),
        ]
    )
