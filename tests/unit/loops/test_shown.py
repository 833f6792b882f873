"""Who is on call, shown by whoever leads: asked of a roster that keeps what it is given, on a clock that is moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from pager.decide import Rules
from pager.loops.shown import LOOK_AGAIN, ShowOnCall
from pager.model.event import Fault
from pager.notify.plan import BOARD, Providers
from pager.notify.shown import Shown
from pager.ports import GiveUp, TryAgain
from pager.telemetry import Metrics
from tests.night import config_of

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
D, SECOND = timedelta(days=1), timedelta(seconds=1)
WEEK = """
providers: {{slack: {{bot_token: x}}}}
channels: {{chat: slack}}
users:
  ana: {{name: Ana Ruiz, contact: {{chat: "slack:U0ANA"}}}}
  ben: {{name: Ben Okafor, contact: {{chat: "slack:U0BEN"}}}}
  dora: {{name: Dora Weiss, contact: {{sms: "+12125550104"}}}}
schedules:
  primary:
    timezone: Europe/Madrid
    layers: [{{name: week, users: {users}, every: 1w, starts: 2026-01-05T09:00, take: {take}}}]
    slack: {slack}
"""


class Kept:
    """A roster; what is in `next` is answered first."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.there: dict[str, tuple[str, ...]] = {}
        self.next: list[TryAgain | GiveUp] = []

    async def show_group(self, group: str, users: Sequence[str]) -> Shown | TryAgain | GiveUp:
        assert users, "Slack takes no empty group"
        return self._show(group, tuple(users))

    async def show_topic(self, address: str, wordings: Sequence[str]) -> Shown | TryAgain | GiveUp:
        return self._show(address, (wordings[0],))

    def _show(self, where: str, what: tuple[str, ...]) -> Shown | TryAgain | GiveUp:
        self.asked.append((where, *what))
        if self.next:
            return self.next.pop(0)
        changed = self.there.get(where) != what
        self.there[where] = what
        return Shown(changed)


class House:
    def __init__(
        self, users: str = "[ana, ben]", slack: str = '{user_group: S0ONCALL, topic: "#pay"}', take: int = 1, credentials: bool = True
    ) -> None:
        self.now = MONDAY
        self.roster, self.metrics = Kept(), Metrics()
        config = config_of(WEEK.format(users=users, slack=slack, take=take))
        self.rules = Rules(config, Providers.of(config, {"chat": ("slack",), BOARD: ("slack",)}))
        self.rosters = {"slack": self.roster} if credentials else {}
        self.start()

    def start(self) -> None:
        async def now() -> datetime:
            return self.now

        self.loop = ShowOnCall(now, lambda: self.rosters, lambda: self.rules, self.metrics)

    async def after(self, by: timedelta = timedelta(0)) -> list[tuple[str, ...]]:
        """Time passes, and it is looked once: what was asked of Slack."""
        self.now += by
        before = len(self.roster.asked)
        await self.loop.step(1)
        return self.roster.asked[before:]

    def counted(self, what: str, result: str) -> float:
        return self.metrics.registry.get_sample_value("pagerd_slack_shown_total", {"what": what, "result": result}) or 0


ANA = [("S0ONCALL", "U0ANA"), ("#pay", "On call: Ana Ruiz until Mon 09:00 CET")]
BEN = [("S0ONCALL", "U0BEN"), ("#pay", "On call: Ben Okafor until Mon 09:00 CET")]


async def test_it_is_shown_at_once_at_each_hand_off_and_looked_at_again_every_ten_minutes() -> None:
    house = House()
    assert await house.after() == ANA
    assert await house.after(SECOND) == []
    assert await house.after(LOOK_AGAIN) == ANA
    house.now = MONDAY + 7 * D - SECOND
    await house.after()
    assert await house.after(SECOND) == BEN
    assert await house.after(SECOND) == []
    assert (house.counted("user_group", "set"), house.counted("topic", "set")) == (2, 2)


async def test_another_that_leads_looks_before_it_writes() -> None:
    house = House()
    await house.after()
    house.start()
    assert await house.after(SECOND) == ANA
    assert house.counted("user_group", "same") == 1


async def test_the_topic_stays_as_it_is_for_the_whole_of_a_turn() -> None:
    house = House(slack='{topic: "#pay"}')
    said: set[tuple[str, ...]] = set()
    for _ in range(7 * 24 - 1):
        said.update(await house.after(timedelta(hours=1)))
    assert said == {ANA[1]}


async def test_a_group_without_anybody_keeps_its_members_and_that_is_said_once() -> None:
    house = House(users="[ana, null]")
    await house.after()
    with capture_logs() as logs:
        assert await house.after(7 * D) == [("#pay", "On call: nobody until Mon 09:00 CET")]
        await house.after(LOOK_AGAIN)
    assert house.roster.there["S0ONCALL"] == ("U0ANA",)
    [said] = [e for e in logs if e["event"] == "slack.not_shown"]
    assert (said["where"], said["why"]) == (
        "S0ONCALL",
        "nobody is on call; its members stay who they were, since Slack lets no group be empty",
    )
    assert house.counted("user_group", "kept") == 2


async def test_who_has_no_slack_is_left_out_and_named() -> None:
    house = House(users="[ana, dora]", take=2)
    with capture_logs() as logs:
        assert (await house.after())[0] == ("S0ONCALL", "U0ANA")
    assert [e["why"] for e in logs if e["event"] == "slack.not_shown"] == ["left out: dora: no contact.chat"]


async def test_what_slack_refuses_is_said_once_counted_and_tried_again() -> None:
    house = House(slack="{user_group: S0NEVER}")
    house.roster.next = [GiveUp("Slack no_such_subteam: no such user group", Fault.ADDRESS)] * 2
    with capture_logs() as logs:
        await house.after()
        assert await house.after(SECOND) == []
        await house.after(LOOK_AGAIN)
        await house.after(LOOK_AGAIN)
    assert [e["event"] for e in logs if e["log_level"] == "warning"] == ["slack.not_shown"]
    assert (house.counted("user_group", "failed"), house.counted("user_group", "set")) == (2, 1)


async def test_slack_is_left_alone_for_as_long_as_it_asks_even_over_a_hand_off() -> None:
    house = House(slack="{user_group: S0ONCALL}")
    house.now = MONDAY + 7 * D - 10 * SECOND
    house.roster.next = [TryAgain(timedelta(seconds=90), "Slack ratelimited")]
    await house.after()
    assert await house.after(60 * SECOND) == []
    assert await house.after(30 * SECOND) == [BEN[0]]


async def test_an_account_without_credentials_is_said() -> None:
    house = House(credentials=False)
    with capture_logs() as logs:
        assert await house.after() == []
    assert {e["why"] for e in logs} == {"no Slack account is configured that could"}


@pytest.mark.parametrize("hours", [1, 24 * 30])
async def test_a_place_that_is_configured_no_more_is_forgotten(hours: int) -> None:
    house = House()
    await house.after()
    other = House(slack='{topic: "#other"}')
    house.rules = other.rules
    assert await house.after(timedelta(hours=hours)) != []
    assert [asked[0] for asked in house.roster.asked[2:]] == ["#other"]
