"""`send` and `dead`: a clear yes or no for each alert."""

from __future__ import annotations

import json

import msgspec
import pytest

from pager.ports import StoreUnavailable
from tests.fakes.memory_store import MemoryAlerts
from tests.unit.cli.installation import Installation


def entries(office: Installation) -> list[dict[str, object]]:
    """What is in the stream, as the daemon will read it."""
    return [msgspec.json.decode(fields[b"alert"]) for fields in office.store.alerts.entries.values()]


class TestSend:
    def test_every_option_reaches_the_stream_and_the_id_is_printed(self, office: Installation) -> None:
        result = office.pagerd(
            "send", "--summary", "disk full", "--severity", "critical", "--service", "db", "--source", "db1", "--component", "disk",
            "--group", "eu", "--class", "storage", "--dedup-key", "db1-disk", "--action", "trigger", "--label", "env=prod",
            "--label", "query=a=b", "--detail", "free=0",
        )  # fmt: skip
        [(ms, sequence)] = office.store.alerts.entries
        assert (result.exit_code, result.stdout) == (0, f"{ms}-{sequence}\n")
        assert entries(office) == [{
            "summary": "disk full", "severity": "critical", "service": "db", "source": "db1", "component": "disk", "group": "eu",
            "class": "storage", "dedup_key": "db1-disk", "action": "trigger", "labels": {"env": "prod", "query": "a=b"},
            "details": {"free": "0"},
        }]  # fmt: skip

    def test_what_is_sent_opens_an_incident_and_resolves_it(self, office: Installation) -> None:
        office.pagerd("send", "--summary", "disk full", "--service", "plain", "--dedup-key", "k")
        office.work()
        assert [i["summary"] for i in office.json("list")] == ["disk full"]
        office.pagerd("send", "--action", "resolve", "--dedup-key", "k")
        office.work()
        assert office.json("list") == []

    def test_a_dash_reads_a_line_an_alert_and_prints_an_id_each_in_order(self, office: Installation) -> None:
        alerts = [{"summary": f"alert {n}", "dedup_key": str(n)} for n in range(1200)]  # more than two batches
        result = office.pagerd("send", "-", stdin="\n\n".join(map(json.dumps, alerts)))
        assert result.exit_code == 0
        assert result.stdout.split() == [f"{ms}-{sequence}" for ms, sequence in office.store.alerts.entries]
        assert entries(office) == alerts

    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            (("--severity", "critical"), "summary: missing or empty"),
            (("--action", "resolve"), "dedup_key: missing or empty"),
            (("--action", "explode", "--summary", "x"), "action: 'explode' is not one of"),
        ],
    )
    def test_what_will_be_a_dead_letter_is_a_no_with_the_reason(self, office: Installation, words: tuple[str, ...], reason: str) -> None:
        result = office.pagerd("send", *words)
        assert result.exit_code == 1
        assert f"{result.stdout.strip()} will be a dead letter: {reason}" in result.stderr
        office.work()
        [letter] = office.json("dead", "list")
        assert letter["id"] == result.stdout.strip()
        assert letter["reason"].startswith(reason)

    def test_one_bad_line_keeps_no_other_from_being_sent(self, office: Installation) -> None:
        result = office.pagerd("send", "-", stdin='{"summary": "a"}\nnope\n{"summary": "b"}\n')
        assert result.exit_code == 1
        assert len(result.stdout.split()) == 3
        assert "will be a dead letter: alert: not JSON" in result.stderr
        office.work()
        assert [i["summary"] for i in office.json("list")] == ["a", "b"]

    def test_an_unknown_severity_is_said_and_sent(self, office: Installation) -> None:
        result = office.pagerd("send", "--summary", "x", "--severity", "hgih")
        assert result.exit_code == 0
        assert "severity 'hgih' is unknown, taken as error" in result.stderr

    @pytest.mark.parametrize("words", [(), ("disk full",), ("-", "--summary", "x"), ("--summary", "x", "--label", "env")])
    def test_what_makes_no_alert_is_a_mistake_of_usage_and_sends_nothing(self, office: Installation, words: tuple[str, ...]) -> None:
        assert office.pagerd("send", *words).exit_code == 2
        assert not office.store.alerts.entries

    def test_a_store_that_goes_away_half_way_leaves_the_ids_of_what_is_stored(
        self, office: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add_many = MemoryAlerts.add_many

        async def second_batch_fails(self: MemoryAlerts, alerts: list[dict[str, str]]) -> list[str]:
            if office.store.alerts.entries:
                raise StoreUnavailable("the store can't be reached")
            return await add_many(self, alerts)

        monkeypatch.setattr(MemoryAlerts, "add_many", second_batch_fails)
        result = office.pagerd("send", "-", stdin='{"summary": "x"}\n' * 700)
        assert result.exit_code == 3
        assert len(result.stdout.split()) == len(office.store.alerts.entries) == 500
        assert "only what has its id printed is surely stored" in result.stderr


class TestDead:
    def bury(self, office: Installation, *raw: bytes) -> list[str]:
        ids = [office.store.alerts.add({b"alert": one}) for one in raw]
        office.work()
        return [f"{ms}-{sequence}" for ms, sequence in ids]

    def test_a_line_an_entry_id_reason_and_start_of_the_content(self, office: Installation) -> None:
        first, second = self.bury(office, b"{\x1b[31m" + b"x" * 500, b"[1]")
        lines = office.pagerd("dead", "list").stdout.splitlines()
        assert len(lines) == 2
        assert lines[0].startswith(f"{first}  alert: not JSON")
        assert "alert={·[31mxxx" in lines[0]
        assert len(lines[0]) < 250
        assert lines[1] == f"{second}  alert: should be a JSON object  alert=[1]"

    def test_json_has_the_whole_content(self, office: Installation) -> None:
        [entry] = self.bury(office, b"[1]")
        assert office.json("dead", "list") == [
            {"id": entry, "reason": "alert: should be a JSON object", "at": "2026-03-02T09:00:00.000Z", "fields": {"alert": "[1]"}}
        ]

    def test_none_are_nothing(self, office: Installation) -> None:
        assert office.pagerd("dead", "list").stdout == ""
        assert office.json("dead", "list") == []
        result = office.pagerd("dead", "retry", "--all")
        assert (result.exit_code, result.stdout) == (0, "there are no dead letters\n")

    def test_retry_puts_back_what_is_named_and_says_so(self, office: Installation) -> None:
        first, second = self.bury(office, b"{", b"[1]")
        result = office.pagerd("dead", "retry", first)
        assert (result.exit_code, result.stdout) == (0, f"{first} is back in the stream\n")
        assert [letter["id"] for letter in office.json("dead", "list")] == [second]

    def test_retry_all(self, office: Installation) -> None:
        ids = self.bury(office, b"{", b"[1]")
        result = office.pagerd("dead", "retry", "--all")
        assert result.stdout.splitlines() == [f"{entry} is back in the stream" for entry in ids]
        assert office.json("dead", "list") == []

    def test_an_unknown_id_is_a_no_and_the_known_ones_go_back_all_the_same(self, office: Installation) -> None:
        [entry] = self.bury(office, b"{")
        result = office.pagerd("dead", "retry", "1-1", entry)
        assert (result.exit_code, result.stdout) == (1, f"{entry} is back in the stream\n")
        assert result.stderr == "1-1 is no dead letter\n"

    @pytest.mark.parametrize("words", [(), ("1-1", "--all")])
    def test_either_ids_or_all(self, office: Installation, words: tuple[str, ...]) -> None:
        assert office.pagerd("dead", "retry", *words).exit_code == 2
