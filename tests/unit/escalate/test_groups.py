"""Nights with groups: many alerts, one incident."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from pager.model.condition import Condition, Term
from pager.model.incident import State
from pager.model.mute import Silence
from tests.house import House
from tests.night import START

HOUSE = """
settings:
  timezone: UTC
  catch_all: {notify: ["user:boss"], every: 10m}
  ladder: {high: [{after: 0s, via: [sms]}], low: [{after: 0s, via: [sms]}]}
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: [twilio]}
users:
  ana: {name: Ana, contact: {sms: "+12125550001"}}
  ben: {name: Ben, contact: {sms: "+12125550002"}}
  boss: {name: Boss, contact: {sms: "+12125550009"}}
policies:
  chain: {stages: [{notify: ["user:ana"], ack_timeout: 30m}, {notify: ["user:boss"], ack_timeout: 30m}]}
  other: {stages: [{notify: ["user:ben"], ack_timeout: 30m}]}
services: {checkout: {policy: chain}, search: {policy: other}}
integrations: {quiet: {kind: generic, key: kkkkkkkkkkkkkkkkkkkk, resolve_after: 40m}}
noise:
  group: [{name: per-cluster, by: [labels.cluster], window: 5m}]
"""
EU = {"labels": {"cluster": "eu-1"}}


def house(text: str = HOUSE) -> House:
    return House(text)


def silence(start: int = 0, end: int = 60, **labels: str) -> Silence:
    """Minutes after the start."""
    terms = tuple(Term(f"labels.{key}", (value,)) for key, value in labels.items())
    return Silence(
        id="s1",
        condition=Condition(terms=terms),
        start=START + timedelta(minutes=start),
        end=START + timedelta(minutes=end),
        by="ana",
        said_at=START,
    )


def cluster(*keys: str, **fields: object) -> list[dict[str, object]]:
    return [{"dedup_key": key, **EU, **fields} for key in keys]


def texts(night: House, key: str, event: str) -> list[str]:
    return [entry.what for entry in night.store.logs[night.incident(key).number] if entry.event == event]


def test_two_hundred_alerts_of_one_batch_are_one_incident_and_one_page() -> None:
    night = house()
    night.push(*cluster(*(f"k{n}" for n in range(200))))
    assert len(night.store.incidents) == 1
    assert night.incident("k199").alerts == 200
    assert len(night.pages) == 1
    assert len(texts(night, "k0", "incident.joined")) == 199


def test_the_incident_resolves_when_all_its_alerts_did() -> None:
    night = house()
    night.push(*cluster("a", "b", "c"))
    night.push(*cluster("a", "c", action="resolve"))
    assert night.state("b") is State.TRIGGERED
    assert texts(night, "b", "incident.alert_resolved")[-1] == "broken: 1 of 3 still fire"
    night.resolve("b", **EU)
    assert night.state("a") is State.RESOLVED
    assert texts(night, "a", "incident.resolved") == ["all of its 3 alerts were resolved"]
    night.alert("a", **EU)
    assert night.state("a") is State.TRIGGERED, "a resolved incident takes no more"
    assert len(night.store.incidents) == 2


def test_two_hundred_resolves_of_one_batch() -> None:
    night = house()
    keys = [f"k{n}" for n in range(200)]
    night.push(*cluster(*keys))
    night.push(*cluster(*keys, action="resolve"))
    assert night.state("k7") is State.RESOLVED
    assert sum(night.incident("k7").firing) == 0


def test_what_does_not_share_the_keys_stays_alone() -> None:
    night = house()
    night.push(*cluster("a"), {"dedup_key": "b", "labels": {"cluster": "us-1"}}, {"dedup_key": "c"})
    assert len({night.incident(key).number for key in "abc"}) == 3
    assert night.incident("c").group == ""


def test_the_window_counts_from_the_first() -> None:
    night = house()
    night.alert("a", **EU)
    night.until("4:00").alert("b", **EU)
    night.until("5:01").alert("c", **EU)
    assert night.incident("a").number == night.incident("b").number != night.incident("c").number


def test_a_sliding_window_counts_from_the_newest() -> None:
    night = house(HOUSE.replace("window: 5m", "window: 5m, sliding: true"))
    night.alert("a", **EU)
    night.until("4:00").alert("b", **EU)
    night.until("8:00").alert("c", **EU)
    night.until("13:01").alert("d", **EU)
    assert len({night.incident(key).number for key in "abc"}) == 1
    assert night.incident("d").number != night.incident("a").number


def test_beyond_the_limit_a_new_incident_begins_also_within_a_batch() -> None:
    night = house(HOUSE.replace("window: 5m", "window: 5m, limit: 3"))
    night.push(*cluster(*"abcdefg"))
    assert [night.incident(key).number for key in "abcdefg"] == [1, 1, 1, 2, 2, 2, 3]
    assert [incident.alerts for incident in night.store.incidents.values()] == [3, 3, 1]
    assert len(night.pages) == 3


def test_one_that_is_worse_pages_again_and_by_its_own_policy() -> None:
    night = house()
    night.alert("a", severity="warning", **EU)
    night.until("1:00").alert("b", severity="warning", **EU)
    night.until("2:00").alert("c", severity="critical", service="search", **EU)
    assert [(at, user) for at, _, user in night.pages] == [("0:00", "ana"), ("2:00", "ben")]
    assert night.incident("a").severity == "critical"
    night.resolve("c", **EU)
    assert night.incident("a").severity == "warning", "that of the worst that fires"
    night.until("2:30").alert("c", severity="critical", service="search", **EU)
    assert len(night.pages) == 2, "only what is worse than ever pages again"


def test_one_that_joins_what_somebody_has_only_updates_unless_it_is_worse() -> None:
    night = house()
    night.alert("a", severity="error", **EU)
    night.say("a", "acknowledge")
    night.until("1:00").alert("b", severity="error", **EU)
    assert night.state("a") is State.ACKNOWLEDGED
    night.until("2:00").alert("c", severity="critical", **EU)
    assert night.state("a") is State.TRIGGERED
    assert night.paged("a") == ["0:00", "2:00"]


def test_what_repeats_after_a_person_resolved_it_opens_a_new_incident_for_each_that_still_fires() -> None:
    night = house()
    night.push(*cluster("a", "b", "c"))
    night.until("1:00").push(*cluster("b"))
    night.until("2:00").say("a", "resolve")
    assert night.state("b") is State.RESOLVED
    night.until("3:00").push(*cluster("b"))
    assert night.state("b") is State.TRIGGERED
    assert night.incident("b").number != night.incident("a").number
    night.push(*cluster("c", "a"))
    assert len({night.incident(key).number for key in "abc"}) == 1, "and they are a group again"
    night.push(*cluster("a", "b", "c", action="resolve"))
    assert night.state("b") is State.RESOLVED


def test_a_tool_acknowledges_for_its_alert_alone() -> None:
    night = house()
    night.push(*cluster("a", "b"))
    night.push({"dedup_key": "b", "action": "acknowledge"})
    assert night.state("a") is State.TRIGGERED
    night.resolve("a", **EU)
    night.push({"dedup_key": "b", "action": "acknowledge"})
    assert night.state("b") is State.ACKNOWLEDGED


def test_its_first_alert_may_be_over_and_come_again_elsewhere() -> None:
    night = house()
    night.push(*cluster("a", "b"))
    night.resolve("a", **EU)
    night.until("6:00").alert("a", summary="something else", **EU)
    first, second = night.incident("b"), night.incident("a")
    assert first.number != second.number
    assert first.is_open
    night.until("30:01")
    assert night.store.logs[first.number][-1].event == "page.accepted", "its chain goes on"
    snapshot = night.store.by_number(first.number)
    assert snapshot.own is not None
    assert snapshot.own.alert.summary == "broken"
    night.resolve("b", **EU)
    assert night.incident("b").state is State.RESOLVED
    assert night.state("a") is State.TRIGGERED


# --- muting ---------------------------------------------------------------------------------------------------------------------------
def test_one_under_a_silence_of_its_own_neither_pages_nor_unmutes() -> None:
    night = house()
    night.hear(silence(host="a"))
    night.push({"dedup_key": "a", "labels": {"cluster": "eu-1", "host": "a"}, "severity": "error"})
    assert night.state("a") is State.SUPPRESSED
    night.hear(silence(host="a"), silence_of("b", end=40))
    night.push({"dedup_key": "b", "labels": {"cluster": "eu-1", "host": "b"}, "severity": "critical"})
    night.look("a")
    assert night.state("b") is State.SUPPRESSED
    assert night.pages == []
    night.until("40:00")
    assert [at for at, *_ in night.pages] == ["40:00"], "one of them is muted no longer"
    assert night.store.incidents[1].worst == "critical"


def silence_of(host: str, end: int) -> Silence:
    made = silence(end=end, host=host)
    return Silence(id=f"of-{host}", condition=made.condition, start=made.start, end=made.end, by="ben", said_at=START)


def test_one_that_nothing_mutes_has_the_whole_paged() -> None:
    night = house()
    night.hear(silence(host="a"))
    night.push({"dedup_key": "a", "labels": {"cluster": "eu-1", "host": "a"}})
    night.until("1:00").push({"dedup_key": "b", "labels": {"cluster": "eu-1", "host": "b"}})
    assert night.state("a") is State.TRIGGERED
    assert night.paged("a") == ["1:00"]
    assert "muted until now" in night.incident("a").reason


def test_a_silence_of_some_of_its_alerts_does_not_mute_the_others() -> None:
    night = house()
    for host in "ab":
        night.push({"dedup_key": host, "labels": {"cluster": "eu-1", "host": host}})
    night.hear(silence(host="a"))
    night.look("a")
    assert night.state("a") is State.TRIGGERED
    night.hear(silence(cluster="eu-1"))
    night.look("a")
    assert night.state("a") is State.SUPPRESSED, "this one is of all of them"


def test_of_what_mutes_a_group_rather_too_few_are_counted_than_too_many() -> None:
    night = house(HOUSE.replace("ack_timeout: 30m", "ack_timeout: 15m"))
    for_both = silence_of("a", 31), silence_of("c", 31)
    night.push({"dedup_key": "c", "labels": {"cluster": "eu-1", "host": "c"}})
    night.hear(*for_both)
    night.look("c")
    night.push({"dedup_key": "a", "labels": {"cluster": "eu-1", "host": "a"}})
    assert night.state("a") is State.SUPPRESSED
    night.push({"dedup_key": "b", "labels": {"cluster": "eu-1", "host": "b"}})
    assert night.state("b") is State.TRIGGERED
    night.resolve("c", labels={"cluster": "eu-1", "host": "c"})
    night.look("b")
    assert night.state("b") is State.TRIGGERED, "nothing mutes this one"


def test_what_is_left_when_those_that_paged_are_over_is_as_muted_as_it_came() -> None:
    night = house()
    night.alert("a", **EU)
    night.hear(silence(host="b"))
    night.push({"dedup_key": "b", "labels": {"cluster": "eu-1", "host": "b"}})
    night.look("a")
    assert night.state("a") is State.TRIGGERED
    night.resolve("a", **EU)
    night.look("b")
    assert night.state("b") is State.SUPPRESSED
    night.until("60:00")
    assert night.state("b") is State.TRIGGERED


def test_a_worse_one_that_was_muted_pages_when_that_ends_though_somebody_has_the_rest() -> None:
    night = house()
    night.alert("a", severity="warning", **EU)
    night.say("a", "acknowledge")
    night.hear(silence(host="b", end=20))
    night.push({"dedup_key": "b", "labels": {"cluster": "eu-1", "host": "b"}, "severity": "critical"})
    assert night.paged("a") == ["0:00"]
    night.until("20:00")
    assert night.paged("a") == ["0:00", "20:00"]
    assert night.incident("a").urgency == "high"


def test_a_worse_one_pages_when_its_mute_ends_though_a_milder_one_had_the_whole_paged() -> None:
    night = house()
    night.hear(silence_of("a", 60), silence_of("b", 20))
    night.push({"dedup_key": "a", "labels": {"cluster": "eu-1", "host": "a"}, "severity": "warning"})
    night.push({"dedup_key": "b", "labels": {"cluster": "eu-1", "host": "b"}, "severity": "critical"})
    night.until("1:00").alert("c", severity="warning", **EU)
    night.say("a", "acknowledge")
    assert night.paged("a") == ["1:00"]
    night.until("20:00")
    assert night.paged("a") == ["1:00", "20:00"]


def test_a_worse_one_that_was_muted_and_is_over_pages_nobody() -> None:
    night = house()
    night.alert("a", severity="warning", **EU)
    night.say("a", "acknowledge")
    night.hear(silence(host="b", end=20))
    night.push({"dedup_key": "b", "labels": {"cluster": "eu-1", "host": "b"}, "severity": "critical"})
    night.resolve("b", labels={"cluster": "eu-1", "host": "b"})
    night.until("25:00")
    assert night.paged("a") == ["0:00"]


# --- quiet ----------------------------------------------------------------------------------------------------------------------------
def test_it_is_over_when_none_of_them_has_repeated_for_long() -> None:
    night = house(HOUSE.replace("settings:", "settings:\n  default_policy: chain"))

    def push(*keys: str) -> None:
        seen = [night._seen(fields) for fields in cluster(*keys)]
        night._run(night.advance.alerts([replace(one, alert=replace(one.alert, integration="quiet")) for one in seen]))

    push("a", "b")
    for minute in range(10, 100, 10):
        night.until(f"{minute // 60}:{minute % 60:02}:00")
        push("b")
    assert night.state("a") is not State.RESOLVED
    assert night.incident("a").version < 20
    night.until("2:30:00")
    assert night.state("a") is State.RESOLVED
    assert 130 <= (night.incident("a").since - START).total_seconds() / 60 <= 141


# --- order ----------------------------------------------------------------------------------------------------------------------------
def test_a_late_trigger_whose_resolve_was_handled_first_joins_and_is_over() -> None:
    night = house()
    night.alert("a", **EU)
    late = night._seen({"dedup_key": "b", **EU})
    night.resolve("b", **EU)
    night._run(night.advance.alerts([late]))
    assert night.incident("b").number == night.incident("a").number
    assert night.incident("a").alerts == 2
    assert night.incident("a").still_fire == 1
    night.resolve("a", **EU)
    assert night.state("a") is State.RESOLVED


def test_what_came_into_a_group_is_counted_once_however_often_it_is_handed_over() -> None:
    night = house()
    seen = [night._seen({"dedup_key": key, **EU}) for key in "ab"]
    for _ in range(3):
        night._run(night.advance.alerts(seen))
    assert night.incident("a").alerts == 2
    assert night.incident("a").still_fire == 2
    assert night.store.members[1] == night.store.members[1][:2]


# --- with other rules -----------------------------------------------------------------------------------------------------------------
def with_rules(more: str) -> House:
    return house(HOUSE + more)


def test_a_group_below_a_threshold_pages_once_there_are_enough() -> None:
    night = with_rules("  threshold: [{name: three, match: {class: probe}, count: 3, within: 10m, by: [class]}]\n")
    probes = [{"dedup_key": key, "class": "probe", "labels": {"cluster": "eu-1", "host": key}} for key in "abc"]
    night.push(probes[0])
    night.until("1:00").push(probes[1])
    assert night.state("a") is State.SUPPRESSED
    assert night.incident("a").alerts == 2
    night.until("2:00").push(probes[2])
    night.until("2:01")
    assert night.state("a") is State.TRIGGERED
    assert len(night.pages) == 1


def test_repeats_of_any_of_a_groups_alerts_count_towards_a_threshold() -> None:
    night = with_rules("  threshold: [{name: three, match: {class: probe}, count: 3, within: 10m, by: [class]}]\n")
    probes = [{"dedup_key": key, "class": "probe", "labels": {"cluster": "eu-1", "host": key}} for key in "ab"]
    night.push(*probes)
    assert night.state("a") is State.SUPPRESSED
    night.until("1:00").push(probes[1])
    night.until("1:01")
    assert night.state("a") is State.TRIGGERED


INHIBIT = "  inhibit: [{name: down, if_open: {alertname: Down}, mute: {alertname: Slow}, equal: [labels.cluster]}]\n"


def named(key: str, alertname: str, **fields: object) -> dict[str, object]:
    return {"dedup_key": key, "labels": {"cluster": "eu-1", "alertname": alertname}, **fields}


def test_a_group_inhibits_others_from_when_such_an_alert_came_into_it_until_it_is_over() -> None:
    night = house(HOUSE.replace("by: [labels.cluster]", "by: [labels.cluster], match: {service: search}") + INHIBIT)
    night.push(named("x", "Other", service="search"))
    night.until("1:00").push(named("down", "Down", service="search"))
    night.push(named("slow", "Slow"))
    assert night.incident("x").number == night.incident("down").number
    assert night.state("slow") is State.SUPPRESSED
    night.until("2:00").push(
        named("x", "Other", service="search", action="resolve"), named("down", "Down", service="search", action="resolve")
    )
    night.until("3:00")
    assert night.state("slow") is State.TRIGGERED


def test_a_group_does_not_mute_itself() -> None:
    night = house(HOUSE + INHIBIT)
    night.push(named("slow", "Slow", severity="warning"))
    night.push(named("down", "Down"))
    night.look("slow")
    assert night.incident("slow").number == night.incident("down").number
    assert night.state("slow") is State.TRIGGERED


def test_one_that_may_heal_by_itself_wakes_nobody_and_is_said_when_it_did_not() -> None:
    night = with_rules("  pause: [{name: p, match: {class: net}, for: 3m}]\n")
    night.alert("a", severity="warning", **EU)
    night.say("a", "acknowledge")
    night.push(*cluster("b", "c", **{"class": "net"}))
    assert night.paged("a") == ["0:00"]
    night.until("2:00").resolve("b", **EU)
    night.until("4:00")
    assert night.paged("a") == ["0:00", "3:00"]


def test_alerts_of_a_group_do_not_flap() -> None:
    night = with_rules("  flap: {changes: 3, within: 10m, hold: 15m}\n")
    night.alert("a", **EU)
    for minute in range(1, 5):
        night.until(f"{minute}:00").push(*cluster("b"))
        night.until(f"{minute}:30").push(*cluster("b", action="resolve"))
    assert len(night.pages) == 1
    assert night.incident("a").still_fire == 1
    night.resolve("a", **EU)
    assert night.state("a") is State.RESOLVED


def test_nothing_of_a_group_stays_muted_for_longer_than_it_may() -> None:
    night = with_rules("  limits: {suppress_at_most: 30m}\n")
    night.hear(silence(end=600, cluster="eu-1"))
    night.push(*cluster("a"))
    night.until("3:00").push(*cluster("b"))
    night.until("29:00")
    assert night.pages == []
    night.until("31:00")
    assert len(night.pages) == 1


def test_what_its_route_makes_worse_pages_again_though_somebody_has_the_rest() -> None:
    night = house(HOUSE + "routes: [{name: live, match: {labels.env: live}, severity: critical}]\n")
    night.alert("a", severity="error", **EU)
    night.say("a", "acknowledge")
    live = {"cluster": "eu-1", "env": "live"}
    night.until("1:00").alert("b", severity="warning", labels=live)
    assert night.paged("a") == ["0:00", "1:00"]
    night.say("a", "acknowledge")
    night.until("2:00").alert("b", severity="critical", labels=live)
    night.until("3:00").alert("c", severity="critical", **EU)
    assert night.paged("a") == ["0:00", "1:00"], "it is as critical as it was"


def test_what_its_route_makes_of_one_is_no_rise_where_it_is_milder() -> None:
    night = house(HOUSE + "routes: [{name: dev, match: {labels.env: dev}, severity: warning}]\n")
    night.alert("a", severity="error", **EU)
    dev = {"cluster": "eu-1", "env": "dev"}
    night.until("1:00").alert("b", severity="critical", labels=dev)
    night.until("2:00").alert("a", severity="critical", **EU)
    assert night.paged("a") == ["0:00", "2:00"]


RECURRING = "  recurring: [{name: again, match: {class: probe}, after: 3 in 1h, severity: critical, by: [class]}]\n"


def test_alerts_that_come_into_a_group_count_as_recurring_too() -> None:
    night = with_rules(RECURRING)
    for minute, key in enumerate("ab"):
        night.until(f"{minute}:00").alert(key, severity="warning", **EU, **{"class": "probe"})
    night.say("a", "acknowledge")
    night.until("2:00").alert("c", severity="warning", **EU, **{"class": "probe"})
    assert night.paged("a") == ["0:00", "2:00"]
    assert night.incident("a").severity == "critical"
    assert texts(night, "a", "incident.raised") == ["warning becomes critical: 3 in 1h (recurring again)"]
    night.resolve("c", **EU)
    assert night.incident("a").severity == "warning"


def test_those_of_a_group_and_those_alone_count_together_as_recurring_also_within_a_batch() -> None:
    night = with_rules(RECURRING)
    probe = {"severity": "warning", "class": "probe"}
    night.push({"dedup_key": "x", **probe}, *cluster("a", "b", **probe))
    assert night.incident("b").severity == "critical"
    assert night.incident("x").severity == "warning"


def test_one_that_gets_worse_while_it_is_muted_pages_when_that_ends() -> None:
    night = house()
    night.alert("a", severity="warning", **EU)
    night.say("a", "acknowledge")
    night.hear(silence(host="b", end=20))
    for severity in ("warning", "critical"):
        night.push({"dedup_key": "b", "labels": {"cluster": "eu-1", "host": "b"}, "severity": severity})
    assert night.paged("a") == ["0:00"]
    night.until("20:00")
    assert night.paged("a") == ["0:00", "20:00"]


# --- the service ----------------------------------------------------------------------------------------------------------------------
BY_SERVICE = HOUSE.replace(
    "integrations: {", "integrations: {am: {kind: alertmanager, key: aaaaaaaaaaaaaaaaaaaa, service: search}, "
).replace("by: [labels.cluster]", "by: [service, labels.cluster]")


def push_from(night: House, integration: str, *alerts: dict[str, object]) -> None:
    seen = [night._seen(fields) for fields in alerts]
    night._run(night.advance.alerts([replace(one, alert=replace(one.alert, integration=integration)) for one in seen]))
    night._deliver()


def test_what_names_no_service_is_grouped_by_that_of_its_integration() -> None:
    night = house(BY_SERVICE)
    push_from(night, "am", *cluster("a", service=""), *cluster("b", service="nobody-knows"), *cluster("c", service="search"))
    push_from(night, "am", *cluster("d", service="checkout"))
    assert [night.incident(key).number for key in "abcd"] == [1, 1, 1, 2]
    assert night.incident("a").shared == {"service": "search", "cluster": "eu-1"}


def test_the_service_that_a_route_gives_groups_nothing() -> None:
    night = house(BY_SERVICE + "routes: [{name: moved, match: {labels.app: pay}, service: search}]\n")
    night.push(*cluster("a"), {"dedup_key": "b", "labels": {"cluster": "eu-1", "app": "pay"}})
    assert night.incident("a").number == night.incident("b").number


def test_a_worse_one_with_which_it_began_muted_pages_when_that_ends_though_a_milder_one_had_the_whole_paged() -> None:
    night = house()
    night.hear(silence_of("a", 20))
    night.push({"dedup_key": "a", "labels": {"cluster": "eu-1", "host": "a"}, "severity": "critical"})
    night.until("1:00").alert("b", severity="warning", **EU)
    night.say("b", "acknowledge")
    assert night.paged("a") == ["1:00"]
    night.until("20:00")
    assert night.paged("a") == ["1:00", "20:00"]
