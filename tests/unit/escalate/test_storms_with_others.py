"""A storm meets groups, silences and alerts that end in the middle of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pager.model.condition import Condition, Term
from pager.model.incident import State
from pager.model.mute import Silence
from tests.house import House, keys
from tests.night import START
from tests.unit.escalate.test_storms import STORM

GROUPED = STORM.replace("noise: {", "noise: {group: [{name: hosts, by: [labels.host], window: 5m}], ").replace("PER", "service")


def on(host: str, key: str, **more: object) -> dict[str, object]:
    return {"dedup_key": key, "severity": "error", "summary": f"{key} is down", "labels": {"host": host}, **more}


def silence(minutes: int) -> Silence:
    terms = (Term("labels.host", ("h7",)),)
    return Silence(id="s1", condition=Condition(terms=terms), start=START, end=START + timedelta(minutes=minutes), by="ana", said_at=START)


def events(night: House, key: str, event: str) -> list[str]:
    return [entry.what for entry in night.store.logs[night.incident(key).number] if entry.event == event]


# --- groups -------------------------------------------------------------------------------------------------------------------------------
def test_a_storm_counts_incidents_not_the_alerts_that_come_into_them() -> None:
    night = House(GROUPED)
    night.push(*(on("h0", key) for key in keys(40)))
    assert night.paged("k0") == ["0:00"]
    assert night.incident("k0").alerts == 40
    assert night.incident("k0").storm_words == "", "forty alerts, and one incident: no storm"
    night.push(*(on(f"h{k}", f"other{k}") for k in range(1, 8)))
    assert night.incident("other4").storm_words.startswith("5 alerts in 1s"), "the fifth incident speaks for the others"
    assert [night.state(f"other{k}") for k in (5, 6, 7)] == [State.SUPPRESSED] * 3


def test_what_comes_into_a_group_that_is_held_back_waits_with_it_unless_it_is_critical() -> None:
    night = House(GROUPED)
    night.push(*(on(f"h{k}", key) for k, key in enumerate(keys(8))))
    night.push(on("h6", "joins"), on("h7", "worse", severity="critical"))
    assert night.incident("joins").number == night.incident("k6").number
    assert not night.paged("k6")
    assert night.paged("k7") == ["0:00"], "a critical one in it ends the wait of the whole"


def test_when_it_is_over_each_group_that_still_fires_is_paged_once() -> None:
    night = House(GROUPED)
    night.push(*(on(f"h{k}", key) for k, key in enumerate(keys(8))))
    night.push(on("h6", "joins"), on("h7", "late"))
    night.resolve("k6")
    night.resolve("k7")
    night.resolve("late")
    assert night.incident("joins").still_fire == 1
    night.until("3:00")
    assert night.paged("k5") == ["1:00"]
    assert night.paged("k6") == ["1:00"], "one of its two alerts still fires"
    assert night.paged("k7") == [], "both of them are over"
    night.until("2:00:00")
    assert [len(night.paged(key)) for key in keys(7)] == [1] * 7


# --- what ends in the middle of it --------------------------------------------------------------------------------------------------------
def test_what_is_resolved_in_the_storm_is_not_paged_after_it() -> None:
    night = House(STORM.replace("PER", "service"))
    night.push(*(on(f"h{k}", key) for k, key in enumerate(keys(10))))
    night.until("0:30").resolve("k6")
    night.resolve("k4")  # which speaks for the others
    night.until("10:00")
    assert night.paged("k6") == []
    assert night.state("k6") is State.RESOLVED
    assert all(len(night.paged(key)) == 1 for key in keys(10) if key not in ("k6",))


def test_what_comes_back_in_the_storm_is_held_back_again_and_paged_once_after_it() -> None:
    night = House(STORM.replace("PER", "service"))
    night.push(*(on(f"h{k}", key) for k, key in enumerate(keys(10))))
    night.until("0:10").resolve("k6")
    night.until("0:20").alert("k6", severity="error")
    assert night.state("k6") is State.SUPPRESSED
    night.until("10:00")
    assert len(night.paged("k6")) == 1


# --- silences -----------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("minutes", [1, 5])
def test_what_is_silenced_too_is_paged_when_the_last_of_both_is_over(minutes: int) -> None:
    night = House(STORM.replace("PER", "service"))
    night.push(*(on(f"h{k}", key) for k, key in enumerate(keys(10))))
    night.hear(silence(minutes))
    night.look_around()
    night.until("20:00")
    assert night.paged("k8") == ["1:00"]
    [at] = night.paged("k7")
    assert at in ({1: ("1:00",), 5: ("5:00",)}[minutes])
    assert len(events(night, "k7", "incident.unmuted")) == 1


def test_what_is_silenced_before_it_is_not_counted_and_waits_for_its_own_end() -> None:
    night = House(STORM.replace("PER", "service"))
    night.hear(silence(5))
    night.push(*(on("h7", key) for key in keys(10)))
    assert all(night.state(key) is State.SUPPRESSED for key in keys(10))
    night.push(*(on("h1", f"other{k}") for k in range(4)))
    assert all(night.paged(f"other{k}") for k in range(4)), "four, and no storm: what wakes nobody makes none"
    night.until("6:00")
    assert all(night.paged(key) == ["5:00"] for key in keys(10))


def test_a_silence_that_is_taken_back_in_the_storm_leaves_it_to_the_storm() -> None:
    night = House(STORM.replace("PER", "service"))
    night.push(*(on(f"h{k}", key) for k, key in enumerate(keys(10))))
    night.hear(silence(60))
    night.look_around()
    night.until("0:20").hear()
    night.look_around()
    assert night.paged("k7") == []
    night.until("5:00")
    assert len(night.paged("k7")) == 1
