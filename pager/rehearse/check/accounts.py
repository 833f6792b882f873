"""Accounts at providers, and what is left when everything else fails."""

from __future__ import annotations

from collections.abc import Iterable

from pager.model.policy import Target
from pager.model.problem import Level, Problem
from pager.rehearse.check.ground import problem, schedules_of
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.spans import Spans, common, more_times, when, without


def credentials(scene: Scene) -> Iterable[Problem]:
    """A channel that counts on an account nobody can log in to."""
    c = scene.ground.config
    for name, provider in c.providers.items():
        channels = [channel for channel, names in c.channels.items() if name in names]
        if not provider.missing or not channels:
            continue
        are = "is" if len(provider.missing) == 1 else "are"
        what = f"{' and '.join(provider.missing)} {are} empty: it can't carry {', '.join(channels)}"
        if c.settings.demo:
            yield problem(Level.NOTE, provider.origin, f"providers.{name}", f"{what}; the console stands in (demo)", "set it for real use")
        else:
            yield problem(Level.ERROR, provider.origin, f"providers.{name}", what, "set it, or demo: true")


def last_resort(scene: Scene) -> Iterable[Problem]:
    """What is missing of it, and when its people can't be paged."""
    settings = scene.ground.config.settings
    if settings.catch_all is None:
        why = "when a policy is exhausted or reaches nobody, only the people it names are paged again, and nobody else"
        yield problem(
            Level.WARNING, settings.origin, "settings.catch_all", f"is not set: {why}", 'such as {notify: ["team:sre"], every: 10m}'
        )
    else:
        spans = _nobody(scene, settings.catch_all.notify)
        if spans:
            schedules = schedules_of(settings.catch_all.notify)
            known = [s for name in schedules if (s := scene.ground.config.schedules.get(name))]
            timezone = known[0].timezone if known else settings.timezone
            horizon = (scene.ground.start, scene.ground.end)
            moment, more = when(spans[0], horizon, timezone), more_times(spans, timezone)
            message = f"{moment}: reaches nobody: whoever is not paged before is never paged{f' (also {more})' if more else ''}"
            level = Level.ERROR if spans == (horizon,) else Level.WARNING
            origin = settings.catch_all.origin or settings.origin
            yield problem(level, origin, "settings.catch_all", message, "name a person or a team who can be paged")
    if settings.default_policy is None:
        why = "an alert that no route, alert or integration gives a service goes straight to the catch-all"
        yield problem(Level.WARNING, settings.origin, "settings.default_policy", f"is not set: {why}", "name a policy")


def _nobody(scene: Scene, targets: Iterable[Target]) -> Spans:
    """When none of them can be paged over any way there is."""
    ground = scene.ground
    left: Spans = ((ground.start, ground.end),)
    for target in targets:
        if any(scene.every_way(user) for user in ground.named(target)):
            return ()
        for name in schedules_of([target]):
            line = ground.timeline(name)
            spans = zip(line.starts, (*line.starts[1:], ground.far), line.people, strict=True)
            left = without(left, [(start, end) for start, end, people in spans if any(scene.every_way(user) for user in people)])
    return common(left, [(ground.start, ground.end)])


def one_provider(scene: Scene) -> Iterable[Problem]:
    """Policies whose every page goes through the same account: when that is out of order, nobody is paged."""
    ground = scene.ground
    if ground.config.settings.demo:
        return
    by_provider: dict[str, list[str]] = {}
    for name in scene.entered.policies:
        carriers = {
            provider
            for (policy, k), urgencies in scene.entered.stages.items()
            if policy == name
            for stage in [ground.config.policies[name].stages[k]]
            for urgency in urgencies
            for target in stage.notify
            for user in ground.ever(target)
            for rung in ground.rungs(user, stage.via, urgency)
            for channel in rung.via
            if ground.carries(user, channel)
            for provider in ground.providers.carrying(channel)
        }
        if len(carriers) == 1:
            by_provider.setdefault(carriers.pop(), []).append(name)
    for provider, policies in by_provider.items():
        known = ground.config.providers.get(provider)
        which = f"polic{'y' if len(policies) == 1 else 'ies'} {', '.join(policies[:3])}{' and others' if len(policies) > 3 else ''}"
        message = f"is a single point: every page of {which} goes through it"
        advice = "let stages or ladders use a second channel, or the channel a second provider"
        yield problem(Level.WARNING, known.origin if known else None, f"providers.{provider}", message, advice)
