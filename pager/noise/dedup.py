"""Deduplication and order: what one more alert means for its identity.

Order is that of entry ids. An entry handed over twice counts once; an entry older than the newest one applied is superseded: it is counted,
but it changes nothing that a newer one has said. So the outcome is the same in whatever order entries are handled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from pager.model.alert import Action, AlertRecord
from pager.model.event import AlertSeen
from pager.model.incident import Incident
from pager.model.noise import Flap


class Meaning(StrEnum):
    REDELIVERED = "redelivered"  # this very entry was applied before
    OPENS = "opens"
    JOINS = "joins"  # it opens nothing of its own, but comes into the incident of its group
    OPENS_ACKNOWLEDGED = "opens_acknowledged"  # its acknowledge was handled first
    OPENS_RESOLVED = "opens_resolved"  # its resolve was handled first
    REPEATS = "repeats"
    WORSENS = "worsens"  # a repeat of a worse severity than the last
    EASES = "eases"  # a repeat of a milder one
    FLAPS = "flaps"  # it began or ceased to fire once more; its incident stays open meanwhile
    ACKNOWLEDGES = "acknowledges"
    RESOLVES = "resolves"
    SUPERSEDED = "superseded"
    NOTHING_OPEN = "nothing_open"  # an acknowledge or resolve of what is not open


class Verdict(msgspec.Struct, frozen=True):
    """`record` is the identity's record with the alert applied; its `incident` is for the caller to set where one opens."""

    meaning: Meaning
    record: AlertRecord
    reason: str = ""


_Finding = tuple[Meaning, dict[str, object], str]


def judge(record: AlertRecord | None, seen: AlertSeen, now: datetime, flap: Flap | None = None) -> Verdict:
    """What the alert means for its identity. `flap` says when it changes too often."""
    known = record or AlertRecord(alert=seen.alert)
    entry, oldest = seen.entry, seen.oldest_pending
    if entry in known.applied:
        return Verdict(Meaning.REDELIVERED, known, "this entry was applied before")
    meaning, changes, reason = _JUDGES[seen.alert.action](known, seen, now)
    if flap is not None and meaning in _CHANGES:
        meaning, changes = _flapping(known, meaning, changes, flap, now)
    changes["applied"] = (*[e for e in known.applied if e >= oldest], entry)
    return Verdict(meaning, replace(known, **changes), reason)


def _flapping(
    known: AlertRecord, meaning: Meaning, changes: dict[str, object], flap: Flap, now: datetime
) -> tuple[Meaning, dict[str, object]]:
    """A change is remembered, and from so many on it ends no incident."""
    lately = (*(at for at in known.changes if at > now - flap.within), now)[-flap.changes :]
    held = known.flapping or len(lately) >= flap.changes
    changes = {**changes, "changes": lately, "flapping": held}
    if held and meaning is Meaning.RESOLVES:
        return Meaning.FLAPS, {**{k: v for k, v in changes.items() if k not in ("open", "ended_by")}, "firing": False}
    return meaning, changes


def _trigger(known: AlertRecord, seen: AlertSeen, now: datetime) -> _Finding:
    entry = seen.entry
    if known.open and not known.firing and entry > known.newest_resolve:
        return (
            Meaning.FLAPS,
            {"repeats": known.repeats + 1, "last_at": now, "alert": seen.alert, "newest_trigger": entry, "firing": True},
            "",
        )
    if known.open:
        return _repeat(known, seen, now)
    if known.incident and entry < known.ended_by and not _ran_back(known, now):
        return Meaning.SUPERSEDED, {"repeats": known.repeats + 1}, "older than what ended its incident"
    first = _first(seen, now)
    if entry < known.newest_resolve:
        return Meaning.OPENS_RESOLVED, {**first, "ended_by": known.newest_resolve}, "its resolve was handled first"
    if entry < known.newest_ack:
        return Meaning.OPENS_ACKNOWLEDGED, {**first, "open": True}, "its acknowledge was handled first"
    return Meaning.OPENS, {**first, "open": True}, ""


