"""Many pages for one phone: as many messages as it may get, none lost, and one answer for all that a message speaks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.decide import Rules
from pager.model.event import Fault, ReplyAction
from pager.model.incident import State
from pager.ports import Fate, GiveUp, Message, Status
from pager.web.twilio import TwilioCallbacks
from tests.night import config_of
from tests.phone import ANA, PHONE, Phone

_ACK = ReplyAction.ACKNOWLEDGE


@pytest.fixture
def phone() -> Phone:
    return Phone()


async def test_three_that_wait_are_sent_each_for_itself_and_four_in_one(phone: Phone) -> None:
    await phone.push(3)
    await phone.after(0)
    assert len(phone.got()) == 3
    await phone.after(60)
    await phone.push(4)
    await phone.after(0)
    assert len(phone.got()) == 4
    assert phone.got()[-1].pages == ("4-1", "5-1", "6-1", "7-1")


async def test_over_the_limit_they_wait_and_one_message_speaks_for_all(phone: Phone) -> None:
    for _ in range(7):
        await phone.push()
        await phone.after(1)
    assert len(phone.got()) == 5
    await phone.after(6)
    [*_, last] = phone.got()
    assert (len(phone.got()), last.pages) == (6, ("6-1", "7-1"))
    assert (
        last.text
        == f"2 incidents of web: #6 ERROR web: disk 5 is full; #7 ERROR web: disk 6 is full. Reply {last.code} to acknowledge all 2"
    )
    pages = [phone.store.incidents[number].pages[0] for number in (6, 7)]
    assert [(page.state, page.receipt, page.folded) for page in pages] == [("accepted", "twilio-6", "6-1")] * 2
    assert all(phone.store.incidents[number].next_deadline for number in (6, 7))


async def test_what_ends_while_it_waits_falls_out(phone: Phone) -> None:
    await phone.push(4)
    await phone.after(0)
    for _ in range(4):
        await phone.push()
        await phone.after(0)
    await phone.push(6, first=8)
    await phone.after(0)
    before = phone.named()
    await phone.push(2, action="resolve", first=9)
    await phone.after(15)
    assert "10-1" not in phone.named()[len(before) :]
    assert sorted(set(phone.named())) == sorted(f"{k}-1" for k in range(1, 15) if k not in (10, 11))


async def test_one_reply_acknowledges_all_and_is_taken_once(phone: Phone) -> None:
    await phone.push(12)
    await phone.after(0)
    [message] = phone.got()
    assert message.text.endswith(f"Reply {message.code} to acknowledge all 12")
    assert (await phone.door.by_sms(ANA, message.code, "SM1")) is not None
    assert {incident.state for incident in phone.store.incidents.values()} == {State.ACKNOWLEDGED}
    again = await phone.door.by_sms(ANA, message.code, "SM1")
    assert again is not None
    assert again.replayed
    late = await phone.door.by_sms(ANA, message.code, "SM2")
    assert late is not None
    assert (late.done, late.text) == (False, "acknowledged 0 of 12; the others were answered before")


async def test_resolve_is_not_said_of_all(phone: Phone) -> None:
    await phone.push(5)
    await phone.after(0)
    [message] = phone.got()
    answer = await phone.door.by_sms(ANA, f"{message.code} resolve", "SM1")
    assert answer is not None
    assert answer.refused
    assert answer.text == "it is about 5 incidents: resolve each by itself"
    snoozed = await phone.door.by_sms(ANA, f"{message.code} snooze 2h", "SM2")
    assert snoozed is not None
    assert snoozed.text == "snoozed all 5"


async def test_a_button_or_link_answers_for_all(phone: Phone) -> None:
    await phone.push(5)
    await phone.after(0)
    answer = await phone.door.by_link("ana", _ACK, 1, "link:1", page=1)
    assert answer.text == "acknowledged all 5"


async def test_refused_it_is_a_failed_page_for_each(phone: Phone) -> None:
    phone.channels["twilio"].answer(ANA, GiveUp("no credit", Fault.PROVIDER))
    await phone.push(6)
    await phone.after(0)
    assert phone.got() == []
    await phone.after(0)
    assert sorted(phone.named()) == [f"{k}-2" for k in range(1, 7)]
    assert len(phone.channels["backup"].accepted) == 1


async def test_a_receipt_counts_for_each(phone: Phone) -> None:
    await phone.push(6)
    await phone.after(0)
    callbacks = TwilioCallbacks(lambda: None, str, phone.ports.incidents, phone.advance, phone.door, phone.metrics)  # type: ignore[arg-type, return-value]
    await callbacks._apply(1, 1, 1, "twilio-1", Status(Fate.FAILED, "30003", Fault.PROVIDER))
    await phone.after(0)
    assert len(phone.channels["backup"].accepted) == 1
    assert sorted(phone.named()) == sorted([f"{k}-1" for k in range(1, 7)] + [f"{k}-2" for k in range(1, 7)])


async def test_after_a_crash_it_is_found_and_not_sent_again(phone: Phone) -> None:
    """The provider had it, and nobody noted that."""
    await phone.push(6)
    send, crash = phone.channels["twilio"].send, RuntimeError("kill -9")

    async def dies(message: Message) -> object:
        await send(message)
        raise BaseExceptionGroup("killed", [KeyboardInterrupt()]) from crash

    phone.channels["twilio"].send = dies  # type: ignore[method-assign, assignment]
    with pytest.raises(BaseExceptionGroup):
        await phone.after(0)
    phone.channels["twilio"].send = send  # type: ignore[method-assign]
    phone.start("w0")
    await phone.after(0)
    assert len(phone.got()) == 1
    assert {incident.pages[0].folded for incident in phone.store.incidents.values()} == {"1-1"}
    answer = await phone.door.by_sms(ANA, phone.got()[0].code, "SM1")
    assert answer is not None
    assert answer.text == "acknowledged all 6"


async def test_the_end_of_a_maintenance_is_one_page_that_names_all(phone: Phone) -> None:
    phone = Phone("off")
    phone.rules = Rules(
        config_of(PHONE.format(throttle="off").replace("2026-06-01T00:00, to: 2026-06-01T02:00", _window(phone))),
        phone.rules.planner._providers,
    )
    await phone.push(40, service="db")
    await phone.after(0)
    assert phone.got() == []
    await phone.after(3600)
    [message] = phone.got()
    assert len(message.pages) == 40
    assert all(f"#{k}" in message.text for k in range(1, 41))
    assert "Muted until now" in message.text


def _window(phone: Phone) -> str:
    now = phone.store.clock.now
    return f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}, to: {now + timedelta(minutes=59):%Y-%m-%dT%H:%M}"


async def test_every_critical_one_is_named_and_comes_first(phone: Phone) -> None:
    await phone.push(300, "error")
    await phone.push(90, "critical")
    for _ in range(4):
        await phone.after(10)
    critical = {str(k) for k in range(301, 391)}
    named = [number for message in phone.got() for number in critical if f"#{number}" in message.text]
    assert sorted(named) == sorted(critical)
    assert sorted(phone.named()) == sorted(f"{k}-1" for k in range(1, 391))
    assert all("CRITICAL" in message.text for message in phone.got())


Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["error", "critical", "resolve", "answer", "refuse", "crash", "wait"]), st.integers(1, 12)), max_size=25
)


@settings(max_examples=25, deadline=None)
@given(STEPS, st.sampled_from(["{per_person: 10/1m}", "{per_number: 4/1m}", "{per_person: 1/10s}"]))
async def test_no_page_is_lost_or_doubled_and_no_phone_gets_too_many(steps: list[Step], throttle: str) -> None:
    phone = Phone(throttle)
    for what, count in steps:
        await DOES[what](phone, count)
        await phone.after(1)
    for _ in range(12):
        await phone.after(20)
    for number, incident in phone.store.incidents.items():
        out = [page for page in phone.named() if page.startswith(f"{number}-")]
        assert len(out) == len(set(out)), f"twice: {out}"
        assert out or not incident.is_open, f"nobody heard of {number}"
    most, within = {"10/1m": (10, 60), "4/1m": (4, 60), "1/10s": (1, 10)}[throttle.split(": ")[1].rstrip("}")]
    times = sorted(kept.at for channel in phone.channels.values() for kept in channel.accepted if kept.message.id)
    for first, over in zip(times, times[most:], strict=False):
        assert over - first >= timedelta(seconds=within)


async def _answer(phone: Phone, count: int) -> None:
    if got := phone.got():
        message = got[-count % len(got)]
        await phone.door.by_sms(ANA, message.code, f"SM{len(got)}-{count}")


async def _refuse(phone: Phone, count: int) -> None:
    phone.channels["twilio"].answer(ANA, *[GiveUp("busy", Fault.PROVIDER)] * (count % 3))


async def _crash(phone: Phone, count: int) -> None:
    await phone.push(count)
    phone.start("w0")


DOES: dict[str, Callable[[Phone, int], Awaitable[None]]] = {
    "error": lambda phone, count: phone.push(count),
    "critical": lambda phone, count: phone.push(count, "critical"),
    "resolve": lambda phone, count: phone.push(1, action="resolve", first=count),
    "answer": _answer,
    "refuse": _refuse,
    "crash": _crash,
    "wait": lambda phone, count: phone.after(count),
}


async def test_what_is_sent_again_for_fewer_goes_by_another_code_and_the_first_answers_for_all_it_named(phone: Phone) -> None:
    """Its receipt said that it was lost, and it arrived all the same."""
    await phone.push(4)
    await phone.after(0)
    callbacks = TwilioCallbacks(lambda: None, str, phone.ports.incidents, phone.advance, phone.door, phone.metrics)  # type: ignore[arg-type, return-value]
    await callbacks._apply(1, 1, 1, "twilio-1", Status(Fate.FAILED, "30003", Fault.AGAIN_ONCE))
    await phone.push(1, action="resolve", first=1)
    await phone.after(0)
    first, second = phone.got()
    assert (first.pages, second.pages) == (("1-1", "2-1", "3-1", "4-1"), ("1-1", "3-1", "4-1"))
    assert first.code != second.code
    answer = await phone.door.by_sms(ANA, first.code, "SM1")
    assert answer is not None
    assert answer.text == "acknowledged 3 of 4; the others were answered before"


async def test_a_worker_that_was_held_up_in_the_middle_of_a_send_keeps_its_code(phone: Phone) -> None:
    """Another took over and sent for those that were left; then the first one's message went out after all."""
    await phone.push(5)
    held_up: list[Message] = []

    async def never_comes_back(message: Message) -> object:
        held_up.append(message)
        raise BaseExceptionGroup("stopped", [KeyboardInterrupt()])

    send = phone.channels["twilio"].send
    phone.channels["twilio"].send = never_comes_back  # type: ignore[method-assign, assignment]
    with pytest.raises(BaseExceptionGroup):
        await phone.after(0)
    phone.channels["twilio"].send = send  # type: ignore[method-assign]
    phone.start("w0")
    await phone.push(1, action="resolve", first=4)
    await phone.after(0)
    [second] = phone.got()
    assert len(second.pages) == 4
    assert second.code != held_up[0].code
    answers = [await phone.door.by_sms(ANA, message.code, f"SM{k}") for k, message in enumerate((held_up[0], second))]
    assert [answer.text for answer in answers if answer] == [
        "acknowledged 4 of 5; the others were answered before",
        "acknowledged 0 of 4; the others were answered before",
    ]
