"""Among workers: who leads, what was refused, what is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol


class Refusals(Protocol):
    """Remembers wrong codes, by the number they came from."""

    async def wrong(self, address: str) -> int:
        """Count one more; how many within the last 15 minutes."""

    async def count(self, address: str) -> int: ...


class NotLeader(Exception):
    """Another leads meanwhile, and has written: what was asked for is not done."""


class Leader(Protocol):
    """One worker at a time leads, for what only one may do."""

    async def lead(self, lease: timedelta) -> int | None:
        """Become the leader for `lease`, or stay it for so much longer. The fencing token, the same as long as this process leads, and larger
        than any before; None while another one leads. What a leader writes goes with its token, and is refused once a larger one was seen."""

    async def resign(self) -> None:
        """Lead no longer. Does nothing where another leads."""


class Meter(Protocol):
    """What is counted and timed for those who watch from outside."""

    def alerts(self, outcome: str, count: int = 1) -> None: ...
    def page(self, channel: str, result: str) -> None: ...
    def reply(self, channel: str, result: str) -> None: ...

    def folded(self, pages: int) -> None:
        """One message was sent for so many."""

    def paged_after(self, seconds: float) -> None:
        """From the store's acceptance of the alert to the provider's yes, for first pages."""

    def late(self, seconds: float) -> None: ...  # how late a deadline was acted upon
    def muted(self, kind: str, rule: str, count: int) -> None: ...  # by a rule that did not mute the incident just before
    def conflicts(self, count: int) -> None: ...
    def failure(self, where: str) -> None: ...  # something that should not happen, and was survived
    def left(self, where: str, count: int = 1) -> None: ...  # what can't be read was left to workers of a newer release
