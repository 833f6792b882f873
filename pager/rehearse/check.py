"""Everything that is wrong with a config, and what it would not do. A list of small checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pager.model.config import Config
from pager.model.origin import Origin
from pager.model.problem import Level, Problem


def check(config: Config) -> list[Problem]:
    """What the loader, which looks at one place at a time, can't see."""
    return [problem for find in _CHECKS for problem in find(config)]


def _problem(level: Level, origin: Origin | None, path: str, message: str, suggestion: str = "") -> Problem:
    file, line, column = (origin.file, origin.line, origin.column) if origin else ("settings", 0, 0)
    return Problem(level=level, file=file, line=line, column=column, path=path, message=message, suggestion=suggestion)


def _credentials(c: Config) -> Iterable[Problem]:
    used = {name for names in c.channels.values() for name in names}
    for name, provider in c.providers.items():
        if provider.missing and name in used:
            level = Level.NOTE if c.settings.demo else Level.ERROR
            what = f"no {' and no '.join(provider.missing)}" + (": the console stands in (demo)" if c.settings.demo else "")
            yield _problem(level, provider.origin, f"providers.{name}", what, "set it, or settings.demo: true to try without")


def _last_resort(c: Config) -> Iterable[Problem]:
    if c.settings.catch_all is None:
        yield _problem(Level.WARNING, None, "settings.catch_all", "nobody is paged when a policy is exhausted but those it names", "set it")
    if c.settings.default_policy is None:
        yield _problem(
            Level.WARNING, None, "settings.default_policy", "an alert without service or route goes straight to the catch-all", "set it"
        )


def _addresses(c: Config) -> Iterable[Problem]:
    """People who would be asked over channels they have no address for."""
    for policy in c.policies.values():
        for k, stage in enumerate(policy.stages):
            for target in stage.notify:
                person = c.users.get(target.name) if target.kind == "user" else None
                if person is not None and stage.via and not set(stage.via) & set(person.contact):
                    message = f"{person.id} has no address for {', '.join(stage.via)}: the stage passes them over"
                    yield _problem(Level.WARNING, target.origin, f"policies.{policy.name}.stages[{k}]", message)
    for person in c.users.values():
        if not person.contact:
            yield _problem(Level.WARNING, person.origin, f"users.{person.id}", "has no address: can't be paged", "add contact")


_CHECKS: tuple[Callable[[Config], Iterable[Problem]], ...] = (_credentials, _last_resort, _addresses)
