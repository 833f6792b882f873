"""SMS over Twilio's Messages API, by Twilio's own SDK.

Twilio has no idempotency key for messages. So whatever ends without a clear yes or no (a 500, a time-out, a dropped connection, an answer
that can't be read) is looked up among the messages to that number, by the page's code, before it is called anything.
Source: https://www.twilio.com/docs/messaging/api/message-resource"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace
from twilio.rest import Client  # type: ignore[import-untyped]

from pager.channels.twilio_errors import BAD_CALLBACK, fate, is_dead, refusal
from pager.channels.twilio_http import NotReached, PooledHttp, Refused
from pager.channels.twilio_webhooks import InboundSms, read_sms, read_status, signature_ok, twiml_message
from pager.model.event import Fault
from pager.model.settings import Provider
from pager.ports import Fate, GiveUp, Message, SendResult, Sent, Status, TryAgain

__all__ = ["InboundSms", "TwilioSms", "from_provider", "read_sms", "read_status", "signature_ok", "twiml_message"]

API_URL = "https://api.twilio.com"
_SOON = timedelta(seconds=1)
_LATER = timedelta(seconds=5)
_LOOKED_THROUGH = 50  # messages to one number, newest first: more than anybody is sent in the minutes that matter
_CLOCKS_DIFFER = timedelta(minutes=1)
_VALID_SECONDS = (1, 36_000)


def from_provider(provider: Provider) -> TwilioSms:
    """From `providers.NAME` of the config. Raises ValueError when a credential is empty."""
    options = provider.options
    return TwilioSms(
        provider.name,
        options.get("account_sid", ""),
        options.get("auth_token", ""),
        provider.senders,
        messaging_service_sid=options.get("messaging_service_sid", ""),
        api_url=options.get("api_url", "") or API_URL,
        timeout=provider.timeout,
    )


class TwilioSms:
    """A Channel. `senders` maps a prefix of the receiver's number to the number we send from, the longest match first and `*` last; where
    `messaging_service_sid` is given, that service picks the number. `timeout` bounds a whole send, look-up included."""

    kind = "twilio"

    def __init__(
        self,
        name: str,
        account_sid: str,
        auth_token: str,
        senders: Mapping[str, str],
        *,
        messaging_service_sid: str = "",
        api_url: str = API_URL,
        timeout: timedelta = timedelta(seconds=10),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not (account_sid and auth_token):
            raise ValueError(f"provider {name}: account_sid and auth_token are needed")
        self.name = name
        self._senders = dict(senders)
        self._service = messaging_service_sid
        self._timeout = timeout
        self._clock = clock
        # Half for each request: a look-up must still fit behind a send that hung.
        self._http = PooledHttp(api_url, timeout / 2)
        # Without an environment of its own the SDK would take credentials and regions from that of the process.
        client = Client(account_sid, auth_token, http_client=self._http, environment={"TWILIO": ""})
        self._account = client.api.v2010.account  # loads the SDK's modules now, not at the first page
        self._messages = self._account.messages

    def __repr__(self) -> str:
        return f"TwilioSms({self.name})"

    async def send(self, message: Message) -> SendResult:
        way = self._way(message.address)
        if way is None:
            return GiveUp("no number to send from for this prefix: add it, or `*`, to `from`", Fault.PROVIDER)
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await self._send(message, way, self._clock())
        except TimeoutError:
            return TryAgain(_LATER, "Twilio did not answer in time")

    async def find(self, message: Message, since: datetime) -> Sent | None:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await self._look_up(message, since)
        except Exception:
            return None  # not known is not found: better twice than never

    async def status(self, receipt: str) -> Status:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                found = await self._messages(receipt).fetch_async()
            return fate(str(found.status), _number(found.error_code))
        except Exception as error:
            return Status(Fate.UNKNOWN, _in_words(error))

    async def check(self) -> str | None:
        if not (self._service or self._senders):
            return "there is no number to send from: set `from` or messaging_service_sid"
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                balance = await self._account.balance.fetch_async()
            return None if float(balance.balance) > 0 else "the account has no money left: messages will not go out until it is paid"
        except Refused as no:
            # A subaccount has no balance of its own; to hear that, its credentials must have been right.
            if no.status == 404 and no.code == 20404:
                return None
            return _in_words(no) if no.status < 500 else f"{_in_words(no)}: try again, and check api_url"
        except Exception as error:
            return f"{_in_words(error)}: check api_url and the network"

    async def close(self) -> None:
        await self._http.close()

    # --- sending ----------------------------------------------------------------------------------------------------------------------
    async def _send(self, message: Message, way: dict[str, str], began: datetime) -> SendResult:
        try:
            made = await self._messages.create_async(**_order(message), **way)
        except NotReached as no:
            return TryAgain(_LATER, str(no))
        except Refused as no:
            if no.code == BAD_CALLBACK and message.callback:
                # A page outranks its receipt: what became of it can still be asked.
                return await self._send(replace(message, callback=""), way, began)
            verdict = refusal(no.status, no.code, no.retry_after)
            return verdict if verdict is not None else await self._in_doubt(message, began, _in_words(no))
        except Exception as error:  # the line broke, or the SDK tripped over the answer: it may have been sent
            return await self._in_doubt(message, began, _in_words(error))
        if not made.sid:
            return await self._in_doubt(message, began, "Twilio's answer names no message")
        return Sent(made.sid)

    async def _in_doubt(self, message: Message, began: datetime, why: str) -> SendResult:
        try:
            found = await self._look_up(message, began)
        except Exception as error:
            return TryAgain(_LATER, f"{why}; looking it up failed: {_in_words(error)}")
        return found if found is not None else TryAgain(_SOON, f"{why}; it is not among the messages sent")

    async def _look_up(self, message: Message, since: datetime) -> Sent | None:
        """By our own dates, not the API's filter: that goes by the date sent, which a queued message has not got."""
        for record in await self._messages.list_async(to=message.address, limit=_LOOKED_THROUGH):
            if _is_it(record, message, since - _CLOCKS_DIFFER):
                return Sent(record.sid, found=True)
        return None

    def _way(self, address: str) -> dict[str, str] | None:
        """The parameters that say who sends to that number."""
        if self._service:
            return {"messaging_service_sid": self._service}
        prefixes = [p for p in self._senders if p != "*" and address.startswith(p)]
        number = self._senders.get(max(prefixes, key=len, default="*"))
        return {"from_": number} if number else None


