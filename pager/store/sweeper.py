"""The sweeper: finds incidents without a deadline, and drops what is over for long. Both go in small steps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import msgspec

from pager.model.alert import AlertRecord
from pager.model.incident import Incident
from pager.model.snapshot import UnreadableError
from pager.ports import NotLeader
from pager.store import codec
from pager.store.connection import Arg, Connection
from pager.store.keys import Keys
from pager.store.scores import milliseconds
from pager.store.scripts import script


class Swept(msgspec.Struct, frozen=True):
    """`cursor` is where the next step goes on; 0: once around. `repaired` are incidents that had no deadline and are due now."""

    cursor: int
    looked_at: int
    repaired: list[int]


class Sweeper:
    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    async def sweep(self, cursor: int = 0, count: int = 1000) -> Swept:
        """Look at the incidents among about `count` keys."""
        reply, found = await self._connection.call("SCAN", cursor, "MATCH", self._keys.every_incident, "COUNT", count)
        numbers = [self._keys.number_of(key.decode()) for key in found]
        repaired = await self._repair(numbers) if numbers else []
        return Swept(int(reply), len(numbers), repaired)

    async def _repair(self, numbers: Sequence[int]) -> list[int]:
        scores, stored = await self._connection.pipe(
            [("ZMSCORE", self._keys.deadlines, *numbers), ("MGET", *map(self._keys.incident, numbers))]
        )
        keys: list[Arg] = [self._keys.deadlines]
        args: list[Arg] = [self._keys.wake]
        for number, score, value in zip(numbers, scores, stored, strict=True):
            incident = _incident(value) if score is None else None
            if incident is not None and incident.is_open:
                keys.append(self._keys.incident(number))
                args += (number, codec.prefix(incident.version))
        repaired = await self._connection.run(script("repair"), keys, args) if len(keys) > 1 else []
        return [int(number) for number in repaired]

    async def trim_audit(self, before: datetime, token: int) -> None:
        """Drop audit entries older than that from the store. `token` as in `retire`."""
        if not await self._connection.run(script("trim"), [self._keys.fence, self._keys.audit], [token, milliseconds(before)]):
            raise NotLeader(f"a leader after {token} has trimmed the audit")

    async def retire(self, before: datetime, token: int, count: int = 200) -> int:
        """Drop up to `count` incidents resolved before then, with timelines and records; how many were. Codes expire by themselves. Raises
        NotLeader where a leader with a later `token` has done it."""
        bound = milliseconds(before)
        found = await self._connection.call("ZRANGEBYSCORE", self._keys.resolved, "-inf", f"({bound}", "LIMIT", 0, count)
        if not found:
            return 0
        keys, args = await self._what_goes([int(number) for number in found])
        dropped = await self._connection.run(script("retire"), [self._keys.fence, *keys], [token, *args])
        if dropped == 0:
            raise NotLeader(f"a leader after {token} has dropped incidents")
        return len(dropped)

    async def _what_goes(self, numbers: Sequence[int]) -> tuple[list[Arg], list[Arg]]:
        """What can't be read stays: a leader that can will drop it."""
        stored = await self._connection.call("MGET", *map(self._keys.incident, numbers))
        read = [(n, _incident(value)) for n, value in zip(numbers, stored, strict=True)]
        known = [(n, i) for (n, i), value in zip(read, stored, strict=True) if i is not None or value is None]
        numbers, incidents = [n for n, _ in known], [i for _, i in known]
        # An incident that is gone leaves only its place among the resolved; its own key stands in for a record that is nobody's.
        identities = [
            self._keys.alert(i.scope, i.dedup_key) if i else self._keys.incident(n) for n, i in zip(numbers, incidents, strict=True)
        ]
        records = await self._connection.call("MGET", *identities) if identities else []
        keys: list[Arg] = [self._keys.resolved, self._keys.counts]
        args: list[Arg] = []
        for number, incident, identity, value in zip(numbers, incidents, identities, records, strict=True):
            record = _record(value) if incident else None
            drops = record is not None and record.incident == number
            keys += (self._keys.incident(number), self._keys.log(number), self._keys.posts(number), identity)
            args += (number, codec.prefix(incident.version) if incident else b"")
            args.append(codec.prefix(record.version) if record and drops else b"")
        return keys, args


def _incident(value: bytes | None) -> Incident | None:
    """None, too, where this release can't read it."""
    with suppress(UnreadableError):
        return codec.incident_of(value) if value else None
    return None


def _record(value: bytes | None) -> AlertRecord | None:
    with suppress(UnreadableError):
        return codec.record_of(value) if value else None
    return None
