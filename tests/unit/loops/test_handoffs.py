"""Hand-offs told by a worker that leads, on a clock that is moved: to the person, over the outbox, to the provider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pager.advance import Advance, Item
from pager.decide import Rules
from pager.loops.compose import Compose
from pager.loops.deliver import Deliver
from pager.loops.handoffs import Handoffs
from pager.loops.ingest import Ingest
from pager.model.event import Reply, ReplyAction
from pager.model.rota import RotaFacts
from pager.model.schedule import Override, OverrideKind
from pager.notify.plan import Providers
from pager.ports import Message, NotLeader, StoreUnavailable, TryAgain
from pager.telemetry import Metrics
from tests.fakes.memory_channel import MemoryChannel
from tests.fakes.memory_store import Clock, MemoryStore
from tests.night import config_of

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # 09:00 in Madrid
H, D, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
WEEK = """
settings: {{timezone: Europe/Madrid, default_policy: pay, handoff: {{via: [chat, email]}}}}
providers:
  twilio: {{account_sid: AC1, auth_token: t, from: "+14155550111"}}
  slack: {{bot_token: x, app_token: y}}
  email: {{smtp: "smtp://127.0.0.1:25", from: pager@example.com}}
channels: {{sms: twilio, chat: slack, email: email}}
users:
  ana: {{name: Ana Ruiz, timezone: Europe/Madrid, contact: {{chat: "slack:U0ANA", email: ana@example.com}}}}
  ben: {{name: Ben Okafor, timezone: Europe/London, contact: {{chat: "slack:U0BEN", email: ben@example.com}}}}
  dora: {{name: Dora Weiss, contact: {{sms: "+12125550104"}}}}
  erik: {{name: Erik Lund, timezone: Europe/Stockholm, contact: {{sms: "+46700000005"}}}}
teams: {{payments: {{members: [ana, ben], lead: erik, chat: "#payments"}}}}
schedules:
  primary:
    team: payments
    timezone: Europe/Madrid
    layers: [{{name: week, users: {users}, every: 1w, starts: 2026-02-23T09:00}}]
    handoff: {handoff}
