"""Notices to one phone: few messages however much is over at once, no page ever waits for one, and none is lost."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pager.model.outgoing import Notice, Priority, SendPage
from pager.notify.limits import limits_of, limits_of_notice
from pager.ports import GiveUp, Message, TryAgain
from tests.phone import ANA, PHONE, Phone

TEAM = PHONE.replace("users:", "teams: {{ops: {{members: [ana], chat: '#ops'}}}}\nusers:").replace(
    "[twilio, backup]}}", "[twilio, backup], chat: [slack]}}"
).replace("backup: {{kind", "slack: {{bot_token: x, app_token: y}}, backup: {{kind").replace("db: {{policy", "db: {{team: ops, policy")  # fmt: skip


async def paged(phone: Phone, count: int) -> None:
    await phone.push(count)
    await phone.after(0)
    await phone.after(600)


async def over(phone: Phone, count: int) -> None:
    await phone.push(count, action="resolve", first=0)


async def test_two_hundred_that_end_at_once_ring_a_phone_once() -> None:
    phone = Phone()
    await paged(phone, 200)
    await over(phone, 200)
    for _ in range(12):
        await phone.after(5)
    [said] = phone.told()
    assert re.match(r"200 incidents resolved: #1 web: disk 0 is full; #2 web: disk 1 is full; .* and \d+ more\.$", said.text)
    assert not any(outbox.entries for outbox in phone.store.outboxes), "and all of them are finished"


async def test_one_after_the_other_they_are_told_each_for_itself_and_then_together() -> None:
    phone = Phone()
    await paged(phone, 6)
    for k in range(6):
        await phone.push(1, action="resolve", first=k)
        await phone.after(0)
    assert [message.text[:12] for message in phone.told()] == ["#1 Resolved ", "#2 Resolved "]
    await phone.after(16)
    assert [message.text for message in phone.told()[2:]] == [
        "4 incidents resolved: #3 web: disk 2 is full; #4 web: disk 3 is full; #5 web: disk 4 is full; #6 web: disk 5 is full."
    ]


async def test_a_page_never_waits_for_a_notice() -> None:
    phone = Phone("{per_person: 2/1m}")
    await paged(phone, 1)
    await over(phone, 1)
    await phone.after(0)
    assert len(phone.told()) == 1
    await phone.push(1, "critical")
    await phone.after(0)
    assert len(phone.got()) == 2


async def test_without_a_limit_each_is_told_at_once() -> None:
    phone = Phone("off")
    await paged(phone, 8)
    await over(phone, 8)
    await phone.after(0)
    assert len(phone.told()) == 8


async def test_what_an_answer_for_all_tells_the_others_is_one_message() -> None:
    """Whoever was paged for seven, and is not needed."""
    phone = Phone()
    await phone.push(7)
    await phone.after(0)
    for number in range(1, 8):
        for item in _acknowledged(number):
            phone.store.outboxes[item.priority].add(item)
    await phone.after(0)
    [said] = phone.told()
    assert said.text.startswith("7 incidents acknowledged, you are not needed: #1 web: disk full; ")


async def test_a_hand_off_is_told_at_once_whatever_waits() -> None:
    phone = Phone()
    for number in range(1, 9):
        for item in _acknowledged(number):
            phone.store.outboxes[item.priority].add(item)
    hand_off = Notice(0, "handoff", "ana", "sms", ANA, ("twilio",), "You are on call until Mon 09:00")
    for _ in range(3):
        phone.store.outboxes[hand_off.priority].add(hand_off)
        await phone.after(0)
    assert [message.text for message in phone.told() if "on call" in message.text] == ["You are on call until Mon 09:00"] * 3


async def test_what_makes_no_sense_any_more_falls_out() -> None:
    phone = Phone()
    await phone.after(600)
    late = phone.store.clock.now - timedelta(seconds=1)
    for number in range(1, 7):
        notice = Notice(number, "resolved", "ana", "sms", ANA, ("twilio",), f"#{number} over", subject=f"[#{number}] x")
        phone.store.outboxes[notice.priority].add(replace(notice, useless_after=late) if number % 2 else notice)
    await phone.after(0)
    assert [message.text for message in phone.told()] == ["3 incidents resolved: #2 x; #4 x; #6 x."]
    assert phone.metrics.registry.get_sample_value("pagerd_pages_total", {"channel": "sms", "result": "notice_late"}) == 3


async def test_a_provider_that_refuses_loses_none_and_the_next_one_tells_all() -> None:
    phone = Phone()
    await paged(phone, 5)
    phone.channels["twilio"].answer(ANA, GiveUp("no credit"))
    await over(phone, 5)
    await phone.after(0)
    [kept] = [kept.message for kept in phone.channels["backup"].accepted if not kept.message.id]
    assert kept.text.startswith("5 incidents resolved: ")


async def test_a_channel_is_told_together_what_its_vendor_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pager.loops.telling._LONGEST_IN_PILE", 0.01)
    phone = Phone("off", TEAM)
    phone.channels["slack"].answer("#ops", TryAgain(timedelta(seconds=30), "429"), TryAgain(timedelta(seconds=30), "429"))
    for number in range(1, 21):
        notice = Notice(number, "nobody", "team:ops", "chat", "#ops", ("slack",), f"#{number} nobody", subject=f"[#{number}] db: x")
        phone.store.outboxes[notice.priority].add(notice)
    await phone.after(0)
    [said] = phone.told()
    assert said.text.startswith("NOBODY WAS PAGED for 20 incidents:\n#1 db: x\n")


async def test_after_a_crash_a_message_for_several_is_found_and_not_said_again() -> None:
    phone = Phone()
    await paged(phone, 6)
    await over(phone, 6)
    drop = phone.ports.outbox.drop

    async def dies(*_: object) -> None:
        raise BaseExceptionGroup("killed", [KeyboardInterrupt()])

    phone.ports.outbox.drop = dies  # type: ignore[method-assign]
    with pytest.raises(BaseExceptionGroup):
        await phone.after(0)
    phone.ports.outbox.drop = drop  # type: ignore[method-assign]
    phone.start("w0")
    await phone.after(60)
    assert len(phone.told()) == 1
    assert not any(outbox.entries for outbox in phone.store.outboxes)


Step = tuple[str, int]
STEPS = st.lists(st.tuples(st.sampled_from(["push", "resolve", "answer", "crash", "wait"]), st.integers(1, 12)), max_size=20)


@settings(max_examples=20, deadline=None)
@given(STEPS, st.sampled_from(["{per_person: 10/1m}", "{per_number: 4/1m}", "{per_person: 1/10s}"]))
async def test_none_is_lost_and_no_phone_gets_too_many(steps: list[Step], throttle: str) -> None:
    phone = Phone(throttle)
    for what, count in steps:
        await DOES[what](phone, count)
        await phone.after(1)
    for _ in range(12):
        await phone.after(20)
    told = phone.told()
    for number, incident in phone.store.incidents.items():
        if not incident.is_open and any(page.state.is_out for page in incident.pages):
            assert any(_tells_of(message, number) for message in told), f"nobody was told that {number} is over"
    count, within = {"10/1m": (5, 60), "4/1m": (2, 60), "1/10s": (1, 10)}[throttle.split(": ")[1].rstrip("}")]
    times = sorted(kept.at for channel in phone.channels.values() for kept in channel.accepted if not kept.message.id)
    for first, last in zip(times, times[count:], strict=False):
        assert last - first >= timedelta(seconds=within)


def test_notices_count_for_themselves() -> None:
    phone = Phone("{per_person: 10/1m, per_number: 1/10s}")
    [notice] = _acknowledged(1)
    throttle = phone.rules.config.settings.throttle
    page = SendPage(1, 1, 1, "twilio", Priority.PAGE, "ana", "sms", ANA)
    own, of_pages = ({limit.name for limit in limits} for limits in (limits_of_notice(throttle, notice), limits_of(throttle, page)))
    assert own == {"notices:person:ana", f"notices:number:{ANA}"}
    assert not own & of_pages


def _acknowledged(number: int) -> list[Notice]:
    text = f"#{number} Acknowledged by Ben: you are not needed."
    return [Notice(number, "acknowledged", "ana", "sms", ANA, ("twilio", "backup"), text, subject=f"[#{number}] web: disk full")]


def _tells_of(message: Message, number: int) -> bool:
    return "esolved" in message.text and bool(re.search(rf"#{number}\b", message.text) or "more" in message.text)


async def _resolve(phone: Phone, count: int) -> None:
    await phone.push(count, action="resolve", first=0)


async def _answer(phone: Phone, count: int) -> None:
    if got := phone.got():
        await phone.door.by_sms(ANA, got[-count % len(got)].code, f"SM{len(got)}-{count}")


async def _crash(phone: Phone, count: int) -> None:
    await phone.push(count)
    phone.start("w0")


DOES: dict[str, Callable[[Phone, int], Awaitable[None]]] = {
    "push": lambda phone, count: phone.push(count),
    "resolve": _resolve,
    "answer": _answer,
    "crash": _crash,
    "wait": lambda phone, count: phone.after(count),
}
