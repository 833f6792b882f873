"""The way of an incident that nobody answers, as `escalate.chain` goes it, until somebody is paged: a stage that reaches nobody is passed at once,
so what counts is who can be reached at that moment, or when the hours come that a stage waits for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from pager.escalate import muting
from pager.escalate.urgency import AT_MOST, after
from pager.model.alert import Urgency
from pager.model.hours import Hours
from pager.model.policy import Policy, Stage, Target, TargetKind
from pager.rehearse.check.cases import Case, Policies
from pager.rehearse.check.ground import Ground, only_posts, schedules_of
from pager.rehearse.check.spans import Span
from pager.rehearse.check.unknowns import World, judge

_TICK = timedelta(microseconds=1)


class Passed(StrEnum):
    UNMET = "does not apply"
    OUTSIDE = "is outside its hours"
    NEVER = "waits for hours that never come"
    LEFT = "waits for its hours longer than the service level allows"
    EMPTY = "is skipped"
    POSTS = "only posts"


class Step(msgspec.Struct, frozen=True):
    """A stage that was passed without paging anybody. `guessed`, `by_alert`: of the verdict on its condition."""

    policy: str
    index: int
    how: Passed
    why: str = ""
    schedules: tuple[str, ...] = ()
    guessed: bool = False
    by_alert: bool = False


class Way(msgspec.Struct, frozen=True):
    """`at` is when the first page goes out; None: never before the catch-all."""

    at: datetime | None
    steps: tuple[Step, ...]


def walk(ground: Ground, case: Case, world: World, opened: datetime) -> Way:
    return _Walk(ground, case, world, opened).go()


class _Walk:
    def __init__(self, ground: Ground, case: Case, world: World, opened: datetime) -> None:
        self.ground, self.case, self.world = ground, case, world
        self.rise: datetime | None = None  # when its urgency is high
        self.told = 1  # the stage that conditions hear of: where the incident was when it was looked at last
        self.now = self._begin(opened)
        self.index = case.start
        self.policy = ground.config.policies.get(case.policy)
        self.seen: set[str] = set()
        self.extra: tuple[str, ...] = ()  # asked with the stage that goes on in place of theirs
        self.dues = [self.now + span for span in case.sla]
        self.steps: list[Step] = []

    def _begin(self, opened: datetime) -> datetime:
        """When it pages: at once, or after the wait of low urgency."""
        standing, case, begins = self.ground.windows.standing, self.case, opened
        now = standing(case.support, opened) if case.support else None
        if now is not None and not now.inside and now.until is not None:
            self.case, self.rise = case.of(Urgency.LOW), now.until
        digest = self.ground.config.settings.digest
        if digest is None or case.waking is None or self.case.urgency is Urgency.HIGH:
            return begins
        wakes = standing(case.waking, opened)
        if not wakes.inside and wakes.until is not None:
            begins = min(wakes.until, opened + longest_wait(self.ground))
            self.told = case.start + 1
        self.rise = self.rise or after(standing, case.waking, digest.high_after, begins)
        self._rise_by(begins)
        return begins

    def _rise_by(self, moment: datetime) -> None:
        if self.rise is not None and self.rise <= moment:
            self.case, self.rise = self.case.of(Urgency.HIGH), None

    def go(self) -> Way:
        while self.policy is not None and self.index < len(self.policy.stages):
            stage = self.policy.stages[self.index]
            if self._is_passed(stage) or self._hands_over(stage):
                continue
            if self._reaches(stage):
                return Way(self.now, tuple(self.steps))
            why = why_empty(self.ground, self.case, stage, self.now, self.extra)
            self._skip(Passed.POSTS if only_posts(stage) else Passed.EMPTY, why)
            self.extra = ()
        return Way(None, tuple(self.steps))

    def _is_passed(self, stage: Stage) -> bool:
        """Also when it waits: then time has gone on, and the stage is looked at again."""
        verdict = judge(stage.condition, self.case.known, self.case.own, self.world, self.told)
        if not verdict.holds:
            return self._skip(Passed.UNMET, guessed=verdict.guessed, by_alert=verdict.by_alert)
        if stage.during and not self.ground.windows.standing(stage.during, self.now).inside:
            return self._skip(Passed.OUTSIDE)
        standing = self.ground.windows.standing(stage.wait_for_hours, self.now) if stage.wait_for_hours else None
        if standing is None or standing.inside:
            return False
        if standing.until is None:
            return self._skip(Passed.NEVER)
        self.told, self.extra = self.index + 1, ()
        broken = next((due for due in self.dues if due <= standing.until), None)
        if self.rise is not None and self.rise < (broken or standing.until):
            self.now = self.rise
            self._rise_by(self.now)
            return True
        self._rise_by(broken or standing.until)
        if broken is None:
            self.now = standing.until
            return True
        self.now = broken
        self.dues = [due for due in self.dues if due > broken]
        return self._skip(Passed.LEFT)

    def _hands_over(self, stage: Stage) -> bool:
        assert self.policy is not None
        service = next((target.name for target in stage.notify if target.kind is TargetKind.SERVICE), None)
        following = self.ground.policy_of(service) if service else None
        if following is None or following.name in {*self.seen, self.policy.name}:
            return False
        self.seen.add(self.policy.name)
        self.extra = self._named(stage)
        self.policy, self.index = following, 0
        return True

    def _reaches(self, stage: Stage) -> bool:
        people = dict.fromkeys((*self.extra, *self._named(stage)))
        return any(self.ground.can_page(user, stage.via, self.case.urgency) for user in people)

    def _named(self, stage: Stage) -> tuple[str, ...]:
        return tuple(user for target in stage.notify for user in self.ground.people(target, self.now))

    def _skip(self, how: Passed, why: str = "", *, guessed: bool = False, by_alert: bool = False) -> bool:
        assert self.policy is not None
        schedules = schedules_of(self.policy.stages[self.index].notify) if how is Passed.EMPTY else ()
        self.steps.append(Step(self.policy.name, self.index, how, why, schedules, guessed, by_alert))
        self.index += 1
        return True


# --- why a stage reaches nobody -------------------------------------------------------------------------------------------------------
def why_empty(ground: Ground, case: Case, stage: Stage, at: datetime, extra: Iterable[str] = ()) -> str:
    found = [_why(ground, case, stage, target, at) for target in stage.notify if target.kind is not TargetKind.CHANNEL]
    found += [unreachable(ground, user, stage, case) for user in extra]
    return ", ".join(dict.fromkeys(found)) or "it names nobody"


def _why(ground: Ground, case: Case, stage: Stage, target: Target, at: datetime) -> str:
    if target.kind is TargetKind.SERVICE:
        known = ground.policy_of(target.name)
        return f"service {target.name} has no policy" if known is None else f"policy {known.name} was gone through already"
    people = ground.people(target, at)
    if not people:
        nobody = "has no members" if target.kind is TargetKind.TEAM else "has nobody"
        name = target.schedule
        more = " as far as is known here" if target.kind is TargetKind.SCHEDULE and name in ground.unread else ""
        return f"{target.kind} {name} {nobody}{more}"
    return " and ".join(unreachable(ground, user, stage, case) for user in people[:3])


def unreachable(ground: Ground, user: str, stage: Stage, case: Case) -> str:
    channels = dict.fromkeys(channel for rung in ground.rungs(user, stage.via, case.urgency) for channel in rung.via)
    person = ground.config.users.get(user)
    addressed = [channel for channel in channels if person and channel in person.contact]
    if addressed:
        return f"nothing carries {' or '.join(addressed)} to {user}"
    return f"{user} has no address for {' or '.join(channels)}"


# --- when the answer may change -------------------------------------------------------------------------------------------------------
def edges(ground: Ground, policies: Policies, case: Case) -> list[datetime]:
    """Moments of the horizon at which a walk of the case may begin to go otherwise; the horizon's start is the first."""
    found: set[datetime] = {ground.start}
    for policy in policies.chain(case.policy):
        for stage in policy.stages:
            for variant in case.variants():
                for spans in _matters(ground, policies, variant, policy, stage):
                    found.update(moment for span in spans for moment in span)
    for hours in (case.support, case.waking):
        found.update(moment for span in (ground.inside(hours) if hours else ()) for moment in span)
    if case.waking is not None:
        found |= {earlier for moment in list(found) for earlier in _leading_to(ground, case.waking, moment)}
    for level in case.sla:
        found |= {moment - level + _TICK for moment in list(found)}  # broken just when the hours come, a level still moves the chain
    return sorted(moment for moment in found if ground.start <= moment < ground.end)


