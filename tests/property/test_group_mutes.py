"""Groups and silences: whatever comes and whatever is silenced, a group is muted only while each of its open alerts is, one that is muted wakes nobody as it
comes, and once the silences are over whatever still fires has been paged for."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.model.alert import Severity
from pager.model.condition import Condition, Term
from pager.model.incident import State
from pager.model.mute import Silence
from pager.model.snapshot import Identity
from tests.house import House
from tests.night import START

HOUSE = """
settings: {timezone: UTC, default_policy: chain, catch_all: {notify: ["user:ana"], every: 20m}}
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: [twilio]}
users: {ana: {name: Ana, contact: {sms: "+12125550001"}}}
policies: {chain: {stages: [{notify: ["user:ana"], via: [sms], ack_timeout: 15m}]}}
noise: {group: [{name: all, by: [labels.cluster], window: 1h}]}
"""
HOSTS = ("a", "b", "c")
LATE = 120  # minutes: all silences are over


class Act(msgspec.Struct, frozen=True):
    minute: int
    host: str
    what: str
    severity: str


acts = st.builds(
    Act,
    st.integers(0, 50),
    st.sampled_from(HOSTS),
    st.sampled_from(("trigger", "trigger", "resolve", "acknowledge by a person")),
    st.sampled_from(("critical", "error", "warning")),
)
spans = st.tuples(st.sampled_from(HOSTS), st.integers(0, 50), st.integers(1, 60))


def silence(number: int, span: tuple[str, int, int]) -> Silence:
    host, begins, lasts = span
    start = START + timedelta(minutes=begins)
    condition = Condition(terms=(Term("labels.host", (host,)),))
    return Silence(id=f"s{number}", condition=condition, start=start, end=start + timedelta(minutes=lasts), by="ana", said_at=START)


def silenced(host: str, minute: float, given: list[tuple[str, int, int]]) -> bool:
    return any(of == host and begins <= minute < begins + lasts for of, begins, lasts in given)


def firing(night: House) -> dict[str, int]:
    """The open alerts, with their incidents."""
    records = {host: night.store.record(Identity("stream", host)) for host in HOSTS}
    return {
        host: record.incident
        for host, record in records.items()
        if record is not None and record.open and night.store.incidents[record.incident].is_open
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(acts, min_size=1, max_size=10), st.lists(spans, max_size=4))
def test_a_group_is_muted_only_while_all_of_it_is_and_pages_in_the_end(story: list[Act], given: list[tuple[str, int, int]]) -> None:
    night = House(HOUSE)
    night.hear(*(silence(k, span) for k, span in enumerate(given)))
    for act in sorted(story, key=lambda act: act.minute):
        night.until(f"{act.minute}:30")
        paged, open_before = len(night.pages), firing(night)
        if act.what == "acknowledge by a person":
            if act.host in open_before:
                night.say(act.host, "acknowledge")
            continue
        worst_before = {number: night.store.incidents[number].worst for number in open_before.values()}
        labels = {"cluster": "eu-1", "host": act.host}
        night.push({"dedup_key": act.host, "severity": act.severity, "action": act.what, "labels": labels})
        if act.what == "trigger" and act.host not in open_before and silenced(act.host, act.minute + 0.5, given):
            assert len(night.pages) == paged, "it is muted as it comes"
        open_now = firing(night)
        if act.what == "trigger" and open_now[act.host] in worst_before and not silenced(act.host, act.minute + 0.5, given):
            worse = Severity(act.severity).worse_than(worst_before[open_now[act.host]])
            assert len(night.pages) > paged or not worse, "worse than anybody was paged for, and nobody is"
        for host, number in open_now.items():
            if night.store.incidents[number].state is State.SUPPRESSED:
                assert silenced(host, act.minute + 0.5, given), f"{host} is muted by nothing"
    night.until(f"{LATE // 60}:00:00")
    worst: dict[int, list[Severity]] = {}
    for host, number in firing(night).items():
        incident = night.store.incidents[number]
        assert incident.state is not State.SUPPRESSED
        if incident.state is State.ACKNOWLEDGED and not incident.paged:
            continue  # somebody took it, muted as it was
        assert incident.paged, "nobody was ever paged"
        worst.setdefault(number, []).append(night.store.records[Identity("stream", host)].alert.severity)
    for number, severities in worst.items():
        assert not any(severity.worse_than(night.store.incidents[number].worst) for severity in severities), (
            "worse than anybody was paged for"
        )
