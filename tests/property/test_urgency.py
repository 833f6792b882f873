"""Whatever happens to it, an incident of low urgency that nobody acknowledges is high, and paged for, within bounded time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pager.model.alert import Urgency
from pager.model.event import Due, Look
from pager.model.incident import State
from tests.night import Night, config_of

BASE: dict[str, Any] = {
    "settings": {
        "timezone": "Europe/Madrid",
        "catch_all": {"notify": ["user:boss"], "every": "7h"},
        "ladder": {"high": [{"via": ["sms"]}], "low": [{"via": ["email"]}]},
    },
    "providers": {"twilio": {"account_sid": "a", "auth_token": "b", "from": "+1"}, "email": {"smtp": "smtp://localhost"}},
    "channels": {"sms": ["twilio"], "email": ["email"]},
    "users": {u: {"name": u, "contact": {"sms": f"+3460000000{k}", "email": f"{u}@example.com"}} for k, u in enumerate(("ana", "boss"))},
    "routes": [{"name": "calm", "match": {"class": "calm"}, "urgency": "low"}],
}
HOURS = st.fixed_dictionaries(
    {"from": st.sampled_from(["02:30", "09:00", "22:00"]), "to": st.sampled_from(["03:00", "13:00", "18:00"])},
    optional={"days": st.sampled_from([["mon"], ["sat", "sun"], ["mon", "tue", "wed", "thu", "fri"]])},
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 40 * 60)),
        st.tuples(st.just("alert"), st.sampled_from(["info", "warning", "error", "critical"])),
        st.tuples(st.just("say"), st.sampled_from(["acknowledge", "snooze", "escalate", "assign"])),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=6,
)
LONGEST = timedelta(days=7 + 7 + 1)  # the wait for the hours, then for somebody to look, then an acknowledgement that expires


@given(
    support=st.none() | HOURS,
    digest=HOURS,
    high_after=st.sampled_from(["20m", "4h", "30h"]),
    maintenance=st.booleans(),
    opened=st.sampled_from([datetime(2026, 10, 23, 5, tzinfo=UTC), datetime(2026, 3, 27, 20, tzinfo=UTC)]) | st.just(datetime(2026, 6, 3, 12, tzinfo=UTC)),
    later=st.integers(0, 3 * 24 * 60),
    severity=st.sampled_from(["info", "warning", "error"]),
    kind=st.sampled_from(["", "calm"]),
    steps=STEPS,
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_low_urgency_that_nobody_acknowledges_is_high_and_paged_in_time(
    support: dict[str, Any] | None, digest: dict[str, Any], high_after: str, maintenance: bool, opened: datetime, later: int, severity: str,
    kind: str, steps: list[tuple[str, Any]],
) -> None:  # fmt: skip
    service = {"policy": "p", **({"support_hours": support} if support else {})}
    made = {**BASE, "services": {"db": service}, "policies": {"p": {"stages": [{"notify": ["user:ana"], "ack_timeout": "3h"}]}}}
    made["settings"] = {**BASE["settings"], "digest": {"hours": digest, "high_after": high_after}}
    if maintenance:
        made["noise"] = {"maintenance": [{"name": "m", "match": {"service": "db"}, "hours": {"from": "01:00", "to": "05:00"}}]}
    night = Night(config_of(json.dumps(made)), opened + timedelta(minutes=later))
    night.alert(service="db", severity=severity, **({"class": kind} if kind else {}))
    for name, value in steps:
        _step(night, name, value, kind)
        _always(night)
    quiet_since, pages = night.now, len(night.sent)
    while night.incident.urgency is Urgency.LOW or len(night.sent) == pages:
        at = night.incident.next_deadline
        assert at is not None
        assert at <= quiet_since + LONGEST, "it lasts unseen"
        night.now = max(at, night.now)
        night.happen(Due())
        _always(night)
    moment = night.now
    while not any(s.page.channel == "sms" and s.page.accepted_at is None for s in night.sent[pages:]) and night.now < moment + timedelta(
        days=9
    ):
        night.now = max(night.incident.next_deadline or night.now, night.now)
        night.happen(Due())
    assert any(s.page.channel == "sms" for s in night.sent), "it is high, and pages as low urgency does"


def _step(night: Night, name: str, value: Any, kind: str) -> None:
    match name:
        case "wait":
            minutes = int((night.now - night.start).total_seconds()) // 60 + value
            night.until(f"{minutes // 60}:{minutes % 60:02}:00")
        case "alert":
            night.alert(service="db", severity=value, **({"class": kind} if kind else {}))
        case "say":
            night.say(value, **({"duration": timedelta(hours=5)} if value == "snooze" else {"target": "boss"} if value == "assign" else {}))
        case _:
            night.happen(Look())


def _always(night: Night) -> None:
    incident = night.incident
    assert incident.next_deadline is not None
    if incident.state is State.TRIGGERED and incident.urgency is Urgency.LOW:
        assert any(deadline.kind in ("support", "unseen") for deadline in incident.deadlines), "low, and nothing will change it"
