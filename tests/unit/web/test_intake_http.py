"""Alerts over HTTP: what a tool is answered, and what is stored by then."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pager.intake.unknown import MOST_ALERTS
from pager.model.alert import Action, Severity
from pager.model.incident import State
from pager.telemetry import Metrics
from pager.web.intake import MAX_BODY, MOST_WAITING, Intake
from pager.web.keyring import Keyring
from tests.contract_folder import contract
from tests.night import config_of
from tests.unit.intake.any_json import json_values
from tests.unit.web.house import CONFIG, HOOK, MAPPED, PD, PROM, Answered, House, Log, Stream, call, served

READ = config_of(CONFIG)
EVENT: dict[str, Any] = {
    "routing_key": PD,
    "event_action": "trigger",
    "dedup_key": "srv01/HTTP",
    "client": "Nagios",
    "client_url": "https://nagios.example.com",
    "links": [{"href": "https://graphs.example.com/1", "text": "Graph"}],
    "images": [{"src": "https://graphs.example.com/1.png", "alt": "Graph"}],
    "payload": {
        "summary": "HTTP is down on srv01", "source": "srv01.example.com", "severity": "critical", "timestamp": "2026-06-02T08:42:58.315+0000",
        "component": "nginx", "group": "www", "class": "http", "custom_details": {"ping": "1500ms", "load": 0.75},
    },
}  # fmt: skip
CHANGE: dict[str, Any] = {"routing_key": PD, "payload": {"summary": "Deploy 42", "source": "ci"}}
TROUBLE = {"status", "message", "errors"}


class Desk:
    """The intake as it is served, on a stream that keeps what it gets."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.changes: list[tuple[str, str]] = []
        self.waiting = 0
        self.metrics = Metrics()
        intake = Intake(Keyring(lambda: READ), self.stream.add, self._change, lambda: self.waiting, self.metrics)
        self.app = served(intake=intake)

    async def _change(self, by: str, what: str) -> None:
        await self.stream._reach()
        self.changes.append((by, what))

    async def post(self, path: str, body: Any, **headers: str) -> Answered:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await call(self.app, "POST", path, raw, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def enqueue(self, body: Any) -> Answered:
        return await self.post("/v2/enqueue", body)

    def counted(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("pagerd_alerts_total", {"outcome": outcome}) or 0


@pytest.fixture
def desk() -> Desk:
    return Desk()


def event(payload: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """EVENT with these fields; those that are None are left out."""
    made = {**EVENT, "payload": {**EVENT["payload"], **(payload or {})}, **fields}
    made["payload"] = {k: v for k, v in made["payload"].items() if v is not None} if isinstance(made["payload"], dict) else made["payload"]
    return {name: value for name, value in made.items() if value is not None}


def refused(answer: Answered, status: int = 400) -> list[str]:
    """The errors of an answer that says no as PagerDuty does."""
    assert (answer.status, answer.headers["content-type"], answer.json.keys()) == (status, "application/json", TROUBLE), answer
    assert answer.json["message"]
    errors: list[str] = answer.json["errors"]
    assert errors
    assert all(errors)
    return errors


# --- the Events API: a clear yes ------------------------------------------------------------------------------------------------------
async def test_a_trigger_is_answered_as_pagerduty_does(desk: Desk) -> None:
    answer = await desk.enqueue(EVENT)
    assert (answer.status, answer.headers["content-type"]) == (202, "application/json")
    assert answer.json == {"status": "success", "message": "Event processed", "dedup_key": "srv01/HTTP"}
    [alert] = desk.stream.alerts
    assert (alert.scope, alert.integration, alert.dedup_key, alert.action) == ("pd", "pd", "srv01/HTTP", Action.TRIGGER)
    assert (alert.summary, alert.source, alert.severity) == ("HTTP is down on srv01", "srv01.example.com", Severity.CRITICAL)
    assert (alert.component, alert.group, alert.class_, alert.details) == ("nginx", "www", "http", {"ping": "1500ms", "load": 0.75})
    assert (alert.timestamp and alert.timestamp.isoformat(), alert.notes) == ("2026-06-02T08:42:58.315000+00:00", ())
    assert PD not in repr(alert), "a secret, wherever it stands"


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
async def test_to_acknowledge_and_to_resolve_take_a_key_alone(desk: Desk, action: str) -> None:
    answer = await desk.enqueue({"routing_key": PD, "event_action": action, "dedup_key": "srv01/HTTP"})
    assert (answer.status, answer.json["dedup_key"]) == (202, "srv01/HTTP")
    assert [(a.action.value, a.dedup_key) for a in desk.stream.alerts] == [(action, "srv01/HTTP")]


@pytest.mark.parametrize(
    "key", [None, "", " \t", "\0\x07", "k", " padded ", "x" * 255, "x" * 300, "x" * 5000, "ключ 🔥", 42, 0, 1.5, True, ["k"], {"k": 1}]
)
async def test_the_dedup_key_of_the_answer_resolves(desk: Desk, key: Any) -> None:
    answer = await desk.enqueue(event(dedup_key=key))
    given = answer.json["dedup_key"]
    assert (answer.status, isinstance(given, str) and bool(given)) == (202, True)
    if isinstance(key, str) and key.strip() and key.isprintable():
        assert given == key
    assert (await desk.enqueue({"routing_key": PD, "event_action": "resolve", "dedup_key": given})).status == 202
    trigger, resolve = desk.stream.alerts
    assert trigger.dedup_key == resolve.dedup_key


async def test_an_incident_of_a_made_up_key_ends_by_it() -> None:
    house = House()
    app = served(intake=Intake(Keyring(lambda: house.rules.config), house.ports.alerts.add_many, _no_change, lambda: 0, house.metrics))
    answer = await call(app, "POST", "/v2/enqueue", json.dumps(event(dedup_key=None)).encode())
    await house.work()
    assert house.store.incidents[1].state is State.TRIGGERED
    resolve = {"routing_key": PD, "event_action": "resolve", "dedup_key": answer.json["dedup_key"]}
    assert (await call(app, "POST", "/v2/enqueue", json.dumps(resolve).encode())).status == 202
    await house.work()
    assert (house.store.incidents[1].state, len(house.store.incidents)) == (State.RESOLVED, 1)


async def _no_change(by: str, what: str) -> None:
    raise AssertionError


@pytest.mark.parametrize(("severity", "taken"), [(None, "error"), ("", "error"), ("purple", "error"), (3, "error"), ("WARNING", "warning")])
async def test_a_severity_that_nobody_knows_costs_no_page(desk: Desk, severity: Any, taken: str) -> None:
    assert (await desk.enqueue(event({"severity": severity}))).status == 202
    assert [a.severity.value for a in desk.stream.alerts] == [taken]


# --- a clear no -----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (event(routing_key=None), ["routing_key"]),
        (event(routing_key=" "), ["routing_key"]),
        (event(routing_key=5), ["routing_key"]),
        (event(routing_key=[PD]), ["routing_key"]),
        (event(routing_key={PD: PD}), ["routing_key"]),
        (event(routing_key="f" * 32), ["routing_key"]),
        (event(routing_key=PD.upper()), ["routing_key"]),
        (event(routing_key=PD[:-1]), ["routing_key"]),
        (event(routing_key=HOOK), ["routing_key"]),
        (event(routing_key="\ud83d"), ["routing_key"]),
        ([], ["routing_key"]),
        ("x", ["routing_key"]),
        (None, ["routing_key"]),
        (event(event_action=None), ["event_action"]),
        (event(event_action="explode"), ["event_action"]),
        (event(event_action=["trigger"]), ["event_action"]),
        (event(payload={"summary": None}), ["payload.summary"]),
        (event(payload={"summary": " \0"}), ["payload.summary"]),
        (event(payload={"summary": {"a": 1}}), ["payload.summary"]),
        (event(payload={"summary": None, "source": ""}), ["payload.summary", "payload.source"]),
        ({"routing_key": PD, "event_action": "trigger"}, ["payload", "payload.summary", "payload.source"]),
        ({"routing_key": PD, "event_action": "trigger", "payload": "x"}, ["payload", "payload.summary", "payload.source"]),
        ({"routing_key": PD, "payload": {}}, ["event_action"]),
        ({"routing_key": PD, "event_action": "resolve"}, ["dedup_key"]),
        ({"routing_key": PD, "event_action": "acknowledge", "dedup_key": "\0"}, ["dedup_key"]),
        ({"routing_key": PD, "event_action": "resolve", "dedup_key": {"a": 1}}, ["dedup_key"]),
    ],
)  # fmt: skip
async def test_what_can_not_be_understood_is_refused_and_each_field_named(desk: Desk, body: Any, fields: list[str]) -> None:
    answer = await desk.enqueue(body)
    assert [error.split("'")[1] for error in refused(answer)] == fields
    assert (answer.json["status"], answer.json["message"]) == ("invalid event", "Event object is invalid")
    assert (desk.stream.calls, desk.counted("invalid")) == (0, 1)


async def test_a_wrong_key_is_neither_echoed_nor_logged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    monkeypatch.setattr("pager.web.intake.log", log)
    answers = [await desk.enqueue(event(routing_key=HOOK)), await desk.post(f"/in/alertmanager/{HOOK}", {"alerts": []})]
    assert HOOK not in f"{answers}{log.said}"
    assert len(log.said) == 2


# --- never a yes before the store's -----------------------------------------------------------------------------------------------------
PATHS = [("/v2/enqueue", EVENT), ("/v2/change/enqueue", CHANGE), (f"/in/generic/{HOOK}", {"summary": "x"}),
         (f"/in/alertmanager/{PROM}", {"alerts": [{"labels": {"alertname": "X"}}]})]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), PATHS)
