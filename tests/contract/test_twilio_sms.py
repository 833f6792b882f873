"""SMS over Twilio's real SDK, against a server that fails in each way Twilio has."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pager.channels.twilio import TwilioSms, from_provider
from pager.model.event import Fault
from pager.model.settings import Provider
from pager.ports import Fate, GiveUp, Message, SendResult, Sent, TryAgain
from tests.fakes.twilio_description import Description, contract_file
from tests.fakes.twilio_fake import TwilioFake

ANA = "+14155550100"
OURS = "+15005550006"
PAGE = Message(address=ANA, text="#42 CRITICAL db: disk full. Reply 7K3M to acknowledge", id="42-1", code="7K3M")
TIMEOUT = timedelta(seconds=0.6)


@pytest.fixture
async def fake() -> AsyncIterator[TwilioFake]:
    description = contract_file("specs/twilio_messages_calls.json")
    async with TwilioFake(judge=Description(description) if description else None) as twilio:
        yield twilio


@pytest.fixture
async def channel(fake: TwilioFake) -> AsyncIterator[TwilioSms]:
    sms = TwilioSms("twilio", fake.account_sid, fake.auth_token, {"*": OURS}, api_url=fake.url, timeout=TIMEOUT)
    yield sms
    await sms.close()


def creates(fake: TwilioFake) -> int:
    return sum(r["op"] == "CreateMessage" for r in fake.requests)


def given_up(result: SendResult) -> GiveUp:
    assert isinstance(result, GiveUp), result
    return result


def deferred(result: SendResult) -> TryAgain:
    assert isinstance(result, TryAgain), result
    return result


def test_the_fake_is_held_against_twilios_own_description() -> None:
    if contract_file("specs/twilio_messages_calls.json") is None:
        pytest.skip("TWILIO'S DESCRIPTION IS NOT HERE: the fake ran on its own rules alone; set PAGERD_CONTRACT to the contract folder")


# --- a clear no -----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("to", "fault", "words"),
    [
        ("+15005550001", Fault.ADDRESS, "21211"),
        ("+15005550002", Fault.PROVIDER, "21612"),
        ("+15005550003", Fault.PROVIDER, "21408"),
        ("+15005550004", Fault.ADDRESS, "STOP"),
        ("+15005550009", Fault.ADDRESS, "not a mobile"),
        ("0123", Fault.ADDRESS, "no phone number"),
    ],
)
async def test_a_number_that_twilio_refuses_is_given_up_at_once(
    channel: TwilioSms, fake: TwilioFake, to: str, fault: Fault, words: str
) -> None:
    result = given_up(await channel.send(replace(PAGE, address=to)))
    assert result.fault is fault
    assert words in result.why
    assert creates(fake) == 1


async def test_somebody_who_texted_stop_is_tried_elsewhere(channel: TwilioSms, fake: TwilioFake) -> None:
    await fake.inbound_sms(ANA, OURS, "Stop")
    assert given_up(await channel.send(PAGE)).fault is Fault.ADDRESS


@pytest.mark.parametrize(("status", "code"), [(400, 21999), (403, 20003), (404, 20404), (418, 0)])
async def test_a_refusal_nobody_has_heard_of_is_for_another_provider(channel: TwilioSms, fake: TwilioFake, status: int, code: int) -> None:
    fake.fault(status=status, code=code)
    assert given_up(await channel.send(PAGE)).fault is Fault.PROVIDER
    assert creates(fake) == 1


async def test_wrong_credentials_say_what_to_mend_and_never_what_they_are(fake: TwilioFake, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "s3cr3t" * 5
    sms = TwilioSms("twilio", fake.account_sid, secret, {"*": OURS}, api_url=fake.url, timeout=TIMEOUT)
    result, wrong = given_up(await sms.send(PAGE)), await sms.check()
    await sms.close()
    assert result.fault is Fault.PROVIDER
    assert "auth_token" in result.why
    assert wrong is not None
    assert "check account_sid and auth_token" in wrong
    told = f"{result!r} {wrong} {sms!r} {caplog.text} {sms._http!r}"
    assert secret not in told
    assert ANA not in caplog.text


# --- surely not done ------------------------------------------------------------------------------------------------------------------
async def test_too_many_requests_waits_as_long_as_twilio_asks(channel: TwilioSms, fake: TwilioFake) -> None:
    fake.fault(status=429, retry_after=7)
    assert deferred(await channel.send(PAGE)).after == timedelta(seconds=7)
    fake.fault(status=429)
    assert timedelta(0) < deferred(await channel.send(PAGE)).after < timedelta(seconds=10)
    assert not fake.messages


async def test_nobody_waits_an_hour_because_a_header_says_so(channel: TwilioSms, fake: TwilioFake) -> None:
    fake.fault(status=503, retry_after=3600)
    assert deferred(await channel.send(PAGE)).after <= timedelta(minutes=1)


async def test_a_full_queue_waits_longer(fake: TwilioFake) -> None:
    sms = TwilioSms("twilio", fake.account_sid, fake.auth_token, {"*": "+15005550008"}, api_url=fake.url, timeout=TIMEOUT)
    assert deferred(await sms.send(PAGE)).after >= timedelta(seconds=10)
    await sms.close()


async def test_503_is_safe_later_and_asks_nothing_more(channel: TwilioSms, fake: TwilioFake) -> None:
    fake.fault(status=503)
    deferred(await channel.send(PAGE))
    assert [r["op"] for r in fake.requests] == ["CreateMessage"]


async def test_nobody_at_the_address_was_asked_nothing() -> None:
    sms = TwilioSms("twilio", "AC" + "0" * 32, "token", {"*": OURS}, api_url="http://127.0.0.1:9", timeout=TIMEOUT)
    assert "no connection" in deferred(await sms.send(PAGE)).why
    assert "api_url" in (await sms.check() or "")
    assert (await sms.status("SM1")).fate is Fate.UNKNOWN
    assert await sms.find(PAGE, datetime.now(UTC)) is None
    await sms.close()


# --- nobody knows: it is looked up ----------------------------------------------------------------------------------------------------
IN_DOUBT: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "502": {"garbage": True},
    "504": {"status": 504},
    "a time-out": {"hang": 2},
    "a cut line": {"drop": True},
    "half an answer": {"body": '{"sid": "SM'},
    "an answer without a sid": {"body": "{}"},
    "an answer of another shape": {"body": "[]"},
}


@pytest.mark.parametrize("how", IN_DOUBT)
async def test_a_page_that_went_out_in_spite_of_an_error_is_found_and_not_sent_twice(
    channel: TwilioSms, fake: TwilioFake, how: str
) -> None:
    fake.fault(op="CreateMessage", accepted=True, **IN_DOUBT[how])
    result = await channel.send(PAGE)
    assert result == Sent(next(iter(fake.messages)), found=True)
    assert creates(fake) == 1


@pytest.mark.parametrize("how", IN_DOUBT)
async def test_a_page_that_did_not_go_out_is_tried_again_soon(channel: TwilioSms, fake: TwilioFake, how: str) -> None:
    fake.fault(op="CreateMessage", **IN_DOUBT[how])
    assert deferred(await channel.send(PAGE)).after <= timedelta(seconds=2)
    assert creates(fake) == 1


@pytest.mark.parametrize("how", IN_DOUBT)
async def test_when_the_look_up_fails_as_well_it_is_asked_again_before_the_next_try(channel: TwilioSms, fake: TwilioFake, how: str) -> None:
    fake.fault(op="CreateMessage", accepted=True, **IN_DOUBT[how])
    fake.fault(op="ListMessage", times=2, **IN_DOUBT[how])
    began = datetime.now(UTC)
    deferred(await channel.send(PAGE))
    fake.heal()
    assert await channel.find(PAGE, began) == Sent(next(iter(fake.messages)), found=True)


async def test_a_hung_provider_costs_no_more_than_its_timeout(channel: TwilioSms, fake: TwilioFake) -> None:
    fake.fault(hang=5, times=2)
    start = time.monotonic()
    deferred(await channel.send(PAGE))
    assert time.monotonic() - start < TIMEOUT.total_seconds() + 0.3


async def test_a_message_that_failed_before_is_not_taken_for_this_one(channel: TwilioSms, fake: TwilioFake) -> None:
    fake.phone(ANA, sms="undelivered")
    await channel.send(PAGE)
    await fake.settle()
    assert await channel.find(PAGE, datetime.now(UTC)) is None


async def test_an_older_message_with_the_same_code_is_not_taken_for_this_one(channel: TwilioSms) -> None:
    await channel.send(PAGE)
    assert await channel.find(PAGE, datetime.now(UTC) + timedelta(minutes=5)) is None


async def test_a_longer_word_that_holds_the_code_is_another(channel: TwilioSms) -> None:
    await channel.send(replace(PAGE, text="host X7K3M9 is down", code=""))
    assert await channel.find(PAGE, datetime.now(UTC)) is None


# --- what is asked of twilio ----------------------------------------------------------------------------------------------------------
async def test_a_page_is_valid_as_long_as_it_is_of_use_and_says_where_its_receipt_goes(channel: TwilioSms, fake: TwilioFake) -> None:
    await channel.send(replace(PAGE, callback="http://127.0.0.1:1/twilio/status", valid_for=timedelta(seconds=300)))
    params = fake.requests[0]["params"]
    assert (params["ValidityPeriod"], params["StatusCallback"]) == (300, "http://127.0.0.1:1/twilio/status")
    await channel.send(replace(PAGE, valid_for=timedelta(0)))
    assert fake.requests[1]["params"]["ValidityPeriod"] == 1
    assert "StatusCallback" not in fake.requests[1]["params"]


async def test_a_page_goes_out_although_its_callback_is_no_good(channel: TwilioSms, fake: TwilioFake) -> None:
    assert isinstance(await channel.send(replace(PAGE, callback="http://my_host/twilio/status")), Sent)
    assert len(fake.messages) == 1


@pytest.mark.parametrize(
    ("to", "sender"), [("+34600000001", "+341"), ("+34911000001", "+3491"), ("+4915100000", "+1"), ("+14155550100", "+1")]
)
async def test_the_longest_prefix_picks_the_sender(fake: TwilioFake, to: str, sender: str) -> None:
    numbers = {"+1": "+15005550001000", "+341": "+15005550001034", "+3491": "+15005550003491"}
    fake.from_numbers |= set(numbers.values())
    senders = {"*": numbers["+1"], "+34": numbers["+341"], "+3491": numbers["+3491"]}
    sms = TwilioSms("twilio", fake.account_sid, fake.auth_token, senders, api_url=fake.url, timeout=TIMEOUT)
    await sms.send(replace(PAGE, address=to))
    await sms.close()
    assert next(iter(fake.messages.values()))["from"] == numbers[sender]


async def test_a_country_without_a_sender_is_given_up_without_asking(fake: TwilioFake) -> None:
    sms = TwilioSms("twilio", fake.account_sid, fake.auth_token, {"+34": OURS}, api_url=fake.url, timeout=TIMEOUT)
    assert "`from`" in given_up(await sms.send(PAGE)).why
    assert not fake.requests


async def test_a_messaging_service_picks_its_own_number(fake: TwilioFake) -> None:
    provider = Provider(
        name="twilio",
        kind="twilio",
        timeout=TIMEOUT,
        options={
            "account_sid": fake.account_sid,
            "auth_token": fake.auth_token,
            "messaging_service_sid": "MG" + "0" * 31 + "1",
            "api_url": fake.url + "/",
        },
    )
    sms = from_provider(provider)
    result = await sms.send(PAGE)
    assert isinstance(result, Sent)
    await fake.settle()
    assert (await sms.status(result.receipt)).fate is Fate.DELIVERED
    await sms.close()


def test_a_provider_without_credentials_is_refused_although_the_environment_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "from-the-environment")
    with pytest.raises(ValueError, match="auth_token"):
        from_provider(Provider(name="twilio", kind="twilio", options={"account_sid": "AC" + "0" * 32}))


async def test_a_region_in_the_environment_does_not_move_the_requests(fake: TwilioFake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_REGION", "au1")
    sms = TwilioSms("twilio", fake.account_sid, fake.auth_token, {"*": OURS}, api_url=fake.url, timeout=TIMEOUT)
    assert isinstance(await sms.send(PAGE), Sent)
    await sms.close()


async def test_pages_one_after_another_share_one_connection_that_is_closed_in_the_end(channel: TwilioSms, fake: TwilioFake) -> None:
    for _ in range(5):
        await channel.send(PAGE)
    assert len(fake.connections) == 1
    session = channel._http.session
    await channel.close()
    assert session is not None
    assert session.closed


async def test_a_burst_keeps_within_the_pool(fake: TwilioFake) -> None:
    channel = TwilioSms("twilio", fake.account_sid, fake.auth_token, {"*": OURS}, api_url=fake.url)  # with time enough for a slow machine
    results = await asyncio.gather(*(channel.send(replace(PAGE, address=f"+1415555{n:04}")) for n in range(150)))
    await channel.close()
    assert all(isinstance(r, Sent) for r in results)
    assert len(fake.connections) <= 64


# --- what became of it ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("course", "code", "fate", "fault"),
    [
        ("delivered", None, Fate.DELIVERED, None),
        ("sent", None, Fate.PENDING, None),
        ("queued", None, Fate.PENDING, None),
        ("failed", 30001, Fate.FAILED, Fault.AGAIN_ONCE),
        ("undelivered", 30003, Fate.FAILED, Fault.AGAIN_ONCE),
        ("undelivered", 30008, Fate.FAILED, Fault.AGAIN_ONCE),
        ("undelivered", 30004, Fate.FAILED, Fault.ADDRESS),
        ("undelivered", 30005, Fate.FAILED, Fault.ADDRESS),
        ("undelivered", 30006, Fate.FAILED, Fault.ADDRESS),
        ("undelivered", 30007, Fate.FAILED, Fault.ADDRESS),
        ("undelivered", 30034, Fate.FAILED, Fault.PROVIDER),
        ("failed", 21610, Fate.FAILED, Fault.ADDRESS),
        ("undelivered", 39999, Fate.FAILED, Fault.ADDRESS),
    ],
)
async def test_a_look_up_tells_what_became_of_a_page(
    channel: TwilioSms, fake: TwilioFake, course: str, code: int | None, fate: Fate, fault: Fault | None
) -> None:
    fake.phone(ANA, sms=course, error_code=code)
    sent = await channel.send(PAGE)
    assert isinstance(sent, Sent)
    await fake.settle()
    status = await channel.status(sent.receipt)
    assert status.fate is fate
    if fault is not None:
        assert status.fault is fault
        assert str(code) in status.why


async def test_a_look_up_that_fails_says_nothing_about_the_page(channel: TwilioSms, fake: TwilioFake) -> None:
    sent = await channel.send(PAGE)
    assert isinstance(sent, Sent)
    for fault in IN_DOUBT.values():
        fake.fault(op="FetchMessage", times=2, **fault)  # aiohttp asks a second time where a GET met a cut line
        assert (await channel.status(sent.receipt)).fate is Fate.UNKNOWN
        fake.heal()


# --- check ----------------------------------------------------------------------------------------------------------------------------
async def test_check_says_what_to_do(channel: TwilioSms, fake: TwilioFake) -> None:
    assert await channel.check() is None
    fake.fault(op="FetchBalance", status=404, code=20404)
    assert await channel.check() is None  # a subaccount has no balance, but its credentials work
    fake.fault(op="FetchBalance", garbage=True)
    assert "502" in (await channel.check() or "")
    fake.balance = "-0.52"
    assert "no money" in (await channel.check() or "")


async def test_check_misses_the_number_to_send_from(fake: TwilioFake) -> None:
    sms = TwilioSms("twilio", fake.account_sid, fake.auth_token, {}, api_url=fake.url)
    assert "`from`" in (await sms.check() or "")
