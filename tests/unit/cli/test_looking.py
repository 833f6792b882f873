"""`list` and `show`: what scripts read, and what people read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pager.cli import lately
from pager.model.event import Fault
from pager.ports import GiveUp
from tests.fakes.memory_store import MemoryIncidents
from tests.payments import PAYMENTS
from tests.unit.cli.installation import Installation

CONTRACT = ["number", "state", "severity", "urgency", "service", "summary", "stage", "alerts", "opened_at", "acknowledged_at",
            "acknowledged_by", "resolved_at", "resolved_by", "next_deadline", "reason"]  # fmt: skip


class TestList:
    def test_json_has_every_name_of_the_contract_with_null_for_what_is_not_so(self, office: Installation) -> None:
        office.alert("disk full on db1", dedup_key="db1-disk")
        [incident] = office.json("list")
        assert set(CONTRACT) <= set(incident)
        assert incident == {
            "number": 1, "state": "triggered", "severity": "critical", "urgency": "high", "service": "plain", "summary": "disk full on db1",
            "stage": 1, "alerts": 1, "repeats": 0, "opened_at": "2026-03-02T09:00:00.000Z", "acknowledged_at": None, "acknowledged_by": None,
            "resolved_at": None, "resolved_by": None, "next_deadline": "2026-03-02T09:05:00.000Z", "reason": None, "policy": "payments",
            "team": "payments", "dedup_key": "db1-disk",
        }  # fmt: skip

    def test_nothing_open_is_an_empty_list(self, office: Installation) -> None:
        assert office.json("list") == []
        assert office.pagerd("list").stdout == "nothing is open\n"

    def test_resolved_ones_come_only_when_asked_for(self, office: Installation) -> None:
        office.alert(dedup_key="a")
        office.alert(dedup_key="b")
        office.pagerd("resolve", "1", "--as", "ana")
        assert [i["number"] for i in office.json("list")] == [2]
        assert [i["number"] for i in office.json("list", "--all")] == [1, 2]
        [resolved] = office.json("list", "--state", "resolved")
        assert (resolved["resolved_by"], resolved["next_deadline"]) == ("ana", None)

    def test_one_that_is_resolved_while_the_list_is_read_is_not_in_it(self, office: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        office.alert(dedup_key="a")
        office.alert(dedup_key="b")
        office.pagerd("resolve", "1")

        async def a_moment_ago(_: MemoryIncidents) -> list[int]:
            return [1, 2]

        monkeypatch.setattr(MemoryIncidents, "open_numbers", a_moment_ago)
        assert [i["number"] for i in office.json("list")] == [2]

    def test_filters_narrow_it_down(self, office: Installation) -> None:
        office.alert(dedup_key="a", service="plain")
        office.alert(dedup_key="b", service="db")
        office.pagerd("ack", "1")
        assert [i["number"] for i in office.json("list", "--service", "db")] == [2]
        assert [i["number"] for i in office.json("list", "--state", "acknowledged")] == [1]
        assert office.json("list", "--state", "acknowledged", "--service", "db") == []

    def test_an_unknown_state_is_a_mistake_of_usage_that_names_the_right_ones(self, office: Installation) -> None:
        result = office.pagerd("list", "--state", "open")
        assert result.exit_code == 2
        assert "triggered, acknowledged, snoozed, suppressed, resolved" in result.stderr

    def test_every_incident_of_several_batches_is_listed_once(self, office: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lately, "_BATCH", 3)
        for n in range(8):
            office.alert(dedup_key=str(n))
        assert [i["number"] for i in office.json("list")] == list(range(1, 9))

    def test_a_line_an_incident_without_a_terminal(self, office: Installation) -> None:
        office.alert("disk full on db1 " * 10, dedup_key="a")
        office.alert("half [red]up", dedup_key="b", service="db", severity="error")
        office.store.clock.advance(timedelta(minutes=12))
        office.pagerd("ack", "2", "--as", "ben")
        lines = office.pagerd("list").stdout.splitlines()
        assert lines[0].split() == ["#", "state", "severity", "service", "stage", "age", "who", "summary"]
        assert lines[1].split("  ")[-1] == ("disk full on db1 " * 10).strip()
        assert lines[2] == "2  acknowledged  error     db       1      12m  ben  half [red]up"

    def test_it_says_what_flaps(self, office: Installation) -> None:
        flapping = "noise: {flap: {changes: 2, within: 10m, hold: 15m}}\n"
        office.configure(PAYMENTS + flapping)
        for action in ("trigger", "resolve"):
            office.alert("disk full", dedup_key="a", action=action)
        assert office.pagerd("list").stdout.splitlines()[1].endswith("(flapping) disk full")


class TestShow:
    def test_json_is_the_incident_as_in_the_list_and_all_that_is_known_of_it(self, office: Installation) -> None:
        link = {"href": "https://graphs.example.com/1", "text": "graph"}
        office.alert(labels={"env": "prod"}, details={"free": [1, None]}, links=[link, {"href": "https://x"}])
        shown = office.json("show", "1")
        [listed] = office.json("list")
        assert {name: shown[name] for name in listed} == listed
        assert shown["labels"] == {"env": "prod"}
        assert shown["details"] == {"free": [1, None]}
        assert shown["links"] == [link, {"href": "https://x", "text": ""}]
        [paged] = shown["paged"]
        assert (paged["user"], paged["channel"], paged["stage"], paged["pages"]) == ("ana", "sms", 1, 1)
        assert [set(entry) for entry in shown["timeline"]] == [{"at", "event", "who", "what", "origin"}] * len(shown["timeline"])
        events = [entry["event"] for entry in shown["timeline"]]
        assert events == ["incident.opened", "stage.entered", "page.queued", "page.accepted"]
        assert shown["timeline"][1]["origin"].startswith("pagerd.yaml:")
        assert shown["timeline"][3]["at"] == "2026-03-02T09:00:00.000Z"

    def test_an_unknown_number_is_named_on_stderr(self, office: Installation) -> None:
        result = office.pagerd("show", "99")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "there is no incident 99" in result.stderr

    def test_a_number_that_is_none_is_a_mistake_of_usage(self, office: Installation) -> None:
        assert office.pagerd("show", "db1").exit_code == 2

    def test_it_can_be_read_on_80_columns_without_colour(self, office: Installation) -> None:
        office.alert("disk full on db1 [bold]now[/bold] " * 5, dedup_key="db1-disk", labels={"env": "prod"}, details={"host": "db1"})
        office.pagerd("note", "1", "restarted", "the", "volume", "manager,", "which", "took", "a", "while", "--as", "ana")
        office.pagerd("ack", "1", "--as", "ana")
        shown = office.pagerd("show", "1")
        assert "\x1b" not in shown.stdout
        assert max(len(line) for line in shown.stdout.splitlines()) <= 80
        for expected in (
            "#1 CRITICAL plain: disk full on db1 [bold]now[/bold]", "acknowledged by ana 03-02 09:00:00", "stage 1 of policy payments",
            "team payments", "looked at again Mon 2026-03-02 09:45:00 UTC", "label env=prod", "detail host=db1", "incident.acknowledged",
        ):  # fmt: skip
            assert expected in shown.stdout
        assert any(line.split()[:4] == ["ana", "sms", "03-02", "09:00:00"] for line in shown.stdout.splitlines())

    def test_times_follow_the_zone_that_is_asked_for(self, office: Installation) -> None:
        office.alert()
        assert "opened Mon 2026-03-02 09:00:00 UTC" in office.pagerd("show", "1").stdout
        assert "opened Mon 2026-03-02 10:00:00 CET" in office.pagerd("show", "1", "--tz", "Europe/Madrid").stdout
        assert office.pagerd("show", "1", "--tz", "local").exit_code == 0
        result = office.pagerd("show", "1", "--tz", "Mars/Olympus")
        assert result.exit_code == 2
        assert "Europe/Madrid" in result.stderr

    def test_what_became_of_the_pages_is_seen(self, office: Installation) -> None:
        office.phones.answer("+34600000001", GiveUp("21211 not a number", Fault.ADDRESS))
        office.alert()
        office.work()
        paged = {one["user"]: one["result"] for one in office.json("show", "1")["paged"]}
        assert "21211 not a number" in paged["ana"]
        assert set(paged) == {"ana", "ben", "dora"}
        assert "21211 not a number" in " ".join(office.pagerd("show", "1").stdout.split())

    def test_that_nobody_was_paged_is_said(self, office: Installation) -> None:
        office.configure(PAYMENTS + 'routes: [{name: staging, match: {env: staging}, suppress: "staging never pages"}]')
        office.alert(labels={"env": "staging"})
        shown = office.pagerd("show", "1").stdout
        assert "suppressed (staging never pages)" in shown
        assert "nobody has been paged" in shown
