"""Shows in Slack who is on call: members of a user group, a part of a channel's topic. One worker does it for all; a Slack that refuses or hangs
holds up no page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from pager.decide import Rules
from pager.loops.cadence import Cadence
from pager.loops.lead import Lead
from pager.notify.plan import BOARD
from pager.notify.shown import Shown, members, topic_part
from pager.oncall.crews import at
from pager.oncall.timelines import Timelines
from pager.ports import GiveUp, TryAgain

LOOK_AGAIN = timedelta(minutes=10)  # at what Slack has: people change it, too
_TICK = timedelta(seconds=1)

log = structlog.get_logger()


class Roster(Protocol):
    """An account of a chat that can show who is on call. `users` are its own ids, never none of them."""

    async def show_group(self, group: str, users: Sequence[str]) -> Shown | TryAgain | GiveUp: ...
    async def show_topic(self, address: str, wordings: Sequence[str]) -> Shown | TryAgain | GiveUp: ...


class Meter(Protocol):
    def shown(self, what: str, result: str) -> None: ...


class _Wanted(msgspec.Struct, frozen=True):
    """What is to stand where. `amiss`: why not all of it can; `what` is then empty where nothing can, and what stands there is kept."""

    kind: str  # user_group | topic
    where: str
    what: tuple[str, ...]
    schedule: str
    amiss: str = ""


class _Known(msgspec.Struct):
    wanted: _Wanted
    again: datetime  # not before then, whatever is wanted
    good_until: datetime
    trouble: str


class ShowOnCall:
    def __init__(
        self, now: Callable[[], Awaitable[datetime]], rosters: Callable[[], Mapping[str, Roster]], rules: Callable[[], Rules], meter: Meter
    ) -> None:
        self._now = now
        self._rosters = rosters
        self._rules = rules
        self._meter = meter
        self._timelines: Timelines | None = None
        self._known: dict[tuple[str, str], _Known] = {}

    def lead_on(self, cadence: Cadence, lead: Lead) -> None:
        cadence.every(_TICK, "shown", lead.only(self.step))

    async def step(self, token: int) -> None:
        """Bring up to date what is not, and what was not looked at for long. Done by two at once it does no harm."""
        rules = self._rules()
        if not any(schedule.slack for schedule in rules.config.schedules.values()):
            return
        rosters, now = self._rosters(), await self._now()
        roster = next((rosters[name] for name in rules.planner.carrying(BOARD) if name in rosters), None)
        wanted = list(self._wanted(rules, now))
        self._known = {key: known for key, known in self._known.items() if any(key == (w.kind, w.where) for w in wanted)}
        for one in wanted:
            await self._show(one, roster, now)

    def _wanted(self, rules: Rules, now: datetime) -> Iterator[_Wanted]:
        if self._timelines is None or self._timelines.rota is not rules.rota:
            self._timelines = Timelines(rules.rota)
        people = rules.config.users
        for name, schedule in rules.config.schedules.items():
            if schedule.slack is None:
                continue
            crews = self._timelines.crews(name, now)
            crew = crews[at(crews, now)]
            if schedule.slack.user_group:
                ids, without = members(crew.users, people)
                amiss = f"{', '.join(without)}: no contact.chat" if without else "" if ids else "nobody is on call"
                yield _Wanted("user_group", schedule.slack.user_group, ids, name, amiss)
            if schedule.slack.topic:
                yield _Wanted("topic", schedule.slack.topic, topic_part(crew, people, schedule.timezone), name)

    async def _show(self, wanted: _Wanted, roster: Roster | None, now: datetime) -> None:
        key = wanted.kind, wanted.where
        known = self._known.get(key)
        if known is not None and (now < known.again or (known.wanted == wanted and now < known.good_until)):
            return
        trouble = known.trouble if known is not None else ""
        result: Shown | TryAgain | GiveUp
        if not wanted.what:
            result = GiveUp(f"{wanted.amiss}; its members stay who they were, since Slack lets no group be empty")
        elif roster is None:
            result = GiveUp("no Slack account is configured that could")
        elif wanted.kind == "user_group":
            result = await roster.show_group(wanted.where, wanted.what)
        else:
            result = await roster.show_topic(wanted.where, wanted.what)
        said = result.why if not isinstance(result, Shown) else f"left out: {wanted.amiss}" if wanted.amiss else ""
        self._say(wanted, result, said, said != trouble)
        again = now + result.after if isinstance(result, TryAgain) else now
        self._known[key] = _Known(wanted, again, again if isinstance(result, TryAgain) else now + LOOK_AGAIN, said)

    def _say(self, wanted: _Wanted, result: Shown | TryAgain | GiveUp, why: str, is_new: bool) -> None:
        """The same trouble once."""
        facts = {"what": wanted.kind, "where": wanted.where, "schedule": wanted.schedule}
        if isinstance(result, Shown):
            self._meter.shown(wanted.kind, "set" if result.changed else "same")
            if result.changed:
                log.info("slack.shown", now=list(wanted.what[:1] if wanted.kind == "topic" else wanted.what), **facts)
        else:
            self._meter.shown(wanted.kind, "kept" if not wanted.what else "failed")
        if why and is_new:
            log.warning("slack.not_shown", why=why, **facts)
