"""Tells of hand-offs. One worker does it for all; what it has told stands in the store, so that another goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from msgspec.structs import replace

from pager.advance import Advance
from pager.decide import Rules
from pager.loops.cadence import Cadence
from pager.loops.lead import Lead
from pager.model.handoff import DEFAULT, Memory, Telling, Watched, telling
from pager.model.incident import State
from pager.model.outgoing import Notice
from pager.model.snapshot import Snapshot, UnreadableError
from pager.notify.handing import led_by, notices
from pager.notify.handoff_words import Open, Scene
from pager.notify.handoffs import Handing, look
from pager.notify.wording import summary_of
from pager.oncall.crews import Crew
from pager.oncall.timelines import Timelines
from pager.ports import Incidents

LOOK_EVERY = timedelta(seconds=30)  # and at each moment at which something is to be told, and when the config has changed
_TICK = timedelta(seconds=1)
_AT_ONCE = 200  # incidents read in one go
_MOST_READ = 2000  # the newest; a storm holds up nobody's hand-off

log = structlog.get_logger()


class Book(Protocol):
    """Where it stands what was told."""

    async def load(self) -> Memory:
        """Raises UnreadableError."""

    async def save(self, memory: Memory, token: int) -> None:
        """Raises NotLeader where a leader with a later `token` has written."""


class Meter(Protocol):
    def handoff(self, kind: str, result: str) -> None: ...


class Handoffs:
    def __init__(self, book: Book, incidents: Incidents, advance: Advance, rules: Callable[[], Rules], meter: Meter) -> None:
        self._book = book
        self._incidents = incidents
        self._advance = advance
        self._rules = rules
        self._meter = meter
        self._timelines: Timelines | None = None
        self._looked: tuple[Rules, int, datetime, datetime] | None = None  # by which rules and lead, when, when again
        self._unread = ""

    def lead_on(self, cadence: Cadence, lead: Lead) -> None:
        cadence.every(_TICK, "handoffs", lead.only(self.step))

    async def step(self, token: int) -> None:
        """Look, where it is time to. Raises NotLeader, StoreUnavailable; then the next look does it."""
        rules, now = self._rules(), await self._incidents.now()
        if self._looked is not None:
            by, lead, last, again = self._looked
            if by is rules and lead == token and last <= now < again:
                return
        try:
            memory = await self._finished(await self._book.load(), token)
        except UnreadableError as error:
            self._leave(str(error))
            return
        again = await self._look(rules, memory, now, token)
        self._looked = (rules, token, now, again)

    def _leave(self, why: str) -> None:
        """A newer release knows what was told."""
        if why != self._unread:
            self._unread = why
            log.warning("handoff.left", why=why)

    async def _look(self, rules: Rules, memory: Memory, now: datetime, token: int) -> datetime:
        """When to look again."""
        if self._timelines is None or self._timelines.rota is not rules.rota:
            self._timelines = Timelines(rules.rota)
        watched: dict[str, Watched] = {}
        said: list[tuple[Handing, Telling]] = []
        again = now + LOOK_EVERY
        for schedule, how in _told_of(rules, memory).items():
            crews = self._timelines.crews(schedule, now, max(how.before, default=timedelta(0)))
            watched[schedule], handings = look(schedule, how, crews, memory.watched.get(schedule), now)
            said += [(h, how) for h in handings]
            again = min([again, *_moments(crews, how, now)])
        kept = {schedule: known for schedule, known in watched.items() if schedule in rules.config.schedules}
        made = await self._worded(said, rules, now) if said else []
        pending = tuple((f"handoff:{memory.made + k}:{n.user}:{n.channel}:{n.address}", n) for k, n in enumerate(made, start=1))
        after = Memory(kept, pending, memory.made + len(made))
        if after != memory:
            await self._book.save(after, token)
            await self._finished(after, token)
        return again

    async def _finished(self, memory: Memory, token: int) -> Memory:
        """What is pending goes out, each a single time, whoever begins and whoever ends it."""
        if not memory.pending:
            return memory
        for once, notice in memory.pending:
            await self._advance.notice(notice, once)
        after = replace(memory, pending=())
        await self._book.save(after, token)
        return after

    # --- words ------------------------------------------------------------------------------------------------------------------------
    async def _worded(self, said: Iterable[tuple[Handing, Telling]], rules: Rules, now: datetime) -> list[Notice]:
        found, more = await self._open()
        scenes: dict[str, Scene] = {}
        made: list[Notice] = []
        for h, how in said:
            scene = scenes.setdefault(h.schedule, _scene(rules, h.schedule, found, more))
            tell, amiss = notices(h, how, scene, rules.config, rules.planner, now)
            made += tell
            self._meter.handoff(h.kind.value, "not_told" if amiss else "told")
            log.info(
                "handoff.told",
                kind=h.kind.value,
                schedule=h.schedule,
                user=h.user,
                start=str(h.start),
                to=[n.user for n in tell],
            )
            for why in amiss:
                log.warning("handoff.not_told", kind=h.kind.value, schedule=h.schedule, user=h.user, why=why)
        return made

    async def _open(self) -> tuple[list[Open], int]:
        """The open incidents, the worst first, and how many were not looked at."""
        numbers = await self._incidents.open_numbers()
        read = numbers[-_MOST_READ:]
        found: list[Open] = []
        for k in range(0, len(read), _AT_ONCE):
            _, snapshots = await self._incidents.by_number(read[k : k + _AT_ONCE])
            found += [o for o in map(_opened, snapshots) if o is not None]
        found.sort(key=lambda o: (o.incident.severity.rank, o.incident.number))
        return found, len(numbers) - len(read)


def _told_of(rules: Rules, memory: Memory) -> Mapping[str, Telling]:
    """The schedules whose hand-offs are told. Of one that is gone, who was told to come is told that they don't."""
    config = rules.config
    told = {name: telling(schedule.handoff, config.settings.handoff) for name, schedule in config.schedules.items()}
    gone = {name: telling(None, config.settings.handoff) or DEFAULT for name in memory.watched if name not in told}
    return {name: how for name, how in (*told.items(), *gone.items()) if how is not None}


def _moments(crews: Iterable[Crew], how: Telling, now: datetime) -> Iterable[datetime]:
    """When something is to be told, in the time to come."""
    for crew in crews:
        yield from (at for at in (crew.start, *(crew.start - before for before in how.before)) if at > now)


def _scene(rules: Rules, schedule: str, found: Iterable[Open], more: int) -> Scene:
    policies, services = led_by(rules.config, schedule)
    here = tuple(o for o in found if o.incident.policy in policies or o.incident.service in services)
    return Scene(services, here, rules.names, more)


def _opened(snapshot: Snapshot) -> Open | None:
    incident, record = snapshot.incident, snapshot.record
    if incident is None or incident.state in (State.RESOLVED, State.SUPPRESSED):
        return None
    return Open(incident, summary_of(incident, record) if record is not None else "")
