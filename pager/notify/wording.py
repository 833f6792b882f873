"""What a page and a notice say. Times are UTC, by the clock of whoever asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from pager.model.alert import AlertRecord
from pager.model.incident import Incident, Page, Paged, State
from pager.model.outgoing import TellKind
from pager.model.service import Service
from pager.model.times import duration
from pager.notify.sms import compose, plain
from pager.notify.text import one_line, shorten

_LATE_AT_MOST = timedelta(seconds=30)
_LATE_AT_LEAST = timedelta(seconds=1)
# In UTF-16 units: what a service's name, a person's, a provider's reason, a note and a notice's own words may take.
_SERVICE, _NAME, _RESULT, _NOTE, _SAID = 40, 24, 30, 80, 110
_TOLD = 3  # people and notes of the hand-over
_REPLY = re.compile(r"\breply\b(\W+\w*\d)?", re.IGNORECASE)


def sms_page(
    incident: Incident,
    record: AlertRecord,
    page: Page,
    service: Service | None,
    code: str,
    now: datetime,
    late: timedelta | None,
    names: Mapping[str, str],
    since: str = "",
) -> str:
    """A page in at most three SMS segments, the most important first; it always ends with `Reply CODE to acknowledge`, and neither that
    word nor that code stands anywhere else. `names` maps a user's id to a name; who is not in it goes by the id. `since`: it is the
    digest, of what has waited since then."""
    extras = (
        (late_words(late),),
        [storm_words(incident, most) for most in (200, 120, 60)],
        (shared_words(incident, _SAID),),
        () if since else (foreign(muted_words(incident, _SAID)), muted_words(incident, 0)),
        [before_you(incident, page, names, most) for most in range(_TOLD, 0, -1)],
        (sla_words(incident, now),),
        (plain(service.runbook) if service else "",),
        [noted(incident, page, most) for most in range(_TOLD, 0, -1)],
    )
    return compose(
        digest_words(since) + foreign(opening_of(incident), code),
        foreign(plain(summary_of(incident, record)), code),
        [[foreign(wording, code) for wording in wordings] for wordings in extras],
        f"Reply {code} to acknowledge",
    )


def console_page(
    incident: Incident,
    record: AlertRecord,
    page: Page,
    service: Service | None,
    now: datetime,
    late: timedelta | None,
    names: Mapping[str, str],
    since: str = "",
) -> str:
    """The same for a terminal: several lines, nothing left out, and the command to answer with."""
    lines = (
        f"{digest_words(since)}{opening_of(incident)} {one_line(summary_of(incident, record))}",
        late_words(late),
        storm_words(incident, 1000),
        shared_words(incident),
        muted_words(incident),
        before_you(incident, page, names, len(incident.paged)),
        sla_words(incident, now),
        noted(incident, page, len(incident.notes)),
        f"Runbook: {one_line(service.runbook)}" if service and service.runbook else "",
        f"To acknowledge: pagerd ack {incident.number}",
    )
    return "\n".join(filter(None, lines))


def notice_text(kind: TellKind, incident: Incident, record: AlertRecord, what: str, now: datetime) -> str:
    """A message that wants no answer, so without a code, in at most three segments. `what` is what the machine gave with it: who did it,
    the reason, or the time that is left."""
    what = foreign(plain(what)).rstrip(".") or "pagerd"
    match kind:
        case TellKind.RESOLVED:
            said = f"Resolved by {what} after {duration(now - incident.opened_at)}."
        case TellKind.ACKNOWLEDGED:
            said = f"Acknowledged by {what}: you are not needed."
        case TellKind.ESCALATED:
            said = f"Escalated by {what}: others are paged as well."
        case TellKind.NOT_RESOLVED:
            said = f"Not resolved in time: {what}"
        case TellKind.SLA_SOON:
            said = f"SLA: {what}"
        case TellKind.NOBODY:
            said = f"NOBODY WAS PAGED: {what}. Mend the schedule or the policy."
        case TellKind.STABLE:
            said = f"No longer flapping: {what}"
        case TellKind.ASK_OWNER:
            said = f"Please look: {what}"
    return compose(f"#{incident.number} {shorten(_sentence(said), _SAID)}", _about(incident, record), (), "")


def lateness(due_at: datetime, now: datetime, timeout: timedelta) -> timedelta | None:
    """How late a page due at `due_at` is, where that must be said: by more than 30 seconds or a tenth of the stage's `timeout`, whichever
    is less, and by a second at least. None otherwise."""
    late = now - due_at
    bound = max(min(_LATE_AT_MOST, timeout / 10), _LATE_AT_LEAST)
    return late if late > bound else None


# --- parts of a page ------------------------------------------------------------------------------------------------------------------
def opening_of(incident: Incident) -> str:
    drill = "DRILL " if incident.drill else ""
    service = shorten(plain(incident.service), _SERVICE)
    more = f" ({alerts_words(incident)})" if incident.alerts > 1 else ""
    lead = incident.lead
    return f"{drill}#{incident.number} {(lead or incident).severity.upper()}{f' {service}' if service else ''}{more}:"


def summary_of(incident: Incident, record: AlertRecord) -> str:
    """Of the alert by which it is called. `record` is that of its first."""
    lead = incident.lead
    return lead.summary if lead is not None and lead.dedup_key else record.alert.summary


def alerts_words(incident: Incident) -> str:
    """How many alerts there are, and how many of them still fire where some don't."""
    if incident.group and incident.is_open and incident.still_fire < incident.alerts:
        return f"{incident.still_fire} of {incident.alerts} alerts still fire"
    return f"{incident.alerts} alerts"


