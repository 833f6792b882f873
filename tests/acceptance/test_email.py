"""A page by email, and the signed link to answer it by, against a real mail server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.message import EmailMessage

import aiohttp
import pytest

from tests.acceptance.conftest import start_several
from tests.acceptance.daemon import ANA, BEN, Daemon, eventually, pages, texts
from tests.fakes.mail_server import Mail, MailServer
from tests.fakes.slack_fake import SlackFake
from tests.fakes.twilio_fake import TwilioFake

TO_ANSWER = re.compile(r"To answer: (\S+)")


def mails(mail: MailServer, to: str = "ana@example.com") -> list[Mail]:
    return [m for m in mail.messages if to in m.recipients]


def link_in(mail: Mail) -> str:
    found = TO_ANSWER.findall(mail.part("plain"))
    assert len(found) == 1, mail.part("plain")
    return str(found[0])


async def paged(daemon: Daemon, mail: MailServer, key: str = "k") -> str:
    """The link in Ana's page."""
    before = len(mails(mail))
    await daemon.push(summary="disk <full>", service="mail", dedup_key=key, severity="critical")
    await eventually(lambda: len(mails(mail)) > before, 5, daemon.tail)
    return link_in(mails(mail)[-1])


async def opened(url: str) -> tuple[int, str, Mapping[str, str]]:
    async with aiohttp.ClientSession() as browser, browser.get(url) as answer:
        return answer.status, await answer.text(), answer.headers


