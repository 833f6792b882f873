"""A whole house in virtual time: many alerts through the real writer and the real deadlines, on the store in memory. Every page is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pager.advance import Advance, Item
from pager.decide import Rules
from pager.intake.fields import Unreadable, read_fields
from pager.loops.deadlines import DeadlineLoop
from pager.loops.look import LookAgain
from pager.model.event import AlertSeen, Look, PageAccepted, Reply, ReplyAction
from pager.model.incident import Incident, State
from pager.model.mute import Silence
from pager.model.outgoing import Notice, SendPage
from pager.model.rota import RotaFacts
from pager.model.snapshot import Identity
from pager.notify.plan import Providers
from tests.fakes.memory_store import Clock, MemoryStore
from tests.night import CARRIED, START, clock, config_of, span

LEASE, STEP = timedelta(seconds=2), timedelta(seconds=1)


class NoMeter:
    def __getattr__(self, _: str) -> Any:
        return lambda *args: None


class House:
    def __init__(self, text: str) -> None:
        config = config_of(text)
        self.rules = Rules(config, Providers.of(config, CARRIED))
        self.clock = Clock(START)
        self.store = MemoryStore(self.clock)
        ports = self.store.worker("w1")
        self.advance = Advance(ports.incidents, lambda: self.rules, b"secret", NoMeter())
        self._incidents, self._outbox = ports.incidents, ports.outbox
        self._deadlines = DeadlineLoop(ports.deadlines, self.advance, NoMeter())
        self._look_again = LookAgain(ports.incidents, self.advance, lambda: self.rules)
        self._sequence = 0
        self.pages: list[tuple[str, str, str]] = []
        """(clock, dedup_key, user) of each page that went out."""
        self.notices: list[str] = []
        """What people were told that asks for no answer."""

    # --- what happens -----------------------------------------------------------------------------------------------------------------
    def push(self, *alerts: dict[str, Any]) -> None:
        """All in one batch, in this order."""
        self._run(self.advance.alerts([self._seen(fields) for fields in alerts]))
        self._deliver()

    def alert(self, key: str, **fields: Any) -> None:
        self.push({"dedup_key": key, **fields})

    def resolve(self, key: str, **fields: Any) -> None:
        self.push({"dedup_key": key, "action": "resolve", **fields})

    def say(self, key: str, action: str, by: str = "ana", **more: Any) -> None:
        self._event(key, Reply(action=ReplyAction(action), by=by, via="sms", **more))

    def look(self, key: str) -> None:
        self._event(key, Look())

    def look_around(self, token: int = 1) -> None:
        """What the leader does each second."""
        self._run(self._look_again.run_once(token))
        self._deliver()

    def hear(self, *silences: Silence) -> None:
        self.rules = self.rules.with_facts(RotaFacts(silences=silences))

    def until(self, at: str) -> House:
        """Let time pass, deadline by deadline, up to `M:SS` or `H:MM:SS` after the start."""
        target = START + span(at)
        while (due := self._next()) is not None and due <= target:
            self.clock.now = max(due, self.clock.now)
            self._run(self._deadlines.run_once())
            self._deliver()
        self.clock.now = target
        return self

    # --- what is seen -----------------------------------------------------------------------------------------------------------------
    def incident(self, key: str) -> Incident:
        return self.store.incidents[self.store.records[Identity("stream", key)].incident]

    def state(self, key: str) -> State:
        return self.incident(key).state

    def paged(self, key: str) -> list[str]:
        """When somebody was paged for it."""
        return list(dict.fromkeys(at for at, of, _ in self.pages if of == key))

    # ----------------------------------------------------------------------------------------------------------------------------------
    def _seen(self, fields: dict[str, Any]) -> AlertSeen:
        alert = read_fields({"summary": "broken", "severity": "critical", "service": "checkout", **fields}, "stream")
        assert not isinstance(alert, Unreadable), alert
        self._sequence += 1
        return AlertSeen(alert, (self.clock.ms, self._sequence))

    def _event(self, key: str, event: Reply | Look) -> None:
        self._run(self.advance.events([Item(self.incident(key).number, event)]))
        self._deliver()

    def _deliver(self) -> None:
        while entries := self._run(self._outbox.take(1000, timedelta(0))):
            accepted = [item for entry in entries if (item := self._accept(entry)) is not None]
            self._run(self.advance.events(accepted))

    def _accept(self, entry: Any) -> Item | None:
        if isinstance(entry.item, Notice):
            self.notices.append(entry.item.text)
        if not isinstance(entry.item, SendPage):
            self._run(self._outbox.drop(entry))
            return None
        incident = self.store.incidents[entry.item.incident]
        page = incident.page(entry.item.seq)
        if page is None or page.state != "queued" or incident.state is not State.TRIGGERED:
            self._run(self._outbox.drop(entry))
            return None
        self.pages.append((clock(self.clock.now - START), incident.dedup_key, page.user))
        event = PageAccepted(page.seq, page.attempt, page.provider, f"SM{page.seq}", expects_receipt=False)
        return Item(incident.number, event, finishes=(entry.priority, entry.id))

    def _next(self) -> Any:
        return self._run(self._deadlines._deadlines.next_at())

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run(coroutine)


def keys(count: int) -> Sequence[str]:
    return [f"k{number}" for number in range(count)]
