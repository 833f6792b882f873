"""The HTTP application: alerts in, replies in, callbacks of providers, health and metrics. What it takes and answers is described under
`/api/docs`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pager import __version__
from pager.web import described
from pager.web.calendar import CalendarFeeds
from pager.web.intake import Intake
from pager.web.reply import ReplyPages
from pager.web.slack import SlackCallbacks
from pager.web.straight import Answer
from pager.web.twilio import TwilioCallbacks


class Readiness(msgspec.Struct, frozen=True):
    """`reasons` why not; `durability` says in words what the present settings can lose; `notes` say what else should be known."""

    reasons: tuple[str, ...]
    durability: str
    notes: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.reasons


class People(msgspec.Struct, frozen=True):
    """What people and providers call."""

    reply: ReplyPages
    calendars: CalendarFeeds
    slack: SlackCallbacks
    twilio: TwilioCallbacks


class Doors(msgspec.Struct, frozen=True):
    """What is served; None is not."""

    intake: Intake | None = None
    people: People | None = None


def make_app(*, readiness: Callable[[], Readiness], metrics: Callable[[], bytes], doors: Doors) -> ASGIApp:
    app = FastAPI(
        title="pagerd",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url="/api/docs",
        redoc_url=None,
        description=__doc__ or "",
    )
    _health(app, readiness, metrics)
    if doors.people is not None:
        _replies(app, doors.people)
    if doors.intake is None:
        return app
    _intake(app, doors.intake)
    return _AlertsFirst(doors.intake, app)


class _AlertsFirst:
    """Alerts go straight in: to be routed and solved by FastAPI costs more than all that is done with them. It still describes them."""

    def __init__(self, intake: Intake, app: ASGIApp) -> None:
        self._intake = intake
        self._app = app

    def take(self, path: str, raw: bytes, content_type: str, tell: Callable[[Answer], None]) -> bool:
        """Without ASGI, where that is possible."""
        return self._intake.take(path, raw, content_type, tell)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer(scope, receive) if scope["type"] == "http" and scope["method"] == "POST" else None
        if answer is None:
            return await self._app(scope, receive, send)
        return await (await answer)(scope, receive, send)

    def _answer(self, scope: Scope, receive: Receive) -> Awaitable[Response] | None:
        match scope["path"].split("/"):
            case ["", "v2", "enqueue"]:
                return self._intake.enqueue(Request(scope, receive))
            case ["", "in", str(kind), str(key)] if kind and key:
                return self._intake.webhook(kind, key, Request(scope, receive))
        return None


def _health(app: FastAPI, readiness: Callable[[], Readiness], metrics: Callable[[], bytes]) -> None:
    @app.get("/healthz", tags=["health"], response_class=PlainTextResponse)
    async def healthz() -> Response:
        """Whether the process is alive."""
        return PlainTextResponse("alive\n")

    @app.get("/readyz", tags=["health"], responses=described.READY)
    async def readyz() -> Response:
        """Whether it can accept, store and page; and why not."""
        state = readiness()
        body = {"ready": state.ready, "reasons": list(state.reasons), "durability": state.durability, "notes": list(state.notes)}
        return JSONResponse(body, status_code=200 if state.ready else 503)

    @app.get("/metrics", tags=["health"], response_class=PlainTextResponse)
    async def exposition() -> Response:
        """For Prometheus."""
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _intake(app: FastAPI, intake: Intake) -> None:
    how: dict[str, Any] = {"tags": ["alerts"], "status_code": 202}

    @app.post("/v2/enqueue", responses=described.ENQUEUED, openapi_extra=described.EVENT, **how)
    async def enqueue(request: Request) -> Response:
        """PagerDuty's Events API v2; `routing_key` is the key of an integration of kind `events-v2`."""
        return await intake.enqueue(request)

    @app.post("/v2/change/enqueue", responses=described.ENQUEUED, openapi_extra=described.CHANGE, **how)
    async def change(request: Request) -> Response:
        """A change out there, for the record. It pages nobody."""
        return await intake.change(request)

    @app.post("/in/{kind}/{key}", responses=described.TAKEN, openapi_extra=described.ANYTHING, **how)
    async def webhook(kind: str, key: str, request: Request) -> Response:
        """A tool's own webhook; `kind` and `key` are those of an integration."""
        return await intake.webhook(kind, key, request)


def _replies(app: FastAPI, doors: People) -> None:
    @app.get("/reply/{token}", tags=["replies"], responses=described.PAGES)
    async def show(token: str) -> Response:
        """What a signed link is about. Changes nothing."""
        return await doors.reply.show(token)

    @app.post("/reply/{token}", tags=["replies"], responses=described.PAGES, openapi_extra=described.REPLY)
    async def act(token: str, request: Request) -> Response:
        """Acts, once a link and action."""
        return await doors.reply.act(token, request)

    @app.get("/calendar/{token}.ics", tags=["calendars"], responses=described.CALENDARS)
    async def calendar(token: str, request: Request) -> Response:
        """The shifts of a person or a schedule, as iCalendar. The link is a secret."""
        return await doors.calendars.answer(token, request)

    app.add_api_route("/calendar/{token}.ics", calendar, methods=["HEAD"], include_in_schema=False)

    for path, handler in (
        ("/slack/interactivity", doors.slack.interactivity),
        ("/slack/command", doors.slack.command),
        ("/slack/events", doors.slack.events),
        ("/twilio/status", doors.twilio.status),
        ("/twilio/sms", doors.twilio.sms),
    ):
        app.add_route(path, handler, methods=["POST"], include_in_schema=False)  # theirs to call, signed, and described by them
