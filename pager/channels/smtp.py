"""Email over SMTP, by aiosmtplib.

SMTP can't be asked what became of a message. So a page whose end is in doubt (the line broke after the message was handed over) is sent again,
with the same Message-ID: mail programs show one.
Source: RFC 5321, RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 8314 (ports)."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPDataError, SMTPHeloError

from pager.channels.email_message import Letter, Mailbox, compose, sender_mailbox
from pager.channels.smtp_errors import Step, Unfit, verdict
from pager.model.event import Fault
from pager.model.settings import Provider
from pager.ports import Fate, Message, SendResult, Sent, Status

_FAREWELL = timedelta(seconds=1)
_PORTS = {"smtp": 25, "smtps": 465}
_SUBMISSION = 587
_OPTIONS = {"starttls": ("auto", "always", "never"), "verify": ("yes", "no")}
_NO_SUCH_WAY = (500, 502, 504)  # a way to log in that is offered and not there
_DOTTED_NAME = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_NO_ENCRYPTION = "the mail server offers no STARTTLS: use smtps://, or another server"


class Server(msgspec.Struct, frozen=True):
    """Where and how to connect. `tls` from the start, else `starttls` says when: auto, always or never. Certificates are checked unless
    `verify` is off."""

    host: str
    port: int
    tls: bool = False
    starttls: str = "auto"
    verify: bool = True
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"

    @property
    def loopback(self) -> bool:
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_url(url: str) -> Server:
    """`smtp://[user:password@]host[:port][?starttls=always|auto|never][&verify=no]`, or `smtps://` for TLS from the first byte. User and
    password are percent-encoded. Without a port it is 587 with a user and 25 without, and 465 for `smtps`. Raises ValueError, which never
    quotes the URL: half a password may stand where something else should."""
    # A password with a bare `/`, `?` or `#` ends the host too early, and what is left of it would be read as a port or an option.
    encode = "write %40 for @, %2F for /, %3F for ?, %23 for # and %25 for % in user and password"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError(f"the URL can't be read: {encode}") from None
    if parts.scheme not in _PORTS:
        raise ValueError("the URL must begin with smtp:// or smtps://")
    if not host or parts.path not in ("", "/") or parts.fragment or not url.isprintable() or " " in url:
        raise ValueError(f"the URL must be smtp://[user:password@]host[:port]: {encode}")
    if any(value not in _OPTIONS.get(name, ()) for name, value in options.items()):
        raise ValueError("the URL may say ?starttls=auto, always or never, and ?verify=yes or no, and nothing else")
    tls = parts.scheme == "smtps"
    if tls and "starttls" in options:
        raise ValueError("starttls is for smtp://: smtps:// is encrypted from the start")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("the URL must have both a user and a password, or none of them")
    usual = _SUBMISSION if user and not tls else _PORTS[parts.scheme]
    return Server(host, port or usual, tls, options.get("starttls", "auto"), options.get("verify") != "no", user, password)


def from_provider(provider: Provider) -> Smtp:
    """From `providers.NAME` of the config: the URL is `options["smtp"]`, our address the sender `*`. Raises ValueError in words, without the
    password, when either is missing or no good."""
    url, address = provider.options.get("smtp", ""), provider.senders.get("*", "")
    if not url:
        raise ValueError(f"provider {provider.name}: smtp is needed, such as smtp://user:password@mail.example.com")
    if not address:
        raise ValueError(f"provider {provider.name}: `from` is needed, such as pagerd@example.com")
    sender = sender_mailbox(address)
    if sender is None:
        raise ValueError(f"provider {provider.name}: `from` is no email address")
    try:
        server = read_url(url)
    except ValueError as no:
        raise ValueError(f"provider {provider.name}: smtp: {no}") from None
    return Smtp(provider.name, server, sender, timeout=provider.timeout)


class Smtp:
    """A Channel. Each message has a connection of its own, and `timeout` bounds all of it.

    STARTTLS `auto` is used whenever it is offered, and never given up for a plain line when it fails; `always` refuses a server without it.
    Credentials go over an encrypted line only, except to this very host."""

    kind = "smtp"

    def __init__(
        self,
        name: str,
        server: Server,
        sender: Mailbox,
        *,
        timeout: timedelta = timedelta(seconds=10),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self._server = server
        self._sender = sender
        self._timeout = timeout
        self._clock = clock
        # A server may repeat a line that it does not understand.
        self._secrets = _as_sent(server.user, server.password) if server.password else ()

    def __repr__(self) -> str:
        return f"Smtp({self.name})"

    async def send(self, message: Message) -> SendResult:
        trip = _Trip()
        try:
            letter = compose(message, self._sender, self._clock())
            trip.letter = letter.id
            async with asyncio.timeout(self._timeout.total_seconds()), self._line(trip) as client:
                await _hand_over(client, letter, trip)
                await _farewell(client)
        except Exception as error:
            if trip.step is not Step.DONE:
                return verdict(error, trip.step, self._secrets)
        return Sent(trip.letter, expects_receipt=False)

    async def find(self, message: Message, since: datetime) -> Sent | None:
        return None

    async def status(self, receipt: str) -> Status:
        return Status(Fate.UNKNOWN, "a mail server does not tell what became of a message")

    async def check(self) -> str | None:
        trip = _Trip()
        try:
            async with asyncio.timeout(self._timeout.total_seconds()), self._line(trip) as client:
                await client.noop()
                trip.step = Step.DONE
                await _farewell(client)
        except Exception as error:
            if trip.step is not Step.DONE:
                return verdict(error, trip.step, self._secrets).why
        return None

    async def close(self) -> None:
        """Nothing is kept open."""

    # --- the line -------------------------------------------------------------------------------------------------------------------------
    @asynccontextmanager
    async def _line(self, trip: _Trip) -> AsyncIterator[SMTP]:
        """A connection that is encrypted, logged in and greeted, as far as the server's URL asks for it."""
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            # None is "whenever offered". aiosmtplib's True fails in a way that can't be told from others, so what came of it is looked at.
            start_tls=False if server.tls or server.starttls == "never" else None,
            validate_certs=server.verify,
            local_hostname=_own_name(),
            timeout=None,  # one clock for all: the caller's
        )
        try:
            await client.connect()
            encrypted = client.get_transport_info("sslcontext") is not None
            if not encrypted and server.starttls == "always":
                raise Unfit(_NO_ENCRYPTION)
            if client.is_ehlo_or_helo_needed:  # for the first time, or again: STARTTLS makes all forget what was said before
                await _greet(client)
            if server.user:
                if not (encrypted or server.loopback):
                    never = "starttls=never forbids to encrypt, and a password needs that: leave it out of `smtp`"
                    raise Unfit(never if server.starttls == "never" else f"{_NO_ENCRYPTION}. A password needs it")
                trip.step = Step.LOGIN
                await _log_in(client, server.user, server.password)
                trip.step = Step.CONNECT
            yield client
        finally:
            if client.transport is not None:
                # Closing would wait for a server that has stopped to listen, and still send what it had not taken.
                cast(asyncio.WriteTransport, client.transport).abort()
            client.close()


