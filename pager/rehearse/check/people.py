"""People who are asked over ways that don't lead to them. Each is said once, however many targets lead there."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pager.model.config import Config
from pager.model.origin import Origin
from pager.model.person import Ladder, Person
from pager.model.policy import Target, TargetKind
from pager.model.problem import Level, Problem
from pager.notify.plan import Providers
from pager.oncall.who import people_of
from pager.rehearse.check.ground import problem
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.spans import named


class _Way(msgspec.Struct, frozen=True):
    """`user` is asked over any of `channels`, because of what stands at `path`. `stated`: a stage says these channels."""

    user: str
    channels: tuple[str, ...]
    path: str
    origin: Origin | None
    stated: bool = False


def addresses(scene: Scene) -> Iterable[Problem]:
    config, providers = scene.ground.config, scene.ground.providers
    said: dict[tuple[str, str], Problem] = {}
    partly: dict[str, tuple[_Way, dict[str, list[str]]]] = {}
    for way in _ways(config):
        person = config.users.get(way.user)
        if person is None:
            continue
        if not person.contact:
            message = "is asked, and has no address: can't be paged"
            said.setdefault((person.id, ""), problem(Level.WARNING, person.origin, f"users.{person.id}", message, "add contact"))
        elif not any(providers.carrying(channel) for channel in way.channels):
            message = f"no provider here carries {_either(way.channels)}: nobody is paged by this"
            said.setdefault(("", way.path), problem(Level.WARNING, way.origin, way.path, message))
        elif why := _why_not(person, way, providers):
            said.setdefault((person.id, way.path), problem(Level.WARNING, way.origin, way.path, f"{person.id} is passed over: {why}"))
        elif way.stated:
            for channel in way.channels:
                if channel not in person.contact:
                    people = partly.setdefault(way.path, (way, {}))[1].setdefault(channel, [])
                    people.extend([person.id] if person.id not in people else [])
    yield from said.values()
    for way, missing in partly.values():
        for channel, users in missing.items():
            message = f"{named(users)} {'has' if len(users) == 1 else 'have'} no address for {channel}: the other channels remain"
            yield problem(Level.NOTE, way.origin, way.path, message)


def _why_not(person: Person, way: _Way, providers: Providers) -> str:
    known = [channel for channel in way.channels if channel in person.contact]
    if not known:
        return f"no address for {_either(way.channels)}"
    if not any(providers.carrying(channel) for channel in known):
        return f"no provider here carries {_either(known)}"
    return ""


def _ways(c: Config) -> Iterable[_Way]:
    """Every way on which somebody may be asked: over a stage's own channels, or their ladder."""
    for policy in c.policies.values():
        for k, stage in enumerate(policy.stages):
            path = f"policies.{policy.name}.stages[{k}]"
            for target in stage.notify:
                for user in _people(c, target):
                    origin = target.origin or stage.origin
                    yield from [_Way(user, stage.via, path, origin, stated=True)] if stage.via else _ladder(c, user)
    for target in c.settings.catch_all.notify if c.settings.catch_all else ():
        for user in _people(c, target):
            yield from _ladder(c, user)


def _ladder(c: Config, user: str) -> Iterable[_Way]:
    person = c.users.get(user)
    own = person.ladder if person else None
    path = f"users.{user}.ladder" if own else "settings.ladder"
    ladder: Ladder = own or c.settings.ladder
    for urgency, rungs in (("high", ladder.high), ("low", ladder.low)):
        channels = tuple(dict.fromkeys(channel for rung in rungs for channel in rung.via))
        yield _Way(user, channels, f"{path}.{urgency}", person.origin if own and person else c.settings.origin)


def _people(c: Config, target: Target) -> tuple[str, ...]:
    """Whoever may be meant at any time, also long after the horizon."""
    match target.kind:
        case TargetKind.USER:
            return (target.name,)
        case TargetKind.TEAM:
            return c.teams[target.name].members if target.name in c.teams else ()
        case TargetKind.SCHEDULE:
            schedule = c.schedules.get(target.schedule)
            return people_of(schedule) if schedule else ()
        case TargetKind.SERVICE | TargetKind.CHANNEL:
            return ()


def _either(channels: Iterable[str]) -> str:
    return " or ".join(channels) or "any channel"
