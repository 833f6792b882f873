"""An event loop whose time is virtual: when nothing is ready it jumps to the next timer. One thread, no sockets, the same order every time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class VirtualLoop(asyncio.BaseEventLoop):
    """Seconds since its beginning. Nothing outside can wake it: no selector, no signals, no threads."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = _NoSelector(self)
        self.crashes: list[BaseException] = []
        self.set_exception_handler(self._note)

    def time(self) -> float:
        return self._now

    def jump(self, by: float) -> None:
        self._now += by

    def _process_events(self, event_list: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _note(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What no task waited for must not be lost on the way to the test."""
        error = context.get("exception")
        if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
            self.crashes.append(error)

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run to its end; what else still runs then is dropped as a killed process drops it."""
        asyncio.set_event_loop(self)
        try:
            self.run_until_complete(main)
        finally:
            left = asyncio.all_tasks(self)
            for task in left:
                task.cancel()
            if left:
                self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            asyncio.set_event_loop(None)
            self.close()


class _NoSelector:
    """Where a loop would wait for sockets, this one moves its clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everything waits, and nothing will ever happen")
        if timeout > 0:
            # To the timer itself: adding up differences would end a hair before it.
            scheduled = self._loop._scheduled  # type: ignore[attr-defined]
            self._loop.jump(max(timeout, scheduled[0].when() - self._loop.time()) if scheduled else timeout)
        return []

    def close(self) -> None:
        pass
