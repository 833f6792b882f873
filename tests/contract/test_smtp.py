"""Email by aiosmtplib, against a real SMTP server that fails in each way mail servers have."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pager.channels.email_message import Mailbox, compose, mailbox, message_id, sender_mailbox, subject
from pager.channels.smtp import Smtp, _own_name, from_provider, read_url
from pager.channels.smtp_errors import Unfit
from pager.model.alert import Link, Severity
from pager.model.event import Fault, ReplyAction
from pager.model.incident import State
from pager.model.settings import Provider
from pager.notify.card import Card, Fact
from pager.notify.text import one_line
from pager.ports import Fate, GiveUp, Message, SendResult, Sent, TryAgain
from tests.fakes.mail_server import MailServer, self_signed

ANA = "ana@example.com"
OURS = "pagerd@example.com"
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
AMPLE = timedelta(seconds=10)
HASTY = timedelta(seconds=0.25)  # where the server is known to hang
SECRET = "s3cr3t/p@ss?"
LINK = "https://pagerd.example.com/i/42?t=abc&u=ana"
PAGE = Message(address=ANA, text="#42 CRITICAL db: disk full. Reply 7K3M to acknowledge", id="42-1", code="7K3M")
CARD = Card(
    number=42,
    title="CRITICAL db: disk full",
    state=State.TRIGGERED,
    severity=Severity.CRITICAL,
    facts=(Fact("Service", "db"), Fact("Since", "09:30")),
    lines=("Ana is paged; Bo is next, in 5m.",),
    links=(Link("https://grafana.example.com/d/1", "Dashboard"), Link("javascript:alert(1)", "Runbook")),
    actions=(ReplyAction.ACKNOWLEDGE, ReplyAction.RESOLVE),
)
FULL = replace(PAGE, card=CARD, thread="42", link=LINK, subject="[pagerd] #42 CRITICAL db: disk full", urgent=True)


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer() as mail:
        yield mail


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    made = self_signed(tmp_path_factory.mktemp("tls"), "localhost")
    if made is None:
        pytest.skip("NO `openssl` HERE TO MAKE A CERTIFICATE: nothing was tried over TLS")
    return made


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The same certificate, among those that this process trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    return certificate


def channel(server: MailServer | str, sender: str = OURS, timeout: timedelta = AMPLE) -> Smtp:
    url = server if isinstance(server, str) else server.url
    return from_provider(Provider(name="mail", kind="smtp", timeout=timeout, options={"smtp": url}, senders={"*": sender}))


def with_login(server: MailServer, user: str = "ana", password: str = SECRET, host: str = "localhost", options: str = "") -> str:
    scheme = server.url.partition(":")[0]
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{server.port}{options}"


def given_up(result: SendResult) -> GiveUp:
    assert isinstance(result, GiveUp), result
    return result


def deferred(result: SendResult) -> TryAgain:
    assert isinstance(result, TryAgain), result
    return result


def parsed(message: Message, sender: str = OURS) -> EmailMessage:
    ours = sender_mailbox(sender)
    assert ours is not None
    mail = message_from_bytes(compose(message, ours, NOW).content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


# --- what arrives ---------------------------------------------------------------------------------------------------------------------
async def test_a_page_arrives_with_all_that_mail_programs_and_robots_look_at(server: MailServer) -> None:
    result = await channel(server).send(FULL)
    (mail,) = server.messages
    assert (mail.sender, mail.recipients) == (OURS, [ANA])
    assert result == Sent(str(mail.message["Message-ID"]), expects_receipt=False)
    headers = {name: str(value) for name, value in mail.message.items()}
    assert datetime.now(UTC) - mail.message["Date"].datetime < timedelta(minutes=1)
    for changing in ("Date", "Content-Type", "X-Peer", "X-MailFrom", "X-RcptTo"):
        headers.pop(changing, None)
    assert headers == {
        "From": OURS,
        "To": ANA,
        "Subject": "[pagerd] #42 CRITICAL db: disk full",
        "Message-ID": message_id(FULL, "example.com"),
        "In-Reply-To": "<pagerd.42@example.com>",
        "References": "<pagerd.42@example.com>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Id": "pagerd <pagerd.example.com>",
        "X-Priority": "1",
        "Importance": "high",
        "MIME-Version": "1.0",
    }
    assert mail.message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.message.iter_parts()] == ["text/plain", "text/html"]


async def test_the_text_says_everything_in_order(server: MailServer) -> None:
    await channel(server).send(FULL)
    assert server.messages[0].part("plain").replace("\r\n", "\n") == (
        "#42 CRITICAL db: disk full. Reply 7K3M to acknowledge\n"
        "\n"
        "Service: db\n"
        "Since: 09:30\n"
        "\n"
        "Ana is paged; Bo is next, in 5m.\n"
        "\n"
        "Dashboard: https://grafana.example.com/d/1\n"
        "Runbook: javascript:alert(1)\n"
        "\n"
        f"To answer: {LINK}\n"
    )


async def test_the_html_has_one_button_and_links_to_the_web_only(server: MailServer) -> None:
    await channel(server).send(FULL)
    html = server.messages[0].part("html")
    seen = _Seen.of(html)
    assert seen.links == {"https://grafana.example.com/d/1": "Dashboard", LINK: "Answer: acknowledge, resolve, escalate, snooze"}
    assert "Runbook: javascript:alert(1)" in seen.text
    for words in (CARD.title, "Service", "db", CARD.lines[0]):
        assert words in seen.text
    assert not {"img", "script", "link", "style", "iframe", "form", "object"} & seen.tags
    assert "url(" not in html
    assert 'name="color-scheme" content="light dark"' in html


async def test_a_text_alone_makes_both_parts_and_the_subject(server: MailServer) -> None:
    await channel(server).send(PAGE)
    (mail,) = server.messages
    assert mail.part("plain").strip() == PAGE.text
    assert mail.part("html").count(PAGE.text) == 2  # the title of the page, and its heading
    assert str(mail.message["Subject"]) == PAGE.text
    assert not {"In-Reply-To", "References", "X-Priority", "Importance", "Precedence"} & set(mail.message.keys())


def test_a_long_text_is_cut_for_the_subject_and_an_answer_beyond_the_web_is_no_button() -> None:
    long = replace(PAGE, text="Wörter " * 50, link="ftp://example.com/x")
    assert len(str(parsed(long)["Subject"])) <= 80
    seen = _Seen.of(body(parsed(long), "html"))
    assert one_line(long.text) in seen.text
    assert not seen.links
    assert "To answer: ftp://example.com/x" in body(parsed(long), "plain")
    assert str(parsed(replace(PAGE, text=""))["Subject"]) == "pagerd"


async def test_lines_that_begin_with_a_dot_and_lines_of_any_length_survive_the_line(server: MailServer) -> None:
    text = ".\n..two\n" + "x" * 3000 + "\n" + "é" * 2000
    await channel(server).send(replace(PAGE, text=text))
    assert server.messages[0].part("plain").replace("\r\n", "\n").rstrip("\n") == text
    assert max(len(line) for line in server.messages[0].raw.split(b"\r\n")) <= 998
    assert server.messages[0].raw.isascii()


def test_the_same_page_has_the_same_id_whatever_it_says_by_now() -> None:
    first = message_id(PAGE, "example.com")
    assert first == message_id(replace(PAGE, text="#42 still", urgent=True, link=LINK), "example.com")
    assert re.fullmatch(r"<pagerd\.42-1\.[0-9a-f]{16}@example\.com>", first)
    others = [replace(PAGE, id="42-2"), replace(PAGE, address="bo@example.com"), replace(PAGE, code="8Q2P")]
    notice = replace(PAGE, id="", code="", thread="42")
    others += [notice, replace(notice, text="Resolved"), replace(notice, thread="43"), replace(notice, address="bo@example.com")]
    assert len({first, *(message_id(other, "example.com") for other in others)}) == len(others) + 1
    assert message_id(notice, "example.com") == message_id(replace(notice, link=LINK), "example.com")


def test_ids_and_threads_of_any_shape_stay_ids() -> None:
    domain = f"{'a' * 60}.{'b' * 60}.example.com"
    mail = parsed(replace(PAGE, id="42 <x>\r\nBcc: y", thread="é" * 99), f"pagerd@{domain}")
    for name in ("Message-ID", "In-Reply-To", "References"):
        assert re.fullmatch(rf"<pagerd\.[0-9a-f.]+@{re.escape(domain)}>", str(mail[name])), mail[name]
    raw = compose(replace(PAGE, thread="42"), Mailbox("pagerd", domain), NOW).content.decode()
    assert f"\r\nReferences: <pagerd.42@{domain}>\r\n" in raw
    assert f"\r\nList-Id: pagerd <pagerd.{domain}>\r\n" in raw


async def test_our_name_stands_in_the_header_and_not_in_the_envelope(server: MailServer) -> None:
    await channel(server, '"On call, Ünit 7" <pagerd@example.com>').send(PAGE)
    (mail,) = server.messages
    assert mail.sender == OURS
    assert mail.message["From"].addresses[0].display_name == "On call Ünit 7"


# --- addresses ------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "address",
    ["", "ana", "@example.com", "ana@", "a b@example.com", "ana@example.com,bo@example.com", "ana@exa mple.com", "ana@example.com\r\nBcc: x",
     "<ana@example.com>", '"a b"@example.com', "=?utf-8?q?a?=@example.com", ".ana@example.com", "a..b@example.com", "a@b..c", "+14155550100",
     "\ud83d@example.com", "x" * 65 + "@example.com", "a@" + "b" * 300, "ana\x00@example.com", "ana@example.com>", "ana\u202e@example.com"],
)  # fmt: skip
async def test_what_is_no_address_is_given_up_without_asking(server: MailServer, address: str) -> None:
    assert given_up(await channel(server).send(replace(PAGE, address=address))).fault is Fault.ADDRESS
    assert not server.commands


async def test_a_domain_beyond_ascii_needs_nothing_of_the_server(server: MailServer) -> None:
    assert isinstance(await channel(server).send(replace(PAGE, address="ana@bücher.example")), Sent)
    assert server.messages[0].recipients == ["ana@xn--bcher-kva.example"]
    assert server.messages[0].message["To"].addresses[0].addr_spec == "ana@xn--bcher-kva.example"


async def test_a_name_beyond_ascii_takes_a_server_that_knows_them(server: MailServer) -> None:
    page = replace(PAGE, address="aña@example.com")
    result = given_up(await channel(server).send(page))
    assert (result.fault, "SMTPUTF8" in result.why) == (Fault.ADDRESS, True)
    ours = given_up(await channel(server, "püger@example.com").send(PAGE))
    assert (ours.fault, "`from`" in ours.why) == (Fault.PROVIDER, True)
    assert not server.messages
    async with MailServer(utf8=True) as modern:
        assert isinstance(await channel(modern).send(page), Sent)
        assert modern.messages[0].recipients == ["aña@example.com"]
        assert "\r\nTo: aña@example.com\r\n" in modern.messages[0].raw.decode()
        assert isinstance(await channel(modern).send(PAGE), Sent)
        assert modern.messages[1].raw.isascii()


# --- a clear no -----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("stage", "reply", "fault", "words"),
    [
        ("RCPT", "550 5.1.1 No such user here", Fault.ADDRESS, "No such user"),
        ("RCPT", "550 unknown", Fault.ADDRESS, "refused"),
        ("RCPT", "551 not local", Fault.ADDRESS, "refused"),
        ("RCPT", "552 5.2.2 mailbox full", Fault.ADDRESS, "full"),
        ("RCPT", "553 mailbox name not allowed", Fault.ADDRESS, "refused"),
        ("RCPT", "550 5.4.1 Recipient address rejected: Access denied", Fault.ADDRESS, "refused"),
        ("RCPT", "554 5.7.1 Relay access denied", Fault.PROVIDER, "user and password"),
        ("RCPT", "550 relay not permitted", Fault.PROVIDER, "user and password"),
        ("RCPT", "530 5.7.0 Authentication required", Fault.PROVIDER, "user and password"),
        ("RCPT", "503 bad sequence of commands", Fault.PROVIDER, "`from`"),
        ("RCPT", "550 5.1.8 sender's domain does not exist", Fault.PROVIDER, "`from`"),
        ("MAIL", "550 5.7.1 you are not pagerd", Fault.PROVIDER, "`from`"),
        ("MAIL", "530 5.7.0 Must issue a STARTTLS command first", Fault.PROVIDER, "encryption"),
        ("DATA", "554 no valid recipients", Fault.PROVIDER, "message"),
        ("BODY", "552 5.3.4 too big", Fault.PROVIDER, "too big"),
        ("BODY", "554 5.7.1 spam", Fault.PROVIDER, "spam"),
        ("CONNECT", "554 no SMTP service here", Fault.PROVIDER, "refuses us"),
        ("CONNECT", "HTTP/1.1 400 Bad Request", Fault.PROVIDER, "host and port"),
    ],
)
async def test_a_refusal_says_what_is_worth_trying_next(server: MailServer, stage: str, reply: str, fault: Fault, words: str) -> None:
    server.refuse(stage, reply)
    result = given_up(await channel(server).send(PAGE))
    assert result.fault is fault, result
    assert words in result.why
    assert not server.messages


async def test_only_who_is_refused_is_refused(server: MailServer) -> None:
    server.refuse("RCPT", "550 5.1.1 gone", only=ANA)
    mail = channel(server)
    assert isinstance(await mail.send(replace(PAGE, address="bo@example.com")), Sent)
    assert given_up(await mail.send(PAGE)).fault is Fault.ADDRESS
    assert [m.recipients for m in server.messages] == [["bo@example.com"]]


async def test_a_refusal_holds_although_the_server_hangs_right_after(server: MailServer) -> None:
    server.refuse("RCPT", "550 5.1.1 gone")
    server.hang("RSET")
    server.hang("QUIT")
    assert given_up(await channel(server).send(PAGE)).fault is Fault.ADDRESS


async def test_what_the_server_says_is_quoted_on_one_short_line(server: MailServer) -> None:
    server.refuse("RCPT", "550-5.1.1 " + "very " * 50 + "\r\n550 5.1.1 \x1b[31m gone")
    why = given_up(await channel(server).send(PAGE)).why
    assert "very" in why
    assert why.isprintable()
    assert len(why) < 150


# --- surely not done ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("stage", "reply", "seconds"),
    [
        ("RCPT", "450 4.2.0 greylisted", 30),
        ("RCPT", "452 4.5.3 too many", 30),
        ("MAIL", "451 4.7.1 come back later", 30),
        ("BODY", "451 4.3.0 try again later", 30),
        ("DATA", "421 closing", 5),
        ("CONNECT", "421 too busy", 5),
        ("EHLO", "421 too busy", 5),
        ("MAIL", "421 too busy", 5),
        ("RCPT", "421 too busy", 5),
        ("BODY", "421 shutting down", 5),
    ],
)
async def test_a_server_that_asks_to_come_back_is_asked_again(server: MailServer, stage: str, reply: str, seconds: int) -> None:
    server.refuse(stage, reply)
    result = deferred(await channel(server).send(PAGE))
    assert result.after == timedelta(seconds=seconds)
    assert reply in result.why
    assert "may have been sent" not in result.why
    assert not server.messages
    assert isinstance(await channel(server).send(PAGE), Sent)


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT"])
@pytest.mark.parametrize("how", ["drop", "hang"])
async def test_a_line_that_breaks_before_the_message_is_tried_again_soon(server: MailServer, stage: str, how: str) -> None:
    getattr(server, how)(stage)
    began = time.monotonic()
    result = deferred(await channel(server, timeout=HASTY).send(PAGE))
    assert time.monotonic() - began < HASTY.total_seconds() + 0.3
    assert result.after == timedelta(seconds=5)
    assert "may have been sent" not in result.why
    assert not server.messages


async def test_nobody_at_the_address_was_asked_nothing() -> None:
    mail = channel("smtp://127.0.0.1:9")
    assert "check host and port" in deferred(await mail.send(PAGE)).why
    assert "check host and port" in (await mail.check() or "")


async def test_a_name_that_nobody_knows_is_tried_again() -> None:
    why = deferred(await channel("smtp://mail.invalid", timeout=timedelta(seconds=5)).send(PAGE)).why
    assert "check" in why


# --- nobody knows ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("how", ["drop", "hang"])
async def test_an_end_in_doubt_says_so_and_the_second_has_the_same_id(server: MailServer, how: str, taken: bool) -> None:
    getattr(server, how)("BODY", taken=taken)
    began = time.monotonic()
    result = deferred(await channel(server, timeout=HASTY).send(PAGE))
    assert time.monotonic() - began < HASTY.total_seconds() + 0.3
    assert (result.after, "may have been sent" in result.why) == (timedelta(seconds=5), True)
    assert isinstance(await channel(server).send(PAGE), Sent)
    assert len({str(m.message["Message-ID"]) for m in server.messages}) == 1
    assert len(server.messages) == 1 + taken


async def test_garbage_in_place_of_the_last_answer_is_in_doubt_as_well(server: MailServer) -> None:
    server.refuse("BODY", "what?")
    assert "may have been sent" in deferred(await channel(server).send(PAGE)).why


# --- it is out, whatever comes after --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["drop", "hang", "refuse"])
async def test_a_bad_farewell_changes_nothing(server: MailServer, how: str) -> None:
    server.refuse("QUIT", "500 what?") if how == "refuse" else getattr(server, how)("QUIT")
    assert isinstance(await channel(server, timeout=HASTY).send(PAGE), Sent)
    assert len(server.messages) == 1


async def test_a_server_that_does_not_say_goodbye_is_not_waited_for(server: MailServer) -> None:
    server.hang("QUIT")
    began = time.monotonic()
    assert isinstance(await channel(server).send(PAGE), Sent)
    assert time.monotonic() - began < 2


async def test_any_yes_is_a_yes(server: MailServer) -> None:
    server.refuse("BODY", "252 taken")
    assert isinstance(await channel(server).send(PAGE), Sent)


async def test_a_server_that_knows_only_helo_is_good_enough(server: MailServer) -> None:
    server.refuse("EHLO", "502 not implemented", times=9)
    assert isinstance(await channel(server).send(PAGE), Sent)
    assert "HELO" in server.commands


# --- logging in and encryption --------------------------------------------------------------------------------------------------------
async def test_a_login_goes_over_a_plain_line_to_this_host_only() -> None:
    async with MailServer(users={"ana": SECRET}) as server:
        assert isinstance(await channel(with_login(server)).send(PAGE), Sent)
        assert (server.logins, server.encrypted) == ([("PLAIN", "ana")], [False])
        # 0.0.0.0 leads here as well, but is not a loopback address.
        elsewhere = channel(with_login(server, host="0.0.0.0"))
        result = given_up(await elsewhere.send(PAGE))
        assert (result.fault, "smtps://" in result.why) == (Fault.PROVIDER, True)
        never = given_up(await channel(with_login(server, host="0.0.0.0", options="?starttls=never")).send(PAGE))
        assert "starttls=never" in never.why
        assert "smtps://" in (await elsewhere.check() or "")
        assert len(server.logins) == 1


async def test_starttls_that_must_be_and_is_not_offered_is_given_up(server: MailServer) -> None:
    result = given_up(await channel(f"{server.url}?starttls=always").send(PAGE))
    assert (result.fault, "STARTTLS" in result.why) == (Fault.PROVIDER, True)
    assert "MAIL" not in server.commands


@pytest.mark.parametrize("options", ["", "?starttls=auto", "?starttls=always"])
async def test_starttls_is_used_when_offered_and_before_the_login(trusted: tuple[Path, Path], options: str) -> None:
    async with MailServer(users={"ana": SECRET}, certificate=trusted) as server:
        assert isinstance(await channel(with_login(server, options=options)).send(PAGE), Sent)
        assert (server.logins, server.encrypted) == ([("PLAIN", "ana")], [True])


async def test_starttls_can_be_forbidden(trusted: tuple[Path, Path]) -> None:
    async with MailServer(certificate=trusted) as server:
        assert isinstance(await channel(f"{server.url}?starttls=never").send(PAGE), Sent)
        assert "STARTTLS" not in server.commands


async def test_smtps_is_encrypted_from_the_first_byte(trusted: tuple[Path, Path]) -> None:
    async with MailServer(users={"ana": SECRET}, certificate=trusted, tls=True) as server:
        mail = channel(with_login(server))
        assert isinstance(await mail.send(PAGE), Sent)
        assert await mail.check() is None
        assert server.encrypted == [True, True]


@pytest.mark.parametrize("tls", [False, True])
async def test_a_certificate_is_checked_unless_told_otherwise(certificate: tuple[Path, Path], tls: bool) -> None:
    async with MailServer(users={"ana": SECRET}, certificate=certificate, tls=tls) as server:
        mail = channel(with_login(server))
        result = given_up(await mail.send(PAGE))
        assert (result.fault, "certificate" in result.why, "verify=no" in result.why) == (Fault.PROVIDER, True, True)
        assert "certificate" in (await mail.check() or "")
        assert not server.logins
        assert isinstance(await channel(with_login(server, options="?verify=no")).send(PAGE), Sent)
        assert server.encrypted == [True]


@pytest.mark.parametrize("tls", [False, True])
async def test_a_certificate_for_another_name_is_not_taken(trusted: tuple[Path, Path], tls: bool) -> None:
    async with MailServer(certificate=trusted, tls=tls) as server:
        server.host = "127.0.0.1"
        assert "certificate" in given_up(await channel(server).send(PAGE)).why


async def test_tls_with_a_server_that_speaks_plainly_names_the_ports(server: MailServer) -> None:
    assert "465" in given_up(await channel(server.url.replace("smtp:", "smtps:")).send(PAGE)).why


@pytest.mark.parametrize(("reply", "kind"), [("454 TLS not available", TryAgain), ("502 no", GiveUp)])
async def test_starttls_that_is_offered_and_refused_is_not_done_without(trusted: tuple[Path, Path], reply: str, kind: type) -> None:
    async with MailServer(certificate=trusted) as server:
        server.refuse("STARTTLS", reply)
        assert isinstance(await channel(server).send(PAGE), kind)
        assert "MAIL" not in server.commands


@pytest.mark.parametrize("how", ["drop", "hang"])
async def test_a_line_that_breaks_at_starttls_is_tried_again(trusted: tuple[Path, Path], how: str) -> None:
    async with MailServer(certificate=trusted) as server:
        getattr(server, how)("STARTTLS")
        assert deferred(await channel(server, timeout=HASTY).send(PAGE)).after == timedelta(seconds=5)


async def test_a_wrong_password_is_tried_once_and_never_told() -> None:
    async with MailServer(users={"ana": "right"}) as server:
        mail = channel(with_login(server))
        result, wrong = given_up(await mail.send(PAGE)), await mail.check()
        assert (result.fault, "check user and password" in result.why) == (Fault.PROVIDER, True)
        assert wrong is not None
        assert server.logins == [("PLAIN", "ana")] * 2
        assert SECRET not in f"{result!r} {wrong} {mail!r} {mail._server!r}"


@pytest.mark.parametrize("repeated", [SECRET, "AGFuYQBzM2NyM3QvcEBzcz8=", "czNjcjN0L3BAc3M/"])
async def test_a_server_that_repeats_the_password_is_not_quoted_with_it(repeated: str) -> None:
    async with MailServer(users={"ana": SECRET}) as server:
        server.refuse("AUTH", f'500 5.5.1 Command unrecognized: "{repeated}"', times=2)
        why = given_up(await channel(with_login(server)).send(PAGE)).why
        assert "unrecognized" in why
        assert repeated not in why


@pytest.mark.parametrize(("reply", "kind"), [("454 4.7.0 directory is down", TryAgain), ("421 bye", TryAgain), ("535 5.7.8 no", GiveUp)])
async def test_a_login_that_fails_for_now_is_tried_again(reply: str, kind: type) -> None:
    async with MailServer(users={"ana": SECRET}) as server:
        server.refuse("AUTH", reply)
        server.drop("AUTH")
        assert isinstance(await channel(with_login(server)).send(PAGE), kind)


async def test_a_way_to_log_in_that_is_not_there_in_the_end_is_passed_over() -> None:
    async with MailServer(users={"ana": SECRET}) as server:
        server.refuse("AUTH", "504 5.5.4 unrecognized authentication type", only="PLAIN")
        assert isinstance(await channel(with_login(server)).send(PAGE), Sent)
        assert server.logins == [("LOGIN", "ana")]


async def test_a_server_without_a_login_says_so(server: MailServer) -> None:
    assert "no login" in given_up(await channel(with_login(server)).send(PAGE)).why


@pytest.mark.parametrize("how", ["drop", "hang"])
async def test_a_line_that_breaks_at_the_login_is_tried_again(how: str) -> None:
    async with MailServer(users={"ana": SECRET}) as server:
        getattr(server, how)("AUTH")
        assert deferred(await channel(with_login(server), timeout=HASTY).send(PAGE)).after == timedelta(seconds=5)


# --- the rest of the channel ----------------------------------------------------------------------------------------------------------
async def test_check_logs_in_and_sends_nothing() -> None:
    async with MailServer(users={"ana": SECRET}) as server:
        mail = channel(with_login(server))
        assert await mail.check() is None
        assert server.commands[-3:] == ["AUTH", "NOOP", "QUIT"]
        server.hang("NOOP")
        assert "in time" in (await channel(with_login(server), timeout=HASTY).check() or "")
        assert not server.messages


async def test_nothing_is_known_afterwards(server: MailServer) -> None:
    mail = channel(server)
    sent = await mail.send(PAGE)
    assert isinstance(sent, Sent)
    assert await mail.find(PAGE, NOW) is None
    assert (await mail.status(sent.receipt)).fate is Fate.UNKNOWN
    assert (await mail.status(sent.receipt)).why


async def test_who_cancels_a_send_leaves_no_connection_behind(server: MailServer) -> None:
    server.hang("RCPT")
    task = asyncio.create_task(channel(server).send(PAGE))
    while "RCPT" not in server.commands:
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(1):
        while server.connections:
            await asyncio.sleep(0.005)


# --- the config -----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "starttls", "verify", "user", "password"),
    [
        ("smtp://mail.example.com", "mail.example.com", 25, False, "auto", True, "", ""),
        ("smtp://mail.example.com/", "mail.example.com", 25, False, "auto", True, "", ""),
        ("smtp://u:p@mail.example.com", "mail.example.com", 587, False, "auto", True, "u", "p"),
        ("smtp://u:p@mail.example.com:2525?starttls=always", "mail.example.com", 2525, False, "always", True, "u", "p"),
        ("smtps://mail.example.com", "mail.example.com", 465, True, "auto", True, "", ""),
        ("smtps://u:p@[::1]?verify=no", "::1", 465, True, "auto", False, "u", "p"),
        ("smtp://ana%40x.org:a%2Fb%3Ac%23%25@h?starttls=never&verify=yes", "h", 587, False, "never", True, "ana@x.org", "a/b:c#%"),
        ("smtp://ana@x.org:p@h", "h", 587, False, "auto", True, "ana@x.org", "p"),
    ],
)
def test_a_url_is_read(
    url: str, host: str, port: int, tls: bool, starttls: str, verify: bool, user: str, password: str
) -> None:  # fmt: skip
    server = read_url(url)
    assert (server.host, server.port, server.tls, server.starttls, server.verify) == (host, port, tls, starttls, verify)
    assert (server.user, server.password) == (user, password)


@pytest.mark.parametrize(
    "url",
    ["", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://u:hunter2@", "smtp://u:hunter2/x@h", "smtp://u:hunter2?x@h",
     "smtp://u:hunter2#x@h", "smtp://u:hunter2@h:port", "smtp://u:hunter2@h:99999", "smtp://h/path", "smtp://h?starttls=maybe", "smtp://h?tls=1",
     "smtp://u@h", "smtp://:hunter2@h", "smtps://h?starttls=always", "smtp://u:hunter2@h\n", "smtp://u:hun ter2@h", "smtp://[::1",
     "smtp://u:hunter2@h?starttls"],
)  # fmt: skip
def test_a_bad_url_is_told_in_words_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="smtp") as no:
        channel(url)
    assert "hunter" not in str(no.value)
    assert str(no.value).startswith("provider mail: ")


@pytest.mark.parametrize("sender", ["", "pagerd", "pagerd@", "a@b@c, d"])
def test_a_bad_sender_is_told(sender: str) -> None:
    with pytest.raises(ValueError, match="`from`"):
        channel("smtp://localhost", sender)


@pytest.mark.parametrize(
    ("host", "yes"), [("localhost", True), ("127.0.0.9", True), ("[::1]", True), ("0.0.0.0", False), ("mail.example.com", False)]
)
def test_this_host_is_known_by_its_names(host: str, yes: bool) -> None:
    assert read_url(f"smtp://{host}").loopback is yes


def test_we_call_ourselves_by_a_full_name_or_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, own in (("pager-1.example.com", "pager-1.example.com"), ("pager", "[127.0.0.1]"), ("a b.c\r\n", "[127.0.0.1]")):
        monkeypatch.setattr(socket, "gethostname", lambda name=name: name)
        assert _own_name() == own


# --- whatever comes from outside ------------------------------------------------------------------------------------------------------
class _Seen(HTMLParser):
    """What a reader would see, and what tags there are."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: dict[str, str] = {}
        self.text = ""
        self._href = ""

    @classmethod
    def of(cls, html: str) -> _Seen:
        seen = cls()
        seen.feed(html)
        seen.close()
        return seen

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._href = dict(attrs).get("href") or ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._href and data.strip():
            self.links[self._href], self._href = data, ""


