"""An incident of several alerts: how many of them are open, how bad the worst is, and what mutes all of them.

A group is muted only while each of its open alerts is: by something that mutes what all of them have in common, or by what muted each as it
came. Nothing here grows with the group."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from pager.conditions.condition import Facts
from pager.decide.rules import Rules
from pager.escalate import chain, muting
from pager.escalate.draft import Draft, Shared
from pager.model.alert import Alert, AlertRecord, Member, Severity, Urgency
from pager.model.incident import DeadlineKind, Incident, Lead, State
from pager.model.mute import Hush, Mute, MuteKind
from pager.noise.group import Belongs
from pager.noise.inhibit import holding
from pager.noise.mutes import longest
from pager.route.assign import Assignment

_FIELDS = ("source", "component", "group", "class", "integration")
_MOST_HUSHES = 8
_MOST_LEADS, _SUMMARY = 5, 160


def names_of(incident: Incident) -> tuple[str, ...]:
    """The pointers that what mutes its alerts hangs on."""
    return tuple(name for hush in incident.hushes for name in hush.mute.names)


def count_words(incident: Incident) -> str:
    return f"{incident.still_fire} of {incident.alerts} still fire"


# --- coming and going -----------------------------------------------------------------------------------------------------------------
def begin(d: Draft, record: AlertRecord, belongs: Belongs, severity: Severity) -> AlertRecord:
    """The incident is the first of its group; others may come into it."""
    pointer = d.pointers.get(belongs.name)
    if pointer is None:
        return record
    d.point(belongs.name, replace(pointer, incident=d.incident.number, count=1, times=(d.now,)))
    d.set(worst=severity, group=belongs.name, shared=belongs.shared, fields=_fields(record.alert))
    mute = d.incident.mute if d.incident.state is State.SUPPRESSED and not is_held_whole(d.incident) else None
    return replace(record, member=come(d, Member(severity, first=True), mute))


def come(d: Draft, member: Member, mute: Mute | None) -> Member:
    """One more of its alerts is open. `mute`: what mutes that one."""
    counts = list(d.incident.firing or (0,) * len(Severity))
    counts[member.severity.rank] += 1
    hushes = {hush.mute.key: hush for hush in d.incident.hushes}
    if mute is not None:
        known = hushes.get(mute.key)
        worst = member.severity if known is None or member.severity.worse_than(known.worst) else known.worst
        over = known.over if known else muting.over_at(d)
        if known is not None or len(hushes) < _MOST_HUSHES:
            since = known.since if known else d.now
            hushes[mute.key] = Hush(mute, (known.alerts if known else 0) + 1, worst, since, over, known.unnamed if known else 0)
    member = replace(member, hushed=mute.key if mute else "")
    d.set(firing=tuple(counts), hushes=tuple(hushes.values()), severity=_worst(counts, d.incident.severity))
    d.set(leads=_named((*_others(d), _lead(d, member))))
    return member


def go(d: Draft, member: Member) -> None:
    """One of its alerts is open no longer."""
    counts = list(d.incident.firing)
    counts[member.severity.rank] = max(counts[member.severity.rank] - 1, 0)
    hushes = [replace(h, alerts=h.alerts - (h.mute.key == member.hushed)) for h in d.incident.hushes]
    unnamed = next((k for k, hush in enumerate(hushes) if hush.unnamed), None)
    if not member.hushed and unnamed is not None:  # it may be one of these, and of what mutes rather too few are counted than too many
        hush = hushes[unnamed]
        hushes[unnamed] = replace(hush, alerts=hush.alerts - 1, unnamed=hush.unnamed - 1)
    d.set(firing=tuple(counts), hushes=tuple(h for h in hushes if h.alerts > 0), severity=_worst(counts, d.incident.severity))
    d.set(leads=_others(d))


def over(d: Draft) -> None:
    """None of it fires, or somebody has closed it: it is as bad as it ever was."""
    worst = min((d.incident.severity, d.incident.worst), key=lambda severity: severity.rank)
    d.set(severity=worst, leads=())


def _identity(d: Draft) -> tuple[str, str]:
    """That of the alert at hand; none for the first."""
    found = (d.alert.scope, d.alert.dedup_key)
    return found if found != (d.incident.scope, d.incident.dedup_key) else ("", "")


def _lead(d: Draft, member: Member) -> Lead:
    scope, key = _identity(d)
    return Lead(member.severity, scope, key, " ".join(d.alert.summary.split())[:_SUMMARY] if key else "", member.hushed)


def _others(d: Draft) -> tuple[Lead, ...]:
    return tuple(lead for lead in d.incident.leads if (lead.scope, lead.dedup_key) != _identity(d))


def _named(leads: tuple[Lead, ...]) -> tuple[Lead, ...]:
    """As many as are kept: those that nothing muted before the others, and of these the worst, and the first."""
    return tuple(sorted(leads, key=lambda lead: (bool(lead.hushed), lead.severity.rank))[:_MOST_LEADS])


def compare(d: Draft, alert: Alert, assigned: Assignment) -> None:
    """What the others have in common with one more."""
    incident, facts = d.incident, Facts.of(alert)
    differ = {"service", "team"} if assigned.service != incident.service else set()
    differ |= {"team"} if assigned.labels.get("team") != incident.labels.get("team") else set()
    differ |= {"urgency"} if assigned.urgency is not incident.urgency else set()
    d.set(
        labels={key: value for key, value in incident.labels.items() if assigned.labels.get(key) == value},
        fields={key: value for key, value in incident.fields.items() if facts.get(key) == value},
        differ=tuple(sorted({*incident.differ, *differ})),
    )


def _fields(alert: Alert) -> dict[str, str]:
    facts = Facts.of(alert)
    return {key: value for key in _FIELDS if (value := facts.get(key))}


def _worst(counts: list[int], otherwise: Severity) -> Severity:
    return next((severity for severity in Severity if counts[severity.rank]), otherwise)


def is_held_whole(incident: Incident) -> bool:
    """A storm holds back an incident, whatever comes into it; not its alerts, each by itself."""
    return incident.mute is not None and incident.mute.kind is MuteKind.STORM


# --- muting ---------------------------------------------------------------------------------------------------------------------------
def in_common(d: Draft) -> Facts:
    """What is so of all its alerts."""
    incident = d.incident
    if incident.alerts < 2:
        return d.world.facts
    mixed = sum(count > 0 for count in incident.firing) > 1
    not_shared = [key for key in _FIELDS if key not in incident.fields]
    return d.world.facts.without(("details", *not_shared, *incident.differ, *(("severity",) if mixed else ())))


def absorb(d: Draft) -> None:
    """It is muted as it stands, and one more alert comes: what mutes it mutes those that were there."""
    mute, loud = d.incident.mute, d.incident.still_fire - sum(hush.alerts for hush in d.incident.hushes)
    if mute is None or loud <= 0 or is_held_whole(d.incident):
        return
    others = tuple(hush for hush in d.incident.hushes if hush.mute.key != mute.key)
    known = next((hush for hush in d.incident.hushes if hush.mute.key == mute.key), None)
    over = known.over if known else muting.over_at(d)
    alerts, unnamed = (known.alerts, known.unnamed) if known else (0, 0)
    d.set(hushes=(*others, Hush(mute, alerts + loud, d.incident.worst, d.now, over, unnamed + loud)))


def hushed(d: Draft, rules: Rules) -> Mute | None:
    """What mutes it, where each of its open alerts was muted as it came, and still is. It lasts until the first of those ends."""
    held = [(mute, hush.alerts) for hush in d.incident.hushes if (mute := _still(d, hush, rules))]
    if not held or sum(alerts for _, alerts in held) < d.incident.still_fire:
        return None
    named = longest(mute for mute, _ in held)
    ends = [mute.until for mute, _ in held if mute.until is not None]
    return replace(named, until=min(ends, default=None)) if named else None


def still_hushed(d: Draft, rules: Rules) -> bool:
    """Look at what mutes some of the alerts. True when that is over for one that is worse than what was paged for: that pages now."""
    d.disarm(DeadlineKind.HUSHED)
    ended = [hush for hush in d.incident.hushes if _still(d, hush, rules) is None]
    d.set(hushes=tuple(hush for hush in d.incident.hushes if hush not in ended))
    worse = sorted((hush for hush in ended if hush.worst.worse_than(d.incident.worst)), key=lambda hush: hush.worst.rank)
    urgency = d.incident.urgency
    if worse:
        serious = worse[0].worst in (Severity.CRITICAL, Severity.ERROR)
        d.set(worst=worse[0].worst, urgency=Urgency.HIGH if serious else d.incident.urgency)
    if d.incident.state is State.SUPPRESSED:
        return False
    if not worse:
        return False
    because = f"one of its alerts was muted until now ({worse[0].mute.as_it_ended(d.now)})"
    d.say("incident.worsened", because, origin=worse[0].mute.origin)
    d.risen = True
    stands = d.incident.state is State.TRIGGERED and d.incident.urgency is urgency
    if stands and not any(x.at <= d.now and x.turn == d.incident.turn for x in d.incident.deadlines):  # else it moves anyway: once
        chain.page_worse(d, because)
    else:
        chain.resume(d, because)
    d.set(reason=f"muted until now ({worse[0].mute.reason})")
    return True


def remind(d: Draft) -> None:
    """Look again when what mutes an alert that is worse than what was paged for ends."""
    worse = [hush for hush in d.incident.hushes if hush.worst.worse_than(d.incident.worst)]
    if not worse or d.incident.state in (State.SUPPRESSED, State.RESOLVED):
        return
    at = max(min(min(_ends(d, hush) or hush.over, hush.over) for hush in worse), d.now)
    if not any(deadline.kind is DeadlineKind.HUSHED and deadline.at == at for deadline in d.incident.deadlines):
        d.arm(DeadlineKind.HUSHED, at)


def _ends(d: Draft, hush: Hush) -> datetime | None:
    """When it does, as far as that is known."""
    if hush.mute.kind is not MuteKind.INHIBITION:
        return hush.mute.until
    found = holding(hush.mute.names, d.pointers, d.incident.inhibits, d.now, d.incident.number)
    return found[1] if found else d.now


def _still(d: Draft, hush: Hush, rules: Rules) -> Mute | None:
    mute = hush.mute
    if d.now >= hush.over:
        return None
    match mute.kind:
        case MuteKind.SILENCE | MuteKind.MAINTENANCE:
            return rules.mutes.still(mute, d.now)
        case MuteKind.INHIBITION:
            found = holding(mute.names, d.pointers, d.incident.inhibits, d.now, d.incident.number)
            d.shared |= Shared(relies=tuple(name for name in mute.names if name in d.pointers), joins=mute.names if found else ())
            return replace(mute, until=found[1]) if found else None
        case MuteKind.THRESHOLD:
            if any((pointer := d.pointers.get(name)) and pointer.at and pointer.at >= hush.since for name in mute.names):
                return None
            d.shared |= Shared(joins=mute.names)
            return mute
        case _:
            return mute if mute.until is None or mute.until > d.now else None
