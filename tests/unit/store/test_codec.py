"""How values are stored, and how those of older releases are read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pager.model.alert import Alert, AlertRecord
from pager.model.event import Entry
from pager.model.incident import Incident
from pager.model.outgoing import LookUp, Notice, Outgoing, SendPage
from pager.model.policy import Policy
from pager.model.rota import Span
from pager.model.schedule import Override
from pager.model.snapshot import Code, UnreadableError
from pager.store import codec
from pager.store.codec import Codec
from tests.unit.store.any_value import any_of

# As the first schema wrote it. It must be readable for ever: never change it to fit the code.
OLD_CODE = b"3 1 \x95\xac+34600000001\xa47K3M*\x01\xa3ana"


class Since(msgspec.Struct, frozen=True, array_like=True):
    """Code as a later release might have it: the user comes first, and an expiry was added."""

    user: str
    address: str
    code: str
    incident: int
    seq: int
    uses: int


def test_a_value_of_the_first_schema_is_read() -> None:
    assert codec.codes.decode_versioned(OLD_CODE) == (Code("+34600000001", "7K3M", 42, 1, "ana"), 3)


def test_a_value_begins_with_its_version_so_that_scripts_can_compare_it() -> None:
    stored = codec.codes.encode(Code("+1", "7K3M", 42, 1, "ana"), version=17)
    assert stored.startswith(codec.prefix(17))
    assert not stored.startswith(codec.prefix(1))


def test_an_old_value_goes_through_every_upgrade_in_turn() -> None:
    def user_first(old: list[Any]) -> list[Any]:
        return [old[4], *old[:4]]

    later: Codec[Since] = Codec(Since, schema=3, upgrades={1: user_first, 2: lambda old: [*old, 0]})
    assert later.decode(OLD_CODE) == Since("ana", "+34600000001", "7K3M", 42, 1, 0)
    assert later.decode(later.encode(Since("bo", "+1", "A1", 1, 1, 5))) == Since("bo", "+1", "A1", 1, 1, 5)


def test_a_value_from_a_newer_release_is_refused_in_words() -> None:
    later: Codec[Code] = Codec(Code, schema=2)
    with pytest.raises(UnreadableError, match=r"Code has schema 2, this release knows up to 1: run the newer release"):
        codec.codes.decode(later.encode(Code("+1", "A1", 1, 1, "ana")))


def test_a_value_that_no_upgrade_leads_from_is_refused_in_words() -> None:
    later: Codec[Code] = Codec(Code, schema=3, upgrades={2: lambda old: old})
    with pytest.raises(UnreadableError, match="upgrade in smaller steps"):
        later.decode(OLD_CODE)


def _user_first(old: list[Any]) -> list[Any]:
    return [old[4], *old[:4], 0]


def _user_last(new: list[Any]) -> list[Any]:
    return [*new[1:5], new[0]]


def test_a_schema_is_read_a_release_before_it_is_written() -> None:
    present: Codec[Code] = Codec(Code)
    following: Codec[Since] = Codec(Since, schema=2, upgrades={1: _user_first}, downgrade=_user_last)
    after_that: Codec[Since] = Codec(Since, schema=2, upgrades={1: _user_first})
    code, since = Code("+34600000001", "7K3M", 42, 1, "ana"), Since("ana", "+34600000001", "7K3M", 42, 1, 0)
    assert following.decode_versioned(present.encode(code, 3)) == (since, 3)
    assert present.decode_versioned(following.encode(since, 4)) == (code, 4)
    assert following.decode_versioned(after_that.encode(since, 5)) == (since, 5)
    assert after_that.decode_versioned(following.encode(since, 6)) == (since, 6)


def test_what_the_older_schema_has_no_room_for_is_not_lost() -> None:
    following: Codec[Since] = Codec(Since, schema=2, upgrades={1: _user_first}, downgrade=_user_last)
    used = Since("ana", "+34600000001", "7K3M", 42, 1, 5)
    assert following.decode(following.encode(used)) == used
    with pytest.raises(UnreadableError, match="run the newer release"):
        codec.codes.decode(following.encode(used))


@given(any_of(Incident))
def test_incidents_of_the_next_release_are_read_by_this_one(incident: Incident) -> None:
    following: Codec[Incident] = Codec(Incident, schema=2, upgrades={1: lambda old: old}, downgrade=lambda new: new)
    assert codec.incidents.decode(following.encode(incident)) == incident


@pytest.mark.parametrize("damaged", [b"", b"3", b"3 1 ", b"x 1 \x95", b"3 1 \x95\xac", b"3 1 \x91\x01"])
def test_a_damaged_value_is_refused_in_words(damaged: bytes) -> None:
    with pytest.raises(UnreadableError, match="stored Code is damaged"):
        codec.codes.decode(damaged)


def test_the_version_in_front_is_the_one_that_counts() -> None:
    stored = codec.records.encode(AlertRecord(alert=Alert(scope="s", dedup_key="k"), version=4), version=5)
    assert codec.record_of(stored).version == 5


@given(any_of(AlertRecord))
def test_records_come_back_as_they_were(record: AlertRecord) -> None:
    assert codec.records.decode(codec.records.encode(record)) == record


@given(any_of(Incident))
def test_incidents_come_back_as_they_were(incident: Incident) -> None:
    assert codec.incidents.decode(codec.incidents.encode(incident)) == incident


@given(any_of(Incident))
def test_incidents_of_the_release_before_have_taken_no_turn(incident: Incident) -> None:
    version, schema, body = codec.incidents.encode(incident, 7).split(b" ", 2)
    known = Incident.__struct_fields__.index("turns")
    before = msgspec.msgpack.encode(msgspec.msgpack.decode(body)[:known])
    since = {
        field.name: field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        for field in msgspec.structs.fields(Incident)[known:]
    }
    assert codec.incident_of(b" ".join((version, schema, before))) == replace(incident, version=7, **since)


@given(st.text(), any_of(Override))
def test_overrides_come_back_as_they_were(schedule: str, override: Override) -> None:
    assert codec.overrides.decode(codec.overrides.encode((schedule, override))) == (schedule, override)


@given(st.lists(any_of(Span), max_size=3).map(tuple))
def test_calendars_come_back_as_they_were(spans: tuple[Span, ...]) -> None:
    assert codec.calendars.decode(codec.calendars.encode(spans)) == spans


@given(any_of(Policy))
def test_policies_come_back_as_they_were(policy: Policy) -> None:
    assert codec.policies.decode(codec.policies.encode(policy)) == policy


@given(any_of(Code))
def test_codes_come_back_as_they_were(code: Code) -> None:
    assert codec.codes.decode(codec.codes.encode(code)) == code


@given(any_of(SendPage) | any_of(LookUp) | any_of(Notice))
def test_what_goes_out_comes_back_as_it_was(item: Outgoing) -> None:
    assert codec.outgoing.decode(codec.outgoing.encode(item)) == item


@given(st.lists(any_of(Entry), max_size=3).map(tuple))
def test_what_was_said_comes_back_as_it_was(entries: tuple[Entry, ...]) -> None:
    assert codec.entries.decode(codec.entries.encode(entries)) == entries
