"""A real SMTP server (aiosmtpd) on this host that keeps what it is sent, and fails at the stage that a test names."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.leaks import know

STAGES = ("CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BODY", "NOOP", "RSET", "QUIT")
_HANG = 3600.0


class Mail(msgspec.Struct, frozen=True):
    """A message that was taken, with its envelope."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    raw: bytes

    def part(self, kind: str) -> str:
        """The text of its `plain` or `html` part."""
        body = self.message.get_body((kind,))
        assert isinstance(body, EmailMessage)
        return str(body.get_content())


class Fault(msgspec.Struct, frozen=True):
    """`reply` in place of an answer, or the line is cut, or nothing comes. `only` must stand in the command; `taken`: the mail is kept all the same."""

    reply: str = ""
    drop: bool = False
    only: str = ""
    taken: bool = False


class MailServer:
    """`async with MailServer() as server`: `server.url` is what goes into the config. Stage BODY is the answer to the message itself, DATA that
    to the command before it. `users` makes it want a login; `certificate` makes it offer STARTTLS, or speak TLS at once with `tls`."""

    def __init__(
        self, *, users: Mapping[str, str] | None = None, certificate: tuple[Path, Path] | None = None, tls: bool = False, utf8: bool = False
    ) -> None:
        self.messages: list[Mail] = []
        self.commands: list[str] = []  # the names of all commands, and BODY
        self.logins: list[tuple[str, str]] = []  # each way and user that was tried
        self.encrypted: list[bool] = []  # of each login, whether the line was
        self.users = dict(users or {})
        know(*self.users.values())
        self.utf8 = utf8
        self.host = "localhost"
        self.port = 0
        self._tls = tls
        self._context = _context(certificate) if certificate else None
        self._faults: dict[str, deque[Fault]] = {stage: deque() for stage in STAGES}
        self._open: set[asyncio.BaseTransport] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"{'smtps' if self._tls else 'smtp'}://{self.host}:{self.port}"

    # --- the script -----------------------------------------------------------------------------------------------------------------------
    def refuse(self, stage: str, reply: str, *, only: str = "", times: int = 1) -> None:
        """`only` names the recipient, or anything else that stands in the command."""
        self._faults[stage].extend([Fault(reply=reply, only=only)] * times)

    def drop(self, stage: str, *, taken: bool = False) -> None:
        self._faults[stage].append(Fault(drop=True, taken=taken))

    def hang(self, stage: str, *, taken: bool = False) -> None:
        self._faults[stage].append(Fault(taken=taken))

    def next_fault(self, stage: str, argument: str) -> Fault | None:
        faults = self._faults[stage]
        return faults.popleft() if faults and faults[0].only in argument else None

    # --- the server -----------------------------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> MailServer:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Line(self), "127.0.0.1", 0, ssl=self._context if self._tls else None)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for transport in list(self._open):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        await self._server.wait_closed()
        await asyncio.sleep(0)  # let the lines see that they are cut

    def opened(self, transport: asyncio.BaseTransport) -> None:
        self._open.add(transport)

    def closed(self, transport: asyncio.BaseTransport | None) -> None:
        if transport is not None:
            self._open.discard(transport)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    @property
    def starttls_context(self) -> ssl.SSLContext | None:
        return None if self._tls else self._context

    def log_in(self, server: SMTP, session: Session, envelope: Envelope, way: str, who: object) -> AuthResult:
        assert isinstance(who, LoginPassword)
        user, password = who.login.decode(), who.password.decode()
        self.logins.append((way, user))
        self.encrypted.append(session.ssl is not None or self._tls)
        return AuthResult(success=self.users.get(user) == password, handled=False)


class _Handler:
    def __init__(self, mailbox: MailServer) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        fault = self._mailbox.next_fault("BODY", "")
        self._mailbox.commands.append("BODY")
        if fault is None or fault.taken:
            raw = envelope.content
            assert isinstance(raw, bytes)
            parsed = message_from_bytes(raw, policy=policy.default)
            assert isinstance(parsed, EmailMessage)
            self._mailbox.messages.append(Mail(envelope.mail_from or "", list(envelope.rcpt_tos), parsed, raw))
        if fault is None:
            return "250 OK"
        if not fault.reply:
            await _go_silent(server, fault)
        return fault.reply


class _Line(SMTP):
    """One connection. Each command goes by the script first."""

    def __init__(self, mailbox: MailServer) -> None:
        self._mailbox = mailbox
        super().__init__(
            _Handler(mailbox),
            enable_SMTPUTF8=mailbox.utf8,
            hostname="mail.example.com",
            tls_context=mailbox.starttls_context,
            auth_require_tls=False,
            authenticator=mailbox.log_in,
            auth_exclude_mechanism=() if mailbox.users else ("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )
        self._auth_required = bool(mailbox.users)  # as an argument it warns of logins on a plain line, which is what is tried here
        for name, command in list(self._smtp_methods.items()):
            self._smtp_methods[name] = partial(self._scripted, name, command)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._mailbox.opened(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._mailbox.closed(self.transport)
        super().connection_lost(error)

    async def push(self, status: Any) -> None:
        if str(status).startswith("220 mail.example.com") and (fault := self._mailbox.next_fault("CONNECT", "")) is not None:
            if not fault.reply:
                await _go_silent(self, fault)
            await super().push(fault.reply)
            return
        await super().push(status)

    async def _scripted(self, name: str, command: Callable[[str | None], Coroutine[Any, Any, None]], argument: str | None) -> None:
        self._mailbox.commands.append(name)
        fault = self._mailbox.next_fault(name, argument or "") if name in STAGES else None
        if fault is None:
            await command(argument)
        elif fault.reply:
            await self.push(fault.reply)
            if fault.reply.startswith("421") and self.transport is not None:
                self.transport.close()
        else:
            await _go_silent(self, fault)


async def _go_silent(line: SMTP, fault: Fault) -> None:
    """Cut the line, or leave it; aiosmtpd ends this task when the connection ends."""
    if fault.drop and isinstance(line.transport, asyncio.WriteTransport):
        line.transport.abort()
    await asyncio.sleep(_HANG)


def _context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def self_signed(folder: Path, *names: str) -> tuple[Path, Path] | None:
    """A certificate for these names that nobody has signed, and its key; None where there is no `openssl` to make it."""
    if shutil.which("openssl") is None:
        return None
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={names[0]}", "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key
