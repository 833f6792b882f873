"""A night on call, in virtual time: alerts in, pages out, replies back; the core alone, without store or provider."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from pager.config import load
from pager.decide import Decision, Rules, decide
from pager.intake.fields import Unreadable, read_fields
from pager.model.config import Config
from pager.model.event import (
    AlertSeen,
    Answer,
    Due,
    Entry,
    Event,
    Fault,
    PageAccepted,
    PageDeferred,
    PageDelivered,
    PageFailed,
    PageUnconfirmed,
    Reply,
    ReplyAction,
)
from pager.model.incident import Incident, Page, PageState, State
from pager.model.outgoing import LookUp, Notice, SendPage
from pager.model.snapshot import Snapshot
from pager.notify.plan import Providers

START = datetime(2026, 6, 2, 1, 0, tzinfo=UTC)  # a Tuesday
CARRIED = {"sms": ("twilio",), "voice": ("twilio",), "chat": ("slack",), "email": ("smtp",)}  # the core knows no vendor: all may work


def config_of(text: str, environment: dict[str, str] | None = None) -> Config:
    """A config from YAML text. Fails the test with the loader's own words."""
    with TemporaryDirectory() as folder:
        Path(folder, "pagerd.yaml").write_text(textwrap.dedent(text))
        loaded = load(Path(folder), environment or {})
    assert loaded.config is not None, "\n".join(f"{p.file}:{p.line}:{p.column}: {p.message}" for p in loaded.problems)
    return loaded.config


class Sent(msgspec.Struct, frozen=True):
    """A page that went to a provider, `after` so long from the start."""

    after: timedelta
    user: str
    channel: str
    provider: str
    stage: int
    page: Page


class Night:
    """One identity's night. `provider` says what becomes of a page: an event, or None for a provider that never answers."""

    def __init__(self, config: Config, start: datetime = START) -> None:
        self.start = self.now = start
        self.rules = Rules(config, Providers.of(config, CARRIED))
        self.snapshot = Snapshot()
        self.sent: list[Sent] = []
        self.notices: list[Notice] = []
        self.entries: list[Entry] = []
        self.night_pages: list[tuple[str, datetime]] = []
        self.provider: Callable[[Page], Event | None] = accepts
        self._numbers = 0
        self._sequence = 0

    # --- what happens -----------------------------------------------------------------------------------------------------------------
    def alert(self, summary: str = "disk full", **fields: Any) -> None:
        self.see({"summary": summary, "dedup_key": "k", "severity": "critical", "service": "checkout", **fields})

    def resolve(self, **fields: Any) -> None:
        self.see({"action": "resolve", "dedup_key": "k", **fields})

    def see(self, fields: dict[str, Any], entry: tuple[int, int] | None = None) -> None:
        alert = read_fields(fields, "stream")
        assert not isinstance(alert, Unreadable), alert
        self._sequence += 1
        self.happen(AlertSeen(alert, entry or (int(self.now.timestamp() * 1000), self._sequence)))

    def say(self, action: str, by: str = "ana", **more: Any) -> Answer:
        answer = self.happen(Reply(action=ReplyAction(action), by=by, via="sms", **more)).answer
        assert answer is not None
        return answer

    def happen(self, event: Event) -> Decision:
        decision = decide(self.snapshot, event, self.rules, self.now, fresh=self._numbers + 1)
        if decision.after.incident is not None:
            self._numbers = max(self._numbers, decision.after.incident.number)
        self.snapshot = decision.after
        self.entries += decision.entries
        self.night_pages += decision.shared.night_pages
        for item in decision.outgoing:
            match item:
                case Notice():
                    self.notices.append(item)
                case SendPage() | LookUp():
                    self._carry(item)
        return decision

    def _carry(self, item: SendPage | LookUp) -> None:
        page = self.incident.page(item.seq)
        if page is None or (isinstance(item, SendPage) and page.state is not PageState.QUEUED):
            return
        if isinstance(item, LookUp):
            self.happen(PageUnconfirmed(item.seq, "no receipt in time"))
            return
        self.sent.append(Sent(self.now - self.start, page.user, page.channel, page.provider, page.stage, page))
        event = self.provider(page)
        if event is not None:
            self.happen(event)

    def until(self, clock: str) -> Night:
        """Let time pass up to `M:SS` or `H:MM:SS` after the start, deadline by deadline."""
        target = self.start + span(clock)
        while (at := self._next()) is not None and at <= target:
            self.now = max(at, self.now)
            self.happen(Due())
        self.now = target
        return self

    def stall_until(self, clock: str) -> Night:
        """The daemon is down until then; then it looks at what is due once."""
        self.now = self.start + span(clock)
        at = self._next()
        if at is not None and at <= self.now:
            self.happen(Due())
        return self

    def _next(self) -> datetime | None:
        return self.snapshot.incident.next_deadline if self.snapshot.incident else None

    # --- what is seen -----------------------------------------------------------------------------------------------------------------
    @property
    def incident(self) -> Incident:
        assert self.snapshot.incident is not None, "no incident"
        return self.snapshot.incident

    @property
    def state(self) -> State:
        return self.incident.state

    def pages(self) -> list[tuple[str, str, str]]:
        """(clock, user, channel) of each page sent."""
        return [(clock(s.after), s.user, s.channel) for s in self.sent]

    def paged(self, *, channel: str | None = None) -> list[tuple[str, str]]:
        """(clock, user), each moment once."""
        found = [(clock(s.after), s.user) for s in self.sent if channel in (None, s.channel)]
        return list(dict.fromkeys(found))

    def said(self, event: str) -> list[str]:
        return [e.what for e in self.entries if e.event == event]


# --- providers ------------------------------------------------------------------------------------------------------------------------
def accepts(page: Page) -> Event:
    return PageAccepted(page.seq, page.attempt, page.provider, f"SM{page.seq}", expects_receipt=False)


def delivers(night: Night) -> Callable[[Page], Event]:
    def provider(page: Page) -> Event:
        night.happen(PageAccepted(page.seq, page.attempt, page.provider, f"SM{page.seq}"))
        return PageDelivered(page.seq)

    return provider


def refuses(page: Page, why: str = "21211 not a number", fault: Fault = Fault.ADDRESS) -> Event:
    return PageFailed(page.seq, page.attempt, why, fault)


def is_busy(page: Page) -> Event:
    return PageDeferred(page.seq, page.attempt, timedelta(seconds=2), "429 too many requests")


def never_answers(_: Page) -> None:
    return None


def span(text: str) -> timedelta:
    parts = [int(x) for x in text.split(":")]
    hours, minutes, seconds = ([0] * (3 - len(parts))) + parts
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def clock(after: timedelta) -> str:
    total = round(after.total_seconds())
    hours, rest = divmod(total, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
