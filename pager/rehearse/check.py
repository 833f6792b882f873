"""Everything that is wrong with a config, and what it would not do. A list of small checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from pager.model.config import Config
from pager.model.origin import Origin
from pager.model.person import Ladder, Person
from pager.model.policy import Target, TargetKind
from pager.model.problem import Level, Problem
from pager.notify.plan import Providers
from pager.oncall.who import people_of
from pager.rehearse.handoffs import hand_offs

_LEVELS = list(Level)


def check(config: Config | None, problems: Iterable[Problem], carried: Mapping[str, Collection[str]]) -> tuple[Problem, ...]:
    """`problems`, and what the loader, which looks at one place at a time, can't see; errors first, then by place. `config` is None where it
    could not be read: then `problems` is all there is to say. `carried` maps a channel to the kinds of providers that can carry it."""
    found = list(problems)
    if config is not None:
        providers = Providers.of(_with_credentials(config), carried)
        found += [problem for look in _CHECKS for problem in look(config, providers)]
    return tuple(sorted(found, key=lambda p: (_LEVELS.index(p.level), p.file, p.line, p.column)))


def _with_credentials(c: Config) -> Config:
    """Credentials that are missing are said once, and not again for each stage that would need them."""
    return replace(c, providers={name: replace(provider, missing=()) for name, provider in c.providers.items()})


def _credentials(c: Config, _: Providers) -> Iterable[Problem]:
    """A channel that counts on an account nobody can log in to."""
    for name, provider in c.providers.items():
        channels = [channel for channel, names in c.channels.items() if name in names]
        if not provider.missing or not channels:
            continue
        what = (
            f"{' and '.join(provider.missing)} {'is' if len(provider.missing) == 1 else 'are'} empty: it can't carry {', '.join(channels)}"
        )
        if c.settings.demo:
            yield _problem(Level.NOTE, provider.origin, f"providers.{name}", f"{what}; the console stands in (demo)", "set it for real use")
        else:
            yield _problem(Level.ERROR, provider.origin, f"providers.{name}", what, "set it, or demo: true")


def _last_resort(c: Config, _: Providers) -> Iterable[Problem]:
    if c.settings.catch_all is None:
        why = "when a policy is exhausted or reaches nobody, only the people it names are paged again, and nobody else"
        yield _problem(
            Level.WARNING, c.settings.origin, "settings.catch_all", f"is not set: {why}", 'such as {notify: ["team:sre"], every: 10m}'
        )
    if c.settings.default_policy is None:
        why = "an alert that no route, alert or integration gives a service goes straight to the catch-all"
        yield _problem(Level.WARNING, c.settings.origin, "settings.default_policy", f"is not set: {why}", "name a policy")


# --- who can be reached ---------------------------------------------------------------------------------------------------------------
class _Way(msgspec.Struct, frozen=True):
    """`user` is asked over any of `channels`, because of what stands at `path`."""

    user: str
    channels: tuple[str, ...]
    path: str
    origin: Origin | None


def _addresses(c: Config, providers: Providers) -> Iterable[Problem]:
    """People who are asked over ways that don't lead to them. Each is said once, however many targets lead there."""
    said: dict[tuple[str, str], Problem] = {}
    for way in _ways(c):
        person = c.users.get(way.user)
        if person is None:
            continue
        if not person.contact:
            message = "is asked, and has no address: can't be paged"
            said.setdefault((person.id, ""), _problem(Level.WARNING, person.origin, f"users.{person.id}", message, "add contact"))
        elif not any(providers.carrying(channel) for channel in way.channels):
            message = f"no provider here carries {_either(way.channels)}: nobody is paged by this"
            said.setdefault(("", way.path), _problem(Level.WARNING, way.origin, way.path, message))
        elif why := _why_not(person, way, providers):
            said.setdefault((person.id, way.path), _problem(Level.WARNING, way.origin, way.path, f"{person.id} is passed over: {why}"))
    return said.values()


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
                    yield from [_Way(user, stage.via, path, target.origin or stage.origin)] if stage.via else _ladder(c, user)
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
    match target.kind:
        case TargetKind.USER:
            return (target.name,)
        case TargetKind.TEAM:
            return c.teams[target.name].members if target.name in c.teams else ()
        case TargetKind.SCHEDULE:
            schedule = c.schedules.get(target.name.removesuffix("/next"))
            return people_of(schedule) if schedule else ()
        case TargetKind.SERVICE | TargetKind.CHANNEL:
            return ()


def _either(channels: Iterable[str]) -> str:
    return " or ".join(channels) or "any channel"


def _problem(level: Level, origin: Origin | None, path: str, message: str, suggestion: str = "") -> Problem:
    """`origin` None: a setting that is not written anywhere."""
    file, line, column = (origin.file, origin.line, origin.column) if origin else ("config", 0, 0)
    return Problem(level=level, file=file, line=line, column=column, path=path, message=message, suggestion=suggestion)


_CHECKS: tuple[Callable[[Config, Providers], Iterable[Problem]], ...] = (_credentials, _last_resort, _addresses, hand_offs)
