"""Connections that never come to a request: uvicorn waits for them for ever, and takes headers of any length."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pager.web.whole import WholeAnswers

HEADERS_WITHIN = 20.0  # seconds, from the connection or from the request's first byte
MOST_HEADERS = 64 * 1024  # bytes


class PatientProtocol(HttpToolsProtocol):
    """Hangs up on whoever has not sent all headers of a request in time, or sends too many."""

    _overdue: asyncio.TimerHandle | None = None
    _amid = False  # the headers of a request have begun, and have not ended
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, WholeAnswers(transport, self.loop)))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._done()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        super().data_received(data)
        if self._amid and self._overdue is None:  # most headers come at once, and need no timer
            self._overdue = self.loop.call_later(HEADERS_WITHIN, self._hang_up)
        if self._overdue is not None and self._bytes > MOST_HEADERS:
            self._hang_up()

    def on_message_begin(self) -> None:
        self._done()
        self._amid, self._bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._done()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._overdue = self.loop.call_later(HEADERS_WITHIN, self._hang_up)

    def _done(self) -> None:
        self._amid = False
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _hang_up(self) -> None:
        self._done()
        if not self.transport.is_closing():
            self.transport.close()
