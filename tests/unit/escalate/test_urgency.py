"""Low urgency lets people sleep: it waits for the morning, and is high when nobody looked in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pager.escalate.urgency import AT_MOST, after
from pager.model.alert import Urgency
from pager.model.event import Look
from pager.model.hours import Hours
from pager.model.incident import DeadlineKind, Phase, State
from pager.model.mute import MuteKind
from pager.notify.wording import muted_words
from pager.oncall.memo import Windows
from tests.night import Night, config_of
from tests.payments import PAYMENTS

MADRID = """
settings:
  timezone: Europe/Madrid
  catch_all: {{notify: ["user:boss"], every: 10m}}
  ladder: {{high: [{{via: [sms]}}], low: [{{via: [email]}}]}}
  {digest}
providers: {{twilio: {{account_sid: a, auth_token: b, from: "+1"}}, email: {{smtp: "smtp://localhost"}}}}
channels: {{sms: [twilio], email: [email]}}
users:
  ana: {{name: Ana, contact: {{sms: "+34600000001", email: ana@example.com}}}}
  ben: {{name: Ben, contact: {{sms: "+34600000002", email: ben@example.com}}}}
  boss: {{name: Boss, contact: {{sms: "+34600000003", email: boss@example.com}}}}
policies:
  p: {{stages: [{{notify: ["user:ana"], ack_timeout: {timeout}}}, {{notify: ["user:ben"], ack_timeout: {timeout}}}]}}
