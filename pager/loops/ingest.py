"""From the alerts stream to decisions, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from pager.advance import Advance
from pager.intake.fields import Unreadable
from pager.intake.stream import read_entry
from pager.model.event import AlertSeen, EntryId
from pager.model.snapshot import Identity
from pager.ports import AlertEntry, AlertStream, Meter, StoreUnavailable

BATCH = 256  # larger ones gain little and stall longer
AHEAD, PORTIONS = 4, 4  # batches read ahead at once, and how often for each that is taken
PATIENCE = timedelta(seconds=4)  # nothing is read ahead before alerts wait for so long
_MANY = 4  # where more than one in so many is critical, going first is worth nothing to them

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger()


class Ingest:
    def __init__(self, stream: AlertStream, advance: Advance, meter: Meter, batch: int = BATCH, patience: timedelta = PATIENCE) -> None:
        self._batch = batch
        self._patience = patience
        self._stream = stream
        self._advance = advance
        self._meter = meter

    async def run_once(self, wait: timedelta) -> int:
        """Take what is there, waiting for it up to `wait`; returns how many entries were dealt with. An entry is acknowledged only after its
        alert is committed, or after it is among the dead letters."""
        oldest, entries = await self._stream.take(self._batch, wait)
        if not entries:
            return 0
        if len(entries) >= self._batch and await self._advance.now() - _came(entries[-1]) >= self._patience:
            await self._critical_first(oldest, PORTIONS)
        read, letters = _read(entries, oldest)
        try:
            unread = await self._advance.alerts([seen for _, seen in read])
        except StoreUnavailable:
            raise
        except Exception:
            self._meter.failure("ingest")
            log.exception("ingest.batch_failed", entries=len(read))
            read, letters, unread = await self._one_by_one(read, letters)
        left = {seen.entry for seen in unread}
        await self._stream.finish([entry for entry, seen in read if seen.entry not in left])
        if left:
            await self._leave([entry for entry, seen in read if seen.entry in left])
        if letters:
            await self._bury(letters)
        return len(entries)

    async def _critical_first(self, oldest: EntryId, portions: int) -> None:
        """Behind a backlog: what is critical is decided about before its turn, with all that was read ahead of the same identity, so that a resolve
        right behind it counts. In their turn these entries come again, and change nothing: whatever becomes of us, nothing is lost. What goes
        wrong with them is seen then, too."""
        ahead = await self._stream.ahead(AHEAD * self._batch)
        read, _ = _read(ahead, oldest)
        critical = {_identity(seen) for _, seen in read if self._advance.is_critical(seen.alert)}
        first = [seen for _, seen in read if _identity(seen) in critical] if critical else []
        try:
            if first and len(first) * _MANY <= len(read) + _MANY:
                await self._advance.alerts(first)
        except StoreUnavailable:
            raise
        except Exception:
            self._meter.failure("ingest")
            log.exception("ingest.critical_first_failed")
        if portions > 1 and len(ahead) == AHEAD * self._batch:
            await self._critical_first(oldest, portions - 1)

    async def _one_by_one(
        self, read: list[tuple[AlertEntry, AlertSeen]], letters: list[tuple[AlertEntry, str]]
    ) -> tuple[list[tuple[AlertEntry, AlertSeen]], list[tuple[AlertEntry, str]], list[AlertSeen]]:
        """Find the alert that can't be decided: it becomes a dead letter, the others go on."""
        good: list[tuple[AlertEntry, AlertSeen]] = []
        unread: list[AlertSeen] = []
        for entry, seen in read:
            try:
                unread += await self._advance.alerts([seen])
                good.append((entry, seen))
            except StoreUnavailable:
                raise
            except Exception as error:
                log.exception("ingest.alert_failed", entry=entry.stream_id)
                letters = [*letters, (entry, f"internal error, please report it: {type(error).__name__}: {error}")]
        return good, letters, unread

    async def _leave(self, entries: Sequence[AlertEntry]) -> None:
        """What is known of their identities was written by a newer release, or is damaged."""
        await self._stream.leave(entries)
        self._meter.left("ingest", len(entries))
        log.warning("ingest.left", entries=[entry.stream_id for entry in entries])

    async def _bury(self, letters: Sequence[tuple[AlertEntry, str]]) -> None:
        await self._stream.bury(letters)
        self._meter.alerts("dead", len(letters))
        await self._advance.dead_letters(len(letters), letters[-1][1])
        for entry, reason in letters:
            log.warning("alert.unreadable", entry="{}-{}".format(*entry.id), reason=reason)


def _came(entry: AlertEntry) -> datetime:
    return _EPOCH + timedelta(milliseconds=entry.id[0])


def _identity(seen: AlertSeen) -> Identity:
    return Identity(seen.alert.scope, seen.alert.dedup_key)


def _read(entries: Sequence[AlertEntry], oldest: EntryId) -> tuple[list[tuple[AlertEntry, AlertSeen]], list[tuple[AlertEntry, str]]]:
    read: list[tuple[AlertEntry, AlertSeen]] = []
    letters: list[tuple[AlertEntry, str]] = []
    for entry in entries:
        alert = read_entry(entry.fields)
        if isinstance(alert, Unreadable):
            letters.append((entry, alert.reason))
        else:
            read.append((entry, AlertSeen(alert, entry.id, oldest)))
    return read, letters