policies: {{pay: {{stages: [{{notify: ["schedule:primary"], ack_timeout: 1h}}]}}}}
services: {{checkout: {{team: payments, policy: pay}}, refunds: {{policy: pay}}}}
"""
ON, OFF = "You are on call now for primary", "You are off call for primary"


class House:
    """Workers on one store, and providers that keep what they get."""

    def __init__(self, users: str = "[ana, ben]", handoff: str = "{before: [1d, 1h]}") -> None:
        self.store = MemoryStore(Clock(MONDAY - 3 * D))
        self.channels = {name: MemoryChannel(name) for name in ("twilio", "slack", "email")}
        self.metrics = Metrics()
        self.config(users, handoff)
        self.token = 1
        self.start()

    def config(self, users: str = "[ana, ben]", handoff: str = "{before: [1d, 1h]}", facts: RotaFacts | None = None) -> None:
        config = config_of(WEEK.format(users=users, handoff=handoff))
        carried = {"sms": ("twilio",), "chat": ("slack",), "email": ("smtp",)}
        self.rules = Rules(config, Providers.of(config, carried), *([facts] if facts else []))

    def start(self, name: str = "w0") -> None:
        """A worker that leads, with nothing in its memory."""
        self.ports = self.store.worker(name)
        self.advance = Advance(self.ports.incidents, lambda: self.rules, b"secret", self.metrics)
        compose = Compose(lambda: self.rules, self.advance.code)
        self.deliver = Deliver(self.ports.outbox, self.advance, lambda: self.channels, compose, self.metrics)
        self.handoffs = Handoffs(self.ports.handbook, self.ports.incidents, self.advance, lambda: self.rules, self.metrics)

    async def at(self, now: datetime) -> list[str]:
        """Look then, and deliver: what arrived by it, as `address: first line`."""
        self.store.clock.now = now
        for channel in self.channels.values():
            channel.now = now
        await self.ports.presence.refresh()
        before = {name: len(channel.accepted) for name, channel in self.channels.items()}
        await self.handoffs.step(self.token)
        await self.deliver.run_once()
        found = [m for name, channel in self.channels.items() for m in channel.accepted[before[name] :] if not m.message.id]
        return [f"{m.message.address}: {m.message.text.splitlines()[0]}" for m in found]

    def said(self, address: str) -> list[Message]:
        return [kept.message for channel in self.channels.values() for kept in channel.accepted if kept.message.address == address]

    async def incident(self, summary: str, severity: str, **more: str) -> None:
        fields = {"summary": summary, "severity": severity, "service": "checkout", "dedup_key": summary, **more}
        self.store.alerts.add({name.encode(): value.encode() for name, value in fields.items()})
        await self.ports.presence.refresh()
        await Ingest(self.ports.alerts, self.advance, self.metrics).run_once(timedelta(0))
        await self.deliver.run_once()


async def through_the_week(house: House, *restarts: int) -> list[str]:
    """Every 20 minutes from Friday to Tuesday; before the looks named, the worker is replaced by one that knows nothing."""
    found: list[str] = []
    for k in range(0, 4 * 72):
        if k in restarts:
            house.token += 1
            house.start(f"w{k}")
        found += await house.at(MONDAY - 3 * D + k * 20 * MINUTE)
    return found


async def test_a_hand_off_is_told_to_both_in_their_own_time_over_each_way_once() -> None:
    house = House()
    told = await through_the_week(house)
    span = "Mon 2 Mar 08:00 to Mon 9 Mar 08:00 GMT"
    assert told == [
        f"slack:U0BEN: You are on call in 1d for primary: {span}.", f"ben@example.com: You are on call in 1d for primary: {span}.",
        f"slack:U0BEN: You are on call in 1h for primary: {span}.", f"ben@example.com: You are on call in 1h for primary: {span}.",
        f"slack:U0BEN: {ON} until Mon 9 Mar 08:00 GMT.", f"slack:U0ANA: {OFF}: Ben Okafor took over.",
        f"ben@example.com: {ON} until Mon 9 Mar 08:00 GMT.", f"ana@example.com: {OFF}: Ben Okafor took over.",
    ]  # fmt: skip
    assert house.said("ben@example.com")[0].subject == f"You are on call in 1d for primary: {span}"
    assert "Services: checkout, refunds.\nAna Ruiz hands over to you.\nNo open incidents." in house.said("slack:U0BEN")[0].text


async def test_other_workers_that_lead_in_between_leave_nothing_out_and_tell_nothing_twice() -> None:
    told = await through_the_week(House())
    assert await through_the_week(House(), 1, 100, 143, 144, 145, 146, 212, 213, 214, 215, 216, 217, 218) == told


class Killed(Exception):
    pass


@pytest.mark.parametrize("after", range(1, 9))
async def test_a_worker_that_is_killed_between_any_two_steps_is_gone_on_for_by_the_next(
    after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`after` so many writes to the store at the hand-off, before or after the last of them was done."""
    for done in (False, True):
        house = House()
        await house.at(MONDAY - H)
        left = after

        def dies(what: Any, done: bool = done) -> Any:
            async def call(*args: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0 and not done:
                    raise Killed
                result = await what(*args)
                if left == 0:
                    raise Killed
                return result

            return call

        monkeypatch.setattr(house.ports.handbook, "save", dies(house.ports.handbook.save))
        monkeypatch.setattr(house.advance, "notice", dies(house.advance.notice))
        try:
            told = await house.at(MONDAY)
        except Killed:
            house.token += 1
            house.start("w1")
            told = await house.at(MONDAY + timedelta(seconds=5))
        assert sorted(line.split(":")[0] for line in told) == ["ana@example.com", "ben@example.com", "slack", "slack"], (after, done)
        assert await house.at(MONDAY + MINUTE) == []


async def test_a_leader_that_was_asleep_writes_nothing() -> None:
    house = House()
    await house.at(MONDAY - 2 * D)
    asleep, old = house.handoffs, house.token
    house.token += 1
    house.start("w1")
    assert len(await house.at(MONDAY)) == 4
    house.handoffs = asleep
    house.config(users="[ben, ana]")
    with pytest.raises(NotLeader):
        await asleep.step(old)
    assert not any(outbox.entries for outbox in house.store.outboxes)


async def test_an_hour_without_a_store_loses_nothing() -> None:
    house = House()
    await house.at(MONDAY - 30 * MINUTE)
    house.store.down = True
    with pytest.raises(StoreUnavailable):
        await house.at(MONDAY)
    house.store.down = False
    told = await house.at(MONDAY + H)
    assert told[0] == f"slack:U0BEN: {ON} since Mon 2 Mar 08:00 GMT until Mon 9 Mar 08:00 GMT."
    assert len(told) == 4


async def test_a_notice_that_waited_in_the_outbox_until_it_makes_no_sense_is_not_sent() -> None:
    house = House()
    house.store.clock.now = MONDAY - H
    await house.handoffs.step(1)
    assert await house.at(MONDAY + MINUTE) == [
        f"slack:U0BEN: {ON} until Mon 9 Mar 08:00 GMT.", f"slack:U0ANA: {OFF}: Ben Okafor took over.",
        f"ben@example.com: {ON} until Mon 9 Mar 08:00 GMT.", f"ana@example.com: {OFF}: Ben Okafor took over.",
    ]  # fmt: skip
    assert house.metrics.registry.get_sample_value("pagerd_pages_total", {"channel": "chat", "result": "notice_late"}) == 1


async def test_the_open_incidents_and_what_was_tried_are_handed_over_the_worst_first() -> None:
    house = House()
    house.store.clock.now = MONDAY - 6 * H
    await house.incident("queries are slow", "warning")
    await house.incident("disk full on db1", "critical")
    await house.incident("of no service", "error", service="other")
    [critical] = [n for n, i in house.store.incidents.items() if i.severity == "critical" and i.service == "checkout"]
    for action, text in ((ReplyAction.NOTE, "failover planned"), (ReplyAction.ACKNOWLEDGE, "")):
        await house.advance.events([Item(critical, Reply(action=action, by="ana", via="chat", text=text))])
    await house.at(MONDAY - H)
    lines = house.said("slack:U0BEN")[-1].text.splitlines()
    assert lines[3] == "3 open incidents:"
    assert lines[4].startswith(f"- #{critical} CRITICAL checkout: disk full on db1 (acknowledged by Ana Ruiz at 02:00 UTC, 5h old)")
    assert lines[5:7] == ["  paged: Ana Ruiz (email 02:00 UTC, acknowledged)", "  noted: Ana Ruiz: failover planned"]
    assert lines[-2] == "- #1 WARNING checkout: queries are slow (triggered, catch-all, asking Ana Ruiz, 5h old)"
    await house.at(MONDAY)
    [off] = [m.text for m in house.said("ana@example.com") if OFF in m.text]
    assert "You still hold 1 open incident:" in off
    assert "queries" not in off


def override(user: str, start: str, end: str, kind: OverrideKind = OverrideKind.REPLACE) -> RotaFacts:
    one = Override(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end), kind=kind, user=user, by="erik", id="1")
    return RotaFacts(overrides={"primary": (one,)})


