"""Who is on call, shown by Slack: its own SDK against a server that refuses as Slack does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pager.channels.slack import SCOPES, Slack
from pager.channels.slack_roster import GROUP_SCOPES, TOPIC_SCOPES, SlackRoster, as_typed
from pager.notify.shown import Shown
from pager.ports import GiveUp, TryAgain
from pager.wiring.doctor import doctor
from tests.fakes.slack_fake import SlackFake

GROUP, OPS = "S0ONCALL", "C0OPS"
ANA = ("On call: Ana Ruiz until Mon 09:00 CET", "On call: Ana Ruiz")
BEN = ("On call: Ben & Söhne until Mon 09:00 CET", "On call: Ben & Söhne")


@pytest.fixture
async def slack() -> AsyncIterator[SlackFake]:
    async with SlackFake() as fake:
        yield fake


@pytest.fixture
async def roster(slack: SlackFake) -> AsyncIterator[SlackRoster]:
    channel = Slack("slack", slack.bot_token, api_url=slack.base_url, timeout=timedelta(seconds=0.5))
    yield channel.roster
    await channel.close()


def wrote(slack: SlackFake) -> list[str]:
    return [r["method"] for r in slack.requests if r["method"] in ("usergroups.users.update", "conversations.setTopic")]


def topic(slack: SlackFake) -> str:
    return as_typed(slack.channels[OPS]["topic"]["value"])


async def test_a_group_has_the_people_on_call_and_is_written_only_where_it_differs(roster: SlackRoster, slack: SlackFake) -> None:
    assert await roster.show_group(GROUP, ["U0ALICE"]) == Shown(changed=False)
    assert wrote(slack) == []
    assert await roster.show_group(GROUP, ["U0BOB", "U0ALICE"]) == Shown(changed=True)
    assert await roster.show_group(GROUP, ["U0ALICE", "U0BOB"]) == Shown(changed=False)
    assert slack.usergroups[GROUP]["users"] == ["U0BOB", "U0ALICE"]
    assert wrote(slack) == ["usergroups.users.update"]


async def test_a_group_is_never_emptied(roster: SlackRoster, slack: SlackFake) -> None:
    with pytest.raises(ValueError, match="empty"):
        await roster.show_group(GROUP, [])
    assert slack.usergroups[GROUP]["users"] == ["U0ALICE"]


async def test_a_topic_keeps_what_people_wrote_through_every_hand_off(roster: SlackRoster, slack: SlackFake) -> None:
    people = "Payments & refunds, see https://wiki.example/x | ask <here> first"
    slack._do_conversations_setTopic({"channel": OPS, "topic": people})
    slack.requests.clear()
    for wordings in (ANA, BEN, ANA):
        assert await roster.show_topic("#ops", wordings) == Shown(changed=True)
        assert await roster.show_topic("#ops", wordings) == Shown(changed=False)
        assert topic(slack) == f"{wordings[0]} | {people}"
    assert wrote(slack) == ["conversations.setTopic"] * 3


async def test_a_topic_that_nobody_wrote_is_ours_alone(roster: SlackRoster, slack: SlackFake) -> None:
    assert await roster.show_topic(OPS, ANA) == Shown(changed=True)
    assert topic(slack) == ANA[0]


async def test_a_topic_without_room_is_left_to_the_people(roster: SlackRoster, slack: SlackFake) -> None:
    people = "x" * 230
    slack._do_conversations_setTopic({"channel": OPS, "topic": people})
    assert await roster.show_topic(OPS, ANA) == Shown(changed=True)
    assert topic(slack) == f"{ANA[1]} | {people}", "the shorter wording fits"
    slack._do_conversations_setTopic({"channel": OPS, "topic": people + "y" * 15})
    no = await roster.show_topic(OPS, ANA)
    assert isinstance(no, GiveUp)
    assert "no room" in no.why
    assert topic(slack) == people + "y" * 15


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such group": ({"group": "S0NEVER"}, "no such user group"),
    "a group that is turned off": ({"group": "S0GONE"}, "no such user group"),
    "a scope that is missing": ({"granted": {"chat:write", "usergroups:read"}}, "(needed: usergroups:write)"),
    "a plan without user groups": ({"has_user_groups": False}, "plan has no user groups"),
    "only administrators may": ({"groups_are_for": "admins"}, "let everybody"),
    "somebody who is deactivated": ({"users": ("U0NOBODY",)}, "deactivated"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_keeps_a_group_from_being_shown_is_said_in_words(roster: SlackRoster, slack: SlackFake, case: str) -> None:
    given, said = WRONG[case]
    for name in given.keys() & {"granted", "has_user_groups", "groups_are_for"}:
        setattr(slack, name, given[name])
    no = await roster.show_group(given.get("group", GROUP), given.get("users", ("U0BOB",)))
    assert isinstance(no, GiveUp)
    assert said in no.why
    assert slack.usergroups[GROUP]["users"] == ["U0ALICE"]


@pytest.mark.parametrize(
    ("room", "said"),
    [("C0ELSE", "not in that channel"), ("#else", "not in that channel"), ("C0OLD", "archived"), ("#nowhere", "no such channel")],
)
async def test_what_keeps_a_topic_from_being_set_is_said_in_words(roster: SlackRoster, room: str, said: str) -> None:
    no = await roster.show_topic(room, ANA)
    assert isinstance(no, GiveUp)
    assert said in no.why


async def test_a_scope_for_topics_that_is_missing_is_named(roster: SlackRoster, slack: SlackFake) -> None:
    slack.granted = {"chat:write", "channels:read"}
    no = await roster.show_topic(OPS, ANA)
    assert isinstance(no, GiveUp)
    assert "(needed: channels:write.topic)" in no.why


async def test_slack_is_asked_again_when_it_says(roster: SlackRoster, slack: SlackFake) -> None:
    slack.fault("usergroups.users.update", status=429, retry_after=90)
    assert await roster.show_group(GROUP, ["U0BOB"]) == TryAgain(
        timedelta(seconds=90), "Slack ratelimited: it does not take more right now"
    )


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("how", [{"status": 500}, {"drop": True}, {"garbage": True}, {"hang": 2}, {"error": "fatal_error"}])
async def test_what_ends_without_a_yes_is_done_again(roster: SlackRoster, slack: SlackFake, how: dict[str, Any], carried_out: bool) -> None:
    for method in ("usergroups.users.update", "conversations.setTopic"):
        slack.fault(method, accepted=carried_out, **how)
    assert isinstance(await roster.show_group(GROUP, ["U0BOB"]), TryAgain)
    assert isinstance(await roster.show_topic(OPS, ANA), TryAgain)
    assert await roster.show_group(GROUP, ["U0BOB"]) == Shown(changed=not carried_out)
    assert await roster.show_topic(OPS, ANA) == Shown(changed=not carried_out)
    assert (slack.usergroups[GROUP]["users"], topic(slack)) == (["U0BOB"], ANA[0])


async def test_doctor_hears_all_that_is_amiss_before_the_night(roster: SlackRoster, slack: SlackFake) -> None:
    slack.granted = {"chat:write", "channels:read", *GROUP_SCOPES, *TOPIC_SCOPES}
    assert await roster.check([GROUP], [OPS, "#ops"]) == []
    slack.granted -= {"usergroups:write", "groups:write.topic"}
    wrong = await roster.check([GROUP, "S0NEVER"], ["C0ELSE", "#nowhere"])
    assert "the app lacks usergroups:write, groups:write.topic" in wrong[0]
    assert [w.split(":")[0] for w in wrong[1:]] == ["user group S0NEVER", "topic of C0ELSE", "topic of #nowhere"]
    assert wrote(slack) == []


def test_a_topic_is_read_as_somebody_typed_it() -> None:
    given = "a &amp; b &lt;c&gt; <https://x.example/?a=1&amp;b=2> <http://y.example|y.example> <#C012|general>"
    assert as_typed(given) == "a & b <c> https://x.example/?a=1&b=2 y.example #general"


CONFIG = """
settings: {{demo: true, data_dir: "{data}"}}
providers: {{slack: {{bot_token: "{token}", app_token: "{app}", api_url: "{url}"}}}}
channels: {{chat: slack}}
users: {{ana: {{name: Ana, contact: {{chat: "slack:U0ALICE"}}}}}}
schedules:
  week:
    layers: [{{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}}]
    slack: {{user_group: {group}, topic: "#ops"}}
"""


@pytest.mark.parametrize(
    ("group", "lacks", "said"),
    [
        ("S0ONCALL", "", "provider slack: who is on call can be shown in user groups and topics"),
        ("S0NEVER", "", "provider slack: user group S0NEVER: Slack no_such_subteam: no such user group"),
        ("S0ONCALL", "usergroups:write", "provider slack: the app lacks usergroups:write: add them under OAuth & Permissions"),
    ],
)
async def test_the_doctor_looks_at_what_is_to_be_shown(slack: SlackFake, tmp_path: Path, group: str, lacks: str, said: str) -> None:
    slack.granted = {*SCOPES, *GROUP_SCOPES, *TOPIC_SCOPES} - {lacks}
    text = CONFIG.format(data=tmp_path / "data", token=slack.bot_token, app=slack.app_token, url=slack.base_url, group=group)
    (tmp_path / "pagerd.yaml").write_text(text)
    found = [finding for finding in await doctor(tmp_path, {}) if finding.what.startswith(said)]
    assert [finding.ok for finding in found] == [said.endswith("topics")], await doctor(tmp_path, {})
