"""Groups that can't be whole."""

from __future__ import annotations

from collections.abc import Iterable

from pager.model.problem import Level, Problem
from pager.rehearse.check.ground import problem
from pager.rehearse.check.scene import Scene


def groups(scene: Scene) -> Iterable[Problem]:
    """A group can't reach over shards, and in which of them an alert lies follows from its scope."""
    config = scene.ground.config
    if config.settings.redis_shards < 2:
        return
    for rule in config.noise.group:
        why = f"with {config.settings.redis_shards} shards, alerts of different scopes may not meet in one incident"
        yield problem(Level.WARNING, rule.origin, f"noise.group.{rule.name}", why, "give what belongs together one dedup_scope")
