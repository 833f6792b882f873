"""The webhook of Prometheus Alertmanager, version 4.

Source: prometheus.io/docs/alerting/latest/configuration, webhook_config. Each alert of a group is one of its own: a group that fires may
hold alerts that are resolved, and one that is resolved holds only those not reported so before."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pager.intake.fields import Unreadable, read_fields
from pager.intake.severity import severity_of
from pager.intake.text import MAX_FIELD, MAX_SUMMARY, clean
from pager.intake.unknown import MOST_ALERTS, raw_page, scope_of, too_many
from pager.model.alert import Alert, Severity
from pager.model.plain import plain
from pager.model.service import Integration

NAME = "Alertmanager"
_NEVER = "0001-01-01"  # how Go writes no time
_SUMMARIES = ("summary", "description", "message", "title")
_SOURCES = ("instance", "host", "hostname", "node", "nodename", "pod", "server", "target", "device", "container")
_TELLING = (*_SOURCES, "job", "service", "cluster", "namespace")
_SHARED = ("status", "receiver", "groupKey", "externalURL")  # what each alert of a group has from it: never a megabyte each
_READ = frozenset(("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"))


def read_webhook(body: Any, integration: Integration) -> tuple[Alert, ...]:
    """The group's alerts, in its order; what is not understood is one more that holds all of the body. An empty group is none."""
    body = plain(body)
    alerts = body.get("alerts") if isinstance(body, dict) else None
    if not isinstance(alerts, list):
        return (raw_page(integration, NAME, body, "expected a map with a list `alerts`"),)
    if len(alerts) > MOST_ALERTS:
        return (too_many(integration, NAME, body, len(alerts)),)
    group = body | {name: clean(_text(body[name]), MAX_SUMMARY) for name in _SHARED if body.get(name)}
    read = tuple(_alert(one, group, integration) for one in alerts if _is_alert(one))
    odd = [one for one in alerts if not _is_alert(one)]
    if not odd:
        return read
    note = f"{len(odd)} of the {len(alerts)} entries of `alerts` have neither labels nor a fingerprint"
    return (*read, raw_page(integration, NAME, body, note, about=odd))


def fingerprint(labels: dict[str, str]) -> str:
    """What Alertmanager itself makes of an alert's labels: FNV-1a over the sorted names and values. Source: prometheus/common,
    model/signature.go, `labelSetToFingerprint`. Old senders leave it out."""
    known = 0xCBF29CE484222325
    for name in sorted(labels, key=str.encode):
        for byte in b"%b\xff%b\xff" % (name.encode(), labels[name].encode()):
            known = ((known ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{known:016x}"


def _is_alert(entry: Any) -> bool:
    return isinstance(entry, dict) and bool(_map(entry.get("labels")) or _key(entry))


def _alert(entry: dict[str, Any], group: dict[str, Any], integration: Integration) -> Alert:
    notes: list[str] = []
    labels, annotations = _map(entry.get("labels")), _map(entry.get("annotations"))
    resolved = _is_resolved(entry, group, notes)
    severity = _severity(labels.get("severity"), integration, notes)
    key = _key(entry) or fingerprint({name: _text(value) for name, value in labels.items()})
    fields = {
        "action": "resolve" if resolved else "trigger",
        "dedup_key": key,
        "summary": _summary(labels, annotations, key),
        "severity": severity.value,
        "source": next((found for name in _SOURCES if (found := _text(labels.get(name)))), ""),
        "service": _text(labels.get("service")),
        "component": _text(labels.get("job")),
        "class": _text(labels.get("alertname")),
        "timestamp": _time(entry.get("startsAt")),
        "labels": entry.get("labels"),
        "details": _details(entry, group, resolved, notes),
        "links": _links(entry, annotations),
        "client": NAME,
        "client_url": _text(group.get("externalURL")),
    }
    alert = read_fields(fields, scope_of(integration), integration.name)
    if isinstance(alert, Unreadable):  # it has an action, a key and a summary
        return raw_page(integration, NAME, group, alert.reason, about=entry)
    return msgspec.structs.replace(alert, notes=(*notes, *alert.notes)) if notes else alert


def _key(entry: dict[str, Any]) -> str:
    return clean(_text(entry.get("fingerprint")), MAX_SUMMARY)


def _is_resolved(entry: dict[str, Any], group: dict[str, Any], notes: list[str]) -> bool:
    status = entry.get("status") or group.get("status") or "firing"
    name = status.strip().lower() if isinstance(status, str) else ""
    if name not in ("firing", "resolved"):
        notes.append(f"status {clean(_text(status), 40)!r} is unknown, taken as firing")
    return name == "resolved"


def _severity(label: Any, integration: Integration, notes: list[str]) -> Severity:
    default = integration.severity or Severity.ERROR
    if label in (None, ""):
        return default
    found = severity_of(label)
    if found is None:
        notes.append(f"severity {clean(_text(label), 40)!r} is unknown, taken as {default}")
    return found or default


def _summary(labels: dict[str, Any], annotations: dict[str, Any], key: str) -> str:
    for name in _SUMMARIES:
        if found := clean(_text(annotations.get(name)), MAX_SUMMARY):
            return found
    telling = [name for name in _TELLING if labels.get(name)] or [name for name in labels if name not in ("alertname", "severity")]
    few = ", ".join(f"{name}={_text(labels[name])}" for name in telling[:3])
    name = _text(labels.get("alertname"))
    return clean(f"{name} ({few})" if name and few else name or few, MAX_SUMMARY) or f"An alert without a name ({clean(key, MAX_FIELD)})"


def _details(entry: dict[str, Any], group: dict[str, Any], resolved: bool, notes: list[str]) -> dict[str, Any]:
    details = {name: entry[name] for name in ("annotations", "startsAt") if entry.get(name)}
    if resolved and _time(entry.get("endsAt")):
        details["endsAt"] = entry["endsAt"]
    if not _is_url(entry.get("generatorURL")) and entry.get("generatorURL"):
        details["generatorURL"] = entry["generatorURL"]
    details |= {name: group[name] for name in ("receiver", "groupKey") if group.get(name)}
    for name, value in entry.items():
        if name not in _READ and value not in (None, "", {}, []):
            details.setdefault(name, value)
    left_out = group.get("truncatedAlerts")
    if type(left_out) is int and left_out > 0:
        details["truncatedAlerts"] = left_out
        notes.append(f"{NAME} left out {left_out} alert{'s' if left_out > 1 else ''} of this group (max_alerts)")
    return details


def _links(entry: dict[str, Any], annotations: dict[str, Any]) -> list[dict[str, str]]:
    found = [{"href": entry["generatorURL"], "text": "Source"}] if _is_url(entry.get("generatorURL")) else []
    return found + [
        {"href": value, "text": _title(name)} for name, value in annotations.items() if name not in _SUMMARIES and _is_url(value)
    ]


def _title(name: str) -> str:
    """`runbook_url` and `runbookURL` are a Runbook."""
    words = re.sub(r"[_\s-]*(url|link|uri|href)$", "", name.strip(), flags=re.IGNORECASE) or name
    return words.replace("_", " ").strip().capitalize()


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower().startswith(("http://", "https://"))


def _time(value: Any) -> Any:
    return None if isinstance(value, str) and value.startswith(_NEVER) else value


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
