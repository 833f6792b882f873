"""A Channel that keeps what it is given. What it answers next can be scripted for each address."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import UTC, datetime

import msgspec

from pager.ports import Fate, GiveUp, Message, SendResult, Sent, Status


class Kept(msgspec.Struct, frozen=True):
    """A message that was accepted."""

    receipt: str
    message: Message
    at: datetime


class MemoryChannel:
    def __init__(self, name: str = "memory", kind: str = "memory", expects_receipt: bool = True) -> None:
        self.name, self.kind = name, kind
        self.expects_receipt = expects_receipt
        self.asked: list[Message] = []  # every send, also those that were not accepted
        self.accepted: list[Kept] = []
        self.statuses: dict[str, Status] = {}  # by receipt; delivered where it says nothing
        self.wrong: str | None = None  # what check() finds
        self.closed = False
        self.now = datetime.now(UTC)
        self._next: dict[str, deque[SendResult]] = defaultdict(deque)

    def answer(self, address: str, *results: SendResult) -> None:
        """The results of the next sends to that address, or to any with `*`; after them every send is accepted."""
        self._next[address].extend(results)

    async def send(self, message: Message) -> SendResult:
        self.asked.append(message)
        if not message.address:
            return GiveUp("no address")
        for key in (message.address, "*"):
            if self._next[key]:
                result = self._next[key].popleft()
                return self._accept(message, result.receipt) if isinstance(result, Sent) else result
        return self._accept(message, f"{self.name}-{len(self.accepted) + 1}")

    async def find(self, message: Message, since: datetime) -> Sent | None:
        for kept in reversed(self.accepted):
            same = kept.message.code == message.code if message.code else kept.message.text == message.text
            if same and kept.message.address == message.address and kept.at >= since:
                return Sent(kept.receipt, self.expects_receipt, found=True)
        return None

    async def status(self, receipt: str) -> Status:
        known = any(kept.receipt == receipt for kept in self.accepted)
        return self.statuses.get(receipt, Status(Fate.DELIVERED) if known else Status(Fate.UNKNOWN, "no such receipt"))

    async def check(self) -> str | None:
        return self.wrong

    async def close(self) -> None:
        self.closed = True

    @property
    def texts(self) -> list[str]:
        """What was accepted, in order."""
        return [kept.message.text for kept in self.accepted]

    def _accept(self, message: Message, receipt: str) -> Sent:
        self.accepted.append(Kept(receipt, message, self.now))
        return Sent(receipt, self.expects_receipt)
