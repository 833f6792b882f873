"""Cards of an incident: one that asks a person, and one that shows everybody in a chat channel how it stands. Times are UTC."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from pager.model.alert import AlertRecord, Link
from pager.model.event import Entry, ReplyAction
from pager.model.incident import DeadlineKind, Incident, Page, Phase, State
from pager.model.policy import OnTimeout, Policy
from pager.model.service import Service
from pager.model.times import duration
from pager.notify.card import Card, Fact
from pager.notify.text import one_line, shorten
from pager.notify.wording import (
    alerts_words,
    before_you,
    digest_words,
    late_words,
    muted_words,
    noted,
    opening_of,
    shared_words,
    sla_words,
    storm_words,
)

OFFERED = (ReplyAction.ACKNOWLEDGE, ReplyAction.RESOLVE, ReplyAction.ESCALATE, ReplyAction.SNOOZE)
_SUMMARY, _SUBJECT, _LINE = 500, 120, 400  # UTF-16 units
_SAME_NIGHT = timedelta(hours=12)  # what comes later is said with its date
_MOST_LINKS = 8
_STATE = "State"
_MOST_LABELS = 12
MANY = ("incident.joined", "incident.alert_resolved")
"""Events of which a group may have very many in a row."""

# What a thread tells of the timeline; the rest is for `show` and the audit.
_TOLD = frozenset(
    {"incident.opened", "incident.worsened", "incident.severity_changed", "incident.acknowledged", "incident.acknowledged_in_part",
     "incident.resolved", "incident.snoozed", "incident.escalated", "incident.assigned", "incident.noted", "incident.quiet",
     "stage.entered", "stage.skipped", "stage.waiting", "stage.nobody", "target.empty", "policy.looped", "policy.taken_over",
     "catch_all.entered", "catch_all.nobody", "page.accepted", "page.failed", "page.deferred", "page.impossible", "page.unconfirmed",
     "storm.begun", "storm.goes_on", "storm.over",
     "person.unreachable", "ladder.climbed", "incident.suppressed", "incident.unmuted", "sla.soon", "sla.breached", "alert.mended",
     "incident.joined", "incident.alert_resolved", "alert.acknowledged"}
)  # fmt: skip


def page_card(
    incident: Incident,
    record: AlertRecord,
    page: Page,
    service: Service | None,
    now: datetime,
    late: timedelta | None,
    names: Mapping[str, str],
    since: str = "",
) -> Card:
    """What a page says to whoever it asks: the same as the others do, with nothing left out. `since` as in `sms_page`."""
    lines = (
        late_words(late),
        storm_words(incident, _LINE),
        shared_words(incident),
        muted_words(incident),
        before_you(incident, page, names, len(incident.paged)),
        sla_words(incident, now),
        noted(incident, page, len(incident.notes)),
    )
    return Card(
        number=incident.number,
        title=digest_words(since) + title(incident, record),
        state=incident.state,
        severity=incident.severity,
        facts=tuple(_facts(incident, record)),
        lines=tuple(filter(None, lines)),
        links=tuple(_links(record, service)),
        actions=OFFERED if incident.is_open else (),
        page=page.seq,
    )


def incident_card(
    incident: Incident, record: AlertRecord, policy: Policy | None, service: Service | None, now: datetime, names: Mapping[str, str]
) -> Card:
    """How the incident stands, for a channel: its state, who is paged, what comes next and when, the time left."""
    paged = ", ".join(f"{names.get(p.user, p.user)} ({p.channel} {p.at:%H:%M})" for p in incident.paged if p.pages > 0)
    told = [
        (_STATE, state_words(incident, names)),
        ("Storm", incident.storm_words),
        ("Paged", paged),
        ("Next", next_step(incident, policy, names)),
    ]
    told += [("Service level", sla_words(incident, now).removeprefix("SLA: ").rstrip("."))] if incident.is_open else []
    return Card(
        number=incident.number,
        title=title(incident, record),
        state=incident.state,
        severity=incident.severity,
        facts=tuple(Fact(name, shorten(value, _LINE)) for name, value in told if value) + tuple(_facts(incident, record)),
        lines=tuple(f"Note by {shorten(one_line(note), _LINE)}" for note in incident.notes[-5:]),
        links=tuple(_links(record, service)),
        actions=_offered(incident),
    )


def headline(card: Card) -> str:
    """The card in one line, for where it can't be shown: a phone's lock screen."""
    state = next((fact.value for fact in card.facts if fact.name == _STATE), "")
    return f"{card.title} ({state})" if state else card.title


def title(incident: Incident, record: AlertRecord) -> str:
    return f"{opening_of(incident)} {shorten(one_line(record.alert.summary), _SUMMARY)}".strip()


def subject(incident: Incident, record: AlertRecord) -> str:
    """The same for all messages about an incident as long as its summary stays, so that mail programs keep them together."""
    service = f"{one_line(incident.service)}: " if incident.service else ""
    drill = "DRILL " if incident.drill else ""
    return shorten(f"{drill}[#{incident.number}] {service}{one_line(record.alert.summary)}", _SUBJECT)


def state_words(incident: Incident, names: Mapping[str, str]) -> str:
    def name(user: str) -> str:
        return names.get(user, user or "somebody")

    match incident.state:
        case State.TRIGGERED:
            asked = ", ".join(name(run.user) for run in incident.runs if not run.failed and run.acknowledged_at is None)
            match incident.phase:
                case Phase.CATCH_ALL:
                    where = "catch-all"
                case Phase.ASSIGNED:
                    where = "assigned"
                case _:
                    where = f"stage {incident.stage + 1}"
            return f"triggered, {where}{f', asking {asked}' if asked else ''}"
        case State.ACKNOWLEDGED:
            at = f" at {incident.acknowledged_at:%H:%M} UTC" if incident.acknowledged_at else ""
            return f"acknowledged by {name(incident.acknowledged_by)}{at}"
        case State.RESOLVED:
            at = (
                f" at {incident.resolved_at:%H:%M} UTC, after {_rough(incident.resolved_at - incident.opened_at)}"
                if incident.resolved_at
                else ""
            )
            return f"resolved by {name(incident.resolved_by)}{at}"
        case State.SNOOZED | State.SUPPRESSED:
            return incident.reason or str(incident.state)


def next_step(incident: Incident, policy: Policy | None, names: Mapping[str, str]) -> str:
    """What happens next if nobody does anything, and when; empty when nothing does."""
    words = {d.kind: d for d in sorted(incident.deadlines, key=lambda d: d.at, reverse=True)}
    steps = (
        (DeadlineKind.ACK_TIMEOUT, _after_timeout(incident, policy)),
        (DeadlineKind.RESOLVE_TIMEOUT, _following(incident, policy)),
        (DeadlineKind.REPEAT_EVERY, "another page to who is asked"),
        (DeadlineKind.ASSIGNED, f"stage {incident.stage + 1} again"),
        (DeadlineKind.HOURS, f"stage {incident.stage + 1}"),
        (DeadlineKind.CATCH_ALL, "the catch-all again"),
        (DeadlineKind.SNOOZE_END, "the snooze ends"),
        (DeadlineKind.ACK_EXPIRES, f"{_here(incident)} again: the acknowledgement expires"),
        (DeadlineKind.SLA_ACK, f"service level broken: {_following(incident, policy)}"),
        (DeadlineKind.SLA_RESOLVE, f"service level broken: {_following(incident, policy)}"),
    )
    due = [(words[kind].at, what) for kind, what in steps if kind in words]
    rungs = [(d.at, f"the next way to {names.get(d.of, d.of)}") for d in incident.deadlines if d.kind is DeadlineKind.RUNG]
    if not (due or rungs):
        return ""
    at, what = min(due + rungs)
    return f"{what} at {at:{'%Y-%m-%d %H:%M' if at - incident.since > _SAME_NIGHT else '%H:%M'}} UTC"


def told(entries: Sequence[Entry], names: Mapping[str, str]) -> str:
    """Timeline entries as lines for a thread; empty where none is worth telling."""
    lines = []
    for entry in folded([entry for entry in entries if entry.event in _TOLD]):
        who = "" if entry.who == "pagerd" else f" {names.get(entry.who, entry.who)}:"
        what = entry.event.replace(".", " ").replace("_", " ")
        lines.append(f"{entry.at:%H:%M:%S}{who} {what}{f': {shorten(one_line(entry.what), _LINE)}' if entry.what else ''}")
    return "\n".join(lines)


def folded(entries: Sequence[Entry]) -> list[Entry]:
    """Where many alerts came into an incident, or were resolved, one after the other, the first and the last of them are told."""
    kept: list[Entry] = []
    for event, run in itertools.groupby(entries, key=lambda entry: entry.event):
        same = list(run)
        if event in MANY and len(same) > 3:
            kept += [same[0], replace(same[1], what=f"and {len(same) - 2} more"), same[-1]]
        else:
            kept += same
    return kept


def _offered(incident: Incident) -> tuple[ReplyAction, ...]:
    if not incident.is_open:
        return ()
    return OFFERED[1:] if incident.state is State.ACKNOWLEDGED else OFFERED


def _after_timeout(incident: Incident, policy: Policy | None) -> str:
    stages = policy.stages if policy else ()
    stage = stages[incident.stage] if incident.stage < len(stages) else None
    if stage is not None and (stage.wait_for_all or (stage.on_timeout is OnTimeout.REPEAT and incident.repeats < stage.repeat_limit)):
        return f"stage {incident.stage + 1} again"
    return _following(incident, policy)


def _here(incident: Incident) -> str:
    return "the catch-all" if incident.phase is Phase.CATCH_ALL else f"stage {incident.stage + 1}"


def _following(incident: Incident, policy: Policy | None) -> str:
    if incident.phase is Phase.CATCH_ALL:
        return "the catch-all again"
    stages = policy.stages if policy else ()
    if incident.stage + 1 < len(stages):
        return f"stage {incident.stage + 2} of {len(stages)}"
    return "stage 1 again" if policy and incident.lap < policy.loop else "the catch-all"


def _facts(incident: Incident, record: AlertRecord) -> list[Fact]:
    alert = record.alert
    counted = [f"{record.repeats} repeats"] if record.repeats else []
    counted += [alerts_words(incident)] if incident.alerts > 1 else []
    known = (
        ("Source", alert.source),
        ("Component", alert.component),
        ("All alerts", ", ".join(f"{k}={v}" for k, v in incident.shared.items()) if incident.alerts > 1 else ""),
        ("Counted", ", ".join(counted)),
        ("Labels", ", ".join(f"{k}={v}" for k, v in list(incident.labels.items())[:_MOST_LABELS])),
    )
    return [Fact(name, shorten(one_line(value), _LINE)) for name, value in known if value]


def _links(record: AlertRecord, service: Service | None) -> list[Link]:
    links = [Link(href=service.runbook, text="Runbook")] if service and service.runbook else []
    links += [Link(href=link.href, text=one_line(link.text) or "Link") for link in record.alert.links]
    if record.alert.client_url:
        links.append(Link(href=record.alert.client_url, text=one_line(record.alert.client) or "Source"))
    known: dict[str, Link] = {}
    for link in links:
        if link.href.startswith(("http://", "https://")):
            known.setdefault(link.href, link)
    return list(known.values())[:_MOST_LINKS]


def _rough(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    return duration(timedelta(minutes=minutes)) if minutes > 0 else duration(span)
