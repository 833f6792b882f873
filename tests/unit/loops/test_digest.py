"""What waited for the morning comes as one message that says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pager.model.alert import Urgency
from pager.model.event import Fault
from pager.model.incident import State
from pager.ports import GiveUp, Message
from tests.phone import ANA, Phone

EVENING = datetime(2026, 6, 1, 20, 30, tzinfo=UTC)  # 22:30 in Madrid
UNTIL_NINE = 10.5 * 3600
MORNING = """
settings:
  timezone: Europe/Madrid
  digest: {{high_after: 4h}}
  throttle: {throttle}
  catch_all: {{notify: ["user:ana"], every: 2h}}
  ladder: {{high: [{{via: [sms]}}], low: [{{via: [VIA]}}]}}
providers:
  twilio: {{account_sid: AC1, auth_token: t, from: "+14155550111"}}
  backup: {{kind: twilio, account_sid: AC2, auth_token: t, from: "+14155550122"}}
  slack: {{bot_token: x, app_token: y}}
  email: {{smtp: "smtp://localhost"}}
channels: {{sms: [twilio, backup], chat: [slack], email: [email]}}
users: {{ana: {{name: Ana, timezone: Europe/Lisbon, contact: {{sms: "+34600000001", chat: "slack:U0ANA", email: ana@example.com}}}}}}
policies: {{p: {{stages: [{{notify: ["user:ana"], ack_timeout: 90m}}, {{notify: ["user:ana"], ack_timeout: 20h}}]}}}}
services: {{db: {{policy: p}}, web: {{policy: p}}}}
noise: {{storm: off}}
"""


def phone_by(via: str = "sms", throttle: str = "{per_person: 10/1m}") -> Phone:
    return Phone(throttle, MORNING.replace("VIA", via), EVENING)


async def morning(phone: Phone) -> list[Message]:
    """What comes at nine."""
    before = len(phone.got())
    await phone.after(UNTIL_NINE)
    return phone.got()[before:]


async def test_the_evenings_low_incidents_come_as_one_message_that_one_reply_acknowledges() -> None:
    phone = phone_by()
    await phone.push(7, "warning")
    await phone.after(60)
    assert phone.got() == []
    await phone.after(-60)
    [message] = await morning(phone)
    assert message.text.startswith("Digest, 7 incidents of low urgency since 21:30: #1 WARNING web: disk 0 is full; #2 ")
    assert all(f"#{k}" in message.text for k in range(1, 8))
    assert message.text.endswith(f"Reply {message.code} to acknowledge all 7")
    answer = await phone.door.by_sms(ANA, message.code, "SM1")
    assert answer is not None
    assert answer.text == "acknowledged all 7"
    assert {incident.state for incident in phone.store.incidents.values()} == {State.ACKNOWLEDGED}


async def test_one_alone_is_a_digest_as_well() -> None:
    phone = phone_by()
    await phone.push(1, "warning")
    [message] = await morning(phone)
    assert message.text == (
        f"Digest, of low urgency since 21:30: #1 WARNING web: disk 0 is full. Reply {message.code} to acknowledge"
    )  # fmt: skip


@pytest.mark.parametrize("throttle", ["off", "{per_person: 10/1m}"])
async def test_what_healed_in_the_night_is_left_out(throttle: str) -> None:
    phone = phone_by(throttle=throttle)
    await phone.push(3, "warning")
    await phone.push(1, action="resolve", first=1)
    [message] = await morning(phone)
    assert (message.pages, "#2" in message.text) == (("1-1", "3-1"), False)
    assert message.text.startswith("Digest, 2 incidents of low urgency since 21:30: ")


async def test_what_is_urgent_comes_before_it_and_for_itself() -> None:
    phone = phone_by()
    await phone.push(5, "warning")
    phone.store.clock.advance(timedelta(seconds=UNTIL_NINE))
    await phone.push(1, "critical")
    await phone.after(0)
    first, digest = phone.got()
    assert (first.text[:12], digest.text[:19]) == ("#6 CRITICAL ", "Digest, 5 incidents")


async def test_where_the_phone_has_no_room_all_of_it_is_in_one_message() -> None:
    phone = phone_by(throttle="{per_person: 2/1m}")
    await phone.push(5, "warning")
    phone.store.clock.advance(timedelta(seconds=UNTIL_NINE))
    await phone.push(1, "error")
    await phone.after(0)
    await phone.push(1, "error")
    assert [len(message.pages) for message in phone.got()] == [0]
    await phone.after(60)
    [_, message] = phone.got()
    assert message.text.startswith("6 incidents of web: #7 ERROR web: disk 6 is full; #1 WARNING ")
    assert "5 from the digest of low urgency." in message.text


@pytest.mark.parametrize("via", ["chat", "email"])
async def test_in_chat_and_by_email_it_says_so_too(via: str) -> None:
    phone = phone_by(via)
    await phone.push(2, "warning")
    [message] = await morning(phone)
    assert message.card is not None
    assert message.card.title == "Digest, 2 incidents of low urgency since 21:30"
    assert message.subject == message.card.title
    assert message.card.all_of == 2
    phone = phone_by(via)
    await phone.push(1, "warning")
    [alone] = await morning(phone)
    assert alone.card is not None
    assert alone.card.title == "Digest, of low urgency since 21:30: #1 WARNING web: disk 0 is full"


async def test_another_provider_carries_the_same_digest() -> None:
    phone = phone_by(throttle="off")
    phone.channels["twilio"].answer(ANA, GiveUp("no credit", Fault.PROVIDER))
    await phone.push(2, "warning")
    await morning(phone)
    await phone.after(0)
    [message] = phone.got()
    assert message.text.startswith("Digest, 2 incidents of low urgency")
    assert message.pages == ("1-2", "2-2")


async def test_what_nobody_looks_at_goes_on_as_any_other_and_turns_high() -> None:
    phone = phone_by("email")
    await phone.push(1, "warning")
    await morning(phone)
    await phone.after(90 * 60)
    assert [message.subject[:6] for message in phone.got()] == ["[#1] w", "[#1] w"]
    assert "Digest" not in phone.got()[1].text
    await phone.after(150 * 60)
    assert phone.store.incidents[1].urgency is Urgency.HIGH
    assert "Nobody looked in time" in next(m for m in phone.got() if m.address == ANA).text
