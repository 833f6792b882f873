"""What to do beside workers of a newer release: what can't be read is left to them, and what both could do they do first."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from pager.model.snapshot import UnreadableError

_LATELY = 60.0  # seconds since something of theirs was met
GIVE_WAY = timedelta(milliseconds=200)
"""What is due for less than this is theirs."""
_SHELF = "left-by-level:"


class Newer:
    """Whether they are there, as far as this worker has met what it can't read."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._met = float("-inf")
        self._what = ""

    def met(self, error: UnreadableError) -> None:
        """What is damaged says nothing of them."""
        if error.newer:
            self._met, self._what = self._monotonic(), str(error)

    @property
    def lately(self) -> str:
        """What was met, in words; empty when that is long ago."""
        return self._what if self._monotonic() - self._met < _LATELY else ""

    @property
    def head_start(self) -> timedelta:
        return GIVE_WAY if self.lately else timedelta(0)


def shelf(level: int) -> str:
    """The consumer that holds what workers of this level left. Nobody is present under its name, so that others take it over."""
    return f"{_SHELF}{level}"


def is_for(consumer: str, level: int) -> bool:
    """Whether a worker of this level may take over from a consumer: it can't do better than one of its own level."""
    left_by = consumer.removeprefix(_SHELF)
    return left_by == consumer or int(left_by) < level
