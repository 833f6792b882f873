"""Answers in one piece: uvicorn writes head and body one after the other, and each write is a packet and a call of the kernel."""

from __future__ import annotations

import asyncio
from typing import Any


class WholeAnswers:
    """A transport that writes what came within one turn of the event loop at its end. All else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._out: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not data:
            return
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def close(self) -> None:
        """What was written goes out before the end."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
