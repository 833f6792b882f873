"""Noise rules that don't do what they say: they name a service that is not there, or would mute for longer than may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from difflib import get_close_matches

from pager.model.condition import Condition
from pager.model.hours import Hours
from pager.model.noise import Noise
from pager.model.origin import Origin
from pager.model.problem import Level, Problem
from pager.model.times import duration
from pager.rehearse.check.ground import problem
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.walk import longest_wait

_DAY = timedelta(days=1)


def too_long(scene: Scene) -> Iterable[Problem]:
    """What still fires pages after `suppress_at_most` in any case."""
    most = longest_wait(scene.ground)
    for path, origin, span in _spans(scene.ground.config.noise):
        if span > most:
            message = f"mutes for {duration(span)}, and nothing is muted for more than {duration(most)}: what still fires pages then"
            yield problem(Level.WARNING, origin, path, message, "make it shorter, or noise.limits.suppress_at_most longer")


def _spans(noise: Noise) -> Iterator[tuple[str, Origin | None, timedelta]]:
    for pause in noise.pause:
        yield f"noise.pause.{pause.name}", pause.origin, pause.wait
    for silence in noise.silences:
        yield f"noise.silences.{silence.id}", silence.origin, silence.end - silence.start
    for rule in noise.maintenance:
        span = _length(rule.hours) if rule.hours else _between(rule.start, rule.end)
        yield f"noise.maintenance.{rule.name}", rule.origin, span


def _length(hours: Hours) -> timedelta:
    """Of one of its windows, on the wall clock; windows that touch are longer, and not looked at."""
    start, end = (timedelta(hours=at.hour, minutes=at.minute) for at in (hours.start, hours.end))
    return (end - start) % _DAY or _DAY


def _between(start: datetime | None, end: datetime | None) -> timedelta:
    return end - start if start and end else timedelta(0)


def unknown_services(scene: Scene) -> Iterable[Problem]:
    """An alert may name a service that the config has not, so it is no error."""
    services = scene.ground.config.services
    for path, origin, condition in _conditions(scene.ground.config.noise):
        named = [value for term in condition.terms if term.key == "service" for value in term.values]
        for name in dict.fromkeys(name for name in named if name not in services):
            close = get_close_matches(name, services, n=1, cutoff=0.5)
            advice = f"did you mean {close[0]}?" if close else ""
            yield problem(Level.WARNING, origin, path, f"there is no service {name!r}: only an alert that names it itself matches", advice)


def _conditions(noise: Noise) -> Iterator[tuple[str, Origin | None, Condition]]:
    for rule in noise.inhibit:
        yield f"noise.inhibit.{rule.name}.if_open", rule.if_open.origin or rule.origin, rule.if_open
        yield f"noise.inhibit.{rule.name}.mute", rule.mute.origin or rule.origin, rule.mute
    for kind in ("group", "pause", "threshold", "recurring", "maintenance"):
        for one in getattr(noise, kind):
            if one.condition is not None:
                yield f"noise.{kind}.{one.name}", one.origin, one.condition
    for silence in noise.silences:
        yield f"noise.silences.{silence.id}", silence.origin, silence.condition
