"""Incidents and deadlines: what every store promises."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from pager.model.event import Entry
from pager.model.incident import State
from pager.model.snapshot import Code, Identity, Snapshot
from pager.ports import Commit, Outcome
from tests.contract.store_backends import Backend
from tests.contract.store_samples import CPU, DISK, FAR, POLICY, changing, loaded, opened, opening, page, record_of, touching

NOW = timedelta(0)
MOMENT = timedelta(milliseconds=5)


# --- loading ------------------------------------------------------------------------------------------------------------------------------
async def test_what_was_committed_is_loaded_whole(store: Backend) -> None:
    incidents = store.worker().incidents
    snapshot = await opened(incidents)
    assert snapshot.record is not None
    assert snapshot.incident is not None
    assert (snapshot.record.version, snapshot.incident.version) == (1, 1)
    assert snapshot.incident.pages[0].user == "ana"
    assert snapshot.policy == POLICY
    _, by_identity = await incidents.by_identity([CPU, DISK])
    assert by_identity == [Snapshot(), snapshot]


async def test_a_record_that_suffices_comes_without_its_incident(store: Backend) -> None:
    incidents = store.worker().incidents
    whole, other = await opened(incidents), await opened(incidents, Identity("tool", "other"))
    _, found = await incidents.by_identity(
        [CPU, DISK, Identity("tool", "other")], lambda identity, record: identity == DISK and record.open
    )
    assert found == [Snapshot(), Snapshot(record=whole.record), other]


async def test_another_worker_reads_the_policy_of_an_incident_it_never_saw(store: Backend) -> None:
    await opened(store.worker("w1").incidents)
    _, [snapshot] = await store.worker("w2").incidents.by_identity([DISK])
    assert snapshot.policy == POLICY


async def test_nothing_is_known_of_an_unknown_number(store: Backend) -> None:
    incidents = store.worker().incidents
    assert (await incidents.by_number([7]))[1] == [Snapshot()]
    assert (await incidents.by_number([]))[1] == []
    assert (await incidents.by_identity([]))[1] == []
    assert await incidents.commit([]) == []


async def test_keys_that_only_differ_in_where_scope_ends_are_two_identities(store: Backend) -> None:
    incidents = store.worker().incidents
    await opened(incidents, Identity("ab", "c"))
    assert (await incidents.by_identity([Identity("a", "bc")]))[1] == [Snapshot()]


async def test_numbers_are_never_handed_out_twice(store: Backend) -> None:
    first, second = store.worker("w1").incidents, store.worker("w2").incidents
    numbers = await first.numbers(3) + await second.numbers(2) + await first.numbers(0)
    assert len(set(numbers)) == 5
    assert min(numbers) > 0


async def test_of_two_that_open_by_the_number_that_comes_next_one_has_it(store: Backend) -> None:
    first, second = store.worker("w1").incidents, store.worker("w2").incidents
    await first.numbers(2)
    likely = []
    for incidents, identity in ((first, DISK), (second, CPU)):
        await incidents.by_identity([identity])
        likely.append(incidents.likely(1))
    [[one], [other]] = likely
    assert one == other
    now = await first.now()
    assert await first.commit([opening(DISK, one, now)]) == [Outcome.DONE]
    assert await second.commit([opening(CPU, one, now)]) == [Outcome.CONFLICT]
    [handed_out] = await second.numbers(1)
    assert handed_out > one, "what was opened counts as given"
    assert await second.commit([opening(CPU, handed_out, now)]) == [Outcome.DONE]
    await first.by_identity([DISK])
    assert min(first.likely(2)) > handed_out


# --- one commit wins ----------------------------------------------------------------------------------------------------------------------
async def test_of_two_changes_of_one_version_the_second_conflicts_and_writes_nothing(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await opened(incidents)
    number = before.incident.number if before.incident else 0
    now = await incidents.now()
    assert await incidents.commit([changing(before, State.ACKNOWLEDGED, due=now + FAR)]) == [Outcome.DONE]
    late = changing(before, State.RESOLVED, entries=(Entry(now, number, "incident.resolved"),), outgoing=(page(number),))
    assert await incidents.commit([late]) == [Outcome.CONFLICT]
    after = await loaded(incidents, number)
    assert after.incident is not None
    assert (after.incident.state, after.incident.version) == (State.ACKNOWLEDGED, 2)
    assert [entry.event for entry in await incidents.timeline(number)] == ["incident.opened"]
    assert await incidents.open_numbers() == [number]


async def test_two_changes_of_one_incident_in_one_batch_conflict_too(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await opened(incidents)
    twice = [changing(before, due=await incidents.now() + FAR)] * 2
    assert await incidents.commit(twice) == [Outcome.DONE, Outcome.CONFLICT]


async def test_two_that_open_one_identity_leave_one_incident(store: Backend) -> None:
    incidents = store.worker().incidents
    one, two = await incidents.numbers(2)
    now = await incidents.now()
    assert await incidents.commit([opening(DISK, one, now), opening(DISK, two, now)]) == [Outcome.DONE, Outcome.CONFLICT]
    assert await incidents.open_numbers() == [one]
    assert await loaded(incidents, two) == Snapshot()


async def test_each_of_a_batch_stands_alone(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await opened(incidents, DISK)
    stale = changing(before, due=await incidents.now() + FAR)
    await incidents.commit([stale])
    [number] = await incidents.numbers(1)
    assert await incidents.commit([stale, opening(CPU, number, await incidents.now())]) == [Outcome.CONFLICT, Outcome.DONE]


async def test_a_repeat_changes_the_record_and_leaves_the_incident(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await opened(incidents)
    assert before.record is not None
    counted = Commit(before=before, after=replace(before, record=replace(before.record, repeats=1)))
    assert await incidents.commit([counted, counted]) == [Outcome.DONE, Outcome.CONFLICT]
    _, [after] = await incidents.by_identity([DISK])
    assert after.record is not None
    assert after.incident is not None
    assert (after.record.repeats, after.record.version, after.incident.version) == (1, 2, 1)


async def test_a_resolve_of_an_unknown_key_leaves_a_marker_that_the_trigger_meets(store: Backend) -> None:
    incidents = store.worker().incidents
    marker = record_of(DISK, newest_resolve=(5, 0))
    said = (Entry(await incidents.now(), 0, "alert.nothing_open"),)
    assert await incidents.commit([Commit(before=Snapshot(), after=Snapshot(marker), entries=said)]) == [Outcome.DONE]
    _, [before] = await incidents.by_identity([DISK])
    assert before.record is not None
    assert before.record.newest_resolve == (5, 0)
    assert await incidents.open_numbers() == []
    assert await incidents.timeline(0) == []


async def test_an_open_incident_without_a_deadline_is_refused(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await opened(incidents)
    assert before.incident is not None
    forgotten = Commit(before=before, after=replace(before, incident=replace(before.incident, deadlines=())))
    with pytest.raises(ValueError, match="has no deadline"):
        await incidents.commit([forgotten])


async def test_a_reply_is_taken_once(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await opened(incidents)
    due = await incidents.now() + FAR
    assert await incidents.commit([changing(before, due=due, once="sms:SM1")]) == [Outcome.DONE]
    again = await loaded(incidents, before.incident.number if before.incident else 0)
    assert await incidents.commit([changing(again, due=due, once="sms:SM1")]) == [Outcome.REPLAYED]
    assert await incidents.commit([changing(again, due=due, once="sms:SM2"), touching(again, once="sms:SM2")]) == [
        Outcome.DONE,
        Outcome.REPLAYED,
    ]


async def test_a_reply_that_conflicted_may_be_tried_again(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await opened(incidents)
    due = await incidents.now() + FAR
    await incidents.commit([changing(before, due=due)])
    assert await incidents.commit([changing(before, due=due, once="sms:SM1")]) == [Outcome.CONFLICT]
    again = await loaded(incidents, before.incident.number if before.incident else 0)
    assert await incidents.commit([changing(again, due=due, once="sms:SM1")]) == [Outcome.DONE]


# --- what follows from an incident --------------------------------------------------------------------------------------------------------
async def test_a_resolved_incident_leaves_the_open_ones_and_their_deadlines(store: Backend) -> None:
    incidents, deadlines = store.worker().incidents, store.worker().deadlines
    disk, cpu = await opened(incidents, DISK), await opened(incidents, CPU)
    assert disk.incident is not None
    assert cpu.incident is not None
    assert await incidents.counts() == {"triggered": 2}
    now = await incidents.now()
    await incidents.commit([changing(disk, State.RESOLVED), changing(cpu, State.ACKNOWLEDGED, due=now + FAR)])
    assert await incidents.open_numbers() == [cpu.incident.number]
    assert await incidents.resolved_numbers(10) == [disk.incident.number]
    assert await incidents.resolved_numbers(0) == []
    assert await incidents.counts() == {"acknowledged": 1, "resolved": 1}
    again = await loaded(incidents, cpu.incident.number)
    await incidents.commit([changing(again, State.RESOLVED)])
    assert await deadlines.next_at() is None


async def test_the_timeline_is_in_order(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await opened(incidents)
    assert before.incident is not None
    now, number = await incidents.now(), before.incident.number
    said = tuple(Entry(now, number, event, who="ana", what="why", origin="a.yaml:1:2") for event in ("one", "two"))
    await incidents.commit([changing(before, due=now + FAR, entries=said)])
    entries = await incidents.timeline(number)
    assert [entry.event for entry in entries] == ["incident.opened", "one", "two"]
    assert entries[2] == said[1]


async def test_a_code_is_found_from_its_own_address_in_any_case(store: Backend) -> None:
    incidents = store.worker().incidents
    code = Code("+34600000001", "7K3M", 1, 1, "ana")
    await opened(incidents, codes=(code,))
    assert await incidents.code("+34600000001", "7k3m") == code
    assert await incidents.code("+34600000002", "7K3M") is None


async def test_secret_and_config_are_kept(store: Backend) -> None:
    first, second = store.worker("w1").incidents, store.worker("w2").incidents
    assert len(await first.secret()) == 32
    assert await first.secret() == await second.secret()
    assert await first.load_config() is None
    await first.save_config(b"\x00\xffconfig")
    assert await second.load_config() == b"\x00\xffconfig"


async def test_wrong_codes_are_counted_by_number(store: Backend) -> None:
    refusals = store.worker().refusals
    assert [await refusals.wrong("+1"), await refusals.wrong("+1"), await refusals.wrong("+2")] == [1, 2, 1]
    assert await refusals.count("+1") == 2
    assert await refusals.count("+3") == 0


# --- deadlines ----------------------------------------------------------------------------------------------------------------------------
async def test_what_is_due_is_claimed_by_one_worker(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    due = await one.incidents.now() - FAR
    before = await opened(one.incidents, DISK, due=due)
    await opened(one.incidents, CPU)
    now, [claim] = await one.deadlines.claim(10, FAR)
    assert claim.number == (before.incident.number if before.incident else 0)
    assert timedelta(0) <= claim.due_at - due < timedelta(milliseconds=1)
    assert now > claim.due_at
    assert (await two.deadlines.claim(10, FAR))[1] == []


async def test_no_more_are_claimed_than_asked_for_and_the_earliest_first(store: Backend) -> None:
    worker = store.worker()
    now = await worker.incidents.now()
    late = await opened(worker.incidents, DISK, due=now - FAR)
    later = await opened(worker.incidents, CPU, due=now - 2 * FAR)
    numbers = [(await worker.deadlines.claim(1, FAR))[1][0].number for _ in range(2)]
    assert numbers == [s.incident.number for s in (later, late) if s.incident]


async def test_a_claim_is_committed_within_its_lease_and_only_once(store: Backend) -> None:
    worker = store.worker()
    before = await opened(worker.incidents, due=await worker.incidents.now() - FAR)
    _, [claim] = await worker.deadlines.claim(10, FAR)
    due = await worker.incidents.now() + 2 * FAR
    assert await worker.incidents.commit([changing(before, due=due, fence=claim.fence)]) == [Outcome.DONE]
    after = await loaded(worker.incidents, claim.number)
    assert await worker.incidents.commit([changing(after, due=due, fence=claim.fence)]) == [Outcome.STALE]
    at = await worker.deadlines.next_at()
    assert at is not None
    assert timedelta(0) <= at - due < timedelta(milliseconds=1)


async def test_a_claim_whose_lease_is_over_commits_nothing_and_is_due_for_others(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    before = await opened(one.incidents, due=await one.incidents.now() - FAR)
    _, [claim] = await one.deadlines.claim(10, timedelta(milliseconds=1))
    await store.pass_time(MOMENT)
    assert await one.incidents.commit([changing(before, due=await one.incidents.now() + FAR, fence=claim.fence)]) == [Outcome.STALE]
    _, [again] = await two.deadlines.claim(10, FAR)
    assert again.number == claim.number


async def test_an_acknowledgement_between_claim_and_commit_makes_the_claim_stale(store: Backend) -> None:
    worker = store.worker()
    before = await opened(worker.incidents, due=await worker.incidents.now() - FAR)
    _, [claim] = await worker.deadlines.claim(10, FAR)
    due = await worker.incidents.now() + 2 * FAR
    await worker.incidents.commit([changing(before, State.ACKNOWLEDGED, due=due)])
    assert await worker.incidents.commit([changing(before, due=due, fence=claim.fence, outgoing=(page(1),))]) == [Outcome.STALE]
    assert await worker.outbox.take(10, NOW) == []


async def test_a_claim_that_changes_nothing_gives_way_to_the_deadline(store: Backend) -> None:
    worker = store.worker()
    before = await opened(worker.incidents, due=await worker.incidents.now() + MOMENT)
    await store.pass_time(2 * MOMENT)
    _, [claim] = await worker.deadlines.claim(10, FAR)
    assert await worker.incidents.commit([touching(before, fence=claim.fence)]) == [Outcome.DONE]
    assert (await worker.deadlines.claim(10, FAR))[1] == [], "its deadline has passed: not again before the lease is over"

    number = claim.number
    far = await worker.incidents.now() + 2 * FAR
    await worker.incidents.commit([changing(before, due=far)])
    await store.forget_deadline(number)
    await worker.sweeper.sweep()
    after = await loaded(worker.incidents, number)
    _, [claim] = await worker.deadlines.claim(10, FAR)
    assert await worker.incidents.commit([touching(after, fence=claim.fence)]) == [Outcome.DONE]
    at = await worker.deadlines.next_at()
    assert at is not None
    assert at >= far


# --- sweeping -----------------------------------------------------------------------------------------------------------------------------
async def test_an_incident_without_a_deadline_is_found_and_due_at_once(store: Backend) -> None:
    worker = store.worker()
    disk, _ = await opened(worker.incidents, DISK), await opened(worker.incidents, CPU)
    assert disk.incident is not None
    await store.forget_deadline(disk.incident.number)
    swept = await _sweep(worker)
    assert swept == (2, [disk.incident.number])
    _, [claim] = await worker.deadlines.claim(10, FAR)
    assert claim.number == disk.incident.number
    assert await _sweep(worker) == (2, [])


async def test_a_resolved_incident_needs_no_deadline(store: Backend) -> None:
    worker = store.worker()
    await worker.incidents.commit([changing(await opened(worker.incidents), State.RESOLVED)])
    assert await _sweep(worker) == (1, [])


async def test_what_is_over_for_long_is_dropped_with_its_record_and_timeline(store: Backend) -> None:
    worker = store.worker()
    disk, cpu = await opened(worker.incidents, DISK), await opened(worker.incidents, CPU)
    assert disk.incident is not None
    assert cpu.incident is not None
    await worker.incidents.commit([changing(disk, State.RESOLVED)])
    now = await worker.incidents.now()
    assert await worker.sweeper.retire(now - FAR, 0) == 0
    assert await worker.sweeper.retire(now + FAR, 0) == 1
    assert (await worker.incidents.by_identity([DISK]))[1] == [Snapshot()]
    assert await worker.incidents.timeline(disk.incident.number) == []
    assert await worker.incidents.resolved_numbers(10) == []
    assert await worker.incidents.counts() == {"triggered": 1}
    assert await worker.sweeper.retire(now + FAR, 0) == 0
    assert (await worker.incidents.by_identity([CPU]))[1] == [cpu]


async def test_a_record_that_points_to_a_newer_incident_outlives_the_older_one(store: Backend) -> None:
    worker = store.worker()
    old = await opened(worker.incidents, DISK)
    assert old.record is not None
    await worker.incidents.commit([changing(old, State.RESOLVED)])
    [number] = await worker.incidents.numbers(1)
    new = opening(DISK, number, await worker.incidents.now())
    newer = replace(new, before=Snapshot(old.record), after=replace(new.after, record=replace(old.record, incident=number)))
    assert await worker.incidents.commit([newer]) == [Outcome.DONE]
    assert await worker.sweeper.retire(await worker.incidents.now() + FAR, 0) == 1
    _, [after] = await worker.incidents.by_identity([DISK])
    assert after.record is not None
    assert after.incident is not None
    assert after.incident.number == number


async def _sweep(worker: object) -> tuple[int, list[int]]:
    """Once around: how many were looked at, and which repaired."""
    cursor, looked_at, repaired = 0, 0, list[int]()
    while True:
        swept = await worker.sweeper.sweep(cursor, 10)  # type: ignore[attr-defined]
        cursor, looked_at = swept.cursor, looked_at + swept.looked_at
        repaired += swept.repaired
        if cursor == 0:
            return looked_at, repaired
