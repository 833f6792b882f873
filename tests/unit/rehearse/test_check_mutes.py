"""What `pagerd check` says of rules that mute."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pager.rehearse.check import check
from tests.night import CARRIED, START, config_of
from tests.payments import PAYMENTS

LIMIT = "\nnoise:\n  limits: {suppress_at_most: 2h}\n  "


def said(rule: str) -> list[str]:
    found = check(config_of(PAYMENTS + LIMIT + rule + "\n"), (), CARRIED, START, START + timedelta(days=7))
    return [f"{p.level}: {p.path}: {p.message}{f' ({p.suggestion})' if p.suggestion else ''}" for p in found if p.path.startswith("noise")]


@pytest.mark.parametrize(
    ("rule", "path", "span"),
    [
        ("pause: [{name: x, match: {a: b}, for: 3h}]", "pause", "3h"),
        ("silences: [{name: x, match: {a: b}, from: 2026-06-02T01:00Z, to: 2026-06-02T05:00Z}]", "silences", "4h"),
        ("maintenance: [{name: x, match: {a: b}, from: 2026-06-02T01:00, to: 2026-06-03T01:00}]", "maintenance", "1d"),
        ("maintenance: [{name: x, match: {a: b}, hours: {from: '23:00', to: '02:00'}}]", "maintenance", "3h"),
    ],
)
def test_what_would_mute_for_longer_than_may_be_is_said(rule: str, path: str, span: str) -> None:
    [one] = said(rule)
    assert one.startswith(f"warning: noise.{path}.x: mutes for {span}, and nothing is muted for more than 2h")


@pytest.mark.parametrize(
    "rule",
    ["pause: [{name: x, match: {a: b}, for: 2h}]", "maintenance: [{name: x, match: {service: db}, hours: {from: '02:00', to: '04:00'}}]"],
)
def test_what_is_bounded_and_names_what_is_there_is_not_spoken_of(rule: str) -> None:
    assert said(rule) == []


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("pause: [{name: x, match: {service: [db, checkuot]}, for: 5m}]", "pause.x"),
        ("inhibit: [{name: x, if_open: {service: checkuot}, mute: {a: b}}]", "inhibit.x.if_open"),
        ("group: [{name: x, by: service, window: 5m, match: {service: checkuot}}]", "group.x"),
    ],
)
def test_a_service_that_is_not_there_may_be_a_slip(rule: str, path: str) -> None:
    [one] = said(rule)
    advice = "(did you mean checkout?)"
    assert one == f"warning: noise.{path}: there is no service 'checkuot': only an alert that names it itself matches {advice}"
