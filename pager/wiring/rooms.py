"""What runs on a store that answers: the writer, the door and the loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pager.advance import Advance
from pager.decide import Rules
from pager.door import Door
from pager.loops.batcher import Batcher
from pager.loops.compose import Compose
from pager.loops.deadlines import DeadlineLoop
from pager.loops.deliver import Deliver
from pager.loops.handoffs import Handoffs
from pager.loops.ingest import Ingest
from pager.loops.look import LookAgain
from pager.loops.show import Show
from pager.loops.shown import ShowOnCall
from pager.telemetry import Metrics
from pager.web.links import CalendarLinks, ReplyLinks, own_key
from pager.wiring.stores import Store
from pager.wiring.vendors import Current


class Rooms:
    def __init__(self, store: Store, current: Current, secret: bytes, meter: Metrics) -> None:
        def rules() -> Rules:
            return current.rules

        own = own_key(secret)

        def link_keys() -> Sequence[str]:
            return current.config.settings.link_keys or (own,)

        self.links = ReplyLinks(
            link_keys, lambda: current.config.settings.public_url, lambda: current.config.settings.link_expires
        )  # fmt: skip
        self.calendar_links = CalendarLinks(link_keys, lambda: current.config.settings.public_url)
        self.advance = Advance(store.incidents, rules, secret, meter)
        self.door = Door(store.incidents, self.advance, store.refusals, rules, meter)
        self.ingest = Ingest(store.stream, self.advance, meter)
        self.add: Batcher[Sequence[Mapping[str, str]], Sequence[str]] = Batcher(store.add_lists)
        self.deadlines = DeadlineLoop(store.deadlines, self.advance, meter)
        compose = Compose(rules, self.advance.code, lambda incident, page, now: self.links.make(incident.number, page.seq, page.user, now))
        self.deliver = Deliver(store.outbox, self.advance, current.channels, compose, meter, part=store.part, folder=compose)
        self.look = LookAgain(store.incidents, self.advance, rules)
        self.show = Show(store.boards, store.incidents, current.boards, rules, meter)
        self.handoffs = Handoffs(store.handbook, store.incidents, self.advance, rules, meter)
        self.shown = ShowOnCall(store.incidents.now, current.rosters, rules, meter)
