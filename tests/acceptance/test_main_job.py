"""An alert from the stream wakes the right person by SMS, and keeps trying until somebody answers."""

from __future__ import annotations

import json
from collections.abc import Callable

import aiohttp

from tests.acceptance.daemon import ANA, BEN, ERIK, Daemon, code_in, eventually, pages, texts
from tests.fakes.twilio_fake import TwilioFake, sign


async def test_unanswered_it_goes_from_stage_to_stage_and_on_to_the_catch_all(daemon: Daemon, twilio: TwilioFake) -> None:
    await daemon.send("disk full on db1", service="db", severity="critical", dedup_key="db1-disk")
    await eventually(lambda: len(pages(twilio, ERIK)) >= 2, 25)
    assert [m["to"] for m in pages(twilio)][:3] == [ANA, BEN, ERIK]
    first = pages(twilio, ANA)[0]["body"]
    assert first.startswith("#1 CRITICAL db: disk full on db1")
    assert "before you: Ana Ruiz" in pages(twilio, BEN)[0]["body"]


async def test_a_reply_by_sms_acknowledges_and_stops_the_chain(daemon: Daemon, twilio: TwilioFake) -> None:
    await daemon.push(summary="disk full", service="db", dedup_key="k")
    await eventually(lambda: pages(twilio, ANA), 5)
    answer = await twilio.inbound_sms(ANA, "+15005550006", code_in(pages(twilio, ANA)[0]).lower())
    assert answer["replies"] == ["acknowledged 1"]
    [incident] = await daemon.incidents()
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "ana")
    again = await twilio.inbound_sms(ANA, "+15005550006", code_in(pages(twilio, ANA)[0]))
    assert again["replies"] == ["acknowledged 1; Ana Ruiz already had it"]
    assert pages(twilio, BEN) == []
    assert daemon.metric('pagerd_replies_total{channel="sms",result="done"}') == 1


async def test_an_ack_from_the_command_line_stops_the_chain(daemon: Daemon, twilio: TwilioFake) -> None:
    await daemon.push(summary="disk full", service="db", dedup_key="k")
    await eventually(lambda: pages(twilio, ANA), 5)
    assert "acknowledged 1" in await daemon.cli("ack", "1", "--as", "ben")
    shown = await daemon.show(1)
    assert (shown["state"], shown["acknowledged_by"]) == ("acknowledged", "ben")
    assert {"page.accepted", "incident.acknowledged"} <= {e["event"] for e in shown["timeline"]}
    assert pages(twilio, BEN) == []


async def test_every_reply_that_a_text_can_hold(daemon: Daemon, twilio: TwilioFake) -> None:
    await daemon.push(summary="disk full", service="quiet", dedup_key="k")
    await eventually(lambda: pages(twilio, ANA), 5)
    code = code_in(pages(twilio, ANA)[0])

    async def say(words: str, sender: str = ANA) -> str:
        return str((await twilio.inbound_sms(sender, "+15005550006", words))["replies"])

    assert "snoozed 1 until" in await say(f"{code} snooze 2h")
    assert (await daemon.incidents())[0]["state"] == "snoozed"
    assert "escalated 1" in await say(f"{code} escalate")
    assert "is not a code" in await say(code, sender=BEN)
    assert "resolved 1" in await say(f"{code} resolve")
    assert "1 was resolved by Ana Ruiz" in await say(code)
    assert await daemon.incidents() == []


async def test_forged_and_replayed_replies_are_refused_and_counted(daemon: Daemon, twilio: TwilioFake) -> None:
    await daemon.push(summary="disk full", service="quiet", dedup_key="k")
    await eventually(lambda: pages(twilio, ANA), 5)
    code = code_in(pages(twilio, ANA)[0])
    assert (await twilio.inbound_sms(ANA, "+15005550006", code, bad_signature=True))["status"] == 403
    assert (await daemon.incidents())[0]["state"] == "triggered"
    assert daemon.metric('pagerd_replies_total{channel="sms",result="forged"}') == 1
    once = {"MessageSid": "SM" + "a" * 32, "From": ANA, "To": "+15005550006", "Body": f"{code} snooze 1h", "AccountSid": twilio.account_sid}
    assert [await post(daemon, twilio, once) for _ in range(2)] == [200, 403]
    assert daemon.metric('pagerd_replies_total{channel="sms",result="replayed"}') == 1


