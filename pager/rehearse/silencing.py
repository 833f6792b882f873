"""What a silence says, what it mutes, and what it would have muted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from pager.conditions.condition import Holds, check
from pager.conditions.matchers import matcher
from pager.decide.drafts import facts_of
from pager.model.condition import Condition
from pager.model.config import Config
from pager.model.incident import Incident, State
from pager.model.mute import MuteKind, Silence
from pager.model.rota import RotaFacts
from pager.model.snapshot import Snapshot
from pager.model.times import rfc3339
from pager.oncall.instants import instant, zone


class Standing(StrEnum):
    WAITING = "waiting"
    IN_FORCE = "in force"
    OVER = "over"


class Matched(msgspec.Struct, frozen=True):
    """An incident that a silence speaks of. `paged`: who was, over what."""

    number: int
    state: State
    severity: str
    service: str
    summary: str
    paged: tuple[str, ...]


def every_silence(config: Config, facts: RotaFacts) -> Iterator[Silence]:
    """Those of the files, then those of run time; all times in UTC."""
    tz = zone(config.settings.timezone)
    for silence in config.noise.silences:
        yield msgspec.structs.replace(silence, start=instant(silence.start, tz), end=instant(silence.end, tz))
    yield from facts.silences


def standing(silence: Silence, now: datetime) -> Standing:
    if now >= silence.end:
        return Standing.OVER
    return Standing.IN_FORCE if now >= silence.start else Standing.WAITING


def words(condition: Condition) -> list[str]:
    """Its matchers, and its expression."""
    return [*map(matcher, condition.terms), *([f"if {condition.expression}"] if condition.expression else ())]


def matched(condition: Condition, snapshot: Snapshot) -> Matched | None:
    """The incident, where what is known of its alert matches: the newest, or of what is over the last."""
    incident, record = snapshot.incident, snapshot.record
    if incident is None:
        return None
    own = record if record is not None and record.incident == incident.number else incident.ended_with
    if own is None or not isinstance(check(condition, facts_of(incident, own)), Holds):
        return None
    paged = tuple(dict.fromkeys(f"{one.user} by {one.channel}" for one in incident.paged))
    return Matched(incident.number, incident.state, incident.severity.value, incident.service, own.alert.summary, paged)


class Tally:
    """How many incidents each silence mutes now, and has muted in all. `name` of a silence is its id."""

    def __init__(self, silences: Iterable[Silence], now: datetime) -> None:
        self._in_force = [silence for silence in silences if standing(silence, now) is Standing.IN_FORCE]
        self.muting = Counter[str]()
        self.muted = Counter[str]()

    def add(self, snapshot: Snapshot) -> None:
        incident = snapshot.incident
        if incident is None or not incident.mutes:
            return
        self.muted.update({one.rule for one in incident.mutes if one.kind is MuteKind.SILENCE})
        if incident.state is State.SUPPRESSED:
            self.muting.update({silence.id for silence in self._in_force if matched(silence.condition, snapshot)})


def muted_by(silence: Silence, incident: Incident) -> bool:
    """Whether it is that silence that mutes it now, by name."""
    mute = incident.mute
    return incident.state is State.SUPPRESSED and mute is not None and (mute.kind, mute.rule) == (MuteKind.SILENCE, silence.id)


def silence_json(silence: Silence, now: datetime, tally: Tally) -> dict[str, Any]:
    """`id` is None for one of the files, which has a `name` and an `origin` instead. `muting`: incidents it mutes now; `muted`: all it has."""
    in_file = silence.origin is not None
    return {
        "id": None if in_file else silence.id,
        "name": silence.id if in_file else None,
        "matchers": words(silence.condition),
        "from": rfc3339(silence.start),
        "to": rfc3339(silence.end),
        "state": standing(silence, now).value,
        "by": silence.by,
        "why": silence.why,
        "muting": tally.muting[silence.id],
        "muted": tally.muted[silence.id],
        "ended_by": silence.ended_by or None,
        "origin": str(silence.origin) if silence.origin else None,
    }
