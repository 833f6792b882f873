"""The chain: stage after stage, lap after lap, and then the catch-all."""

from __future__ import annotations

from datetime import datetime, timedelta

from pager.conditions.condition import DoesNot, Failed, check
from pager.escalate.asking import ask, ask_next_in_turn
from pager.escalate.draft import Draft
from pager.escalate.targets import Asked, resolve
from pager.model.hours import Hours
from pager.model.incident import DeadlineKind, Phase, Run, State
from pager.model.outgoing import Tell, TellKind
from pager.model.person import Rung
from pager.model.policy import Policy, Stage, Target, TargetKind
from pager.model.settings import CatchAll


def enter(d: Draft, index: int, because: str) -> None:
    """Enter stage `index` (from 0), or the first after it that applies and reaches somebody. After the last: another lap, or the catch-all."""
    _trigger(d)
    extra: tuple[Asked, ...] = ()
    while True:
        if index >= len(d.policy.stages):
            if not _another_lap(d):
                return catch_all(d, because)
            index = 0
        stage = d.policy.stages[index]
        if _is_skipped(d, index, stage):
            index += 1
            continue
        if _waits(d, index, stage):
            return
        found = resolve(stage.notify, d.world, d.now, d.incident.turns)
        d.keep(found.turns)
        _post_to(d, found.channels)
        if found.takes_over and _take_over(d, found.takes_over, stage):
            index, extra = 0, found.people
            continue
        again = index == d.incident.stage and d.incident.phase is Phase.STAGE
        d.next_turn(stage=index, phase=Phase.STAGE, entered_at=d.now, repeats=d.incident.repeats if again else 0)
        d.say("stage.entered", f"stage {_title(index, stage)}: {because}", origin=stage.origin)
        for empty in found.empty:
            d.say("target.empty", empty.why, origin=empty.origin or stage.origin)
        if ask(d, _both(extra, found.people), lambda user, stage=stage: _rungs(d, user, stage)):  # type: ignore[misc]
            return
        if not _only_posts(stage):
            d.say("stage.nobody", f"stage {_title(index, stage)} reaches nobody", origin=stage.origin)
            d.tell(
                Tell(TellKind.NOBODY, team=d.incident.team, what=f"stage {_title(index, stage)} of policy {d.policy.name} reaches nobody")
            )
        index, extra, because = index + 1, (), f"stage {index + 1} {'asks' if _only_posts(stage) else 'reaches'} nobody"


def repeat_stage(d: Draft, because: str) -> None:
    """Page the same stage once more: it was entered before, so it is neither skipped nor waited for."""
    d.set(repeats=d.incident.repeats + 1)
    enter(d, d.incident.stage, because)


def resume(d: Draft, because: str) -> None:
    """The place the chain has reached, afresh."""
    if d.incident.phase is Phase.CATCH_ALL:
        catch_all(d, because)
    else:
        enter(d, d.incident.stage, because)


def advance(d: Draft, because: str) -> None:
    if d.incident.phase is Phase.CATCH_ALL:
        catch_all(d, because)
    else:
        enter(d, d.incident.stage + 1, because)


def catch_all(d: Draft, because: str) -> None:
    """Page the catch-all, until somebody answers."""
    _trigger(d)
    targets, every = catch_all_of(d)
    found = resolve(targets, d.world, d.now, d.incident.turns)
    d.keep(found.turns)
    _post_to(d, found.channels)
    d.next_turn(phase=Phase.CATCH_ALL, entered_at=d.now)
    d.say("catch_all.entered", because)
    for empty in found.empty:
        d.say("target.empty", empty.why, origin=empty.origin)
    planner = d.world.planner
    if ask(d, found.people, lambda user: planner.ladder(user, d.incident)) or ask(d, found.people, planner.every_way):
        return
    d.say("catch_all.nobody", "the catch-all reaches nobody: nobody is paged")
    d.tell(Tell(TellKind.NOBODY, team=d.incident.team, what="the catch-all reaches nobody"))
    d.arm(DeadlineKind.CATCH_ALL, every)


def catch_all_of(d: Draft) -> tuple[tuple[Target, ...], timedelta]:
    """Whom it pages, and how often. Where none is configured: everybody the policy names."""
    configured = d.world.config.settings.catch_all
    if configured is not None:
        return configured.notify, configured.every
    everybody = tuple(target for stage in d.policy.stages for target in stage.notify)
    return everybody, CatchAll(notify=()).every


def assign(d: Draft, target: Target, because: str) -> bool:
    """Page somebody named by hand; the chain waits where it is. False when the target reaches nobody."""
    found = resolve((target,), d.world, d.now, d.incident.turns)
    d.keep(found.turns)
    _trigger(d)
    d.next_turn(phase=Phase.ASSIGNED, entered_at=d.now, runs=())
    d.say("incident.assigned", because)
    planner = d.world.planner
    return ask(d, found.people, lambda user: planner.ladder(user, d.incident)) or ask(d, found.people, planner.every_way)


