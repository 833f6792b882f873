"""Which keys may be touched together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from pager.store.keys import Keys, StreamKeys, slot_of

TEXTS = st.text(max_size=8)


def slots(*keys: str) -> set[int]:
    return {key_slot(key.encode()) for key in keys}


def test_all_keys_of_a_shard_are_in_one_slot_of_a_cluster() -> None:
    keys = Keys("p3")
    fixed = (keys.deadlines, keys.resolved, keys.audit, keys.counts, *keys.outboxes)
    made = (
        keys.incident(1),
        keys.alert("s", "k"),
        keys.log(1),
        keys.policy("a"),
        keys.code("+1", "7K3M"),
        keys.once("x"),
        keys.sent(1, 2, 3),
    )
    assert len(slots(*fixed, *made, keys.worker("w1"), keys.refusals("+1"))) == 1
    assert slots(keys.deadlines) != slots(Keys("p4").deadlines)


@pytest.mark.parametrize("stream", ["pager:alerts", "{team-a}:alerts", "alerts", "a{b"])
def test_what_belongs_to_the_alerts_stream_is_in_its_slot(stream: str) -> None:
    keys = StreamKeys(stream)
    assert keys.stream == stream
    assert len(slots(stream, keys.dead, keys.retried, keys.worker("w1"))) == 1


def test_dead_letters_lie_beside_the_stream() -> None:
    assert StreamKeys("pager:alerts").dead == "{pager:alerts}:dead"


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_two_identities_never_share_a_record(scope: str, key: str, other_scope: str, other_key: str) -> None:
    keys = Keys()
    same = (scope, key) == (other_scope, other_key)
    assert (keys.alert(scope, key) == keys.alert(other_scope, other_key)) == same


def test_an_incidents_number_is_read_back_from_its_key() -> None:
    keys = Keys()
    assert keys.number_of(keys.incident(42)) == 42


@given(st.text(alphabet="ab{}:é", max_size=12))
def test_the_slot_of_a_key_is_that_of_the_server(key: str) -> None:
    assert slot_of(key) == key_slot(key.encode())
