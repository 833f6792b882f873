"""What was seen of a run from outside, in the order in which it happened: plain facts, for a checker that knows nothing of the inside."""

from __future__ import annotations

from typing import Any

import msgspec


class Seen(msgspec.Struct, frozen=True):
    """`at` in true seconds since the run's beginning, whatever the store's clock said."""

    at: float
    kind: str
    facts: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.facts[name]

    def __str__(self) -> str:
        return f"{self.at:7.2f}  {self.kind:<14} " + " ".join(f"{name}={value!r}" for name, value in self.facts.items())


class Fault(msgspec.Struct, frozen=True):
    """`worker` None: of the store, for all."""

    what: str
    begins: float
    ends: float
    worker: str | None = None


class History:
    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.steps: list[tuple[float, float]] = []
        """Moments at which the store's clock jumped, and by how many seconds."""

    def of(self, *kinds: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.kind in kinds]

    def __str__(self) -> str:
        return "\n".join(map(str, self.seen))


class Violation(msgspec.Struct, frozen=True):
    promise: int
    at: float
    what: str

    def __str__(self) -> str:
        return f"promise {self.promise} at {self.at:.2f}: {self.what}"
