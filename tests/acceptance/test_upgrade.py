"""Workers of two releases on one store, the later of which writes incidents in another way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.daemon import ANA, BEN, Daemon, code_in, eventually, pages
from tests.fakes.twilio_fake import TwilioFake
from tests.later_release import later_release

LATER = (str(Path(__file__).with_name("later.py")),)
READS, WRITES = {"PAGERD_TEST_RELEASE": "reads"}, {"PAGERD_TEST_RELEASE": "writes"}
KEYS = [f"disk-{k}" for k in range(6)]


def left(daemon: Daemon) -> dict[str, float]:
    """What it left to a newer release, by the loop that met it."""
    return {loop: daemon.metric(f'pagerd_left_to_newer_total{{where="{loop}"}}') for loop in ("ingest", "deadlines", "deliver", "show")}


def notes(daemon: Daemon) -> list[str]:
    status, body = daemon.get("/readyz")
    assert status == 200, body
    said: list[str] = json.loads(body)["notes"]
    return said


def paged(twilio: TwilioFake, to: str) -> Counter[str]:
    """How often, by incident."""
    return Counter(page["body"].split(" ")[0] for page in pages(twilio, to))


def dealt_with(daemon: Daemon) -> float:
    """Alerts that led to something, or were seen to lead to nothing."""
    return sum(float(row.rsplit(" ", 1)[1]) for row in daemon.get("/metrics")[1].splitlines() if row.startswith("pagerd_alerts_total{"))


async def fire(daemon: Daemon, keys: list[str]) -> None:
    for key in keys:
        await daemon.push(summary="disk full", service="db", dedup_key=key, severity="critical")


@pytest.mark.parametrize(("old", "new"), [(READS, WRITES), (None, READS)], ids=["it reads what is new", "nothing is new yet"])
async def test_of_two_releases_in_a_row_each_goes_on_with_what_the_other_began(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake, old: dict[str, str] | None, new: dict[str, str]
) -> None:
    one = make_daemon("a")
    await one.start(program=LATER if old else ("-m", "pager"), environment=old)
    await fire(one, ["before"])
    await eventually(lambda: pages(twilio, ANA), 10, one.tail)
    two = await make_daemon("b", redis_url=one.store_url).start(program=LATER, environment=new)
    await fire(one, KEYS)
    await eventually(lambda: len(paged(twilio, BEN)) == 1 + len(KEYS), 20, lambda: one.tail() + two.tail())
    assert set(paged(twilio, ANA).values()) | set(paged(twilio, BEN).values()) == {1}
    first = pages(twilio, BEN)[0]
    assert (await twilio.inbound_sms(BEN, "+15005550006", code_in(first)))["replies"][0].startswith("acknowledged")
    for key in ("before", *KEYS):
        await one.push(action="resolve", dedup_key=key)

    async def states() -> list[str]:
        with later_release():  # which reads what either wrote
            return [incident["state"] for incident in await one.incidents("--all")]

    async def all_over() -> bool:
        return await states() == ["resolved"] * (1 + len(KEYS))

    await eventually(all_over, 10, one.tail)
    for daemon in (one, two):
        assert not any(left(daemon).values())
        assert notes(daemon) == []


@pytest.mark.timeout(200)
async def test_beside_a_release_that_it_can_not_read_a_worker_loses_holds_up_and_repeats_nothing(
    make_daemon: Callable[..., Daemon], twilio: TwilioFake
) -> None:
    new = await make_daemon("new").start(program=LATER, environment=WRITES)
    await fire(new, KEYS)
    await eventually(lambda: len(paged(twilio, ANA)) == len(KEYS), 10, new.tail)
    old = await make_daemon("old", redis_url=new.store_url).start()
    for _ in range(4):  # repeats, that either may take
        await fire(old, KEYS)
    await fire(old, ["fresh"])
    await eventually(lambda: len(paged(twilio, BEN)) == len(KEYS) + 1, 20, lambda: old.tail() + new.tail())
    assert set(paged(twilio, ANA).values()) == {1}
    assert set(paged(twilio, BEN).values()) == {1}

    await eventually(lambda: dealt_with(new) + dealt_with(old) == 5 * len(KEYS) + 1, 10, lambda: old.tail() + new.tail())

    # Alone, it goes on with what it can read, and says what it can't.
    new.kill()
    await fire(old, ["alone", *KEYS])
    await eventually(lambda: len(paged(twilio, ANA)) == len(KEYS) + 2, 10, old.tail)
    await eventually(lambda: left(old)["ingest"] >= len(KEYS), 10, old.tail)
    assert any("newer release" in note and "upgrade" in note for note in notes(old))
    assert "left out" in await old.cli("list", expect=None)
    assert "Traceback" not in old.log.read_text()
    for key in KEYS:
        await old.push(action="resolve", dedup_key=key)

    # Back again, the newer one takes all of it on.
    await new.start(program=LATER, environment=WRITES)

    async def over() -> bool:
        with later_release():
            states = [i["state"] for i in await new.incidents("--all") if i["dedup_key"] in KEYS]
        return states == ["resolved"] * len(KEYS)

    await eventually(over, 15, lambda: old.tail() + new.tail())
    assert "Traceback" not in old.log.read_text() + new.log.read_text()
