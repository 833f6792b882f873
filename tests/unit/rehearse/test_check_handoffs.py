"""What `pagerd check` says of hand-offs that would reach nobody."""

from __future__ import annotations

from datetime import timedelta

from pager.rehearse.check import check
from tests.night import CARRIED, START, config_of

CONFIG = """
providers: {{slack: {{bot_token: x}}, email: {{smtp: "smtp://127.0.0.1:25", from: a@example.com}}}}
channels: {{chat: slack, email: email}}
users:
  ana: {{name: Ana, contact: {{chat: "slack:U0ANA"}}}}
  dora: {{name: Dora, contact: {{sms: "+12125550104"}}}}
  erik: {{name: Erik, contact: {{email: erik@example.com}}}}
teams: {{sre: {{members: [ana], lead: erik}}}}
schedules:
  week:
    team: sre
    layers: [{{name: w, users: [ana, dora, erik], every: 1w, starts: 2026-01-05T09:00}}]
    handoff: {handoff}
    slack: {{user_group: S0ONCALL}}
"""


def said(handoff: str) -> list[str]:
    found = check(config_of(CONFIG.format(handoff=handoff)), (), CARRIED, START, START + timedelta(days=7))
    return [f"{p.line}: {p.path}: {p.message}" for p in found if "hand-off" in p.message or "member" in p.message]


def test_who_can_not_be_told_or_shown_is_named_with_who_is_told_instead() -> None:
    assert said("{via: [chat, email]}") == [
        "13: schedules.week.handoff: dora can't be told of hand-offs over chat or email: erik is told instead",
        "14: schedules.week.slack.user_group: dora, erik can't be a member of S0ONCALL: no contact.chat",
    ]


def test_a_schedule_whose_hand_offs_are_not_told_needs_no_addresses_for_it() -> None:
    assert said("off") == ["14: schedules.week.slack.user_group: dora, erik can't be a member of S0ONCALL: no contact.chat"]
