"""PagerDuty's Events API v2: alerts (`/v2/enqueue`) and changes (`/v2/change/enqueue`).

Source: developer.pagerduty.com, "Send an Alert Event" and "Send a Change Event". What it answers with 400 is answered so in its words; all
else that it would refuse is mended and noted, for a page is worth more than a right form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from pager.intake.body import Bad
from pager.intake.fields import KNOWN, Unreadable, read_fields
from pager.intake.text import MAX_SUMMARY, clean
from pager.intake.unknown import scope_of
from pager.model.alert import Action, Alert, Link, Severity
from pager.model.plain import plain
from pager.model.service import Integration

MESSAGE = "Event object is invalid"
_OUTER = ("dedup_key", "links", "images", "client", "client_url")
_INNER = ("source", "severity", "component", "group", "class", "timestamp")
_OUTER_READ = frozenset(("routing_key", "event_action", "payload", *_OUTER))
_INNER_READ = frozenset(("routing_key", "summary", "custom_details", *_INNER))  # the key is a secret, wherever it stands
_NO_OBJECT = "the event is not a JSON object"
_ACTIONS = tuple(action.value for action in Action)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was changed, such as a deployment: it pages nobody."""

    summary: str
    source: str = ""
    timestamp: datetime | None = None
    details: dict[str, Any] = {}
    links: tuple[Link, ...] = ()
    integration: str = ""


def routing_key(body: Any) -> str | Bad:
    """The key that names the integration."""
    if not isinstance(body, dict):
        return Bad(MESSAGE, ("'routing_key' is missing: the event is not a JSON object",))
    key = body.get("routing_key")
    if isinstance(key, str) and key.strip():
        return key.strip()
    return Bad(MESSAGE, (_blank("routing_key") if key is None or isinstance(key, str) else "'routing_key' is not a string",))


def read_event(body: Any, integration: Integration) -> Alert | Bad:
    """The alert of an event whose routing key is known, or all that is wrong with it."""
    if not isinstance(body, dict):
        return Bad(MESSAGE, (_NO_OBJECT,))
    body = plain(body)
    errors: list[str] = []
    action = _action(body.get("event_action"), errors)
    payload = body.get("payload")
    if action == Action.TRIGGER:
        _require_payload(payload, ("summary", "source"), errors)
    elif action is not None:
        _require_text("dedup_key", body.get("dedup_key"), errors)
    if action is None or errors:
        return Bad(MESSAGE, tuple(errors))
    fields, notes = _fields(body)
    if isinstance(fields.get("dedup_key"), (dict, list)):  # only of a trigger, which can do without
        notes.append("dedup_key should be text, kept in details")
        fields["details"].setdefault("dedup_key", fields.pop("dedup_key"))
    default = integration.severity or Severity.ERROR
    if action == Action.TRIGGER and fields.get("severity") in (None, ""):
        notes.append(f"severity is missing, taken as {default}")
    alert = read_fields({**fields, "action": action}, scope_of(integration), integration.name, default)
    if isinstance(alert, Unreadable):
        return Bad(MESSAGE, (alert.reason,))
    return msgspec.structs.replace(alert, notes=(*notes, *alert.notes)) if notes else alert


def read_change(body: Any, integration: Integration) -> Change | Bad:
    """The change, or all that is wrong with it. Only its summary is required."""
    if not isinstance(body, dict):
        return Bad(MESSAGE, (_NO_OBJECT,))
    body = plain(body)
    errors: list[str] = []
    _require_payload(body.get("payload"), ("summary",), errors)
    if errors:
        return Bad(MESSAGE, tuple(errors))
    read = read_fields({**_fields(body)[0], "dedup_key": "", "severity": None}, scope_of(integration), integration.name)
    if isinstance(read, Unreadable):
        return Bad(MESSAGE, (read.reason,))
    return Change(
        summary=read.summary, source=read.source, timestamp=read.timestamp, details=read.details, links=read.links, integration=integration.name
    )  # fmt: skip


def _fields(body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The fields of the stream contract, and what had to be mended for that."""
    notes: list[str] = []
    payload = body.get("payload")
    details: dict[str, Any] = {}
    if not isinstance(payload, dict):
        if payload not in (None, ""):
            notes.append("payload should be a map, kept in details")
            details["payload"] = payload
        payload = {}
    given = payload.get("custom_details")
    if isinstance(given, dict):
        details |= given
    elif given not in (None, ""):
        details["details"] = given
    fields = {name: body.get(name) for name in _OUTER} | {name: payload.get(name) for name in _INNER}
    fields["summary"] = _text(payload.get("summary"))
    others = [(name, body[name]) for name in body if name not in _OUTER_READ]
    for name, value in others + [(name, payload[name]) for name in payload if name not in _INNER_READ]:
        if value is not None and name in KNOWN:  # not where PagerDuty has it
            details.setdefault(name, value)
        else:  # a label or a detail, as on the stream
            fields.setdefault(name, value)
    return {**fields, "details": details}, notes


def _action(value: Any, errors: list[str]) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        errors.append(_blank("event_action"))
        return None
    name = value.strip().lower() if isinstance(value, str) else ""
    if name not in _ACTIONS:
        errors.append("'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')")
        return None
    return name


def _require_payload(payload: Any, names: tuple[str, ...], errors: list[str]) -> None:
    if payload in (None, ""):
        errors.append(_blank("payload"))
    elif not isinstance(payload, dict):
        errors.append("'payload' is not an object")
    for name in names:
        _require_text(f"payload.{name}", payload.get(name) if isinstance(payload, dict) else None, errors)


def _require_text(name: str, value: Any, errors: list[str]) -> None:
    if isinstance(value, (dict, list)):
        errors.append(f"'{name}' is not a string")
    elif not clean(_text(value), MAX_SUMMARY):
        errors.append(_blank(name))


def _text(value: Any) -> str:
    """A number is as good as its digits."""
    return (
        "" if value is None or isinstance(value, (dict, list)) else value if isinstance(value, str) else msgspec.json.encode(value).decode()
    )


def _blank(name: str) -> str:
    return f"'{name}' is missing or blank"
