"""Mutes of all kinds, in any order and at any time: held against intervals that are worked out here, apart from the code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.conditions.matchers import read_matcher
from pager.model.condition import Condition
from pager.model.incident import DeadlineKind, Incident, State
from pager.model.mute import Silence
from tests.house import House
from tests.night import START, clock, span
from tests.payments import PAYMENTS

RULES = """
noise:
  inhibit: [{name: down, if_open: {alertname: Down}, mute: {alertname: Slow}, equal: [labels.cluster]}]
  pause: [{name: transient, match: {severity: warning}, for: 130s}]
  maintenance: [{name: patch, match: {cluster: us}, hours: {from: "01:10", to: "01:20"}}]
  limits: {suppress_at_most: 6h}
"""
AT_MOST, GRACE, STEP = timedelta(hours=6), timedelta(seconds=30), timedelta(seconds=20)
PATCH = (START + timedelta(minutes=10), START + timedelta(minutes=20))
WAIT = timedelta(seconds=130)
ASIDE = timedelta(seconds=5)
"""What is done, and what ends by itself, never falls on the same instant: there either may come first."""
ALERTS: dict[str, dict[str, Any]] = {
    f"{name}-{cluster}-{severity}": {"severity": severity, "labels": {"alertname": name, "cluster": cluster}}
    for name, severity in (("Down", "warning"), ("Down", "critical"), ("Slow", "critical"), ("Slow", "warning"))
    for cluster in ("eu", "us")
}
MATCHERS = (("cluster=eu",), ("alertname=~S.*", "severity!=warning"), ("alertname=Down",))
KEYS = st.sampled_from(sorted(ALERTS))


def hits(matchers: Sequence[str], key: str) -> bool:
    name, cluster, severity = key.split("-")
    return {
        MATCHERS[0]: cluster == "eu", MATCHERS[1]: name == "Slow" and severity != "warning", MATCHERS[2]: name == "Down",
    }[tuple(matchers)]  # fmt: skip


def silence(which: int, id_: str, start: datetime, end: datetime, said_at: datetime) -> Silence:
    condition = Condition(terms=tuple(map(read_matcher, MATCHERS[which])))
    return Silence(id=id_, condition=condition, start=start, end=end, by="ana", said_at=said_at)


# --- the order of arrival ---------------------------------------------------------------------------------------------------------------
@settings(max_examples=20, deadline=None)
@given(keys=st.sets(KEYS, min_size=2, max_size=6), said=st.sets(st.integers(0, 2), max_size=2), data=st.data())
def test_the_same_alerts_and_silences_end_as_the_same_muted_in_whatever_order_they_come(
    keys: set[str], said: set[int], data: st.DataObject
) -> None:
    end = START + timedelta(hours=3)
    silences = {f"silence {k}": silence(k, str(k), START, end, START) for k in said}
    orders = [data.draw(st.permutations(sorted([*keys, *silences]))) for _ in range(2)]
    assert _muted_after(orders[0], silences) == _muted_after(orders[1], silences) == _muted_by_reason(keys, said)


def _muted_after(order: Sequence[str], silences: dict[str, Silence]) -> set[str]:
    h, heard = House(PAYMENTS + RULES), list[Silence]()
    for what in order:
        if what in silences:
            h.hear(*(heard := [*heard, silences[what]]))
            h.look_around()
        else:
            h.alert(what, **ALERTS[what])
    h.until("8:00")  # whatever was paged before its mute came has met it by now
    return {what for what in order if what in ALERTS and h.state(what) is State.SUPPRESSED}


def _muted_by_reason(keys: set[str], said: set[int]) -> set[str]:
    """After the pauses, and before the maintenance."""
    down = {key.split("-")[1] for key in keys if key.startswith("Down")}
    return {
        key for key in keys if (key.startswith("Slow") and key.split("-")[1] in down) or any(hits(MATCHERS[k], key) for k in said)
    }  # fmt: skip


# --- any time ---------------------------------------------------------------------------------------------------------------------------
class Story(msgspec.Struct):
    """What was done, as intervals: half open, None: still so."""

    firing: dict[str, list[list[datetime | None]]] = {}
    silences: dict[str, tuple[int, Silence]] = {}

    def is_firing(self, key: str) -> bool:
        return bool(self.firing.get(key)) and self.firing[key][-1][1] is None

    def muted(self, key: str, at: datetime, opened: datetime) -> bool:
        name, cluster, severity = key.split("-")
        source = any(
            begin is not None and begin <= at and (end is None or at < end)
            for other, spells in self.firing.items()
            for begin, end in spells
            if name == "Slow" and other.startswith(f"Down-{cluster}-")
        )
        said = any(hits(MATCHERS[k], key) and one.start <= at < one.end for k, one in self.silences.values())
        patched = cluster == "us" and PATCH[0] <= at < PATCH[1]
        return source or said or patched or (severity == "warning" and at < opened + WAIT)

    def edges(self, until: datetime) -> list[datetime]:
        found = {*PATCH, until}
        for spells in self.firing.values():
            for begin, end in spells:
                assert begin is not None
                found |= {begin, begin + WAIT, end or until}
        for _, one in self.silences.values():
            found |= {one.start, one.end}
        return sorted(at for at in found if at <= until)

    def stretches(self, key: str, begin: datetime, end: datetime) -> list[tuple[datetime, datetime, bool]]:
        """The time of one spell of firing, cut where it becomes muted or ceases to be."""
        found: list[tuple[datetime, datetime, bool]] = []
        edges = [begin, *(at for at in self.edges(end) if begin < at < end), end]
        for start, stop in pairwise(edges):
            muted = self.muted(key, start, begin)
            if found and found[-1][2] is muted:
                found[-1] = (found[-1][0], stop, muted)
            else:
                found.append((start, stop, muted))
        return found


ACTIONS = st.one_of(
    st.tuples(st.just("alert"), KEYS),
    st.tuples(st.just("alert"), KEYS),
    st.tuples(st.just("resolve"), KEYS),
    st.tuples(st.just("silence"), st.integers(0, 2), st.integers(0, 9), st.integers(1, 30)),
    st.tuples(st.just("end"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.integers(1, 20)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS, min_size=3, max_size=14))
def test_what_still_fires_pages_within_the_grace_of_its_last_mute_and_is_never_without_a_page_or_a_reason(actions: list[Any]) -> None:
    h, story = House(PAYMENTS + RULES), Story()
    h.until("0:05")
    for action in actions:
        h.until(_at(h.clock.now + STEP))
        _do(h, story, action)
        h.until(_at(h.clock.now))
        h.look_around()
        _nobody_is_forgotten(h, story)
    end = h.clock.now + timedelta(minutes=30)
    while h.clock.now < end:
        h.until(_at(h.clock.now + timedelta(minutes=3)))
        h.look_around()
        _nobody_is_forgotten(h, story)
    for key in story.firing:
        _paged_when_due(h, story, key)


def _at(moment: datetime) -> str:
    total = int((moment - START).total_seconds())
    return f"{total // 3600}:{total % 3600 // 60:02}:{total % 60:02}"


def _do(h: House, story: Story, action: Any) -> None:
    now = h.clock.now
    match action:
        case ("alert", key):
            h.alert(key, **ALERTS[key])
            if not story.is_firing(key):
                story.firing.setdefault(key, []).append([now, None])
        case ("resolve", key):
            h.resolve(key)
            if story.is_firing(key):
                story.firing[key][-1][1] = now
        case ("silence", which, delay, length):
            id_, start = str(len(story.silences) + 1), now + delay * STEP + (ASIDE if delay else timedelta(0))
            story.silences[id_] = (which, silence(which, id_, start, now + (delay + length) * STEP + ASIDE, now))
        case ("end", k) if k < len(story.silences):
            id_ = str(k + 1)
            which, one = story.silences[id_]
            if one.end > now:
                story.silences[id_] = which, msgspec.structs.replace(one, start=min(one.start, now), end=now)
        case ("wait", steps):
            h.until(_at(now + steps * STEP))
        case _:
            pass
    h.hear(*(one for _, one in story.silences.values()))


def _nobody_is_forgotten(h: House, story: Story) -> None:
    """An alert that fires is paged for, or muted by something that has an end, and a deadline looks after it."""
    for key in filter(story.is_firing, story.firing):
        incident = h.incident(key)
        assert h.store.scores[incident.number] / 1000 >= h.clock.now.timestamp(), "looked at in time"
        if incident.state is State.SUPPRESSED:
            [deadline] = [d for d in incident.deadlines if d.kind is DeadlineKind.SUPPRESSED]
            assert incident.mute is not None
            assert incident.muted_at is not None
            assert incident.reason.startswith(incident.mute.reason)
            assert h.clock.now < deadline.at <= incident.muted_at + AT_MOST
            assert h.store.scores[incident.number] / 1000 <= deadline.at.timestamp()
        else:
            assert _pages(h, incident)
            assert not story.muted(key, h.clock.now, incident.opened_at), "what begins to mute after the page is seen by now"


def _pages(h: House, incident: Incident) -> list[datetime]:
    """Since it opened."""
    found = [START + span(at) for at in h.paged(incident.dedup_key)]
    return [at for at in found if at >= incident.opened_at]


def _paged_when_due(h: House, story: Story, key: str) -> None:
    for begin, end in story.firing[key]:
        assert begin is not None
        pages = [at for at in (START + span(shown) for shown in h.paged(key)) if begin <= at < (end or h.clock.now)]
        for start, stop, muted in story.stretches(key, begin, end or h.clock.now):
            inside = [clock(at - START) for at in pages if start < at < stop]
            if muted:
                assert inside == [], f"{key} was paged while muted from {start} to {stop}"
            elif stop - start > GRACE and (not any(at < start for at in pages) or _was_held(h, key, begin, start)):
                assert any(start <= at <= start + GRACE for at in pages), f"{key} was not paged from {start} on"


def _was_held(h: House, key: str, opened: datetime, at: datetime) -> bool:
    """Whether it stood suppressed when its last mute ended; one that was paged before, and met no mute meanwhile, goes on as it was."""
    [number] = [n for n, incident in h.store.incidents.items() if incident.dedup_key == key and incident.opened_at == opened]
    said = [e for e in h.store.logs[number] if e.event in ("incident.suppressed", "incident.unmuted") and e.at < at]
    return bool(said) and said[-1].event == "incident.suppressed"
