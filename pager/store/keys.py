"""Every key of the store is made here.

All keys of a shard carry its hash tag, so that one script may touch them together on a cluster. What belongs to the alerts stream shares
the slot of that stream instead, whose name users choose."""

from __future__ import annotations

import re
from binascii import crc_hqx
from functools import lru_cache
from hashlib import blake2b

from pager.model.outgoing import Priority

ALERTS_GROUP = "pagerd"
OUTBOX_GROUP = "deliver"

_TAG = re.compile(r"^[^{]*\{[^}]+\}")


class Keys:
    """The keys of one shard. `shard` is a hash tag without its braces."""

    def __init__(self, shard: str = "p0") -> None:
        self._prefix = f"pager:{{{shard}}}:"
        self._incident = f"{self._prefix}inc:"
        self._alert = f"{self._prefix}alert:"
        self._log = f"{self._prefix}log:"
        self.deadlines = f"{self._prefix}deadlines"
        """Sorted set: the number of each incident that is not resolved, by its next deadline in milliseconds."""
        self.resolved = f"{self._prefix}resolved"
        """Sorted set: the numbers of resolved incidents, by the moment in milliseconds."""
        self.audit = f"{self._prefix}audit"
        """Stream: one entry a commit batch; each field is an incident number, each value its encoded entries."""
        self.counts = f"{self._prefix}counts"
        """Hash: how many incidents are in each state."""
        self.boards = f"{self._prefix}boards"
        """Sorted set: the number of each incident whose chat messages are to be looked at, by the moment in milliseconds."""
        self.suppressed = f"{self._prefix}suppressed"
        """Set: the numbers of suppressed incidents."""
        self.number = f"{self._prefix}number"
        self.shards = f"{self._prefix}shards"
        """How many shards there are; in the first."""
        self.leader = f"{self._prefix}leader"
        """Token, process and worker of who leads, for as long as its lease; in the first shard."""
        self.token = f"{self._prefix}leader:token"
        self.fence = f"{self._prefix}leader:fence"
        """The latest token of a leader that wrote in this shard."""
        self.handoffs = f"{self._prefix}handoffs"
        """What people were told of hand-offs; in the first shard."""
        self.secret = f"{self._prefix}secret"
        self.config = f"{self._prefix}config:active"
        self.alive = f"{self._prefix}alive"
        """Written to see whether the store can write."""
        self.wake = f"{self._prefix}wake"
        """Channel: a deadline nearer than the earliest was armed."""
        self.rota_version = f"{self._prefix}rota:version"
        """Grows with each change of what the rota depends on besides the config; at least the time in milliseconds."""
        self.overrides = f"{self._prefix}rota:overrides"
        """Sorted set: overrides said at run time, by their number; in the first shard."""
        self.override_number = f"{self._prefix}rota:override:number"
        self.silences = f"{self._prefix}rota:silences"
        """Sorted set: silences said at run time, those that are over as well, by their number; in the first shard."""
        self.silence_number = f"{self._prefix}rota:silence:number"
        self.calendars = f"{self._prefix}rota:calendars"
        """Hash: what was last read of calendars, by name; in the first shard."""
        self.night_people = f"{self._prefix}rota:nights"
        """Sorted set: who was paged in their night for incidents of this shard, by when that was last, in milliseconds."""
        self.turns = f"{self._prefix}rota:turns"
        """Hash: how many turns of a schedule's `/next` incidents of this shard have taken."""
        self.rota_wake = f"{self._prefix}rota:wake"
        """Channel: an override, a silence or a calendar was changed."""
        self.outboxes = tuple(f"{self._prefix}out:{priority}" for priority in Priority)
        self.every_incident = f"{self._incident}*"

    def alert(self, scope: str, dedup_key: str) -> str:
        """The record of an identity."""
        return self._alert + _digest(scope, dedup_key)

    def incident(self, number: int) -> str:
        return f"{self._incident}{number}"

    def number_of(self, incident: str) -> int:
        """The number in a key made by `incident`."""
        return int(incident.removeprefix(self._incident))

    def log(self, number: int) -> str:
        """List: the timeline of an incident; each element is what one commit said."""
        return f"{self._log}{number}"

    def members(self, number: int) -> str:
        """List: the identities of a group's alerts, in the order in which they came."""
        return f"{self._prefix}members:{number}"

    def pointer(self, name: str) -> str:
        return f"{self._prefix}pointer:{name}"

    def waiting(self, name: str) -> str:
        """Set: the numbers of incidents that wait for a name."""
        return f"{self._prefix}waiting:{name}"

    def posts(self, number: int) -> str:
        """Hash: what is known of an incident's messages in chat channels, by the channel."""
        return f"{self._prefix}posts:{number}"

    def policy(self, ref: str) -> str:
        return f"{self._prefix}policy:{ref}"

    def code(self, address: str, code: str) -> str:
        return f"{self._prefix}code:{address}:{code.upper()}"

    def once(self, request: str) -> str:
        return f"{self._prefix}once:{request}"

    def sent(self, incident: int, seq: int, attempt: int) -> str:
        """There once a send of this attempt was begun."""
        return f"{self._prefix}sent:{incident}-{seq}-{attempt}"

    def nights(self, user: str) -> str:
        """The milliseconds of pages to a person in their night, with spaces between."""
        return f"{self._prefix}rota:nights:{user}"

    def refusals(self, address: str) -> str:
        """Sorted set: wrong codes from an address, by their milliseconds."""
        return f"{self._prefix}refusals:{address}"

    def worker(self, name: str) -> str:
        """There while the worker is present, for what it holds of the outboxes."""
        return f"{self._prefix}worker:{name}"


@lru_cache(maxsize=4096)
def _digest(scope: str, dedup_key: str) -> str:
    """16 bytes of BLAKE2b keep long keys short and strange ones harmless. Remembered: what is read under a key is mostly written soon."""
    return blake2b(f"{len(scope)}:{scope}{dedup_key}".encode(errors="surrogatepass"), digest_size=16).hexdigest()


def slot_of(key: str) -> int:
    """The slot of a cluster that holds the key: the CRC16 (XMODEM) of its hash tag, where it has one that is not empty."""
    start = key.find("{")
    end = key.find("}", start + 1) if start >= 0 else -1
    return crc_hqx((key[start + 1 : end] if end > start + 1 else key).encode(), 0) % 16384


class StreamKeys:
    """The alerts stream, whose name is a contract, and its companions in the same slot."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        # A name that has a hash tag keeps it; else the whole name is what a cluster hashes, and so the tag of the others.
        tagged = stream if _TAG.search(stream) else f"{{{stream}}}"
        self.dead = f"{tagged}:dead"
        self.retried = f"{tagged}:retried"
        """Sorted set: first ids of dead letters that are back in the stream, by their milliseconds."""
        self._worker = f"{tagged}:worker:"

    def worker(self, name: str) -> str:
        """There while the worker is present, for what it holds of the alerts."""
        return f"{self._worker}{name}"
