"""Pointers, and what waits for them: what every store promises."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from pager.model.alert import Member, Severity
from pager.model.incident import Incident, State
from pager.model.mute import Mute, MuteKind
from pager.model.snapshot import Identity, Pointer, Snapshot
from pager.ports import Commit, Incidents, Outcome
from tests.contract.store_backends import Backend
from tests.contract.store_samples import DISK, FAR, changing, loaded, opened, record_of

GROUP, GRACE = "group:a", timedelta(milliseconds=5)


def pointing(before: Snapshot, pointer: Pointer, name: str = GROUP) -> Commit:
    return Commit(before=before, after=replace(before, pointers={**before.pointers, name: pointer}))


async def of(incidents: Incidents, name: str = GROUP) -> Pointer | None:
    [found] = await incidents.pointers([name])
    return found


async def test_a_pointer_is_written_once_for_each_version(store: Backend) -> None:
    incidents = store.worker().incidents
    now = await incidents.now()
    nothing = Snapshot()
    assert await incidents.commit([pointing(nothing, Pointer(incident=7, times=(now,)))]) == [Outcome.DONE]
    assert await of(incidents) == Pointer(incident=7, times=(now,), version=1)
    assert await incidents.commit([pointing(nothing, Pointer(incident=8))]) == [Outcome.CONFLICT]
    there = Snapshot(pointers={GROUP: Pointer(incident=7, times=(now,), version=1)})
    assert await incidents.commit([pointing(there, Pointer(incident=9))]) == [Outcome.DONE]
    assert await of(incidents) == Pointer(incident=9, version=2)
    assert await incidents.pointers([]) == []
    assert await of(incidents, "group:b") is None


async def test_a_commit_may_go_on_from_what_an_earlier_one_of_its_batch_leaves(store: Backend) -> None:
    incidents = store.worker().incidents
    first = Snapshot()
    second = Snapshot(pointers={GROUP: Pointer(count=1, version=1)})
    third = Snapshot(pointers={GROUP: Pointer(count=2, version=2)})
    chain = [pointing(first, Pointer(count=1)), pointing(second, Pointer(count=2)), pointing(third, Pointer(count=3))]
    assert await incidents.commit(chain) == [Outcome.DONE] * 3
    assert await of(incidents) == Pointer(count=3, version=3)
    assert await incidents.commit(chain) == [Outcome.CONFLICT] * 3, "where the first does not go through, none that builds on it does"
    assert await of(incidents) == Pointer(count=3, version=3)


async def test_changes_of_one_incident_may_follow_each_other_in_a_batch(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await opened(incidents)
    assert before.incident is not None
    now = await incidents.now()
    first = changing(before, State.ACKNOWLEDGED, due=now + FAR)
    assert first.after.incident is not None
    between = replace(first.after, incident=replace(first.after.incident, version=before.incident.version + 1))
    assert await incidents.commit([first, changing(between, State.SUPPRESSED, due=now + FAR)]) == [Outcome.DONE] * 2
    after = await loaded(incidents, before.incident.number)
    assert after.incident is not None
    assert (after.incident.state, after.incident.version) == (State.SUPPRESSED, before.incident.version + 2)
    assert await incidents.suppressed_numbers() == [before.incident.number]
    assert await incidents.commit([changing(after, State.RESOLVED)]) == [Outcome.DONE]
    assert await incidents.suppressed_numbers() == []


async def test_what_a_storm_holds_back_waits_for_nobodys_word(store: Backend) -> None:
    incidents = store.worker().incidents
    snapshot = await opened(incidents)
    assert snapshot.incident is not None
    due = await incidents.now() + FAR
    for mute, listed in ((MuteKind.STORM, []), (MuteKind.SILENCE, [snapshot.incident.number]), (MuteKind.STORM, [])):
        change = changing(snapshot, State.SUPPRESSED, due=due)
        assert change.after.incident is not None
        held = replace(change.after.incident, mute=Mute(mute, "x", "a reason", due))
        assert await incidents.commit([replace(change, after=replace(change.after, incident=held))]) == [Outcome.DONE]
        assert await incidents.suppressed_numbers() == listed
        snapshot = await loaded(incidents, held.number)


async def test_what_a_decision_relies_on_must_still_be_so(store: Backend) -> None:
    incidents = store.worker().incidents
    await incidents.commit([pointing(Snapshot(), Pointer(count=1))])
    snapshot = replace(await opened(incidents), pointers={GROUP: Pointer(count=1, version=1)})
    change = replace(changing(snapshot, State.SUPPRESSED, due=await incidents.now() + FAR), relies=(GROUP,))
    emptied = pointing(Snapshot(pointers={GROUP: Pointer(count=1, version=1)}), Pointer())
    assert await incidents.commit([emptied, change]) == [Outcome.DONE, Outcome.CONFLICT]
    absent = replace(change, before=replace(snapshot, pointers={}), after=replace(change.after, pointers={}), relies=("group:b",))
    assert await incidents.commit([absent]) == [Outcome.DONE]


async def test_who_waits_for_a_name_is_looked_at_when_it_is_woken(store: Backend) -> None:
    worker = store.worker()
    first, second = await opened(worker.incidents), await opened(worker.incidents, Identity(DISK.scope, "other"))
    now = await worker.incidents.now()
    held = [replace(changing(s, State.SUPPRESSED, due=now + FAR), joins=("source:a",)) for s in (first, second)]
    wake = Commit(before=Snapshot(), after=Snapshot(), wakes=(("source:a", GRACE),))
    assert await worker.incidents.commit([held[0]]) == [Outcome.DONE]
    assert await worker.incidents.commit([held[1], wake]) == [Outcome.DONE] * 2, "also who came in the same batch"
    await store.pass_time(GRACE * 2)
    _, claims = await worker.deadlines.claim(10, timedelta(seconds=2))
    assert sorted(claim.number for claim in claims) == sorted(s.incident.number for s in (first, second) if s.incident)
    assert await worker.incidents.commit([wake]) == [Outcome.DONE]
    await store.pass_time(GRACE * 2)
    assert (await worker.deadlines.claim(10, timedelta(seconds=2)))[1] == [], "nobody waits any longer"


def of_group(identity: Identity, number: int, before: Snapshot, incident: Incident, version: int = 0) -> Commit:
    """One more alert comes into a group's incident."""
    record = record_of(identity, number, member=Member(Severity.CRITICAL))
    start = Snapshot(incident=replace(incident, version=version or incident.version), policy=before.policy)
    return Commit(before=start, after=Snapshot(record=record, incident=replace(start.incident or incident, alerts=2), policy=before.policy))


