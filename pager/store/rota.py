"""What is decided by besides the config: overrides and silences said at run time, calendars that were read, pages in people's nights."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec.structs import replace

from pager.model.event import Entry
from pager.model.mute import Silence
from pager.model.rota import NOTHING, RotaFacts, Span
from pager.model.schedule import Override
from pager.model.snapshot import UnreadableError
from pager.ports import NotLeader, StoreUnavailable
from pager.store import codec
from pager.store.codec import Codec
from pager.store.connection import Arg, Connection
from pager.store.keys import Keys
from pager.store.newer import Newer
from pager.store.scores import at_score
from pager.store.scripts import script

T = TypeVar("T")
_AT_ONCE = 500  # dropped in one step: well below what Lua can pass on


class RedisRota:
    """The port RotaStore, on one shard."""

    def __init__(self, connection: Connection, keys: Keys, newer: Newer | None = None, replicas: int = 0) -> None:
        self._connection = connection
        self._keys = keys
        self._newer = newer or Newer()
        self._replicas = replicas
        self._wakes = connection.subscription(keys.rota_wake)

    async def facts(self, known: int = 0) -> RotaFacts | None:
        version = await self._connection.call("GET", self._keys.rota_version)
        if int(version or 0) == known:
            return None
        keys = self._keys
        # The version first: what changes under way is read again at the next look.
        version, overrides, silences, calendars, people = await self._connection.pipe(
            [
                ("GET", keys.rota_version),
                _everything(keys.overrides),
                _everything(keys.silences),
                ("HGETALL", keys.calendars),
                ("ZRANGE", keys.night_people, 0, -1),
            ],
            atomic=True,
        )
        users = [user.decode() for user in people]
        nights = await self._connection.call("MGET", *map(keys.nights, users)) if users else ()
        return RotaFacts(
            overrides=self._overrides(overrides),
            silences=tuple(silence for _, silence in self._silences(silences)),
            calendars={
                name.decode(): spans
                for name, value in zip(calendars[::2], calendars[1::2], strict=True)
                if (spans := self._read(codec.calendars, value)) is not None
            },
            night_pages={
                user: tuple(at_score(float(at)) for at in pages.split()) for user, pages in zip(users, nights, strict=True) if pages
            },
            version=int(version or 0),
        )

    def _overrides(self, found: Sequence[bytes]) -> dict[str, tuple[Override, ...]]:
        by_schedule: defaultdict[str, tuple[Override, ...]] = defaultdict(tuple)
        for _, schedule, override in self._numbered(found):
            by_schedule[schedule] += (override,)
        return dict(by_schedule)

    def _numbered(self, found: Sequence[bytes]) -> Iterable[tuple[bytes, str, Override]]:
        """Each as it is stored, its schedule, and the override."""
        for value, number in zip(found[::2], found[1::2], strict=True):
            if (read := self._read(codec.overrides, value)) is not None:
                yield value, read[0], replace(read[1], id=str(int(number)))

    def _silences(self, found: Sequence[bytes]) -> Iterable[tuple[bytes, Silence]]:
        """Each as it is stored, and the silence."""
        for value in found[::2]:
            if (read := self._read(codec.silences, value)) is not None:
                yield value, read

    def _read(self, of: Codec[T], value: bytes) -> T | None:
        try:
            return of.decode(value)
        except UnreadableError as error:  # one that can't be read must not cost the others their say
            self._newer.met(error)
            return None

    async def wait(self, limit: timedelta) -> None:
        try:
            await self._wakes.heard(limit)
        except StoreUnavailable:
            await asyncio.sleep(limit.total_seconds())

    async def add_override(self, schedule: str, override: Override, said: Entry) -> Override:
        number = int(await self._connection.call("INCR", self._keys.override_number))
        # The number is in the value, too: the same once more is another one.
        value = codec.overrides.encode((schedule, replace(override, id=str(number))), number)
        await self._change("add", number, value, said=numbered(said, f"override {number}"))
        return replace(override, id=str(number))

    async def remove_override(self, id_: str, said: Entry) -> bool:
        return is_number(id_) and await self._change("remove", int(id_), said=numbered(said, f"override {id_}")) == 1

    async def add_silence(self, silence: Silence, said: Entry) -> Silence:
        number = int(await self._connection.call("INCR", self._keys.silence_number))
        kept = replace(silence, id=str(number))
        said = numbered(said, f"silence {number}")
        await self._change("add", number, codec.silences.encode(kept, number), said=said, of=self._keys.silences)
        return kept

    async def end_silence(self, id_: str, at: datetime, said: Entry) -> Silence | None:
        while is_number(id_):
            found = await self._connection.call("ZRANGEBYSCORE", self._keys.silences, id_, id_)
            known = codec.silences.decode(found[0]) if found else None
            if known is None or known.end <= at:
                break
            ended = ended_at(known, at, said.who)
            new, entry = codec.silences.encode(ended, int(id_)), numbered(said, f"silence {id_}")
            if await self._change("instead", int(id_), found[0], new, said=entry, of=self._keys.silences):
                return ended
        return None

    async def drop_ended(self, before: datetime, token: int) -> int:
        keys = self._keys
        overrides, silences = await self._connection.pipe([_everything(keys.overrides), _everything(keys.silences)])
        over = {
            keys.overrides: [value for value, _, override in self._numbered(overrides) if is_over(override, before)][:_AT_ONCE],
            keys.silences: [value for value, silence in self._silences(silences) if silence.end < before][:_AT_ONCE],
        }
        for key, values in over.items():
            if values:
                await self._change("drop", *values, token=token, of=key)
        return sum(map(len, over.values()))

    async def save_calendar(self, name: str, spans: tuple[Span, ...] | None, token: int) -> None:
        await self._change("calendar", name, codec.calendars.encode(spans) if spans is not None else b"", token=token)

    async def _change(self, *what: Arg, said: Entry | None = None, token: int | None = None, of: str = "") -> int:
        """`of`: the set that it is about, where that is not the overrides."""
        keys: list[Arg] = [self._keys.rota_version, of or self._keys.overrides, self._keys.calendars, self._keys.audit, self._keys.fence]
        entry = codec.entries.encode((said,)) if said else b""
        args: list[Arg] = [self._keys.rota_wake, "" if token is None else token, entry, *what]
        done: Any = await self._connection.run(script("rota"), keys, args, replicas=self._replicas if said else 0)
        if done == -1:
            raise NotLeader(f"a leader after {token} has written")
        return int(done)

    async def close(self) -> None:
        await self._wakes.close()


class ShardedRota:
    """The port RotaStore over several shards. What was said and read is in the first; pages in people's nights are where their incidents are.
    A shard that can't be reached is known as it was read last."""

    def __init__(self, each: Sequence[RedisRota]) -> None:
        self._each = each
        self._known: list[RotaFacts | None] = [None] * len(each)

    async def facts(self, known: int = 0) -> RotaFacts | None:
        asked = [(one, part.version if part else 0) for one, part in zip(self._each, self._known, strict=True)]
        answers = await asyncio.gather(*(one.facts(version) for one, version in asked), return_exceptions=True)
        for k, answer in enumerate(answers):
            if isinstance(answer, RotaFacts):
                self._known[k] = answer
            elif answer is None:
                self._known[k] = self._known[k] or NOTHING
            elif not isinstance(answer, StoreUnavailable) or (k == 0 and self._known[0] is None):
                raise answer
        parts = [part or NOTHING for part in self._known]
        version = sum(part.version for part in parts)
        return None if version == known else replace(parts[0], night_pages=_merged(parts), version=version)

    async def wait(self, limit: timedelta) -> None:
        await self._each[0].wait(limit)

    async def add_override(self, schedule: str, override: Override, said: Entry) -> Override:
        return await self._each[0].add_override(schedule, override, said)

    async def remove_override(self, id_: str, said: Entry) -> bool:
        return await self._each[0].remove_override(id_, said)

    async def add_silence(self, silence: Silence, said: Entry) -> Silence:
        return await self._each[0].add_silence(silence, said)

    async def end_silence(self, id_: str, at: datetime, said: Entry) -> Silence | None:
        return await self._each[0].end_silence(id_, at, said)

    async def drop_ended(self, before: datetime, token: int) -> int:
        return await self._each[0].drop_ended(before, token)

    async def save_calendar(self, name: str, spans: tuple[Span, ...] | None, token: int) -> None:
        await self._each[0].save_calendar(name, spans, token)

    async def close(self) -> None:
        await self._each[0].close()


def _everything(key: str) -> tuple[Arg, ...]:
    return ("ZRANGE", key, 0, -1, "WITHSCORES")


def _merged(parts: Sequence[RotaFacts]) -> dict[str, tuple[datetime, ...]]:
    users = dict.fromkeys(user for part in parts for user in part.night_pages)
    return {user: tuple(sorted(at for part in parts for at in part.night_pages.get(user, ()))) for user in users}


def numbered(said: Entry, what: str) -> Entry:
    return replace(said, what=f"{what}: {said.what}")


def is_number(id_: str) -> bool:
    return id_.isascii() and id_.isdigit() and len(id_) < 16


def ended_at(silence: Silence, at: datetime, by: str) -> Silence:
    """One that has not begun never will."""
    return replace(silence, start=min(silence.start, at), end=at, ended_by=by)


def is_over(override: Override, before: datetime) -> bool:
    end = override.end
    return (end if end.tzinfo else end.replace(tzinfo=UTC)) < before
