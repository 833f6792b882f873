"""Pages printed where the daemon runs: for a first try without an account anywhere. Nobody's phone rings."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TextIO

from pager.model.event import Fault
from pager.notify.text import one_line
from pager.ports import Fate, GiveUp, Message, SendResult, Sent, Status

_WIDTH = 100
_DEMO = "demo: this was only printed here, it reached nobody"


class Console:
    """A Channel onto a text stream. A page it prints is accepted at once, and no receipt follows."""

    kind = "console"

    def __init__(self, stream: TextIO | None = None, name: str = "console") -> None:
        self.name = name
        self._stream = stream or sys.stdout

    async def send(self, message: Message) -> SendResult:
        try:
            self._stream.write(self._printable(framed(message)))
            self._stream.flush()
        except (OSError, ValueError) as error:  # a closed stream, or a pipe that nobody reads any more
            return GiveUp(f"the terminal is gone: {type(error).__name__}", Fault.PROVIDER)
        return Sent(message.id or "printed", expects_receipt=False)

    async def find(self, message: Message, since: datetime) -> Sent | None:
        return None

    async def status(self, receipt: str) -> Status:
        return Status(Fate.UNKNOWN, "what is printed is not confirmed")

    async def check(self) -> str | None:
        return None

    async def close(self) -> None:
        """The stream is not ours."""

    def _printable(self, text: str) -> str:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)


def framed(message: Message) -> str:
    """The message between two rules, each line behind a bar, without control characters: an alert's text must not drive the terminal."""
    title = f"{'PAGE' if message.id else 'NOTICE'} to {one_line(message.address)}"
    lines = [one_line(line) for line in message.text.splitlines()]
    return "\n".join(("", _rule("┏", title), *(f"┃ {line}" for line in lines), _rule("┗", _DEMO), ""))


def _rule(corner: str, title: str) -> str:
    return f"{corner}━ {title} ".ljust(_WIDTH, "━")
