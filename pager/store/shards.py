"""Which shard holds what, and how many there are.

All that concerns one incident lies in one shard, and so does all that concerns one scope: what an alert may meet lies beside it."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from pager.ports import Commit
from pager.store.connection import Connection
from pager.store.keys import Keys


class ShardsDiffer(ValueError):
    """The store was begun with another number of shards. The message says what to do."""


class Shards(msgspec.Struct, frozen=True):
    count: int = 1

    def of_scope(self, scope: str) -> int:
        digest = blake2b(scope.encode(errors="surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count

    def of_number(self, number: int) -> int:
        """Of an incident. What belongs to none (0) is in the first."""
        return (number - 1) % self.count if number > 0 else 0

    def number(self, shard: int, counted: int) -> int:
        """The `counted`-th number of a shard, from 1."""
        return (counted - 1) * self.count + shard + 1

    def counted(self, number: int) -> int:
        """Which number of its shard it is, from 1."""
        return (number - 1) // self.count + 1

    def of_commit(self, commit: Commit) -> int:
        """By its incident, else its record, else what it says. What it finishes must lie there, too."""
        for snapshot in (commit.after, commit.before):
            if snapshot.incident is not None:
                return self.of_number(snapshot.incident.number)
            if snapshot.record is not None:
                return self.of_scope(snapshot.record.alert.scope)
        if commit.finishes is not None:
            return split(commit.finishes[1])[0]
        return self.of_number(commit.outgoing[0].incident if commit.outgoing else commit.entries[0].incident if commit.entries else 0)


ONE = Shards()


def join(shard: int, entry: str) -> str:
    """The id of an outbox entry, told from those of other shards."""
    return f"{shard}/{entry}"


def split(id_: str) -> tuple[int, str]:
    shard, _, entry = id_.partition("/")
    return int(shard), entry


async def settle(connection: Connection, keys: Keys, shards: Shards) -> None:
    """Write down how many shards there are, the first time; after that they must be as many. `keys` are those of the first shard. Raises
    ShardsDiffer, StoreUnavailable."""
    known, used = await connection.pipe([("GET", keys.shards), ("EXISTS", keys.number)])
    if known is None and used:
        known = b"1"  # by a release that knew no other
    if known is None:
        _, known = await connection.pipe([("SET", keys.shards, shards.count, "NX"), ("GET", keys.shards)])
    if int(known) != shards.count:
        raise ShardsDiffer(
            f"settings.redis.shards is {shards.count}, but this store was begun with {int(known)}: set it back. To grow, run a second pagerd "
            "with more shards on another store, point your tools at it, let this one work off what is open, and then stop it"
        )