async def pressed(url: str, action: str = "acknowledge", **more: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as browser, browser.post(url, data={"action": action, **more}) as answer:
        return answer.status, await answer.text()


async def events(daemon: Daemon, number: int = 1) -> list[str]:
    return [e["event"] for e in (await daemon.show(number))["timeline"]]


class TestThePage:
    async def test_has_what_mail_programs_keep_together_and_a_resolution_lands_in_the_same_thread(
        self, several: Daemon, mail: MailServer
    ) -> None:
        await paged(several, mail)
        await several.push(action="resolve", dedup_key="k")
        await eventually(lambda: len(mails(mail)) == 2, 5, several.tail)
        page, over = (m.message for m in mails(mail))
        assert _headers(page, "From", "To", "Auto-Submitted", "X-Priority", "List-Id") == [
            "On call <pagerd@example.com>", "ana@example.com", "auto-generated", "1", "pagerd <pagerd.example.com>",
        ]  # fmt: skip
        assert page["Message-ID"] != over["Message-ID"]
        assert page["References"] == page["In-Reply-To"] == over["References"] == over["In-Reply-To"]
        assert page["Subject"] == over["Subject"] == "[#1] mail: disk <full>"
        assert "Resolved by stream" in mails(mail)[1].part("plain")
        assert not TO_ANSWER.search(mails(mail)[1].part("plain"))

    async def test_is_text_and_html_with_one_link(self, several: Daemon, mail: MailServer) -> None:
        link = await paged(several, mail)
        [sent] = mails(mail)
        assert link.startswith(f"{several.url}/reply/")
        assert "CRITICAL mail: disk <full>" in sent.part("plain")
        assert "CRITICAL mail: disk &lt;full&gt;" in sent.part("html")
        assert sent.part("html").count(link) >= 1
        assert "<script" not in sent.part("html")


class TestTheLink:
    async def test_opened_it_shows_and_changes_nothing_pressed_it_acts_once(self, several: Daemon, mail: MailServer) -> None:
        link = await paged(several, mail)
        before = await several.show(1)
        for _ in range(5):  # scanners, previews, a thumb
            status, text, headers = await opened(link)
            assert (status, headers["Cache-Control"], headers["Referrer-Policy"]) == (200, "no-store", "no-referrer")
        assert [text.count(f'value="{action}"') for action in ("acknowledge", "resolve", "escalate", "snooze")] == [1, 1, 1, 1]
        assert "You answer as Ana Ruiz" in text
        assert await several.show(1) == before
        status, text = await pressed(link)
        assert (status, "cknowledged 1" in text) == (200, True)
        assert (await several.show(1))["acknowledged_by"] == "ana"
        status, text = await pressed(link)
        assert (status, "nothing was done again" in text) == (409, True)
        assert (await events(several)).count("incident.acknowledged") == 1
        assert [(await pressed(link, "explode"))[0], (await pressed(link, "snooze", duration="ever"))[0]] == [400, 400]
        assert (await pressed(link, "snooze", duration="2h"))[0] == 200
        assert (await pressed(link, "resolve"))[0] == 200
        assert (await several.show(1))["resolved_by"] == "ana"
        assert "<form" not in (await opened(link))[1]

    async def test_tampered_with_it_is_refused(self, several: Daemon, mail: MailServer) -> None:
        link, other = await paged(several, mail), await paged(several, mail, "k2")
        front, _, signature = link.rpartition(".")
        for bad in (
            f"{front}.{signature[:-2]}xx",
            f"{other.rpartition('.')[0]}.{signature}",
            f"{front[:-1]}A.{signature}",
            front,
            link[:-9],
        ):
            assert [(await opened(bad))[0], (await pressed(bad))[0]] == [403, 403], bad
        assert [(await several.show(n))["state"] for n in (1, 2)] == ["triggered", "triggered"]

    async def test_of_a_key_that_was_rotated_out_it_is_refused_and_of_one_that_is_kept_it_works(
        self, several: Daemon, mail: MailServer
    ) -> None:
        file = several.config / "pagerd.yaml"
        summer = await paged(several, mail)
        await _reloaded(
            several, file.read_text().replace("link_keys: [summer-0123456789]", "link_keys: [autumn-0123456789, summer-0123456789]")
        )
        autumn = await paged(several, mail, "k2")
        assert (await opened(summer))[0] == 200
        await _reloaded(
            several,
            file.read_text().replace(
                "link_keys: [autumn-0123456789, summer-0123456789]", "link_keys: [winter-0123456789, autumn-0123456789]"
            ),
        )
        assert [(await opened(summer))[0], (await pressed(summer))[0]] == [403, 403]
        assert (await pressed(autumn))[0] == 200
        assert [(await several.show(n))["state"] for n in (1, 2)] == ["triggered", "acknowledged"]


class TestAServerThatSaysNo:
    async def test_to_the_recipient_the_next_rung_is_tried_at_once(self, several: Daemon, mail: MailServer, twilio: TwilioFake) -> None:
        await _reloaded(several, _ladder(several, "[{after: 0s, via: [email]}, {after: 10m, via: [sms]}]"))
        mail.refuse("RCPT", "550 5.1.1 no such user", only="ana@")
        await several.push(summary="disk full", service="night", dedup_key="k", severity="critical")
        await eventually(lambda: pages(twilio, ANA), 2, several.tail)
        assert mails(mail) == []

    async def test_without_another_rung_the_next_stage_is_entered_at_once(
        self, several: Daemon, mail: MailServer, twilio: TwilioFake
    ) -> None:
        mail.refuse("RCPT", "550 5.1.1 no such user", only="ana@")
        await several.push(summary="disk full", service="mail", dedup_key="k", severity="critical")
        await eventually(lambda: pages(twilio, BEN), 2, several.tail)
        assert "Ana Ruiz (email" in pages(twilio, BEN)[0]["body"]

    async def test_to_one_of_two_people_the_other_is_paged_all_the_same(
        self, several: Daemon, mail: MailServer, twilio: TwilioFake
    ) -> None:
        mail.refuse("RCPT", "550 5.1.1 no such user", only="ben@")
        await several.push(summary="disk full", service="shop", dedup_key="k", severity="critical")
        await eventually(lambda: mails(mail) and pages(twilio, BEN), 3, several.tail)
        assert mails(mail, "ben@example.com") == []

    @pytest.mark.parametrize("trouble", ["refused", "mail from", "after the message"])
    async def test_to_everybody_somebody_is_paged_all_the_same(
        self, make_daemon: Callable[..., Daemon], slack: SlackFake, mail: MailServer, twilio: TwilioFake, trouble: str
    ) -> None:
        vendors = {"smtp": "smtp://127.0.0.1:1"} if trouble == "refused" else {}
        daemon = await start_several(make_daemon, slack, mail, vendors=vendors)
        mail.refuse("MAIL" if trouble == "mail from" else "BODY", "554 5.7.1 we do not take that", times=9)
        await daemon.push(summary="disk full", service="mail", dedup_key="k", severity="critical")
        await eventually(lambda: pages(twilio, BEN), 6, daemon.tail)
        assert mails(mail) == []
        assert texts(twilio, ANA) == []


def _headers(message: EmailMessage, *names: str) -> list[str]:
    return [str(message[name]) for name in names]


def _ladder(daemon: Daemon, high: str) -> str:
    text = (daemon.config / "pagerd.yaml").read_text()
    return re.sub(r"(?m)^  ladder: .*$", f"  ladder: {{high: {high}, low: {high}}}", text, count=1)


async def _reloaded(daemon: Daemon, text: str) -> None:
    before = daemon.log.read_text().count("config.in_force")
    (daemon.config / "pagerd.yaml").write_text(text)
    await eventually(lambda: daemon.log.read_text().count("config.in_force") > before, 5, daemon.tail)