ALLOWED_TAGS = {"html", "head", "meta", "title", "body", "div", "h1", "table", "tr", "td", "p", "ul", "li", "a"}
ALLOWED_ATTRIBUTES = {"lang", "charset", "name", "content", "style", "role", "cellpadding", "cellspacing", "href", "rel"}
ALLOWED_HEADERS = {
    "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted", "x-auto-response-suppress", "list-id",
    "x-priority", "importance", "mime-version", "content-type",
}  # fmt: skip
NASTY = (
    "<script>alert(1)</script>", "\r\nBcc: eve@example.com", "=?utf-8?q?a=0ABcc:_eve=40example.com?=", "=?utf-8?b?CkJjYzogZXZl?=", "\"'><img src=x>",
    "{{ 7*7 }}", "\x00", "\u2028", "\x85", "\x0b", "\ud83d", "e\u0301", "👩‍👩‍👧", "\u202e", "--", ".", "javascript:alert(1)", "https://x.example/?a&b",
    "日本", "http://[::1", "]]>", "<!--", "=?", "?=", "%0d%0a", "x" * 100, " ", "\t", "&lt;",
)  # fmt: skip
hostile = st.lists(st.sampled_from(NASTY) | st.text(max_size=12), max_size=8).map("".join)
cards = st.none() | st.builds(
    Card,
    number=st.just(1),
    title=hostile,
    state=st.just(State.TRIGGERED),
    severity=st.sampled_from(Severity),
    facts=st.lists(st.builds(Fact, hostile, hostile), max_size=2).map(tuple),
    lines=st.lists(hostile, max_size=2).map(tuple),
    links=st.lists(st.builds(Link, hostile, hostile), max_size=2).map(tuple),
)
messages = st.builds(
    Message,
    address=st.just(ANA),
    text=hostile,
    id=st.just("") | hostile,
    code=hostile,
    card=cards,
    thread=hostile,
    link=hostile,
    subject=hostile,
    urgent=st.booleans(),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(messages)
@example(replace(PAGE, subject="=?utf-8?q?a=0ABcc:_eve=40example.com?="))
@example(replace(PAGE, subject="=" + "=?utf-8?q?a=0ABcc:_eve?=" + "?" * 70))
@example(
    replace(PAGE, text="<script>alert(1)</script>", card=replace(CARD, title="<script>", links=(Link('https://x/"><script>', "<b>"),)))
)
def test_no_text_brings_a_header_a_tag_or_a_third_part(message: Message) -> None:
    ours = sender_mailbox(OURS)
    assert ours is not None
    content = compose(message, ours, NOW).content
    head = content.partition(b"\r\n\r\n")[0]
    assert content.isascii()
    for line in head.split(b"\r\n"):
        assert line[:1] in b" \t" or line.partition(b":")[0].decode().lower() in ALLOWED_HEADERS, line
        assert b"\n" not in line
        assert b"\r" not in line
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    names = [name.lower() for name in mail]
    assert len(names) == len(set(names))
    assert set(names) <= ALLOWED_HEADERS
    assert str(mail["To"]) == ANA
    assert str(mail["Subject"]) == subject(message)
    assert one_line(subject(message)) == subject(message)
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    body(mail, "plain")
    seen = _Seen.of(body(mail, "html"))
    assert seen.tags <= ALLOWED_TAGS
    assert seen.attributes <= ALLOWED_ATTRIBUTES
    assert all(re.match(r"https?://", href) for href in seen.links)


@settings(max_examples=200, deadline=None)
@given(hostile | st.emails() | st.tuples(hostile, hostile).map("@".join))
@example("ana@example.com\r\nBcc: eve@example.com")
@example("=?utf-8?q?a=0ABcc:_eve?=@example.com")
def test_no_address_becomes_another_or_two(address: str) -> None:
    try:
        mail = parsed(replace(PAGE, address=address))
    except Unfit:
        return
    known = mailbox(address)
    assert known is not None
    if not known.international:  # the parser takes bytes beyond ASCII for no letters
        assert [a.addr_spec for a in mail["To"].addresses] == [known.address]
    assert {name.lower() for name in mail} <= ALLOWED_HEADERS
    assert not mail.defects


@settings(max_examples=100, deadline=None)
@given(hostile)
@example("Eve\r\nBcc: eve@example.com")
@example("=?utf-8?q?a=0ABcc:_eve?=")
@example("<script>alert(1)</script>" * 4)
@example("Eve <eve@example.com>, é" * 4)
def test_no_name_of_ours_brings_a_header(name: str) -> None:
    mail = parsed(PAGE, f"{name} <{OURS}>")
    assert {n.lower() for n in mail} <= ALLOWED_HEADERS
    assert mail["From"].addresses[0].addr_spec == OURS
