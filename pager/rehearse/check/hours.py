"""Hours that urgency hangs on, and whom low urgency reaches."""

from __future__ import annotations

from collections.abc import Iterable

from pager.model.alert import Urgency
from pager.model.hours import Hours
from pager.model.problem import Level, Problem
from pager.rehearse.check.ground import problem
from pager.rehearse.check.scene import Scene


def support_hours(scene: Scene) -> Iterable[Problem]:
    """Those that never come, or that change nothing."""
    config = scene.ground.config
    for name, service in config.services.items():
        path, hours = f"services.{name}.support_hours", service.support_hours
        if hours is None:
            continue
        if _never(scene, hours):
            message = "never come any more: an error is of high urgency at all times"
            yield problem(Level.WARNING, service.origin, path, message, "give them other dates, or take them out")
        elif service.urgency and config.settings.digest is None:
            message = f"change nothing: the service's urgency is {service.urgency} at all times"
            yield problem(Level.NOTE, service.origin, path, message, "take out one of the two")
    digest = config.settings.digest
    if digest is not None and _never(scene, digest.hours):
        message = "never come any more: low urgency pages at once, at any hour"
        yield problem(Level.WARNING, digest.origin, "settings.digest.hours", message, "give them other dates")


def low_urgency(scene: Scene) -> Iterable[Problem]:
    """Nobody has a low ladder over which they can be paged."""
    ground = scene.ground
    users, settings = ground.config.users, ground.config.settings
    is_low = any(variant.urgency is Urgency.LOW for case in scene.cases for variant in case.variants())
    if is_low and users and not any(ground.can_page(user, (), Urgency.LOW) for user in users):
        message = "the low ladder reaches nobody of all: what is of low urgency pages only where a stage says `via`"
        yield problem(Level.WARNING, settings.origin, "settings.ladder.low", message, "name channels that people have")


def _never(scene: Scene, hours: Hours) -> bool:
    standing = scene.ground.windows.standing(hours, scene.ground.start)
    return not standing.inside and standing.until is None
