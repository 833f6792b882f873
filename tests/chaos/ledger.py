"""What senders know: which alerts and answers were confirmed, which were refused, and of which they can't tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Said(StrEnum):
    YES = "accepted"
    NO = "refused"
    UNKNOWN = "unknown"  # it may have been taken


class Deed(StrEnum):
    TRIGGER = "trigger"
    REPEAT = "repeat"
    RESOLVE = "resolve"
    ACK = "ack"


@dataclass(frozen=True)
class Line:
    """`at` is when it was sent, `until` when the answer came: seconds of the run."""

    deed: Deed
    via: str
    at: float
    until: float
    said: Said


@dataclass
class Account:
    """Of one dedup key."""

    key: str
    service: int
    lines: list[Line] = field(default_factory=list)
    under_way: int = 0

    def first(self, deed: Deed) -> float | None:
        """When the first of them was confirmed."""
        return min((line.until for line in self.lines if line.deed is deed and line.said is Said.YES), default=None)

    def tried(self, deed: Deed) -> bool:
        return any(line.deed is deed for line in self.lines)

    @property
    def is_open(self) -> bool:
        """Triggered for sure, and nobody tried to resolve it."""
        return self.first(Deed.TRIGGER) is not None and not self.tried(Deed.RESOLVE)

    @property
    def is_sure(self) -> bool:
        """Of every alert it is known whether it was taken."""
        return all(line.said is not Said.UNKNOWN for line in self.lines if line.deed is not Deed.ACK)


class Ledger:
    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}

    def open(self, service: int) -> Account:
        key = f"key-{len(self.accounts)}"
        self.accounts[key] = Account(key, service)
        return self.accounts[key]

    def counts(self) -> dict[tuple[Deed, Said], int]:
        found: dict[tuple[Deed, Said], int] = {}
        for account in self.accounts.values():
            for line in account.lines:
                found[line.deed, line.said] = found.get((line.deed, line.said), 0) + 1
        return found