def _order(message: Message) -> dict[str, Any]:
    least, most = _VALID_SECONDS
    order = {
        "to": message.address,
        "body": message.text,
        # A page that waits in a queue for longer than it is of use must not arrive.
        "validity_period": max(least, min(most, round(message.valid_for.total_seconds()))),
    }
    return order | {"status_callback": message.callback} if message.callback else order


def _is_it(record: Any, message: Message, since: datetime) -> bool:
    """A failed one is not it: the same page may have been sent a second time because of that."""
    created = record.date_created
    if is_dead(str(record.status)) or (isinstance(created, datetime) and created < since):
        return False
    body = record.body or ""
    if message.code:
        return re.search(rf"\b{re.escape(message.code)}\b", body) is not None
    return bool(body == message.text)


def _number(code: object) -> int:
    return code if isinstance(code, int) else 0


def _in_words(error: Exception) -> str:
    """Never the text of a foreign exception: it may hold the request."""
    match error:
        case Refused():
            verdict = refusal(error.status, error.code, error.retry_after)
            return verdict.why if verdict is not None else f"Twilio answered with HTTP {error.status}"
        case NotReached():
            return str(error)
        case TimeoutError():
            return "Twilio did not answer in time"
        case _:
            return f"Twilio's answer was cut or can't be read ({type(error).__name__})"
