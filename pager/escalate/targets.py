"""From what a policy names to the people who are asked, at the moment of paging."""

from __future__ import annotations

from datetime import datetime

import msgspec

from pager.escalate.effects import World
from pager.model.origin import Origin
from pager.model.policy import Target, TargetKind


class Asked(msgspec.Struct, frozen=True):
    user: str
    target: str
    because: str
    origin: Origin | None = None


class Empty(msgspec.Struct, frozen=True):
    """A target that names nobody right now."""

    target: str
    why: str
    origin: Origin | None = None


class Resolved(msgspec.Struct, frozen=True):
    """`channels` are notices to post; `takes_over` is the service whose policy goes on from here."""

    people: tuple[Asked, ...] = ()
    empty: tuple[Empty, ...] = ()
    channels: tuple[str, ...] = ()
    takes_over: str = ""


def resolve(targets: tuple[Target, ...], world: World, at: datetime) -> Resolved:
    """Everybody the targets name at that moment, each person once, in order."""
    people: dict[str, Asked] = {}
    empty: list[Empty] = []
    channels: list[str] = []
    takes_over = ""
    for target in targets:
        match target.kind:
            case TargetKind.CHANNEL:
                channels.append(target.name)
            case TargetKind.SERVICE:
                takes_over = takes_over or target.name
            case _:
                found = _people(target, world, at)
                for asked in found:
                    people.setdefault(asked.user, asked)
                if not found:
                    empty.append(Empty(str(target), _why_empty(target), target.origin))
    return Resolved(tuple(people.values()), tuple(empty), tuple(channels), takes_over)


def _people(target: Target, world: World, at: datetime) -> list[Asked]:
    config = world.config
    name = str(target)
    match target.kind:
        case TargetKind.USER:
            person = config.users.get(target.name)
            return [Asked(person.id, name, "named by the policy", target.origin)] if person else []
        case TargetKind.TEAM:
            team = config.teams.get(target.name)
            members = team.members if team else ()
            return [Asked(u, name, f"member of team {target.name}", team.origin if team else None) for u in members if u in config.users]
        case TargetKind.SCHEDULE:
            return [
                Asked(on.user, name, f"on call in {target.name}: {on.because}", on.origin)
                for on in world.on_call(target.name, at)
                if on.user in config.users
            ]
        case _:
            return []


def _why_empty(target: Target) -> str:
    match target.kind:
        case TargetKind.SCHEDULE:
            return f"{target}: nobody is on call"
        case TargetKind.TEAM:
            return f"{target}: has no members"
        case _:
            return f"{target}: is not in the config any more"
