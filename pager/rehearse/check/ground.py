"""What the checks stand on: one config over one horizon, with who can be paged and who is on call when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import msgspec

from pager.model.alert import Urgency
from pager.model.config import Config
from pager.model.hours import Hours
from pager.model.origin import Origin
from pager.model.person import Rung
from pager.model.policy import Policy, Stage, Target, TargetKind
from pager.model.problem import Level, Problem
from pager.model.service import Service
from pager.notify.plan import Providers
from pager.oncall.memo import Rota, Windows
from pager.rehearse.check.spans import Span, Spans, without

_FURTHEST = timedelta(days=8)  # beyond the horizon, for what begins in it and goes on after it


class Timeline(msgspec.Struct, frozen=True):
    """Who of the config's people is on call in a schedule; `people[k]` from `starts[k]` until the next."""

    starts: tuple[datetime, ...]
    people: tuple[tuple[str, ...], ...]

    def at(self, moment: datetime) -> tuple[str, ...]:
        k = bisect_right(self.starts, moment) - 1
        return self.people[k] if k >= 0 else ()


class Ground:
    """`start` to `end` (UTC) is the horizon; `unread` are schedules of which `rota` does not know all. Everything is found out once."""

    def __init__(
        self, config: Config, providers: Providers, rota: Rota, start: datetime, end: datetime, unread: Collection[str] = ()
    ) -> None:
        self.unread = unread
        self.config = config
        self.providers = providers
        self.rota = rota
        self.start, self.end = start, end
        ahead = _FURTHEST if config.settings.digest else timedelta(0)  # what waits for a morning, and then for somebody to look
        self.far = end + min(max((s for x in config.services.values() for s in levels(x)), default=ahead), _FURTHEST)
        self.windows = Windows(config.settings.timezone)
        self._timelines: dict[str, Timeline] = {}
        self._can: dict[tuple[str, tuple[str, ...], Urgency], bool] = {}
        self._empty: dict[tuple[int, tuple[str, ...], Urgency], Spans] = {}
        self._inside: dict[Hours, Spans] = {}

    # --- people -----------------------------------------------------------------------------------------------------------------------
    def rungs(self, user: str, via: tuple[str, ...], urgency: Urgency) -> tuple[Rung, ...]:
        """The person's ladder, or the one rung of a stage that says its channels."""
        if via:
            return (Rung(timedelta(0), via),)
        person = self.config.users.get(user)
        ladder = (person.ladder if person else None) or self.config.settings.ladder
        return ladder.low if urgency is Urgency.LOW else ladder.high

    def can_page(self, user: str, via: tuple[str, ...], urgency: Urgency) -> bool:
        key = (user, via, urgency)
        if key not in self._can:
            rungs = self.rungs(user, via, urgency)
            self._can[key] = any(self.carries(user, channel) for rung in rungs for channel in rung.via)
        return self._can[key]

    def carries(self, user: str, channel: str) -> bool:
        person = self.config.users.get(user)
        return person is not None and bool(person.contact.get(channel)) and bool(self.providers.carrying(channel))

    def timeline(self, schedule: str) -> Timeline:
        if schedule not in self._timelines:
            starts: list[datetime] = []
            people: list[tuple[str, ...]] = []
            for shift in self.rota.shifts(schedule, self.start, self.far):
                known = tuple(dict.fromkeys(on.user for on in shift.on_call if on.user in self.config.users))
                if not people or people[-1] != known:
                    starts.append(shift.start)
                    people.append(known)
            self._timelines[schedule] = Timeline(tuple(starts), tuple(people))
        return self._timelines[schedule]

    def on_call(self, schedule: str, at: datetime) -> tuple[str, ...]:
        if self.start <= at < self.far:
            return self.timeline(schedule).at(at)
        return tuple(on.user for on in self.rota.who(schedule, at) if on.user in self.config.users)

    def people(self, target: Target, at: datetime) -> tuple[str, ...]:
        """Those the target names at that moment; of a service or a chat channel nobody."""
        match target.kind:
            case TargetKind.SCHEDULE:
                return self.on_call(target.schedule, at)
            case _:
                return self.named(target)

    def named(self, target: Target) -> tuple[str, ...]:
        """Those the target names at all times."""
        config = self.config
        match target.kind:
            case TargetKind.USER:
                return (target.name,) if target.name in config.users else ()
            case TargetKind.TEAM:
                team = config.teams.get(target.name)
                return tuple(user for user in (team.members if team else ()) if user in config.users)
            case _:
                return ()

    def ever(self, target: Target) -> tuple[str, ...]:
        """Those it names at any time of the horizon."""
        if target.kind is not TargetKind.SCHEDULE:
            return self.named(target)
        shifts = self.timeline(target.schedule).people
        return tuple(dict.fromkeys(user for people in shifts for user in people))

    # --- stages -----------------------------------------------------------------------------------------------------------------------
    def policy_of(self, service: str) -> Policy | None:
        known = self.config.services.get(service)
        return self.config.policies.get((known.policy if known else None) or self.config.settings.default_policy or "")

    def empty(self, stage: Stage, urgency: Urgency) -> Spans:
        """When nobody whom the stage names can be paged by it, as far as `far`."""
        return self.empty_over(stage, stage.via, urgency)

    def empty_over(self, stage: Stage, via: tuple[str, ...], urgency: Urgency) -> Spans:
        """The same over these channels, or each person's ladder."""
        key = (id(stage), via, urgency)  # the config, and so its stages, lives longer than this
        if key not in self._empty:
            self._empty[key] = self._find_empty(stage, via, urgency)
        return self._empty[key]

    def _find_empty(self, stage: Stage, via: tuple[str, ...], urgency: Urgency) -> Spans:
        if any(self.can_page(user, via, urgency) for target in stage.notify for user in self.named(target)):
            return ()
        left: Spans = ((self.start, self.far),)
        for name in schedules_of(stage.notify):
            line = self.timeline(name)
            ends = (*line.starts[1:], self.far)
            reached = [
                (start, end)
                for start, end, people in zip(line.starts, ends, line.people, strict=True)
                if any(self.can_page(user, via, urgency) for user in people)
            ]
            left = without(left, reached)
        return left

    def inside(self, hours: Hours) -> Spans:
        """When the hours hold, as far as `far`."""
        if hours not in self._inside:
            found: list[Span] = []
            at: datetime | None = self.start
            while at is not None and at < self.far:
                standing = self.windows.standing(hours, at)
                until = standing.until
                if standing.inside:
                    found.append((at, min(until or self.far, self.far)))
                at = until
            self._inside[hours] = tuple(found)
        return self._inside[hours]


def schedules_of(targets: Iterable[Target]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t.schedule for t in targets if t.kind is TargetKind.SCHEDULE))


def levels(service: Service) -> tuple[timedelta, ...]:
    """The times of its service level, the shorter first."""
    return tuple(sorted(span for span in (service.sla.ack, service.sla.resolve) if span))


def only_posts(stage: Stage) -> bool:
    """A stage that is meant to ask nobody."""
    return bool(stage.notify) and all(target.kind is TargetKind.CHANNEL for target in stage.notify)


def problem(level: Level, origin: Origin | None, path: str, message: str, suggestion: str = "") -> Problem:
    """`origin` None: a setting that is not written anywhere."""
    file, line, column = (origin.file, origin.line, origin.column) if origin else ("config", 0, 0)
    return Problem(level=level, file=file, line=line, column=column, path=path, message=message, suggestion=suggestion)