def _leading_to(ground: Ground, waking: Hours, moment: datetime) -> Iterable[datetime]:
    """From when on low urgency that opens is high at `moment` or later, since nobody looked; and waits until then at most."""
    digest = ground.config.settings.digest
    left = digest.high_after if digest else timedelta(0)
    for start, end in reversed(ground.inside(waking)):
        inside = min(end, moment) - start
        if start >= moment or left > inside:
            left -= max(inside, timedelta(0))
            continue
        yield min(end, moment) - left
        yield min(end, moment) - left + _TICK
        break
    for most in {AT_MOST, longest_wait(ground)}:
        yield moment - most
        yield moment - most + _TICK


def longest_wait(ground: Ground) -> timedelta:
    return ground.config.noise.suppress_at_most or muting.AT_MOST


def _matters(ground: Ground, policies: Policies, case: Case, policy: Policy, stage: Stage) -> Iterable[Iterable[Span]]:
    yield ground.empty(stage, case.urgency)
    for hours in (stage.during, stage.wait_for_hours):
        if hours:
            yield ground.inside(hours)
    if any(target.kind is TargetKind.SERVICE for target in stage.notify):
        # Its people are asked over the channels of whichever stage goes on.
        for other in policies.chain(policy.name):
            for following in other.stages:
                if following.via and following.via != stage.via:
                    yield ground.empty_over(stage, following.via, case.urgency)
        yield ground.empty_over(stage, (), case.urgency)
