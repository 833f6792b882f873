"""The daemon, with a hook at every exchange with the store and the provider: it writes down each point it passes, or kills itself there.

PAGERD_TEST_TRACE: a file to write the points to. PAGERD_TEST_KILL: the point at which to die by SIGKILL. Points count from the first alert on."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from pager.channels.twilio_http import PooledHttp
from pager.cli.main import main
from pager.store.connection import Connection

TRACE, KILL = os.environ.get("PAGERD_TEST_TRACE"), os.environ.get("PAGERD_TEST_KILL")
# What goes round whether or not anything happens, and so is at no fixed place of the chain.
IDLE = {"call TIME", "call ZRANGE", "call SET", "call XLEN", "call HGETALL", "call SCAN", "call ZRANGEBYSCORE", "pipe SET", "pipe XLEN", "pipe ZMSCORE",
        "pipe XINFO", "call XINFO", "pipe XGROUP", "call XAUTOCLAIM", "call EXISTS", "pipe EXISTS",
        "call CONFIG", "call INFO", "script lead"}  # fmt: skip
POLLS = {"block XREADGROUP", "script take", "script claim"}  # they count only when they bring something

passed: Counter[str] = Counter()
armed = False


def point(name: str) -> None:
    if not armed:
        return
    passed[name] += 1
    place = f"{name} #{passed[name]}"
    if TRACE:
        with open(TRACE, "a") as trace:
            trace.write(place + "\n")
    if place == KILL:
        os.kill(os.getpid(), signal.SIGKILL)


def is_empty(answer: Any) -> bool:
    return not answer or all(is_empty(x) if isinstance(x, list) else x is None for x in (answer if isinstance(answer, list) else [answer]))


def hooked(label: Callable[..., str], original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        global armed
        name = label(*args, **kwargs)
        if name not in IDLE | POLLS:
            point(f"before {name}")
        answer = await original(self, *args, **kwargs)
        if name in POLLS:
            brought = answer[2] if name == "script claim" else answer[0] if name.startswith("block") else answer
            if not is_empty(brought):
                armed = True
                point(f"after {name}")
        elif name not in IDLE:
            point(f"after {name}")
        return answer

    return wrapper


def first_word(commands: Any) -> str:
    names = [str(command[0]) for command in commands]
    return next((name for name in names if name != "TIME"), "TIME")


HOOKS: list[tuple[type, str, Callable[..., str]]] = [
    (Connection, "call", lambda *command: f"call {command[0]}"),
    (Connection, "pipe", lambda commands, **_: f"pipe {first_word(commands)}"),
    (Connection, "block", lambda commands: f"block {first_word(commands)}"),
    (Connection, "run", lambda script, *_, **__: f"script {script.name}"),
    (PooledHttp, "request", lambda method, *_, **__: f"http {method}"),
]
for owner, method, label in HOOKS:
    setattr(owner, method, hooked(label, getattr(owner, method)))


def told(self: Connection, commands: Any, tell: Callable[..., None] = Connection.tell) -> None:
    point(f"before tell {first_word(commands)}")
    tell(self, commands)
    point(f"after tell {first_word(commands)}")


Connection.tell = told  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