services:
  shop: {{policy: p, support_hours: {{days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00"}}}}
  plain: {{policy: p}}
  calm: {{policy: p, urgency: low}}
  loud: {{policy: p, urgency: high, support_hours: {{from: "09:00", to: "17:00"}}}}
  never: {{policy: p, support_hours: {{from_date: 2020-01-01, to_date: 2020-01-02}}}}
routes:
  - {{name: quiet, match: {{class: quiet}}, urgency: low}}
  - {{name: pressing, match: {{class: pressing}}, urgency: high}}
noise: {{silence: [], {noise}}}
"""
NIGHT = datetime(2026, 6, 2, 1, 0, tzinfo=UTC)  # Tuesday 03:00 in Madrid; 09:00 there is 6:00:00 later
DAY = datetime(2026, 6, 2, 10, 0, tzinfo=UTC)


def night(digest: str = "", at: datetime = NIGHT, timeout: str = "8h", noise: str = "pause: []", **fields: Any) -> Night:
    config = config_of(
        MADRID.format(digest=f"digest: {digest}" if digest else "", timeout=timeout, noise=noise).replace("silence: [], ", "")
    )
    found = Night(config, at)
    if fields:
        found.alert(**fields)
    return found


# --- what an alert is given -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("service", "severity", "more", "by_night", "by_day"),
    [
        ("shop", "critical", {}, "high", "high"),
        ("shop", "error", {}, "low", "high"),
        ("shop", "warning", {}, "low", "low"),
        ("plain", "error", {}, "high", "high"),
        ("loud", "error", {}, "high", "high"),
        ("loud", "info", {}, "high", "high"),
        ("calm", "critical", {}, "low", "low"),
        ("shop", "error", {"class": "pressing"}, "high", "high"),
        ("shop", "error", {"class": "quiet"}, "low", "low"),
        ("never", "error", {}, "high", "high"),
    ],
)
def test_urgency_follows_from_severity_service_and_hours(
    service: str, severity: str, more: dict[str, str], by_night: str, by_day: str
) -> None:
    at_night, at_day = (night(at=at, service=service, severity=severity, **more) for at in (NIGHT, DAY))
    assert (at_night.incident.urgency, at_day.incident.urgency) == (by_night, by_day)


# --- support hours --------------------------------------------------------------------------------------------------------------------
def test_an_error_in_the_night_is_low_until_the_support_hours_begin() -> None:
    n = night(service="shop", severity="error", timeout="20h").until("5:59:59")
    assert n.pages() == [("0:00", "ana", "email")]
    n.until("6:00:00")
    assert n.pages()[1:] == [("6:00:00", "ana", "sms")]
    assert n.incident.urgency is Urgency.HIGH
    assert n.said("urgency.raised") == ["low is high: the support hours have begun"]
    assert "outside of the support hours, which begin 2026-06-02 07:00 UTC" in n.said("incident.opened")[0]


def test_an_ack_in_the_night_keeps_the_morning_quiet() -> None:
    n = night(service="shop", severity="error")
    n.say("acknowledge")
    n.until("7:00:00")
    assert (len(n.pages()), n.state, n.incident.urgency) == (1, State.ACKNOWLEDGED, Urgency.HIGH)
    n.until("24:00:01")  # the acknowledgement has expired: what pages now pages as by day
    assert n.pages()[1:] == [("24:00:00", "ana", "sms")]


def test_what_is_due_as_the_support_hours_begin_makes_one_step_and_that_on_the_high_ladder() -> None:
    n = night(service="shop", severity="error", timeout="6h").until("6:00:00")
    assert n.pages() == [("0:00", "ana", "email"), ("6:00:00", "ben", "sms")]


def test_whoever_it_was_assigned_to_is_not_passed_over_as_the_hours_begin() -> None:
    n = night(service="shop", severity="error")
    n.say("assign", target="ben")
    n.until("6:00:01")
    assert (n.pages()[1:], n.incident.phase, n.incident.urgency) == ([("0:00", "ben", "email")], Phase.ASSIGNED, Urgency.HIGH)
    n.until("8:00:01")
    assert n.pages()[2:] == [("8:00:00", "ana", "sms")]


def test_a_rise_to_critical_is_high_at_once_and_the_morning_brings_nothing_more() -> None:
    n = night(service="shop", severity="error", timeout="20h")
    n.until("1:00:00").alert(service="shop", severity="critical")
    n.until("6:30:00")
    assert n.pages() == [("0:00", "ana", "email"), ("1:00:00", "ana", "sms")]


def test_a_rise_to_error_in_the_night_stays_low_and_in_the_day_is_high() -> None:
    n = night(service="shop", severity="warning", timeout="20h")
    n.until("1:00:00").alert(service="shop", severity="error")
    assert n.incident.urgency is Urgency.LOW
    n.until("6:00:00")
    assert (n.incident.urgency, n.pages()[-1]) == (Urgency.HIGH, ("6:00:00", "ana", "sms"))


def test_a_rise_that_is_muted_is_high_all_the_same_when_it_pages() -> None:
    rule = 'maintenance: [{name: m, match: {service: shop}, from: "2026-06-02 00:00", to: "2026-06-02 05:00"}]'
    n = night(noise=rule, service="shop", severity="warning")
    n.until("0:30:00").alert(service="shop", severity="critical")
    n.until("2:00:00")
    assert n.pages() == [("2:00:00", "ana", "sms")]


@pytest.mark.parametrize(
    ("opened", "wall"),
    [
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 8, 0, tzinfo=UTC)),  # 02:30 comes twice; then Monday
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 30, 7, 0, tzinfo=UTC)),
    ],
)
def test_the_hours_are_those_of_the_wall_clock_when_it_is_changed(opened: datetime, wall: datetime) -> None:
    n = night("{}", at=opened, service="shop", severity="error")
    assert n.incident.next_deadline == wall
    n.until("40:00:00")
    assert (n.start + n.sent[0].after, n.sent[0].channel) == (wall, "sms")


# --- the digest -----------------------------------------------------------------------------------------------------------------------
def test_a_warning_in_the_night_waits_for_the_morning_digest() -> None:
    n = night("{}", service="plain", severity="warning")
    assert (n.state, n.incident.reason) == (State.SUPPRESSED, "waits for the morning digest at 09:00")
    assert n.until("5:59:59").pages() == []
    assert n.until("6:00:00").pages() == [("6:00:00", "ana", "email")]
    assert (n.state, n.incident.urgency) == (State.TRIGGERED, Urgency.LOW)
    assert n.incident.reason == "it has waited until now (waits for the morning digest at 09:00)"


def test_what_waited_and_is_not_looked_at_turns_high() -> None:
    n = night("{}", service="plain", severity="warning", timeout="20h").until("10:00:00")
    assert n.pages() == [("6:00:00", "ana", "email"), ("10:00:00", "ana", "sms")]
    assert n.said("urgency.raised") == ["low is high: nobody looked in time (4h)"]
    assert "nobody looked in time" in n.said("stage.entered")[-1]
    assert muted_words(n.incident) == "Nobody looked in time."


def test_it_turns_high_at_the_stage_that_it_has_reached() -> None:
    n = night("{high_after: 90m}", service="plain", severity="warning", timeout="1h").until("7:30:00")
    assert n.pages() == [("6:00:00", "ana", "email"), ("7:00:00", "ben", "email"), ("7:30:00", "ben", "sms")]


def test_whoever_looked_is_left_alone_until_the_acknowledgement_expires() -> None:
    n = night("{}", service="plain", severity="warning", timeout="20h").until("6:01:00")
    n.say("acknowledge")
    n.until("30:00:59")
    assert (len(n.pages()), n.incident.urgency) == (1, Urgency.LOW)
    n.until("34:01:00")
    assert n.pages()[1:] == [("30:01:00", "ana", "email"), ("34:01:00", "ana", "sms")]


def test_by_day_it_is_paged_at_once_and_turns_high_as_well() -> None:
    n = night("{}", at=DAY, service="plain", severity="warning", timeout="20h").until("4:00:00")
    assert n.pages() == [("0:00", "ana", "email"), ("4:00:00", "ana", "sms")]


def test_without_a_digest_low_stays_low_to_the_end() -> None:
    n = night(service="plain", severity="warning", timeout="1h").until("60:00:00")
    assert {channel for _, _, channel in n.pages()} == {"email"}
    assert n.pages()[0] == ("0:00", "ana", "email")


def test_high_urgency_does_not_wait() -> None:
    assert night("{}", service="plain", severity="error").pages() == [("0:00", "ana", "sms")]


def test_what_is_over_before_the_morning_is_never_paged() -> None:
    n = night("{}", service="plain", severity="warning").until("1:00:00")
    n.resolve()
    n.until("20:00:00")
    assert (n.pages(), n.notices, n.said("incident.resolved")) == ([], [], ["healed itself"])
    assert n.incident.reason.startswith("healed itself after ")
    assert n.incident.reason.endswith(" (digest)")


def test_an_error_that_is_low_by_the_hour_waits_too_and_is_high_in_the_morning() -> None:
    n = night("{}", service="shop", severity="error")
    assert n.incident.reason == "waits for the support hours of shop at 09:00"
    n.until("6:30:00")
    assert (n.pages(), n.incident.urgency) == ([("6:00:00", "ana", "sms")], Urgency.HIGH)


def test_over_the_weekend_it_waits_for_monday_and_says_so() -> None:
    n = night("{}", at=datetime(2026, 6, 6, 1, 0, tzinfo=UTC), service="shop", severity="warning")
    assert n.incident.reason == "waits for the morning digest at 09:00 on Monday"
    assert n.until("54:00:00").pages() == [("54:00:00", "ana", "email")]


def test_a_rise_in_severity_ends_the_wait() -> None:
    n = night("{}", service="plain", severity="warning").until("1:00:00")
    n.alert(service="plain", severity="critical")
    assert n.pages() == [("1:00:00", "ana", "sms")]


@pytest.mark.parametrize(("action", "more", "paged"), [("escalate", {}, "ana"), ("assign", {"target": "ben"}, "ben")])
def test_a_persons_word_is_heard_in_the_night(action: str, more: dict[str, str], paged: str) -> None:
    n = night("{}", service="plain", severity="warning").until("1:00:00")
    n.say(action, by="boss", **more)
    n.happen(Look())
    assert n.pages() == [("1:00:00", paged, "email")]


def test_an_ack_or_a_snooze_of_what_waits_is_an_answer() -> None:
    n = night("{}", service="plain", severity="warning").until("1:00:00")
    n.say("acknowledge")
    assert n.until("20:00:00").pages() == []
    n = night("{}", service="plain", severity="warning").until("1:00:00")
    n.say("snooze", duration=timedelta(hours=10))
    assert n.until("11:00:00").pages() == [("11:00:00", "ana", "email")]


def test_what_was_muted_until_the_middle_of_the_night_waits_on() -> None:
    rule = 'maintenance: [{name: m, match: {service: plain}, from: "2026-06-02 00:00", to: "2026-06-02 05:00"}]'
    n = night("{}", noise=rule, service="plain", severity="warning").until("3:00:00")
    assert n.incident.mute is not None
    assert n.incident.mute.kind is MuteKind.DIGEST
    assert n.until("6:00:00").pages() == [("6:00:00", "ana", "email")]


def test_what_pages_already_is_not_sent_to_sleep() -> None:
    n = night("{hours: {to: '12:10'}}", at=DAY, service="plain", severity="warning", timeout="1h").until("1:00:00")
    assert n.pages() == [("0:00", "ana", "email"), ("1:00:00", "ben", "email")]


def test_what_mutes_it_again_and_again_does_not_put_off_the_moment_it_is_high() -> None:
    rule = 'maintenance: [{name: m, match: {service: plain}, hours: {from: "13:00", to: "14:00"}}]'
    n = night("{high_after: 20h}", at=DAY, noise=rule, service="plain", severity="warning", timeout="90h").until("47:00:00")
    assert n.incident.urgency is Urgency.HIGH
    assert n.pages()[-1][2] == "sms"


def test_a_shorter_patience_with_mutes_bounds_the_wait() -> None:
    n = night("{}", noise="limits: {suppress_at_most: 2h}", service="plain", severity="warning").until("2:00:00")
    assert n.pages() == [("2:00:00", "ana", "email")]


def test_after_a_stall_over_the_morning_it_pages_once_and_high() -> None:
    n = night("{}", service="shop", severity="error").stall_until("9:00:00")
    assert n.pages() == [("9:00:00", "ana", "sms")]
    assert DeadlineKind.SUPPORT not in [x.kind for x in n.incident.deadlines]


# --- time counted in hours ------------------------------------------------------------------------------------------------------------
OFFICE = Hours(days=(0, 1, 2, 3, 4), start=datetime(2026, 1, 1, 9).time(), end=datetime(2026, 1, 1, 17).time(), timezone="UTC")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2026, 6, 1, 9), datetime(2026, 6, 1, 13)),
        (datetime(2026, 6, 1, 3), datetime(2026, 6, 1, 13)),
        (datetime(2026, 6, 1, 15), datetime(2026, 6, 2, 11)),
        (datetime(2026, 6, 5, 16), datetime(2026, 6, 8, 12)),  # Friday; Monday
    ],
)
def test_only_time_in_the_hours_counts(start: datetime, end: datetime) -> None:
    found = after(Windows("UTC").standing, OFFICE, timedelta(hours=4), start.replace(tzinfo=UTC))
    assert found == end.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "at_most"),
    [
        (Hours(start=datetime(2026, 1, 1, 9).time(), end=datetime(2026, 1, 1, 9, 1).time()), AT_MOST),
        (Hours(last_date=datetime(2020, 1, 1).date()), timedelta(hours=4)),
        (Hours(first_date=datetime(2026, 12, 1).date()), AT_MOST),
    ],
)
def test_hours_that_hardly_come_or_never_do_not_delay_it_for_ever(hours: Hours, at_most: timedelta) -> None:
    assert after(Windows("UTC").standing, hours, timedelta(hours=4), NIGHT) <= NIGHT + at_most


def test_a_reason_in_brackets_is_said_whole_or_not_at_all() -> None:
    n = Night(config_of(PAYMENTS))
    n.alert()
    incident = replace(n.incident, reason="muted until now (only 2 of 3 in 10m (threshold flaky))")
    assert muted_words(incident, 60) == "Muted until now (only 2 of 3 in 10m (threshold flaky))."
    assert muted_words(incident, 50) == muted_words(incident, 0) == "Muted until now."
