"""Order does not matter: whatever the order in which entries of one identity are handled, and however often, the outcome is that of their ids."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pager.model.alert import Action, Alert, AlertRecord, Severity
from pager.model.event import AlertSeen
from pager.noise.dedup import Meaning, judge, only_repeats

NOW = datetime(2026, 6, 2, tzinfo=UTC)
OPENING = (Meaning.OPENS, Meaning.OPENS_ACKNOWLEDGED, Meaning.OPENS_RESOLVED)

actions = st.lists(st.sampled_from([Action.TRIGGER, Action.RESOLVE]), min_size=1, max_size=8)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[AlertSeen], list[AlertSeen]]:
    """Entries in order of their ids, and the same as they might be handled: shuffled, some of them twice."""
    entries = [AlertSeen(Alert(scope="s", dedup_key="k", action=a, summary=f"{k}"), (1, k)) for k, a in enumerate(draw(actions))]
    again = draw(st.lists(st.sampled_from(entries), max_size=3))
    return entries, draw(st.permutations([*entries, *again]))


def handle(entries: list[AlertSeen]) -> tuple[AlertRecord, list[Meaning]]:
    record: AlertRecord | None = None
    meanings = []
    for number, seen in enumerate(entries, start=1):
        verdict = judge(record, seen, NOW)
        record = verdict.record
        meanings.append(verdict.meaning)
        if verdict.meaning in OPENING:
            record = AlertRecord(**{**{f: getattr(record, f) for f in record.__struct_fields__}, "incident": number})
    assert record is not None
    return record, meanings


@given(deliveries())
def test_open_or_closed_is_as_if_handled_in_order(given: tuple[list[AlertSeen], list[AlertSeen]]) -> None:
    in_order, shuffled = given
    assert handle(shuffled)[0].open == handle(in_order)[0].open


@given(deliveries())
def test_an_open_alert_shows_its_newest_trigger(given: tuple[list[AlertSeen], list[AlertSeen]]) -> None:
    in_order, shuffled = given
    record, _ = handle(shuffled)
    if record.open:
        newest = [s for s in in_order if s.alert.action is Action.TRIGGER][-1]
        assert record.alert.summary == newest.alert.summary


@given(deliveries())
def test_an_entry_handed_over_twice_is_applied_once(given: tuple[list[AlertSeen], list[AlertSeen]]) -> None:
    in_order, shuffled = given
    _, meanings = handle(shuffled)
    assert len([m for m in meanings if m is not Meaning.REDELIVERED]) == len(in_order)


@given(deliveries())
def test_each_trigger_ends_in_an_incident(given: tuple[list[AlertSeen], list[AlertSeen]]) -> None:
    _, shuffled = given
    record, meanings = handle(shuffled)
    triggers = {s.entry for s in shuffled if s.alert.action is Action.TRIGGER}
    assert bool(record.incident) == bool(triggers)
    assert any(m in OPENING for m in meanings) == bool(triggers)


@given(
    st.lists(st.tuples(st.sampled_from([*Action, Action.TRIGGER]), st.sampled_from(list(Severity)[:2])), min_size=2, max_size=6),
    st.randoms(use_true_random=False),
)
def test_what_is_called_only_repeats_is_only_counted(given: list[tuple[Action, Severity]], chance: Random) -> None:
    alerts = [Alert(scope="s", dedup_key="k", action=action, severity=severity, summary="x") for action, severity in given]
    entries = [AlertSeen(alert, (1, k)) for k, alert in enumerate(alerts)]
    chance.shuffle(entries)
    record, meanings = handle(entries)
    for k in range(1, len(entries)):
        if only_repeats(handle(entries[:k])[0], entries[k:]):
            assert {*meanings[k:]} == {Meaning.REPEATS}
            assert record.open
