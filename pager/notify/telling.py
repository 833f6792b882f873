"""Notices in words, and to whom they go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pager.model.alert import AlertRecord
from pager.model.incident import Incident
from pager.model.outgoing import Notice, Tell
from pager.notify.plan import Planner
from pager.notify.wording import notice_text


def notices(tells: Iterable[Tell], incident: Incident, record: AlertRecord, planner: Planner, now: datetime) -> tuple[Notice, ...]:
    """One notice a person; to a team one over its chat, or to one person who speaks for it."""
    found: dict[tuple[str, str], Notice] = {}
    for tell in tells:
        text = notice_text(tell.kind, incident, record, tell.what, now)
        people = [planner.notice(incident, user, tell.kind, text) for user in tell.users]
        team = planner.team_notice(incident, tell.team, tell.kind, text) if tell.team else None
        for notice in (*people, team):
            if notice is not None:
                found.setdefault((notice.kind, notice.address), notice)
    return tuple(found.values())
