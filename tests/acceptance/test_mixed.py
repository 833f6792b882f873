"""Nights on which chat, email and SMS are used together, and on which they fail together."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pager.store.embedded import start as start_store
from tests.acceptance.conftest import start_several
from tests.acceptance.daemon import ANA, BEN, ERIK, SEVERAL, Daemon, code_in, eventually, pages, texts
from tests.acceptance.test_email import link_in, mails, opened, pressed
from tests.acceptance.test_slack import OPS, asking, boards, direct, place, shown, whispered
from tests.fakes.mail_server import MailServer
from tests.fakes.slack_fake import SlackFake
from tests.fakes.twilio_fake import TwilioFake

EMAIL_FIRST = SEVERAL.replace(
    "via: [chat]}}, {{after: 1s, via: [sms]}}]", "via: [email]}}, {{after: 1s, via: [chat]}}, {{after: 2s, via: [sms]}}]"
)


async def test_a_ladder_climbs_until_somebody_answers(
    make_daemon: Callable[..., Daemon], slack: SlackFake, mail: MailServer, twilio: TwilioFake
) -> None:
    daemon = await start_several(make_daemon, slack, mail, config=EMAIL_FIRST)
    await slack.wait_socket()
    await daemon.push(summary="disk full", service="night", dedup_key="k", severity="critical")
    await eventually(lambda: mails(mail), 3, daemon.tail)
    assert asking(slack) == []
    await eventually(lambda: asking(slack), 3, daemon.tail)
    assert pages(twilio) == []
    assert (await slack.click(*place(slack, asking(slack)[0]), "acknowledge"))["acked"]
    # The third rung is a second away: it must not come. Another incident's shows that its time has passed.
    await daemon.push(summary="log full", service="night", dedup_key="k2", severity="critical")
    await eventually(lambda: pages(twilio, ANA), 5, daemon.tail)
    assert ["log full" in m["body"] for m in pages(twilio)] == [True]


async def acknowledge_by_button(daemon: Daemon, slack: SlackFake, mail: MailServer, twilio: TwilioFake) -> str:
    assert (await slack.click(*place(slack, asking(slack)[0]), "acknowledge"))["acked"]
    return "ana"


async def acknowledge_by_link(daemon: Daemon, slack: SlackFake, mail: MailServer, twilio: TwilioFake) -> str:
    assert (await pressed(link_in(mails(mail)[0])))[0] == 200
    return "ana"


async def acknowledge_by_sms(daemon: Daemon, slack: SlackFake, mail: MailServer, twilio: TwilioFake) -> str:
    answer = await twilio.inbound_sms(BEN, "+15005550006", code_in(pages(twilio, BEN)[0]))
    assert "cknowledged 1" in answer["replies"][0]
    return "ben"


async def acknowledge_by_command_line(daemon: Daemon, slack: SlackFake, mail: MailServer, twilio: TwilioFake) -> str:
    await daemon.cli("ack", "1", "--as", "ben")
    return "ben"


@pytest.mark.parametrize(
    "acknowledge",
    [acknowledge_by_button, acknowledge_by_link, acknowledge_by_sms, acknowledge_by_command_line],
    ids=["button", "link", "sms", "command line"],
)
async def test_an_answer_over_one_channel_stops_all_others_and_tells_everybody_else(
    several: Daemon, slack: SlackFake, mail: MailServer, twilio: TwilioFake, acknowledge: Callable[..., object]
) -> None:
    await several.push(summary="disk full", service="shop", dedup_key="k", severity="critical")
    await eventually(
        lambda: len(mails(mail)) == 1 and asking(slack) and asking(slack, "U0BOB") and len(pages(twilio)) == 2, 5, several.tail
    )
    who = await acknowledge(several, slack, mail, twilio)  # type: ignore[misc]
    name, other, chat = ("Ana Ruiz", "ben", "U0BOB") if who == "ana" else ("Ben Okafor", "ana", "U0ALICE")
    incident = await several.show(1)
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", who)

    def told() -> bool:
        """Where the other was paged last: over any one of their channels."""
        words = f"Acknowledged by {name}"
        by_sms = any(words in m["body"] for m in texts(twilio, ANA if other == "ana" else BEN))
        by_mail = any(words in m.part("plain") for m in mails(mail, f"{other}@example.com"))
        return by_sms or by_mail or any(words in m["text"] for m in direct(slack, chat))

    await eventually(told, 5, several.tail)
    # Nobody's message still asks, and the one who was not needed sees by whom.
    for user in ("U0ALICE", "U0BOB"):
        await eventually(lambda user=user: f"acknowledged by {name}" in shown(asking(slack, user)[0]), 5, several.tail)  # type: ignore[misc]
    await eventually(lambda: f"acknowledged by {name}" in shown(boards(slack)[0]), 5, several.tail)
    assert (await several.show(1))["stage"] == 1
    assert [m["number"] for m in await several.incidents("--all")] == [1]


async def test_three_channels_that_fail_at_once_end_at_a_human(
    several: Daemon, slack: SlackFake, mail: MailServer, twilio: TwilioFake
) -> None:
    slack.fault("chat.postMessage", error="channel_not_found", times=1000)
    mail.refuse("RCPT", "550 5.1.1 no such user", times=9)
    for number in (ANA, BEN):
        twilio.phone(number, sms="undelivered", error_code=30005)
    await several.push(summary="disk full", service="shop", dedup_key="k", severity="critical")
    await eventually(lambda: pages(twilio, ERIK), 4, several.tail)
    assert "before you: " in pages(twilio, ERIK)[0]["body"]
    assert not asking(slack)
    assert not mails(mail)


async def test_each_of_two_accounts_sends_receives_and_stands_in_for_the_other(
    make_daemon: Callable[..., Daemon], slack: SlackFake, mail: MailServer, twilio: TwilioFake
) -> None:
    second_account = """\
  spare: {{kind: twilio, account_sid: "{sid2}", auth_token: "{token2}", from: {{"*": "+15005550020"}}, api_url: "{api2}", timeout: 2s}}
  email: """
    config = SEVERAL.replace("  email: ", second_account, 1)
    async with TwilioFake(account_sid="AC" + "2" * 32, auth_token="2" * 32, from_numbers=["+15005550020"]) as other:
        vendors = {"sid2": other.account_sid, "token2": other.auth_token, "api2": other.url}
        daemon = await start_several(make_daemon, slack, mail, config=config, vendors=vendors, channels="[twilio, spare]")
        other.sms_url["*"] = f"{daemon.url}/twilio/sms"
        await daemon.push(summary="disk full", service="db", dedup_key="k", severity="critical")
        await eventually(lambda: pages(twilio, ANA), 5, daemon.tail)
        assert pages(other) == []
        twilio.fault(op="CreateMessage", status=401, code=20003, times=99)
        await daemon.push(summary="log full", service="night", dedup_key="k2", severity="critical")
        await eventually(lambda: pages(other, ANA), 5, daemon.tail)
        # The receipt and the reply come signed with the second account's token.
        answer = await other.inbound_sms(ANA, "+15005550020", code_in(pages(other, ANA)[0]))
        assert "cknowledged 2" in answer["replies"][0]
        assert (await twilio.inbound_sms(ANA, "+15005550006", f"{code_in(pages(twilio, ANA)[0])} resolve"))["status"] == 200
        assert [i["state"] for i in await daemon.incidents("--all")].count("resolved") == 1
        # Signed with the other's token it is nobody's.
        other.auth_token = twilio.auth_token
        assert (await other.inbound_sms(ANA, "+15005550020", "7K3M"))["status"] == 403


@pytest.mark.parametrize("trouble", ["gone", "silent"])
async def test_an_answer_that_could_not_be_stored_says_so_whatever_it_came_by(
    make_daemon: Callable[..., Daemon], slack: SlackFake, mail: MailServer, twilio: TwilioFake, tmp_path: Path, trouble: str
) -> None:
    store = start_store(tmp_path / "elsewhere")
    pid = int((tmp_path / "elsewhere" / "store" / "pid").read_text())
    try:
        daemon = await start_several(make_daemon, slack, mail, redis_url=f"unix://{store.socket_path}")
        await slack.wait_socket()
        await daemon.push(summary="disk full", service="shop", dedup_key="k", severity="critical")
        await eventually(lambda: mails(mail) and asking(slack) and pages(twilio, BEN), 5, daemon.tail)
        os.kill(pid, signal.SIGSTOP) if trouble == "silent" else store.stop()
        await eventually(lambda: not daemon.is_ready(), 15, daemon.tail)
        link = link_in(mails(mail)[0])
        # All at once: each may wait as long as its vendor does.
        (status, text), (seen, *_), texted, clicked, _, mentioned = await asyncio.gather(
            pressed(link),
            opened(link),
            twilio.inbound_sms(BEN, "+15005550006", code_in(pages(twilio, BEN)[0])),
            slack.click(*place(slack, asking(slack)[0]), "acknowledge"),
            slack.command("/pager", "ack 1"),
            slack.mention("ack 1"),
        )
        assert (status, "NOT recorded" in text, seen) == (503, True, 503)
        assert "NOT recorded" in texted["replies"][0]
        assert clicked["acked"]
        assert mentioned["acked"]
        await eventually(lambda: [said.startswith("NOT recorded") for said in whispered(slack)] == [True, True], 15, daemon.tail)
        await eventually(
            lambda: any("NOT recorded" in m["text"] for (channel, _), m in slack.messages.items() if channel == OPS), 15, daemon.tail
        )
        # And it did not count.
        if trouble == "silent":
            os.kill(pid, signal.SIGCONT)
        else:
            store = start_store(tmp_path / "elsewhere")
        await eventually(daemon.is_ready, 15, daemon.tail)
        assert (await daemon.show(1))["acknowledged_by"] is None
        # The link was not used up.
        assert (await pressed(link))[0] == 200
        assert (await daemon.show(1))["acknowledged_by"] == "ana"
    finally:
        if trouble == "silent":
            os.kill(pid, signal.SIGCONT)
        daemon.kill()
        store.stop()