async def test_an_override_at_run_time_after_the_notice_is_told_to_the_old_and_the_new_person() -> None:
    house = House(users="[ana, ben]")
    await house.at(MONDAY - D)
    house.config(facts=override("ana", "2026-03-02T09:00", "2026-03-03T09:00"))
    told = await house.at(MONDAY - 5 * H)
    now = "Tue 3 Mar 08:00 to Mon 9 Mar 08:00 GMT, not Mon 2 Mar 08:00 to Mon 9 Mar 08:00 GMT"
    assert told == [f"{to}: Your time on call for primary has changed: {now}." for to in ("slack:U0BEN", "ben@example.com")]
    soon = "Tue 3 Mar 08:00 to Mon 9 Mar 08:00 GMT"
    assert await house.at(MONDAY) == [f"{to}: You are on call in 1d for primary: {soon}." for to in ("slack:U0BEN", "ben@example.com")]
    house.config(facts=override("erik", "2026-03-02T00:00", "2026-03-10T09:00"))
    told = await house.at(MONDAY + H)
    after_all = "You are NOT on call for primary after all, Tue 3 Mar 08:00 to Mon 9 Mar 08:00 GMT: Erik Lund is."
    assert [line for line in told if "U0BEN" in line] == [f"slack:U0BEN: {after_all}"]
    assert [line for line in told if "+46700000005" in line] == [
        "+46700000005: pagerd: You are on call now for primary since Mon 2 Mar 00:00 CET until Tue 10 Mar 09:00 CET. Ana Ruiz hands over to you."
    ], "the lead tells himself"


