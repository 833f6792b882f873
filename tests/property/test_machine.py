"""The escalation machine under random events, duplicates, late news, failing providers and clock steps: what must hold, holds."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pager.model.event import Due, Event, Fault, PageAccepted, PageDelivered, PageFailed, PageUnconfirmed
from pager.model.incident import DeadlineKind, PageState, Phase, State
from pager.model.outgoing import SendPage
from tests.night import Night, accepts, clock, config_of, is_busy, never_answers, refuses
from tests.payments import PAYMENTS, with_policy

CONFIGS = [
    config_of(text)
    for text in (
        PAYMENTS,
        with_policy(
            '[{notify: ["user:ana"], ack_timeout: 5m, repeat_every: 2m}, {notify: ["schedule:empty"]}, {notify: ["service:plain"]}]'
        ),
        with_policy(
            '[{notify: ["user:ben", "user:nomad", "user:erik"], via: [sms], ack_timeout: 5m, wait_for: all}]', ", after_last: {loop: 2}"
        ),
        with_policy('[{notify: ["schedule:empty"], wait_for_hours: {from: "09:00", to: "17:00"}}, {notify: ["user:nomad"]}]'),
    )
]
PEOPLE = st.sampled_from(["ana", "ben", "dora", "erik", "cli"])
FAULTS = st.sampled_from(list(Fault))
SPANS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=3))


class Chain(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.night = Night(CONFIGS[0])
        self.before_state: State | None = None

    # --- what happens -----------------------------------------------------------------------------------------------------------------
    @rule(k=st.integers(0, len(CONFIGS) - 1))
    def config_changes(self, k: int) -> None:
        ref = self.night.snapshot.incident.policy_ref if self.night.snapshot.incident else None
        self.night.rules = Night(CONFIGS[k]).rules
        if ref is not None:
            assert self.night.incident.policy_ref == ref

    @rule(how=st.sampled_from([accepts, refuses, is_busy, never_answers]), fault=FAULTS)
    def provider_changes(self, how: object, fault: Fault) -> None:
        self.night.provider = (lambda page: refuses(page, fault=fault)) if how is refuses else how  # type: ignore[assignment]

    @rule(
        severity=st.sampled_from(["critical", "error", "warning", "info"]), service=st.sampled_from(["plain", "checkout", "mine", "db", ""])
    )
    def trigger(self, severity: str, service: str) -> None:
        self.night.alert(severity=severity, service=service)

    @rule(action=st.sampled_from(["trigger", "resolve", "acknowledge"]), back=st.integers(0, 100_000))
    def old_entry(self, action: str, back: int) -> None:
        """An entry that another worker held for a while."""
        at = int(self.night.now.timestamp() * 1000) - back
        self.night.see({"action": action, "summary": "old", "dedup_key": "k", "service": "plain"}, entry=(at, 0))

    @rule()
    def resolve(self) -> None:
        self.night.resolve()

    @precondition(lambda self: self.night.snapshot.incident is not None)
    @rule(action=st.sampled_from(["acknowledge", "resolve", "snooze", "escalate", "assign", "note"]), by=PEOPLE, span=SPANS, to=PEOPLE)
    def reply(self, action: str, by: str, span: timedelta, to: str) -> None:
        self.night.say(action, by=by, duration=span, target=f"user:{to}", text="looking")

    @rule(span=SPANS)
    def time_passes(self, span: timedelta) -> None:
        self.night.until(clock(self.night.now - self.night.start + span))

    @rule(span=SPANS)
    def daemon_stalls(self, span: timedelta) -> None:
        chain_moves = ("stage.entered", "catch_all.entered")
        before = [e for e in self.night.entries if e.event in chain_moves]
        reached = len(self.night.sent)
        self.night.stall_until(clock(self.night.now - self.night.start + span))
        moved = len([e for e in self.night.entries if e.event in chain_moves]) - len(before)
        empty = len([e for e in self.night.entries if e.event in ("stage.nobody", "person.unreachable")])
        assert moved <= 1 or empty, f"{moved} moves after a stall, {len(self.night.sent) - reached} pages"

    @rule(back=st.timedeltas(min_value=timedelta(0), max_value=timedelta(minutes=5)))
    def clock_steps_back(self, back: timedelta) -> None:
        self.night.now = max(self.night.now - back, self.night.start)
        self.night.happen(Due())

    @precondition(lambda self: self.night.snapshot.incident is not None and self.night.incident.pages)
    @rule(data=st.data(), kind=st.sampled_from(["accepted", "delivered", "failed", "unconfirmed"]), fault=FAULTS)
    def news_of_a_page(self, data: st.DataObject, kind: str, fault: Fault) -> None:
        """Receipts come late, twice, and out of order."""
        page = data.draw(st.sampled_from(self.night.incident.pages))
        events: dict[str, Event] = {
            "accepted": PageAccepted(page.seq, page.attempt, page.provider, "SM"),
            "delivered": PageDelivered(page.seq),
            "failed": PageFailed(page.seq, page.attempt, "30005", fault),
            "unconfirmed": PageUnconfirmed(page.seq, "no receipt"),
        }
        decision = self.night.happen(events[kind])
        again = self.night.happen(events[kind])
        assert not [o for o in again.outgoing if isinstance(o, SendPage)] or fault is Fault.AGAIN_ONCE, (decision, again)

    # --- what must hold ---------------------------------------------------------------------------------------------------------------
    @invariant()
    def whoever_is_open_has_a_next_deadline(self) -> None:
        incident = self.night.snapshot.incident
        if incident is not None and incident.is_open:
            assert incident.next_deadline is not None, incident
        if incident is not None and not incident.is_open:
            assert incident.deadlines == ()

    @invariant()
    def nothing_is_on_its_way_once_somebody_has_it(self) -> None:
        incident = self.night.snapshot.incident
        if incident is not None and incident.state is not State.TRIGGERED:
            assert not [p for p in incident.pages if p.state in (PageState.QUEUED, PageState.WAITING)], incident

    @invariant()
    def a_triggered_incident_always_has_somebody_coming(self) -> None:
        """Somebody is asked, or a moment is set at which somebody will be: never silence."""
        incident = self.night.snapshot.incident
        if incident is None or incident.state is not State.TRIGGERED:
            return
        kinds = {d.kind for d in incident.deadlines if d.turn in (-1, incident.turn)}
        out = any(p.state in (PageState.QUEUED, PageState.WAITING) for p in incident.pages)
        timers = {DeadlineKind.ACK_TIMEOUT, DeadlineKind.CATCH_ALL, DeadlineKind.HOURS, DeadlineKind.ASSIGNED}
        assert out or kinds & timers, incident

    @invariant()
    def a_stage_times_out_only_after_somebody_was_asked(self) -> None:
        incident = self.night.snapshot.incident
        if incident is None or incident.phase is not Phase.STAGE or incident.state is not State.TRIGGERED:
            return
        if any(d.kind is DeadlineKind.ACK_TIMEOUT for d in incident.deadlines):
            mine = [p for p in incident.pages if p.turn == incident.turn]
            assert any(p.state.is_out or p.state is PageState.FAILED or p.accepted_at for p in mine), incident

    @invariant()
    def record_and_incident_agree(self) -> None:
        snapshot = self.night.snapshot
        if snapshot.record is not None and snapshot.record.open:
            assert snapshot.incident is not None
            assert snapshot.incident.is_open

    @invariant()
    def every_page_has_a_reason(self) -> None:
        queued = [e for e in self.night.entries if e.event == "page.queued"]
        sent = {(s.page.seq, id(s.page)) for s in self.night.sent if s.page.attempt == 1}
        assert len(queued) >= len(sent) or not sent
        assert all(e.what for e in queued)


Chain.TestCase.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
TestChain = Chain.TestCase
