"""Alerts that come in one piece go straight in: a task, a scope and the messages of ASGI cost more than all that is done with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from pager.web.patience import PatientProtocol


class Answer(msgspec.Struct, frozen=True):
    """A body of JSON with its status."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


@runtime_checkable
class TakesStraight(Protocol):
    """An application that may be given requests without ASGI."""

    def take(self, path: str, raw: bytes, content_type: str, tell: Callable[[Answer], None]) -> bool:
        """Of a POST whose body is `raw`. True: `tell` gets the answer, once and later. False: nothing was done, it is to come by ASGI."""
        ...


class _Event:
    """In place of what tells a task that there is more to read."""

    def set(self) -> None:
        pass


class _Cycle:
    """As much of a request as uvicorn asks for while it is answered."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")
    message_event = _Event()

    def __init__(self, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False


class StraightProtocol(PatientProtocol):
    """Keeps a request back until the end of what was read with its headers. If that is all of it, it may go straight in; if not, or if it is
    in any way unusual, it goes the way of all others."""

    _kept: bytearray | None = None  # the body so far of the request that is kept back

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._takes = self.app if isinstance(self.app, TakesStraight) else None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._kept is not None and not self.transport.is_closing():
            self._let_go()

    def on_headers_complete(self) -> None:
        if self._is_usual():
            self._done()
            self._kept = bytearray()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._kept is None:
            super().on_body(body)
        else:
            self._kept += body

    def on_message_complete(self) -> None:
        if self._kept is not None:
            if self._goes_straight(bytes(self._kept)):
                return
            self._let_go()
        super().on_message_complete()

    def _let_go(self) -> None:
        """As if the headers ended only now."""
        body, self._kept = self._kept, None
        super().on_headers_complete()
        if body:
            super().on_body(bytes(body))

    def _is_usual(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete
        crowded = self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency
        odd = self.expect_100_continue or self.flow.write_paused or crowded or self.parser.should_upgrade()
        return self._takes is not None and answered and not odd and self.parser.get_method() == b"POST"

    def _goes_straight(self, body: bytes) -> bool:
        path = self.url
        if self._takes is None or b"%" in path or b"?" in path or not path.isascii():
            return False
        kind = next((value for name, value in self.headers if name == b"content-type"), b"")
        cycle = _Cycle(self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive())
        if not self._takes.take(path.decode(), body, kind.decode("latin-1"), lambda answer: self._say(cycle, answer)):
            return False
        self._kept, self.cycle = None, cycle  # type: ignore[assignment]
        return True

    def _say(self, cycle: _Cycle, answer: Answer) -> None:
        cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        self.transport.write(self._written(answer, cycle.keep_alive))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _written(self, answer: Answer, keep_alive: bool) -> bytes:
        lines = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in answer.headers.items()]
        if not keep_alive:
            lines.append(b"connection: close\r\n")
        length = b"content-length: %d\r\ncontent-type: application/json\r\n\r\n" % len(answer.body)
        return b"".join((STATUS_LINE[answer.status], *lines, length, answer.body))
