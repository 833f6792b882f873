"""`schedule:x/next`: one in turn of those on call, for each incident."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pager.advance import Advance
from pager.decide import Rules
from pager.intake.fields import Unreadable, read_fields
from pager.model.event import AlertSeen, Event, Fault
from pager.model.incident import Page, Turn
from pager.model.snapshot import Snapshot
from pager.notify.plan import Providers
from pager.telemetry import Metrics
from tests.fakes.memory_store import MemoryStore
from tests.night import Night, accepts, config_of, refuses

CONFIG = """
settings:
  default_policy: pool
  catch_all: {notify: ["user:boss"], every: 10m}
  ladder: {high: [{after: 0s, via: [sms]}], low: [{after: 0s, via: [sms]}]}
providers: {twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}}
channels: {sms: twilio}
users:
  ana: {name: Ana, contact: {sms: "+12125550001"}}
  ben: {name: Ben, contact: {sms: "+12125550002"}}
  cyd: {name: Cyd, contact: {sms: "+12125550003"}}
  dee: {name: Dee}
  boss: {name: Boss, contact: {sms: "+12125550009"}}
schedules:
  pool:
    timezone: UTC
    layers: [{name: all, users: [cyd, ana, ben], every: 1w, starts: 2026-01-05T00:00, take: 3}]
    overrides: OVERRIDES
policies:
  pool:
    stages:
      - {notify: ["schedule:pool/next"], ack_timeout: 5m, on_timeout: repeat, repeat_limit: 1}
      - {notify: ["user:boss", "schedule:pool/next"], ack_timeout: 10m}
"""

FIRST = '{notify: ["schedule:pool/next"], ack_timeout: 5m, on_timeout: repeat, repeat_limit: 1}'


def night(turns: int = 0, overrides: str = "[]", stage: str = "") -> Night:
    """`turns` were taken before; `stage` is another first one."""
    made = Night(config_of(CONFIG.replace("OVERRIDES", overrides).replace(FIRST, stage or FIRST)))
    made.snapshot = Snapshot(turns={"pool": turns})
    return made


def refusing(*users: str, stage: str = "") -> Night:
    made = night(stage=stage)

    def provider(page: Page) -> Event:
        return refuses(page, fault=Fault.ADDRESS) if page.user in users else accepts(page)

    made.provider = provider
    return made


def test_each_incident_asks_the_next_one() -> None:
    asked = []
    for turns in range(7):
        one = night(turns)
        one.alert()
        asked += [user for _, user in one.paged()]
    assert asked == ["ana", "ben", "cyd", "ana", "ben", "cyd", "ana"]


def test_a_repeat_and_a_later_stage_ask_the_same_person_again() -> None:
    one = night(1)
    one.alert()
    one.until("14:59")
    assert one.paged() == [("0:00", "ben"), ("5:00", "ben"), ("10:00", "boss"), ("10:00", "ben")]
    assert one.incident.turns == (Turn("pool", 2, "ben"),)


def test_who_is_asked_and_in_which_turn_is_said() -> None:
    one = night(16)
    one.alert()
    assert one.said("page.queued")[0].startswith("ben by sms: turn 17 of schedule pool: ben (layer all")


def test_whoever_comes_to_those_on_call_does_not_take_over_somebodys_turn() -> None:
    one = night(1, "[{from: 2026-06-02T01:04, to: 2026-06-03T00:00, add: boss}]")
    one.alert()
    one.until("5:00")
    assert one.paged() == [("0:00", "ben"), ("5:00", "ben")]


def test_where_that_person_is_not_on_call_any_more_it_is_the_one_whose_turn_falls_there() -> None:
    one = night(1, "[{from: 2026-06-02T01:04, to: 2026-06-03T00:00, remove: ben}]")
    one.alert()
    one.until("5:00")
    assert one.paged() == [("0:00", "ben"), ("5:00", "cyd")]
    assert one.incident.turns == (Turn("pool", 2, "cyd"),)


def test_who_can_not_be_reached_gives_the_turn_to_the_next_of_those_on_call_at_once() -> None:
    one = refusing("ana", "ben")
    one.alert()
    assert one.paged() == [("0:00", "ana"), ("0:00", "ben"), ("0:00", "cyd")]
    assert one.said("turn.passed_on")[0].startswith("ana can't be reached; turn 1 of schedule pool: ben")
    one.until("5:00")
    assert one.paged()[3:] == [("5:00", "cyd")]


def test_a_page_again_inside_the_stage_asks_nobody_more_than_who_has_the_turn_by_now() -> None:
    one = refusing("ana", stage='{notify: ["schedule:pool/next"], ack_timeout: 5m, repeat_every: 1m}')
    one.alert()
    one.until("3:00")
    assert one.paged(channel="sms")[:2] == [("0:00", "ana"), ("0:00", "ben")]
    assert {user for _, user in one.paged()} == {"ana", "ben"}


def test_where_none_of_them_can_be_reached_the_next_stage_is_entered_at_once() -> None:
    one = refusing("ana", "ben", "cyd")
    one.alert()
    assert one.paged() == [("0:00", "ana"), ("0:00", "ben"), ("0:00", "cyd"), ("0:00", "boss")]
    assert one.incident.stage == 1


def test_whoever_has_no_address_gives_the_turn_to_the_next() -> None:
    one = night(1, "[{from: 2026-06-01T00:00, to: 2026-06-03T00:00, user: dee}, {from: 2026-06-01T00:00, to: 2026-06-03T00:00, add: cyd}]")
    one.alert()
    assert one.paged() == [("0:00", "cyd")]
    assert one.said("turn.passed_on") == ["dee can't be reached; turn 2 of schedule pool: cyd (override by the config)"]
    one = night(1, "[{from: 2026-06-01T00:00, to: 2026-06-03T00:00, user: dee}]")
    one.alert()
    assert one.paged() == [("0:00", "boss")], "nobody else is on call"


def test_nobody_on_call_takes_no_turn() -> None:
    one = night(
        4, "[{from: 2026-06-01T00:00, to: 2026-06-03T00:00, user: dee}, {from: 2026-06-01T00:00, to: 2026-06-03T00:00, remove: dee}]"
    )
    one.alert()
    assert one.paged() == [("0:00", "boss")]
    assert one.incident.turns == ()


# --- many at once -----------------------------------------------------------------------------------------------------------------------
@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 20))
async def test_whatever_comes_together_is_shared_out_evenly(batches: list[int], taken: int) -> None:
    store = MemoryStore()
    store.turns["pool"] = taken
    rules = Rules(config_of(CONFIG.replace("OVERRIDES", "[]")), Providers({"sms": ("twilio",)}))
    workers = [Advance(store.worker(name).incidents, lambda: rules, b"secret", Metrics()) for name in ("w1", "w2")]
    pushed = 0
    for k, count in enumerate(batches):
        alerts = [seen(f"k{n}", n) for n in range(pushed, pushed + count)]
        pushed += count
        assert await workers[k % 2].alerts(alerts) == []
    shares = Counter(incident.runs[0].user for incident in store.incidents.values())
    assert sum(shares.values()) == pushed
    assert max(shares.values()) - min(shares[user] for user in ("ana", "ben", "cyd")) <= 1
    assert store.turns == {"pool": taken + pushed}
    assert sorted(incident.turns[0].number for incident in store.incidents.values()) == list(range(taken + 1, taken + pushed + 1))


def seen(key: str, sequence: int) -> AlertSeen:
    alert = read_fields({"summary": "disk full", "dedup_key": key, "severity": "critical"}, "stream")
    assert not isinstance(alert, Unreadable)
    return AlertSeen(alert, (1, sequence))
