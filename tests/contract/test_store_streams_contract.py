"""Outboxes and the alerts stream: what every store promises."""

from __future__ import annotations

from datetime import timedelta

from pager.model.incident import State
from pager.model.outgoing import Priority
from pager.model.snapshot import Snapshot
from pager.ports import Commit, Outcome
from tests.contract.store_backends import Backend
from tests.contract.store_samples import FAR, changing, loaded, notice, opened, page, queue

NOW = timedelta(0)
OF_ONE = range(1, 20, 3)
"""Incidents of one shard, also where there are three: only among those is there an order."""


# --- outboxes -----------------------------------------------------------------------------------------------------------------------------
async def test_the_best_priority_comes_first_whatever_came_first(store: Backend) -> None:
    worker = store.worker()
    await queue(worker, notice(1), page(2, Priority.REPEAT), page(3), page(4, Priority.CRITICAL))
    taken = await worker.outbox.take(10, NOW)
    assert [entry.item.incident for entry in taken] == [4, 3, 2, 1]
    assert [entry.priority for entry in taken] == list(Priority)
    assert not any(entry.redelivered for entry in taken)
    assert await worker.outbox.take(10, NOW) == []


async def test_no_more_are_taken_than_asked_for(store: Backend) -> None:
    worker = store.worker()
    await queue(worker, *(page(n) for n in OF_ONE[:5]), page(OF_ONE[5], Priority.CRITICAL))
    taken = [await worker.outbox.take(2, timedelta(milliseconds=50)) for _ in range(3)]
    assert [[entry.item.incident for entry in batch] for batch in taken] == [[OF_ONE[5], OF_ONE[0]], [*OF_ONE[1:3]], [*OF_ONE[3:5]]]


async def test_what_comes_in_later_with_a_better_priority_overtakes(store: Backend) -> None:
    worker = store.worker()
    await queue(worker, notice(1), notice(2))
    assert [entry.item.incident for entry in await worker.outbox.take(1, NOW)] == [1]
    await queue(worker, page(3, Priority.CRITICAL))
    assert [entry.item.incident for entry in await worker.outbox.take(1, NOW)] == [3]


async def test_what_is_critical_can_be_asked_for_alone(store: Backend) -> None:
    worker = store.worker()
    first, second, third, last = OF_ONE[:4]
    await queue(worker, page(first), page(second, Priority.CRITICAL), notice(third), page(last, Priority.CRITICAL))
    assert [entry.item.incident for entry in await worker.outbox.critical(9)] == [second, last]
    assert await worker.outbox.critical(9) == []
    assert [entry.priority for entry in await worker.outbox.take(9, NOW)] == [Priority.PAGE, Priority.NOTICE]


