"""How soon somebody has to look. Low urgency lets people sleep, and never lasts unseen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pager.escalate.draft import Draft
from pager.model.alert import Urgency
from pager.model.hours import Hours
from pager.model.incident import DeadlineKind, State
from pager.model.mute import Mute, MuteKind
from pager.model.service import Service
from pager.model.settings import Digest
from pager.model.times import duration
from pager.oncall.windows import Standing

AT_MOST = timedelta(days=7)
"""Until then at the latest low urgency is high, however seldom the hours come in which somebody could look."""

K = DeadlineKind


def give(d: Draft, urgency: Urgency, rises_at: datetime | None) -> None:
    """As it opens, and when it is worse. `rises_at`: it is low only because of the hour, and high from then on."""
    if urgency is not d.incident.urgency:
        d.set(urgency=urgency)
    d.disarm(K.SUPPORT)
    if urgency is Urgency.LOW and rises_at is not None:
        d.arm(K.SUPPORT, rises_at)


def risen(d: Draft, urgency: Urgency) -> Urgency:
    """With the severity: what was high for whatever reason stays so."""
    return Urgency.HIGH if d.incident.urgency is Urgency.HIGH else urgency


def rises(d: Draft) -> bool:
    """What is due by now. True when the urgency is high for that; the chain moves by it only where somebody is paged at present."""
    due = [x.kind for x in d.incident.deadlines if x.kind in (K.SUPPORT, K.UNSEEN) and x.at <= d.now]
    is_low = d.incident.urgency is Urgency.LOW
    if d.incident.state is not State.TRIGGERED or not is_low:
        d.disarm(*due)
    if not due or not is_low:
        return False
    digest = d.world.config.settings.digest
    unseen = f"nobody looked in time{f' ({duration(digest.high_after)})' if digest else ''}"
    d.set(urgency=Urgency.HIGH)
    d.say("urgency.raised", "low is high: the support hours have begun" if K.SUPPORT in due else f"low is high: {unseen}")
    return True


# --- waiting for the morning ----------------------------------------------------------------------------------------------------------
def waits(d: Draft, urgency: Urgency, service: str, by_hour: bool) -> list[Mute]:
    """What keeps low urgency from paging now. `by_hour`: it is low only because of that."""
    digest = d.world.config.settings.digest
    if digest is None or urgency is not Urgency.LOW:
        return []
    known = d.world.config.services.get(service)
    hours = waking(digest, known)
    standing = d.world.standing(hours, d.now)
    if standing.inside or standing.until is None:
        return []
    clock = standing.until.astimezone(ZoneInfo(hours.timezone or d.world.config.settings.timezone))
    at = f"{clock:%H:%M}" if standing.until - d.now < timedelta(days=1) else f"{clock:%H:%M} on {_DAYS[clock.weekday()]}"
    what = f"the support hours of {service}" if by_hour else "the morning digest"
    origin = known.origin if known and known.support_hours else digest.origin
    return [Mute(MuteKind.DIGEST, "digest", f"waits for {what} at {at}", standing.until, origin)]


def waking(digest: Digest, service: Service | None) -> Hours:
    """When low urgency of that service may page for the first time."""
    return (service.support_hours if service else None) or digest.hours


def remind(d: Draft, digest: Digest) -> None:
    """From the first page of low urgency on there is a moment at which it is high, unless somebody answers. What mutes it meanwhile, again
    and again, does not put that off."""
    incident = d.incident
    if incident.urgency is Urgency.HIGH or incident.state in (State.ACKNOWLEDGED, State.SNOOZED) or d.is_armed(K.SUPPORT):
        d.disarm(K.UNSEEN)
    elif incident.state is State.TRIGGERED and not d.is_armed(K.UNSEEN):
        hours = waking(digest, d.world.config.services.get(incident.service))
        d.arm(K.UNSEEN, after(d.world.standing, hours, digest.high_after, d.now))


def after(standing: Callable[[Hours, datetime], Standing], hours: Hours, span: timedelta, start: datetime) -> datetime:
    """When so much time of the hours has gone since `start` (UTC): at most AT_MOST later, and without a look at hours that never come."""
    at, left, latest = start, span, start + AT_MOST
    while at < latest:
        now = standing(hours, at)
        if now.until is None:
            return min(at + left, latest)
        if now.inside:
            if at + left <= now.until:
                return min(at + left, latest)
            left -= now.until - at
        at = now.until
    return latest


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
