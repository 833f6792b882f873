"""While a database is down, what follows from that wakes nobody; what still fires afterwards does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.model.incident import State
from pager.model.mute import MuteKind
from tests.house import House
from tests.payments import PAYMENTS

RULE = """
noise:
  inhibit:
    - {name: db-down, if_open: {alertname: DatabaseDown}, mute: {severity: [critical, error]}, equal: [labels.cluster]}
"""
DOWN = {"dedup_key": "down", "alertname": "DatabaseDown", "cluster": "eu-1", "severity": "warning"}


def slow(key: str = "slow", cluster: str = "eu-1", **more: Any) -> dict[str, Any]:
    return {"dedup_key": key, "alertname": "SlowPages", "cluster": cluster, **more}


def house(more: str = RULE) -> House:
    return House(PAYMENTS + more)


def test_what_follows_from_something_open_is_muted_with_its_number_and_its_rule() -> None:
    h = house()
    h.push(DOWN)
    h.push(slow())
    assert h.incident("slow").reason == "inhibited by #1 (inhibit db-down)"
    assert h.until("10:00").paged("slow") == []


def test_what_still_fires_when_the_source_is_over_pages_within_half_a_minute() -> None:
    h = house()
    h.push(DOWN)
    h.push(slow(), slow("other"))
    h.until("10:00")
    h.resolve("down")
    h.until("10:10")
    h.resolve("other")
    h.until("10:30")
    assert h.paged("slow") == ["10:25"]
    assert h.incident("slow").reason == "muted until now (inhibited by #1 (inhibit db-down))"
    assert h.paged("other") == [], "it was over in time"


def test_as_long_as_one_of_several_sources_is_open_it_stays_muted() -> None:
    h = house()
    h.push(DOWN, {**DOWN, "dedup_key": "down2"})
    h.push(slow())
    h.resolve("down")
    assert h.until("10:00").paged("slow") == []
    h.resolve("down2")
    assert h.until("10:30").paged("slow") == ["10:25"]


def test_a_person_who_resolves_the_source_ends_it_too() -> None:
    h = house()
    h.push(DOWN)
    h.push(slow())
    h.say("down", "resolve")
    assert h.until("0:30").paged("slow") == ["0:25"]


def test_another_cluster_and_a_missing_label_are_not_muted() -> None:
    h = house()
    h.push(DOWN, {"dedup_key": "bare down", "alertname": "DatabaseDown", "severity": "warning"})
    h.push(slow("elsewhere", "us-1"), {"dedup_key": "bare", "alertname": "SlowPages"})
    assert h.paged("elsewhere") == h.paged("bare") == ["0:00"]


def test_a_muted_source_still_mutes() -> None:
    h = house(RULE + "  pause: [{name: wait, match: {alertname: DatabaseDown}, for: 1h}]\n")
    h.push(DOWN)
    assert h.state("down") is State.SUPPRESSED
    h.push(slow())
    assert h.state("slow") is State.SUPPRESSED


def test_nothing_mutes_itself_and_what_matches_both_sides_does_not_mute_each_other() -> None:
    h = house()
    both = {**DOWN, "severity": "critical"}
    h.push({**both, "dedup_key": "a"}, {**both, "dedup_key": "b"})
    assert h.paged("a") == h.paged("b") == ["0:00"]
    h.push(slow())
    assert h.state("slow") is State.SUPPRESSED, "they mute what is on the one side only"
    h.push(DOWN)
    h.push({**both, "dedup_key": "c"})
    assert h.state("c") is State.SUPPRESSED, "and are muted by what is on the other side only"


def test_of_what_comes_at_once_the_source_is_decided_first() -> None:
    h = house()
    h.push(slow(), DOWN)
    assert h.paged("slow") == []


def test_a_source_that_opens_after_the_page_stops_further_pages() -> None:
    h = house()
    h.push(slow())
    h.until("1:00")
    before = len(h.pages)
    h.push(DOWN)
    h.until("30:00")
    assert (h.state("slow"), [p for p in h.pages[before:] if p[1] == "slow"]) == (State.SUPPRESSED, [])


def test_a_silence_that_ends_under_an_inhibition_leaves_it_muted() -> None:
    h = house(RULE + "  maintenance: [{name: patch, match: {alertname: SlowPages}, hours: {from: '01:00', to: '02:00'}}]\n")
    h.push(DOWN)
    h.push(slow())
    assert h.until("1:30:00").paged("slow") == []
    mute = h.incident("slow").mute
    assert mute is not None
    assert mute.kind is MuteKind.INHIBITION


def test_it_is_not_muted_for_longer_than_may_be() -> None:
    h = house(RULE + "  limits: {suppress_at_most: 2h}\n")
    h.push(DOWN)
    h.push(slow())
    assert h.until("2:00:00").paged("slow") == ["2:00:00"]


def test_five_hundred_at_once_take_one_round_each_way() -> None:
    h = house()
    h.push(DOWN, *(slow(f"k{k}") for k in range(500)))
    assert {h.state(f"k{k}") for k in range(500)} == {State.SUPPRESSED}
    h.resolve("down")
    h.until("0:30")
    assert all(h.paged(f"k{k}") == ["0:25"] for k in range(500))


steps = st.lists(
    st.tuples(
        st.sampled_from(["down", "down2", "slow", "slow2", "both"]),
        st.sampled_from(["trigger", "trigger", "resolve", "human"]),
        st.integers(0, 40),
    ),
    max_size=14,
)
KINDS = {"down": DOWN, "down2": {**DOWN, "dedup_key": "down2"}, "slow": slow(), "slow2": slow("slow2"),
         "both": {**DOWN, "dedup_key": "both", "severity": "critical"}}  # fmt: skip


@pytest.mark.parametrize("together", [False, True])
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_muted_has_an_open_source_and_what_has_none_is_paged_in_time(together: bool, data: st.DataObject) -> None:
    h = house()
    now, batch = 0, list[dict[str, Any]]()
    for key, action, seconds in data.draw(steps):
        if action == "human":
            if any(incident.dedup_key == key and incident.is_open for incident in h.store.incidents.values()):
                h.say(key, "resolve")
        else:
            batch.append({**KINDS[key], "action": action})
        if not together or seconds > 20:
            h.push(*batch)
            batch = []
        now += seconds
        h.until(f"{now // 60}:{now % 60:02}")
    h.push(*batch)
    now += 30
    h.until(f"{now // 60}:{now % 60:02}")
    open_ = {i.dedup_key: i for i in h.store.incidents.values() if i.is_open}
    pure, both = {"down", "down2"} & open_.keys(), {"both"} & open_.keys()
    for key, incident in open_.items():
        muted_by = {"down": set(), "down2": set(), "both": pure}.get(key, pure | both)
        if incident.state is State.SUPPRESSED:
            assert muted_by, (key, incident.reason)
        else:
            assert h.paged(key), key


# --- the grace --------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("meanwhile", ["a look", "a new leader", "a note", "an alert of its group"])
def test_nothing_that_happens_meanwhile_cuts_the_grace_short_or_loses_its_end(meanwhile: str) -> None:
    h = house(
        RULE + ("  group: [{name: g, by: [labels.cluster], window: 1h, match: {alertname: SlowPages}}]\n" if "group" in meanwhile else "")
    )
    h.look_around()
    h.push(DOWN)
    h.push(slow(), slow("other"))
    h.until("10:00").resolve("down")
    h.until("10:08")
    match meanwhile:
        case "a look":
            h.look("slow")
        case "a new leader":
            h.look_around(token=2)
        case "a note":
            h.say("slow", "note", text="the database is back")
        case _:
            h.resolve("other")
    assert h.until("10:24").paged("slow") == []
    assert h.until("10:30").paged("slow") == ["10:25"]


def test_a_source_that_comes_again_within_the_grace_goes_on_muting() -> None:
    h = house()
    h.push(DOWN)
    h.push(slow())
    h.until("10:00").resolve("down")
    h.until("10:10").push(DOWN)
    assert h.until("20:00").paged("slow") == []
    h.resolve("down")
    assert h.until("20:30").paged("slow") == ["20:25"]


def test_what_comes_when_the_source_is_over_pages_at_once() -> None:
    h = house()
    h.push(DOWN)
    h.until("10:00").resolve("down")
    h.until("10:05").push(slow())
    assert h.paged("slow") == ["10:05"]


def test_one_that_is_no_source_any_more_is_not_muted_by_itself() -> None:
    h = house("noise:\n  inhibit: [{name: r, if_open: {severity: critical}, mute: {severity: warning}, equal: [service]}]\n")
    h.push(slow(severity="critical"))
    h.push(slow(severity="warning"))
    h.look("slow")
    assert h.state("slow") is State.TRIGGERED


def test_a_source_that_opens_after_the_page_is_said_at_once() -> None:
    h = house()
    h.push(slow())
    h.until("1:00").push(DOWN)
    h.until("1:01")
    assert (h.state("slow"), h.incident("slow").reason) == (State.SUPPRESSED, "inhibited by #2 (inhibit db-down)")
    assert [e.event for e in h.store.logs[1]][-1] == "incident.suppressed"
    h.resolve("down")
    assert h.until("2:00").paged("slow") == ["0:00", "1:26"]
