"""Who is to be talked to now: a server that is named, or the one that its sentinels call the master."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from pager.ports import StoreUnavailable
from pager.store.address import Address, Login, Place, ask_once, reach
from pager.store.wire import Command, ReplyError, Wire

ANSWER_TIMEOUT = timedelta(seconds=5)


class Finder(Protocol):
    """Asked at each new connection. `login` is that of the servers."""

    @property
    def login(self) -> Login: ...

    async def find(self) -> Address:
        """Raises StoreUnavailable."""

    async def open(self, address: Address, wire: Wire) -> None:
        """Connect `wire`. Raises StoreUnavailable, also where that server is not the one to write to."""


class Named:
    """One server, always the same."""

    def __init__(self, address: Address, login: Login) -> None:
        self._address = address
        self.login = login

    async def find(self) -> Address:
        return self._address

    async def open(self, address: Address, wire: Wire) -> None:
        await reach(address, self.login, wire)


class Sentinels:
    """The master of a name. A majority is heard, or all that answer, and the newest word counts: a sentinel that was cut off knows an old
    master."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.login = place.login

    async def find(self) -> Address:
        place = self._place
        asking = [asyncio.ensure_future(self._ask(sentinel)) for sentinel in place.addresses]
        known: list[tuple[int, Address]] = []
        troubles: list[str] = []
        try:
            for answer in asyncio.as_completed(asking):
                try:
                    known.append(await answer)
                except StoreUnavailable as error:
                    troubles.append(str(error))
                if len(known) > len(asking) // 2:
                    break
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        if not known:
            raise StoreUnavailable(f"no sentinel knows the master {place.master!r}: {'; '.join(troubles)}")
        return max(known, key=lambda found: found[0])[1]

    async def _ask(self, sentinel: Address) -> tuple[int, Address]:
        """The epoch of its word, and the master."""
        name = self._place.master
        asks: list[Command] = [("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name), ("SENTINEL", "MASTER", name)]
        where, about = await ask_once(sentinel, self._place.sentinel_login, asks)
        if isinstance(where, ReplyError) or isinstance(about, ReplyError) or where is None:
            raise StoreUnavailable(f"{sentinel} says {where or 'it knows no such master'}")
        facts = dict(zip(about[::2], about[1::2], strict=True))
        return int(facts.get(b"config-epoch", 0)), Address(where[0].decode(), int(where[1]))

    async def open(self, address: Address, wire: Wire) -> None:
        """A sentinel may still name a server that has just become a replica, or is about to be the master."""
        [role] = await reach(address, self.login, wire, ("ROLE",))
        if (is_now := _role(role)) != "master":
            wire.end("not the master")
            raise StoreUnavailable(f"the store can't be reached: {address} is no master, but {is_now}")


def _role(reply: Sequence[Any] | ReplyError) -> str:
    return f"unknown ({reply})" if isinstance(reply, ReplyError) else reply[0].decode()
