"""The user that docs/operations.md gives pagerd may do what pagerd does (the contract suite runs as that user), and no more."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pager.store.connection import Refused
from tests.contract.conftest import least
from tests.contract.store_backends import RedisBackend
from tests.fakes.store_server import acl_of_the_docs

PAGER = Path(__file__).parents[2] / "pager"
OF_THE_CLIENT = {"discard", "multi", "exec", "eval", "evalsha", "select", "client|setinfo", "subscribe", "unsubscribe"}


@pytest.fixture
async def pagerd(valkey_socket: Path) -> AsyncIterator[RedisBackend]:
    backend = await least(valkey_socket)
    yield backend
    await backend.close()


@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("KEYS", "*"),
        ("CONFIG", "SET", "dir", "/tmp"),
        ("ACL", "LIST"),
        ("SHUTDOWN",),
        ("MODULE", "LIST"),
        ("REPLICAOF", "NO", "ONE"),
        ("MONITOR",),
        ("SCRIPT", "FLUSH"),
        ("GET", "another:app"),
        ("SET", "pager:alerts:other", "x"),
        ("PUBLISH", "another:app", "x"),
        ("EVAL", "return redis.call('GET', 'another:app')", 0),
    ],
)
async def test_it_may_do_nothing_else(pagerd: RedisBackend, command: tuple[str | int, ...]) -> None:
    with pytest.raises(Refused) as refused:
        await pagerd.connection.call(*command)
    assert "permission" in str(refused.value).lower()


def test_it_has_no_right_that_pagerd_makes_no_use_of() -> None:
    source = "\n".join(path.read_text() for kind in ("*.py", "*.lua") for path in PAGER.rglob(kind))
    said = {word.lower() for word in re.findall(r"""["']([A-Z]{3,})["']""", source)}
    rights = {word.removeprefix("+") for word in acl_of_the_docs() if word.startswith("+")}
    assert {right for right in rights - OF_THE_CLIENT if not set(right.split("|")) <= said} == set()
