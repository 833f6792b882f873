"""Reading what a decision depends on: record, incident and policy, in as few round trips as the pointers between them allow. What of it
can't be read spoils its own snapshot alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from pager.model.alert import AlertRecord
from pager.model.incident import Incident
from pager.model.policy import Policy
from pager.model.snapshot import Identity, Snapshot, Suffices, UnreadableError
from pager.store import codec
from pager.store.connection import Command, Connection
from pager.store.keys import Keys
from pager.store.newer import Newer
from pager.store.scores import moment

NO_TURNS: Mapping[str, int] = {}
NO_RECORDS: Mapping[str, bytes | None] = {}
_MOST_KNOWN = 8192  # incidents of which it is remembered where their record is
Part = TypeVar("Part", AlertRecord, Incident)


class Snapshots:
    """Policies are kept in memory once read: what stands under a content hash never changes."""

    def __init__(self, connection: Connection, keys: Keys, newer: Newer | None = None) -> None:
        self._connection = connection
        self._keys = keys
        self._policies: dict[str, Policy] = {}
        self._records: dict[int, str] = {}  # keys of incidents' records, which never change: known, they are read in the same round trip
        self.newer = newer or Newer()
        self.counted = 0
        """How many incident numbers were given when an identity was last loaded."""

    async def by_identity(self, identities: Sequence[Identity], suffices: Suffices | None = None) -> tuple[datetime, list[Snapshot]]:
        reads: list[Command] = [("TIME",), ("HGETALL", self._keys.turns), ("GET", self._keys.number)]
        if identities:
            reads.append(("MGET", *(self._keys.alert(i.scope, i.dedup_key) for i in identities)))
        time, turns, counted, *found = await self._connection.pipe(reads)
        self.counted = int(counted or 0)
        records = [_read(codec.record_of, value) for value in (found[0] if found else ())]
        incidents = await self._incidents(
            [
                record.incident if isinstance(record, AlertRecord) and not (suffices and suffices(identity, record)) else 0
                for identity, record in zip(identities, records, strict=True)
            ]
        )
        return moment(time), await self._snapshots(records, incidents, _counts(turns))

    async def by_number(self, numbers: Sequence[int]) -> tuple[datetime, list[Snapshot]]:
        reads: list[Command] = [("TIME",), ("HGETALL", self._keys.turns)]
        keys = self.record_keys(numbers)
        if numbers:
            reads.append(("MGET", *map(self._keys.incident, numbers), *keys))
        time, turns, *found = await self._connection.pipe(reads)
        stored = found[0] if found else []
        return moment(time), await self.around(stored[: len(numbers)], _counts(turns), dict(zip(keys, stored[len(numbers) :], strict=True)))

    async def around(
        self, stored: Sequence[bytes | None], turns: Mapping[str, int] = NO_TURNS, beside: Mapping[str, bytes | None] = NO_RECORDS
    ) -> list[Snapshot]:
        """Snapshots of incidents that were read already, and of records that were read `beside` them."""
        incidents = [_read(codec.incident_of, value) for value in stored]
        keys = [self.remember(i) if isinstance(i, Incident) else "" for i in incidents]
        missing = [key for key in keys if key and key not in beside]
        found = {**beside, **dict(zip(missing, await self._connection.call("MGET", *missing), strict=True))} if missing else beside
        records = [_read(codec.record_of, found[key]) if key else None for key in keys]
        return await self._snapshots(records, incidents, turns)

    def record_keys(self, numbers: Iterable[int]) -> list[str]:
        """Of those incidents that are remembered."""
        return [key for number in numbers if (key := self._records.get(number))]

    def remember(self, incident: Incident) -> str:
        """The key of its record."""
        key = self._records.get(incident.number)
        if key is None:
            if len(self._records) >= _MOST_KNOWN:
                del self._records[next(iter(self._records))]
            key = self._records[incident.number] = self._keys.alert(incident.scope, incident.dedup_key)
        return key

    async def _incidents(self, numbers: Sequence[int]) -> list[Incident | UnreadableError | None]:
        wanted = [number for number in numbers if number]
        found = iter(await self._connection.call("MGET", *map(self._keys.incident, wanted)) if wanted else ())
        return [_read(codec.incident_of, next(found)) if number else None for number in numbers]

    async def _snapshots(
        self,
        records: Sequence[AlertRecord | UnreadableError | None],
        incidents: Sequence[Incident | UnreadableError | None],
        turns: Mapping[str, int],
    ) -> list[Snapshot]:
        unread = await self._fetch_policies(i for i in incidents if isinstance(i, Incident))
        return [self._snapshot(record, incident, unread, turns) for record, incident in zip(records, incidents, strict=True)]

    async def _fetch_policies(self, incidents: Iterable[Incident]) -> dict[str, UnreadableError]:
        """Those that can't be read."""
        missing = list({i.policy_ref for i in incidents if i.policy_ref not in self._policies})
        found = await self._connection.call("MGET", *map(self._keys.policy, missing)) if missing else ()
        unread: dict[str, UnreadableError] = {}
        for ref, value in zip(missing, found, strict=True):
            try:
                if value:
                    self._policies[ref] = codec.policies.decode(value)
            except UnreadableError as error:
                unread[ref] = error
        return unread

    def _snapshot(
        self,
        record: AlertRecord | UnreadableError | None,
        incident: Incident | UnreadableError | None,
        unread: dict[str, UnreadableError],
        turns: Mapping[str, int],
    ) -> Snapshot:
        if isinstance(record, UnreadableError):
            return self._spoilt(record)
        if isinstance(incident, UnreadableError):
            return self._spoilt(incident)
        if incident is not None and incident.policy_ref in unread:
            return self._spoilt(unread[incident.policy_ref])
        return Snapshot(record, incident, self._policies.get(incident.policy_ref) if incident else None, turns=turns)

    def _spoilt(self, error: UnreadableError) -> Snapshot:
        self.newer.met(error)
        return Snapshot(unreadable=str(error))


def _counts(flat: Sequence[bytes]) -> Mapping[str, int]:
    if not flat:
        return NO_TURNS
    return {name.decode(): int(count) for name, count in zip(flat[::2], flat[1::2], strict=True)}


def _read(read: Callable[[bytes], Part], value: bytes | None) -> Part | UnreadableError | None:
    try:
        return read(value) if value else None
    except UnreadableError as error:
        return error
