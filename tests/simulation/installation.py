"""The installation that runs are made on, in two versions and a bad one; and what the checker may know of it, said by hand."""

from __future__ import annotations

FIRST = """
settings:
  timezone: UTC
  http: {public_url: "https://pager.example.com"}
  catch_all: {notify: ["user:boss"], every: 30s}
  ladder: {high: [{after: 0s, via: [sms]}, {after: 8s, via: [chat]}], low: [{after: 0s, via: [sms]}, {after: 8s, via: [chat]}]}
  break_glass: {sms: ["+12125559999"], after: 20s, every: 60s}
  digest: {hours: {}, high_after: 40s}
  ack_expires: 5m
  throttle: {per_person: 10/12s}
providers:
  twilio: {account_sid: AC1, auth_token: t, from: "+14155550111"}
  backup: {kind: twilio, account_sid: AC2, auth_token: t, from: "+14155550122"}
  slack: {bot_token: x, app_token: y}
channels: {sms: [twilio, backup], chat: [slack]}
users:
  ned: {name: Ned, contact: {sms: "+12125550021"}}
  ana: {name: Ana, contact: {sms: "+12125550001", chat: "slack:U0ANA"}}
  ben: {name: Ben, contact: {sms: "+12125550002", chat: "slack:U0BEN"}}
  cyd: {name: Cyd, contact: {sms: "+12125550003", chat: "slack:U0CYD"}}
  dee: {name: Dee, contact: {sms: "+12125550004", chat: "slack:U0DEE"}}
  eve: {name: Eve, contact: {sms: "+12125550005", chat: "slack:U0EVE"}}
  fay: {name: Fay, contact: {sms: "+12125550006", chat: "slack:U0FAY"}}
  gus: {name: Gus, contact: {sms: "+12125550008", chat: "slack:U0GUS"}}
  lea: {name: Lea, contact: {sms: "+12125550007"}}
  hal: {name: Hal, contact: {sms: "+12125550011", chat: "slack:U0HAL"}}
  ida: {name: Ida, contact: {sms: "+12125550012", chat: "slack:U0IDA"}}
  joe: {name: Joe, contact: {sms: "+12125550013", chat: "slack:U0JOE"}}
  kim: {name: Kim, contact: {sms: "+12125550014", chat: "slack:U0KIM"}}
  mia: {name: Mia, contact: {sms: "+12125550015"}}
  boss: {name: Boss, contact: {sms: "+12125550009", chat: "slack:U0BOSS"}}
teams: {ops: {members: [ana, ben], lead: lea}}
schedules:
  night: {timezone: UTC, team: ops, layers: [{name: all, users: [ben], every: 1w, starts: 2026-01-05T00:00}]}
  empty: {timezone: UTC, team: ops, layers: [{name: all, users: [null], every: 1w, starts: 2026-01-05T00:00}]}
  pool: {timezone: UTC, team: ops, layers: [{name: all, users: [joe, hal, ida], every: 1w, starts: 2026-01-05T00:00, take: 3}]}
policies:
  calm: {stages: [{notify: ["user:ned"], via: [sms], ack_timeout: 100s}]}
  turns: {stages: [{notify: ["schedule:pool/next"], via: [sms], ack_timeout: 20s, on_timeout: repeat, repeat_limit: 1}]}
  chain:
    stages:
      - {notify: ["user:ana"], ack_timeout: 20s, resolve_timeout: 60s}
      - {notify: ["schedule:night"], ack_timeout: 20s, resolve_timeout: 60s}
      - {notify: ["user:cyd", "user:dee"], ack_timeout: 20s}
  hollow: {stages: [{notify: ["schedule:empty"]}, {notify: ["user:dee"], via: [sms], ack_timeout: 20s}]}
  stubborn: {stages: [{notify: ["user:ben"], via: [sms], ack_timeout: 15s, on_timeout: repeat, repeat_limit: 1}]}
  patient: {stages: [{notify: ["user:mia"], via: [sms], ack_timeout: 4m}]}
services:
  flood: {team: ops, policy: patient}
  api: {team: ops, policy: chain}
  db: {team: ops, policy: hollow}
  calm: {team: ops, policy: calm, support_hours: {from: "01:02", to: "24:00"}}
  web: {team: ops, policy: stubborn}
  lines: {team: ops, policy: turns}
  muted: {team: ops, policy: chain}
  pool: {team: ops, policy: stubborn}
noise:
  group: [{name: pool, by: [service], match: {service: pool}, window: 40s, limit: 3}]
  storm: {pages: 12, within: 12s}
routes:
  - {name: muted, match: {service: muted}, suppress: nobody wants to hear of it}
  - {name: awake, match: {service: {re: "(?!calm).*"}}, urgency: high}
"""
SECOND = (
    FIRST.replace('- {notify: ["user:ana"]', '- {notify: ["user:fay"]')
    .replace('["user:cyd", "user:dee"]', '["user:gus"]')
    .replace("users: [ben]", "users: [eve]")
)
BAD = FIRST.replace("policy: chain", "policy: no-such")

