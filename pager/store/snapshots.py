"""Reading what a decision depends on: record, incident and policy, in as few round trips as the pointers between them allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pager.model.alert import AlertRecord
from pager.model.incident import Incident
from pager.model.policy import Policy
from pager.model.snapshot import Identity, Snapshot, Suffices
from pager.store import codec
from pager.store.connection import Command, Connection
from pager.store.keys import Keys
from pager.store.scores import moment


class Snapshots:
    """Policies are kept in memory once read: what stands under a content hash never changes."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys
        self._policies: dict[str, Policy] = {}

    async def by_identity(self, identities: Sequence[Identity], suffices: Suffices | None = None) -> tuple[datetime, list[Snapshot]]:
        reads: list[Command] = [("TIME",)]
        if identities:
            reads.append(("MGET", *(self._keys.alert(i.scope, i.dedup_key) for i in identities)))
        time, *found = await self._connection.pipe(reads)
        records = [codec.record_of(value) if value else None for value in (found[0] if found else ())]
        numbers = [
            record.incident if record and not (suffices and suffices(identity, record)) else 0
            for identity, record in zip(identities, records, strict=True)
        ]
        incidents = await self._incidents(numbers)
        await self._fetch_policies(incidents)
        return moment(time), [self._snapshot(r, i) for r, i in zip(records, incidents, strict=True)]

    async def by_number(self, numbers: Sequence[int]) -> tuple[datetime, list[Snapshot]]:
        reads: list[Command] = [("TIME",)]
        if numbers:
            reads.append(("MGET", *map(self._keys.incident, numbers)))
        time, *found = await self._connection.pipe(reads)
        return moment(time), await self.around(found[0] if found else [])

    async def around(self, stored: Sequence[bytes | None]) -> list[Snapshot]:
        """Snapshots of incidents that were read already."""
        incidents = [codec.incident_of(value) if value else None for value in stored]
        keys = [self._keys.alert(i.scope, i.dedup_key) for i in incidents if i is not None]
        found = iter(await self._connection.call("MGET", *keys) if keys else ())
        records = [self._record(next(found)) if incident is not None else None for incident in incidents]
        await self._fetch_policies(incidents)
        return [self._snapshot(r, i) for r, i in zip(records, incidents, strict=True)]

    async def _incidents(self, numbers: Sequence[int]) -> list[Incident | None]:
        wanted = [number for number in numbers if number]
        found = iter(await self._connection.call("MGET", *map(self._keys.incident, wanted)) if wanted else ())
        return [self._incident(next(found)) if number else None for number in numbers]

    async def _fetch_policies(self, incidents: Iterable[Incident | None]) -> None:
        missing = list({i.policy_ref for i in incidents if i is not None and i.policy_ref not in self._policies})
        if not missing:
            return
        found = await self._connection.call("MGET", *map(self._keys.policy, missing))
        self._policies.update({ref: codec.policies.decode(value) for ref, value in zip(missing, found, strict=True) if value})

    def _snapshot(self, record: AlertRecord | None, incident: Incident | None) -> Snapshot:
        return Snapshot(record, incident, self._policies.get(incident.policy_ref) if incident else None)

    @staticmethod
    def _record(value: bytes | None) -> AlertRecord | None:
        return codec.record_of(value) if value else None

    @staticmethod
    def _incident(value: bytes | None) -> Incident | None:
        return codec.incident_of(value) if value else None