async def post(daemon: Daemon, twilio: TwilioFake, form: dict[str, str]) -> int:
    """A callback as the provider signs it, byte for byte the same each time."""
    url = f"{daemon.url}/twilio/sms"
    async with aiohttp.ClientSession() as session:
        answer = await session.post(url, data=form, headers={"X-Twilio-Signature": sign(twilio.auth_token, url, list(form.items()))})
        return answer.status


async def test_five_wrong_codes_lock_the_number_out(daemon: Daemon, twilio: TwilioFake) -> None:
    await daemon.push(summary="disk full", service="quiet", dedup_key="k")
    await eventually(lambda: pages(twilio, ANA), 5)
    for guess in ("1AAA", "2AAA", "3AAA", "4AAA", "5AAA"):
        await twilio.inbound_sms(ANA, "+15005550006", guess)
    answer = await twilio.inbound_sms(ANA, "+15005550006", code_in(pages(twilio, ANA)[0]))
    assert "too many wrong codes" in answer["replies"][0]
    assert (await daemon.incidents())[0]["state"] == "triggered"


async def test_a_resolve_from_the_stream_closes_and_tells_who_was_paged(daemon: Daemon, twilio: TwilioFake) -> None:
    await daemon.push(summary="disk full", service="db", dedup_key="k")
    await eventually(lambda: pages(twilio, ANA), 5)
    await daemon.cli("send", "--action", "resolve", "--dedup-key", "k")
    await eventually(lambda: any("Resolved by stream" in m["body"] for m in texts(twilio, ANA)), 5)
    assert await daemon.incidents() == []
    [closed] = await daemon.incidents("--all")
    assert (closed["state"], closed["resolved_by"], closed["next_deadline"]) == ("resolved", "stream", None)


async def test_repeats_count_and_update_and_page_nobody(daemon: Daemon, twilio: TwilioFake) -> None:
    await daemon.cli("send", "-", stdin="".join(
        json.dumps({"summary": f"disk {n}% full", "service": "quiet", "dedup_key": "k", "severity": "error"}) + "\n" for n in (91, 95, 99)
    ))  # fmt: skip
    await eventually(lambda: pages(twilio, ANA), 5)
    [incident] = await daemon.incidents()
    assert (incident["summary"], incident["alerts"], incident["repeats"]) == ("disk 99% full", 1, 2)
    assert len(pages(twilio)) == 1


async def test_a_suppressed_alert_is_recorded_with_its_reason(daemon: Daemon, twilio: TwilioFake) -> None:
    await daemon.cli("send", "--summary", "x", "--service", "db", "--label", "env=staging")
    await eventually(daemon.incidents, 5)
    [incident] = await daemon.incidents()
    assert (incident["state"], incident["reason"]) == ("suppressed", "staging never pages")
    assert pages(twilio) == []


BAD: list[tuple[dict[str, str | bytes], str]] = [
    ({"alert": b"{"}, "alert: not JSON"),
    ({"alert": b"[1, 2]"}, "alert: should be a JSON object"),
    ({"alert": b'{"summary": 5}'}, "summary: should be text, found a number"),
    ({"alert": b'{"summary": "x", "action": "explode"}'}, "action: 'explode' is not one of"),
    ({"alert": b'{"action": "resolve"}'}, "dedup_key: missing"),
    ({"summary": b"\x00\x07"}, "summary: missing or empty"),
    ({"half": b"an entry"}, "summary: missing or empty"),
    ({"summary": b"x" * 300_000}, "entry: 3000"),
]
PAGED: list[tuple[dict[str, str | bytes], str]] = [
    ({"summary": "still here \x07\U0001f525"}, "still here \U0001f525"),
    ({"summary": b"broken \xff byte"}, "broken \ufffd byte"),
    ({"summary": "no such severity", "severity": "apocalyptic"}, "ERROR quiet: no such severity"),
    ({"summary": "labels are no map", "labels": "oops"}, "labels are no map"),
    ({"alert": b'{"summary": "deep", "service": "quiet", "details": {"a": {"b": [1, {"c": null}]}}}'}, "deep"),
]


