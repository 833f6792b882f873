"""What is new, gone or different in the config, in words: people, teams, calendars, policies, services, routes. Never an address, a key or a credential."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Any

import msgspec

from pager.model.calendar import Calendar
from pager.model.config import Config
from pager.model.origin import Origin
from pager.model.person import Person, Team
from pager.model.policy import Policy, Stage, Target
from pager.model.times import duration


class What(StrEnum):
    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` and `name` say what, `how` what of it, each in words. `old` and `new` are where it stands."""

    kind: str
    name: str
    what: What
    how: tuple[str, ...] = ()
    old: Origin | None = None
    new: Origin | None = None


def changes(old: Config, new: Config) -> tuple[Change, ...]:
    """Of what stands in a different place of the files, or is written differently and means the same, nothing is said."""
    found = _settings(old, new)
    found += _by_name("user", old.users, new.users, _person)
    found += _by_name("team", old.teams, new.teams, _team)
    found += _by_name("calendar", old.calendars, new.calendars, _calendar)
    found += _by_name("schedule", old.schedules, new.schedules, lambda a, b: [])
    found += _by_name("policy", old.policies, new.policies, _policy)
    found += _by_name("service", old.services, new.services, _fields)
    found += _by_name("route", {r.name: r for r in old.routes}, {r.name: r for r in new.routes}, _fields)
    return (*found, *_order(old, new))


def same(some: Any, other: Any) -> bool:
    """Whether they say the same, wherever it is written."""
    match some:
        case Origin():
            return isinstance(other, Origin)
        case msgspec.Struct():
            fields = some.__struct_fields__
            return type(some) is type(other) and all(f == "origin" or same(getattr(some, f), getattr(other, f)) for f in fields)
        case dict():
            return isinstance(other, dict) and some.keys() == other.keys() and all(same(v, other[k]) for k, v in some.items())
        case tuple() | list():
            return isinstance(other, tuple | list) and len(some) == len(other) and all(map(same, some, other))
        case _:
            return bool(some == other)


def _by_name(kind: str, old: Mapping[str, Any], new: Mapping[str, Any], how: Callable[[Any, Any], Iterable[str]]) -> list[Change]:
    found = []
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = old.get(name), new.get(name)
        if before is None and after is not None:
            found.append(Change(kind=kind, name=name, what=What.NEW, new=after.origin))
        elif before is not None and after is None:
            found.append(Change(kind=kind, name=name, what=What.GONE, old=before.origin))
        elif before is not None and after is not None and not same(before, after):
            words = tuple(how(before, after))
            found.append(Change(kind=kind, name=name, what=What.CHANGED, how=words, old=before.origin, new=after.origin))
    return found


# --- each in its own words ------------------------------------------------------------------------------------------------------------
def _settings(old: Config, new: Config) -> list[Change]:
    names = ("timezone", "default_policy", "catch_all", "ladder", "limits", "break_glass", "ack_expires")
    how = [*_fields(old.settings, new.settings, names)]
    places = old.settings.origin, new.settings.origin
    return [Change(kind="settings", name="settings", what=What.CHANGED, how=tuple(how), old=places[0], new=places[1])] if how else []


def _person(old: Person, new: Person) -> Iterable[str]:
    for channel in dict.fromkeys([*old.contact, *new.contact]):
        before, after = old.contact.get(channel), new.contact.get(channel)
        if before != after:  # which channel, and never the address
            yield f"contact {channel}: {'new' if before is None else 'gone' if after is None else 'changed'}"
    yield from _fields(old, new, [name for name in old.__struct_fields__ if name != "contact"])


def _team(old: Team, new: Team) -> Iterable[str]:
    joined, left = (
        " and ".join(u for u in some if u not in others) for some, others in ((new.members, old.members), (old.members, new.members))
    )
    if joined:
        yield f"{joined} joined"
    if left:
        yield f"{left} left"
    yield from _fields(old, new, ("lead", "chat"))


def _calendar(old: Calendar, new: Calendar) -> Iterable[str]:
    yield from _fields(old, new, [name for name in old.__struct_fields__ if name != "series"])
    if not same(old.series, new.series):
        yield "its events changed"


def _policy(old: Policy, new: Policy) -> Iterable[str]:
    for k in range(max(len(old.stages), len(new.stages))):
        if k >= len(old.stages):
            yield f"{_stage(k, new.stages[k])}: new, {_said(new.stages[k].notify)}"
        elif k >= len(new.stages):
            yield f"{_stage(k, old.stages[k])}: gone, {_said(old.stages[k].notify)}"
        else:
            yield from (f"{_stage(k, new.stages[k])}: {words}" for words in _fields(old.stages[k], new.stages[k]))
    yield from _fields(old, new, ("loop", "ack_expires"))


def _stage(k: int, stage: Stage) -> str:
    return f"stage {k + 1}" + (f" ({stage.name})" if stage.name else "")


def _fields(old: Any, new: Any, names: Sequence[str] = ()) -> Iterable[str]:
    for name in names or old.__struct_fields__:
        if name != "origin" and hasattr(old, name) and not same(getattr(old, name), getattr(new, name)):
            before, after = _said(getattr(old, name)), _said(getattr(new, name))
            yield f"{name} changed" if before is None or after is None else f"{name}: {before} -> {after}"


def _order(old: Config, new: Config) -> list[Change]:
    """The first route that matches wins: so their order counts."""
    both = {r.name for r in old.routes} & {r.name for r in new.routes}
    before, after = ([r.name for r in c.routes if r.name in both] for c in (old, new))
    if before == after:
        return []
    return [Change(kind="routes", name="order", what=What.CHANGED, how=(f"{', '.join(before)} -> {', '.join(after)}",))]


def _said(value: Any) -> str | None:
    """Only what can't hold a secret: None for anything that has parts of its own."""
    match value:
        case None | "":
            return "none"
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case timedelta():
            return duration(value)
        case str() if "://" in value:
            return None
        case Target() | str() | int():
            return str(value)
        case tuple() if all(isinstance(one, Target | str) for one in value):
            return ", ".join(map(str, value)) or "none"
        case _:
            return None