async def grouped(incidents: Incidents) -> Snapshot:
    before = await opened(incidents)
    assert before.incident is not None
    marked = replace(before, incident=replace(before.incident, group=GROUP))
    assert await incidents.commit([Commit(before=before, after=marked)]) == [Outcome.DONE]
    return await loaded(incidents, before.incident.number)


async def test_the_alerts_of_a_group_are_listed_in_the_order_in_which_they_came(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await grouped(incidents)
    incident = before.incident
    assert incident is not None
    names = [Identity(DISK.scope, key) for key in ("b", "a", "c")]
    commits = [of_group(name, incident.number, before, incident, incident.version + k) for k, name in enumerate(names)]
    assert await incidents.commit(commits) == [Outcome.DONE] * 3, "a batch of them goes on from each other"
    assert await incidents.commit(commits) == [Outcome.CONFLICT] * 3, "and what conflicts is not listed again"
    found = await incidents.members(incident.number, 10)
    assert [identity for identity, _ in found] == names
    assert [record.incident for _, record in found if record] == [incident.number] * 3
    assert [identity for identity, _ in await incidents.members(incident.number, 1)] == [found[0][0]]
    assert await incidents.members(incident.number + 1000, 10) == []


async def test_a_repeat_of_one_of_a_groups_alerts_relies_on_their_incident(store: Backend) -> None:
    incidents = store.worker().incidents
    before = await grouped(incidents)
    incident = before.incident
    assert incident is not None
    other = Identity(DISK.scope, "b")
    assert await incidents.commit([of_group(other, incident.number, before, incident)]) == [Outcome.DONE]
    _, [known] = await incidents.by_identity([other])
    assert known.record is not None
    repeat = Commit(before=known, after=replace(known, record=replace(known.record, repeats=1)))
    resolved = changing(await loaded(incidents, incident.number), State.RESOLVED)
    assert await incidents.commit([repeat, resolved, repeat]) == [Outcome.DONE, Outcome.DONE, Outcome.CONFLICT]
    _, [after] = await incidents.by_identity([other])
    assert after.record is not None
    late = Commit(before=replace(after, incident=known.incident), after=replace(after, incident=known.incident, record=known.record))
    assert await incidents.commit([late]) == [Outcome.CONFLICT], "somebody has ended it since"