async def test_an_entry_is_handed_to_one_worker(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    await one.presence.refresh()
    await queue(one, page(1))
    assert len(await one.outbox.take(10, NOW)) == 1
    assert await two.outbox.take(10, NOW) == []


async def test_a_restarted_worker_first_gets_what_it_had(store: Backend) -> None:
    before = store.worker()
    await queue(before, page(OF_ONE[0]), notice(OF_ONE[1]))
    taken = await before.outbox.take(10, NOW)
    await queue(before, page(OF_ONE[2], Priority.CRITICAL))
    after = store.worker()
    again = await after.outbox.take(10, NOW)
    assert [(entry.id, entry.item) for entry in again] == [(entry.id, entry.item) for entry in taken]
    assert all(entry.redelivered for entry in again)
    assert [entry.item.incident for entry in await after.outbox.take(10, NOW)] == [OF_ONE[2]]


async def test_what_a_restarted_worker_had_comes_in_portions_too(store: Backend) -> None:
    before = store.worker()
    await queue(before, *(page(n) for n in OF_ONE[:5]), notice(OF_ONE[5]))
    await before.outbox.take(10, NOW)
    after = store.worker()
    portions = [[entry.item.incident for entry in await after.outbox.take(2, NOW)] for _ in range(4)]
    assert portions == [[*OF_ONE[0:2]], [*OF_ONE[2:4]], [*OF_ONE[4:6]], []]


async def test_an_absent_workers_entries_are_taken_over_and_a_present_ones_are_not(store: Backend) -> None:
    slow, gone, other = store.worker("slow"), store.worker("gone"), store.worker("other")
    for worker in (slow, gone, other):
        await worker.presence.refresh()
    await queue(slow, page(1))
    await slow.outbox.take(10, NOW)
    await queue(gone, page(2))
    await gone.outbox.take(10, NOW)
    await gone.presence.leave()
    taken = await store.worker("other").outbox.take(10, NOW)
    assert [(entry.item.incident, entry.redelivered) for entry in taken] == [(2, True)]


async def test_who_lost_an_entry_can_neither_begin_nor_finish_nor_drop_it(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    before = await opened(one.incidents)
    assert before.incident is not None
    await queue(one, page(before.incident.number))
    [entry] = await one.outbox.take(10, NOW)
    [inherited] = await two.outbox.take(10, NOW)
    assert inherited.id == entry.id
    assert [begun.owned for begun in await one.outbox.begin([entry])] == [False]
    sent = changing(before, due=await one.incidents.now() + FAR, finishes=(entry.priority, entry.id))
    assert await one.incidents.commit([sent]) == [Outcome.STALE]
    await one.outbox.drop(entry)
    assert [begun.owned for begun in await two.outbox.begin([inherited])] == [True]
    assert await two.incidents.commit([sent]) == [Outcome.DONE]


async def test_a_finished_entry_is_gone_for_good(store: Backend) -> None:
    worker = store.worker()
    await queue(worker, page(1), notice(2))
    first, second = await worker.outbox.take(10, NOW)
    finished = Commit(before=Snapshot(), after=Snapshot(), finishes=(first.priority, first.id))
    assert await worker.incidents.commit([finished, finished]) == [Outcome.DONE, Outcome.STALE]
    assert await worker.incidents.commit([finished]) == [Outcome.STALE]
    await worker.outbox.drop(second)
    assert await store.worker().outbox.take(10, NOW) == []


async def test_many_notices_are_finished_at_once_and_those_of_others_are_left(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    await queue(one, *(notice(number) for number in range(1, 4)))
    entries = await one.outbox.take(10, NOW)
    inherited = await two.outbox.take(10, NOW)
    await one.outbox.drop(*entries)
    assert [begun.owned for begun in await two.outbox.begin(inherited)] == [True] * 3
    await two.outbox.drop(*inherited)
    assert await store.worker("w3").outbox.take(10, NOW) == []


async def test_a_conflict_leaves_the_entry_pending(store: Backend) -> None:
    worker = store.worker()
    before = await opened(worker.incidents)
    await queue(worker, page(1))
    [entry] = await worker.outbox.take(10, NOW)
    due = await worker.incidents.now() + FAR
    await worker.incidents.commit([changing(before, due=due)])
    assert await worker.incidents.commit([changing(before, due=due, finishes=(entry.priority, entry.id))]) == [Outcome.CONFLICT]
    assert [begun.owned for begun in await worker.outbox.begin([entry])] == [True]


async def test_begin_shows_the_incident_as_it_stands_at_that_moment(store: Backend) -> None:
    worker = store.worker()
    before = await opened(worker.incidents)
    assert before.incident is not None
    await queue(worker, page(before.incident.number), page(77, seq=2))
    entries = await worker.outbox.take(10, NOW)
    await worker.incidents.commit([changing(before, State.ACKNOWLEDGED, due=await worker.incidents.now() + FAR)])
    known, unknown = await worker.outbox.begin(entries)
    assert known.snapshot == await loaded(worker.incidents, before.incident.number)
    assert known.snapshot.policy is not None
    assert known.snapshot.record is not None
    assert unknown.snapshot == Snapshot()
    assert known.now <= await worker.incidents.now()
    assert await worker.outbox.begin([]) == []


async def test_a_send_begun_before_a_crash_is_said_after_it(store: Backend) -> None:
    before = store.worker()
    await queue(before, page(1), notice(2))
    taken = await before.outbox.take(10, NOW)
    assert [begun.begun_before for begun in await before.outbox.begin(taken)] == [False, False]
    assert [begun.begun_before for begun in await before.outbox.begin(taken)] == [False, False], "the answer was lost: not a second send"
    after = store.worker()
    again = await after.outbox.take(10, NOW)
    assert [begun.begun_before for begun in await after.outbox.begin(again)] == [True, False]


async def test_another_attempt_of_a_page_was_not_begun_before(store: Backend) -> None:
    worker = store.worker()
    await queue(worker, page(1, attempt=1), page(1, attempt=2))
    taken = await worker.outbox.take(10, NOW)
    assert [begun.begun_before for begun in await worker.outbox.begin(taken)] == [False, False]


# --- the alerts stream --------------------------------------------------------------------------------------------------------------------
async def test_alerts_come_in_the_order_of_their_ids(store: Backend) -> None:
    worker = store.worker()
    ids = [await worker.alerts.add({"summary": "one"}), *await worker.alerts.add_many([{"summary": "two", "n": "2"}, {"summary": "three"}])]
    oldest, entries = await worker.alerts.take(2, NOW)
    assert [entry.stream_id for entry in entries] == ids[:2]
    assert entries[1].fields == {b"summary": b"two", b"n": b"2"}
    assert f"{oldest[0]}-{oldest[1]}" == ids[0]
    assert await worker.alerts.backlog() == 3
    await worker.alerts.finish(entries)
    await worker.alerts.settle()
    assert await worker.alerts.backlog() == 1
    _, [last] = await worker.alerts.take(2, NOW)
    assert last.stream_id == ids[2]


async def test_what_is_read_ahead_is_shown_once_and_stays_where_it_is(store: Backend) -> None:
    worker = store.worker()
    ids = await worker.alerts.add_many([{"summary": str(k)} for k in range(6)])
    _, taken = await worker.alerts.take(2, NOW)
    assert [entry.stream_id for entry in await worker.alerts.ahead(3)] == ids[2:5]
    assert [entry.stream_id for entry in await worker.alerts.ahead(3)] == ids[5:]
    assert await worker.alerts.ahead(3) == []
    await worker.alerts.finish(taken)
    assert [entry.stream_id for entry in (await worker.alerts.take(9, NOW))[1]] == ids[2:]


async def test_an_empty_stream_gives_nothing(store: Backend) -> None:
    assert await store.worker().alerts.take(10, NOW) == ((0, 0), [])
    assert await store.worker().alerts.backlog() == 0
    assert await store.worker().alerts.add_many([]) == []


async def test_what_was_not_finished_is_given_again(store: Backend) -> None:
    worker = store.worker()
    await worker.alerts.add_many([{"summary": "one"}, {"summary": "two"}])
    _, first = await worker.alerts.take(10, NOW)
    await worker.alerts.finish(first[:1])
    _, again = await worker.alerts.take(10, NOW)
    assert again == first[1:]
    assert (await store.worker().alerts.take(10, NOW))[1] == again, "also after a restart"


async def test_what_was_finished_goes_with_the_next_take(store: Backend) -> None:
    worker = store.worker()
    for several in (1, 2):
        await worker.alerts.add_many([{"summary": f"{k}"} for k in range(several)])
        _, entries = await worker.alerts.take(10, NOW)
        assert len(entries) == several
        await worker.alerts.finish(entries)
        assert (await worker.alerts.take(10, timedelta(milliseconds=30)))[1] == []
        assert await worker.alerts.backlog() == 0


async def test_the_oldest_pending_entry_is_that_of_any_worker(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    await one.presence.refresh()
    await one.alerts.add_many([{"summary": "one"}, {"summary": "two"}])
    _, [first] = await one.alerts.take(1, NOW)
    oldest, [second] = await two.alerts.take(1, NOW)
    assert oldest == first.id < second.id


async def test_alerts_of_an_absent_worker_are_taken_over(store: Backend) -> None:
    gone, other = store.worker("gone"), store.worker("other")
    await gone.alerts.add({"summary": "one"})
    _, [entry] = await gone.alerts.take(10, NOW)
    assert (await other.alerts.take(10, NOW))[1] == [entry]


async def test_a_dead_letter_keeps_content_and_reason_and_leaves_the_stream(store: Backend) -> None:
    worker = store.worker()
    id_ = await worker.alerts.add({"severity": "critical", "note": "no summary"})
    _, [entry] = await worker.alerts.take(10, NOW)
    await worker.alerts.bury([(entry, "summary: missing")])
    await worker.alerts.bury([(entry, "again")])
    [letter] = await worker.alerts.dead()
    assert (letter.id, letter.reason, letter.fields) == (id_, "summary: missing", {b"severity": b"critical", b"note": b"no summary"})
    assert await worker.alerts.backlog() == 0


async def test_a_retried_letter_comes_back_under_its_first_id(store: Backend) -> None:
    worker = store.worker()
    ids = await worker.alerts.add_many([{"summary": "one"}, {"summary": "two"}])
    _, entries = await worker.alerts.take(10, NOW)
    await worker.alerts.bury([(entry, "unclear") for entry in entries])
    await worker.alerts.add({"summary": "newer"})
    assert await worker.alerts.retry([ids[1], "1-1"]) == [ids[1]]
    assert await worker.alerts.retry([ids[1]]) == []
    oldest, [newer, again] = await worker.alerts.take(10, NOW)
    assert (again.id, again.fields) == (entries[1].id, {b"summary": b"two"})
    assert again.stream_id != ids[1]
    assert oldest <= again.id < newer.id
    await worker.alerts.bury([(again, "still unclear")])
    assert [(letter.id, letter.reason) for letter in await worker.alerts.dead()] == [(ids[0], "unclear"), (ids[1], "still unclear")]


async def test_a_retried_letter_holds_the_oldest_id_back_until_it_is_finished(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    await one.presence.refresh()
    [id_] = await one.alerts.add_many([{"summary": "one"}])
    _, [entry] = await one.alerts.take(10, NOW)
    await one.alerts.bury([(entry, "unclear")])
    await one.alerts.retry([id_])
    _, retried = await one.alerts.take(10, NOW)
    await two.alerts.add({"summary": "two"})
    oldest, taken = await two.alerts.take(10, NOW)
    assert oldest <= entry.id
    await one.alerts.finish(retried)
    await two.alerts.finish(taken)
    await one.alerts.settle()
    await two.alerts.add({"summary": "three"})
    oldest, [last] = await two.alerts.take(10, NOW)
    assert oldest == last.id


async def test_text_that_is_not_unicode_is_stored_as_well_as_can_be(store: Backend) -> None:
    worker = store.worker()
    await worker.alerts.add({"summary": "broken \ud800 text"})
    _, [entry] = await worker.alerts.take(10, NOW)
    assert entry.fields == {b"summary": b"broken ? text"}
