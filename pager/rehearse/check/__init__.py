"""`pagerd check`: everything that is wrong with a config, and where it would page nobody. The list of checks is at the end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from pager.model.config import Config
from pager.model.problem import Level, Problem
from pager.notify.plan import Providers
from pager.oncall.calendars import naming
from pager.oncall.memo import Rota
from pager.rehearse.check.accounts import credentials, last_resort, one_provider
from pager.rehearse.check.doubles import one_person, two_places
from pager.rehearse.check.ground import Ground
from pager.rehearse.check.groups import groups
from pager.rehearse.check.handoffs import hand_offs
from pager.rehearse.check.hours import low_urgency, support_hours
from pager.rehearse.check.mutes import too_long, unknown_services
from pager.rehearse.check.people import addresses
from pager.rehearse.check.phones import phones
from pager.rehearse.check.reach import reach
from pager.rehearse.check.routes import shadowed, starts
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.skipped import skipped
from pager.rehearse.check.stages import circles, unreached
from pager.rehearse.check.templates import templates
from pager.rehearse.check.timeouts import crossing

_LEVELS = list(Level)


def check(
    config: Config | None, problems: Iterable[Problem], carried: Mapping[str, Collection[str]], start: datetime, end: datetime,
    rota: Rota | None = None, unread: Collection[str] = (),
) -> tuple[Problem, ...]:  # fmt: skip
    """`problems`, and what the loader, which looks at one place at a time, can't see; errors first, then by place. `config` is None where it
    could not be read: then `problems` is all there is to say. `carried` maps a channel to the kinds of providers that can carry it. `start` to
    `end` (UTC) is the horizon of the proof; `rota` says who is on call in it, by the config alone where it is None; `unread` are schedules of
    which it does not know all, beside those that hang on a calendar that is read elsewhere: a hole by them is no error."""
    found = list(problems)
    if config is not None:
        # Credentials that are missing are said once, and not again for each stage that would need them.
        whole = replace(config, providers={name: replace(provider, missing=()) for name, provider in config.providers.items()})
        rota = rota or Rota.of(config)
        scene = Scene(Ground(config, Providers.of(whole, carried), rota, start, end, (*unread, *_hanging(config, rota))))
        found += [problem for look in CHECKS for problem in look(scene)]
    return tuple(sorted(found, key=lambda p: (_LEVELS.index(p.level), p.file, p.line, p.column)))


def _hanging(config: Config, rota: Rota) -> list[str]:
    """Schedules whose people stand in calendars that this rota has not read."""
    unread = {name for name, calendar in config.calendars.items() if calendar.url and name not in rota.facts.calendars}
    return [name for name, schedule in config.schedules.items() if unread & naming(schedule)]


CHECKS: tuple[Callable[[Scene], Iterable[Problem]], ...] = (
    reach, skipped, credentials, last_resort, one_provider, addresses, phones, two_places, one_person, unreached, circles, crossing,
    shadowed, starts, templates, hand_offs, groups, support_hours, low_urgency, too_long, unknown_services,
)  # fmt: skip
