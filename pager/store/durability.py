"""What a store can lose, as it is set up now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pager.ports import StoreUnavailable
from pager.store.address import Address
from pager.store.connection import Connection, Refused

_SETTINGS = ("appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write")
_LOSES = {
    "always": "nothing that was accepted",
    "everysec": "up to a second of what was accepted",
    "no": "whatever the system had not written to the disk",
}


class Finding(msgspec.Struct, frozen=True):
    """`blocks`: nothing can be accepted as long as this is so."""

    ok: bool
    what: str
    advice: str = ""
    blocks: bool = False


async def examine(connection: Connection, replicas: int) -> list[Finding]:
    """`replicas`: how many have to confirm what is accepted. Raises StoreUnavailable."""
    settings = await _settings(connection)
    found = [_crash(settings)]
    if settings.get("maxmemory-policy", "noeviction") != "noeviction":
        policy = settings["maxmemory-policy"]
        found.append(
            Finding(False, f"maxmemory-policy {policy}: a store that is full throws away what was accepted", "set it to noeviction")
        )
    known = _pairs((await connection.call("INFO", "replication")).decode())
    online = [_pairs(line, ",", "=") for name, line in known.items() if name.startswith("slave") and "state=online" in line]
    return found + [_failover(len(online), replicas)] + [f for one in online if (f := await _replica(connection, one, replicas))]


async def _settings(connection: Connection) -> dict[str, str]:
    """Those that can be read: many who rent their store out don't let anybody."""
    try:
        return _flat(await connection.call("CONFIG", "GET", *_SETTINGS))
    except Refused:
        return {}


def _crash(settings: Mapping[str, str]) -> Finding:
    if "appendonly" not in settings:
        return Finding(True, "its durability settings can't be read", "see to it that appendonly is yes and appendfsync always")
    if settings["appendonly"] != "yes":
        return Finding(False, "appendonly no: a crash loses everything since the last snapshot", "set appendonly yes, appendfsync always")
    fsync = settings.get("appendfsync", "")
    if fsync == "always":
        return Finding(
            True, "appendfsync always: a crash of daemon, store or machine loses nothing that was accepted, the loss of the disk all"
        )
    return Finding(False, f"appendfsync {fsync}: a crash can lose {_LOSES.get(fsync, 'nobody knows what')}", "set appendfsync always")


def _failover(online: int, replicas: int) -> Finding:
    has = f"{online} replica{'' if online == 1 else 's'}"
    if not replicas:
        if not online:
            return Finding(True, "no replica")
        return Finding(False, f"{has}, none asked to confirm: a failover can lose what was just accepted", "set settings.redis.replicas: 1")
    if online < replicas:
        what = f"{has} of the {replicas} that must confirm: nothing is accepted"
        return Finding(False, what, "start replicas, or lower settings.redis.replicas", blocks=True)
    return Finding(True, f"{has}, {replicas} must confirm: a failover loses nothing that was accepted")


async def _replica(connection: Connection, about: Mapping[str, str], replicas: int) -> Finding | None:
    address = Address(about.get("ip", ""), int(about.get("port", 0)))
    try:
        [reply] = await connection.ask_other(address, ("CONFIG", "GET", "appendonly", "appendfsync"))
    except StoreUnavailable:
        return None  # it may well be out of our reach; that it confirms is what counts
    settings = _flat(reply) if isinstance(reply, list) else {}
    if not settings or (settings.get("appendonly"), settings.get("appendfsync")) == ("yes", "always"):
        return None
    what = f"replica {address} has appendonly {settings.get('appendonly')}, appendfsync {settings.get('appendfsync')}"
    so = "its confirmations come late or never" if replicas else "once it is the master, a crash can lose what was accepted"
    return Finding(False, f"{what}: {so}", "set appendonly yes, appendfsync always there, too")


def _flat(reply: Sequence[Any]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in zip(reply[::2], reply[1::2], strict=True)}


def _pairs(text: str, between: str = "\n", of: str = ":") -> dict[str, str]:
    return {name: value.strip() for line in text.split(between) for name, mark, value in [line.partition(of)] if mark}
