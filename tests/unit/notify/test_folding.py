"""What one message says that speaks for several incidents."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from pager.model.alert import Severity
from pager.notify.folding import Told, folded_sms, spoken_for
from pager.notify.sms import fits, segments
from tests.night import Night, config_of
from tests.payments import PAYMENTS

CODE = "7K3M"


def waiting(count: int, critical: int, storm: str = "") -> list[Told]:
    night = Night(config_of(PAYMENTS))
    night.alert(severity="error")
    record = night.snapshot.record
    assert record is not None
    page = night.sent[0].page
    told = [
        Told(
            replace(
                night.incident,
                number=1000 + k,
                severity=Severity.CRITICAL if k < critical else Severity.ERROR,
                storm="storm:checkout" if storm and k == count - 1 else "",
                storm_words=storm if k == count - 1 else "",
            ),
            record,
            page,
        )
        for k in range(count)
    ]
    return told


@pytest.mark.parametrize("count", [5, 60, 400])
@pytest.mark.parametrize("late", [None, timedelta(minutes=7)])
def test_that_it_storms_is_said_however_many_there_are(count: int, late: timedelta | None) -> None:
    text = folded_sms(waiting(count, 3, "212 alerts of 14 services in 3m; first: disk full"), CODE, late)
    assert "STORM, one page for all: 212 alerts of 14 services" in text
    assert {"#1000", "#1001", "#1002"} <= set(re.findall(r"#\d+", text)), "and every critical one is named"
    assert ("late by 7m" in text) is (late is not None)
    assert text.endswith(f"Reply {CODE} to acknowledge all {count}")
    assert fits(text)


def test_what_is_critical_is_named_before_that_it_storms_is_said() -> None:
    full = waiting(40, 40, "212 alerts of 14 services in 3m; first: disk full")
    text = folded_sms(full, CODE, None)
    assert fits(text)
    assert {f"#{1000 + k}" for k in range(40)} <= set(re.findall(r"#\d+", text))


@pytest.mark.parametrize("critical", [60, 120, 500])
def test_a_message_grows_for_what_is_critical_and_what_it_still_can_not_name_waits(critical: int) -> None:
    told = spoken_for(waiting(critical + 100, critical, "212 alerts of 14 services in 3m; first: disk full"), roomy=False)
    text = folded_sms(told, CODE, timedelta(hours=2))
    named = set(re.findall(r"#\d+", text))
    assert {f"#{one.incident.number}" for one in told if one.is_critical} <= named
    assert segments(text).count in range(4, 9)
    assert len(named) == min(critical, len(named)) >= min(critical, 130), "and nothing else is"
    assert (len(told) == critical + 100) is (critical <= 120)
    assert "late by 2h" in text
