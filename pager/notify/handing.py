"""Who is told of a hand-off, over what: the words become notices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from pager.model.config import Config
from pager.model.handoff import Telling
from pager.model.outgoing import Notice
from pager.model.policy import Policy, TargetKind
from pager.notify.handoff_words import Scene, Words, words
from pager.notify.handoffs import Handing, Kind
from pager.notify.plan import Planner

KIND = "handoff"


def led_by(config: Config, schedule: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The policies whose first stage asks the schedule, and the services that follow one of them."""

    def asks(policy: Policy) -> bool:
        stage = policy.stages[0].notify if policy.stages else ()
        return any(t.kind is TargetKind.SCHEDULE and t.name.removesuffix("/next") == schedule for t in stage)

    policies = frozenset(name for name, policy in config.policies.items() if asks(policy))
    services = (name for name, s in config.services.items() if (s.policy or config.settings.default_policy) in policies)
    return policies, tuple(services)


def notices(
    h: Handing, how: Telling, scene: Scene, config: Config, planner: Planner, now: datetime
) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """One a channel, and what is amiss, in words: somebody who can't be told. Whoever comes and can't be told is told of to the lead."""
    made: tuple[Notice, ...]
    match h.kind:
        case Kind.POSTED:
            made = tuple(_posted(h, how.channel, scene, config, planner, now))
        case Kind.NOBODY:
            made = tuple(_loudly(h, how, scene, config, planner, now))
        case _:
            made = tuple(_to(h.user, how.via, words(h, scene, zone_of(config, h.user), now), config, planner))
    amiss: list[str] = []
    if not made and h.user:
        over = " or ".join(how.via)
        amiss.append(f"{h.user} can't be told over {over}: there is no address, or no provider that carries it")
        if h.kind is not Kind.OFF:
            made = tuple(_of_whom_nobody_could_tell(h, over, scene, config, planner, now))
    elif not made:
        amiss.append(f"nobody can be told that {h.schedule} is handed over: {h.kind.value}")
    return tuple(replace(n, useless_after=h.useless_after) for n in made), tuple(amiss)


def zone_of(config: Config, user: str) -> str:
    person = config.users.get(user)
    return person.timezone if person is not None else config.settings.timezone


def _to(user: str, via: Iterable[str], said: Words, config: Config, planner: Planner) -> Iterator[Notice]:
    person = config.users.get(user)
    for channel in via:
        address = person.contact.get(channel) if person is not None else None
        if address and planner.carrying(channel):
            yield _notice(user, channel, address, said, planner)


def _notice(user: str, channel: str, address: str, said: Words, planner: Planner) -> Notice:
    text = said.short if channel == "sms" else said.text
    return Notice(0, KIND, user, channel, address, planner.carrying(channel), text, subject=said.subject)


def _posted(h: Handing, channel: str, scene: Scene, config: Config, planner: Planner, now: datetime) -> Iterator[Notice]:
    if channel and planner.carrying("chat"):
        yield _notice(channel, "chat", channel, words(h, scene, _home(config, h.schedule), now), planner)


def _loudly(h: Handing, how: Telling, scene: Scene, config: Config, planner: Planner, now: datetime) -> Iterator[Notice]:
    """To the channel of hand-offs, the team's, and the lead, over all ways that hand-offs are told; where there are none, to whom the catch-all
    names."""
    schedule = config.schedules.get(h.schedule)
    team = config.teams.get(schedule.team or "") if schedule is not None else None
    said = words(h, scene, _home(config, h.schedule), now)
    rooms = dict.fromkeys(room for room in (how.channel, team.chat if team is not None else "") if room)
    found = [_notice(room, "chat", room, said, planner) for room in rooms] if planner.carrying("chat") else []
    if team is not None and team.lead:
        own = words(h, scene, zone_of(config, team.lead), now)
        to_lead = tuple(_to(team.lead, how.via, own, config, planner)) or _quietest(team.lead, own, planner)
        found += to_lead
    for target in config.settings.catch_all.notify if config.settings.catch_all and not found else ():
        people = config.teams[target.name].members if target.kind is TargetKind.TEAM and target.name in config.teams else ()
        for user in (target.name,) if target.kind is TargetKind.USER else people:
            found += _quietest(user, said, planner)
    yield from found


def _of_whom_nobody_could_tell(h: Handing, over: str, scene: Scene, config: Config, planner: Planner, now: datetime) -> Iterator[Notice]:
    """Who leads the team tells them. A lead who comes is told over whatever there is."""
    schedule = config.schedules.get(h.schedule)
    team = config.teams.get(schedule.team or "") if schedule is not None else None
    if team is None or not team.lead:
        return
    said = words(h, scene, zone_of(config, team.lead), now)
    if team.lead != h.user:
        name = scene.names.get(h.user, h.user)
        text = f"{name} could not be told over {over}, so please do: {said.subject}"
        said = Words(text, text, text)
    yield from _quietest(team.lead, said, planner)


def _quietest(user: str, said: Words, planner: Planner) -> tuple[Notice, ...]:
    found = planner.notice(None, user, KIND, said.text)
    return (_notice(user, found.channel, found.address, said, planner),) if found is not None else ()


def _home(config: Config, schedule: str) -> str:
    found = config.schedules.get(schedule)
    return found.timezone if found is not None else config.settings.timezone
