"""What check says of small installations, and how long a large one takes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from bench.rota import START as BENCH_START
from bench.rota import config_of as bench_config
from bench.rota import installation
from pager.model.problem import Level, Problem
from pager.model.rota import RotaFacts
from pager.model.schedule import Override, OverrideKind
from pager.oncall.memo import Rota
from pager.rehearse.check import check
from pager.rehearse.check.phones import wrong_with as wrong_number
from pager.rehearse.check.spans import common, joined, more_times, when, without
from pager.rehearse.check.templates import wrong_with as wrong_name
from tests.night import CARRIED, config_of
from tests.payments import PAYMENTS, with_policy

START = datetime(2026, 6, 1, tzinfo=UTC)  # a Monday
WEEK = START + timedelta(days=7)
GAP = 'schedules:\n  gap: {timezone: UTC, layers: [{name: day, users: [ana], every: 1w, starts: 2026-01-05T09:00, only: {from: "08:00", to: "20:00"}}]}\n'
AT_NIGHT = "Monday 2026-06-01 00:00-08:00 UTC: schedule gap has nobody"


def said(text: str, path: str, rota: Rota | None = None) -> list[tuple[Level, str]]:
    found = check(config_of(text.replace("schedules:\n", GAP, 1)), (), CARRIED, START, WEEK, rota)
    return [(p.level, p.message) for p in found if p.path == path]


def holes(stages: str, **more: str) -> list[tuple[Level, str]]:
    text = with_policy(stages)
    for name, value in more.items():
        text = text.replace("mine: {team: payments, policy: mine}", f"mine: {{team: payments, policy: mine, {name}: {value}}}")
    return [(level, message) for level, message in said(text, "policies.mine") if "single point" not in message]


# --- holes ----------------------------------------------------------------------------------------------------------------------------
def test_whoever_is_always_there_leaves_no_hole() -> None:
    assert holes('[{notify: ["schedule:gap"], via: [sms]}, {notify: ["user:ben"], via: [sms]}]') == []


def test_a_hole_is_an_error_with_its_first_example_and_the_count_of_the_others() -> None:
    [(level, message)] = holes('[{notify: ["schedule:gap"], via: [sms]}]')
    assert level is Level.ERROR
    assert message.startswith(f"service mine, severity critical, {AT_NIGHT}; stage 1 is skipped; only the catch-all is left")
    assert message.endswith("(also severity error, warning and info; 7 more times until Sunday 2026-06-07, 3d 12h in all)")


def test_a_person_with_an_address_only_for_high_urgency_is_a_hole_for_the_low_one() -> None:
    [(level, message)] = holes('[{notify: ["user:erik"]}]')  # the low ladder has chat and email, and erik a phone alone
    assert (level, message) == (
        Level.ERROR,
        "service mine, severity warning, at all times: erik has no address for chat or email; stage 1 is skipped; only the catch-all is left"
        " (also severity info)",
    )
    assert holes('[{notify: ["user:erik"]}]', urgency="high") == []


def test_a_channel_that_nothing_carries_reaches_nobody() -> None:
    config = config_of(with_policy('[{notify: ["user:ben"], via: [chat]}]'))
    found = check(config, (), {"sms": ("twilio",)}, START, WEEK)
    assert [p.message for p in found if p.path == "policies.mine" and "nothing carries chat to ben" in p.message]


def test_hours_that_a_stage_keeps_make_a_hole_outside_of_them() -> None:
    [(level, message)] = holes('[{notify: ["user:ben"], via: [sms], during: {from: "09:00", to: "17:00", timezone: Europe/Madrid}}]')
    assert level is Level.ERROR
    assert "Monday 2026-06-01 02:00-09:00 Europe/Madrid: stage 1 is outside its hours" in message


def test_a_stage_that_waits_is_no_hole_unless_nobody_is_there_when_its_hours_come() -> None:
    waits = 'wait_for_hours: {from: "%s", to: "23:00", timezone: UTC}'
    assert (
        holes(f'[{{notify: ["schedule:gap"], via: [sms], {waits % "09:00"}}}]')[1:] == []
    )  # 20:00 to 23:00 it does not wait, and is empty
    [(_, message)] = holes(f'[{{notify: ["schedule:gap"], via: [sms], {waits % "09:00"}}}]')
    assert "Monday 2026-06-01 20:00-23:00 UTC: schedule gap has nobody" in message
    [(_, message)] = holes(f'[{{notify: ["schedule:gap"], via: [sms], {waits % "07:00"}}}]')
    assert "Monday 2026-06-01 00:00-08:00 UTC: schedule gap has nobody" in message  # at 07:00 nobody is there yet


def test_a_service_level_that_is_broken_while_a_stage_waits_is_a_warning() -> None:
    waits = '[{notify: ["user:ben"], via: [sms], wait_for_hours: {from: "09:00", to: "17:00", timezone: UTC}}]'
    assert holes(waits) == []
    [(level, message)] = holes(waits, sla="{ack: 30m}")
    assert level is Level.WARNING
    assert "Monday 2026-06-01 00:00-08:30 UTC: stage 1 waits for its hours longer than the service level allows" in message


def test_what_hangs_on_a_label_is_tried_with_each_value() -> None:
    """Only alerts of one region have the schedule with the gap."""
    [(level, message)] = holes(
        '[{notify: ["schedule:gap"], via: [sms], match: {region: eu}}, {notify: ["user:ben"], via: [sms], if: "labels.region != \'eu\'"}]'
    )
    assert level is Level.WARNING  # nobody can tell the expression beforehand
    assert "an alert with labels.region eu" in message
    [(level, message)] = holes(
        '[{notify: ["schedule:gap"], via: [sms], match: {region: [eu, us]}}, {notify: ["user:ben"], via: [sms], match: {region: us}}]'
    )
    assert level is Level.ERROR
    assert f"an alert with labels.region eu, {AT_NIGHT}" in message


def test_expressions_that_may_be_the_opposite_of_each_other_are_no_alarm() -> None:
    stages = (
        '[{notify: ["user:ana"], via: [sms], if: \'labels["x"] == "1"\'}, {notify: ["user:ben"], via: [sms], if: \'labels["x"] != "1"\'}]'
    )
    assert [level for level, _ in holes(stages)] == [Level.NOTE]


def test_an_expression_that_severity_settles_is_settled() -> None:
    [(level, message)] = holes('[{notify: ["user:ana"], via: [sms], if: \'severity in ["critical", "error"]\'}]')
    assert level is Level.ERROR
    assert message.startswith("service mine, severity warning, at all times: stage 1 does not apply")


def test_a_route_is_followed_too_and_named() -> None:
    text = with_policy('[{notify: ["schedule:gap"], via: [sms]}]').replace("  mine: {team: payments, policy: mine}\n", "")
    text += "routes: [{name: nightly, match: {job: backup, severity: error}, policy: mine}]\n"
    [(_, message)] = [x for x in said(text, "policies.mine") if "catch-all is left" in x[1] and "single" not in x[1]]
    assert message.startswith(f"service checkout, severity error, route nightly, {AT_NIGHT}")
    assert "services plain, db and no service" in message


def test_a_route_that_takes_all_alerts_of_a_severity_leaves_the_policy_none_of_it() -> None:
    text = with_policy('[{notify: ["user:erik"]}]') + "routes: [{name: low, match: {severity: [warning, info]}, suppress: later}]\n"
    assert [x for x in said(text, "policies.mine") if x[0] is Level.ERROR] == []


def test_a_service_without_any_policy_is_an_error_and_no_service_a_warning() -> None:
    text = PAYMENTS.replace("  default_policy: default\n", "").replace("db: {team: payments, policy: default}", "db: {team: payments}")
    [(level, message)] = said(text, "services.db")
    assert level is Level.ERROR
    assert "it has no policy, and there is no default_policy" in message
    assert [level for level, _ in said(text, "settings.default_policy")] == [Level.WARNING]


def test_a_catch_all_that_reaches_nobody_either_is_said_with_the_hole_and_by_itself() -> None:
    text = with_policy('[{notify: ["schedule:gap"], via: [sms]}]').replace('"user:dora"], every', '"user:nomad"], every')
    assert any("only the catch-all is left, and that reaches nobody" in message for _, message in said(text, "policies.mine"))
    assert [level for level, _ in said(text, "settings.catch_all")] == [Level.ERROR]


def test_an_override_of_run_time_counts_where_the_rota_knows_it() -> None:
    text = with_policy('[{notify: ["schedule:gap"], via: [sms]}]')
    config = config_of(text.replace("schedules:\n", GAP, 1))
    override = Override(start=START.replace(tzinfo=None), end=WEEK.replace(tzinfo=None), kind=OverrideKind.REPLACE, user="ben", id="1")
    rota = Rota.of(config, RotaFacts(overrides={"gap": (override,)}, version=1))
    assert not [p for p in check(config, (), CARRIED, START, WEEK, rota) if p.level is Level.ERROR]
    assert [p for p in check(config, (), CARRIED, START, WEEK) if p.level is Level.ERROR]


def test_a_hole_by_a_schedule_that_is_not_known_whole_is_a_warning() -> None:
    config = config_of(with_policy('[{notify: ["schedule:gap"], via: [sms]}]').replace("schedules:\n", GAP, 1))
    [problem] = [
        p for p in check(config, (), CARRIED, START, WEEK, unread={"gap"}) if p.path == "policies.mine" and "gap has nobody" in p.message
    ]
    assert problem.level is Level.WARNING
    assert "schedule gap has nobody as far as is known here; stage 1 is skipped" in problem.message


def test_a_gap_that_is_meant_is_a_note_and_one_before_a_waiting_stage_is_not() -> None:
    path = "policies.mine.stages[0]"
    assert said(with_policy('[{notify: ["schedule:gap"]}, {notify: ["user:ben"]}]'), path)[0][0] is Level.NOTE
    waits = with_policy('[{notify: ["schedule:gap"]}, {notify: ["user:ben"], wait_for_hours: {from: "09:00", to: "17:00"}}]')
    [(level, message)] = said(waits, path)
    assert level is Level.WARNING
    assert "stage 2 waits for its hours" in message


def test_a_thousand_services_with_one_hole_are_one_line() -> None:
    text = with_policy('[{notify: ["schedule:gap"], via: [sms]}]')
    text += "".join(f"  s{k}: {{policy: mine}}\n" for k in range(1000))
    found = [message for _, message in said(text, "policies.mine") if "single" not in message]
    assert len(found) == 1
    assert "; services s0, s1, s2 and 997 more; " in found[0]


# --- the rest -------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("stages", "crosses"),
    [
        ('[{notify: ["user:ana"], ack_timeout: 2m}, {notify: ["user:ben"]}]', True),
        ('[{notify: ["user:ana"], ack_timeout: 4m}, {notify: ["user:ben"]}]', False),
        ('[{notify: ["user:ana"], ack_timeout: 2m, on_timeout: repeat, repeat_limit: 1}, {notify: ["user:ben"]}]', False),
        ('[{notify: ["user:ana"], ack_timeout: 2m}, {notify: ["user:ana", "user:ben"]}]', False),  # the ladder runs on
        ('[{notify: ["user:ana"], ack_timeout: 2m, via: [chat]}, {notify: ["user:ben"]}]', False),
    ],
)
def test_a_stage_that_is_over_before_a_rung(stages: str, crosses: bool) -> None:
    found = said(with_policy(stages), "policies.mine.stages[0].ack_timeout")
    assert [message for _, message in found if "high ladder" in message and "3m (voice)" in message] == (
        ["of ana, the high ladder's rung after 3m (voice) never comes: stage 1 is over after 2m"] if crosses else []
    )


def test_routes_that_only_together_leave_nothing_and_those_that_leave_something() -> None:
    routes = "routes: [{name: a, match: {env: lab}, urgency: low}, {name: b, match: {env: {re: 'te.*'}}, urgency: low}, %s]\n"
    both = said(PAYMENTS + routes % "{name: c, match: {env: [lab, test], x: y}, urgency: low}", "routes[2]")
    assert both == [(Level.WARNING, "route c is never taken: whatever it matches, a and b take before it")]
    for left in ("match: {env: [lab, prod]}", "match: {env: {re: 'l.*'}}", "match: {x: y}", "if: 'labels.env == \"lab\"'"):
        assert said(PAYMENTS + routes % f"{{name: c, {left}, urgency: low}}", "routes[2]") == []


@pytest.mark.parametrize(
    ("number", "channels", "level"),
    [
        ("+34600000001", ["sms"], None),
        ("+12125550104", ["sms", "voice"], None),
        ("+442071838750", ["voice"], None),
        ("+442071838750", ["sms"], Level.WARNING),  # a landline
        ("+447700500002", ["sms"], Level.WARNING),  # given out by nobody
        ("+447700900002", ["sms"], None),  # of films
        ("+33639980001", ["sms", "voice"], None),
        ("+3460000000", ["sms"], Level.ERROR),
        ("+999123456", ["voice"], Level.ERROR),
    ],
)
def test_numbers(number: str, channels: list[str], level: Level | None) -> None:
    found = wrong_number(number, channels)
    assert (found[0] if found else None) is level


@pytest.mark.parametrize("name", ["#inc-{number}", "#major", "#{service}-{date}", "#a_{severity}"])
def test_names_that_can_be_filled_in(name: str) -> None:
    assert wrong_name(name) == ""


@pytest.mark.parametrize(
    "name", ["#inc-{", "#inc-{}", "#inc-{0}", "#{number.x}", "#{number!r}", "#{number:>99}", "inc", "#Big Incident", "#" + "x" * 81]
)
def test_names_that_can_not(name: str) -> None:
    assert wrong_name(name)


def test_spans_are_counted_with_as_sets_of_moments() -> None:
    def at(*hours: int) -> tuple[tuple[datetime, datetime], ...]:
        moments = [START + timedelta(hours=h) for h in hours]
        return tuple(zip(moments[::2], moments[1::2], strict=True))

    assert joined(at(5, 6, 1, 2, 2, 3)) == at(1, 3, 5, 6)
    assert common(at(0, 4, 6, 9), at(1, 2, 3, 7)) == at(1, 2, 3, 4, 6, 7)
    assert without(at(0, 4, 6, 9), at(1, 2, 3, 7)) == at(0, 1, 2, 3, 7, 9)
    assert without(at(0, 9), at(0, 9)) == ()


def test_how_times_are_written() -> None:
    horizon = (START, WEEK)

    def of(start: int, end: int) -> str:
        return when((START + timedelta(hours=start), START + timedelta(hours=end)), horizon, "Europe/Madrid")

    assert of(0, 168) == "at all times"
    assert of(1, 2) == "Monday 2026-06-01 03:00-04:00 Europe/Madrid"
    assert of(20, 22) == "Monday 2026-06-01 22:00-24:00 Europe/Madrid"
    assert of(20, 30) == "Monday 2026-06-01 22:00 to Tuesday 2026-06-02 08:00 Europe/Madrid"
    assert of(100, 168) == "from Friday 2026-06-05 06:00 Europe/Madrid on"
    assert more_times([horizon], "UTC") == ""


def test_a_config_that_could_not_be_read_has_its_own_problems_alone() -> None:
    problem = Problem(file="a.yaml", message="no")
    assert check(None, (problem,), CARRIED, START, WEEK) == (problem,)


def test_errors_come_first() -> None:
    config = config_of(with_policy('[{notify: ["schedule:empty"], via: [sms]}]'))
    levels = [p.level for p in check(replace(config), (), CARRIED, START, WEEK)]
    assert levels == sorted(levels, key=list(Level).index)
    assert Level.ERROR in levels


def test_a_company_is_checked_in_its_time() -> None:
    """A tenth of the size that `make bench` measures; ten times as slow would still pass."""
    config = bench_config(installation(services=30, schedules=10, people=50, routes=20))
    began = time.process_time()
    found = check(config, (), CARRIED, BENCH_START, BENCH_START + timedelta(days=90))
    assert time.process_time() - began < 5
    assert len(found) < 30
