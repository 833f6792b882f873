"""What every Channel promises, whoever carries the message: run on Twilio's SDK against the fake, the console, and one in memory."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pager.channels.console import Console
from pager.channels.slack import Slack
from pager.channels.smtp import from_provider
from pager.channels.twilio import TwilioSms
from pager.model.settings import Provider
from pager.ports import Channel, Fate, GiveUp, Message, Sent, Status, TryAgain
from tests.fakes.mail_server import MailServer
from tests.fakes.memory_channel import MemoryChannel
from tests.fakes.slack_fake import SlackFake
from tests.fakes.twilio_fake import TwilioFake

ANA = "+14155550100"
PAGE = Message(address=ANA, text="#42 CRITICAL db: disk full. Reply 7K3M to acknowledge", id="42-1", code="7K3M")


class Line:
    """A channel, and a look at what came out of it at the other end."""

    def __init__(
        self,
        channel: Channel,
        received: Callable[[], list[str]],
        keeps_sends: bool = True,
        address: Callable[[int], str] = lambda n: f"+1415555{n:04}",
    ) -> None:
        self.channel = channel
        self.received = received
        self.keeps_sends = keeps_sends  # whether its other end can be asked later
        self.address = address  # of person number `n`, as this channel knows them

    def to(self, message: Message, person: int = 100) -> Message:
        return replace(message, address=self.address(person))


async def _twilio(stack: AsyncExitStack) -> Line:
    fake = await stack.enter_async_context(TwilioFake())
    channel = TwilioSms("twilio", fake.account_sid, fake.auth_token, {"*": "+15005550006"}, api_url=fake.url)
    stack.push_async_callback(channel.close)
    return Line(channel, lambda: [m["body"] for m in fake.messages.values()])


async def _console(_: AsyncExitStack) -> Line:
    stream = io.StringIO()
    return Line(Console(stream), lambda: [line[2:] for line in stream.getvalue().splitlines() if line.startswith("┃")], keeps_sends=False)


async def _memory(_: AsyncExitStack) -> Line:
    channel = MemoryChannel()
    return Line(channel, lambda: channel.texts)


async def _smtp(stack: AsyncExitStack) -> Line:
    server = await stack.enter_async_context(MailServer())
    channel = from_provider(Provider(name="mail", kind="smtp", options={"smtp": server.url}, senders={"*": "pagerd@example.com"}))
    stack.push_async_callback(channel.close)
    return Line(
        channel,
        lambda: [mail.part("plain").strip() for mail in server.messages],
        keeps_sends=False,
        address=lambda n: f"person{n}@example.com",
    )


async def _slack(stack: AsyncExitStack) -> Line:
    fake = await stack.enter_async_context(SlackFake())
    fake.users |= {f"U0P{n:04}": {"id": f"U0P{n:04}", "name": f"p{n}", "email": f"p{n}@example.com"} for n in range(200)}
    channel = Slack("slack", fake.bot_token, api_url=fake.base_url)
    stack.push_async_callback(channel.close)
    return Line(channel, lambda: [m["text"] for m in fake.messages.values()], address=lambda n: f"slack:U0P{n:04}")


LINES: dict[str, Callable[[AsyncExitStack], Coroutine[Any, Any, Line]]] = {
    "twilio": _twilio,
    "console": _console,
    "memory": _memory,
    "smtp": _smtp,
    "slack": _slack,
}


@pytest.fixture(params=LINES)
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    async with AsyncExitStack() as stack:
        yield await LINES[request.param](stack)


async def test_a_page_arrives_as_it_was_worded(line: Line) -> None:
    result = await line.channel.send(line.to(PAGE))
    assert isinstance(result, Sent)
    assert result.receipt
    assert not result.found
    assert line.received() == [PAGE.text]


async def test_pages_sent_at_once_all_arrive(line: Line) -> None:
    pages = [Message(address=line.address(n), text=f"page {n}. Reply A{n:03} to acknowledge", code=f"A{n:03}") for n in range(40)]
    results = await asyncio.gather(*(line.channel.send(page) for page in pages))
    assert all(isinstance(result, Sent) for result in results)
    assert sorted(line.received()) == sorted(page.text for page in pages)


async def test_a_page_that_went_out_is_found_again_and_another_is_not(line: Line) -> None:
    page, began = line.to(PAGE), datetime.now(UTC) - timedelta(seconds=2)
    assert await line.channel.find(page, began) is None
    sent = await line.channel.send(page)
    other = line.to(Message(address="", text="#43 Reply 8Q2P to acknowledge", id="43-1", code="8Q2P"))
    assert await line.channel.find(other, began) is None
    found = await line.channel.find(page, began)
    if not line.keeps_sends:
        assert found is None
        return
    assert isinstance(found, Sent)
    assert isinstance(sent, Sent)
    assert (found.receipt, found.found) == (sent.receipt, True)


async def test_a_message_without_a_code_is_found_by_its_words(line: Line) -> None:
    notice = line.to(Message(address="", text="#42 Resolved by Bo after 5m. db: disk full."))
    await line.channel.send(notice)
    found = await line.channel.find(notice, datetime.now(UTC) - timedelta(seconds=2))
    assert (found is not None) is line.keeps_sends


async def test_an_unknown_receipt_is_not_called_delivered(line: Line) -> None:
    assert (await line.channel.status("SM" + "0" * 32)).fate is Fate.UNKNOWN


async def test_a_working_channel_has_nothing_to_report(line: Line) -> None:
    assert await line.channel.check() is None


async def test_closing_twice_is_harmless(line: Line) -> None:
    await line.channel.send(line.to(PAGE))
    await line.channel.close()
    await line.channel.close()


async def test_the_channel_in_memory_answers_by_its_script_and_then_accepts() -> None:
    channel = MemoryChannel()
    channel.answer(ANA, TryAgain(timedelta(seconds=1), "busy"), GiveUp("no"))
    channel.statuses["memory-1"] = Status(Fate.FAILED, "lost")
    results = [await channel.send(PAGE) for _ in range(3)]
    assert [type(r) for r in results] == [TryAgain, GiveUp, Sent]
    assert (len(channel.asked), channel.texts) == (3, [PAGE.text])
    assert (await channel.status("memory-1")).fate is Fate.FAILED
