"""A line to the store that can be cut, slowed and held: one for each worker, so that one may lose the store while the others have it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

_CHUNK = 65536


class Proxy:
    """From a TCP port of ours to the store's unix socket. Nothing is dropped from within a stream: a connection either brings all bytes in
    order, however late, or ends, as TCP has it."""

    def __init__(self, socket_path: Path) -> None:
        self._store = socket_path
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._refusing = False
        self._delay = 0.0
        self._requests_go, self._answers_go = asyncio.Event(), asyncio.Event()
        self.port = 0
        self.heal()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.blip()
        await asyncio.sleep(0)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    # --- faults -----------------------------------------------------------------------------------------------------------------------
    def blip(self) -> None:
        """Connections that are open end; new ones are taken."""
        for writer in list(self._writers):
            writer.transport.abort()

    def cut(self) -> None:
        self._refusing = True
        self.blip()

    def slow(self, seconds: float) -> None:
        """Each way takes so much longer."""
        self._delay = seconds

    def stall(self) -> None:
        """Connections are taken, and nothing passes."""
        self._requests_go.clear()
        self._answers_go.clear()

    def deafen(self) -> None:
        """Requests reach the store; its answers do not come back."""
        self._answers_go.clear()

    def heal(self) -> None:
        """What was held goes on its way, late."""
        self._refusing, self._delay = False, 0.0
        self._requests_go.set()
        self._answers_go.set()

    # --- lines ------------------------------------------------------------------------------------------------------------------------
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            from_store, to_store = await asyncio.open_unix_connection(str(self._store))
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, to_store}
        pumps = [
            asyncio.ensure_future(self._pump(reader, to_store, self._requests_go)),
            asyncio.ensure_future(self._pump(from_store, writer, self._answers_go)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            self._writers -= {writer, to_store}
            for each in (writer, to_store):
                each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, goes: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._delay:
                    await asyncio.sleep(self._delay)
                await goes.wait()
                writer.write(data)
                await writer.drain()
