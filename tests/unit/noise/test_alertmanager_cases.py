"""Silences and inhibition as Alertmanager's documentation describes them (concepts, matchers, `inhibit_rule`), in our own words: case by
case what ours do, and where that is something else on purpose."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pager.conditions.matchers import read_matcher
from pager.model.condition import Condition
from pager.model.incident import State
from pager.model.mute import Silence
from tests.house import House
from tests.night import START, span
from tests.payments import PAYMENTS


def silence(*matchers: str, id_: str = "1", start: str = "0:00", end: str = "1:00:00", said: str | None = None) -> Silence:
    condition = Condition(terms=tuple(map(read_matcher, matchers)))
    said_at = START + span(said or start)
    return Silence(id=id_, condition=condition, start=START + span(start), end=START + span(end), by="ana", said_at=said_at)


def alert(key: str = "a", **labels: str) -> dict[str, Any]:
    return {"dedup_key": key, "labels": labels}


def house(*silences: Silence, inhibit: str = "") -> House:
    made = House(PAYMENTS + (f"\nnoise: {{inhibit: [{inhibit}]}}\n" if inhibit else ""))
    hush(made, *silences)
    return made


def hush(h: House, *silences: Silence) -> None:
    h.hear(*silences)
    h.look_around()


# --- matchers: all of them must match the labels of an alert ----------------------------------------------------------------------------
MATCHERS: list[tuple[str, list[str], dict[str, str], bool]] = [
    ("equal", ["job=node"], {"job": "node"}, True),
    ("equal, another value", ["job=node"], {"job": "Node"}, False),
    ("equal is no prefix", ["job=node"], {"job": "node2"}, False),
    ("quotes are not of the value", ['job="node"'], {"job": "node"}, True),
    ("unequal", ["job!=node"], {"job": "mysql"}, True),
    ("unequal, the value itself", ["job!=node"], {"job": "node"}, False),
    ("regex", ["job=~no.*"], {"job": "node"}, True),
    ("a regex is anchored at its beginning", ["job=~ode"], {"job": "node"}, False),
    ("a regex is anchored at its end", ["job=~nod"], {"job": "node"}, False),
    ("an alternative is anchored as a whole", ["job=~a|node"], {"job": "nodes"}, False),
    ("an alternative", ["job=~mysql|node"], {"job": "node"}, True),
    ("a regex tells case apart", ["job=~NODE"], {"job": "node"}, False),
    ("not the regex", ["job!~no.*"], {"job": "mysql"}, True),
    ("not the regex, but it matches", ["job!~no.*"], {"job": "node"}, False),
    ("not the regex is anchored, too", ["job!~nod"], {"job": "node"}, True),
    ("all hold", ["job=node", "cluster=~eu-.*"], {"job": "node", "cluster": "eu-1"}, True),
    ("one of several does not", ["job=node", "cluster=~eu-.*"], {"job": "node", "cluster": "us-1"}, False),
    ("two of the same label", ["cluster=~eu-.*", "cluster!=eu-2"], {"cluster": "eu-1"}, True),
    ("two of the same label, against each other", ["cluster=eu-1", "cluster=eu-2"], {"cluster": "eu-1"}, False),
    ("more labels than matchers", ["job=node"], {"job": "node", "cluster": "eu-1"}, True),
    ("a missing label is not equal", ["job=node"], {"cluster": "eu-1"}, False),
    ("a missing label matches no regex for something", ["job=~.+"], {"cluster": "eu-1"}, False),
    ("present, whatever it is", ["job!="], {"job": "node"}, True),
    ("present is asked for, and it is not", ["job!="], {"cluster": "eu-1"}, False),
]
# To Alertmanager a missing label is an empty one, so there each of these mutes. To us a missing label never matches: a silence of
# `cluster!=eu-1` is for what is in another cluster, not for what is in none.
DIFFERENT: list[tuple[str, list[str], dict[str, str], bool]] = [
    ("unequal, and there is none", ["cluster!=eu-1"], {"job": "node"}, False),
    ("not the regex, and there is none", ["cluster!~eu-.*"], {"job": "node"}, False),
    ("a regex that takes the empty value, and there is none", ["job=node", "cluster=~(eu-.*)?"], {"job": "node"}, False),
]


@pytest.mark.parametrize(
    ("matchers", "labels", "muted"), [case[1:] for case in MATCHERS + DIFFERENT], ids=[case[0] for case in MATCHERS + DIFFERENT]
)
def test_a_silence_mutes_what_all_its_matchers_match(matchers: list[str], labels: dict[str, str], muted: bool) -> None:
    h = house(silence(*matchers))
    h.push(alert(**labels))
    assert (h.state("a") is State.SUPPRESSED) is muted
    assert (h.paged("a") == []) is muted


@pytest.mark.parametrize("text", ["cluster=", "cluster=~"])
def test_the_empty_value_that_stands_for_a_missing_label_there_is_refused_here(text: str) -> None:
    with pytest.raises(ValueError, match="no value is empty"):
        read_matcher(text)


# --- the life of a silence: pending, active, expired ------------------------------------------------------------------------------------
def test_one_that_is_to_come_mutes_nothing_before_its_time_and_then_what_was_paged_already() -> None:
    h = house(silence("job=node", start="10:00", said="0:00"))
    h.push(alert(job="node"))
    assert h.paged("a") == ["0:00"]
    h.until("14:59")
    before = h.paged("a")
    h.until("59:59")
    assert (h.state("a"), h.paged("a")) == (State.SUPPRESSED, before)


def test_from_the_moment_it_begins_up_to_but_not_at_the_moment_it_ends() -> None:
    h = house(silence("job=node", start="10:00", end="20:00", said="0:00"))
    h.until("10:00").push(alert("first", job="node"))
    h.until("20:00").push(alert("last", job="node"))
    assert (h.state("first"), h.paged("last")) == (State.TRIGGERED, ["20:00"])
    assert h.paged("first") == ["20:00"]


def test_one_that_expires_pages_for_what_still_fires() -> None:
    h = house(silence("job=node"))
    h.push(alert(job="node"))
    h.until("59:59").push(alert(job="node"))
    assert h.paged("a") == []
    assert h.until("1:00:00").paged("a") == ["1:00:00"]


def test_one_that_is_over_mutes_nothing() -> None:
    h = house(silence("job=node", end="10:00"))
    h.until("10:00").push(alert(job="node"))
    assert h.paged("a") == ["10:00"]


def test_of_two_that_overlap_the_last_end_counts() -> None:
    h = house(silence("job=node", end="30:00"), silence("cluster=eu-1", id_="2", start="20:00", end="50:00", said="0:00"))
    h.push(alert(job="node", cluster="eu-1"), alert("b", job="node"))
    h.until("1:00:00")
    assert (h.paged("a")[0], h.paged("b")[0]) == ("50:00", "30:00")


def test_one_inside_another_changes_nothing() -> None:
    h = house(silence("job=node"), silence("job=node", id_="2", start="10:00", end="20:00", said="0:00"))
    h.push(alert(job="node"))
    assert h.until("59:59").paged("a") == []


def test_two_that_only_touch_leave_no_gap() -> None:
    h = house(silence("job=node", end="30:00"), silence("job=node", id_="2", start="30:00", said="0:00"))
    h.push(alert(job="node"))
    assert h.until("59:59").paged("a") == []


def test_to_expire_one_by_hand_is_to_end_it_now() -> None:
    h = house(silence("job=node"))
    h.push(alert(job="node"))
    h.until("10:00")
    hush(h, silence("job=node", end="10:00"))
    assert h.paged("a") == ["10:00"]


def test_to_change_one_is_to_end_it_and_to_say_another() -> None:
    h = house(silence("job=node"))
    h.push(alert(job="node", cluster="eu-1"), alert("b", job="node", cluster="eu-2"))
    h.until("10:00")
    hush(h, silence("job=node", end="10:00"), silence("job=node", "cluster=eu-1", id_="2", start="10:00", end="2:00:00"))
    assert (h.paged("a"), h.paged("b")) == ([], ["10:00"])
    assert "(silence 2)" in h.incident("a").reason


def test_to_make_one_longer_before_it_ends_lets_nothing_through() -> None:
    h = house(silence("job=node", end="30:00"))
    h.push(alert(job="node"))
    h.until("29:00")
    hush(h, silence("job=node", end="30:00"), silence("job=node", id_="2", start="29:00", end="2:00:00"))
    assert h.until("1:59:59").paged("a") == []


# --- what happens to an alert meanwhile ---------------------------------------------------------------------------------------------------
def test_resolved_while_silenced_nobody_is_told_and_nothing_comes_at_the_end() -> None:
    h = house(silence("job=node"))
    h.push(alert(job="node"))
    h.until("10:00").resolve("a")
    assert (h.state("a"), h.until("2:00:00").paged("a")) == (State.RESOLVED, [])


def test_what_fires_again_under_the_silence_is_silenced_again() -> None:
    h = house(silence("job=node"))
    for at in ("10:00", "20:00"):
        h.until(at).push(alert(job="node"))
        h.until(at[:-1] + "1").resolve("a")
    h.until("30:00").push(alert(job="node"))
    assert (h.state("a"), h.paged("a")) == (State.SUPPRESSED, [])


def test_said_after_the_page_it_stops_the_next() -> None:
    h = house()
    h.push(alert(job="node"))
    h.until("1:00")
    hush(h, silence("job=node", start="1:00"))
    assert (h.state("a"), h.until("59:59").paged("a")) == (State.SUPPRESSED, ["0:00"])


def test_an_alert_that_is_not_meant_is_paged_whatever_else_is_silenced() -> None:
    h = house(silence("job=node"))
    h.push(alert(job="node"), alert("b", job="mysql"))
    assert (h.paged("a"), h.paged("b")) == ([], ["0:00"])


# --- inhibition -------------------------------------------------------------------------------------------------------------------------
CLUSTER = "{name: rule, if_open: {alertname: ClusterDown}, mute: {alertname: {re: Node.*}}, equal: [labels.cluster]}"
NO_EQUAL = "{name: rule, if_open: {alertname: ClusterDown}, mute: {alertname: {re: Node.*}}}"
BOTH = "{name: rule, if_open: {severity: critical}, mute: {severity: [critical, warning]}, equal: [labels.cluster]}"


def down(key: str = "down", **labels: str) -> dict[str, Any]:
    return alert(key, alertname="ClusterDown", **labels)


def node(key: str = "node", **labels: str) -> dict[str, Any]:
    return alert(key, alertname="NodeDown", **labels)


INHIBITED: list[tuple[str, str, dict[str, Any], dict[str, Any], bool]] = [
    ("equal values", CLUSTER, down(cluster="eu-1"), node(cluster="eu-1"), True),
    ("other values", CLUSTER, down(cluster="eu-1"), node(cluster="eu-2"), False),
    ("no equal: any source mutes any target", NO_EQUAL, down(cluster="eu-1"), node(cluster="eu-2"), True),
    ("missing in the source", CLUSTER, down(), node(cluster="eu-1"), False),
    ("missing in the target", CLUSTER, down(cluster="eu-1"), node(), False),
    ("no source", CLUSTER, alert("down", alertname="Other", cluster="eu-1"), node(cluster="eu-1"), False),
    ("no target", CLUSTER, down(cluster="eu-1"), alert("node", alertname="Other", cluster="eu-1"), False),
    # There a label that both lack is equal, and mutes. Ours never matches: two alerts that say nothing of their cluster are not of one.
    ("missing on both sides", CLUSTER, down(), node(), False),
    ("empty on both sides", CLUSTER, down(cluster=""), node(cluster=""), False),
]


@pytest.mark.parametrize(("rule", "source", "target", "muted"), [case[1:] for case in INHIBITED], ids=[case[0] for case in INHIBITED])
@pytest.mark.parametrize("together", [True, False])
def test_a_source_that_fires_mutes_its_targets(
    rule: str, source: dict[str, Any], target: dict[str, Any], muted: bool, together: bool
) -> None:
    h = house(inhibit=rule)
    for alerts in ((target, source),) if together else ((source,), (target,)):
        h.push(*alerts)
    assert (h.paged("node") == []) is muted
    assert h.paged("down") == ["0:00"]


def test_a_silenced_source_still_inhibits() -> None:
    h = house(silence("alertname=ClusterDown"), inhibit=CLUSTER)
    h.push(down(cluster="eu-1"))
    h.push(node(cluster="eu-1"))
    assert (h.paged("down"), h.paged("node")) == ([], [])


def test_an_inhibited_source_still_inhibits() -> None:
    chain = CLUSTER + ", {name: above, if_open: {alertname: RegionDown}, mute: {alertname: ClusterDown}}"
    h = house(inhibit=chain)
    h.push(alert("region", alertname="RegionDown"))
    h.push(down(cluster="eu-1"))
    h.push(node(cluster="eu-1"))
    assert (h.paged("down"), h.paged("node")) == ([], [])


def test_an_alert_on_both_sides_does_not_inhibit_itself_nor_others_that_are() -> None:
    h = house(inhibit=BOTH)
    h.push({**alert("one", cluster="eu-1"), "severity": "critical"}, {**alert("two", cluster="eu-1"), "severity": "critical"})
    assert (h.paged("one"), h.paged("two")) == (["0:00"], ["0:00"])


def test_an_alert_on_both_sides_inhibits_what_is_on_the_other_alone() -> None:
    h = house(inhibit=BOTH)
    h.push({**alert("one", cluster="eu-1"), "severity": "critical"})
    h.push({**alert("two", cluster="eu-1"), "severity": "warning"})
    assert (h.paged("one"), h.paged("two")) == (["0:00"], [])


def test_a_source_that_is_resolved_mutes_no_longer() -> None:
    h = house(inhibit=CLUSTER)
    h.push(down(cluster="eu-1"))
    h.push(node(cluster="eu-1"))
    h.until("10:00").resolve("down")
    h.push(node("new", cluster="eu-1"))
    assert h.paged("new") == ["10:00"]
    assert h.until("10:30").paged("node") == ["10:25"], "after a grace: it may be over as well"


def test_a_silence_of_the_target_outlasts_its_source_and_the_other_way_round() -> None:
    h = house(silence("alertname=NodeDown", end="30:00"), inhibit=CLUSTER)
    h.push(down(cluster="eu-1"), node(cluster="eu-1"))
    h.until("10:00").resolve("down")
    assert h.until("29:59").paged("node") == []
    assert h.until("30:30").paged("node") == ["30:00"]
    other = house(silence("alertname=NodeDown", end="30:00"), inhibit=CLUSTER)
    other.push(down(cluster="eu-1"), node(cluster="eu-1"))
    assert other.until("40:00").paged("node") == []


def test_a_source_that_comes_later_stops_further_pages() -> None:
    h = house(inhibit=CLUSTER)
    h.push(node(cluster="eu-1"))
    h.until("1:00").push(down(cluster="eu-1"))
    h.until("30:00")
    assert (h.paged("node"), h.state("node")) == (["0:00"], State.SUPPRESSED)


def test_a_route_that_suppresses_still_does_when_an_inhibition_over_it_ends() -> None:
    route = 'routes: [{name: staging, match: {env: staging}, suppress: "staging never pages"}]'
    h = House(PAYMENTS + f"\nnoise: {{inhibit: [{CLUSTER}]}}\n{route}\n")
    h.push(down(cluster="eu-1"), node(cluster="eu-1", env="staging"))
    h.until("10:00").resolve("down")
    h.until("1:00:00")
    assert (h.incident("node").reason, h.paged("node")) == ("staging never pages", [])


def test_a_pause_still_waits_when_an_inhibition_or_a_silence_over_it_ends() -> None:
    pause = "pause: [{name: transient, match: {alertname: NodeDown}, for: 10m}]"
    h = House(PAYMENTS + f"\nnoise: {{inhibit: [{CLUSTER}], {pause}}}\n")
    h.hear(silence("job=node", end="1:00"))
    h.push(down(cluster="eu-1"), node(cluster="eu-1"), node("other", job="node"))
    h.until("1:00").resolve("down")
    h.until("9:59")
    assert (h.paged("node"), h.paged("other")) == ([], [])
    h.until("10:00")
    assert (h.paged("node"), h.paged("other")) == (["10:00"], ["10:00"])


# --- what Alertmanager has no word for --------------------------------------------------------------------------------------------------
def test_nothing_stays_silenced_for_ever() -> None:
    h = House(PAYMENTS + "\nnoise: {limits: {suppress_at_most: 2h}}\n")
    h.hear(silence("job=node", end="9:00:00"))
    h.push(alert(job="node"))
    assert h.until("3:00:00").paged("a")[0] == "2:00:00"
    assert h.incident("a").mutes[0].at == START + timedelta(0)