def _ran_back(known: AlertRecord, now: datetime) -> bool:
    """Whether the store's clock stands before the moment at which somebody resolved it: entry ids don't tell then what came first, and an
    incident too many is better than one too few."""
    ms, sequence = known.ended_by
    return sequence == _LAST and ms > _milliseconds(now)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _first(seen: AlertSeen, now: datetime) -> dict[str, object]:
    return {
        "alert": seen.alert, "repeats": 0, "first_at": now, "last_at": now, "opened_by": seen.entry, "newest_trigger": seen.entry,
    }  # fmt: skip


def _repeat(known: AlertRecord, seen: AlertSeen, now: datetime) -> _Finding:
    counted: dict[str, object] = {"repeats": known.repeats + 1, "last_at": now}
    if seen.entry < known.newest_trigger:
        return Meaning.REPEATS, {**counted, "opened_by": min(known.opened_by, seen.entry)}, "older than the newest: counted only"
    changes = {**counted, "alert": seen.alert, "newest_trigger": seen.entry}
    severity, before = seen.alert.severity, known.alert.severity
    if severity is before:
        return Meaning.REPEATS, changes, ""
    meaning = Meaning.WORSENS if severity.worse_than(before) else Meaning.EASES
    return meaning, changes, f"severity was {before}, is {severity}"


def only_repeats(record: AlertRecord, seen: Iterable[AlertSeen]) -> bool:
    """Whether all of these are counted in the record, and their incident stays as it is. Whether that is still open stands in the record, unless
    it is one of several."""
    before = record.alert.severity
    plain = record.open and record.firing and not record.watched and (record.member is None or record.member.first)
    return plain and all(s.alert.action is Action.TRIGGER and s.alert.severity is before for s in seen)


def _resolve(known: AlertRecord, seen: AlertSeen, now: datetime) -> _Finding:
    changes: dict[str, object] = {"newest_resolve": max(known.newest_resolve, seen.entry)}
    if not known.open:
        return Meaning.NOTHING_OPEN, changes, "nothing is open under its key"
    if seen.entry < known.newest_trigger:
        return Meaning.SUPERSEDED, changes, "a newer trigger was handled before it"
    if not known.firing:
        return Meaning.NOTHING_OPEN, changes, "it does not fire at present, and is held open until it is stable"
    return Meaning.RESOLVES, {**changes, "open": False, "ended_by": seen.entry}, ""


def _acknowledge(known: AlertRecord, seen: AlertSeen, now: datetime) -> _Finding:
    changes: dict[str, object] = {"newest_ack": max(known.newest_ack, seen.entry)}
    if not known.open:
        return Meaning.NOTHING_OPEN, changes, "nothing is open under its key"
    if seen.entry < known.opened_by:
        return Meaning.SUPERSEDED, changes, "older than the trigger that opened the incident"
    return Meaning.ACKNOWLEDGES, changes, ""


_JUDGES = {Action.TRIGGER: _trigger, Action.RESOLVE: _resolve, Action.ACKNOWLEDGE: _acknowledge}


def settled(record: AlertRecord | None, incident: Incident | None) -> AlertRecord | None:
    """The record as it stands: somebody who resolves an incident of several alerts does not write the records of all of them."""
    if record is None or record.member is None or not record.open or incident is None or incident.number != record.incident:
        return record
    return record if incident.is_open else ended(record, incident.resolved_at or incident.since)


def ended(record: AlertRecord, now: datetime) -> AlertRecord:
    """The record after a person, or a rule, resolved its incident. What was pushed before that moment belongs to it."""
    return replace(record, open=False, ended_by=(_milliseconds(now), _LAST), flapping=False, firing=True, watched=False)


_CHANGES = frozenset((Meaning.OPENS, Meaning.OPENS_ACKNOWLEDGED, Meaning.RESOLVES, Meaning.FLAPS))
_LAST = 2**63 - 1
