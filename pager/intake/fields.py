"""Reading an alert's fields from a map whose values may be anything: what can be mended is mended and noted, what can't is an Unreadable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pager.intake.text import MAX_FIELD, MAX_SUMMARY, clean, short_key
from pager.model.alert import Action, Alert, Link, Severity
from pager.model.plain import plain

KNOWN = frozenset(
    ("action", "dedup_key", "source", "service", "severity", "summary", "component", "group", "class", "timestamp",
     "labels", "details", "links", "images", "client", "client_url")
)  # fmt: skip
_TEXTS = ("source", "service", "component", "group", "class", "client", "client_url")
_ACTIONS = {action.value: action for action in Action}
_SEVERITIES = {severity.value: severity for severity in Severity}


class Unreadable(msgspec.Struct, frozen=True):
    """Why an entry can't become an alert; names the field."""

    reason: str


class _Fields:
    """One pass over the fields; collects the notes."""

    def __init__(self, fields: Mapping[str, Any], severity: Severity) -> None:
        self.fields = fields
        self.default = severity
        self.notes: list[str] = []
        self.details: dict[str, Any] = {}

    def text(self, name: str, limit: int = MAX_FIELD) -> str:
        value = self.fields.get(name)
        if isinstance(value, str):
            return clean(value, limit)
        if value is None:
            return ""
        if isinstance(value, (int, float, bool)):
            return clean(_scalar(value), limit)
        self._misplaced(name, value, "text")
        return ""

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.fields.get(name)
        if value is None or value == "":
            return {}
        if isinstance(value, dict):
            return value
        self._misplaced(name, value, "a map")
        return {}

    def labels(self) -> dict[str, str]:
        found = {clean(str(k), MAX_FIELD): clean(_scalar(v), MAX_SUMMARY) for k, v in self.mapping("labels").items()}
        for name, value in self.fields.items():
            if name in KNOWN:
                continue
            if isinstance(value, (dict, list)):
                self.details.setdefault(name, value)
            elif value is not None:
                found.setdefault(clean(name, MAX_FIELD), clean(_scalar(value), MAX_SUMMARY))
        return found

    def severity(self) -> Severity:
        value = self.fields.get("severity")
        if value is None or value == "":
            return self.default
        found = _SEVERITIES.get(value.strip().lower()) if isinstance(value, str) else None
        if found is None:
            self.notes.append(f"severity {clean(_scalar(value), 40)!r} is unknown, taken as {self.default}")
        return found or self.default

    def timestamp(self) -> datetime | None:
        value = self.fields.get("timestamp")
        if value is None or value == "":
            return None
        try:
            at = datetime.fromisoformat(value)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            self.notes.append(f"timestamp {clean(_scalar(value), 40)!r} is not RFC 3339, left out")
            return None

    def links(self) -> tuple[Link, ...]:
        return tuple(map(_link, self._listed("links")))

    def images(self) -> tuple[str, ...]:
        return tuple(map(_image, self._listed("images")))

    def _listed(self, name: str) -> list[Any]:
        value = self.fields.get(name)
        if value is None or value == "":
            return []
        return value if isinstance(value, list) else [value]

    def _misplaced(self, name: str, value: Any, due: str) -> None:
        self.notes.append(f"{name} should be {due}, kept in details")
        self.details[name] = value


def read_fields(fields: Mapping[str, Any], scope: str, integration: str = "", severity: Severity = Severity.ERROR) -> Alert | Unreadable:
    """An alert from the fields of the stream contract, with values as JSON gives them. `severity` is that of an alert which names none, or
    an unknown one."""
    action = fields.get("action") or "trigger"
    known = _ACTIONS.get(action.strip().lower()) if isinstance(action, str) else None
    if known is None:
        return Unreadable(f"action: {clean(_scalar(action), 40)!r} is not one of {', '.join(_ACTIONS)}")
    summary = fields.get("summary")
    if summary is not None and not isinstance(summary, str):
        return Unreadable(f"summary: should be text, found {_kind(summary)}")
    reader = _Fields(fields, severity)
    summary = clean(summary or "", MAX_SUMMARY)
    if not summary and known is Action.TRIGGER:
        return Unreadable("summary: missing or empty, a trigger needs one")
    if isinstance(fields.get("dedup_key"), (dict, list)):
        return Unreadable(f"dedup_key: should be text, found {_kind(fields['dedup_key'])}")
    given = fields.get("dedup_key")
    key = short_key(clean("" if given is None else _scalar(given), MAX_SUMMARY * 4))
    if not key and known is not Action.TRIGGER:
        return Unreadable(f"dedup_key: missing or empty, {known} needs one")
    texts = {name: reader.text(name) for name in _TEXTS}
    labels, details = reader.labels(), reader.mapping("details")
    return Alert(
        scope=scope,
        dedup_key=key or made_key(texts["source"], texts["service"], texts["component"], texts["class"], summary),
        action=known,
        summary=summary,
        severity=reader.severity(),
        integration=integration,
        timestamp=reader.timestamp(),
        labels=labels,
        details=plain({**details, **reader.details}),
        links=reader.links(),
        images=reader.images(),
        source=texts["source"],
        service=texts["service"],
        component=texts["component"],
        group=texts["group"],
        class_=texts["class"],
        client=texts["client"],
        client_url=texts["client_url"],
        notes=tuple(reader.notes),
    )


def _link(value: Any) -> Link:
    if isinstance(value, dict):
        return Link(href=clean(str(value.get("href") or ""), 2000), text=clean(str(value.get("text") or ""), MAX_FIELD))
    return Link(href=clean(str(value), 2000))


def _image(value: Any) -> str:
    return clean(str(value.get("src") or "" if isinstance(value, dict) else value), 2000)


def made_key(source: str, service: str, component: str, class_: str, summary: str) -> str:
    """The dedup_key of an alert that came without one."""
    parts = "\0".join((source, service, component, class_, summary))
    return "made:" + hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case dict():
            return "a map"
        case list():
            return "a list"
        case _:
            return type(value).__name__
