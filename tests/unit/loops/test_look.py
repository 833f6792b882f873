"""A silence is said, or taken back: what is open hears of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pager.loops import look
from pager.model.condition import Condition, Term
from pager.model.incident import State
from pager.model.mute import Silence
from pager.model.rota import RotaFacts
from tests.house import House
from tests.night import START
from tests.payments import PAYMENTS


def silence(id_: str = "s1") -> Silence:
    terms = (Term("service", ("checkout",)),)
    return Silence(id=id_, condition=Condition(terms=terms), start=START, end=START + timedelta(hours=8), by="ana", said_at=START)


def test_a_silence_that_is_taken_back_pages_for_what_still_fires() -> None:
    h = House(PAYMENTS)
    h.hear(silence())
    h.alert("a")
    h.look_around()
    assert h.paged("a") == []
    h.until("5:00")
    h.hear()
    h.look_around()
    assert h.paged("a") == ["5:00"]


def test_a_new_silence_stops_what_is_paged_already() -> None:
    h = House(PAYMENTS)
    h.alert("a")
    h.look_around()
    h.hear(silence())
    h.look_around()
    assert h.state("a") is State.SUPPRESSED


def test_with_very_many_open_only_those_that_nobody_would_look_at_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "MOST_OPEN", 1)
    h = House(PAYMENTS)
    h.hear(silence())
    h.alert("a")
    h.alert("b", service="other")
    h.hear()
    h.look_around()
    assert h.paged("a") == ["0:00"]


def test_what_a_worker_muted_that_had_not_heard_yet_is_looked_at_once_more() -> None:
    h = House(PAYMENTS)
    h.hear(silence())
    h.look_around()
    h.hear()
    h.look_around()
    knows, h.rules = h.rules, h.rules.with_facts(RotaFacts(silences=(silence(),)))
    h.alert("a")
    h.rules = knows
    assert h.paged("a") == []
    for _ in range(look.ONCE_MORE[0]):
        h.look_around()
    assert h.paged("a") == ["0:00"]


def test_nothing_is_looked_at_twice_for_the_same_change_but_by_a_new_leader() -> None:
    h = House(PAYMENTS)
    h.alert("a")
    asked: list[Any] = []
    events = h.advance.events

    async def counted(items: Any) -> Any:
        asked.append(items)
        return await events(items)

    h.advance.events = counted  # type: ignore[method-assign]
    for token in (1, 1, 2, 2):
        h.look_around(token)
    assert len(asked) == 2
