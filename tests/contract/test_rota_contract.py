"""What the rota depends on besides the config: what every store promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from msgspec.structs import replace

from pager.model.condition import Condition, Term
from pager.model.event import Entry
from pager.model.mute import Silence
from pager.model.rota import NOTHING, RotaFacts, Span
from pager.model.schedule import Override, OverrideKind
from pager.model.snapshot import Identity, Snapshot
from pager.ports import Commit, NotLeader, Outcome, StoreUnavailable
from pager.store import codec
from pager.store.connection import connect
from pager.store.keys import Keys
from pager.store.rota import RedisRota, ShardedRota
from tests.contract.store_backends import Backend, MemoryBackend, RedisBackend, RedisWorker, Worker
from tests.contract.store_samples import CPU, DISK, changing, opened

AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SWAP = Override(start=AT, end=AT + 8 * HOUR, kind=OverrideKind.REPLACE, user="ben", instead_of="ana", reason="a swap", by="ana")
SAID = Entry(AT, 0, "override.added", "ana", "primary: ben instead of ana")


async def facts(worker: Worker, known: int = 0) -> RotaFacts:
    return await worker.rota.facts(known) or NOTHING


async def audit(store: Backend) -> list[Entry]:
    """What was said of no incident."""
    if isinstance(store, MemoryBackend):
        return [entry for entry in store.store.audit if entry.incident == 0]
    worker = cast(RedisWorker, store.worker("looker"))
    found = await worker.connection.call("XRANGE", worker.keys[0].audit, "-", "+")
    values = [value for _, fields in found for value in fields[1::2]]
    return [entry for value in values for entry in codec.entries.decode(value) if entry.incident == 0]


# --- overrides ------------------------------------------------------------------------------------------------------------------------
async def test_an_override_is_known_to_everybody_and_who_said_it_is_in_the_audit(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    assert await two.rota.facts() is None
    kept = await one.rota.add_override("primary", SWAP, SAID)
    found = await facts(two)
    assert found.overrides == {"primary": (replace(SWAP, id=kept.id),)}
    assert await audit(store) == [replace(SAID, what=f"override {kept.id}: primary: ben instead of ana")]
    assert await two.rota.facts(found.version) is None


async def test_overrides_apply_in_the_order_they_were_said(store: Backend) -> None:
    worker = store.worker()
    for k in range(12):  # their numbers as text would be in another order
        await worker.rota.add_override("primary" if k % 2 else "backup", replace(SWAP, reason=str(k)), SAID)
    found = (await facts(worker)).overrides
    assert [o.reason for o in found["primary"]] == ["1", "3", "5", "7", "9", "11"]
    assert [o.reason for o in found["backup"]] == ["0", "2", "4", "6", "8", "10"]


async def test_one_that_is_removed_is_gone_for_everybody_and_that_is_said(store: Backend) -> None:
    worker = store.worker()
    first, second = await worker.rota.add_override("primary", SWAP, SAID), await worker.rota.add_override("primary", SWAP, SAID)
    before = await facts(worker)
    assert await worker.rota.remove_override(first.id, replace(SAID, event="override.removed"))
    after = await facts(store.worker("w2"), before.version)
    assert [o.id for o in after.overrides["primary"]] == [second.id]
    assert [entry.event for entry in await audit(store)] == ["override.added", "override.added", "override.removed"]


@pytest.mark.parametrize("id_", ["17", "", "no", "-inf", "1 OR 1", "9" * 40, "\u0661"])
async def test_one_that_is_not_there_can_not_be_removed(store: Backend, id_: str) -> None:
    worker = store.worker()
    await worker.rota.add_override("primary", SWAP, SAID)
    assert not await worker.rota.remove_override(id_, SAID)
    assert len(await audit(store)) == 1


async def test_what_is_over_for_long_is_dropped_by_the_leader_alone(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    await one.rota.add_override("primary", SWAP, SAID)
    still = await one.rota.add_override("primary", replace(SWAP, end=AT + 20 * HOUR), SAID)
    token = await one.leader.lead(timedelta(milliseconds=20))
    await store.pass_time(timedelta(milliseconds=40))
    later = await two.leader.lead(timedelta(seconds=60))
    assert token is not None
    assert later is not None
    await two.rota.save_calendar("spain", (), later)
    with pytest.raises(NotLeader):
        await one.rota.drop_ended(AT + 10 * HOUR, token)
    assert await two.rota.drop_ended(AT + 10 * HOUR, later) == 1
    assert await two.rota.drop_ended(AT + 10 * HOUR, later) == 0
    assert [o.id for o in (await facts(one)).overrides["primary"]] == [still.id]


# --- silences -------------------------------------------------------------------------------------------------------------------------
NOISY = Condition(terms=(Term("labels.cluster", ("eu-1",)), Term("labels.alertname", regex="Disk.*", negated=True)))
QUIET = Silence(id="", condition=NOISY, start=AT, end=AT + 2 * HOUR, by="ana", why="known", said_at=AT)
HUSH = Entry(AT, 0, "silence.added", "ana", "cluster=eu-1")


async def test_a_silence_is_known_to_everybody_and_who_said_it_and_why_is_in_the_audit(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    kept = [await one.rota.add_silence(QUIET, HUSH) for _ in range(11)]
    found = await facts(two)
    assert found.silences == tuple(kept)
    assert [s.id for s in kept] == [str(k) for k in range(1, 12)], "in the order they were said"
    assert (await audit(store))[-1] == replace(HUSH, what="silence 11: cluster=eu-1")
    assert await two.rota.facts(found.version) is None


async def test_a_silence_that_is_taken_back_is_over_at_once_and_kept_with_who_did_it(store: Backend) -> None:
    worker = store.worker()
    kept, later = await worker.rota.add_silence(QUIET, HUSH), await worker.rota.add_silence(replace(QUIET, start=AT + HOUR), HUSH)
    before = await facts(worker)
    said = Entry(AT, 0, "silence.ended", "ben", "cluster=eu-1")
    ended = await worker.rota.end_silence(kept.id, AT + HOUR / 2, said)
    assert ended == replace(kept, end=AT + HOUR / 2, ended_by="ben")
    waiting = await worker.rota.end_silence(later.id, AT + HOUR / 2, said)
    assert waiting is not None
    assert waiting.start == waiting.end == AT + HOUR / 2, "it never begins"
    assert (await facts(store.worker("w2"), before.version)).silences == (ended, waiting)
    assert [(e.event, e.who, e.what) for e in await audit(store)][2:] == [
        ("silence.ended", "ben", "silence 1: cluster=eu-1"),
        ("silence.ended", "ben", "silence 2: cluster=eu-1"),
    ]
    assert await worker.rota.end_silence(kept.id, AT + HOUR, said) is None, "it is over already"
    assert len(await audit(store)) == 4


@pytest.mark.parametrize("id_", ["17", "", "no", "-inf", "1 OR 1", "9" * 40, "\u0661"])
async def test_a_silence_that_is_not_there_can_not_be_taken_back(store: Backend, id_: str) -> None:
    worker = store.worker()
    await worker.rota.add_silence(QUIET, HUSH)
    assert await worker.rota.end_silence(id_, AT, HUSH) is None
    assert len(await audit(store)) == 1


async def test_silences_that_are_over_for_long_are_dropped_by_the_leader_alone(store: Backend) -> None:
    worker = store.worker()
    await worker.rota.add_silence(QUIET, HUSH)
    still = await worker.rota.add_silence(replace(QUIET, end=AT + 20 * HOUR), HUSH)
    await worker.rota.add_override("primary", SWAP, SAID)
    token = await worker.leader.lead(timedelta(seconds=60))
    assert token is not None
    assert await worker.rota.drop_ended(AT + 10 * HOUR, token) == 2
    assert await worker.rota.drop_ended(AT + 10 * HOUR, token) == 0
    found = await facts(worker)
    assert (found.silences, found.overrides) == ((still,), {})
    await worker.rota.save_calendar("spain", (), token + 1)
    with pytest.raises(NotLeader):
        await worker.rota.drop_ended(AT + 30 * HOUR, token)


# --- calendars ------------------------------------------------------------------------------------------------------------------------
async def test_a_calendar_is_what_was_read_last_by_the_leader(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    token = await one.leader.lead(timedelta(seconds=60))
    assert token is not None
    spans = (Span(AT, AT + HOUR, ("ana",), "Ana"), Span(AT, AT + 24 * HOUR, (), "a holiday", "2026-03-02"))
    await one.rota.save_calendar("team", spans[:1], token)
    await one.rota.save_calendar("team", spans, token)
    await one.rota.save_calendar("spain", (), token)
    found = await facts(two)
    assert found.calendars == {"team": spans, "spain": ()}
    await one.rota.save_calendar("team", None, token)
    assert (await facts(two, found.version)).calendars == {"spain": ()}
    await one.leader.resign()
    later = await two.leader.lead(timedelta(seconds=60))
    assert later is not None
    await two.rota.save_calendar("spain", spans, later)
    with pytest.raises(NotLeader):
        await one.rota.save_calendar("spain", (), token)
    assert (await facts(one)).calendars == {"spain": spans}


# --- pages in the night ---------------------------------------------------------------------------------------------------------------
def at_night(before: Snapshot, *pages: tuple[str, datetime]) -> Commit:
    return changing(before, night_pages=pages)


async def test_a_page_in_the_night_is_counted_with_the_change_that_notes_it_or_not_at_all(store: Backend) -> None:
    worker = store.worker()
    before = await opened(worker.incidents)
    now = (await worker.incidents.now()).replace(microsecond=0)
    assert await worker.incidents.commit([at_night(before, ("ana", now)), at_night(before, ("ben", now))]) == [
        Outcome.DONE,
        Outcome.CONFLICT,
    ]
    found = await facts(worker)
    assert found.night_pages == {"ana": (now,)}
    assert await worker.rota.facts(found.version) is None


async def test_pages_in_the_night_are_kept_for_two_weeks_and_fifty_a_person(store: Backend) -> None:
    worker = store.worker()
    disk, cpu = await opened(worker.incidents, DISK), await opened(worker.incidents, CPU)
    now = (await worker.incidents.now()).replace(microsecond=0)
    old, many = now - timedelta(days=15), [now - timedelta(minutes=k) for k in range(60, 0, -1)]
    await worker.incidents.commit([at_night(disk, ("ana", old))])
    await worker.incidents.commit([at_night(cpu, *(("ana", at) for at in many))])
    assert (await facts(worker)).night_pages == {"ana": tuple(many[-50:])}


async def test_pages_in_the_night_are_added_up_wherever_their_incidents_are(store: Backend) -> None:
    worker = store.worker()
    now = (await worker.incidents.now()).replace(microsecond=0)
    moments = [now - timedelta(minutes=k) for k in range(6, 0, -1)]
    for k, at in enumerate(moments):
        before = await opened(worker.incidents, Identity(f"tool-{k}", "disk"))
        await worker.incidents.commit([at_night(before, ("ana", at))])
    found = await facts(worker)
    assert found.night_pages == {"ana": tuple(moments)}
    assert await worker.rota.facts(found.version) is None


# --- turns ----------------------------------------------------------------------------------------------------------------------------
async def turns(worker: Worker, number: int) -> list[dict[str, int]]:
    """As loading by number and by identity tell them."""
    _, [by_number] = await worker.incidents.by_number([number])
    _, [by_identity] = await worker.incidents.by_identity([DISK])
    return [dict(by_number.turns), dict(by_identity.turns)]


async def test_turns_are_counted_with_the_change_that_takes_them_and_two_who_took_the_same_are_no_conflict(store: Backend) -> None:
    worker = store.worker()
    disk, cpu = await opened(worker.incidents, DISK), await opened(worker.incidents, CPU)
    assert disk.incident is not None
    assert await turns(worker, disk.incident.number) == [{}, {}]
    both = [changing(disk, turns=("pool",)), changing(cpu, turns=("pool", "other"))]
    assert await worker.incidents.commit([*both, changing(disk, turns=("pool",))]) == [Outcome.DONE, Outcome.DONE, Outcome.CONFLICT]
    assert await turns(store.worker("w2"), disk.incident.number) == [{"pool": 2, "other": 1}] * 2


# --- of one store alone ---------------------------------------------------------------------------------------------------------------
async def test_who_waits_is_woken_by_a_change(valkey: RedisBackend) -> None:
    one, two = valkey.worker("w1"), valkey.worker("w2")
    await two.rota.wait(timedelta(seconds=5))  # it subscribes
    await one.rota.add_override("primary", SWAP, SAID)
    before = await one.incidents.now()
    await two.rota.wait(timedelta(seconds=5))
    assert await one.incidents.now() - before < timedelta(seconds=2)


async def test_what_can_not_be_read_is_left_out_and_the_rest_is_there(valkey: RedisBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = cast(RedisWorker, valkey.worker())
    await worker.rota.add_override("primary", SWAP, SAID)
    with monkeypatch.context() as later:
        later.setattr(codec, "overrides", codec.Codec(tuple[str, Override], schema=2))
        await worker.rota.add_override("primary", replace(SWAP, user="erik"), SAID)
    found = await facts(worker)
    assert [o.user for o in found.overrides["primary"]] == ["ben"]
    assert "schema 2" in worker.newer.lately


async def test_a_shard_that_is_gone_costs_only_what_is_new_in_it(valkey: RedisBackend) -> None:
    gone = connect("unix:///nowhere/valkey.sock")
    half = ShardedRota([RedisRota(valkey.connection, Keys("p0")), RedisRota(gone, Keys("p1"))])
    await half.add_override("primary", SWAP, SAID)
    found = await half.facts()
    assert found is not None
    assert [o.user for o in found.overrides["primary"]] == ["ben"]
    with pytest.raises(StoreUnavailable):
        await ShardedRota([RedisRota(gone, Keys("p0")), RedisRota(valkey.connection, Keys("p1"))]).facts()
