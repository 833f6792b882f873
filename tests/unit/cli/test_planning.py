"""`who`: asked before it happens, without a daemon."""

from __future__ import annotations

import pytest

from tests.unit.cli.installation import Installation

ROTA = """
settings: {timezone: UTC, default_policy: default, catch_all: {notify: ["user:dora"], every: 10m}}
users:
  ana: {name: Ana Ruiz, timezone: Europe/Madrid, contact: {sms: "+34600000001"}}
  ben: {name: Ben Okafor, timezone: Europe/London, contact: {sms: "+447700900002"}}
  dora: {name: Dora Weiss, timezone: America/New_York, contact: {sms: "+12125550104"}}
teams: {sre: {members: [ana, dora]}}
schedules:
  week:
    timezone: Europe/Madrid
    layers: [{name: all, users: [ana, ben], every: 1w, starts: 2026-01-05T09:00}]
  pair:
    timezone: Europe/Madrid
    layers: [{name: two, users: [dora, ana, ben], take: 2, every: 1d, starts: 2026-01-05T09:00}]
  nobody:
    timezone: UTC
    layers: [{name: blank, users: [null], every: 1w, starts: 2026-01-05T09:00}]
policies:
  default: {stages: [{notify: ["schedule:week", "user:dora", "team:sre"]}, {notify: ["user:ben"]}]}
  handed: {stages: [{notify: ["service:db"]}]}
services:
  db: {policy: default}
  web: {}
  front: {policy: handed}
"""


@pytest.fixture
def rota(office: Installation) -> Installation:
    office.write(ROTA)
    return office


