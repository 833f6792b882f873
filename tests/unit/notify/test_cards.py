"""What a card says: to whoever is asked, and to everybody who looks at a channel."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pager.model.alert import Link
from pager.model.event import Entry, Fault, PageFailed
from pager.model.incident import Incident, Phase, State
from pager.notify.card import Card
from pager.notify.cards import OFFERED, headline, incident_card, next_step, page_card, state_words, subject, title, told
from tests.night import Night, accepts, config_of, refuses
from tests.payments import PAYMENTS, with_policy

ACK, RESOLVE, ESCALATE, SNOOZE = OFFERED
RUNBOOK = PAYMENTS.replace("sla: {ack: 5m, resolve: 1h}", 'sla: {ack: 5m, resolve: 1h}, runbook: "https://wiki.example.com/checkout"')


def night_of(config: str = PAYMENTS, **alert: Any) -> Night:
    night = Night(config_of(config))
    night.alert(**alert)
    return night


def asked(night: Night, seq: int = 1, late: timedelta | None = None) -> Card:
    """The card of a page."""
    incident, rules = night.incident, night.rules
    page = incident.page(seq)
    assert page is not None
    assert night.snapshot.record is not None
    service = rules.config.services.get(incident.service)
    return page_card(incident, night.snapshot.record, page, service, night.now, late, rules.names)


def shown(night: Night) -> Card:
    """The card of the incident."""
    snapshot, rules = night.snapshot, night.rules
    assert snapshot.record is not None
    record = night.incident.ended_with or snapshot.record
    service = rules.config.services.get(night.incident.service)
    return incident_card(night.incident, record, snapshot.policy, service, night.now, rules.names)


def facts(card: Card) -> dict[str, str]:
    return {fact.name: fact.value for fact in card.facts}


def following(night: Night) -> str:
    return next_step(night.incident, night.snapshot.policy, night.rules.names)


def mine(stages: str, extra: str = "", **alert: Any) -> Night:
    return night_of(with_policy(stages, extra), service="mine", **alert)


# --- one line --------------------------------------------------------------------------------------------------------------------------
def test_a_phones_lock_screen_says_how_it_stands() -> None:
    night = night_of(summary="disk full on db1")
    assert headline(shown(night)) == "#1 CRITICAL checkout: disk full on db1 (triggered, stage 1, asking Ana Ruiz)"
    night.say("acknowledge")
    assert headline(shown(night)).endswith("(acknowledged by Ana Ruiz at 01:00 UTC)")
    assert headline(asked(night)) == "#1 CRITICAL checkout: disk full on db1"


# --- title and subject --------------------------------------------------------------------------------------------------------------------
def test_a_title_begins_with_number_severity_and_service() -> None:
    assert shown(night_of(summary="disk full on db1")).title == "#1 CRITICAL checkout: disk full on db1"


def test_a_title_is_one_line_and_has_an_end() -> None:
    card = asked(night_of(summary="disk\nfull \x1b[31m" + "x" * 3000))
    assert "\n" not in card.title
    assert "\x1b" not in card.title
    assert card.title.endswith("...")
    assert len(card.title) < 600


def test_a_drill_is_called_one_in_title_and_subject() -> None:
    night = night_of(summary="disk full")
    drill = replace(night.incident, drill=True)
    assert night.snapshot.record is not None
    assert title(drill, night.snapshot.record) == "DRILL #1 CRITICAL checkout: disk full"
    assert subject(drill, night.snapshot.record) == "DRILL [#1] checkout: disk full"


def test_the_subject_stays_the_same_from_the_first_page_to_the_end_so_that_mail_programs_keep_the_thread() -> None:
    night = night_of(summary="disk full")
    subjects = set()
    for what in (lambda: None, lambda: night.alert(severity="error"), lambda: night.say("acknowledge"), lambda: night.say("resolve")):
        what()
        record = night.incident.ended_with or night.snapshot.record
        assert record is not None
        subjects.add(subject(night.incident, record))
    assert subjects == {"[#1] checkout: disk full"}


def test_a_subject_is_short_and_never_two_lines() -> None:
    night = night_of(summary="a\r\nBcc: everybody@example.com " + "x" * 500)
    assert night.snapshot.record is not None
    found = subject(night.incident, night.snapshot.record)
    assert len(found) <= 120
    assert "\n" not in found
    assert "\r" not in found


def test_without_a_service_the_subject_has_no_empty_name() -> None:
    night = night_of(service="", summary="disk full")
    assert night.snapshot.record is not None
    assert subject(night.incident, night.snapshot.record) == "[#1] disk full"


# --- a page -------------------------------------------------------------------------------------------------------------------------------
def test_the_first_page_says_what_is_broken_how_long_there_is_and_offers_all_answers() -> None:
    card = asked(night_of(RUNBOOK, summary="disk full", source="node-exporter", component="db1"))
    assert (card.number, card.page, card.state) == (1, 1, State.TRIGGERED)
    assert card.actions == (ACK, RESOLVE, ESCALATE, SNOOZE)
    assert card.lines == ("SLA: 5m left to acknowledge.",)
    assert facts(card) == {"Source": "node-exporter", "Component": "db1"}
    assert card.links == (Link(href="https://wiki.example.com/checkout", text="Runbook"),)


def test_a_page_of_stage_2_tells_who_was_asked_before_and_what_was_noted() -> None:
    night = night_of(PAYMENTS.replace('"schedule:secondary", "user:dora"', '"schedule:secondary"'))
    night.until("2:00").say("note", by="ana", text="the pump is off")
    night.until("5:00")
    assert asked(night, seq=2).lines == (
        "Stage 2; before you: Ana Ruiz (sms 01:00 UTC, no answer).",
        "SLA: 55m left to resolve.",
        "Notes: Ana Ruiz: the pump is off.",
    )


def test_a_late_page_says_so_first() -> None:
    assert asked(night_of(), late=timedelta(minutes=2)).lines[0] == "late by 2m."


def test_a_page_about_what_is_over_offers_nothing() -> None:
    night = night_of()
    night.say("resolve")
    assert asked(night).actions == ()


def test_a_page_counts_repeats_and_names_labels() -> None:
    night = night_of(labels={"cluster": "eu-1", "pod": "db-0"})
    night.alert()
    night.alert()
    found = facts(asked(night))
    assert found["Counted"] == "2 repeats"
    assert found["Labels"] == "cluster=eu-1, pod=db-0"


def test_links_are_only_what_a_browser_opens_each_once_and_not_without_end() -> None:
    links = [
        {"href": "javascript:alert(1)", "text": "x"},
        {"href": "https://a.example", "text": ""},
        {"href": "https://a.example", "text": "again"},
    ]
    links += [{"href": f"https://b.example/{k}", "text": f"graph\n{k}"} for k in range(20)]
    card = asked(night_of(RUNBOOK, links=links, client="Grafana", client_url="https://grafana.example"))
    assert [link.text for link in card.links][:3] == ["Runbook", "Link", "graph 0"]
    assert len(card.links) == 8
    assert all(link.href.startswith("https://") for link in card.links)


# --- the incident -------------------------------------------------------------------------------------------------------------------------
def test_a_triggered_incident_shows_who_is_asked_who_was_paged_what_comes_next_and_the_time_left() -> None:
    card = shown(night_of(RUNBOOK, source="node-exporter"))
    assert facts(card) == {
        "State": "triggered, stage 1, asking Ana Ruiz",
        "Paged": "Ana Ruiz (sms 01:00)",
        "Next": "service level broken: stage 2 of 3 at 01:05 UTC",
        "Service level": "5m left to acknowledge",
        "Source": "node-exporter",
    }
    assert card.actions == OFFERED
    assert card.page == 0, "it is about the incident, not about one page"
    assert card.links[0].text == "Runbook"


def test_an_acknowledged_incident_shows_who_has_it_and_offers_no_acknowledgement() -> None:
    night = night_of()
    night.until("3:00").say("acknowledge", by="ana")
    card = shown(night)
    assert facts(card)["State"] == "acknowledged by Ana Ruiz at 01:03 UTC"
    assert facts(card)["Next"] == "stage 2 of 3 at 01:48 UTC"
    assert facts(card)["Service level"] == "57m left to resolve"
    assert card.actions == (RESOLVE, ESCALATE, SNOOZE)


def test_a_resolved_incident_shows_by_whom_and_after_how_long_and_offers_nothing() -> None:
    night = night_of(RUNBOOK)
    night.until("3:00").say("acknowledge", by="ana")
    night.until("20:30").say("resolve", by="ben")
    card = shown(night)
    assert facts(card)["State"] == "resolved by Ben Okafor at 01:20 UTC, after 20m"
    assert not {"Next", "Service level"} & set(facts(card))
    assert card.actions == ()
    assert card.links[0].text == "Runbook"


def test_a_snoozed_incident_says_by_whom_and_until_when() -> None:
    night = night_of(service="plain")
    night.say("snooze", by="ana", duration=timedelta(hours=2))
    assert facts(shown(night))["State"] == "snoozed by ana until 2026-06-02 03:00 UTC"
    assert following(night) == "the snooze ends at 03:00 UTC"


def test_what_was_noted_stands_on_the_card_the_last_five() -> None:
    night = night_of()
    for k in range(7):
        night.say("note", by="ana", text=f"step {k}\nof many")
    assert shown(night).lines == tuple(f"Note by Ana Ruiz: step {k} of many" for k in range(2, 7))


def test_whoever_no_page_reached_does_not_count_as_paged() -> None:
    night = Night(config_of(PAYMENTS))
    night.provider = lambda page: refuses(page) if page.user == "ana" else accepts(page)
    night.alert()
    card = facts(shown(night))
    assert card["Paged"] == "Ben Okafor (sms 01:00), Dora Weiss (sms 01:00)"
    assert card["State"] == "triggered, stage 2, asking Ben Okafor, Dora Weiss"


def test_whoever_can_not_be_reached_or_has_answered_is_not_called_asked() -> None:
    night = mine('[{notify: ["user:ana", "user:ben", "user:erik"], via: [sms], ack_timeout: 5m, wait_for: all}]')
    night.happen(PageFailed(3, 1, "30005", Fault.ADDRESS))
    night.say("acknowledge", by="ana")
    assert state_words(night.incident, night.rules.names) == "triggered, stage 1, asking Ben Okafor"


def test_a_broken_service_level_is_said() -> None:
    night = night_of()
    night.until("1:10:00")
    assert facts(shown(night))["Service level"] == "should have been resolved 10m ago"


def test_an_unknown_name_stands_as_it_is() -> None:
    night = night_of()
    night.say("acknowledge", by="cli")
    assert facts(shown(night))["State"].startswith("acknowledged by cli at")


def test_a_fact_without_end_is_cut() -> None:
    card = shown(night_of(labels={f"label-{k}": "x" * 100 for k in range(50)}, source="s" * 1000))
    assert all(len(fact.value) <= 400 for fact in card.facts)


# --- what comes next ----------------------------------------------------------------------------------------------------------------------
def test_before_any_page_was_accepted_nothing_is_promised() -> None:
    night = Night(config_of(PAYMENTS))
    night.provider = lambda page: None
    night.alert(service="plain")
    assert following(night) == ""


def test_the_next_stage_follows_an_ack_timeout_and_the_catch_all_the_last() -> None:
    night = night_of(service="plain")
    assert following(night) == "stage 2 of 3 at 01:05 UTC"
    night.until("5:00")
    assert following(night) == "stage 3 of 3 at 01:20 UTC"
    night.until("20:00")
    assert following(night) == "stage 3 again at 01:30 UTC"
    night.until("30:00")
    assert following(night) == "stage 3 again at 01:40 UTC"
    night.until("40:00")
    assert following(night) == "the catch-all at 01:50 UTC"


def test_what_is_said_to_come_next_comes_next() -> None:
    """Stage after stage the word is kept, up to the catch-all."""
    night = night_of(service="plain")
    for _ in range(5):
        said = following(night)
        at = min(d.at for d in night.incident.deadlines)
        night.until(str(at - night.start))
        where = "the catch-all" if night.incident.phase is Phase.CATCH_ALL else f"stage {night.incident.stage + 1}"
        assert said.startswith(where), said
        assert said.endswith(f"{at:%H:%M} UTC")


def test_the_catch_all_goes_on_and_so_does_its_ladder() -> None:
    night = night_of(service="plain")
    night.until("50:00")
    assert following(night) == "the next way to Dora Weiss at 01:53 UTC"
    night.until("53:00")
    assert following(night) == "the catch-all again at 02:00 UTC"
    assert state_words(night.incident, night.rules.names) == "triggered, catch-all, asking Dora Weiss"


def test_a_policy_with_another_pass_begins_again() -> None:
    night = night_of(service="db", severity="info")
    assert following(night) == "stage 1 again at 01:10 UTC"
    night.until("10:00")
    assert following(night) == "the catch-all at 01:20 UTC"


def test_a_rung_that_comes_before_the_next_stage_is_named() -> None:
    night = mine('[{notify: ["user:ana"], ack_timeout: 5m}, {notify: ["user:erik"], via: [sms]}]')
    assert following(night) == "the next way to Ana Ruiz at 01:03 UTC"
    night.until("3:00")
    assert following(night) == "stage 2 of 2 at 01:05 UTC"


def test_a_page_again_inside_the_stage_is_named() -> None:
    night = mine('[{notify: ["user:erik"], via: [sms], ack_timeout: 5m, repeat_every: 2m}]')
    assert following(night) == "another page to who is asked at 01:02 UTC"


def test_a_stage_that_waits_for_all_asks_again() -> None:
    night = mine('[{notify: ["user:ana", "user:ben"], via: [sms], ack_timeout: 5m, wait_for: all}, {notify: ["user:erik"], via: [sms]}]')
    assert following(night) == "stage 1 again at 01:05 UTC"


def test_an_assigned_incident_goes_back_to_its_stage() -> None:
    night = night_of(service="plain")
    night.until("5:00").say("assign", by="ben", target="user:erik")
    assert state_words(night.incident, night.rules.names) == "triggered, assigned, asking Erik Lund"
    assert following(night) == "the next way to Erik Lund at 01:08 UTC"
    night.until("8:00")
    assert following(night) == "stage 2 again at 01:20 UTC"


def test_a_stage_that_waits_for_its_hours_says_when_they_come() -> None:
    night = mine('[{notify: ["user:ana"], via: [sms], wait_for_hours: {from: "09:00", to: "17:00", timezone: UTC}}]')
    assert state_words(night.incident, night.rules.names) == "triggered, stage 1"
    assert following(night) == "stage 1 at 09:00 UTC"


def test_what_comes_on_another_day_is_said_with_its_date() -> None:
    night = night_of(service="db")
    night.say("acknowledge", by="ana")
    assert following(night) == "stage 1 again: the acknowledgement expires at 2026-06-03 01:00 UTC"


def test_an_acknowledgement_in_the_catch_all_expires_into_the_catch_all() -> None:
    night = night_of(service="plain")
    night.until("50:00").say("acknowledge", by="dora")
    assert following(night) == "the catch-all again: the acknowledgement expires at 2026-06-03 01:50 UTC"
    night.until("24:50:00")
    assert night.incident.phase is Phase.CATCH_ALL


def test_a_broken_service_level_in_the_catch_all_leads_to_nobody_new() -> None:
    """Its last stage does not apply, so the chain never stood there."""
    stages = '[{notify: ["user:ana"], via: [sms], ack_timeout: 5m}, {notify: ["user:erik"], via: [sms], match: {severity: info}}]'
    night = night_of(with_policy(stages).replace("mine: {team: payments", "mine: {sla: {resolve: 1h}, team: payments"), service="mine")
    night.until("6:00").say("acknowledge", by="dora")
    assert night.incident.phase is Phase.CATCH_ALL
    assert following(night) == "service level broken: the catch-all again at 02:00 UTC"


def test_what_is_over_has_nothing_to_come() -> None:
    night = night_of()
    night.say("resolve")
    assert following(night) == ""
    assert next_step(night.incident, None, {}) == ""


# --- the thread ---------------------------------------------------------------------------------------------------------------------------
def test_a_thread_tells_who_was_paged_who_took_it_and_how_it_ended() -> None:
    night = night_of(service="plain")
    night.until("2:00").say("acknowledge", by="ana")
    night.until("9:30").say("resolve", by="ana")
    assert told(night.entries, night.rules.names).splitlines()[-3:] == [
        "01:00:00 page accepted: ana by sms through twilio",
        "01:02:00 Ana Ruiz: incident acknowledged: by sms",
        "01:09:30 Ana Ruiz: incident resolved: by sms",
    ]


def test_what_only_the_audit_needs_is_not_told() -> None:
    at = night_of().now
    entries = [Entry(at, 1, event) for event in ("page.queued", "page.waiting", "reply.late", "change.recorded")]
    assert told(entries, {}) == ""
    assert told([], {}) == ""


def test_a_note_is_one_line_and_has_an_end() -> None:
    at = night_of().now
    text = told([Entry(at, 1, "incident.noted", "ana", "on\nmy \x07way " + "x" * 5000)], {"ana": "Ana Ruiz"})
    assert text.startswith("01:00:00 Ana Ruiz: incident noted: on my way")
    assert "\n" not in text
    assert len(text) < 500


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_words(state: State) -> None:
    night = night_of()
    incident: Incident = replace(night.incident, state=state, reason="", acknowledged_by="", resolved_by="")
    assert state_words(incident, {})
