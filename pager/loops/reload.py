"""A new config takes the place of the one in force, whole; or it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from pager.model.config import Config
from pager.model.problem import Level, Problem

_AT_START_ONLY = ("redis_url", "redis_replicas", "redis_shards", "data_dir", "stream", "listen")  # of the settings

log = structlog.get_logger()


class Read(Protocol):
    """A folder as it was read: without a config where anything in it is wrong."""

    @property
    def config(self) -> Config | None: ...
    @property
    def problems(self) -> Sequence[Problem]: ...


class Reload:
    def __init__(self, now: Callable[[], Config], replace: Callable[[Config], None], in_force: Callable[[bool], None]) -> None:
        """`now` gives the config in force, `replace` puts another in its place, `in_force` counts whether what was read is."""
        self._now = now
        self._replace = replace
        self._in_force = in_force

    def apply(self, read: Read) -> bool:
        """Whether another config is in force than before. A bad one never replaces a good one."""
        self._in_force(read.config is not None)
        if read.config is None:
            for problem in read.problems:
                if problem.level is Level.ERROR:
                    log.error("config.refused", problem=str(problem))
            return False
        before = self._now()
        if read.config.revision == before.revision:
            return False
        waits = [name for name in _AT_START_ONLY if getattr(before.settings, name) != getattr(read.config.settings, name)]
        if waits:
            log.warning("config.needs_restart", settings=waits)
        self._replace(read.config)
        log.info("config.in_force", revision=read.config.revision)
        return True
