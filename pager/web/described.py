"""What the OpenAPI description says of requests that are read by hand: their bodies are the vendors', and are taken as leniently as can be."""

from __future__ import annotations

from typing import Any

Answers = dict[int | str, dict[str, Any]]

_TEXTS = {"type": "array", "items": {"type": "string"}}


def _json(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _no(description: str) -> dict[str, Any]:
    return _json(description, {"status": {"type": "string"}, "message": {"type": "string"}, "errors": _TEXTS})


def _body(schema: dict[str, Any], *types: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {type_: {"schema": schema} for type_ in types or ("application/json",)}}}


_REFUSALS: Answers = {
    400: _no("Not understood; `errors` names each field"),
    408: _no("The body did not come in time"),
    413: _no("The body is over 512 KB"),
    503: _no("NOT accepted: the store can't be reached; send it again after `Retry-After` seconds"),
}

ENQUEUED: Answers = {
    202: {
        "description": "Stored: the alert survives a crash from here on",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"status": {"const": "success"}, "message": {"type": "string"}, "dedup_key": {"type": "string"}},
                    "required": ["status", "message"],
                }
            }
        },
    },
    **_REFUSALS,
    429: _no("NOT accepted: too many alerts wait already; send it again after `Retry-After` seconds"),
}

TAKEN: Answers = {
    202: _json(
        "Stored: the alerts survive a crash from here on",
        {"status": {"const": "success"}, "message": {"type": "string"}, "alerts": {"type": "integer"}},
    ),
    **_REFUSALS,
    404: _no("No integration of this kind has this key"),
}

_HTML = {"text/html": {"schema": {"type": "string"}}}
PAGES: Answers = {
    200: {"description": "The incident, and buttons", "content": _HTML},
    400: {"description": "Not a form of this page, or not a reply that can be taken", "content": _HTML},
    403: {"description": "Not a link of ours, or of somebody who is not in the config any more", "content": _HTML},
    409: {"description": "Taken before", "content": _HTML},
    410: {"description": "Expired", "content": _HTML},
    500: {"description": "NOT recorded: a fault of the pager itself", "content": _HTML},
    503: {"description": "NOT recorded: the store can't be reached", "content": _HTML},
}

CALENDARS: Answers = {
    200: {"description": "The shifts", "content": {"text/calendar": {"schema": {"type": "string"}}}},
    304: {"description": "As they were at that ETag"},
    404: {"description": "No link of ours, or of nobody in the config any more"},
}

READY: Answers = {
    status: _json(what, {"ready": {"type": "boolean"}, "reasons": _TEXTS, "durability": {"type": "string"}, "notes": _TEXTS})
    for status, what in ((200, "Ready"), (503, "Not ready"))
}

_LINK = {"type": "object", "properties": {"href": {"type": "string"}, "text": {"type": "string"}}}
EVENT = _body(
    {
        "type": "object",
        "required": ["routing_key", "event_action"],
        "properties": {
            "routing_key": {"type": "string"},
            "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
            "dedup_key": {"type": "string", "description": "Needed to acknowledge and to resolve; made up for a trigger without one"},
            "client": {"type": "string"},
            "client_url": {"type": "string"},
            "links": {"type": "array", "items": _LINK},
            "images": {"type": "array", "items": {"type": "object", "properties": {"src": {"type": "string"}}}},
            "payload": {
                "type": "object",
                "description": "Needed to trigger",
                "required": ["summary", "source"],
                "properties": {
                    "summary": {"type": "string"},
                    "source": {"type": "string"},
                    "severity": {"type": "string", "description": "critical, error, warning or info; anything else is taken as error"},
                    "timestamp": {"type": "string"},
                    "component": {"type": "string"},
                    "group": {"type": "string"},
                    "class": {"type": "string"},
                    "custom_details": {},
                },
            },
        },
    }
)
CHANGE = _body(
    {
        "type": "object",
        "required": ["routing_key", "payload"],
        "properties": {
            "routing_key": {"type": "string"},
            "payload": {
                "type": "object",
                "required": ["summary"],
                "properties": {
                    "summary": {"type": "string"},
                    "source": {"type": "string"},
                    "timestamp": {"type": "string"},
                    "custom_details": {},
                },
            },
            "links": {"type": "array", "items": _LINK},
        },
    }
)
ANYTHING = _body({}, "application/json", "application/x-www-form-urlencoded")
REPLY = _body(
    {
        "type": "object",
        "required": ["action"],
        "properties": {"action": {"enum": ["acknowledge", "resolve", "escalate", "snooze"]}, "duration": {"type": "string"}},
    },
    "application/x-www-form-urlencoded",
)