async def test_nobody_is_told_yes_before_the_store_said_so(desk: Desk, path: str, body: Any) -> None:
    desk.stream.gate = asyncio.Event()
    asked = asyncio.create_task(desk.post(path, body))
    for _ in range(200):
        await asyncio.sleep(0)
    assert not asked.done()
    desk.stream.gate.set()
    assert (await asked).status == 202
    assert len(desk.stream.alerts) + len(desk.changes) == 1


@pytest.mark.parametrize(("path", "body"), PATHS)
@pytest.mark.parametrize("fault", ["down", "hangs"])
async def test_a_store_that_can_not_confirm_is_a_503_that_says_when_to_come_back(
    desk: Desk, path: str, body: Any, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pager.web.intake._STORED_WITHIN", 0.005)
    desk.stream.down = fault == "down"
    desk.stream.gate = asyncio.Event() if fault == "hangs" else None
    answer = await desk.post(path, body)
    assert "NOT accepted" in refused(answer, 503)[0]
    assert int(answer.headers["retry-after"]) > 0
    assert (desk.stream.alerts, desk.changes, desk.stream.given_up) == ([], [], int(fault == "hangs"))
    assert desk.counted("refused") == (0 if "change" in path else 1)


@pytest.mark.parametrize(("path", "body", "status"), [(*PATHS[0], 429), (*PATHS[2], 503), (*PATHS[3], 503)])
async def test_when_too_many_wait_a_tool_is_asked_to_come_back(desk: Desk, path: str, body: Any, status: int) -> None:
    desk.waiting = MOST_WAITING + 1
    answer = await desk.post(path, body)
    assert "too many" in refused(answer, status)[0]
    assert int(answer.headers["retry-after"]) > 0
    assert (desk.stream.calls, desk.counted("refused")) == (0, 1)
    desk.waiting = MOST_WAITING
    assert (await desk.post(path, body)).status == 202


async def test_what_is_wrong_is_wrong_also_when_too_many_wait(desk: Desk) -> None:
    desk.waiting, desk.stream.down = MOST_WAITING + 1, True
    refused(await desk.enqueue(event(event_action="explode")), 400)


# --- changes ----------------------------------------------------------------------------------------------------------------------------
async def test_a_change_is_recorded_and_pages_nobody(desk: Desk) -> None:
    answer = await desk.post("/v2/change/enqueue", CHANGE)
    assert (answer.status, answer.json) == (202, {"status": "success", "message": "Change event processed"})
    await desk.post("/v2/change/enqueue", {"routing_key": PD, "payload": {"summary": "Deploy\n43"}})
    assert (desk.changes, desk.stream.calls) == ([("pd", "Deploy 42 (ci)"), ("pd", "Deploy 43")], 0)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"payload": {"summary": "x"}}, ["routing_key"]),
        ({"routing_key": PROM, "payload": {"summary": "x"}}, ["routing_key"]),
        ({"routing_key": PD}, ["payload", "payload.summary"]),
        ({"routing_key": PD, "payload": {"source": "ci"}}, ["payload.summary"]),
    ],
)
async def test_a_change_that_can_not_be_understood_names_its_fields(desk: Desk, body: Any, fields: list[str]) -> None:
    assert [error.split("'")[1] for error in refused(await desk.post("/v2/change/enqueue", body))] == fields
    assert desk.changes == []