def pass_on(d: Draft, lost: Run) -> bool:
    """Whether somebody else is asked at once in place of a person who can't be reached: the next in turn, where they were asked so."""
    planner, stage = d.world.planner, d.stage
    if d.incident.phase is Phase.STAGE:
        return ask_next_in_turn(d, lost, lambda user: _rungs(d, user, stage))
    return ask_next_in_turn(d, lost, lambda user: planner.ladder(user, d.incident))


def _post_to(d: Draft, channels: tuple[str, ...]) -> None:
    """`channel:slack/#name`: the incident has a message there from now on."""
    if channels:
        rooms = [name.partition("/")[2] or name for name in channels]
        d.set(chats=tuple(dict.fromkeys((*d.incident.chats, *rooms))))


def _only_posts(stage: Stage) -> bool:
    """A stage that is meant to ask nobody."""
    return bool(stage.notify) and all(target.kind is TargetKind.CHANNEL for target in stage.notify)


def _trigger(d: Draft) -> None:
    if d.incident.state is not State.TRIGGERED:
        d.set(state=State.TRIGGERED, since=d.now, reason="", acknowledged_at=None, acknowledged_by="")


def _another_lap(d: Draft) -> bool:
    """A pass that reached nobody is not made again: it would end as it did."""
    if d.incident.lap >= d.policy.loop or not d.incident.reached_in_lap:
        return False
    d.set(lap=d.incident.lap + 1, reached_in_lap=False, repeats=0)
    d.say("policy.looped", f"pass {d.incident.lap + 1} of {d.policy.loop + 1}", origin=d.policy.origin)
    return True


def _is_skipped(d: Draft, index: int, stage: Stage) -> bool:
    verdict = check(stage.condition, d.world.facts)
    if isinstance(verdict, Failed):  # an expression that can't be evaluated must not keep anybody from being paged
        d.say("condition.failed", f"stage {_title(index, stage)}: {verdict.why}; entered all the same", origin=stage.origin)
    elif isinstance(verdict, DoesNot):
        d.say("stage.skipped", f"stage {_title(index, stage)} does not apply", origin=stage.origin)
        return True
    if stage.during and not d.world.standing(stage.during, d.now).inside:
        d.say("stage.skipped", f"stage {_title(index, stage)} is outside its hours", origin=stage.origin)
        return True
    if stage.wait_for_hours and _opens(d, stage.wait_for_hours) is None:
        d.say("stage.skipped", f"stage {_title(index, stage)}: its hours never come", origin=stage.origin)
        return True
    return False


def _waits(d: Draft, index: int, stage: Stage) -> bool:
    opens = _opens(d, stage.wait_for_hours) if stage.wait_for_hours else None
    if opens is None or opens <= d.now:
        return False
    d.next_turn(stage=index, phase=Phase.HOURS, entered_at=d.now, repeats=0, runs=())
    d.arm(DeadlineKind.HOURS, opens)
    hour = opens.isoformat(" ", "minutes")[:16]
    d.say("stage.waiting", f"stage {_title(index, stage)} waits for its hours: {hour} UTC", origin=stage.origin)
    return True


def _opens(d: Draft, hours: Hours) -> datetime | None:
    """When the hours begin; now, inside of them; None when they never come."""
    standing = d.world.standing(hours, d.now)
    return d.now if standing.inside else standing.until


def _take_over(d: Draft, service: str, stage: Stage) -> bool:
    """Go on with that service's policy. False where there is none, or where it was gone through already."""
    config = d.world.config
    known = config.services.get(service)
    policy = config.policies.get((known.policy if known else None) or config.settings.default_policy or "")
    if policy is None or policy.name in (*d.incident.policies_seen, d.policy.name):
        d.say(
            "target.empty",
            f"service:{service}: {'its policy was gone through already' if policy else 'has no policy'}",
            origin=stage.origin,
        )
        return False
    d.say("policy.taken_over", f"service {service}: policy {policy.name} goes on from here", origin=stage.origin)
    d.set(policies_seen=(*d.incident.policies_seen, d.policy.name), policy=policy.name, repeats=0)
    use_policy(d, policy)
    return True


def use_policy(d: Draft, policy: Policy) -> None:
    d.policy = policy
    d.set(policy=policy.name, lap=0, repeats=0, stage=0)


def _rungs(d: Draft, user: str, stage: Stage) -> tuple[Rung, ...]:
    if stage.via:
        return (Rung(timedelta(0), stage.via),)
    return d.world.planner.ladder(user, d.incident)


def _both(extra: tuple[Asked, ...], people: tuple[Asked, ...]) -> tuple[Asked, ...]:
    return tuple({asked.user: asked for asked in (*people, *extra)}.values())


def _title(index: int, stage: Stage) -> str:
    return f"{index + 1} ({stage.name})" if stage.name else str(index + 1)
