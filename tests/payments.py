"""A small installation that several tests share: one service with a service level, a policy of three stages, two schedules."""

PAYMENTS = """
settings:
  timezone: UTC
  default_policy: default
  catch_all: {notify: ["user:dora"], every: 10m}
  ladder:
    high: [{after: 0s, via: [chat, sms]}, {after: 3m, via: [voice]}]
    low: [{after: 0s, via: [chat]}, {after: 1h, via: [email]}]
providers:
  twilio: {account_sid: AC1, auth_token: t, from: {"*": "+14155550111"}}
  backup: {kind: twilio, account_sid: AC2, auth_token: t, from: {"*": "+14155550122"}}
  slack: {bot_token: x, app_token: y}
  email: {smtp: "smtp://127.0.0.1:25", from: pager@example.com}
channels: {sms: [twilio, backup], voice: [twilio], chat: [slack], email: [email]}
users:
  ana: {name: Ana Ruiz, timezone: Europe/Madrid, contact: {sms: "+34600000001", voice: "+34600000001", chat: "slack:U0ANA", email: ana@example.com}}
  ben: {name: Ben Okafor, timezone: Europe/London, contact: {sms: "+447700900002", chat: "slack:U0BEN", email: ben@example.com}}
  dora: {name: Dora Weiss, timezone: UTC, contact: {sms: "+12125550104", voice: "+12125550104"}}
  erik: {name: Erik Lund, timezone: UTC, contact: {sms: "+46700000005"}}
  nomad: {name: No Address, timezone: UTC}
teams:
  payments: {members: [ana, ben], lead: erik, chat: "#payments"}
schedules:
  primary: {timezone: UTC, team: payments, layers: [{name: week, users: [ana], every: 1w, starts: 2026-01-05T09:00}]}
  secondary: {timezone: UTC, team: payments, layers: [{name: week, users: [ben], every: 1w, starts: 2026-01-05T09:00}]}
  empty: {timezone: UTC, team: payments, layers: [{name: week, users: [null], every: 1w, starts: 2026-01-05T09:00}]}
policies:
  payments:
    stages:
      - {name: primary, notify: ["schedule:primary"], via: [sms], ack_timeout: 5m, resolve_timeout: 45m}
      - {name: backup, notify: ["schedule:secondary", "user:dora"], via: [sms], ack_timeout: 15m, resolve_timeout: 45m}
      - {name: leadership, notify: ["user:erik"], via: [sms], ack_timeout: 10m, on_timeout: repeat, repeat_limit: 2}
  default:
    stages:
      - {notify: ["user:ana"], ack_timeout: 10m}
    after_last: {loop: 1}
services:
  checkout: {team: payments, policy: payments, sla: {ack: 5m, resolve: 1h}}
  plain: {team: payments, policy: payments}
  db: {team: payments, policy: default}
"""


def with_policy(stages: str, extra: str = "") -> str:
    """The same installation with one more policy `mine` and a service `mine` that follows it. `stages` is a YAML list, in flow style."""
    return PAYMENTS.replace("policies:\n", f"policies:\n  mine: {{stages: {stages}{extra}}}\n").replace(
        "services:\n", "services:\n  mine: {team: payments, policy: mine}\n"
    )
