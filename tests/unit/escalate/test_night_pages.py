"""Pages in somebody's night, which their limits count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pager.model.event import Fault
from tests.night import Night, config_of, refuses

CONFIG = """
settings:
  catch_all: {notify: ["user:ana"], every: 10m}
  ladder: {high: [{after: 0s, via: [sms, chat]}, {after: 2m, via: [voice]}], low: [{after: 0s, via: [sms]}]}
  SETTINGS
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}, slack: {bot_token: x, app_token: y}}
channels: {sms: twilio, voice: twilio, chat: slack}
users:
  ana: {name: Ana, timezone: Europe/Madrid, contact: {sms: "+12125550001", voice: "+12125550001", chat: "slack:U0ANA"}, LIMITS}
policies: {mine: {stages: [{notify: ["user:ana"], ack_timeout: 5m, on_timeout: repeat, repeat_limit: 1}]}}
services: {mine: {policy: mine}}
"""
THREE, REST = "limits: {pages_per_night: 3}", "limits: {rest: 8h, night: {from: '23:30', to: '06:00'}}"
NIGHT = datetime(2026, 6, 2, 21, 0, tzinfo=UTC)  # 23:00 in Madrid


def counted(
    limits: str = "", of_settings: str = "", start: datetime = NIGHT, until: str = "0:00", refused: bool = False
) -> list[timedelta]:
    """When pages of a night were counted, from its start."""
    night = Night(config_of(CONFIG.replace("LIMITS", limits).replace("SETTINGS", of_settings)), start)
    if refused:
        night.provider = lambda page: refuses(page, fault=Fault.ADDRESS)
    night.alert(service="mine")
    night.until(until)
    assert {user for user, _ in night.night_pages} <= {"ana"}
    return [at - start for _, at in night.night_pages]


@pytest.mark.parametrize(("limits", "of_settings"), [(THREE, ""), ("", THREE), (THREE, REST)])
def test_a_page_counts_where_the_person_or_the_installation_has_limits(limits: str, of_settings: str) -> None:
    assert counted(limits, of_settings) == [timedelta(0)]


@pytest.mark.parametrize("limits", ["", "limits: {consecutive_weeks: 2}", REST])
def test_it_does_not_where_nothing_counts_it_or_it_is_not_night_to_them(limits: str) -> None:
    assert counted(limits) == []


def test_their_night_is_on_their_own_clock() -> None:
    assert counted(THREE, start=NIGHT - timedelta(hours=1, seconds=1)) == []
    assert counted(THREE, start=NIGHT - timedelta(hours=1)) == [timedelta(0)]


def test_each_time_they_are_asked_counts_once_whatever_their_ladder_adds() -> None:
    assert counted(THREE, until="4:59") == [timedelta(0)]
    assert counted(THREE, until="9:59") == [timedelta(0), timedelta(minutes=5)]


def test_what_no_provider_took_woke_nobody() -> None:
    assert counted(THREE, until="4:59", refused=True) == []
