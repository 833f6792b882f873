"""Chat messages of incidents: what every store promises about which are to be looked at, and what is known of them."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from pager.model.event import Entry
from pager.model.incident import Incident, Page, PageState, State
from pager.model.snapshot import Identity, Snapshot
from pager.ports import Commit, Incidents, Outcome, Post
from tests.contract.store_backends import Backend
from tests.contract.store_samples import CPU, DISK, FAR, POLICY, incident_of, loaded, opened, record_of

LEASE = timedelta(seconds=30)
SHORT = timedelta(milliseconds=2)
MOMENT = timedelta(milliseconds=5)


async def shown(incidents: Incidents, identity: Identity = DISK) -> Snapshot:
    """Open an incident that has a message in a chat channel."""
    [number] = await incidents.numbers(1)
    at = await incidents.now()
    incident = incident_of(identity, number, at, chats=("#payments",))
    opening = Commit(
        before=Snapshot(), after=Snapshot(record_of(identity, number), incident, POLICY), entries=(Entry(at, number, "incident.opened"),)
    )
    assert await incidents.commit([opening]) == [Outcome.DONE]
    return await loaded(incidents, number)


async def note(incidents: Incidents, before: Snapshot, text: str = "on my way") -> Snapshot:
    """A commit that changes the incident and says so."""
    incident = number_of(before)
    assert before.incident is not None
    after = replace(before, incident=replace(before.incident, notes=(*before.incident.notes, text)))
    said = Commit(before=before, after=after, entries=(Entry(await incidents.now(), incident, "incident.noted", "ana", text),))
    assert await incidents.commit([said]) == [Outcome.DONE]
    return await loaded(incidents, incident)


def number_of(snapshot: Snapshot) -> int:
    assert snapshot.incident is not None
    return snapshot.incident.number


def version_of(snapshot: Snapshot) -> int:
    assert snapshot.incident is not None
    return snapshot.incident.version


# --- what is due --------------------------------------------------------------------------------------------------------------------------
async def test_what_is_said_about_a_shown_incident_is_to_be_looked_at(store: Backend) -> None:
    worker = store.worker()
    disk = await shown(worker.incidents)
    [claim] = await worker.boards.claim(10, LEASE)
    assert claim.number == number_of(disk)
    await worker.boards.done(claim, version_of(disk))
    assert await worker.boards.claim(10, LEASE) == []
    await note(worker.incidents, disk)
    assert [c.number for c in await worker.boards.claim(10, LEASE)] == [number_of(disk)]


async def test_an_incident_without_a_chat_message_is_not_looked_at(store: Backend) -> None:
    worker = store.worker()
    await note(worker.incidents, await opened(worker.incidents, CPU))
    assert await worker.boards.claim(10, LEASE) == []


async def test_a_page_that_a_chat_accepted_counts_as_a_message(store: Backend) -> None:
    worker = store.worker()
    disk = await opened(worker.incidents)
    assert disk.incident is not None
    page = Page(2, "ana", "chat", "slack:U0ANA", "slack", disk.incident.opened_at, 0, state=PageState.ACCEPTED, receipt="D1:1.0")
    paged = replace(disk, incident=replace(disk.incident, pages=(page,)))
    entry = Entry(disk.incident.opened_at, number_of(disk), "page.accepted")
    assert await worker.incidents.commit([Commit(before=disk, after=paged, entries=(entry,))]) == [Outcome.DONE]
    assert len(await worker.boards.claim(10, LEASE)) == 1


async def test_a_commit_that_says_nothing_or_conflicts_makes_nothing_due(store: Backend) -> None:
    worker = store.worker()
    disk = await shown(worker.incidents)
    [claim] = await worker.boards.claim(10, LEASE)
    await worker.boards.done(claim, version_of(disk))
    assert disk.incident is not None
    silent = Commit(before=disk, after=replace(disk, incident=replace(disk.incident, last_seq=7)))
    assert await worker.incidents.commit([silent]) == [Outcome.DONE]
    stale = Commit(
        before=disk, after=replace(disk, incident=replace(disk.incident, last_seq=8)), entries=(Entry(disk.incident.opened_at, 1, "x"),)
    )
    assert await worker.incidents.commit([stale]) == [Outcome.CONFLICT]
    assert await worker.boards.claim(10, LEASE) == []


async def test_many_changes_are_one_look_and_the_longest_waiting_come_first(store: Backend) -> None:
    worker = store.worker()
    first = await shown(worker.incidents)
    await store.pass_time(MOMENT)
    other = await shown(worker.incidents, CPU)
    for text in ("a", "b", "c"):
        first = await note(worker.incidents, first, text)
    assert [c.number for c in await worker.boards.claim(1, LEASE)] == [number_of(first)]
    assert [c.number for c in await worker.boards.claim(10, LEASE)] == [number_of(other)]


# --- claims -------------------------------------------------------------------------------------------------------------------------------
async def test_a_lease_that_is_over_is_claimed_again(store: Backend) -> None:
    mine, theirs = store.worker("w1"), store.worker("w2")
    disk = await shown(mine.incidents)
    [claim] = await mine.boards.claim(10, SHORT)
    await store.pass_time(MOMENT)
    [again] = await theirs.boards.claim(10, LEASE)
    assert again.number == number_of(disk)
    assert again.fence > claim.fence


async def test_a_claim_holds_while_its_lease_lasts(store: Backend) -> None:
    mine, theirs = store.worker("w1"), store.worker("w2")
    await shown(mine.incidents)
    assert len(await mine.boards.claim(10, LEASE)) == 1
    await store.pass_time(MOMENT)
    assert await theirs.boards.claim(10, LEASE) == []


async def test_whoever_comes_late_with_an_old_claim_disturbs_nobody(store: Backend) -> None:
    mine, theirs = store.worker("w1"), store.worker("w2")
    disk = await shown(mine.incidents)
    [old] = await mine.boards.claim(10, SHORT)
    await store.pass_time(MOMENT)
    [new] = await theirs.boards.claim(10, SHORT)
    await mine.boards.done(old, version_of(disk))
    await mine.boards.again(old, await mine.incidents.now() + FAR)
    await store.pass_time(MOMENT)
    assert [c.number for c in await mine.boards.claim(10, LEASE)] == [new.number], "their lease ended when it was to end"


async def test_a_change_under_somebodys_claim_is_not_lost(store: Backend) -> None:
    """The commit leaves the claim alone; whoever has it says which version was shown."""
    worker = store.worker()
    disk = await shown(worker.incidents)
    [claim] = await worker.boards.claim(10, LEASE)
    newer = await note(worker.incidents, disk)
    assert await worker.boards.claim(10, LEASE) == [], "still claimed"
    await worker.boards.done(claim, version_of(disk))
    [claim] = await worker.boards.claim(10, LEASE)
    await worker.boards.done(claim, version_of(newer))
    assert await worker.boards.claim(10, LEASE) == []


async def test_versions_with_the_same_first_digit_are_told_apart(store: Backend) -> None:
    worker = store.worker()
    disk = await shown(worker.incidents)
    [claim] = await worker.boards.claim(10, LEASE)
    for k in range(9):
        disk = await note(worker.incidents, disk, str(k))
    assert version_of(disk) == 10
    await worker.boards.done(claim, 1)
    assert len(await worker.boards.claim(10, LEASE)) == 1


async def test_a_look_that_must_be_taken_again_is_due_then_and_a_change_meanwhile_goes_with_it(store: Backend) -> None:
    worker = store.worker()
    disk = await shown(worker.incidents)
    [claim] = await worker.boards.claim(10, LEASE)
    await worker.boards.again(claim, await worker.incidents.now() + MOMENT)
    await note(worker.incidents, disk)
    await store.pass_time(2 * MOMENT)
    [claim] = await worker.boards.claim(10, LEASE)
    await worker.boards.again(claim, await worker.incidents.now() + FAR)
    assert await worker.boards.claim(10, LEASE) == []


async def test_a_claim_on_an_incident_that_is_gone_ends(store: Backend) -> None:
    worker = store.worker()
    disk = await shown(worker.incidents)
    await _resolve(worker.incidents, disk)
    assert await worker.sweeper.retire(await worker.incidents.now() + FAR, 0) == 1
    [claim] = await worker.boards.claim(10, LEASE)
    await worker.boards.done(claim, 0)
    await store.pass_time(MOMENT)
    assert await worker.boards.claim(10, LEASE) == []


# --- what is known of the messages --------------------------------------------------------------------------------------------------------
async def test_what_is_known_of_each_message_is_kept_and_the_last_word_counts(store: Backend) -> None:
    boards = store.worker().boards
    assert await boards.posts(1) == []
    payments = Post("#payments", "slack", trying=1)
    incidents = Post("#incident-critical", "slack", "C2:2.0", version=3, told=4, trying=6)
    await boards.save(1, payments)
    await boards.save(1, incidents)
    await boards.save(2, payments)
    done = replace(payments, receipt="C1:1.0", version=9, trying=0)
    await boards.save(1, done)
    assert sorted(await boards.posts(1), key=lambda post: post.address) == [incidents, done]
    assert await boards.posts(2) == [payments]


async def test_what_is_known_of_its_messages_goes_with_the_incident(store: Backend) -> None:
    worker = store.worker()
    disk = await shown(worker.incidents)
    await worker.boards.save(number_of(disk), Post("#payments", "slack", "C1:1.0"))
    await worker.boards.save(number_of(disk) + 1, Post("#payments", "slack", "C1:2.0"))
    await _resolve(worker.incidents, disk)
    assert await worker.sweeper.retire(await worker.incidents.now() + FAR, 0) == 1
    assert await worker.boards.posts(number_of(disk)) == []
    assert len(await worker.boards.posts(number_of(disk) + 1)) == 1


async def _resolve(incidents: Incidents, before: Snapshot) -> None:
    incident: Incident | None = before.incident
    assert incident is not None
    after = replace(before, incident=replace(incident, state=State.RESOLVED, deadlines=(), resolved_at=await incidents.now()))
    assert await incidents.commit([Commit(before=before, after=after)]) == [Outcome.DONE]
