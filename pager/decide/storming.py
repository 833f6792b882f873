"""What a storm means for an incident: it is counted, speaks for the others, or waits until it is over."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from pager.decide.rules import Rules
from pager.escalate.asking import page_again
from pager.escalate.draft import Draft, Shared
from pager.model.alert import Alert
from pager.model.incident import DeadlineKind, Incident, State
from pager.model.mute import Mute, MuteKind
from pager.model.noise import Storm
from pager.model.snapshot import Pointer
from pager.noise import storms

AT_ONCE = timedelta(0)
GROWN = 4
"""For so many times as many as they were told of, the speaker's people are paged again: seldom, however long it grows."""


def names_of(incident: Incident) -> tuple[str, ...]:
    """The pointer of the storm for which it speaks, or that holds it back."""
    name = incident.storm or held_by(incident)
    return (name,) if name else ()


def held_by(incident: Incident) -> str:
    """The pointer of the storm that holds it back, also beneath something that mutes it for longer."""
    mute, since = incident.mute, incident.muted_at
    if mute is None or since is None:
        return ""
    if mute.kind is MuteKind.STORM:
        return mute.rule
    return next((one.rule for one in reversed(incident.mutes) if one.kind is MuteKind.STORM and one.at >= since), "")


def name_for(alert: Alert, rules: Rules) -> tuple[str, ...]:
    """The pointers that count the incident that the alert would open."""
    rates = rules.config.noise.storm
    if not rates:
        return ()
    name = rules.router.assign(alert).service
    service = rules.config.services.get(name)
    team = (service.team if service else None) or ""
    return tuple(storms.name_of(storm, name, team) for storm in rates)


def first_held(d: Draft, rules: Rules) -> Mute | None:
    """As it opens, and nothing else mutes it: it is counted, and held back where it storms, unless it is critical. The one with which it begins
    to storm is paged for, and speaks for the others. Where several rates are exceeded, each has its speaker, and the first holds back."""
    storming: list[tuple[Storm, str]] = []
    speaks: tuple[Storm, str, Pointer] | None = None
    for storm in rules.config.noise.storm:
        name = storms.name_of(storm, d.incident.service, d.incident.team)
        if name not in d.pointers:  # what recurs may have come to another service
            continue
        pointer = storms.one_more(storm, d.pointers[name], d.incident, d.alert.summary, d.now)
        d.point(name, pointer)
        if pointer.at is not None:
            storming.append((storm, name))
            speaks = speaks or ((storm, name, pointer) if pointer.incident == 0 else None)
    if not storming or d.incident.severity == "critical":
        return None
    if speaks is not None:
        _speak(d, *speaks)
        return None
    storm, name = storming[0]
    d.shared |= Shared(joins=(name,))
    return storms.held(storm, name, d.incident, d.now)


def _speak(d: Draft, storm: Storm, name: str, pointer: Pointer) -> None:
    d.point(name, replace(pointer, incident=d.incident.number))
    d.set(storm=name, storm_told=pointer.count, storm_words=storms.words(pointer, d.now))
    d.say("storm.begun", f"this page speaks for all: {d.incident.storm_words}", origin=storm.origin)
    d.arm(DeadlineKind.STORM, storm.within)


def still_held(d: Draft, rules: Rules) -> list[Mute]:
    """At a later look."""
    name = held_by(d.incident)
    storm = storms.rate_of(name, rules.config.noise.storm)
    if storm is None or not storms.goes_on(storm, d.pointers.get(name), d.now):
        return []
    d.shared |= Shared(joins=(name,))
    mute = storms.held(storm, name, d.incident, d.now)
    return [mute] if mute else []


def look(d: Draft, rules: Rules) -> None:
    """The speaker's own deadline: it says how the storm goes; when it is over, those that wait are looked at."""
    if not any(x.kind is DeadlineKind.STORM and x.at <= d.now for x in d.incident.deadlines):
        return
    d.disarm(DeadlineKind.STORM)
    name = d.incident.storm
    storm = storms.rate_of(name, rules.config.noise.storm)
    pointer = d.pointers.get(name)
    if pointer is None or pointer.incident != d.incident.number:
        return
    d.set(storm_words=storms.words(pointer, d.now))
    if storm is None or not storms.goes_on(storm, pointer, d.now):
        d.say("storm.over", d.incident.storm_words)
        d.point(name, storms.over(pointer))
        d.shared |= Shared(wakes=((name, AT_ONCE),))
        d.set(storm="")
        return
    d.say("storm.goes_on", d.incident.storm_words)
    d.arm(DeadlineKind.STORM, storm.within)
    told = d.incident.storm_told
    if told and pointer.count >= GROWN * told and d.incident.state is State.TRIGGERED:
        d.set(storm_told=pointer.count)
        page_again(d, tuple(run.user for run in d.incident.runs if not run.acknowledged_at))


def leave(d: Draft) -> None:
    """A speaker that is resolved: the next one speaks; and those that wait look for themselves when their time comes."""
    name = d.incident.storm
    if not name or d.incident.is_open:
        return
    pointer = d.pointers.get(name)
    if pointer is not None and pointer.incident == d.incident.number:
        d.point(name, replace(pointer, incident=0))
    d.set(storm="")
