"""From what a policy names to the people who are asked, at the moment of paging."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from pager.escalate.effects import World
from pager.model.incident import Turn
from pager.model.origin import Origin
from pager.model.policy import Target, TargetKind
from pager.model.schedule import OnCall


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
    """`channels` are notices to post; `takes_over` is the service whose policy goes on from here. `turns` are those that the incident has
    then, whoever is asked in them."""

    people: tuple[Asked, ...] = ()
    empty: tuple[Empty, ...] = ()
    channels: tuple[str, ...] = ()
    takes_over: str = ""
    turns: tuple[Turn, ...] = ()


def resolve(targets: tuple[Target, ...], world: World, at: datetime, turns: tuple[Turn, ...] = ()) -> Resolved:
    """Everybody the targets name at that moment, each person once, in order. `turns` are those that the incident has already."""
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
                found, turns = _in_turn(target, world, at, turns) if target.in_turn else (_people(target, world, at), turns)
                for asked in found:
                    people.setdefault(asked.user, asked)
                if not found:
                    empty.append(Empty(str(target), _why_empty(target), target.origin))
    return Resolved(tuple(people.values()), tuple(empty), tuple(channels), takes_over, turns)


def _in_turn(target: Target, world: World, at: datetime, turns: tuple[Turn, ...]) -> tuple[list[Asked], tuple[Turn, ...]]:
    """The one whose turn it is. An incident keeps its turn, and whom it asked in it, as long as they are on call."""
    on_call = _in_order(target, world, at)
    if not on_call:
        return [], turns
    turn = next((t for t in turns if t.schedule == target.schedule), None)
    number = turn.number if turn else world.turns.get(target.schedule, 0) + 1
    known = next((on for on in on_call if turn and on.user == turn.user), None)
    return _asked(target, known or on_call[(number - 1) % len(on_call)], number, turns)


def stand_in(lost: Asked, world: World, at: datetime, turns: tuple[Turn, ...], tried: Collection[str]) -> Asked | None:
    """Who is asked where somebody can't be reached whose turn it was: of those on call, the next who was not tried. None, too, for who was
    asked in no turn."""
    kind, _, name = lost.target.partition(":")
    target = Target(TargetKind.SCHEDULE, name)
    turn = next((t for t in turns if t.schedule == target.schedule), None)
    if kind != TargetKind.SCHEDULE or not target.in_turn or turn is None:
        return None
    on_call = [on for on in _in_order(target, world, at) if on.user not in tried]
    following = next((on for on in on_call if on.user > lost.user), on_call[0] if on_call else None)
    return _asked(target, following, turn.number, turns)[0][0] if following else None


def _in_order(target: Target, world: World, at: datetime) -> list[OnCall]:
    """By their ids, whatever the layers' order: a hand-off that changes the order alone gives nobody a second turn."""
    return sorted((on for on in world.on_call(target.schedule, at) if on.user in world.config.users), key=lambda on: on.user)


def _asked(target: Target, on: OnCall, number: int, turns: tuple[Turn, ...]) -> tuple[list[Asked], tuple[Turn, ...]]:
    because = f"turn {number} of schedule {target.schedule}: {on.user} ({on.because})"
    kept = (*(t for t in turns if t.schedule != target.schedule), Turn(target.schedule, number, on.user))
    return [Asked(on.user, str(target), because, on.origin)], kept


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
