"""Head and body of an answer go out together."""

from __future__ import annotations

import asyncio
from typing import cast

from pager.web.whole import WholeAnswers


class Wire:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def whole(wire: Wire) -> WholeAnswers:
    return WholeAnswers(cast(asyncio.Transport, wire), asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_is_one_write() -> None:
    transport = whole(wire := Wire())
    transport.write(b"head ")
    transport.write(b"")
    transport.write(b"body")
    assert wire.written == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert wire.written == [b"head body", b"next"]


async def test_nothing_is_lost_at_the_end() -> None:
    transport = whole(wire := Wire())
    transport.write(b"the last word")
    transport.close()
    await asyncio.sleep(0)
    assert (wire.written, transport.is_closing()) == ([b"the last word"], True)
