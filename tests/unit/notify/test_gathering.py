"""What one message says in place of many notices."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.model.outgoing import Notice, TellKind
from pager.notify.gathering import may_wait, together
from pager.notify.sms import fits

RESOLVED, ACKNOWLEDGED = TellKind.RESOLVED, TellKind.ACKNOWLEDGED


def notice(number: int, kind: str = RESOLVED, channel: str = "sms", about: str = "db: disk full") -> Notice:
    text = f"#{number} {kind}. {about}."
    return Notice(number, kind, "ana", channel, "+34600000001", ("twilio",), text, thread=f"{number}-x", subject=f"[#{number}] {about}")


def test_many_of_one_kind_are_named_and_counted() -> None:
    said = together([notice(k, about=f"db: disk {k} is almost full, as it was yesterday") for k in range(1, 31)])
    assert said.text.startswith("30 incidents resolved: #1 db: disk 1 is almost full")
    assert said.text.endswith(f" and {30 - len(re.findall('#', said.text))} more.")
    assert (said.subject, said.thread, fits(said.text)) == ("30 incidents resolved", "", True)


def test_what_does_not_fit_is_counted() -> None:
    said = together([notice(k) for k in range(1000, 3000)])
    named = re.findall(r"#\d+", said.text)
    left = re.search(r" and (\d+) more\.$", said.text)
    assert left is not None
    assert len(named) + int(left[1]) == 2000
    assert fits(said.text)


def test_of_mixed_kinds_what_matters_most_comes_first() -> None:
    said = together([notice(1), notice(2, ACKNOWLEDGED), notice(3), notice(4, TellKind.NOBODY), notice(5, TellKind.NOT_RESOLVED)])
    assert said.text == (
        "NOBODY WAS PAGED for 1 incident: #4 db: disk full. 1 incident not resolved in time: #5 db: disk full. "
        "1 incident acknowledged, you are not needed: #2 db: disk full. 2 incidents resolved: #1 db: disk full; #3 db: disk full."
    )


def test_what_is_over_is_told_as_that_alone() -> None:
    said = together([notice(1, ACKNOWLEDGED), notice(2), notice(1), notice(3, ACKNOWLEDGED), notice(3, ACKNOWLEDGED)])
    assert (
        said.text
        == "1 incident acknowledged, you are not needed: #3 db: disk full. 2 incidents resolved: #2 db: disk full; #1 db: disk full."
    )


def test_what_is_left_alone_is_told_in_its_own_words() -> None:
    last = notice(1)
    assert together([notice(1, ACKNOWLEDGED), last]) == last


def test_where_there_is_room_each_has_a_line() -> None:
    said = together([notice(k, channel="email") for k in range(1, 101)])
    lines = said.text.splitlines()
    assert lines[:2] == ["100 incidents resolved:", "#1 db: disk full"]
    assert lines[-2].startswith("And #16, #17")
    assert lines[-1] == "And 25 more"


@pytest.mark.parametrize(("kind", "number", "waits"), [("resolved", 4, True), ("handoff", 0, False), ("handoff", 4, False), ("dead_letter", 0, False), ("wrong_codes", 0, False)])  # fmt: skip
def test_a_hand_off_waits_for_nothing(kind: str, number: int, waits: bool) -> None:
    assert may_wait(notice(number, kind)) is waits


def test_every_kind_that_the_machine_tells_may_wait() -> None:
    assert all(may_wait(notice(1, kind)) for kind in TellKind)


ABOUT = st.sampled_from(["db: disk full", "Reply 7K3M to acknowledge", "€" * 80, "x" * 300, ""])
NOTICES = st.lists(
    st.builds(notice, st.integers(1, 40), st.sampled_from(list(TellKind)), st.sampled_from(["sms", "voice", "chat"]), ABOUT),
    min_size=1,
    max_size=60,
)


@given(NOTICES)
def test_each_incident_is_named_or_counted_and_no_code_is_in_it(notices: list[Notice]) -> None:
    said = together(notices)
    numbers = {int(number) for number in re.findall(r"#(\d+)", said.text)}
    assert numbers <= {one.incident for one in notices}
    over = {one.incident for one in notices if one.kind == RESOLVED}
    wanted = {(one.kind, one.incident) for one in notices if one.kind == RESOLVED or one.incident not in over}
    if len(wanted) > 1:
        assert sum(map(int, re.findall(r"(\d+) incidents?\b", said.text))) == len(wanted)
        named = len(re.findall(r"#\d+", said.text))
        assert named == len(wanted) or "more" in said.text or re.search(r"\d incidents?[^:;#]*\.", said.text)
    if said.channel != "chat":
        assert len(wanted) == 1 or fits(said.text)
    assert len(wanted) == 1 or "Reply" not in said.text
