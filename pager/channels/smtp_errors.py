"""What a mail server's answers and a broken line mean for a page: is it worth another try, and where.

Source of the codes: RFC 5321 section 4.2, and RFC 3463 for the finer ones (`5.7.1`) that most servers put in front of their words."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from aiosmtplib import SMTPResponseException

from pager.model.event import Fault
from pager.notify.text import one_line, shorten
from pager.ports import GiveUp, TryAgain

_SOON = timedelta(seconds=5)
_GREYLISTED_FOR = timedelta(seconds=30)
_LONGEST_QUOTE = 100
_FINER = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")
_OURS_TO_MEND = re.compile(r"\brelay|\bauthenticat", re.IGNORECASE)


class Step(StrEnum):
    """How far a mail has come; in words."""

    CONNECT = "the connection"
    LOGIN = "the login"
    SENDER = "the sender"
    RECIPIENT = "the address"
    DATA = "the message"
    DONE = "done"


class Unfit(Exception):
    """It can't be done this way, and needs no asking."""

    def __init__(self, why: str, fault: Fault = Fault.PROVIDER) -> None:
        super().__init__(why)
        self.why, self.fault = why, fault


def verdict(error: Exception, step: Step, secrets: Iterable[str] = ()) -> TryAgain | GiveUp:
    """What an end other than a yes means at that step. `secrets` are never quoted, should the server repeat them."""
    if isinstance(error, SMTPResponseException) and error.code > 0:
        return _answer(error.code, _quote(error.code, error.message, secrets), step)
    if step is Step.DATA:
        return TryAgain(
            _SOON, "the line ended before the mail server's last answer: it may have been sent (a second one has the same Message-ID)"
        )
    match error:
        case Unfit():
            return GiveUp(error.why, error.fault)
        case SMTPResponseException():
            return GiveUp("what answers there does not speak SMTP, or garbled: check host and port in `smtp`")
        case TimeoutError():
            return TryAgain(_SOON, f"the mail server did not answer in time, at {step}: check host and port in `smtp`, and the network")
    return _broken(error, step)


def _broken(error: Exception, step: Step) -> TryAgain | GiveUp:
    """aiosmtplib hands on what TLS says as it is after STARTTLS, and as a cause where the line begins with TLS."""
    inner = error if isinstance(error, ssl.SSLError) else error.__cause__
    match inner:
        case ssl.SSLCertVerificationError():
            reason = shorten(one_line(inner.verify_message), _LONGEST_QUOTE)
            return GiveUp(
                f"the mail server's certificate is not valid ({reason}): mend it, check the host in `smtp`, or add ?verify=no to trust any"
            )
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return TryAgain(_SOON, "the mail server hung up during the TLS handshake")
        case ssl.SSLError():
            return GiveUp("no TLS with the mail server: check the port, smtps:// is for 465 and smtp:// for 587 and 25")
        case socket.gaierror():
            return TryAgain(_SOON, "the mail server's name can't be found: check the host in `smtp`, and the DNS")
    if not isinstance(error, OSError):
        return GiveUp(f"the mail can't be sent ({type(error).__name__})")
    if step is Step.CONNECT:
        return TryAgain(_SOON, "no connection to the mail server: check host and port in `smtp`, and the network")
    return TryAgain(_SOON, f"the mail server hung up, at {step}")


def _answer(code: int, said: str, step: Step) -> TryAgain | GiveUp:
    """`said` begins with the code. Anything but a yes to the message itself is a no: the server has not taken it."""
    if 400 <= code < 500:
        patient = code != 421 and step in (Step.SENDER, Step.RECIPIENT, Step.DATA)
        return TryAgain(_GREYLISTED_FOR if patient else _SOON, f"the mail server asks to come back later ({said})")
    match step:
        case Step.LOGIN:
            return GiveUp(f"the login was refused: check user and password in `smtp` ({said})")
        case Step.SENDER:
            hint = "the server wants a login or encryption: check `smtp`" if code == 530 else "our sender was refused: check `from`"
            return GiveUp(f"{hint} ({said})")
        case Step.RECIPIENT if _about_us(code, said):
            return GiveUp(f"the mail server does not carry our mail there: check `from`, and user and password in `smtp` ({said})")
        case Step.RECIPIENT:
            return GiveUp(f"the address was refused ({said})", Fault.ADDRESS)
        case Step.DATA:
            return GiveUp(f"the message was refused ({said})")
        case _:
            return GiveUp(f"the mail server refuses us, at {step} ({said})")


def _about_us(code: int, said: str) -> bool:
    """Whether a recipient was refused for what we are and not for what it is: relaying denied, a policy, no login."""
    finer = _FINER.search(said)
    if finer is None:
        return code in (503, 530) or _OURS_TO_MEND.search(said) is not None
    subject, detail = int(finer[2]), int(finer[3])
    # 5.4.1 is what Microsoft says of a mailbox that does not exist.
    return subject in (3, 5, 6, 7) or (subject, detail) in ((1, 7), (1, 8))


def _quote(code: int, text: str, secrets: Iterable[str]) -> str:
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return shorten(f"{code} {one_line(text)}".strip(), _LONGEST_QUOTE)
