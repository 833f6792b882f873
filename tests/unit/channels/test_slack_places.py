"""What is an address in Slack, and which kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.channels.slack import _read
from pager.channels.slack_places import Place, place


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("slack:U0ANA", Place(user="U0ANA")),
        ("slack:W0ANA", Place(user="W0ANA")),
        ("#payments", Place(name="#payments")),
        ("slack:#payments", Place(name="#payments")),
        ("#pagos-ñ_1", Place(name="#pagos-ñ_1")),
        ("C0PAY", Place(channel="C0PAY")),
        ("slack:C0PAY", Place(channel="C0PAY")),
        ("G0PAY", Place(channel="G0PAY")),
        ("D0ANA", Place(channel="D0ANA")),
    ],
)
def test_an_address_is_a_person_a_channels_name_or_an_id(address: str, found: Place) -> None:
    assert place(address) == found


@pytest.mark.parametrize(
    "address",
    ["", "#", "slack:", "U0ANA", "slack:u0ana", "slack:U", "slack:slack:C0PAY", "@ana", "C0pay", "C0PAY ", "C0PAY\n", "#a b", "#a#b", "#<!channel>",
     "#a,#b", "slack:U0ANA,U0BO", "#" + "x" * 81, "C" + "0" * 31, "email:ana@example.com", "+14155550100"],
)  # fmt: skip
def test_anything_else_is_none(address: str) -> None:
    assert place(address) is None


@given(st.text(max_size=30) | st.text("#slack:UCD0<!>@, \n", max_size=12))
def test_what_is_an_address_is_one_thing_and_calls_nobody(address: str) -> None:
    found = place(address)
    if found is not None:
        assert [bool(found.name), bool(found.channel), bool(found.user)].count(True) == 1
        assert not set("<>&,@| \n") & set(address)


@pytest.mark.parametrize(
    ("receipt", "read"),
    [
        ("C0PAY:1700000000.000100", ("C0PAY", "1700000000.000100")),
        ("D0ANA:1.2", ("D0ANA", "1.2")),
        *((odd, ("", "")) for odd in ("", ":", "C0PAY", "C0PAY:", ":1.2", "#payments:1.2", "slack:U0ANA:1.2", "memory-1", "SM0123")),
    ],
)
def test_a_receipt_names_a_channel_and_a_message(receipt: str, read: tuple[str, str]) -> None:
    assert _read(receipt) == read