class TestWho:
    def test_a_schedule_at_a_moment_with_the_reason_and_its_place(self, rota: Installation) -> None:
        answer = rota.json("who", "week", "--at", "2026-01-06T00:00:00Z")
        origin = answer["on_call"][0].pop("origin")
        assert answer == {
            "at": "2026-01-06T00:00:00.000Z",
            "schedule": "week",
            "on_call": [{"user": "ana", "because": "layer all, turn 1", "until": "2026-01-12T08:00:00.000Z"}],
        }
        assert origin.startswith("pagerd.yaml:11:")

    def test_names_and_order_are_those_of_the_contract(self, rota: Installation) -> None:
        answer = rota.json("who", "week", "--at", "2026-01-06T00:00:00Z")
        assert list(answer) == ["at", "schedule", "on_call"]
        assert list(answer["on_call"][0]) == ["user", "because", "origin", "until"]
        answer = rota.json("who", "week", "--at", "2026-01-06T00:00:00Z", "--for", "14d")
        assert list(answer) == ["shifts"]
        assert list(answer["shifts"][0]) == ["from", "to", "users", "because", "origin", "schedule"]

    def test_shifts_fill_the_time_without_a_gap(self, rota: Installation) -> None:
        shifts = rota.json("who", "week", "--at", "2026-03-24T12:00:00Z", "--for", "2w")["shifts"]
        assert [(s["from"], s["to"], s["users"]) for s in shifts] == [
            ("2026-03-24T12:00:00.000Z", "2026-03-30T07:00:00.000Z", ["ben"]),  # the clocks have changed: 09:00 is an hour earlier
            ("2026-03-30T07:00:00.000Z", "2026-04-06T07:00:00.000Z", ["ana"]),
            ("2026-04-06T07:00:00.000Z", "2026-04-07T12:00:00.000Z", ["ben"]),
        ]

    def test_a_time_with_nobody_is_a_shift_too(self, rota: Installation) -> None:
        assert rota.json("who", "nobody")["on_call"] == []
        [shift] = rota.json("who", "nobody", "--for", "1d")["shifts"]
        assert (shift["users"], shift["because"]) == ([], "nobody is on call")
        assert rota.pagerd("who", "nobody").stdout.startswith("nobody is on call at ")

    @pytest.mark.parametrize(
        ("at", "tz", "instant"),
        [
            ("2026-10-25T02:30", None, "2026-10-25T00:30:00.000Z"),  # twice in Madrid: the first
            ("2026-03-29T02:30", None, "2026-03-29T01:00:00.000Z"),  # never in Madrid: the jump
            ("2026-10-25T02:30", "UTC", "2026-10-25T02:30:00.000Z"),
            ("2026-10-25T02:30:00+05:30", "UTC", "2026-10-24T21:00:00.000Z"),
        ],
    )
    def test_wall_clock_time_is_that_of_the_schedule_or_of_the_zone_given(
        self, rota: Installation, at: str, tz: str | None, instant: str
    ) -> None:
        assert rota.json("who", "week", "--at", at, *(("--tz", tz) if tz else ()))["at"] == instant

    def test_a_service_answers_for_its_first_stage_each_person_once(self, rota: Installation) -> None:
        answer = rota.json("who", "db", "--at", "2026-01-06T00:00:00Z")
        assert answer["schedule"] == "week"
        assert [(one["user"], one["because"], one["until"]) for one in answer["on_call"]] == [
            ("ana", "on call in week: layer all, turn 1", "2026-01-12T08:00:00.000Z"),
            ("dora", "named by stage 1 of policy default", None),
        ]

    @pytest.mark.parametrize("service", ["web", "front"])
    def test_a_service_without_a_policy_has_the_default_one_and_another_services_takes_over(self, rota: Installation, service: str) -> None:
        at = ("--at", "2026-01-06T00:00:00Z")
        assert rota.json("who", service, *at) == rota.json("who", "db", *at)

    def test_a_service_without_any_policy_asks_the_catch_all(self, rota: Installation) -> None:
        rota.write(ROTA.replace("default_policy: default, ", ""))
        answer = rota.json("who", "web")
        assert answer["schedule"] is None
        assert [(one["user"], one["because"]) for one in answer["on_call"]] == [("dora", "named by the catch-all")]
        [shift] = rota.json("who", "web", "--for", "1w")["shifts"]
        assert (shift["users"], shift["schedule"]) == (["dora"], None)

    def test_policies_that_hand_over_in_a_circle_end(self, rota: Installation) -> None:
        rota.write(ROTA.replace('["schedule:week", "user:dora", "team:sre"]', '["user:ben", "service:front"]'))
        assert [one["user"] for one in rota.json("who", "front")["on_call"]] == ["ben"]

    def test_a_person_has_their_own_shifts_with_the_schedule(self, rota: Installation) -> None:
        shifts = rota.json("who", "ana", "--at", "2026-01-05T08:00:00Z", "--for", "3d")["shifts"]
        assert [(s["from"], s["to"], s["users"], s["schedule"]) for s in shifts] == [
            ("2026-01-05T08:00:00.000Z", "2026-01-08T08:00:00.000Z", ["ana"], "week"),
            ("2026-01-05T08:00:00.000Z", "2026-01-06T08:00:00.000Z", ["ana"], "pair"),
            ("2026-01-06T08:00:00.000Z", "2026-01-07T08:00:00.000Z", ["ana"], "pair"),
        ]
        assert [one["because"] for one in rota.json("who", "ana", "--at", "2026-01-05T10:00:00Z")["on_call"]] == [
            "on call in week: layer all, turn 1"
        ]

    def test_a_persons_shift_is_one_though_others_join_and_leave(self, rota: Installation) -> None:
        joins = "overrides: [{add: dora, from: 2026-01-06T10:00, to: 2026-01-06T12:00}]"
        rota.write(ROTA.replace("    layers: [{name: all", f"    {joins}\n    layers: [{{name: all"))
        at = ("--at", "2026-01-05T08:00:00Z", "--for", "1w")
        assert len(rota.json("who", "week", *at)["shifts"]) == 3
        [shift] = [s for s in rota.json("who", "ana", *at)["shifts"] if s["schedule"] == "week"]
        assert (shift["from"], shift["to"]) == ("2026-01-05T08:00:00.000Z", "2026-01-12T08:00:00.000Z")

    def test_a_person_who_is_off_is_said_to_be(self, rota: Installation) -> None:
        result = rota.pagerd("who", "ben", "--at", "2026-01-05T10:00:00Z")
        assert (result.exit_code, result.stdout) == (0, "ben is not on call at Mon 2026-01-05 10:00:00 GMT\n")

    def test_a_name_that_means_several_things_can_be_said_in_full(self, rota: Installation) -> None:
        rota.write(ROTA.replace("db: {policy", "week: {policy").replace('"service:db"', '"service:week"'))
        at = ("--at", "2026-01-06T00:00:00Z")
        assert len(rota.json("who", "week", *at)["on_call"]) == 1
        assert rota.json("who", "schedule:week", *at) == rota.json("who", "week", *at)
        assert len(rota.json("who", "service:week", *at)["on_call"]) == 2
        assert rota.pagerd("who", "user:week").exit_code == 1

    def test_an_unknown_name_is_a_no_that_names_the_schedules(self, rota: Installation) -> None:
        result = rota.pagerd("who", "mallory")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "'mallory' is no schedule, service or user. Schedules: week, pair, nobody" in result.stderr

    @pytest.mark.parametrize("words", [("--at", "tomorrow"), ("--for", "a week"), ("--tz", "Mars/Olympus"), ("--tz", "../etc")])
    def test_what_can_not_be_read_is_a_mistake_of_usage(self, rota: Installation, words: tuple[str, ...]) -> None:
        assert rota.pagerd("who", "week", *words).exit_code == 2

    def test_a_broken_config_is_said_with_its_places(self, rota: Installation) -> None:
        rota.write(ROTA.replace("every: 1d", "every: often"))
        result = rota.pagerd("who", "week")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "pagerd.yaml:14:" in result.stderr

    @pytest.mark.parametrize("words", [("week",), ("db",), ("db", "--for", "4w"), ("ana", "--for", "4w"), ("pair", "--for", "4w")])
    def test_it_can_be_read_on_80_columns_without_colour(self, rota: Installation, words: tuple[str, ...]) -> None:
        text = rota.pagerd("who", *words, "--at", "2026-01-06T00:00:00Z").stdout
        assert "Mon 2026-01-12 09:00 CET" in text
        assert "\x1b" not in text
        assert max(len(line) for line in text.splitlines()) <= 80

    @pytest.mark.parametrize("words", [("week",), ("week", "--for", "4w")])
    @pytest.mark.parametrize("width", ["80", "30", "10"])
    def test_a_place_in_the_config_is_whole_however_narrow_it_is(self, rota: Installation, words: tuple[str, ...], width: str) -> None:
        at = ("--at", "2026-01-06T00:00:00Z")
        [place] = {one["origin"] for one in rota.json("who", "week", *at)["on_call"]}
        long = "some-folder-with-a-long-name/and-another-one/of-schedules.yaml"
        (rota.folder / long).parent.mkdir(parents=True)
        (rota.folder / "pagerd.yaml").rename(rota.folder / long)
        assert place.replace("pagerd.yaml", long) in rota.pagerd("who", *words, *at, COLUMNS=width).stdout

    def test_it_needs_no_store(self, rota: Installation) -> None:
        rota.store.down = True
        assert rota.pagerd("who", "week").exit_code == 0
        assert rota.opened == []
