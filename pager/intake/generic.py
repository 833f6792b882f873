"""Any tool that can send JSON or a form: its fields are mapped by the integration's CEL, or they are those of the stream contract."""

from __future__ import annotations

from typing import Any

import msgspec

from pager.conditions.cel_body import bind, value_of
from pager.conditions.verdict import Failed
from pager.intake.fields import Unreadable, read_fields
from pager.intake.lenient import unfolded
from pager.intake.severity import severity_of
from pager.intake.text import MAX_FIELD, clean
from pager.intake.unknown import MOST_ALERTS, raw_page, scope_of, too_many
from pager.model.alert import Alert, Severity
from pager.model.plain import plain
from pager.model.service import Integration


def read_generic(body: Any, integration: Integration) -> tuple[Alert, ...]:
    """With `fields` one alert; without, one for each object, in the order of the list. What makes no alert is a page that holds the body."""
    body = plain(body)
    if integration.fields:
        return (_mapped(body, integration),)
    entries = body if isinstance(body, list) else [body]
    if len(entries) > MOST_ALERTS:
        return (too_many(integration, integration.name, body, len(entries)),)
    return tuple(_as_it_is(entry, integration) for entry in entries)


def _as_it_is(entry: Any, integration: Integration) -> Alert:
    if not isinstance(entry, dict):
        return _unknown(entry, integration, "expected a map, or a list of maps, with the fields of an alert")
    return _read(unfolded(entry), entry, integration, [])


def _mapped(body: Any, integration: Integration) -> Alert:
    notes: list[str] = []
    bound = bind(body)
    fields: dict[str, Any] = {}
    for name, expression in integration.fields.items():
        value = value_of(expression, bound)
        if isinstance(value, Failed):
            notes.append(clean(f"{name} is left out: {value.why}", MAX_FIELD))
        elif value is None:
            notes.append(f"{name} is left out: its expression gives null")
        else:
            fields[name] = value
    summary = fields.get("summary")
    if isinstance(summary, (bool, int, float)):
        fields["summary"] = msgspec.json.encode(summary).decode()
    meant = severity_of(fields.get("severity"))
    if meant is not None:
        fields["severity"] = meant.value
    if "details" not in fields:
        fields["details"] = {"raw": body}
    return _read(fields, body, integration, notes)


def _read(fields: dict[str, Any], body: Any, integration: Integration, notes: list[str]) -> Alert:
    alert = read_fields(fields, scope_of(integration), integration.name, integration.severity or Severity.ERROR)
    if isinstance(alert, Unreadable):
        return _unknown(body, integration, *notes, alert.reason)
    return msgspec.structs.replace(alert, notes=(*notes, *alert.notes))


def _unknown(body: Any, integration: Integration, *notes: str) -> Alert:
    return raw_page(integration, integration.name, body, *notes, severity=integration.severity or Severity.ERROR)
