"""The master of a name, as sentinels know it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from pager.ports import StoreUnavailable
from pager.store.connection import Connection, Refused, connect
from tests.valkey_nodes import Watched


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path)
    try:
        yield await made.start()
    finally:
        made.end()


async def answered(c: Connection, *command: str, within: float = 12) -> object:
    """As soon as the store takes it."""
    end = time.monotonic() + within
    while True:
        try:
            return await c.call(*command)
        except StoreUnavailable:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)


async def test_the_new_master_is_found_when_the_old_one_is_gone(watched: Watched) -> None:
    c = connect(watched.url)
    listening = c.subscription("news")
    try:
        *_, confirmed = await c.block([("SET", "k", "v"), ("WAIT", 1, 500), ("WAITAOF", 1, 1, 500)])
        assert confirmed == [1, 1]
        assert await listening.heard(timedelta(0))
        waiting = asyncio.ensure_future(c.block([("BLPOP", "list", 8)]))
        await asyncio.sleep(0.05)
        watched.sentinels[0].kill()  # two are enough
        watched.master.kill()
        with pytest.raises(StoreUnavailable):
            await waiting
        with pytest.raises(StoreUnavailable):
            await c.call("GET", "k")
        await answered(c, "SET", "k2", "v2")
        assert await c.pipe([("GET", "k"), ("GET", "k2")]) == [b"v", b"v2"]
        assert await watched.replica.ask("GET", "k2") == b"v2"
        with pytest.raises(StoreUnavailable):
            await listening.heard(timedelta(seconds=5))
        assert await listening.heard(timedelta(0))
    finally:
        await listening.close()
        await c.close()


async def test_a_master_that_became_a_replica_is_left(watched: Watched) -> None:
    c, stranger = connect(watched.url), connect(watched.url.replace("/pager", "/other"))
    try:
        with pytest.raises(StoreUnavailable, match="no sentinel knows the master 'other'"):
            await stranger.call("PING")
        await c.call("SET", "k", "v")
        waiting = asyncio.ensure_future(c.block([("BLPOP", "list", 8)]))
        await asyncio.sleep(0.05)
        # As after a partition: both know their new roles before the sentinels do.
        await watched.replica.ask("REPLICAOF", "NO", "ONE")
        await watched.master.ask("REPLICAOF", "127.0.0.1", watched.replica.port)
        with pytest.raises(Refused, match="UNBLOCKED"):
            await waiting
        with pytest.raises(StoreUnavailable, match="no master, but slave"):
            await c.call("SET", "k", "w")
    finally:
        await c.close()
