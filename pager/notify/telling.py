"""Notices in words, and to whom they go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from pager.model.alert import AlertRecord
from pager.model.config import Config
from pager.model.incident import Incident
from pager.model.outgoing import Notice, Tell
from pager.model.policy import TargetKind
from pager.notify.cards import subject
from pager.notify.plan import Planner
from pager.notify.sms import plain
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
                about = replace(notice, thread=incident.thread, subject=subject(incident, record))
                found.setdefault((notice.kind, notice.address), about)
    return tuple(found.values())


def dead_letter_notice(config: Config, planner: Planner, count: int, reason: str) -> Notice | None:
    """To whoever the catch-all names first: alerts come in that can't be read, so something may be broken that nobody hears of."""
    text = plain(f"pagerd: {count} alert(s) could not be read, the last one: {reason[:120]}. See `pagerd dead list`.")
    for target in config.settings.catch_all.notify if config.settings.catch_all else ():
        if target.kind is TargetKind.TEAM:
            found = planner.team_notice(None, target.name, "dead_letter", text)
        else:
            found = planner.notice(None, target.name, "dead_letter", text) if target.kind is TargetKind.USER else None
        if found is not None:
            return found
    return None
