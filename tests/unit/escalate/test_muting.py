"""Nights in which not everything wakes somebody: silences, maintenance, pauses, and what comes after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from pager.model.condition import Condition, Term, key_of
from pager.model.event import Look
from pager.model.incident import State
from pager.model.mute import Silence
from pager.model.rota import RotaFacts
from tests.house import House
from tests.night import START, Night, config_of
from tests.payments import PAYMENTS

MAINTENANCE = '\nnoise: {maintenance: [{name: patch, match: {service: checkout}, hours: {from: "01:00", to: "02:00"}}]}\n'
PAUSE = "\nnoise: {pause: [{name: transient, match: {severity: [warning, critical]}, for: 2m}]}\n"


def silence(minutes: int, *, starts: int = 0, said: int = 0, **terms: str) -> Silence:
    made = tuple(Term(key_of(key), (value,)) for key, value in (terms or {"service": "checkout"}).items())
    start = START + timedelta(minutes=starts)
    return Silence(
        id="s1",
        condition=Condition(terms=made),
        start=start,
        end=start + timedelta(minutes=minutes),
        by="ana",
        why="known",
        said_at=START + timedelta(minutes=said),
    )


def night(more: str = "", *silences: Silence) -> Night:
    found = Night(config_of(PAYMENTS + more))
    hear(found, *silences)
    return found


def hear(night: Night, *silences: Silence) -> None:
    night.rules = night.rules.with_facts(RotaFacts(silences=silences))


# --- silences -------------------------------------------------------------------------------------------------------------------------
def test_what_is_silenced_is_recorded_with_who_and_why_and_pages_when_the_silence_ends() -> None:
    n = night("", silence(30))
    n.alert()
    assert (n.state, n.incident.reason) == (State.SUPPRESSED, "silenced by ana until 2026-06-02 01:30 UTC: known (silence s1)")
    n.until("29:59")
    assert n.paged() == []
    n.until("30:00")
    assert [clock for clock, _ in n.paged()] == ["30:00"]
    assert n.incident.reason == "muted until now (silenced by ana until 2026-06-02 01:30 UTC: known (silence s1))"


def test_another_silence_goes_on_where_the_first_ends() -> None:
    n = night("", silence(30), silence(30, starts=20))
    n.alert()
    n.until("49:59")
    assert n.paged() == []
    assert [clock for clock, _ in n.until("50:00").paged()] == ["50:00"]


def test_a_silence_that_is_taken_back_ends_at_the_next_look() -> None:
    n = night("", silence(600))
    n.alert()
    n.until("10:00")
    hear(n)
    n.happen(Look())
    assert [clock for clock, _ in n.paged()] == ["10:00"]
    assert n.incident.reason == "muted until now (silenced by ana until 2026-06-02 01:10 UTC: known (silence s1))", (
        "and not the end that was meant"
    )


def test_a_silence_after_the_page_stops_further_pages_and_that_is_said() -> None:
    n = night()
    n.alert()
    n.until("1:00")
    before = len(n.sent)
    hear(n, silence(60, starts=1))
    n.until("1:00:00")
    assert (n.state, len(n.sent)) == (State.SUPPRESSED, before)
    assert n.said("incident.suppressed") == ["silenced by ana until 2026-06-02 02:01 UTC: known (silence s1)"]
    n.until("1:01:00")
    assert n.paged()[-1][0] == "1:01:00", "the same stage, afresh"
    assert n.incident.stage == 0


def test_an_acknowledged_incident_that_is_silenced_does_not_page_again_when_its_time_is_over() -> None:
    n = night()
    n.alert()
    n.until("1:00")
    n.say("acknowledge")
    hear(n, silence(24 * 60))
    before = len(n.sent)
    n.until("2:00:00")
    assert (n.state, len(n.sent)) == (State.SUPPRESSED, before)


def test_resolves_always_pass() -> None:
    n = night("", silence(60))
    n.alert()
    n.until("1:00")
    n.resolve()
    assert n.state is State.RESOLVED
    assert n.until("2:00:00").paged() == []


def test_who_escalates_is_heard_over_a_silence_and_only_a_newer_one_is_heard_over_them() -> None:
    n = night("", silence(600))
    n.alert()
    n.until("5:00")
    n.say("escalate")
    n.until("30:00")
    assert len(n.paged()) > 1, "the chain goes on"
    hear(n, silence(600, said=31))
    n.until("2:00:00")
    assert n.state is State.SUPPRESSED


def test_a_rise_in_severity_under_a_silence_stays_silent_and_past_it_pages() -> None:
    n = night("", silence(600, severity="warning"))
    n.alert(severity="warning")
    n.until("1:00")
    assert n.state is State.SUPPRESSED
    n.alert(severity="critical")
    assert n.paged()[0][0] == "1:00", "the silence was for warnings"
    whole = night("", silence(600))
    whole.alert(severity="warning")
    whole.alert(severity="critical")
    assert (whole.state, whole.paged()) == (State.SUPPRESSED, [])


def test_a_rise_in_severity_of_what_somebody_has_does_not_page_over_a_silence_either() -> None:
    n = night()
    n.alert(severity="warning")
    n.say("acknowledge")
    hear(n, silence(60))
    before = len(n.sent)
    n.until("1:00")
    n.alert(severity="critical")
    assert (n.state, len(n.sent)) == (State.SUPPRESSED, before)
    assert n.until("1:00:00").paged()[-1][0] == "1:00:00"


def test_nothing_is_muted_for_longer_than_may_be() -> None:
    n = night("\nnoise: {limits: {suppress_at_most: 2h}}\n", silence(600))
    n.alert()
    n.until("2:00:00")
    assert n.paged()[0][0] == "2:00:00"
    assert "which is as long as may be" in n.incident.reason
    n.until("2:30:00")
    assert n.state is State.TRIGGERED, "the same silence does not mute it again"


@pytest.mark.parametrize(
    "rule", ["", "  silences: [{name: filed, match: {service: checkout}, from: 2026-06-01T00:00, to: 2027-01-01T00:00}]\n"]
)
def test_a_person_renews_it_before_it_has_lasted_for_as_long_as_may_be(rule: str) -> None:
    n = night("\nnoise:\n  limits: {suppress_at_most: 2h}\n" + rule, silence(90))
    n.until("1:00")
    n.alert()
    n.until("1:00:00")
    hear(n, silence(90), replace(silence(120, starts=60, said=60), id="s2"))
    n.happen(Look())
    assert n.until("2:59:59").paged() == []
    assert n.until("3:00:00").paged()[0][0] == "3:00:00"


def test_a_silence_that_was_said_before_does_not_renew_it() -> None:
    n = night("\nnoise: {limits: {suppress_at_most: 2h}}\n", silence(60), replace(silence(600, starts=30), id="s2"))
    n.until("1:00").alert()
    assert n.until("3:00:00").paged()[0][0] == "2:01:00"


def test_the_reason_names_the_end_that_comes_first() -> None:
    n = night("\nnoise: {limits: {suppress_at_most: 2h}}\n", silence(600))
    n.alert()
    assert n.incident.reason == "silenced by ana until 2026-06-02 11:00 UTC: known (silence s1), at most until 2026-06-02 03:00 UTC"


def test_a_route_that_suppresses_is_bounded_too() -> None:
    n = night(
        'routes:\n  - {name: staging, match: {severity: warning}, suppress: "warnings never page"}\nnoise: {limits: {suppress_at_most: 2h}}\n'
    )
    n.alert(severity="warning")
    assert n.until("1:59:59").paged() == []
    assert n.until("2:00:00").paged()[0][0] == "2:00:00"


# --- maintenance ----------------------------------------------------------------------------------------------------------------------
def test_what_still_fires_at_the_end_of_maintenance_pages_once() -> None:
    n = night(MAINTENANCE)
    n.until("10:00")
    n.alert()
    n.alert()
    assert (n.state, n.incident.reason) == (State.SUPPRESSED, "maintenance patch until 2026-06-02 02:00 UTC")
    n.until("1:00:00")
    assert len({clock for clock, _ in n.paged()}) == 1
    assert n.paged()[0][0] == "1:00:00"


def test_what_is_over_within_maintenance_wakes_nobody() -> None:
    n = night(MAINTENANCE)
    n.alert()
    n.until("30:00")
    n.resolve()
    assert n.until("3:00:00").paged() == []


def test_a_silence_in_a_file_is_on_between_its_times_in_the_zone_of_the_installation() -> None:
    n = night(
        "\nnoise: {silences: [{name: move, match: {service: checkout}, from: 2026-06-02T00:00, to: 2026-06-02T01:20, by: ana, why: moving}]}\n"
    )
    n.alert()
    assert n.incident.reason.startswith("silenced by ana until 2026-06-02 01:20 UTC: moving")
    assert n.until("20:00").paged()[0][0] == "20:00"


# --- what flaps ---------------------------------------------------------------------------------------------------------------------------------------
FLAP = "\n  flap: {changes: 4, within: 10m, hold: 15m}\n"


@pytest.mark.parametrize("rule", ["noise:\n  pause: [{name: p, match: {severity: critical}, for: 4m}]", "noise:"])
def test_what_flaps_and_is_quiet_when_its_mute_ends_wakes_nobody(rule: str) -> None:
    n = flaps(rule)
    assert (n.until("10:00").state, n.paged()) == (State.SUPPRESSED, [])
    assert n.incident.reason == "it does not fire now, and is held as flapping: it pages if it fires again"
    assert (n.until("20:00").state, n.paged()) == (State.RESOLVED, [])
    assert n.said("incident.resolved")[-1].startswith("it flapped, and has not fired for 15m")


@pytest.mark.parametrize("rule", ["noise:\n  pause: [{name: p, match: {severity: critical}, for: 4m}]", "noise:"])
def test_what_flaps_and_fires_again_after_its_mute_has_ended_pages_then(rule: str) -> None:
    n = flaps(rule)
    n.until("10:00").alert()
    assert (n.state, n.paged()[0][0]) == (State.TRIGGERED, "10:00")


def flaps(rule: str) -> Night:
    """Four changes in half a minute, and muted for four: by the pause, or by a silence."""
    n = night("\n" + rule + FLAP, *([silence(4)] if "pause" not in rule else []))
    for at in ("0:00", "0:20"):
        n.until(at).alert()
        n.until(f"{at[:-1]}5").resolve()
    return n


# --- teams ---------------------------------------------------------------------------------------------------------------------------------------
TEAM = '\nnoise: {maintenance: [{name: move, match: {team: payments}, hours: {from: "01:00", to: "02:00"}}]}\n'


@pytest.mark.parametrize(
    ("fields", "is_muted"),
    [({}, True), ({"team": "search"}, False), ({"service": "of nobody"}, False), ({"service": "of nobody", "team": "payments"}, True)],
)
def test_a_team_is_the_label_of_that_name_else_whose_service_it_is(fields: dict[str, str], is_muted: bool) -> None:
    n = night(TEAM)
    n.alert(**fields)
    assert (n.state is State.SUPPRESSED) is is_muted
    said = night("", silence(60, team="payments"))
    said.alert(**fields)
    assert (said.state is State.SUPPRESSED) is is_muted
    asked = night(TEAM.replace("match: {team: payments}", "if: 'team == \"payments\"'"))
    asked.alert(**fields)
    assert (asked.state is State.SUPPRESSED) is is_muted


@pytest.mark.parametrize("fields", [{"service": "of nobody"}, {"team": "search"}])
def test_a_group_of_two_teams_is_muted_by_neither(fields: dict[str, str]) -> None:
    h = House(PAYMENTS + TEAM.replace("noise: {", "noise: {group: [{name: g, by: [labels.cluster], window: 1h}], "))
    h.alert("a", cluster="eu")
    h.alert("b", cluster="eu", **fields)
    assert h.state("a") is State.TRIGGERED
    assert h.paged("a") == ["0:00"]


def test_times_in_a_file_may_have_a_zone_of_their_own() -> None:
    n = night("\nnoise: {silences: [{name: move, match: {service: checkout}, from: 2026-06-02T02:00+02:00, to: 2026-06-02T01:20Z}]}\n")
    n.alert()
    assert n.incident.reason == "silenced by the config until 2026-06-02 01:20 UTC (silence move)"
    assert n.until("20:00").paged()[0][0] == "20:00"


# --- pauses ---------------------------------------------------------------------------------------------------------------------------
def test_what_heals_by_itself_in_time_wakes_nobody_and_is_said_to_have() -> None:
    n = night(PAUSE)
    n.alert(severity="warning")
    n.until("1:59")
    n.resolve()
    assert n.until("1:00:00").paged() == []
    assert n.said("incident.resolved") == ["healed itself"]
    assert n.incident.reason == "healed itself after 1m 59s (pause transient)"


def test_what_does_not_heal_pages_after_the_wait() -> None:
    n = night(PAUSE)
    n.alert(severity="critical")
    assert n.until("1:59").paged() == []
    assert n.until("2:00").paged()[0][0] == "2:00"
    assert n.incident.reason == "it has not healed by itself (pause transient)"


def test_a_rise_in_severity_ends_the_wait() -> None:
    n = night(PAUSE)
    n.alert(severity="warning")
    n.until("1:00")
    n.alert(severity="critical")
    assert n.paged()[0][0] == "1:00"


def test_service_levels_of_what_was_muted_count_from_when_people_could_know() -> None:
    n = night("", silence(30))
    n.alert()
    n.until("30:00")
    assert n.incident.sla_ack is not None
    assert n.incident.sla_ack > datetime(2026, 6, 2, 1, 30, tzinfo=UTC)