async def test_who_has_no_address_for_it_is_told_of_to_the_lead_and_in_the_log() -> None:
    house = House(users="[ana, dora]")
    with capture_logs() as logs:
        told = await house.at(MONDAY - H)
    assert told == [
        "+46700000005: Dora Weiss could not be told over chat or email, so please do: "
        "You are on call in 1h for primary: Mon 2 Mar 09:00 to Mon 9 Mar 09:00 CET"
    ]
    assert [e["why"] for e in logs if e["event"] == "handoff.not_told"] == [
        "dora can't be told over chat or email: there is no address, or no provider that carries it"
    ]


async def test_nobody_from_now_on_is_said_to_the_channel_the_teams_chat_and_the_lead() -> None:
    house = House(users="[ana, null]", handoff="{before: 1h, at: false, channel: '#hand-offs'}")
    await house.at(MONDAY - H)
    told = await house.at(MONDAY)
    loud = "NOBODY IS ON CALL for primary since Mon 2 Mar 09:00 CET until Mon 9 Mar 09:00 CET, then Ana Ruiz. Mend the schedule, or add an override."
    assert [line.partition(": ")[0] for line in told] == ["+46700000005", "#hand-offs", "#payments"]
    assert all(loud in line for line in told)


async def test_a_provider_that_is_busy_for_a_second_loses_no_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pager.loops.telling._LONGEST_PAUSE", 0.01)
    house = House()
    await house.at(MONDAY - H)
    house.channels["slack"].answer("slack:U0BEN", *[TryAgain(timedelta(seconds=1), "busy")] * 3)
    assert len(await house.at(MONDAY)) == 4


async def test_what_another_worker_may_have_sent_is_looked_for_before_it_is_sent_again() -> None:
    house = House()
    house.store.clock.now = MONDAY
    for channel in house.channels.values():
        channel.now = MONDAY
    await house.ports.presence.refresh()
    await house.handoffs.step(1)
    house.store.clock.now = MONDAY - H
    await house.handoffs.step(1)
    entries = await house.ports.outbox.take(10, timedelta(0))
    for entry in entries:
        message: Any = entry.item
        await house.channels[message.providers[0]].send(Message(address=message.address, text=message.text, subject=message.subject))
    sent = {name: len(channel.accepted) for name, channel in house.channels.items()}
    house.start("w0")  # the same worker, killed after the sends and before it could note them
    house.store.clock.now = MONDAY - H + MINUTE
    await house.ports.presence.refresh()
    assert await house.deliver.run_once() == len(entries) > 0
    assert {name: len(channel.accepted) for name, channel in house.channels.items()} == sent


async def test_a_schedule_that_is_gone_calls_off_who_was_told_to_come() -> None:
    house = House()
    await house.at(MONDAY - D)
    text = WEEK.format(users="[ana, ben]", handoff="{}").replace("  primary:\n", "  other:\n").replace("schedule:primary", "schedule:other")
    config = config_of(text)
    house.rules = Rules(config, Providers.of(config, {"chat": ("slack",), "email": ("smtp",)}))
    told = await house.at(MONDAY - 5 * H)
    assert [line for line in told if "U0BEN" in line] == [
        "slack:U0BEN: You are NOT on call for primary after all, Mon 2 Mar 08:00 to Mon 9 Mar 08:00 GMT: nobody is.",
    ]
    assert "primary" not in house.store.handoffs.watched


async def test_a_look_that_has_nothing_to_do_costs_the_store_one_question() -> None:
    house = House()
    await house.at(MONDAY - 2 * D)
    asked: list[str] = []
    load, now = house.ports.handbook.load, house.ports.incidents.now

    async def counted_load() -> Any:
        asked.append("load")
        return await load()

    async def counted_now() -> Any:
        asked.append("now")
        return await now()

    house.ports.handbook.load, house.ports.incidents.now = counted_load, counted_now  # type: ignore[method-assign]
    for seconds in range(30):
        house.store.clock.now = MONDAY - 2 * D + timedelta(seconds=seconds)
        await house.handoffs.step(1)
    assert asked == ["now"] * 30