class _Trip:
    """How far a message has come."""

    def __init__(self) -> None:
        self.step = Step.CONNECT
        self.letter = ""


async def _greet(client: SMTP) -> None:
    try:
        await client.ehlo()
    except SMTPHeloError as no:
        if no.code == 421 or not client.is_connected:
            raise
        await client.helo()


async def _log_in(client: SMTP, user: str, password: str) -> None:
    """By the first way that both know. aiosmtplib's own login goes on to the next way after a wrong password, and servers lock accounts for
    that; or they hang up, and then nobody hears that it was wrong."""
    ways = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
    refused: Exception = Unfit(
        "the mail server offers no login that pagerd knows (PLAIN, LOGIN, CRAM-MD5): check host, port and user in `smtp`"
    )
    for name, way in ways.items():
        if name in client.server_auth_methods:
            try:
                await way(user, password)
                return
            except SMTPAuthenticationError as no:
                refused = no
                if no.code not in _NO_SUCH_WAY:
                    break
    raise refused


async def _hand_over(client: SMTP, letter: Letter, trip: _Trip) -> None:
    """Step by step and not by aiosmtplib's sendmail: after a refusal that sends an RSET, and when the server hangs or hangs up on it the
    refusal is lost."""
    encoding = "utf-8" if letter.international else "ascii"
    if letter.international and not client.supports_extension("smtputf8"):
        what = "the address" if letter.to.international else "`from`"
        why = f"the mail server knows no letters beyond ASCII (SMTPUTF8), and {what} has some in front of the @"
        raise Unfit(why, Fault.ADDRESS if letter.to.international else Fault.PROVIDER)
    trip.step = Step.SENDER
    await client.mail(letter.sender.address, options=["SMTPUTF8"] if letter.international else [], encoding=encoding)
    trip.step = Step.RECIPIENT
    await client.rcpt(letter.to.address, encoding=encoding)
    trip.step = Step.DATA
    try:
        await client.data(letter.content)
    except SMTPDataError as odd:
        if not 200 <= odd.code < 300:  # aiosmtplib takes 250 alone for a yes
            raise
    trip.step = Step.DONE


async def _farewell(client: SMTP) -> None:
    """A courtesy: whatever comes of it, the message is out."""
    with suppress(Exception):
        async with asyncio.timeout(_FAREWELL.total_seconds()):
            await client.quit()


def _own_name() -> str:
    """What we call ourselves: a full name, or an address literal. aiosmtplib would ask the DNS, for as long as that takes."""
    name = socket.gethostname()
    return name if _DOTTED_NAME.fullmatch(name) else "[127.0.0.1]"


def _as_sent(user: str, password: str) -> tuple[str, ...]:
    """The password, and what PLAIN and LOGIN make of it."""
    plain, login = f"\0{user}\0{password}", password
    return (password, *(base64.b64encode(text.encode("utf-8", "replace")).decode() for text in (plain, login)))
