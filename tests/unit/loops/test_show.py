"""Incidents in chat channels: over the store in memory, and a board that keeps its messages and can fail in every way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from pager.advance import Advance
from pager.decide import Rules
from pager.door import Door
from pager.loops.compose import Compose
from pager.loops.deadlines import DeadlineLoop
from pager.loops.deliver import Deliver
from pager.loops.ingest import Ingest
from pager.loops.show import LEASE, PACE, Show
from pager.model.event import Fault, Reply, ReplyAction
from pager.model.incident import State
from pager.notify.card import Card
from pager.notify.plan import BOARD, Providers
from pager.ports import Board, GiveUp, SendResult, Sent, StoreUnavailable, TryAgain
from pager.telemetry import Metrics
from tests.fakes.memory_channel import MemoryChannel
from tests.fakes.memory_store import MemoryStore
from tests.night import CARRIED, config_of
from tests.payments import PAYMENTS

NOW = timedelta(0)
SECOND = timedelta(seconds=1)
CRITICAL = PAYMENTS + 'chat_channels: [{match: {severity: critical}, to: "#incident-critical"}]\n'
DMS = CRITICAL.replace("via: [sms]", "via: [chat, sms]")

ACK, RESOLVE, ESCALATE, SNOOZE, NOTE = (
    ReplyAction.ACKNOWLEDGE, ReplyAction.RESOLVE, ReplyAction.ESCALATE, ReplyAction.SNOOZE, ReplyAction.NOTE,
)  # fmt: skip


class Crash(BaseException):
    """The process is gone: nobody in it gets to see this."""


class Kept(msgspec.Struct):
    """A message that stands in the chat. `cards`: what it has shown, in order."""

    address: str
    key: str
    cards: list[Card]
    replies: list[tuple[str, str]] = msgspec.field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [line for _, text in self.replies for line in text.splitlines()]


class Lost(msgspec.Struct, frozen=True):
    """Done, but the answer is lost on its way."""

    after: timedelta = SECOND


class Hangs(msgspec.Struct, frozen=True):
    """Never comes back. `done`: it is there all the same."""

    done: bool = False


Trouble = TryAgain | GiveUp | Lost | Hangs | Exception


class MemoryBoard:
    """A Board that keeps its messages. `trouble` of a call (`post`, `update`, `reply`) is what becomes of the next ones."""

    def __init__(self, name: str = "slack") -> None:
        self.name = name
        self.kept: dict[str, Kept] = {}
        self.calls: list[tuple[str, str]] = []
        self.trouble: dict[str, deque[Trouble]] = {"post": deque(), "update": deque(), "reply": deque()}
        self.meanwhile: Callable[[], Any] | None = None  # what happens while a message is on its way
        self.step: Callable[[], None] = lambda: None  # before and after each call

    async def post(self, address: str, card: Card, text: str, key: str) -> SendResult:
        def do() -> str:
            receipt = f"{address}:{len(self.kept) + 1}"
            self.kept[receipt] = Kept(address, key, [card])
            return receipt

        return await self._call("post", address, do)

    async def update(self, receipt: str, card: Card, text: str) -> SendResult:
        def do() -> str:
            self.kept.setdefault(receipt, Kept(receipt, "", [])).cards.append(card)
            return receipt

        return await self._call("update", receipt, do)

    async def reply(self, receipt: str, text: str, key: str) -> SendResult:
        def do() -> str:
            self.kept[receipt].replies.append((key, text))
            return f"{receipt}/{len(self.kept[receipt].replies)}"

        return await self._call("reply", receipt, do)

    async def find_post(self, address: str, key: str, since: datetime) -> Sent | None:
        self._stepped("find_post", address)
        return next((Sent(receipt, False, True) for receipt, k in self.kept.items() if (k.address, k.key) == (address, key)), None)

    async def find_reply(self, receipt: str, key: str) -> Sent | None:
        self._stepped("find_reply", receipt)
        return next((Sent(receipt, False, True) for known, _ in self.kept[receipt].replies if known == key), None)

    async def _call(self, name: str, where: str, do: Callable[[], str]) -> SendResult:
        self._stepped(name, where)
        trouble = self.trouble[name].popleft() if self.trouble[name] else None
        result: SendResult = Sent("", False)
        if trouble is None or isinstance(trouble, Lost) or (isinstance(trouble, Hangs) and trouble.done):
            result = Sent(do(), False)
        self.step()
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        match trouble:
            case Lost():
                return TryAgain(trouble.after, "no answer")
            case Hangs():
                await asyncio.Event().wait()
            case TryAgain() | GiveUp():
                return trouble
            case Exception():
                raise trouble
        return result

    def _stepped(self, name: str, where: str) -> None:
        self.step()
        self.calls.append((name, where))


class House:
    """One worker on a store in memory, a chat and an SMS account."""

    def __init__(self, config: str = CRITICAL, look: timedelta = timedelta(seconds=5)) -> None:
        self.config = config_of(config)
        self.rules = Rules(self.config, Providers.of(self.config, {**CARRIED, BOARD: ("slack",)}))
        self.store = MemoryStore()
        self.board = MemoryBoard()
        self.boards: dict[str, Board] = {"slack": self.board}
        self.channels = {name: MemoryChannel(name, expects_receipt=False) for name in ("twilio", "backup", "slack", "email")}
        self.metrics = Metrics()
        self.look = look
        self.restart()

    def restart(self, name: str = "w0") -> None:
        self.ports = self.store.worker(name)
        self.advance = Advance(self.ports.incidents, lambda: self.rules, b"secret", self.metrics)
        self.ingest = Ingest(self.ports.alerts, self.advance, self.metrics)
        self.deadlines = DeadlineLoop(self.ports.deadlines, self.advance, self.metrics)
        compose = Compose(lambda: self.rules, self.advance.code)
        self.deliver = Deliver(self.ports.outbox, self.advance, lambda: self.channels, compose, self.metrics)
        self.door = Door(self.ports.incidents, self.advance, self.ports.refusals, lambda: self.rules, self.metrics)
        self.show = Show(self.ports.boards, self.ports.incidents, lambda: self.boards, lambda: self.rules, self.metrics, self.look)

    async def alert(self, **fields: str) -> None:
        alert = {"summary": "disk full", "service": "plain", "severity": "critical", "dedup_key": "k", **fields}
        self.store.alerts.add({name.encode(): value.encode() for name, value in alert.items()})
        await self.ports.presence.refresh()
        await self.ingest.run_once(NOW)
        await self.deliver.run_once()

    async def say(self, action: ReplyAction, number: int = 1, by: str = "ana", **more: Any) -> None:
        await self.door.reply(number, Reply(action=action, by=by, via="cli", **more))

    async def deadline(self, by: timedelta) -> None:
        self.store.clock.advance(by)
        await self.ports.presence.refresh()
        await self.deadlines.run_once()
        await self.deliver.run_once()

    async def settle(self, seconds: int = 6) -> None:
        """Let the board catch up."""
        for _ in range(seconds):
            self.store.clock.advance(SECOND)
            while await self.show.run_once():
                pass

    def shown(self, address: str = "#payments", number: int = 1) -> Kept:
        """The one message about the incident in that channel."""
        [kept] = [k for k in self.board.kept.values() if k.address == address and k.cards[0].number == number]
        return kept

    def state(self, address: str = "#payments", number: int = 1) -> State:
        return self.shown(address, number).cards[-1].state

    def is_up_to_date(self, number: int = 1) -> bool:
        """Every channel has one message, which shows what stands in the store, and a thread that has told all of it once and in order."""
        incident = self.store.incidents[number]
        for chat in incident.chats:
            kept = self.shown(chat, number)
            card = kept.cards[-1]
            times = [line[:8] for line in kept.lines]
            if (card.state, len(card.lines)) != (incident.state, len(incident.notes)) or times != sorted(times):
                return False
            if len(set(kept.lines)) != len(kept.lines) or _tellable(self, number) != len(kept.lines):
                return False
        return number not in self.store.boards


def _tellable(house: House, number: int) -> int:
    from pager.notify.cards import told

    return len(told(house.store.logs[number], house.rules.names).splitlines())


@pytest.fixture
def house() -> House:
    return House()


# --- one message, kept up to date -----------------------------------------------------------------------------------------------------------
async def test_an_incident_has_one_message_in_each_of_its_channels(house: House) -> None:
    await house.alert()
    await house.settle()
    assert sorted(kept.address for kept in house.board.kept.values()) == ["#incident-critical", "#payments"]
    assert house.shown().cards[0].title == "#1 CRITICAL plain: disk full"
    assert house.is_up_to_date()


async def test_the_message_follows_the_incident_up_to_its_end(house: House) -> None:
    await house.alert()
    await house.settle()
    for action, state in ((ACK, State.ACKNOWLEDGED), (ESCALATE, State.TRIGGERED), (RESOLVE, State.RESOLVED)):
        await house.say(action)
        await house.deliver.run_once()
        await house.settle()
        assert house.state() is house.state("#incident-critical") is state
        assert house.is_up_to_date()
    assert house.shown().cards[-1].actions == ()
    assert len(house.board.kept) == 2


async def test_a_repeat_of_the_alert_disturbs_nobody(house: House) -> None:
    await house.alert()
    await house.settle()
    calls = len(house.board.calls)
    await house.alert()
    await house.settle()
    assert len(house.board.calls) == calls


async def test_the_thread_tells_what_happened_once_and_in_order(house: House) -> None:
    await house.alert()
    await house.settle()
    await house.say(NOTE, text="on my way")
    await house.settle()
    await house.say(ACK)
    await house.settle()
    assert [line.split(" ", 1)[1] for line in house.shown().lines if "Ana" in line] == [
        "Ana Ruiz: incident noted: on my way",
        "Ana Ruiz: incident acknowledged: by cli",
    ]
    assert house.is_up_to_date()


async def test_an_incident_that_ended_before_anybody_looked_is_shown_as_it_ended(house: House) -> None:
    await house.alert()
    await house.alert(action="resolve")
    await house.settle()
    assert [card.state for card in house.shown().cards] == [State.RESOLVED]


async def test_an_ended_incident_shows_its_own_alert_while_the_next_one_is_open(house: House) -> None:
    await house.alert()
    await house.settle()
    await house.alert(action="resolve")
    await house.alert(summary="disk full again")
    await house.settle()
    assert (house.state(number=1), house.state(number=2)) == (State.RESOLVED, State.TRIGGERED)
    assert house.shown(number=1).cards[-1].title.endswith("disk full")


async def test_a_channel_that_comes_with_a_later_stage_gets_its_message_then() -> None:
    house = House(
        PAYMENTS.replace('notify: ["schedule:secondary", "user:dora"]', 'notify: ["schedule:secondary", "channel:slack/#backup-room"]')
    )
    await house.alert()
    await house.settle()
    assert [kept.address for kept in house.board.kept.values()] == ["#payments"]
    await house.deadline(timedelta(minutes=5))
    await house.settle()
    assert house.state("#backup-room") is State.TRIGGERED
    assert house.is_up_to_date()


# --- the pace -----------------------------------------------------------------------------------------------------------------------------
async def test_a_burst_of_changes_is_folded_to_one_update_a_second(house: House) -> None:
    await house.alert()
    await house.settle()
    before = len(house.board.calls)
    for k in range(50):
        await house.say(NOTE, text=f"step {k}")
        house.store.clock.advance(timedelta(milliseconds=40))
        await house.show.run_once()
    calls = [where for name, where in house.board.calls[before:] if name == "update" and where.startswith("#payments")]
    assert 1 <= len(calls) <= 3, "two seconds have passed"
    await house.settle()
    assert house.shown().cards[-1].lines[-1] == "Note by Ana Ruiz: step 49"
    assert len(house.shown().lines) == _tellable(house, 1)


async def test_incidents_that_share_a_channel_take_turns(house: House) -> None:
    for k in range(5):
        await house.alert(dedup_key=f"k{k}")
    house.store.clock.advance(SECOND)
    for posts in (1, 1, 1, 2, 2):
        while await house.show.run_once():
            pass
        assert len([c for c in house.board.calls if c == ("post", "#payments")]) == posts
        house.store.clock.advance(PACE / 3 + timedelta(milliseconds=1))
    await house.settle()
    assert all(house.is_up_to_date(number) for number in range(1, 6))


async def test_a_busy_channel_does_not_hold_up_an_incident_of_another() -> None:
    house = House(
        CRITICAL.replace("teams:\n", 'teams:\n  db: {members: [dora], chat: "#db"}\n').replace("  db: {team: payments", "  db: {team: db")
    )
    for k in range(40):
        await house.alert(dedup_key=f"k{k}", severity="error")
    await house.alert(dedup_key="db", service="db", severity="error")
    await house.show.run_once()
    await house.show.run_once()
    assert ("post", "#db") in house.board.calls
    assert house.board.calls.count(("post", "#payments")) == 1


# --- the board fails ----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("call", ["post", "update", "reply"])
async def test_what_did_not_go_through_is_tried_again_after_its_wait_with_what_stands_then(house: House, call: str) -> None:
    if call == "update":
        await house.alert()
        await house.settle()
    house.board.trouble[call].extend([TryAgain(timedelta(seconds=10), "429")] * 2)
    await house.alert() if call != "update" else await house.say(NOTE, text="a")
    await house.settle(3)
    calls = [name for name, _ in house.board.calls].count(call)
    await house.say(ACK)
    await house.settle(5)
    assert [name for name, _ in house.board.calls].count(call) == calls, "not before its wait is over"
    await house.settle(30)
    assert house.state() is State.ACKNOWLEDGED
    assert house.is_up_to_date()


@pytest.mark.parametrize("call", ["post", "update", "reply"])
async def test_what_is_refused_for_good_is_not_tried_again_until_something_changes(house: House, call: str) -> None:
    if call == "update":
        await house.alert()
        await house.settle()
    house.board.trouble[call].extend([GiveUp("not_in_channel", Fault.ADDRESS)] * 2)
    await house.alert() if call != "update" else await house.say(NOTE, text="a")
    await house.settle(3)
    calls = len(house.board.calls)
    await house.settle(120)
    assert len(house.board.calls) == calls, "nothing spins"
    await house.say(ACK)
    await house.settle()
    assert house.is_up_to_date()


async def test_a_message_that_can_not_be_changed_any_more_still_has_its_thread(house: House) -> None:
    await house.alert()
    await house.settle()
    house.board.trouble["update"].extend([GiveUp("edit_window_closed", Fault.ADDRESS)] * 2)
    await house.say(RESOLVE)
    await house.settle()
    assert "incident resolved" in house.shown().lines[-1]


async def test_one_channel_that_refuses_does_not_cost_the_other_its_message(house: House) -> None:
    house.board.trouble["post"].append(GiveUp("is_archived", Fault.ADDRESS))
    await house.alert()
    await house.settle()
    assert [kept.address for kept in house.board.kept.values()] == ["#incident-critical"]


async def test_a_message_whose_answer_was_lost_is_found_again_and_brought_up_to_date(house: House) -> None:
    house.board.trouble["post"].append(Lost())
    await house.alert()
    await house.show.run_once()
    await house.say(ACK)  # the message that is found shows what was before
    await house.settle()
    assert [card.state for card in house.shown().cards] == [State.TRIGGERED, State.ACKNOWLEDGED]
    assert house.is_up_to_date()


async def test_lines_whose_answer_was_lost_are_found_again_and_only_what_is_new_is_told(house: House) -> None:
    house.board.trouble["reply"].extend([Lost()] * 2)
    await house.alert()
    await house.show.run_once()
    await house.say(ACK)
    await house.settle()
    assert len(house.shown().replies) == 2
    assert house.is_up_to_date()


async def test_a_board_that_hangs_is_given_up_for_now_and_shows_the_newest_later() -> None:
    house = House(look=timedelta(milliseconds=10))
    await house.alert()
    await house.settle()
    house.board.trouble["update"].append(Hangs())
    await house.say(NOTE, text="a")
    house.store.clock.advance(SECOND)
    await house.show.run_once()
    await house.say(ACK)
    house.store.clock.advance(LEASE)
    await house.settle()
    assert house.is_up_to_date()
    assert house.state() is State.ACKNOWLEDGED


async def test_a_post_that_hung_and_is_there_all_the_same_is_not_posted_twice() -> None:
    house = House(look=timedelta(milliseconds=10))
    house.board.trouble["post"].append(Hangs(done=True))
    await house.alert()
    await house.show.run_once()
    await house.say(ACK)
    house.store.clock.advance(LEASE)
    await house.settle()
    assert house.is_up_to_date()


async def test_a_fault_with_one_incident_is_counted_and_costs_the_others_nothing(house: House) -> None:
    house.board.trouble["post"].append(KeyError("blocks"))
    await house.alert(severity="error")
    await house.alert(dedup_key="other", service="db", severity="error")
    house.store.incidents[2] = msgspec.structs.replace(house.store.incidents[2], chats=("#db",))
    await house.show.run_once()
    assert house.state("#db", 2) is State.TRIGGERED
    assert b'pagerd_failures_total{where="show"} 1.0' in house.metrics.text()
    house.store.clock.advance(LEASE)
    await house.settle()
    assert house.state() is State.TRIGGERED, "it is looked at again"


# --- changes and crashes in between -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("call", ["post", "update", "reply"])
async def test_a_change_while_the_message_is_on_its_way_is_shown_next(house: House, call: str) -> None:
    if call == "update":
        await house.alert()
        await house.settle()
    else:
        house.board.meanwhile = lambda: house.say(ACK)
    await house.alert() if call != "update" else await house.say(NOTE, text="a")
    if call == "update":
        house.board.meanwhile = lambda: house.say(ACK)
    await house.settle()
    assert house.state() is State.ACKNOWLEDGED
    assert house.is_up_to_date()


async def after_a_crash(at: int, changes: bool, opened: bool, config: str) -> bool:
    """One look that dies at its n-th exchange with the store or the chat, and another process that goes on. False when it did not die."""
    house = House(config)
    await house.alert()
    if opened:
        await house.settle()
        await house.say(ACK, by="ben")
    house.store.clock.advance(SECOND)
    left, died = at, False

    def exchange() -> None:
        nonlocal left, died
        left -= 1
        if left < 0:
            died = True
            raise Crash

    reach = house.store.reach
    house.store.reach = lambda: (exchange(), reach())[1]  # type: ignore[method-assign, func-returns-value]
    house.board.step = exchange
    with contextlib.suppress(Crash):
        await house.show.run_once()
    house.store.reach, house.board.step = reach, lambda: None  # type: ignore[method-assign]
    house.restart("w1")
    if changes:
        await house.say(RESOLVE)
    house.store.clock.advance(LEASE)
    await house.settle()
    assert house.is_up_to_date(), f"after a crash at exchange {at}"
    return died


@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("config", [PAYMENTS, DMS])
async def test_a_crash_between_any_two_exchanges_leaves_one_message_up_to_date_and_a_thread_told_once(
    config: str, opened: bool, changes: bool
) -> None:
    died = 0
    while await after_a_crash(died, changes, opened, config):
        died += 1
    assert died > 8, "a look has that many exchanges at least"


async def test_a_store_that_goes_away_in_a_look_costs_nothing_but_time(house: House) -> None:
    async def store_goes() -> None:
        house.store.down = True

    house.board.meanwhile = store_goes
    await house.alert()
    await house.show.run_once()
    with pytest.raises(StoreUnavailable):
        await house.show.run_once()
    house.store.down = False
    house.store.clock.advance(LEASE)
    await house.settle()
    assert house.is_up_to_date()


async def test_two_workers_make_one_message(house: House) -> None:
    await house.alert()
    other = House()
    other.store, other.board, other.boards = house.store, house.board, house.boards
    other.restart("w1")
    for _ in range(10):
        house.store.clock.advance(SECOND)
        await asyncio.gather(house.show.run_once(), other.show.run_once())
    assert house.is_up_to_date()


# --- direct messages ----------------------------------------------------------------------------------------------------------------------
def direct(house: House, user: str = "slack:U0ANA") -> list[str]:
    """The receipts of the pages that person has got in the chat, in order."""
    return [kept.receipt for kept in house.channels["slack"].accepted if kept.message.address == user]


async def test_the_buttons_of_a_page_are_replaced_once_somebody_has_answered() -> None:
    house = House(DMS)
    await house.alert()
    await house.settle()
    [receipt] = direct(house)
    assert receipt not in house.board.kept, "nobody has answered yet"
    await house.say(ACK, by="ben")
    await house.settle()
    card = house.board.kept[receipt].cards[-1]
    assert (card.state, card.page) == (State.ACKNOWLEDGED, 1)
    assert ACK not in card.actions
    await house.say(RESOLVE, by="ben")
    await house.settle()
    assert house.board.kept[receipt].cards[-1].actions == ()


async def test_a_person_paged_again_has_no_buttons_left_in_the_older_message_either() -> None:
    house = House(DMS.replace("ack_timeout: 5m, resolve_timeout: 45m", "ack_timeout: 5m, on_timeout: repeat"))
    await house.alert()
    await house.deadline(timedelta(minutes=5))
    await house.settle()
    assert len(direct(house)) == 2
    await house.say(RESOLVE, by="ben")
    await house.settle()
    assert [house.board.kept[receipt].cards[-1].actions for receipt in direct(house)] == [(), ()]


async def test_a_page_that_asks_again_after_an_acknowledgement_has_its_buttons_back() -> None:
    house = House(DMS)
    await house.alert()
    await house.say(ACK)
    await house.settle()
    [receipt] = direct(house)
    assert ACK not in house.board.kept[receipt].cards[-1].actions
    await house.deadline(timedelta(minutes=45))
    await house.settle()
    card = house.board.kept[receipt].cards[-1]
    assert (card.state, card.actions[0], card.page) == (State.TRIGGERED, ACK, 1)


@pytest.mark.parametrize("trouble", [TryAgain(timedelta(seconds=3), "429"), Lost()])
async def test_buttons_that_could_not_be_replaced_are_tried_again(trouble: Trouble) -> None:
    house = House(DMS.replace(', chat: "#payments"', "").split("chat_channels")[0])
    await house.alert()
    await house.settle()
    assert house.store.incidents[1].chats == ()
    house.board.trouble["update"].append(trouble)
    await house.say(RESOLVE, by="ben")
    await house.settle()
    [receipt] = direct(house)
    assert house.board.kept[receipt].cards[-1].state is State.RESOLVED
    assert not house.store.boards


async def test_buttons_that_can_not_be_replaced_are_left_alone_until_something_changes() -> None:
    house = House(DMS.replace(', chat: "#payments"', "").split("chat_channels")[0])
    await house.alert()
    house.board.trouble["update"].append(GiveUp("edit_window_closed", Fault.ADDRESS))
    await house.say(ACK, by="ben")
    await house.settle(60)
    assert house.board.calls == [("update", direct(house)[0])]
    await house.say(RESOLVE, by="ben")
    await house.settle()
    assert house.board.kept[direct(house)[0]].cards[-1].state is State.RESOLVED


# --- no board ---------------------------------------------------------------------------------------------------------------------------
async def test_without_a_board_nothing_spins_and_the_message_comes_with_the_next_change(house: House) -> None:
    house.boards.clear()
    await house.alert()
    await house.settle()
    assert not house.store.boards
    house.boards["slack"] = house.board
    await house.say(ACK)
    await house.settle()
    assert house.is_up_to_date()


async def test_each_message_stays_with_the_chat_that_has_it() -> None:
    """A second workspace comes before the first in the config: what is in the first is kept up to date there."""
    house = House(DMS)
    await house.alert()
    await house.settle()
    [receipt] = direct(house)
    second = MemoryBoard("second")
    house.boards = {"second": second, "slack": house.board}
    text = DMS.replace("  slack: {bot_token", "  second: {kind: slack, bot_token: x, app_token: y}\n  slack: {bot_token").replace(
        "chat: [slack]", "chat: [second, slack]"
    )
    house.rules = Rules(config_of(text), Providers.of(config_of(text), {**CARRIED, BOARD: ("slack",)}))
    await house.say(RESOLVE, by="ben")
    await house.settle()
    assert second.calls == []
    assert house.is_up_to_date()
    assert house.board.kept[receipt].cards[-1].state is State.RESOLVED


async def test_where_the_chat_has_left_the_config_another_begins_a_message_and_tells_what_is_new() -> None:
    house = House(PAYMENTS)
    await house.alert()
    await house.settle()
    other = MemoryBoard("other")
    house.boards = {"other": other}
    text = PAYMENTS.replace("  slack: {bot_token", "  other: {kind: slack, bot_token").replace("chat: [slack]", "chat: [other]")
    house.rules = Rules(config_of(text), Providers.of(config_of(text), {**CARRIED, BOARD: ("slack",)}))
    await house.say(ACK)
    await house.settle()
    [kept] = other.kept.values()
    assert kept.cards[-1].state is State.ACKNOWLEDGED
    assert [line.split(" ", 1)[1] for line in kept.lines] == ["Ana Ruiz: incident acknowledged: by cli"]


async def test_an_incident_that_is_gone_is_not_looked_at_again(house: House) -> None:
    await house.alert()
    await house.say(RESOLVE)
    await house.ports.sweeper.retire(house.store.clock.now + timedelta(days=1), 0)
    await house.settle()
    assert house.board.calls == []
    assert not house.store.boards