async def test_bad_input_is_paged_or_ends_in_a_dead_letter_that_names_the_fault(daemon: Daemon, twilio: TwilioFake) -> None:
    for fields, _ in (*BAD, *PAGED):
        await daemon.push(**({"service": "quiet"} if "summary" in fields else {}), **fields)
    for _, text in PAGED:
        await eventually(lambda text=text: any(text in m["body"] for m in pages(twilio, ANA)), 10, text)  # type: ignore[misc]
    letters = json.loads(await daemon.cli("dead", "list", "--json"))
    reasons = [letter["reason"] for letter in letters]
    assert len(reasons) == len(BAD)
    for (_, expected), reason in zip(BAD, reasons, strict=True):
        assert reason.startswith(expected), reason
    assert len(pages(twilio, ANA)) == len(PAGED)
    assert daemon.metric('pagerd_alerts_total{outcome="dead"}') == len(BAD)
    await eventually(lambda: any("could not be read" in m["body"] for m in texts(twilio)), 5)


async def test_a_dead_letter_that_is_retried_keeps_its_id(daemon: Daemon, twilio: TwilioFake) -> None:
    entry = await daemon.push(alert=b"{")
    await eventually(lambda: daemon.metric('pagerd_alerts_total{outcome="dead"}') == 1, 5)
    assert entry in await daemon.cli("dead", "retry", entry)
    await eventually(lambda: daemon.metric('pagerd_alerts_total{outcome="dead"}') == 2, 5)
    assert (await daemon.cli("dead", "list")).split()[0] == entry
    assert "is no dead letter" in await daemon.cli("dead", "retry", "1-1", expect=1)


class TestAProviderThatFails:
    async def test_a_500_is_looked_up_and_sent_again_once(self, daemon: Daemon, twilio: TwilioFake) -> None:
        twilio.fault(op="CreateMessage", status=500, times=1)
        await daemon.push(summary="x", service="quiet")
        await eventually(lambda: pages(twilio, ANA), 10)

    async def test_a_500_that_was_carried_out_is_found_and_not_sent_twice(self, daemon: Daemon, twilio: TwilioFake) -> None:
        twilio.fault(op="CreateMessage", status=500, accepted=True, times=1)
        await daemon.push(summary="x", service="quiet")

        async def is_accepted() -> bool:
            return any(e["event"] == "page.accepted" for e in (await daemon.show(1))["timeline"])

        await eventually(daemon.incidents, 5)
        await eventually(is_accepted, 10)
        assert len(pages(twilio)) == 1

    async def test_a_hang_moves_on_to_the_backup(self, make_daemon: Callable[..., Daemon], twilio: TwilioFake) -> None:
        daemon = await make_daemon(channels="[twilio, backup]").start()
        twilio.fault(op="CreateMessage", hang=30, times=1)
        await daemon.push(summary="x", service="quiet")
        await eventually(lambda: pages(twilio, ANA), 15)

    async def test_a_429_moves_on_to_the_backup(self, make_daemon: Callable[..., Daemon], twilio: TwilioFake) -> None:
        daemon = await make_daemon(channels="[twilio, backup]").start()
        twilio.fault(op="CreateMessage", status=429, code=20429, times=1)
        await daemon.push(summary="x", service="quiet")
        await eventually(lambda: pages(twilio, ANA), 5)
        assert pages(twilio, ANA)[0]["from"] == "+15005550010"

    async def test_an_undelivered_receipt_pages_the_next_person_at_once(self, daemon: Daemon, twilio: TwilioFake) -> None:
        twilio.phone(ANA, sms="undelivered", error_code=30005)
        await daemon.push(summary="x", service="db")
        await eventually(lambda: pages(twilio, BEN), 2.5)

    async def test_a_receipt_that_never_comes_is_not_trusted(self, make_daemon: Callable[..., Daemon], twilio: TwilioFake) -> None:
        daemon = await make_daemon(channels="[twilio, backup]").start()
        twilio.phone(ANA, sms="sent")
        await daemon.push(summary="x", service="db")
        await eventually(lambda: {m["from"] for m in pages(twilio, ANA)} == {"+15005550006", "+15005550010"}, 3)
