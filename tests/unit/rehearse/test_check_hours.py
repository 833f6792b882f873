"""What `pagerd check` and `plan` say of support hours and low urgency."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pager.rehearse.check import check
from pager.rehearse.leads import redirected
from tests.night import CARRIED, config_of

START = datetime(2026, 6, 1, tzinfo=UTC)  # a Monday
CONFIG = """
settings:
  catch_all: {notify: ["user:boss"]}
  ladder: {high: [{via: [sms]}], low: [{via: [LOW]}]}
  MORE
providers: {twilio: {account_sid: a, auth_token: b, from: "+1"}, email: {smtp: "smtp://localhost"}}
channels: {sms: [twilio], email: [email]}
users:
  ana: {name: Ana, contact: {sms: "+34600000001", email: ana@example.com}}
  boss: {name: Boss, contact: {sms: "+34600000002"BOSS}}
schedules:
  office: {timezone: UTC, layers: [{name: l, users: [ana], every: 1w, starts: 2026-01-05T09:00, only: {from: "09:00", to: "17:00"}}]}
policies:
  p: {stages: [{notify: [WHOM]}]}
services:
  shop: {policy: p, SERVICE}
"""


def text(service: str, more: str = "", low: str = "email", whom: str = "user:ana", boss: str = ", email: boss@example.com") -> str:
    return (
        CONFIG.replace("BOSS", boss)
        .replace("SERVICE", service)
        .replace("MORE", more)
        .replace("[LOW]", f"[{low}]")
        .replace("WHOM", f'"{whom}"')
    )


def said(path: str, written: str) -> list[str]:
    found = check(config_of(written), (), CARRIED, START, START + timedelta(days=7))
    return [f"{p.level}: {p.message}" for p in found if p.path == path]


OVER = "{from: '09:00', to: '17:00', to_date: 2026-01-01}"
OFFICE = "{from: '09:00', to: '17:00'}"


@pytest.mark.parametrize(
    ("service", "more", "expected"),
    [
        (f"support_hours: {OFFICE}", "", []),
        (f"support_hours: {OVER}", "", ["warning: never come any more: an error is of high urgency at all times"]),
        (f"urgency: low, support_hours: {OFFICE}", "", ["note: change nothing: the service's urgency is low at all times"]),
        (f"urgency: low, support_hours: {OFFICE}", "digest: {}", []),
    ],
)
def test_support_hours_that_never_come_or_change_nothing_are_said(service: str, more: str, expected: list[str]) -> None:
    assert said("services.shop.support_hours", text(service, more)) == expected


def test_a_morning_that_never_comes_is_said() -> None:
    for hours, found in ((OVER, ["warning: never come any more: low urgency pages at once, at any hour"]), (OFFICE, [])):
        assert said("settings.digest.hours", text("tier: 1", f"digest: {{hours: {hours}}}")) == found


def test_a_low_ladder_that_reaches_nobody_at_all_is_said() -> None:
    assert said("settings.ladder.low", text("tier: 1")) == []
    found = said("settings.ladder.low", text("tier: 1", low="voice"))
    assert any(one.startswith("warning: the low ladder reaches nobody of all") for one in found)


def holes(written: str) -> list[str]:
    return [one for one in said("policies.p", written) if one.startswith("error")]


def test_the_wait_for_the_morning_is_part_of_the_proof() -> None:
    """Nobody is on call in the night; what is low then waits for those who are there by day. What is critical does not."""
    [night] = holes(text("tier: 1", whom="schedule:office"))
    assert "service shop, severity critical" in night
    assert "also severity error, warning and info" in night
    [waits] = holes(text(f"support_hours: {OFFICE}", f"digest: {{hours: {OFFICE}}}", whom="schedule:office"))
    assert "service shop, severity critical" in waits
    assert "also 7 more times" in waits


def test_an_error_that_only_the_night_makes_low_is_tried_over_both_ladders() -> None:
    error, warning = holes(text(f"support_hours: {OFFICE}", whom="user:boss", boss=""))
    assert "service shop, severity error, Monday 2026-06-01 00:00-09:00 UTC: boss has no address for email" in error
    assert "service shop, severity warning, at all times: boss has no address for email" in warning


def test_plan_names_alerts_whose_urgency_now_hangs_on_the_hour() -> None:
    [found] = redirected(config_of(text("tier: 1")), config_of(text(f"support_hours: {OFFICE}")))
    assert ([str(s) for s in found.severities], found.alert) == (["error"], "service shop")
    assert (found.old.words(found.new), found.new.words(found.old)) == ("high urgency", "high urgency, low outside of 09:00-17:00")
