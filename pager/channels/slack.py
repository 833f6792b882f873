"""Pages and incident boards in Slack, by Slack's own SDK.

Slack has no idempotency key for messages. So every message carries metadata that names it, and whatever ends without a clear yes or no (a
500, a time-out, a dropped connection, an answer that can't be read) is looked up by that in the conversation before it is called anything.
Source: https://docs.slack.dev/reference/methods/chat.postMessage and https://docs.slack.dev/messaging/message-metadata"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pager.channels.slack_blocks import Block, blocks_of, plain
from pager.channels.slack_errors import BAD_BLOCKS, BAD_METADATA, NO_CHANNEL, NotReached, Refused, in_words, refusal, wait
from pager.channels.slack_http import API_URL, SlackLine
from pager.channels.slack_places import Place, Places, place
from pager.channels.slack_roster import SlackRoster
from pager.model.event import Fault
from pager.model.settings import Provider
from pager.notify.card import Card
from pager.ports import Fate, GiveUp, Message, SendResult, Sent, Status, TryAgain

__all__ = ["SCOPES", "Slack", "from_provider"]

# To post, to open a conversation with a person, to look messages up in each kind of conversation, and to find a channel by its name.
SCOPES = ("chat:write", "im:write", "im:history", "channels:history", "groups:history", "channels:read", "groups:read")
_SOON = timedelta(seconds=1)
_LATER = timedelta(seconds=5)
_CLOCKS_DIFFER = timedelta(minutes=1)
_PAGE_SIZE = 200
_MOST_PAGES = 10
_NOWHERE = GiveUp("no Slack address: write slack:U0123 (a member ID), #channel, or a channel's ID", Fault.ADDRESS)
_NO_RECEIPT = GiveUp("this is not the receipt of a Slack message", Fault.ADDRESS)
_LITERALLY = {"parse": "none", "link_names": False, "mrkdwn": False}  # text is shown as it stands

Marks = dict[str, Any]


def from_provider(provider: Provider) -> Slack:
    """From `providers.NAME` of the config. Raises ValueError when the token is empty."""
    options = provider.options
    return Slack(provider.name, options.get("bot_token", ""), api_url=options.get("api_url", "") or API_URL, timeout=provider.timeout)


class Slack:
    """A Channel and a Board. An address is `slack:U0ANA` (a person, written to directly), `#payments`, `slack:#payments`, or a channel's ID;
    a receipt is `channel:ts`. `timeout` bounds each call as a whole, look-up included."""

    kind = "slack"

    def __init__(
        self,
        name: str,
        bot_token: str,
        *,
        api_url: str = API_URL,
        timeout: timedelta = timedelta(seconds=10),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not bot_token:
            raise ValueError(f"provider {name}: bot_token is needed")
        self.name = name
        self._timeout = timeout
        self._clock = clock
        # Half for each request: a look-up must still fit behind a message that hung.
        self._line = SlackLine(bot_token, api_url, timeout / 2)
        self._places = Places(self._line, timeout / 4)
        self.roster = SlackRoster(self._line, self._places, timeout)

    def __repr__(self) -> str:
        return f"Slack({self.name})"

    # --- a channel --------------------------------------------------------------------------------------------------------------------
    async def send(self, message: Message) -> SendResult:
        blocks = blocks_of(message.card) if message.card else None
        return await self._in_time(self._post(message.address, message.text, blocks, _marks_of(message)))

    async def find(self, message: Message, since: datetime) -> Sent | None:
        return await self._find(self._look_up(message.address, _marks_of(message), since))

    async def status(self, receipt: str) -> Status:
        return Status(Fate.UNKNOWN, "Slack does not tell whether a message was seen")

    async def check(self) -> str | None:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                _, headers = await self._line.answer(self._line.web.auth_test())
        except Refused as no:
            return in_words(no) if refusal(no) is not None else f"{in_words(no)}: try again, and check api_url"
        except Exception as error:
            return f"{in_words(error)}: check api_url and the network"
        granted = headers.get("x-oauth-scopes")
        missing = [scope for scope in SCOPES if scope not in granted.replace(" ", "").split(",")] if granted else []
        return f"the app lacks {', '.join(missing)}: add them under OAuth & Permissions and install the app again" if missing else None

    async def close(self) -> None:
        await self._line.close()

    # --- a board ----------------------------------------------------------------------------------------------------------------------
    async def post(self, address: str, card: Card, text: str, key: str) -> SendResult:
        return await self._in_time(self._post(address, text, blocks_of(card), _marks("pagerd_incident", key=key)))

    async def update(self, receipt: str, card: Card, text: str) -> SendResult:
        return await self._in_time(self._update(receipt, blocks_of(card), text))

    async def reply(self, receipt: str, text: str, key: str) -> SendResult:
        channel, ts = _read(receipt)
        if not ts:
            return _NO_RECEIPT
        return await self._in_time(self._post(channel, text, None, _marks("pagerd_thread", key=key), thread=ts))

    async def find_post(self, address: str, key: str, since: datetime) -> Sent | None:
        return await self._find(self._look_up(address, _marks("pagerd_incident", key=key), since))

    async def find_reply(self, receipt: str, key: str) -> Sent | None:
        channel, ts = _read(receipt)
        return await self._find(self._look_up(channel, _marks("pagerd_thread", key=key), None, ts)) if ts else None

    # --- posting ----------------------------------------------------------------------------------------------------------------------
    async def _in_time(self, work: Awaitable[SendResult]) -> SendResult:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await work
        except TimeoutError:
            return TryAgain(_LATER, "Slack did not answer in time")

    async def _post(self, address: str, text: str, blocks: list[Block] | None, marks: Marks, thread: str = "") -> SendResult:
        began = self._clock()
        to = place(address)
        if to is None:
            return _NOWHERE
        known = to.user in self._places
        try:
            channel = await self._places.to_post(to)
        except Refused as no:
            return refusal(no) or TryAgain(_SOON, in_words(no))
        except Exception as error:  # a conversation was not opened, or was and holds nothing yet
            return TryAgain(_LATER, in_words(error))
        try:
            made = await self._write(channel, text, blocks, marks, thread)
        except NotReached as no:
            return TryAgain(_LATER, str(no))
        except Refused as no:
            if no.error == NO_CHANNEL and known:
                self._places.forget(to)  # the conversation is another by now: open it anew
                return TryAgain(_SOON, in_words(no))
            verdict = refusal(no)
            return verdict if verdict is not None else await self._in_doubt(address, marks, began, no, thread)
        except Exception as error:  # the line broke, or the SDK tripped over the answer: it may have been posted
            return await self._in_doubt(address, marks, began, error, thread)
        sent = _sent(made.get("channel"), made.get("ts"))
        if sent is None:
            return await self._in_doubt(address, marks, began, ValueError("no ts"), thread)
        self._places.learn(to, made["channel"])
        return sent

    async def _write(self, channel: str, text: str, blocks: list[Block] | None, marks: Marks, thread: str) -> Mapping[str, Any]:
        """A page outranks its looks: what Slack finds wrong with blocks or metadata is left out."""
        order: dict[str, Any] = {"channel": channel, "text": plain(text), "unfurl_links": False, "unfurl_media": False} | _LITERALLY
        order |= {"thread_ts": thread} if thread else {}
        looks: dict[str, Any] = {"metadata": marks} | ({"blocks": blocks} if blocks else {})
        while True:
            try:
                return await self._line.ask(self._line.web.chat_postMessage(**order, **looks))
            except Refused as no:
                spoilt = "blocks" if no.error in BAD_BLOCKS else "metadata" if no.error in BAD_METADATA else ""
                if looks.pop(spoilt, None) is None:
                    raise

    async def _update(self, receipt: str, blocks: list[Block], text: str) -> SendResult:
        """Whatever its end, it may be done again."""
        channel, ts = _read(receipt)
        if not ts:
            return _NO_RECEIPT
        order: dict[str, Any] = {"channel": channel, "ts": ts, "text": plain(text), "parse": "none", "link_names": False}
        try:
            try:
                await self._line.ask(self._line.web.chat_update(**order, blocks=blocks))
            except Refused as no:
                if no.error not in BAD_BLOCKS:
                    raise
                await self._line.ask(self._line.web.chat_update(**order, blocks=[]))
        except Refused as no:
            return refusal(no) or TryAgain(wait(no.retry_after, _SOON), in_words(no))
        except Exception as error:
            return TryAgain(_LATER if isinstance(error, NotReached) else _SOON, in_words(error))
        return Sent(receipt, expects_receipt=False)

    # --- looking up -------------------------------------------------------------------------------------------------------------------
    async def _in_doubt(self, address: str, marks: Marks, began: datetime, error: Exception, thread: str) -> SendResult:
        why = in_words(error)
        asked = error.retry_after if isinstance(error, Refused) else None
        try:
            found = await self._look_up(address, marks, began, thread)
        except Exception as second:
            return TryAgain(wait(asked, _LATER), f"{why}; looking it up failed: {in_words(second)}")
        return found if found is not None else TryAgain(wait(asked, _SOON), f"{why}; it is not among the messages there")

    async def _find(self, look_up: Awaitable[Sent | None]) -> Sent | None:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await look_up
        except Exception:
            return None  # not known is not found: better twice than never

    async def _look_up(self, address: str, marks: Marks, since: datetime | None, thread: str = "") -> Sent | None:
        """Through the conversation, newest first, or through the thread."""
        to = place(address)
        channel = await self._places.to_read(to) if to is not None else ""
        if not channel:
            return None
        web = self._line.web
        asked: dict[str, Any] = {"channel": channel, "include_all_metadata": True, "limit": _PAGE_SIZE}
        asked |= {"oldest": f"{(since - _CLOCKS_DIFFER).timestamp():.6f}"} if since is not None else {}
        for _ in range(_MOST_PAGES):
            request = web.conversations_replies(ts=thread, **asked) if thread else web.conversations_history(**asked)
            answer = await self._line.ask(request)
            for message in answer.get("messages", ()):
                if _is_it(message.get("metadata"), marks):
                    return _sent(channel, message.get("ts"), found=True)
            asked["cursor"] = (answer.get("response_metadata") or {}).get("next_cursor")
            if not asked["cursor"]:
                break
        return None


def _marks_of(message: Message) -> Marks:
    """Names a page by its id and code. A notice has neither, so it is known by its words: by their digest, since Slack gives texts back in
    another form than it got them."""
    if message.id:
        return _marks("pagerd_page", page=message.id, code=message.code)
    return _marks("pagerd_notice", words=hashlib.sha256(message.text.encode(errors="replace")).hexdigest()[:32])


def _marks(event: str, **payload: str) -> Marks:
    return {"event_type": event, "event_payload": payload}


def _is_it(metadata: object, marks: Marks) -> bool:
    return isinstance(metadata, dict) and all(metadata.get(name) == value for name, value in marks.items())


def _sent(channel: object, ts: object, found: bool = False) -> Sent | None:
    if not (isinstance(channel, str) and isinstance(ts, str) and channel and ts):
        return None
    return Sent(f"{channel}:{ts}", expects_receipt=False, found=found)


def _read(receipt: str) -> tuple[str, str]:
    """Channel and ts; the ts is empty where it is no receipt of ours."""
    channel, _, ts = receipt.partition(":")
    to = place(channel)
    return (channel, ts) if isinstance(to, Place) and to.channel and ts else ("", "")
