"""uvicorn inside our own event loop, which keeps its own signal handlers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from pager.web.straight import StraightProtocol

MOST_CONNECTIONS = 2000  # beyond it a request is answered with 503


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def bind(listen: str) -> socket.socket:
    """A listening socket on `host:port`. Raises OSError, or ValueError when `listen` is no address."""
    host, _, port = listen.rpartition(":")
    if not port.isdigit():
        raise ValueError(f"{listen!r} is not HOST:PORT")
    host = host.strip("[]") or "127.0.0.1"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, for asyncio turns Nagle's delay off only then: it holds an answer's body back until its head is acknowledged.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, int(port)))
    except OSError:
        sock.close()
        raise
    sock.set_inheritable(False)
    return sock


async def serve(app: ASGIApp, sock: socket.socket, stopping: asyncio.Event) -> None:
    """Serve until `stopping`; requests under way get a few seconds to finish."""
    config = uvicorn.Config(
        app,
        http=StraightProtocol,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
        limit_concurrency=MOST_CONNECTIONS,
        server_header=False,
        proxy_headers=False,  # nothing here asks where a request came from
    )
    server = _Server(config)
    task = asyncio.ensure_future(server.serve(sockets=[sock]))
    waiter = asyncio.ensure_future(stopping.wait())
    await asyncio.wait([task, waiter], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiter.cancel()
    await task
