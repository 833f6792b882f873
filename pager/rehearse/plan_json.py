"""A plan as JSON with stable names; times are RFC 3339 in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from pager.model.origin import Origin
from pager.model.schedule import OnCall
from pager.model.times import rfc3339
from pager.rehearse.leads import Lead
from pager.rehearse.moves import Moved, users
from pager.rehearse.plan import Plan


def plan_json(plan: Plan) -> dict[str, Any]:
    """Hours may be fractions. Of a stage `always` says that it asks others all the time."""
    return {
        "from": rfc3339(plan.start),
        "to": rfc3339(plan.end),
        "changes": not plan.is_empty,
        "people": [
            {
                "user": one.user,
                "gets_hours": _hours(one.gets),
                "loses_hours": _hours(one.loses),
                "nights_more": one.nights_more,
                "nights_fewer": one.nights_fewer,
            }
            for one in plan.people
        ],
        "nobody": [
            {"schedule": name, "from": rfc3339(m.start), "to": rfc3339(m.end), "old": list(users(m.old))} for name, m in plan.nobody
        ],
        "schedules": [
            {
                "schedule": one.schedule,
                "what": "renamed" if one.was else one.what,
                "was": one.was or None,
                "timezone": one.timezone,
                "moved": [_moved(move) for move in one.moves],
            }
            for one in plan.schedules
        ],
        "services": [
            {
                "service": one.service,
                "stages": [
                    {
                        "stage": stage.stage,
                        "old": stage.old or None,
                        "new": stage.new or None,
                        "schedules": list(stage.schedules),
                        "always": stage.always,
                        "moved": [_moved_users(move) for move in stage.moves],
                    }
                    for stage in one.stages
                ],
            }
            for one in plan.services
        ],
        "alerts": [
            {"alert": one.alert, "severities": list(one.severities), "old": _lead(one.old), "new": _lead(one.new)}
            for one in plan.redirected
        ],
        "config": [
            {"kind": one.kind, "name": one.name, "what": one.what, "how": list(one.how), "old": _place(one.old), "new": _place(one.new)}
            for one in plan.changes
        ],
    }


def _hours(span: timedelta) -> float:
    return round(span / timedelta(hours=1), 3)


def _moved(move: Moved) -> dict[str, Any]:
    return _times(move) | {"old": _people(move.old), "new": _people(move.new)}


def _moved_users(move: Moved) -> dict[str, Any]:
    return _times(move) | {"old": list(users(move.old)), "new": list(users(move.new))}


def _times(move: Moved) -> dict[str, Any]:
    return {"from": rfc3339(move.start), "to": rfc3339(move.end)}


def _people(on_call: Iterable[OnCall]) -> list[dict[str, str | None]]:
    return [{"user": o.user, "because": o.because, "origin": _place(o.origin)} for o in on_call]


def _lead(lead: Lead) -> dict[str, str | None]:
    return {
        "service": lead.service or None,
        "policy": lead.policy or None,
        "urgency": lead.urgency,
        "start_at": lead.start_at,
        "suppress": lead.suppress,
    }


def _place(origin: Origin | None) -> str | None:
    return str(origin) if origin else None
