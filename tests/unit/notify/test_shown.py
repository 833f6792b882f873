"""Who is on call, as Slack shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.model.person import Person
from pager.notify.clock import from_to, when
from pager.notify.shown import MOST, members, merged, topic_part
from pager.oncall.crews import Crew

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
D = timedelta(days=1)
PEOPLE = {
    "ana": Person(id="ana", name="Ana Ruiz", contact={"chat": "slack:U0ANA"}),
    "ben": Person(id="ben", name="Ben | the second", contact={"chat": "slack:U0BEN"}),
    "dora": Person(id="dora", name="Dora"),
}


def part(*users: str, lasts: timedelta | None = 7 * D, zone: str = "Europe/Madrid") -> str:
    return topic_part(Crew(MONDAY, MONDAY + lasts if lasts else None, users), PEOPLE, zone)[0]


def test_the_topic_says_who_and_until_when_and_the_date_where_the_weekday_says_too_little() -> None:
    assert part("ana") == "On call: Ana Ruiz until Mon 09:00 CET"
    assert part("ana", lasts=14 * D) == "On call: Ana Ruiz until Mon 19 Jan 09:00 CET"
    assert part("ana", "ben") == "On call: Ana Ruiz, Ben / the second until Mon 09:00 CET"
    assert part() == "On call: nobody until Mon 09:00 CET"
    assert part("ana", lasts=None) == "On call: Ana Ruiz"
    assert part("ana", zone="America/Sao_Paulo") == "On call: Ana Ruiz until Mon 05:00 UTC-03"


def test_members_are_in_a_fixed_order_and_who_has_no_chat_is_named() -> None:
    assert members(("ben", "dora", "ana"), PEOPLE) == (("U0ANA", "U0BEN"), ("dora",))
    assert members(("gone",), PEOPLE) == ((), ("gone",))


@pytest.mark.parametrize(
    ("there", "then"),
    [
        ("", "On call: Ana"),
        ("On call: Ben until Mon 09:00 CET", "On call: Ana"),
        ("Payments | wiki", "On call: Ana | Payments | wiki"),
        ("On call: Ben until Mon 09:00 CET | Payments | wiki", "On call: Ana | Payments | wiki"),
        ("Payments | On call: Ben | wiki", "Payments | On call: Ana | wiki"),
    ],
)
def test_what_people_wrote_stays_where_they_put_it(there: str, then: str) -> None:
    assert merged(there, ("On call: Ana",)) == then


@given(st.text(max_size=MOST), st.text(alphabet="abc ", max_size=30), st.text(alphabet="abc ", max_size=30))
def test_a_topic_is_never_too_long_and_loses_nothing_that_people_wrote(there: str, first: str, second: str) -> None:
    one = merged(there, (f"On call: {first}",))
    if one is None:
        assert len(there) + len(f"On call: {first} | ") > MOST
        return
    assert len(one) <= MOST
    two = merged(one, (f"On call: {second}",))
    if two is not None and not there.startswith("On call: ") and " | On call: " not in there:
        assert two == (f"On call: {second} | {there}" if there.strip() else f"On call: {second}")


def test_a_time_over_the_change_of_the_clocks_says_both() -> None:
    spring = datetime(2026, 3, 28, 8, tzinfo=UTC)
    assert from_to(spring, spring + 2 * D, "Europe/Madrid") == "Sat 28 Mar 09:00 CET to Mon 30 Mar 10:00 CEST"
    assert from_to(MONDAY, MONDAY + 7 * D, "Europe/Madrid") == "Mon 5 Jan 09:00 to Mon 12 Jan 09:00 CET"
    assert from_to(MONDAY, MONDAY + timedelta(hours=8), "UTC") == "Mon 5 Jan 08:00 to 16:00 UTC"
    assert from_to(MONDAY, None, "Asia/Kolkata") == "from Mon 5 Jan 13:30 IST"
    assert when(MONDAY, "UTC", date=False) == "Mon 08:00 UTC"
