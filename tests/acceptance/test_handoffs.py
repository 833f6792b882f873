"""Hand-offs with real processes: told by one of them, once, though it is killed in the midst of it; and shown in Slack."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.acceptance.conftest import start_several
from tests.acceptance.daemon import Daemon, eventually
from tests.fakes.mail_server import MailServer
from tests.fakes.slack_fake import SlackFake

HANDED_OVER = 4  # schedules, half a second apart
STEP = timedelta(milliseconds=500)
AHEAD = timedelta(seconds=4)  # until the config is read, and looked at once


def schedules_from(first: datetime) -> str:
    """Schedules that hand over one after another, from `first` on; Ana to Ben, both told a second before and at it."""
    schedules = ""
    for k in range(HANDED_OVER):
        starts = f"{first + k * STEP - timedelta(hours=1):%Y-%m-%dT%H:%M:%S.%f}"
        shown = ', slack: {user_group: S0ONCALL, topic: "#ops"}' if k == 0 else ""
        layer = f"{{name: hour, users: [ana, ben], every: 1h, starts: {starts}}}"
        schedules += f"  s{k}: {{team: sre, timezone: UTC, layers: [{layer}], handoff: {{before: 1s}}{shown}}}\n"
    return f"schedules:\n{schedules}"


def told(slack: SlackFake, mail: MailServer) -> Counter[str]:
    """How often each hand-off was told to whom."""
    chat = [(slack.members[channel][0], m["text"]) for (channel, _), m in slack.messages.items() if channel in slack.members]
    # What a mail server was told twice, because nobody can ask it, has the same Message-ID: the reader sees it once.
    letters = {str(m.message["Message-ID"]): (m.recipients[0], m.part("plain")) for m in mail.messages}
    return Counter(f"{to}: {text.splitlines()[0].split(' until ')[0].split(':')[0]}" for to, text in [*chat, *letters.values()])


async def test_the_leader_is_killed_in_the_midst_of_hand_offs_and_each_is_told_once(
    make_daemon: Callable[..., Daemon], slack: SlackFake, mail: MailServer
) -> None:
    slack._do_conversations_setTopic({"channel": "C0OPS", "topic": "Payments, see https://wiki.example"})
    one = await start_several(make_daemon, slack, mail)
    two = await start_several(make_daemon, slack, mail, name="b", redis_url=one.store_url)
    assert (one.metric("pagerd_leader"), two.metric("pagerd_leader")) == (1, 0)
    schedules = schedules_from(datetime.now(UTC).replace(tzinfo=None) + AHEAD)
    for daemon in (one, two):
        (daemon.config / "schedules.yaml").write_text(schedules)
    await eventually(lambda: told(slack, mail), 10, one.tail)
    one.kill()  # while it tells, and before the last hand-offs
    wanted = Counter(
        f"{to}: {what}"
        for k in range(HANDED_OVER)
        for address in (("U0BOB", "ben@example.com"), ("U0ALICE", "ana@example.com"))
        for to in address
        for what in ([f"You are on call now for s{k}"] if address[0] == "U0BOB" else [f"You are off call for s{k}"])
    )

    def at_it() -> Counter[str]:
        return Counter({what: count for what, count in told(slack, mail).items() if " in " not in what})

    await eventually(lambda: len(at_it()) == len(wanted), 15, lambda: f"{wanted - at_it()}\n{two.tail()}")
    await eventually(lambda: slack.usergroups["S0ONCALL"]["users"] == ["U0BOB"], 5, two.tail)
    await asyncio.sleep(0.5)  # for what would come twice
    assert set(told(slack, mail).values()) == {1}, told(slack, mail)
    assert at_it() == wanted
    assert two.metric("pagerd_leader") == 1
    topic = slack.channels["C0OPS"]["topic"]["value"]
    assert topic.startswith("On call: Ben Okafor until ")
    assert topic.endswith(" UTC | Payments, see <https://wiki.example>")
