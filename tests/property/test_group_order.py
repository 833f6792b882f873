"""A group against a slow oracle: whatever the order and the batches in which its alerts are handled, and however often, each alert fires or not as
its newest entry says, and their incidents are over exactly when all their alerts are."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.advance import Advance, Item
from pager.decide import Rules
from pager.model.alert import Action, Alert, Severity
from pager.model.event import AlertSeen, Reply, ReplyAction
from pager.model.snapshot import Identity
from pager.noise.dedup import settled
from pager.notify.plan import Providers
from tests.fakes.memory_store import Clock, MemoryStore
from tests.house import NoMeter
from tests.night import CARRIED, config_of

RULES = config_of("""
settings: {timezone: UTC, default_policy: chain, catch_all: {notify: ["user:ana"], every: 10m}}
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: [twilio]}
users: {ana: {name: Ana, contact: {sms: "+12125550001"}}}
policies: {chain: {stages: [{notify: ["user:ana"], via: [sms]}]}}
noise: {group: [{name: all, by: [labels.cluster], window: 1h}]}
""")
GROUPED, ALONE = ("a", "b", "c"), ("x", "y")


class Said(msgspec.Struct, frozen=True):
    """An alert, or a person's word about the incident of the key."""

    key: str
    action: Action
    severity: Severity = Severity.ERROR
    by_person: ReplyAction | None = None


alerts = st.builds(
    Said,
    st.sampled_from((*GROUPED, *GROUPED, *ALONE)),
    st.sampled_from((Action.TRIGGER, Action.TRIGGER, Action.RESOLVE, Action.RESOLVE, Action.ACKNOWLEDGE)),
    st.sampled_from((Severity.CRITICAL, Severity.ERROR, Severity.WARNING)),
)
people = st.builds(
    Said,
    st.sampled_from((*GROUPED, *ALONE)),
    st.just(Action.TRIGGER),
    by_person=st.sampled_from((ReplyAction.ACKNOWLEDGE, ReplyAction.RESOLVE)),
)


class House:
    def __init__(self) -> None:
        self.rules = Rules(RULES, Providers.of(RULES, CARRIED))
        self.store = MemoryStore(Clock())
        self.advance = Advance(self.store.worker("w").incidents, lambda: self.rules, b"s", NoMeter())
        self._sequence = 0

    def seen(self, said: Said) -> AlertSeen:
        labels = {"cluster": "eu-1"} if said.key in GROUPED else {}
        self._sequence += 1
        alert = Alert(scope="s", dedup_key=said.key, action=said.action, severity=said.severity, summary=said.key, labels=labels)
        return AlertSeen(alert, (self.store.clock.ms, self._sequence))

    def handle(self, seen: list[AlertSeen]) -> None:
        asyncio.run(self.advance.alerts(seen))

    def say(self, said: Said) -> None:
        record = self.store.record(Identity("s", said.key))
        if record is not None and record.incident and said.by_person:
            asyncio.run(self.advance.events([Item(record.incident, Reply(action=said.by_person, by="ana", via="sms"))]))
        self.store.clock.advance(timedelta(seconds=1))

    def number(self, key: str) -> int:
        record = self.store.record(Identity("s", key))
        return record.incident if record else 0

    def fires(self, key: str) -> bool:
        record = self.store.record(Identity("s", key))
        stands = settled(record, self.store.incidents.get(record.incident) if record else None)
        return stands is not None and stands.open

    def holds(self) -> None:
        """What is so at every moment."""
        for number, incident in self.store.incidents.items():
            keys = [i.dedup_key for i in self.store.members.get(number, ())] or [incident.dedup_key]
            firing = [key for key in keys if self.fires(key) and self.store.records[Identity("s", key)].incident == number]
            assert incident.is_open == bool(firing), (number, incident.state, firing)
            assert incident.still_fire == len(firing)
            assert incident.alerts == len(keys) == len(set(keys))
            assert not incident.is_open or number in self.store.scores
            worst = [self.store.records[Identity("s", key)].alert.severity for key in firing]
            assert not firing or incident.severity == min(worst, key=lambda severity: severity.rank)
            assert all(h.alerts > 0 for h in incident.hushes)
            assert incident.is_open or not incident.group or not incident.worst.worse_than(incident.severity)
            if incident.group and firing:
                lead = incident.lead
                assert lead is not None
                assert lead.severity == incident.severity
                assert (lead.dedup_key or incident.dedup_key) in firing, "it is called by one that fires"
        by_group = [i.number for i in self.store.incidents.values() if i.is_open and i.group]
        assert len(by_group) <= 1, "the window is long: there is one group at a time"


def batches(draw: st.DrawFn, seen: list[AlertSeen]) -> list[list[AlertSeen]]:
    cuts = sorted(draw(st.sets(st.integers(0, len(seen)), max_size=4)))
    return [seen[a:b] for a, b in zip([0, *cuts], [*cuts, len(seen)], strict=True) if a < b]


@settings(max_examples=40, deadline=None)
@given(st.data(), st.lists(alerts, min_size=2, max_size=14))
def test_in_any_order_and_any_batches_each_alert_is_as_its_newest_entry_says(data: Any, story: list[Said]) -> None:
    house = House()
    entries = [house.seen(said) for said in story]
    again = data.draw(st.lists(st.sampled_from(entries), max_size=4))
    for batch in batches(data.draw, data.draw(st.permutations([*entries, *again]))):
        house.handle(batch)
        house.holds()
    for key in (*GROUPED, *ALONE):
        of_key = [said.action for said in story if said.key == key and said.action is not Action.ACKNOWLEDGE]
        assert house.fires(key) == (bool(of_key) and of_key[-1] is Action.TRIGGER), key


@settings(max_examples=40, deadline=None)
@given(st.data(), st.lists(st.lists(st.one_of(alerts, alerts, people), max_size=8), min_size=1, max_size=4))
def test_people_and_tools_in_turn(data: Any, acts: list[list[Said]]) -> None:
    """Handled in order, in any batches. A person's resolve is for all alerts of the incident, and each that repeats afterwards fires again."""
    house, expected = House(), dict.fromkeys((*GROUPED, *ALONE), False)
    for act in acts:
        pending: list[AlertSeen] = []
        for said in (*act, None):
            if said is None or said.by_person is not None:
                for batch in batches(data.draw, pending):
                    house.handle(batch)
                    house.holds()
                pending = []
            if said is not None and said.by_person is not None:
                house.say(said)
                house.holds()
                if said.by_person is ReplyAction.RESOLVE:
                    expected.update({key: False for key in expected if house.number(key) == house.number(said.key)})
            elif said is not None:
                pending.append(house.seen(said))
                if said.action is not Action.ACKNOWLEDGE:
                    expected[said.key] = said.action is Action.TRIGGER
        assert {key: house.fires(key) for key in expected} == expected
