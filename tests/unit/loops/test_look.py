"""A silence is said, or taken back: what is open hears of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

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


def test_a_silence_and_a_maintenance_that_begin_after_the_page_stop_further_pages_and_say_so() -> None:
    h = House(PAYMENTS + "\nnoise: {maintenance: [{name: patch, match: {service: plain}, hours: {from: '01:02', to: '01:20'}}]}\n")
    h.hear(replace(silence(), start=START + timedelta(minutes=1), end=START + timedelta(minutes=10)))
    h.look_around()
    h.alert("a")
    h.alert("b", service="plain")
    for minute in range(5):
        h.until(f"{minute}:01")
        h.look_around()
    said = {key: [e.what for e in h.store.logs[h.incident(key).number] if e.event == "incident.suppressed"] for key in ("a", "b")}
    assert said == {"a": ["silenced by ana until 2026-06-02 01:10 UTC (silence s1)"], "b": ["maintenance patch until 2026-06-02 01:20 UTC"]}
    h.until("30:00")
    assert [h.paged(key)[:2] for key in ("a", "b")] == [["0:00", "10:00"], ["0:00", "20:00"]]


def test_where_nothing_is_to_begin_nobody_asks_for_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    h = House(PAYMENTS)
    h.hear(silence())
    h.look_around()
    monkeypatch.setattr(type(h._incidents), "now", None)
    h.look_around()