def shared_words(incident: Incident, most: int = 1000) -> str:
    """What several alerts have in common."""
    if incident.alerts < 2 or not incident.shared:
        return ""
    return f"All: {shorten(plain(', '.join(f'{key}={value}' for key, value in incident.shared.items())), most)}."


def late_words(late: timedelta | None) -> str:
    return f"late by {_rough(late)}." if late else ""


def muted_words(incident: Incident, most: int = 1000) -> str:
    """Why it comes only now, where it was muted or got worse; without what stands in brackets where that is longer than `most`: half of it says nothing."""
    if incident.state is not State.TRIGGERED or not incident.reason:
        return ""
    said = _capital(plain(incident.reason))
    said = said if len(said) <= most else said.partition(" (")[0]
    return f"{shorten(said, max(most, _SAID))}."


def digest_words(since: str) -> str:
    return f"Digest, of low urgency since {since}: " if since else ""


def storm_words(incident: Incident, most: int) -> str:
    """For what the incident speaks, where it does."""
    return f"STORM, one page for all: {shorten(plain(incident.storm_words), most)}." if incident.storm else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rough(span: timedelta) -> str:
    """Without the seconds, once it is minutes."""
    minutes = span // timedelta(minutes=1)
    return duration(timedelta(minutes=minutes)) if minutes > 0 else duration(span)


def _is_hand_over(incident: Incident, page: Page) -> bool:
    return page.stage != 0 or incident.lap > 0


def before_you(incident: Incident, page: Page, names: Mapping[str, str], most: int) -> str:
    """The hand-over: who was paged before, when, over what, and what came of it; the last `most` of them."""
    if not _is_hand_over(incident, page):
        return ""
    others = sorted((p for p in incident.paged if p.user != page.user), key=lambda p: p.at)
    where = "Catch-all" if page.stage < 0 else f"Stage {page.stage + 1}"
    if not others:
        return f"{where}."
    left_out = max(len(others) - most, 0)
    told = [f"{left_out} more"] if left_out else []
    told += [paged_words(incident, p, names) for p in others[left_out:]]
    return f"{where}; before you: {', '.join(told)}."


def paged_words(incident: Incident, paged: Paged, names: Mapping[str, str]) -> str:
    name = shorten(plain(names.get(paged.user, paged.user)), _NAME)
    return f"{name} ({paged.channel} {paged.at:%H:%M} UTC, {_result(incident, paged)})"


def _result(incident: Incident, paged: Paged) -> str:
    if paged.user == incident.acknowledged_by:
        return "acknowledged"
    if paged.result.startswith("failed"):
        return shorten(plain(paged.result), _RESULT)
    # Delivered to the phone is not read by its owner.
    return "no receipt" if paged.result == "no receipt" else "no answer"


def noted(incident: Incident, page: Page, most: int) -> str:
    """The last `most` notes, from the second stage on or when this person is paged again."""
    notes = [shorten(plain(note), _NOTE) for note in incident.notes[-most:]]
    return f"Notes: {'; '.join(notes)}." if notes and (page.repeat or _is_hand_over(incident, page)) else ""


def sla_words(incident: Incident, now: datetime) -> str:
    if incident.sla_ack is not None and incident.state is State.TRIGGERED and incident.acknowledged_at is None:
        if incident.sla_ack > now:
            return f"SLA: {_rough(incident.sla_ack - now)} left to acknowledge."
        if incident.sla_resolve is None:
            return f"SLA: should have been acknowledged {_rough(now - incident.sla_ack)} ago."
    if incident.sla_resolve is None:
        return ""
    if incident.sla_resolve > now:
        return f"SLA: {_rough(incident.sla_resolve - now)} left to resolve."
    return f"SLA: should have been resolved {_rough(now - incident.sla_resolve)} ago."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _about(incident: Incident, record: AlertRecord) -> str:
    """What a notice is about, for somebody who has not got the page at hand."""
    service = shorten(plain(incident.service), _SERVICE)
    more = f"({alerts_words(incident)})" if incident.alerts > 1 else ""
    what = " ".join(filter(None, (service, more)))
    return foreign(": ".join(filter(None, (what, plain(record.alert.summary)))))


def foreign(text: str, code: str = "") -> str:
    """Text that others wrote, without what could be taken for the way to answer: one page names one code, once, after one `Reply`."""
    small = text.lower()
    if "reply" in small:
        text = _REPLY.sub(lambda found: f"answer{found[1]}" if found[1] else found[0].lower(), text)
    if code and code.lower() in small:
        text = re.sub(rf"\b{re.escape(code)}\b", "****", text, flags=re.IGNORECASE)
    return text
