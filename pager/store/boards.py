"""Chat messages of incidents: which are to be looked at, and what is known of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from pager.ports import Claim, Post
from pager.store import codec
from pager.store.connection import Arg, Connection
from pager.store.keys import Keys
from pager.store.newer import Newer
from pager.store.scores import at_score, milliseconds
from pager.store.scripts import script

_MS = timedelta(milliseconds=1)


class RedisBoards:
    """The port Boards."""

    def __init__(self, connection: Connection, keys: Keys, newer: Newer | None = None) -> None:
        self._newer = newer or Newer()
        self._connection = connection
        self._keys = keys

    async def claim(self, limit: int, lease: timedelta) -> list[Claim]:
        args: list[Arg] = [max(1, lease // _MS), limit, self._newer.head_start // _MS]
        _, fence, due = await self._connection.run(script("claim"), [self._keys.boards], args)
        return [Claim(int(n), float(fence), at_score(float(score))) for n, score in zip(due[::2], due[1::2], strict=True)]

    async def done(self, claim: Claim, version: int) -> None:
        await self._looked_at(claim, codec.prefix(version), "")

    async def again(self, claim: Claim, at: datetime) -> None:
        await self._looked_at(claim, b"", milliseconds(at))

    async def _looked_at(self, claim: Claim, begins: bytes, again: Arg) -> None:
        keys: list[Arg] = [self._keys.boards, self._keys.incident(claim.number)]
        await self._connection.run(script("shown"), keys, [claim.number, int(claim.fence), begins, again])

    async def posts(self, number: int) -> list[Post]:
        return [codec.posts.decode(stored) for stored in await self._connection.call("HVALS", self._keys.posts(number))]

    async def save(self, number: int, post: Post) -> None:
        await self._connection.call("HSET", self._keys.posts(number), post.address, codec.posts.encode(post))
