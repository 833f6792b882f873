"""How values are stored: `<version> <schema> <msgpack>`, both numbers in ASCII digits.

The version in front is the one that counts: a script compares it without decoding the rest. Structs are msgpack arrays, so a new field
goes to the end and has a default; anything else is a new schema number and an upgrade from the one before. A release that drops what it does not
know is harmless only for what may be forgotten: a field that decides who is paged is a new schema, too.

Two releases run side by side while workers are replaced. So a schema is read a release before it is written, and whatever a worker
meets that it can't read it leaves to a newer one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from pager.model.alert import AlertRecord
from pager.model.event import Entry
from pager.model.handoff import Memory
from pager.model.incident import Incident
from pager.model.mute import Silence
from pager.model.outgoing import Outgoing
from pager.model.policy import Policy
from pager.model.rota import Span
from pager.model.schedule import Override
from pager.model.snapshot import Code, Identity, NewerError, Pointer, UnreadableError
from pager.ports import Post

T = TypeVar("T")
Upgrade = Callable[[Any], Any]
"""From the builtins of one schema to those of the next, as msgpack gives them."""


class Codec(Generic[T]):
    """Reads and writes one type. `upgrades[n]` makes schema n + 1 of schema n; `downgrade` makes the one before of `schema`, which is what a
    release writes that is the first to read `schema`, unless something would be lost by it: then the worker that wrote it is of the next."""

    def __init__(
        self, type_: Any, schema: int = 1, upgrades: Mapping[int, Upgrade] | None = None, downgrade: Upgrade | None = None
    ) -> None:
        self._type = type_
        self.schema = schema
        self._upgrades = upgrades or {}
        self._downgrade = downgrade
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(type_)

    def encode(self, value: T, version: int = 0) -> bytes:
        body, schema = self._encoder.encode(value), self.schema
        if self._downgrade is not None and (older := self._downgraded(body, self._downgrade)) is not None:
            body, schema = older, schema - 1
        return b"%d %d %b" % (version, schema, body)

    def _downgraded(self, body: bytes, downgrade: Upgrade) -> bytes | None:
        """None where the older schema has no room for it."""
        encode, decode = self._encoder.encode, msgspec.msgpack.decode
        older = encode(downgrade(decode(body)))
        back = self._upgrades[self.schema - 1](decode(older))
        return older if encode(back) == encode(decode(body)) else None

    def decode(self, stored: bytes) -> T:
        return self.decode_versioned(stored)[0]

    def decode_versioned(self, stored: bytes) -> tuple[T, int]:
        """The value, and the version in front. Raises UnreadableError."""
        try:
            version, schema, body = stored.split(b" ", 2)
            if int(schema) == self.schema:
                return self._decoder.decode(body), int(version)
            return self._upgraded(int(schema), body), int(version)
        except (ValueError, msgspec.MsgspecError) as error:
            raise UnreadableError(f"a stored {self._name} is damaged ({error}): {stored[:40]!r}") from error

    def _upgraded(self, schema: int, body: bytes) -> T:
        if schema > self.schema:
            raise NewerError(
                f"a stored {self._name} has schema {schema}, this release knows up to {self.schema}: run the newer release of pagerd again"
            )
        value = msgspec.msgpack.decode(body)
        for step in range(schema, self.schema):
            if step not in self._upgrades:
                raise UnreadableError(f"a stored {self._name} has schema {schema}, which this release can't read: upgrade in smaller steps")
            value = self._upgrades[step](value)
        return msgspec.convert(value, self._type)  # type: ignore[no-any-return]

    @property
    def _name(self) -> str:
        return getattr(self._type, "__name__", str(self._type))


records: Codec[AlertRecord] = Codec(AlertRecord)
incidents: Codec[Incident] = Codec(Incident)
policies: Codec[Policy] = Codec(Policy)
codes: Codec[Code] = Codec(Code)
outgoing: Codec[Outgoing] = Codec(Outgoing)
entries: Codec[tuple[Entry, ...]] = Codec(tuple[Entry, ...])
posts: Codec[Post] = Codec(Post)
handoffs: Codec[Memory] = Codec(Memory)
pointers: Codec[Pointer] = Codec(Pointer)
identities: Codec[Identity] = Codec(Identity)
overrides: Codec[tuple[str, Override]] = Codec(tuple[str, Override])  # with its schedule
silences: Codec[Silence] = Codec(Silence)
calendars: Codec[tuple[Span, ...]] = Codec(tuple[Span, ...])


def level() -> int:
    """Grows with every schema that a release learns to read."""
    known = (records, incidents, policies, codes, outgoing, entries, posts, pointers, identities, overrides, silences, calendars)
    return sum(of.schema for of in known)


def prefix(version: int) -> bytes:
    """How a value of this version begins."""
    return b"%d " % version


def record_of(stored: bytes) -> AlertRecord:
    record, version = records.decode_versioned(stored)
    msgspec.structs.force_setattr(record, "version", version)  # just made, nobody else has it
    return record


def pointer_of(stored: bytes) -> Pointer:
    pointer, version = pointers.decode_versioned(stored)
    msgspec.structs.force_setattr(pointer, "version", version)
    return pointer


@lru_cache(maxsize=4096)
def incident_of(stored: bytes) -> Incident:
    """Remembered: a repeat reads its incident again and again, and finds it as it was."""
    incident, version = incidents.decode_versioned(stored)
    msgspec.structs.force_setattr(incident, "version", version)
    return incident
