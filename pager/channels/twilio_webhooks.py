"""What Twilio posts to us: receipts and text messages, and whether it was Twilio.

Source: https://www.twilio.com/docs/messaging/guides/webhook-request and https://www.twilio.com/docs/usage/webhooks/webhooks-security"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.twiml.messaging_response import MessagingResponse  # type: ignore[import-untyped]

from pager.channels.twilio_errors import fate
from pager.notify.text import one_line
from pager.ports import Status


class InboundSms(msgspec.Struct, frozen=True):
    """A text message to one of our numbers. The sender's number can be forged: only the code in the body proves anything."""

    sid: str
    sender: str
    to: str
    body: str


def read_status(form: Mapping[str, str]) -> tuple[str, Status]:
    """The receipt (Twilio's message id) and what became of that message. Raises ValueError naming the field that is missing.

    Receipts repeat and overtake each other: `sent` may come after `delivered`, and changes nothing then."""
    sid = form.get("MessageSid") or _field(form, "SmsSid")
    status = form.get("MessageStatus") or _field(form, "SmsStatus")
    code = form.get("ErrorCode", "")
    return sid, fate(status, int(code) if code.isascii() and code.isdigit() else 0)


def read_sms(form: Mapping[str, str]) -> InboundSms:
    """Raises ValueError naming the field that is missing. A message without text (a picture) has an empty body."""
    return InboundSms(_field(form, "MessageSid"), _field(form, "From"), _field(form, "To"), form.get("Body", ""))


def signature_ok(auth_token: str, url: str, form: Iterable[tuple[str, str]], header: str | None) -> bool:
    """Whether `header` (X-Twilio-Signature) was made with our token for this public URL and these fields, repeated ones included.

    The signature holds no time: who took a message once must refuse it the second time."""
    if not auth_token or not header:
        return False
    return bool(RequestValidator(auth_token).validate(url, _Fields(form), header))


def twiml_message(text: str) -> str:
    """The answer to a text message that sends `text` back; empty text sends nothing."""
    response = MessagingResponse()
    if text := one_line(text):
        response.message(text)
    return str(response)


class _Fields(dict[str, str]):
    """A form in the shape that the validator takes for one with repeated fields."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = tuple(pairs)
        super().__init__(self._pairs)

    def getall(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]


def _field(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise ValueError(f"{name} is missing")
    return value
