"""Who carries a page where: addresses, ladders, providers in their order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from pager.conditions.condition import Facts, Holds, check
from pager.model.alert import Urgency
from pager.model.config import Config
from pager.model.event import Fault
from pager.model.incident import Incident, Page, PageState, Phase, Run
from pager.model.outgoing import Notice, Planned
from pager.model.person import Rung

# A notice goes to the quietest channel that works; a page goes where its stage or ladder says.
_NOTICE_CHANNELS = ("chat", "sms", "email")
CONSOLE = "console"
TEAM = "team:"  # before its name, as whom a notice goes to that goes to its channel
BOARD = "board"
"""Stands beside the channels: who of those that carry `chat` can keep a message in a chat channel up to date."""


class Providers:
    """Which providers can carry a channel, in order of preference. Providers that this installation can't use (no credentials, a kind
    that is not built in) are not in it; in demo mode the console stands in for a channel that has none left."""

    def __init__(self, by_channel: Mapping[str, tuple[str, ...]]) -> None:
        self.by_channel = by_channel

    @classmethod
    def of(cls, config: Config, carried: Mapping[str, Collection[str]]) -> Providers:
        """`carried` maps a channel to the kinds of providers that can carry it."""
        usable = {name for name, p in config.providers.items() if not p.missing}
        kinds = {name: p.kind for name, p in config.providers.items()}
        names: dict[str, tuple[str, ...]] = {}
        boards = carried.get(BOARD, ())
        names[BOARD] = tuple(n for n in config.channels.get("chat", ()) if n in usable and kinds[n] in boards)
        for channel in {*config.channels, *(("sms", "voice", "chat", "email") if config.settings.demo else ())}:
            names[channel] = tuple(n for n in config.channels.get(channel, ()) if n in usable and kinds[n] in carried.get(channel, ()))
            if not names[channel] and config.settings.demo:
                names[channel] = (CONSOLE,)
        return cls(names)

    def carrying(self, channel: str) -> tuple[str, ...]:
        return self.by_channel.get(channel, ())


class Planner:
    """The ways to a person, by the config now in force."""

    def __init__(self, config: Config, providers: Providers) -> None:
        self._config = config
        self._providers = providers

    def ladder(self, user: str, incident: Incident) -> tuple[Rung, ...]:
        """The person's rungs for the incident's urgency; the installation's where the person has none."""
        person = self._config.users.get(user)
        ladder = (person.ladder if person else None) or self._config.settings.ladder
        return ladder.low if incident.urgency is Urgency.LOW else ladder.high

    def every_way(self, user: str) -> tuple[Rung, ...]:
        """One rung over every channel the person has an address for: for when the ladder reaches nobody."""
        person = self._config.users.get(user)
        return (Rung(timedelta(0), tuple(person.contact)),) if person else ()

    def pages(self, incident: Incident, run: Run, due_at: datetime, now: datetime) -> Planned:
        """The pages of the run's present rung."""
        pages: list[Page] = []
        skipped: list[str] = []
        person = self._config.users.get(run.user)
        stage = -1 if incident.phase is Phase.CATCH_ALL else incident.stage
        for channel in run.rungs[run.rung].via:
            address = person.contact.get(channel) if person else None
            providers = self._providers.carrying(channel)
            if not address:
                skipped.append(f"{run.user} has no address for {channel}")
            elif not providers:
                skipped.append(f"{run.user} by {channel}: no provider carries it")
            else:
                pages.append(Page(0, run.user, channel, address, providers[0], due_at, stage, run.rung))
        return Planned(tuple(pages), tuple(skipped))

    def instead(self, incident: Incident, page: Page, fault: Fault) -> Page | None:
        """The same over the next provider of the channel that has not been tried for it. A page again inside the stage, due at another
        moment, is tried at all of them again."""
        if fault is not Fault.PROVIDER:
            return None
        tried = {p.provider for p in incident.pages if _aim(p) == _aim(page)}
        for provider in self._providers.carrying(page.channel):
            if provider not in tried and provider != page.provider:
                return replace(page, provider=provider, state=PageState.QUEUED, attempt=1, receipt="", why="", accepted_at=None, folded="")
        return None

    def notice(self, incident: Incident | None, user: str, kind: str, text: str) -> Notice | None:
        """A message without an answer: where the person was paged, else over the quietest channel that works."""
        number = incident.number if incident else 0
        paged = next((p for p in incident.paged if p.user == user), None) if incident else None
        if paged is not None:
            providers = (paged.provider, *(p for p in self._providers.carrying(paged.channel) if p != paged.provider))
            return Notice(number, kind, user, paged.channel, paged.address, providers, text)
        person = self._config.users.get(user)
        for channel in _NOTICE_CHANNELS:
            address = person.contact.get(channel) if person else None
            if address and self._providers.carrying(channel):
                return Notice(number, kind, user, channel, address, self._providers.carrying(channel), text)
        return None

    def carrying(self, channel: str) -> tuple[str, ...]:
        """Who carries the channel, in order of preference."""
        return self._providers.carrying(channel)

    def rooms(self, incident: Incident, facts: Callable[[], Facts]) -> tuple[str, ...]:
        """The chat channels that are to have a message about the incident: the team's, that of every rule that matches, and that of `else`
        when none did. Empty where no board is to be had."""
        if not self._providers.carrying(BOARD):
            return ()
        team = self._config.teams.get(incident.team)
        rules = self._config.chat_channels
        asked = facts() if rules else None
        matched = [r.to for r in rules if asked and not r.otherwise and isinstance(check(r.condition, asked), Holds)]
        return (*((team.chat,) if team and team.chat else ()), *(matched or [r.to for r in rules if r.otherwise]))

    def elsewhere(self, user: str, kind: str, text: str, than: str) -> Notice | None:
        """A notice over any other channel than `than`; None where the person has no other."""
        person = self._config.users.get(user)
        for channel in _NOTICE_CHANNELS:
            address = person.contact.get(channel) if person and channel != than else None
            if address and self._providers.carrying(channel):
                return Notice(0, kind, user, channel, address, self._providers.carrying(channel), text)
        return None

    def team_notice(self, incident: Incident | None, team: str, kind: str, text: str) -> Notice | None:
        """To the team's chat, else to its lead, else to its first member who has an address."""
        known = self._config.teams.get(team)
        if known is None:
            return None
        if known.chat and self._providers.carrying("chat"):
            return Notice(
                incident.number if incident else 0, kind, f"{TEAM}{team}", "chat", known.chat, self._providers.carrying("chat"), text
            )
        people = (*((known.lead,) if known.lead else ()), *known.members)
        return next((n for n in (self.notice(incident, user, kind, text) for user in people) if n), None)


def _aim(page: Page) -> tuple[str, str, int, int, datetime]:
    """The same for pages that stand in for one another."""
    return page.user, page.channel, page.turn, page.rung, page.due_at
