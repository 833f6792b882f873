"""Who is to be talked to now: a server that is named, the one that its sentinels call the master, the one that holds a slot."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from pager.ports import StoreUnavailable
from pager.store.address import Address, Login, Place, ask_once, reach
from pager.store.wire import Command, ReplyError, Wire

ANSWER_TIMEOUT = timedelta(seconds=5)
_MOST_NODES = 64


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
        await _open_master(address, self.login, wire)


class Cluster:
    """The master of one slot of a cluster. Whichever node answers first is believed, and the server itself must agree."""

    def __init__(self, place: Place, slot: int) -> None:
        self.login = place.login
        self._slot = slot
        self._nodes = list(place.addresses)

    async def find(self) -> Address:
        asking = [asyncio.ensure_future(self._ask(node)) for node in self._nodes]
        troubles: list[str] = []
        try:
            for answer in asyncio.as_completed(asking):
                try:
                    master, nodes = await answer
                except StoreUnavailable as error:
                    troubles.append(str(error))
                    continue
                self._nodes = list(dict.fromkeys([*nodes, *self._nodes]))[:_MOST_NODES]
                return master
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        raise StoreUnavailable(f"no node of the cluster says who holds slot {self._slot}: {'; '.join(troubles)}")

    async def _ask(self, node: Address) -> tuple[Address, list[Address]]:
        """The master of our slot, and every node."""
        [reply] = await ask_once(node, self.login, [("CLUSTER", "SLOTS")])
        if isinstance(reply, ReplyError):
            raise StoreUnavailable(f"{node}: {reply}")
        nodes = [Address((about[0] or b"").decode() or node.host, int(about[1])) for _, _, *holders in reply for about in holders]
        for first, last, master, *_ in reply:
            if int(first) <= self._slot <= int(last):
                return Address((master[0] or b"").decode() or node.host, int(master[1])), nodes
        raise StoreUnavailable(f"{node}: nobody holds the slot")

    async def open(self, address: Address, wire: Wire) -> None:
        await _open_master(address, self.login, wire)


async def _open_master(address: Address, login: Login, wire: Wire) -> None:
    """Others may still name a server that has just become a replica, or is about to be the master."""
    [role] = await reach(address, login, wire, ("ROLE",))
    if (is_now := _role(role)) != "master":
        wire.end("not the master")
        raise StoreUnavailable(f"the store can't be reached: {address} is no master, but {is_now}")


def _role(reply: Sequence[Any] | ReplyError) -> str:
    return f"unknown ({reply})" if isinstance(reply, ReplyError) else reply[0].decode()
