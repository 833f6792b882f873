"""The stores for the contract suite. The real server is started once a session by our own launcher."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pager.store.connection import connect
from pager.store.embedded import start
from tests.contract.store_backends import Backend, MemoryBackend, RedisBackend, fakeredis_backend, valkey_backend
from tests.fakes.store_server import PASSWORD, acl_of_the_docs


@pytest.fixture(scope="session")
def valkey_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    server = start(tmp_path_factory.mktemp("valkey"))
    yield server.socket_path
    server.stop()


async def _empty(socket_path: Path, shards: int = 1) -> RedisBackend:
    backend = valkey_backend(str(socket_path), shards)
    await backend.connection.call("FLUSHALL")
    return backend


@pytest.fixture
async def valkey(valkey_socket: Path) -> AsyncIterator[RedisBackend]:
    """An empty real server."""
    backend = await _empty(valkey_socket)
    yield backend
    await backend.close()


async def least(socket_path: Path) -> RedisBackend:
    """An empty real server, for the user that docs/operations.md gives pagerd."""
    admin = await _empty(socket_path)
    await admin.connection.call(*acl_of_the_docs())
    await admin.close()
    return RedisBackend("valkey", connect(f"unix://pagerd:{PASSWORD}@{socket_path}"))


@pytest.fixture(params=["memory", "fakeredis", "valkey", "valkey, with the least rights", "three shards"])
async def store(request: pytest.FixtureRequest, valkey_socket: Path) -> AsyncIterator[Backend]:
    backend: Backend
    match request.param:
        case "memory":
            backend = MemoryBackend()
        case "fakeredis":
            backend = fakeredis_backend()
        case "valkey":
            backend = await _empty(valkey_socket)
        case "three shards":
            backend = await _empty(valkey_socket, shards=3)
        case _:
            backend = await least(valkey_socket)
    yield backend
    await backend.close()
