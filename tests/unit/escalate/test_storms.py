"""More incidents than anybody can be paged for: one page speaks for all, critical ones still page, and when it is over the others do."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pager.model.incident import State
from pager.report.incident import incident_json
from tests.house import House, keys

STORM = """
settings: {timezone: UTC, catch_all: {notify: ["user:ana"], every: 2h}, throttle: off}
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: [twilio]}
users: {ana: {name: Ana, contact: {sms: "+34600000001"}}}
teams: {web: {members: [ana]}}
policies: {p: {stages: [{notify: ["user:ana"], via: [sms], ack_timeout: 3h}]}}
services: {checkout: {policy: p, team: web}, basket: {policy: p, team: web}, other: {policy: p}}
noise: {storm: {pages: 4, within: 1m, per: PER}}
"""


def house(per: str = "service") -> House:
    return House(STORM.replace("PER", per))


def _error(key: str, **more: Any) -> dict[str, Any]:
    return {"dedup_key": key, "severity": "error", "summary": f"{key} is down", **more}


def test_beyond_the_rate_one_page_speaks_for_all() -> None:
    night = house()
    night.push(*(_error(key, labels={"cluster": "eu-1" if k % 4 else "us-1"}) for k, key in enumerate(keys(12))))
    assert [key for key in keys(12) if night.paged(key)] == keys(5)
    speaker = night.incident("k4")
    assert speaker.storm_words == "5 alerts in 1s; first: k0 is down; by cluster: eu-1 3, us-1 2"
    shown = incident_json(night.store.by_number(speaker.number))
    assert shown["reason"] == f"speaks for a storm: {speaker.storm_words}"
    assert {night.state(key) for key in keys(12)[5:]} == {State.SUPPRESSED}
    assert night.incident("k5").reason == "a storm: more than 4 in 1m (service checkout); one page speaks for all"
    assert all(night.incident(key).next_deadline for key in keys(12))


def test_critical_ones_page_all_the_same() -> None:
    night = house()
    night.push(*(_error(key) for key in keys(10)))
    night.alert("worse", severity="critical")
    night.alert("k7", severity="critical")
    assert night.paged("worse")
    assert night.paged("k7"), "what becomes critical is held back no longer"
    assert not night.paged("k8")


def test_when_it_is_over_what_still_fires_is_paged_once() -> None:
    night = house()
    night.push(*(_error(key) for key in keys(10)))
    night.resolve("k9")
    night.until("2:00")
    assert [night.paged(key) for key in keys(10)[5:9]] == [["1:00"]] * 4
    assert night.paged("k9") == []
    assert night.incident("k4").storm == ""
    assert night.incident("k4").storm_words.startswith("10 alerts in 1m; first: k0 is down")
    night.until("2:00:00")
    assert [len(night.paged(key)) for key in keys(9)] == [1] * 9


def test_a_service_may_storm_within_what_storms_for_all() -> None:
    night = House(STORM.replace("{pages: 4, within: 1m, per: PER}", "[{pages: 4, within: 1m}, {pages: 7, within: 1m, per: all}]"))
    night.push(*(_error(key) for key in keys(6)))
    assert [key for key in keys(6) if night.paged(key)] == keys(5), "the fifth speaks for the service"
    night.push(*(_error(f"o{k}", service="other") for k in range(4)))
    assert [key for key in ("o0", "o1", "o2", "o3") if night.paged(key)] == ["o0", "o1"], "the eighth speaks for all"
    assert night.incident("o1").storm_words.startswith("8 alerts of 2 services")
    assert night.incident("o3").reason == "a storm: more than 7 in 1m (all); one page speaks for all"
    assert night.incident("k5").reason == "a storm: more than 4 in 1m (service checkout); one page speaks for all"
    night.until("3:00")
    assert all(len(night.paged(key)) == 1 for key in [*keys(6), "o0", "o1", "o2", "o3"])


def _rages(night: House, minutes: int, each: int) -> None:
    """So many new ones every half minute."""
    for half in range(2 * minutes):
        night.push(*(_error(f"h{half}-{key}") for key in keys(each)))
        night.until(f"{(half + 1) // 2}:{(half + 1) % 2 * 30:02}")


def test_it_goes_on_for_as_long_as_they_come_and_is_told_again_when_it_has_grown() -> None:
    night = house()
    _rages(night, 5, 12)
    assert night.paged("h0-k4") == ["0:00", "1:00", "4:00"], "told of 5, then of 24, then of 96"
    assert not any(night.paged(f"h{half}-k8") for half in range(10))
    assert night.incident("h0-k4").storm_words.startswith("120 alerts in 5m; first: h0-k0 is down")


def test_nothing_is_held_back_for_ever() -> None:
    night = house()
    _rages(night, 14, 6)
    assert night.paged("h0-k5") == ["10:00"]
    assert night.incident("h0-k5").reason.startswith("muted until now")


def test_where_the_speaker_is_resolved_the_next_one_speaks() -> None:
    night = house()
    night.push(*(_error(key) for key in keys(8)))
    night.resolve("k4")
    night.alert("next", severity="error")
    assert night.paged("next")
    assert night.incident("next").storm == "storm:service:checkout"
    night.until("3:00")
    assert all(night.paged(key) for key in keys(8)[5:])


def test_services_of_a_team_and_all_together() -> None:
    for per, held in (("service", []), ("team", ["b2", "b3"]), ("all", ["b2", "b3", "o0"])):
        night = house(per)
        night.push(*(_error(f"c{k}", service="checkout") for k in range(3)))
        night.push(*(_error(f"b{k}", service="basket") for k in range(4)))
        night.alert("o0", service="other", severity="error")
        assert [key for key in ("c0", "c1", "c2", "b0", "b1", "b2", "b3", "o0") if not night.paged(key)] == held, per


def test_off_is_off() -> None:
    night = House(STORM.replace("{pages: 4, within: 1m, per: PER}", "off"))
    night.push(*(_error(key) for key in keys(30)))
    assert all(night.paged(key) for key in keys(30))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["error", "critical", "resolve", "say", "wait"]), st.integers(0, 14)), max_size=40))
def test_no_sequence_leaves_anything_neither_paged_nor_bounded(steps: list[tuple[str, int]]) -> None:
    night, seconds = house("all"), 0
    for what, k in steps:
        key = f"k{k}"
        match what:
            case "error" | "critical":
                night.alert(key, severity=what)
            case "resolve":
                night.resolve(key)
            case "say" if night.store.records:
                known = [i.dedup_key for i in night.store.incidents.values() if i.is_open]
                if known:
                    night.say(known[k % len(known)], "acknowledge")
            case _:
                seconds += 5 * k
                night.until(f"{seconds // 60}:{seconds % 60:02}")
    held = [incident for incident in night.store.incidents.values() if incident.state is State.SUPPRESSED]
    assert all(incident.next_deadline and incident.reason for incident in held)
    night.until("50:00")
    paged = {key for _, key, _ in night.pages}
    for incident in night.store.incidents.values():
        assert incident.state is not State.SUPPRESSED
        assert incident.state is not State.TRIGGERED or incident.dedup_key in paged