PEOPLE = {
    "+12125550021": "ned",
    **{f"+1212555000{k}": user for k, user in enumerate(("ana", "ben", "cyd", "dee", "eve", "fay", "lea", "gus"), 1)},
    **{f"slack:U0{user.upper()}": user for user in ("ana", "ben", "cyd", "dee", "eve", "fay", "gus", "hal", "ida", "joe", "kim", "boss")},
    **{f"+121255500{k}": user for k, user in enumerate(("hal", "ida", "joe", "kim", "mia"), 11)},
    "+12125550009": "boss",
}  # fmt: skip
PHONE_GETS, PHONE_WITHIN = 10, 12.0
GLASS = "+12125559999"
GLASS_AFTER = 20.0
LAST_RESORT, LAST_RESORT_EVERY = "boss", 30.0
OWNER = "lea"  # told when nobody is reached
MUTED = "muted"
# Of each service's policy, stage by stage: whom it may page in which version, and seconds until it is over. After the last, the catch-all.
_ENDS_AT = ({LAST_RESORT}, LAST_RESORT_EVERY)
_DB = ((set[str](), 0.0), ({"dee"}, 20.0), _ENDS_AT)
_WEB = (({"ben"}, 30.0), _ENDS_AT)
CALM = "calm"  # the keys of its alerts begin so; before MORNING (seconds of the store's clock) nobody is paged for what is not critical
MORNING, HIGH_AFTER = 120.0, 40.0
_CALM = (({"ned"}, 100.0), _ENDS_AT)
SILENCED = "web"  # while a silence says so
STAND_IN = "kim"  # for everyone of `night`, while an override says so
_NIGHT = {"ben", "eve", STAND_IN}
POOL = {"hal", "ida", "joe"}  # one of them for each incident
FLOODED = "flood"  # the keys of its alerts begin so
STORM_PAGES, STORM_WITHIN = 12, 12.0
_LINES = ((POOL, 40.0), _ENDS_AT)
_FLOOD = (({"mia"}, 240.0), _ENDS_AT)
STAGES = {
    "first": {
        "api": (({"ana"}, 20.0), (_NIGHT, 20.0), ({"cyd", "dee"}, 20.0), _ENDS_AT),
        "db": _DB,
        "web": _WEB,
        "lines": _LINES,
        "pool": _WEB,
        FLOODED: _FLOOD,
    },
    "second": {
        "api": (({"fay"}, 20.0), (_NIGHT, 20.0), ({"gus"}, 20.0), _ENDS_AT),
        "db": _DB,
        "web": _WEB,
        "lines": _LINES,
        "pool": _WEB,
        FLOODED: _FLOOD,
    },
}
STAGES = {version: {**services, CALM: _CALM} for version, services in STAGES.items()}
LATE = {"calm": 10.0, "api": 2.0, "db": 2.0, "web": 1.5, "lines": 2.0, "pool": 1.5, FLOODED: 24.0}  # seconds: a tenth of the stage's time