# --- bodies -----------------------------------------------------------------------------------------------------------------------------
RAW = json.dumps(EVENT).encode()
ALL = ["/v2/enqueue", "/v2/change/enqueue", f"/in/generic/{HOOK}", f"/in/alertmanager/{PROM}"]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "image/png", "", ";;=", "\xff"])
async def test_the_content_type_does_not_matter_where_there_is_json(desk: Desk, kind: str) -> None:
    assert (await desk.post("/v2/enqueue", RAW, content_type=kind)).status == 202


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"", "line 1, column 1"),
        (b"disk full", "line 1, column 1"),
        (b'{"routing_key": "x",\n "event_action": }', "line 2, column 18"),
        (RAW[:-1], f"line 1, column {len(RAW)}"),
        (gzip.compress(RAW, mtime=0), "line 1, column 1"),
        (b"\xff\xd8\xff\xe0", "line 1, column 1"),
    ],
)
@pytest.mark.parametrize("path", ALL)
async def test_what_is_no_json_is_refused_with_its_place(desk: Desk, path: str, raw: bytes, place: str) -> None:
    [error] = refused(await desk.post(path, raw))
    assert error.startswith(place)
    assert desk.stream.calls == 0


@pytest.mark.parametrize("depth", [101, 5_000, MAX_BODY // 2 - 100])
@pytest.mark.parametrize("path", ALL)
async def test_deep_nesting_is_refused(desk: Desk, path: str, depth: int) -> None:
    answer = await desk.post(path, b'{"a": %b}' % (b"[" * depth + b"]" * depth))
    assert "inside one another" in refused(answer)[0]


async def test_half_an_emoji_costs_no_page(desk: Desk) -> None:
    raw = json.dumps(event({"summary": "disk 🔥"}, dedup_key="k🔥")).replace("\\udd25", "").encode()
    answer = await desk.enqueue(raw)
    assert (answer.status, answer.json["dedup_key"]) == (202, "k?")
    assert [(a.summary, a.dedup_key) for a in desk.stream.alerts] == [("disk ?", "k?")]


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("chunked", [False, True])
async def test_half_a_megabyte_is_the_most(desk: Desk, path: str, chunked: bool) -> None:
    headers = {"transfer-encoding": "chunked"} if chunked else {"content-length": str(MAX_BODY + 1)}
    body = (b" " * MAX_BODY, b" ") if chunked else ()
    answer = await call(desk.app, "POST", path, *body, headers=headers, rest="stuck")  # nobody waits for the rest of it
    assert str(MAX_BODY) in refused(answer, 413)[0]
    assert (answer.headers["connection"], desk.stream.calls) == ("close", 0)


async def test_half_a_megabyte_itself_is_taken(desk: Desk) -> None:
    assert MAX_BODY == 512 * 1024
    assert (await desk.enqueue(RAW + b" " * (MAX_BODY - len(RAW)))).status == 202


@pytest.mark.parametrize("length", ["²", "-1", "9" * 5000, "ten"])
async def test_no_length_that_a_client_says_is_a_fault_of_ours(desk: Desk, length: str) -> None:
    answer = await desk.post("/v2/enqueue", RAW, content_length=length)
    assert answer.status == (413 if length.startswith("9") else 202)


@pytest.mark.parametrize("path", ALL)
async def test_a_body_that_does_not_come_is_a_408(desk: Desk, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pager.web.bodies._PATIENCE", 0.005)
    answer = await call(desk.app, "POST", path, RAW[:40], headers={"content-length": str(len(RAW))}, rest="stuck")
    refused(answer, 408)
    assert (answer.headers["connection"], desk.stream.calls) == ("close", 0)


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("sent", [RAW, RAW[:40], b""])
async def test_whoever_hangs_up_before_the_end_has_sent_nothing(desk: Desk, path: str, sent: bytes) -> None:
    answer = await call(desk.app, "POST", path, sent, headers={"content-length": str(len(RAW))}, rest="gone")
    assert (answer.status, desk.stream.calls, desk.changes) == (400, 0, [])


ANY = Desk()


@settings(max_examples=100)
@given(json_values("routing_key", "event_action", "dedup_key", "payload", "summary"), st.booleans())
def test_no_body_is_a_fault_of_ours(body: Any, known: bool) -> None:
    if known and isinstance(body, dict):
        body = {**body, "routing_key": PD, "event_action": body.get("event_action", "trigger")}
    raw = json.dumps(body).encode()

    async def each() -> list[int]:
        return [(await ANY.post(path, raw)).status for path in ALL]

    statuses = asyncio.run(each())
    assert set(statuses[:2]) <= {202, 400}
    assert set(statuses[2:]) == {202}


# --- Alertmanager -----------------------------------------------------------------------------------------------------------------------
def firing(fingerprint: str, **fields: Any) -> dict[str, Any]:
    return {
        "status": "firing", "labels": {"alertname": "DiskFull", "instance": fingerprint, "severity": "critical"},
        "annotations": {"summary": "Disk full"}, "startsAt": "2026-06-02T01:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prom.example.com/graph", "fingerprint": fingerprint, **fields,
    }  # fmt: skip


def group(*alerts: Any, **fields: Any) -> dict[str, Any]:
    return {
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "pager", "groupLabels": {},
        "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am.example.com", "alerts": list(alerts), **fields,
    }  # fmt: skip


def stored(desk: Desk) -> list[tuple[str, str, str]]:
    return [(a.scope, a.dedup_key, a.action.value) for a in desk.stream.alerts]


async def test_each_alert_of_a_group_is_one_of_its_own_and_they_are_stored_together(desk: Desk) -> None:
    body = group(firing("a1"), firing("a2", status="resolved", endsAt="2026-06-02T02:00:00Z"), firing("a3"))
    answer = await desk.post(f"/in/alertmanager/{PROM}", body)
    assert (answer.status, answer.json) == (202, {"status": "success", "message": "3 alerts accepted", "alerts": 3})
    assert stored(desk) == [("prom", "a1", "trigger"), ("prom", "a2", "resolve"), ("prom", "a3", "trigger")]
    assert desk.stream.calls == 1, "all or none"


async def test_a_group_that_was_cut_says_so(desk: Desk) -> None:
    await desk.post(f"/in/alertmanager/{PROM}", group(firing("a1"), firing("a2"), truncatedAlerts=7))
    assert all("left out 7 alerts" in " ".join(a.notes) and a.details["truncatedAlerts"] == 7 for a in desk.stream.alerts)
    assert len(desk.stream.alerts) == 2


async def test_an_empty_group_is_no_trouble_and_nothing(desk: Desk) -> None:
    desk.stream.down = True
    answer = await desk.post(f"/in/alertmanager/{PROM}", group())
    assert (answer.status, answer.json["alerts"], desk.stream.calls) == (202, 0, 0)


@pytest.mark.parametrize("body", [[], {"alerts": None}, "x", {"alerts": [5]}])
async def test_what_is_not_understood_is_a_page(desk: Desk, body: Any) -> None:
    assert (await desk.post(f"/in/alertmanager/{PROM}", body)).status == 202
    [alert] = desk.stream.alerts
    assert (alert.action, alert.details) == (Action.TRIGGER, {"raw": body})


@pytest.mark.parametrize(
    "path",
    [
        f"/in/alertmanager/{HOOK}", f"/in/generic/{PROM}", f"/in/alertmanager/{PROM}x", f"/in/alertmanager/{PROM[:-1]}", "/in/generic/%20",
        f"/in/alertmanager/%20{PROM}", f"/in/ALERTMANAGER/{PROM}", f"/in/events-v2/{PD}", f"/in/nagios/{PROM}", f"/in/heartbeat/{PROM}",
        f"/in/alertmanager/{PROM}%00", "/in/generic/%ED%A0%80", "/in/generic/%FF", "/in/alertmanager/" + "x" * 60_000, f"/in/%00/{PROM}",
    ],
)  # fmt: skip
async def test_a_wrong_key_or_kind_is_a_404(desk: Desk, path: str) -> None:
    answer = await call(desk.app, "POST", path, headers={"content-length": "1000000"}, rest="stuck")
    assert refused(answer, 404) == ["no integration of this kind has this key"]
    assert desk.counted("invalid") == 1


# --- anything -----------------------------------------------------------------------------------------------------------------------------
async def test_any_tool_can_send_one_alert_or_several(desk: Desk) -> None:
    answer = await desk.post(f"/in/generic/{HOOK}", [{"summary": "a", "dedup_key": "1"}, {"action": "resolve", "dedup_key": "2"}])
    assert (answer.status, answer.json["alerts"], stored(desk)) == (202, 2, [("hook", "1", "trigger"), ("hook", "2", "resolve")])


async def test_a_form_is_as_good_as_json(desk: Desk) -> None:
    body = b"summary=disk+full&dedup_key=d1&severity=critical&zone=a"
    assert (await desk.post(f"/in/generic/{HOOK}", body, content_type="application/x-www-form-urlencoded")).status == 202
    [alert] = desk.stream.alerts
    assert (alert.summary, alert.dedup_key, alert.severity, alert.labels) == ("disk full", "d1", Severity.CRITICAL, {"zone": "a"})


async def test_fields_can_be_told_where_to_find_them(desk: Desk) -> None:
    assert (await desk.post(f"/in/generic/{MAPPED}", {"title": "Backup failed", "id": "b-1"})).status == 202
    assert [(a.summary, a.dedup_key) for a in desk.stream.alerts] == [("Backup failed", "b-1")]


# --- one sender can't drown the others --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/in/generic/{HOOK}", b"[%b]" % b",".join([b"{}"] * 170_000)),
        (f"/in/alertmanager/{PROM}", b'{"alerts": [%b]}' % b",".join([b'{"labels":{"a":1}}'] * (MOST_ALERTS + 1))),
    ],
)
async def test_more_alerts_than_any_tool_sends_are_one_page_that_holds_them(desk: Desk, path: str, body: bytes) -> None:
    assert len(body) <= MAX_BODY
    assert (await desk.post(path, body)).json["alerts"] == 1
    await desk.post(path, body.replace(b"]", b", {}]"))
    first, again = desk.stream.alerts
    assert (first.dedup_key, first.details["raw"]) == (again.dedup_key, json.loads(body))
    assert f"at most {MOST_ALERTS}" in first.notes[0]


async def test_as_many_as_that_are_taken(desk: Desk) -> None:
    body = [{"summary": "x", "dedup_key": str(n)} for n in range(MOST_ALERTS)]
    assert (await desk.post(f"/in/generic/{HOOK}", body)).json["alerts"] == MOST_ALERTS


@pytest.mark.parametrize("name", ["receiver", "groupKey", "externalURL", "status"])
async def test_what_a_group_says_of_all_its_alerts_is_not_kept_at_length_for_each(desk: Desk, name: str) -> None:
    alerts = [{"labels": {"a": str(n)}} for n in range(1000)]
    body = group(*alerts, **{name: "x" * 400_000})
    assert (await desk.post(f"/in/alertmanager/{PROM}", body)).json["alerts"] == 1000
    assert sum(desk.stream.sizes) < 4_000_000


# --- what tools really send -----------------------------------------------------------------------------------------------------------
def _payloads(kind: str) -> Iterator[tuple[Path, Any]]:
    for path in sorted(contract(f"payloads/{kind}").glob("*.json")):
        yield path, json.loads(path.read_bytes())


async def test_every_event_of_the_contract_is_taken_as_it_is(desk: Desk) -> None:
    tried = 0
    for path, body in _payloads("pagerduty-events-v2"):
        if "routing_key" not in body:
            continue
        is_change = "event_action" not in body
        raw = json.dumps({**body, "routing_key": PD}).encode()
        answer = await desk.post("/v2/change/enqueue" if is_change else "/v2/enqueue", raw)
        assert answer.status == 202, (path.name, answer.text)
        if not is_change:
            alert = desk.stream.alerts.pop()
            assert (alert.action.value, alert.notes) == (body["event_action"], ()), path.name
            assert answer.json["dedup_key"] == alert.dedup_key == body.get("dedup_key", alert.dedup_key), path.name
        tried += 1
    assert tried > 5
    assert len(desk.changes) == 1


async def test_the_answers_have_the_shape_of_the_contracts(desk: Desk) -> None:
    known = {path.name: body for path, body in _payloads("pagerduty-events-v2")}
    yes, no = known["response-202.json"], known["response-400.json"]
    assert (await desk.enqueue(event(dedup_key=yes["dedup_key"]))).json == yes
    assert {**(await desk.enqueue(event(routing_key="x"))).json, "errors": no["errors"]} == no


async def test_every_group_of_the_contract_is_its_alerts(desk: Desk) -> None:
    tried = 0
    for path, body in _payloads("alertmanager"):
        if "alerts" not in body:
            continue
        desk.stream.alerts.clear()
        assert (await desk.post(f"/in/alertmanager/{PROM}", path.read_bytes())).status == 202
        due = [("prom", a["fingerprint"], "resolve" if a["status"] == "resolved" else "trigger") for a in body["alerts"]]
        assert stored(desk) == due, path.name
        assert all(a.notes == () and a.summary for a in desk.stream.alerts)
        tried += 1
    assert tried > 3


async def test_a_night_of_the_contract_ends_resolved() -> None:
    house = House()
    app = served(intake=Intake(Keyring(lambda: house.rules.config), house.ports.alerts.add_many, _no_change, lambda: 0, house.metrics))
    folder = contract("payloads/alertmanager")
    states = []
    for name in ("fires", "partly-resolved", "resolves"):
        assert (await call(app, "POST", f"/in/alertmanager/{PROM}", (folder / f"{name}.json").read_bytes())).status == 202
        await house.work()
        states.append([incident.state.value for incident in house.store.incidents.values()])
    assert states == [["triggered", "triggered"], ["triggered", "resolved"], ["resolved", "resolved"]]
