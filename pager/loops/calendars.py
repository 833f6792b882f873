"""Reads the calendars that are URLs, one worker for all. What was last read well stays until something better is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from pager.loops.cadence import Cadence
from pager.loops.lead import Lead
from pager.model.calendar import Calendar
from pager.model.config import Config
from pager.model.rota import RotaFacts, Span
from pager.oncall.calendars import naming
from pager.ports import CalendarSource, NotLeader, NotRead, RotaStore, StoreUnavailable

BEFORE, AFTER = timedelta(days=30), timedelta(days=400)
_LOOK = timedelta(seconds=1)
_WORK_OUT_WITHIN = 30.0  # seconds
_AT_ONCE = 8
_MOST_SAID = 20

log = structlog.get_logger()


class ReadCalendars:
    def __init__(
        self,
        store: RotaStore,
        source: CalendarSource,
        in_force: Callable[[], tuple[Config, RotaFacts]],
        now: Callable[[], Awaitable[datetime]],
        counted: Callable[[str, str], None],
    ) -> None:
        """`counted` is told the calendar, and `read`, `failed` or `empty`."""
        self._store, self._source, self._in_force, self._now, self._counted = store, source, in_force, now, counted
        self._due: dict[str, datetime] = {}
        self._of = ""  # the revision of the config they were read by
        self._said: dict[str, tuple[str, ...]] = {}
        self._at_work: dict[str, asyncio.Future[tuple[tuple[Span, ...], tuple[str, ...]]]] = {}
        self._some = asyncio.Semaphore(_AT_ONCE)

    def lead_on(self, cadence: Cadence, lead: Lead) -> None:
        cadence.every(_LOOK, "calendars", lead.only(self.run_once))

    async def run_once(self, token: int) -> None:
        """Read what is due: each `every` so often, and all of them by another config. Raises StoreUnavailable and NotLeader."""
        config, facts = self._in_force()
        wanted = {name: calendar for name, calendar in config.calendars.items() if calendar.url}
        if not wanted and not facts.calendars:
            return
        now = await self._now()
        if config.revision != self._of:
            self._of, self._due = config.revision, {}
        for name in facts.calendars.keys() - wanted.keys():
            await self._store.save_calendar(name, None, token)
        due = [calendar for name, calendar in wanted.items() if self._due.get(name, now) <= now]
        await asyncio.gather(*(self._one(calendar, config, facts.calendars.get(calendar.name, ()), now, token) for calendar in due))

    async def _one(self, calendar: Calendar, config: Config, before: tuple[Span, ...], now: datetime, token: int) -> None:
        name = calendar.name
        self._due[name] = now + calendar.every
        try:
            async with self._some:
                spans, remarks = await self._worked_out(calendar, await self._source.read(calendar.url), config, now)
            self._say(name, remarks)
            if why := _worse(before, spans):
                self._counted(name, "empty")
                log.warning("calendar.failed", calendar=name, why=why, kept=len(before))
                return
            if spans != before:
                await self._store.save_calendar(name, spans, token)
                log.info("calendar.read", calendar=name, events=len(spans))
            self._counted(name, "read")
        except NotRead as error:
            self._counted(name, "failed")
            log.warning("calendar.failed", calendar=name, why=str(error), kept=len(before))
        except (StoreUnavailable, NotLeader):
            self._due.pop(name, None)
            raise

    async def _worked_out(self, calendar: Calendar, text: str, config: Config, now: datetime) -> tuple[tuple[Span, ...], tuple[str, ...]]:
        """In a thread: meanwhile people are paged. One whose rules never end is not begun again while it is at it. Raises NotRead."""
        name = calendar.name
        if name in self._at_work and not self._at_work[name].done():
            raise NotRead("its events are still being worked out since the reading before")
        work = self._at_work[name] = asyncio.ensure_future(asyncio.to_thread(spans_of, text, calendar, config, now))
        done, _ = await asyncio.wait({work}, timeout=_WORK_OUT_WITHIN)
        if not done:
            raise NotRead(f"its events can't be worked out within {_WORK_OUT_WITHIN:g} s")
        return work.result()

    def _say(self, name: str, remarks: tuple[str, ...]) -> None:
        """Once, until they are others."""
        if remarks and remarks != self._said.get(name):
            log.warning("calendar.remarks", calendar=name, remarks=remarks[:_MOST_SAID], more=max(0, len(remarks) - _MOST_SAID))
        self._said[name] = remarks


def spans_of(text: str, calendar: Calendar, config: Config, now: datetime) -> tuple[tuple[Span, ...], tuple[str, ...]]:
    """The events from 30 days ago to 400 days ahead, by whole days (UTC), and what of them was not taken. Raises NotRead."""
    from pager.oncall.ics import NotACalendar, read_ics  # with a library that takes a tenth of a second, and only these need it
    from pager.oncall.series import expand

    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        read = read_ics(text, calendar, config.users, config.settings.timezone)
        spans = tuple(expand(read.series, today - BEFORE, today + AFTER))
    except NotACalendar as error:
        raise NotRead(f"what is there {error}") from None
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise NotRead(f"its events can't be worked out: {' '.join(str(error).split())[:200]}") from None
    asked = any(calendar.name in naming(schedule) for schedule in config.schedules.values())
    return spans, tuple(f"line {one.line}: event {one.what}" for one in read.remarks if asked or not one.names)


def _worse(before: tuple[Span, ...], now: tuple[Span, ...]) -> str:
    """Why it can't be meant: an empty answer never empties a rota."""
    if not now and before:
        return "no event is left from 30 days ago to 400 ahead"
    if any(span.users for span in before) and not any(span.users for span in now):
        return "none of its events names anybody any more"
    return ""
