"""Who leads: what every store promises."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pager.model.handoff import Memory, Told, Watched
from pager.model.incident import State
from pager.model.outgoing import Notice
from pager.ports import NotLeader
from tests.contract.store_backends import Backend
from tests.contract.store_samples import FAR, changing, opened

LONG, SHORT = timedelta(seconds=60), timedelta(milliseconds=20)


async def test_one_leads_until_it_resigns(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    token = await one.leader.lead(LONG)
    assert token is not None
    assert await two.leader.lead(LONG) is None
    await two.leader.resign()
    assert await one.leader.lead(LONG) == token
    await one.leader.resign()
    later = await two.leader.lead(LONG)
    assert later is not None
    assert later > token
    assert await one.leader.lead(LONG) is None


async def test_who_does_not_renew_leads_no_longer(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    token = await one.leader.lead(SHORT)
    await store.pass_time(2 * SHORT)
    later = await two.leader.lead(LONG)
    assert token is not None
    assert later is not None
    assert later > token
    assert await one.leader.lead(LONG) is None


async def test_a_restarted_leader_leads_again_at_once_and_its_last_process_does_not(store: Backend) -> None:
    before = await store.worker("w1").leader.lead(LONG)
    after = await store.worker("w1").leader.lead(LONG)
    assert before is not None
    assert after is not None
    assert after > before


async def test_what_an_earlier_leader_still_wants_to_write_is_refused(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    token = await one.leader.lead(SHORT)
    await store.pass_time(2 * SHORT)
    later = await two.leader.lead(LONG)
    assert token is not None
    assert later is not None
    now = await one.incidents.now()
    before = await opened(one.incidents)
    await one.incidents.commit([changing(before, State.RESOLVED)])
    await one.sweeper.trim_audit(now, token)  # nobody has led after it here
    await two.sweeper.trim_audit(now, later)
    with pytest.raises(NotLeader):
        await one.sweeper.trim_audit(now, token)
    with pytest.raises(NotLeader):
        await one.sweeper.retire(now + FAR, token)
    assert await two.sweeper.retire(now + FAR, later) == 1


async def test_what_was_told_of_hand_offs_is_there_for_the_next_leader_and_only_a_leader_writes_it(store: Backend) -> None:
    one, two = store.worker("w1"), store.worker("w2")
    token = await one.leader.lead(SHORT)
    await store.pass_time(2 * SHORT)
    later = await two.leader.lead(LONG)
    assert token is not None
    assert later is not None
    assert await one.handbook.load() == Memory()
    now = await one.incidents.now()
    told = Watched(("ana", "ben"), (Told("ana", now, None, LONG), Told("ben", now, now + LONG, SHORT)))
    notice = Notice(0, "handoff", "ana", "chat", "slack:U0ANA", ("slack",), "You are on call", useless_after=now)
    await one.handbook.save(Memory({"s": told}, (("handoff:1", notice),), 1), token)
    assert await two.handbook.load() == Memory({"s": told}, (("handoff:1", notice),), 1)
    await two.handbook.save(Memory({"s": told}, (), 1), later)
    with pytest.raises(NotLeader):
        await one.handbook.save(Memory(), token)
    assert await one.handbook.load() == Memory({"s": told}, (), 1)
