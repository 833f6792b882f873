"""A page as an email: addresses, headers, a text part and an HTML part. Pure, apart from reading its template.

Everything here but the sender comes from outside. The standard library folds and encodes the headers, but for what it gets wrong: in a subject
it decodes `=?...?=` before it writes it, which lets a summary bring its own header lines, and an id that does not fit on a line it writes
as an encoded word, which no mail program takes for an id.
Source: RFC 5322 (messages), RFC 6531 and 6532 (international addresses), RFC 3834 (Auto-Submitted), RFC 2919 (List-Id)."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from email.header import Header
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy, Policy
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from pager.channels.smtp_errors import Unfit
from pager.model.alert import Link, Severity
from pager.model.event import Fault
from pager.notify.text import one_line, shorten
from pager.ports import Message

_SUBJECT_FROM_TEXT = 80
_LONGEST_SUBJECT = 200
_SHORT_SUBJECT = 68  # with the header's name, a line of 78
_LONGEST_NAME = 40
_LONGEST_LOCAL, _LONGEST_ADDRESS = 64, 254
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\".]+(\.[^\s@<>()\[\],;:\\\".]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*")
_NAMED = re.compile(r"(.*)<([^<>]*)>")
_SPECIALS = re.compile(r"[()<>@,:;\\\"\[\]]|=\?")
_ATOM = re.compile(r"[A-Za-z0-9_-]{1,40}")
_COLOURS = {Severity.CRITICAL: "#d92d20", Severity.ERROR: "#e8590c", Severity.WARNING: "#d4a017", Severity.INFO: "#1a7fbd"}
_PLAIN_COLOUR = "#808080"

_jinja = Environment(loader=PackageLoader("pager.channels"), autoescape=True, undefined=StrictUndefined)
_HTML = _jinja.get_template("email.html")  # now, so that a broken installation is seen at the start and not at the first page


class Mailbox(msgspec.Struct, frozen=True):
    """An address that is fit for an envelope and a header. `domain` is in its ASCII form; `name` is for people."""

    local: str
    domain: str
    name: str = ""

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def international(self) -> bool:
        """Whether it takes a server that knows SMTPUTF8."""
        return not self.local.isascii()


class Letter(msgspec.Struct, frozen=True):
    """What goes over the line. `id` is the Message-ID; `international` says that the server must know SMTPUTF8."""

    sender: Mailbox
    to: Mailbox
    id: str
    content: bytes
    international: bool


def mailbox(text: str) -> Mailbox | None:
    """An address alone, `ana@example.com`; None when it is none. Quoted local parts and address literals are not taken."""
    local, at, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    # `=?` would be read as an encoded word wherever the address stands in a header.
    if not (at and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) and local.isprintable()) or "=?" in local:
        return None
    if len(local.encode()) > _LONGEST_LOCAL or len(f"{local}@{domain}".encode()) > _LONGEST_ADDRESS:
        return None
    return Mailbox(local, domain)


def sender_mailbox(text: str) -> Mailbox | None:
    """An address with or without a name: `pagerd@example.com`, `On call <pagerd@example.com>`."""
    named = _NAMED.fullmatch(one_line(text))
    found = mailbox(named[2] if named else text)
    return found and Mailbox(found.local, found.domain, _name(named[1]) if named else "")


def compose(message: Message, sender: Mailbox, now: datetime) -> Letter:
    """Raises Unfit when the address is none. The same page gives the same Message-ID, whatever it says by now."""
    to = mailbox(message.address)
    if to is None:
        raise Unfit("this is no email address", Fault.ADDRESS)
    international = to.international or sender.international
    mail = EmailMessage(policy=_policy(international))
    own = message_id(message, sender.domain)
    mail["From"] = Address(sender.name, sender.local, sender.domain)
    mail["To"] = Address("", to.local, to.domain)
    mail["Subject"] = subject(message)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = own
    if message.thread:
        thread = f"<pagerd.{_atom(message.thread)}@{sender.domain}>"
        mail["In-Reply-To"] = thread
        mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["List-Id"] = f"pagerd <pagerd.{sender.domain}>"
    if message.urgent:
        mail["X-Priority"] = "1"
        mail["Importance"] = "high"
    mail.set_content(text_part(message))
    mail.add_alternative(html_part(message), subtype="html")
    return Letter(sender, to, own, mail.as_bytes(), international)


def message_id(message: Message, domain: str) -> str:
    """A page's is made of its id, its code and whom it goes to; a notice's of what it says to whom."""
    if message.id:
        return f"<pagerd.{_atom(message.id)}.{_digest(message.id, message.code, message.address)}@{domain}>"
    return f"<pagerd.{_digest(message.address, message.thread, message.text)}@{domain}>"


def subject(message: Message) -> str:
    if given := one_line(message.subject):
        return shorten(given, _LONGEST_SUBJECT)
    return shorten(one_line(message.text), _SUBJECT_FROM_TEXT) or "pagerd"


def text_part(message: Message) -> str:
    """The text, then what the card has beyond it."""
    parts = [[one_line(line) for line in message.text.splitlines()]]
    if message.card is not None:
        parts.append([f"{one_line(fact.name)}: {one_line(fact.value)}" for fact in message.card.facts])
        parts.append([one_line(line) for line in message.card.lines])
        parts.append([_spelled(link) for link in message.card.links])
    if message.link:
        parts.append([f"To answer: {one_line(message.link)}"])
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def html_part(message: Message) -> str:
    """The card, or the text where there is none. Of the links only those to the web can be followed."""
    card, answer = message.card, one_line(message.link)
    title = one_line(card.title) if card else subject(message)
    said = [line for line in map(one_line, message.text.splitlines()) if line]
    return _HTML.render(
        title=title,
        colour=_COLOURS.get(card.severity, _PLAIN_COLOUR) if card else _PLAIN_COLOUR,
        facts=[(one_line(fact.name), one_line(fact.value)) for fact in card.facts] if card else [],
        lines=[one_line(line) for line in card.lines] if card else said if said != [title] else [],
        links=[_clickable(link) for link in card.links] if card else [],
        answer=answer if _on_the_web(answer) else "",
    )


def _spelled(link: Link) -> str:
    text, href = one_line(link.text), one_line(link.href)
    return f"{text}: {href}" if text else href


def _clickable(link: Link) -> tuple[str, str]:
    """Its words and where it leads; nowhere when that is not the web."""
    href = one_line(link.href)
    return (one_line(link.text) or href, href) if _on_the_web(href) else (_spelled(link), "")


def _on_the_web(href: str) -> bool:
    try:
        parts = urlsplit(href)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in href
    except ValueError:
        return False


def _name(text: str) -> str:
    """A name that needs no quotes: where the standard library folds or encodes one that does, it may lose them, and with them our address."""
    return shorten(" ".join(_SPECIALS.sub(" ", text).split()), _LONGEST_NAME)


def _atom(text: str) -> str:
    """The text where it can stand in an id, else a digest of it."""
    return text if _ATOM.fullmatch(text) else _digest(text)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class _AsItIs(BaseHeader):
    """A header that is written on one line, as it was given."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds["parse_tree"], kwds["decoded"] = None, value

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


class _Subject(_AsItIs):
    """Written as it is where every mail program reads it so, else in encoded words."""

    def fold(self, *, policy: Policy) -> str:
        if self.isascii() and len(self) <= _SHORT_SUBJECT and "=?" not in self:
            return super().fold(policy=policy)
        return f"{self.name}: {Header(str(self), 'utf-8', header_name=self.name).encode(linesep=policy.linesep)}{policy.linesep}"


def _policy(international: bool) -> EmailPolicy[EmailMessage]:
    """Seven bits wherever that is possible: then it does not matter what the servers on the way know."""
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references", "list-id"):
        registry.map_to_type(name, _AsItIs)
    registry.map_to_type("subject", _Subject)
    base = SMTPUTF8 if international else SMTP
    return base.clone(cte_type="7bit", header_factory=registry)
