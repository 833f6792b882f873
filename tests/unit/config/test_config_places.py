"""More of what can be written wrongly, each with the exact line that `pagerd check` prints for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pager.config import Loaded, load

PEOPLE = """\
users:
  ana: {name: Ana}
teams:
  core: {members: [ana]}
schedules:
  week: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}]}
policies:
  page: {stages: [{name: first, notify: ["user:ana"]}]}
"""
MISTAKES = {
    "an empty target": (
        'settings: {catch_all: {notify: ["user:"]}}',
        "a.yaml:1:33: error: settings.catch_all.notify[0]: expected a target",
    ),
    "a team in a target": (
        'settings: {catch_all: {notify: ["team:cor"]}}',
        "a.yaml:1:33: error: settings.catch_all.notify[0]: there is no team 'cor' (did you mean core?)",
    ),
    "a schedule in a target": (
        'settings: {catch_all: {notify: ["schedule:weak/next"]}}',
        "a.yaml:1:33: error: settings.catch_all.notify[0]: there is no schedule 'weak' (did you mean week?)",
    ),
    "a service in a target": (
        'settings: {catch_all: {notify: ["service:db"]}}',
        "a.yaml:1:33: error: settings.catch_all.notify[0]: there is no service 'db' (there are none)",
    ),
    "the default policy": (
        "settings: {default_policy: pages}",
        "a.yaml:1:28: error: settings.default_policy: there is no policy 'pages' (did you mean page?)",
    ),
    "a team of a service": (
        "services: {db: {team: corr}}",
        "a.yaml:1:23: error: services.db.team: there is no team 'corr' (did you mean core?)",
    ),
    "a duration without a unit": (
        "settings: {ack_expires: 30}",
        "a.yaml:1:25: error: settings.ack_expires: expected a duration, found '30' (such as 30s, 5m, 2h, 1d, 1w or 1h30m)",
    ),
    "a duration beyond all bounds": (
        "settings: {ack_expires: 99999999999999999999w}",
        "a.yaml:1:25: error: settings.ack_expires: expected a duration",
    ),
    "a rate": (
        "settings: {throttle: {per_person: 0/1m}}",
        "a.yaml:1:35: error: settings.throttle.per_person: expected a rate, found '0/1m' (such as 10/1m)",
    ),
    "a hand-off that tells nothing": (
        "settings: {handoff: {before: [], at: false}}",
        "a.yaml:1:21: error: settings.handoff: tells nothing: give `before` a time, or `at: true`, or write `handoff: off`",
    ),
    "a hand-off far ahead": (
        "settings: {handoff: {before: 5w}}",
        "a.yaml:1:21: error: settings.handoff: `before` is 31 days at most",
    ),
    "a hand-off told by something that rings": (
        "settings: {handoff: {via: [voice]}}",
        "a.yaml:1:28: error: settings.handoff.via[0]: expected one of chat, email, sms, found 'voice' (one of: chat, email, sms)",
    ),
    "a hand-off told nowhere": (
        "settings: {handoff: {channel: payments}}",
        "a.yaml:1:31: error: settings.handoff.channel: expected a chat channel, found 'payments' (such as #payments, or the channel's ID)",
    ),
    "a user group by its name": (
        "schedules: {s: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}], slack: {user_group: '@oncall'}}}",
        "a.yaml:1:109: error: schedules.s.slack.user_group: expected a user group of Slack, found '@oncall' "
        "(its ID, such as S0123ABCD: Slack shows it at the end of the group's link)",
    ),
    "shown nowhere": (
        "schedules: {s: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}], slack: {}}}",
        "a.yaml:1:96: error: schedules.s.slack: needs user_group or topic",
    ),
    "a user group for two": (
        "schedules:\n  s: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}], slack: {user_group: S0ONCALL}}\n"
        "  t: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}], slack: {user_group: S0ONCALL}}\n",
        "a.yaml:3:86: error: schedules.t.slack.user_group: S0ONCALL shows who is on call in s already (give each schedule its own)",
    ),
    "an hour that is none": (
        'services: {db: {support_hours: {from: "24:30"}}}',
        "a.yaml:1:39: error: services.db.support_hours.from: expected a time of day, found '24:30' (such as \"09:00\")",
    ),
    "a day that is none": (
        "services: {db: {support_hours: {days: [mon, tues]}}}",
        "a.yaml:1:45: error: services.db.support_hours.days[1]: expected one of mon, tue, wed, thu, fri, sat, sun, found 'tues' (did you mean tue?)",
    ),
    "hours that end before they begin": (
        "services: {db: {support_hours: {from_date: 2026-02-01, to_date: 2026-01-01}}}",
        "a.yaml:1:32: error: services.db.support_hours: the dates end before they begin",
    ),
    "a date that is none": (
        "services: {db: {support_hours: {from_date: 2026-02-30}}}",
        "a.yaml:1:44: error: services.db.support_hours.from_date: expected a date, found '2026-02-30'",
    ),
    "a zone outside the database": (
        'settings: {timezone: "../../etc/passwd"}',
        "a.yaml:1:22: error: settings.timezone: expected a time zone, found '../../etc/passwd' (an IANA name such as Europe/Madrid or UTC)",
    ),
    "a folder of zones": ("settings: {timezone: Europe}", "a.yaml:1:22: error: settings.timezone: expected a time zone, found 'Europe'"),
    "CEL inside the line": (
        'routes: [{name: r, if: \'severity == "error" && sumary == "x"\'}]',
        "a.yaml:1:48: error: routes[0].if: CEL: undeclared reference to 'sumary'",
    ),
    "CEL that is no question": (
        "routes: [{name: r, if: summary}]",
        "a.yaml:1:24: error: routes[0].if: CEL: should be true or false, gives string",
    ),
    "a regular expression": (
        "routes: [{name: r, match: {x: {re: 'a['}}}]",
        "a.yaml:1:36: error: routes[0].match.x.re: expected a regular expression, found 'a[' (unterminated character set at position 1)",
    ),
    "a regular expression with a friend": (
        "routes: [{name: r, match: {x: {re: a, rex: b}}}]",
        "a.yaml:1:39: error: routes[0].match.x.rex: unknown key 'rex' (did you mean re?)",
    ),
    "no value to match": (
        "routes: [{name: r, match: {x: []}}]",
        "a.yaml:1:31: error: routes[0].match.x: expected at least 1 of text, found 0",
    ),
    "a ladder without rungs": ("settings: {ladder: {}}", "a.yaml:1:20: error: settings.ladder: a ladder needs high or low"),
    "an override of nobody": (
        "schedules: {x: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}],"
        " overrides: [{from: 2026-01-02T00:00, to: 2026-01-03T00:00}]}}",
        "a.yaml:1:101: error: schedules.x.overrides[0]: an override has one of user, add or remove",
    ),
    "`for` without `user`": (
        "schedules: {x: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}],"
        " overrides: [{from: 2026-01-02T00:00, to: 2026-01-03T00:00, add: ana, for: ana}]}}",
        "a.yaml:1:101: error: schedules.x.overrides[0]: `for` goes with user",
    ),
    "an override that ends before it begins": (
        "schedules: {x: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}],"
        " overrides: [{from: 2026-01-03T00:00, to: 2026-01-02T00:00, user: ana}]}}",
        "a.yaml:1:101: error: schedules.x.overrides[0]: `to` must be after `from`",
    ),
    "two layers of a name": (
        "schedules: {x: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00},"
        " {name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}]}}",
        "a.yaml:1:13: error: schedules.x: two layers are called 'w'",
    ),
    "a turn of no length": (
        "schedules: {x: {layers: [{name: w, users: [ana], every: 0d, starts: 2026-01-05T09:00}]}}",
        "a.yaml:1:57: error: schedules.x.layers[0].every: expected the length of a turn, found '0d' (such as 12h, 1d, 1w, 2w or 1mo)",
    ),
    "a phone number without a country": (
        'users: {ben: {name: Ben, contact: {sms: "0600000001"}}}',
        "a.yaml:1:41: error: users.ben.contact.sms: expected a phone number, found '0600000001' (in international form, such as +34600000001)",
    ),
    "a person without a name": ("users: {ben: {}}", "a.yaml:1:14: error: users.ben: name is missing: expected text"),
    "a policy without stages": (
        "policies: {p: {stages: []}}",
        "a.yaml:1:24: error: policies.p.stages: expected at least 1 of a map, found 0",
    ),
    "an integration's kind": (
        "integrations: {i: {kind: alertmanger}}",
        "a.yaml:1:26: error: integrations.i.kind: expected one of alertmanager",
    ),
    "a person in a chat": (
        "users: {ana: {name: Ana, contact: {chat: '@ana'}}}",
        "a.yaml:1:42: error: users.ana.contact.chat: expected a person in a chat, found '@ana' (such as slack:U0123ABCD: the member ID, from",
    ),
    "an email address": (
        "users: {ana: {name: Ana, contact: {email: ana}}}",
        "a.yaml:1:43: error: users.ana.contact.email: expected an email address, found 'ana' (such as ana@example.com)",
    ),
    "a chat channel": (
        "teams: {t: {members: [], chat: payments}}",
        "a.yaml:1:32: error: teams.t.chat: expected a chat channel, found 'payments' (such as #payments, or the channel's ID)",
    ),
    "two integrations with one key": (
        "integrations: {a: {kind: generic, key: k}, b: {kind: generic, key: k}}",
        "a.yaml:1:44: error: integrations.b.key: has the same key as a: nobody could tell whose alerts come in (give each its own)",
    ),
    "a field of no alert": (
        "integrations: {i: {kind: generic, fields: {sumary: body.title}}}",
        "a.yaml:1:44: error: integrations.i.fields.sumary: 'sumary' is no field of an alert (did you mean summary?)",
    ),
    "CEL over a body": (
        "integrations: {i: {kind: generic, fields: {summary: 'body.title + titel'}}}",
        "a.yaml:1:67: error: integrations.i.fields.summary: CEL: undeclared reference to 'titel'",
    ),
    "a field that is no expression": (
        "integrations: {i: {kind: generic, fields: {labels: [a]}}}",
        "a.yaml:1:52: error: integrations.i.fields.labels: expected a CEL expression, found a list",
    ),
    "fields that are no map": (
        "integrations: {i: {kind: generic, fields: [summary]}}",
        "a.yaml:1:43: error: integrations.i.fields: expected a map from fields of an alert to CEL over `body`, found a list",
    ),
    "fields of a kind that knows its own": (
        "integrations: {i: {kind: alertmanager, fields: {summary: body.title}}}",
        "a.yaml:1:40: error: integrations.i.fields: kind alertmanager has its own fields (only kind generic maps them)",
    ),
    "half a variable": (
        'settings: {stream: "a ${B"}',
        "a.yaml:1:20: error: settings.stream: '${B' is not a variable (write ${NAME} or ${NAME:-default}; $${ for the characters themselves)",
    ),
    "a list as a key": ("? [a]\n: b", "a.yaml:1:3: error: expected a name as key"),
    "a second document": ("settings: {}\n---\nteams: {}", "a.yaml:2:1: error: not YAML: but found another document"),
    "a bracket left open": ("services: {db: [", "a.yaml:2:1: error: not YAML: did not find expected node content"),
}


def written(folder: Path, **files: str) -> Loaded:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return load(folder, {})


@pytest.mark.parametrize(("text", "line"), MISTAKES.values(), ids=MISTAKES)
def test_the_line_that_is_printed(tmp_path: Path, text: str, line: str) -> None:
    found = written(tmp_path, a=text + "\n", people=PEOPLE)
    assert found.config is None
    assert any(str(problem).startswith(line) for problem in found.problems), [str(problem) for problem in found.problems]


def test_several_mistakes_in_several_files_come_in_one_reading(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        b="services: {db: {polcy: x, tier: many}}\nnonsense: 1\n",
        a="users: {ana: {name: [A]}}\nteams: {t: {members: [bob]}}\n",
        c="teams: [\n",
    )
    assert [(p.file, p.line, p.column, p.path) for p in found.problems] == [
        ("a.yaml", 1, 21, "users.ana.name"),
        ("a.yaml", 2, 23, "teams.t.members[0]"),
        ("b.yaml", 1, 17, "services.db.polcy"),
        ("b.yaml", 1, 33, "services.db.tier"),
        ("b.yaml", 2, 1, "nonsense"),
        ("c.yaml", 2, 1, ""),
    ]


def test_a_name_in_two_files_is_refused_at_the_second_and_names_the_first(tmp_path: Path) -> None:
    found = written(tmp_path, a="users: {ana: {name: Ana}}\n", b="users:\n  ana: {name: Ana}\n")
    assert [str(p) for p in found.problems] == ["b.yaml:2:3: error: users.ana: 'ana' is here for the second time, first at a.yaml:1:9"]


def test_sections_whose_order_counts_live_in_one_file(tmp_path: Path) -> None:
    for section in ("routes", "chat_channels"):
        found = written(tmp_path, a=f"{section}: []\n", b=f"{section}: []\n")
        assert [str(p) for p in found.problems] == [
            f"b.yaml:1:1: error: {section}: {section} stands in two places, first at a.yaml:1:1 (keep it in one file)"
        ]


def test_folders_below_and_yml_are_read_and_hidden_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "deep" / "er" / "users.yml").write_text("users: {ana: {name: Ana}}\n")
    (tmp_path / ".git" / "broken.yaml").write_text("[")
    (tmp_path / "notes.txt").write_text("[")
    found = load(tmp_path, {})
    assert found.config is not None
    assert [str(found.config.users["ana"].origin)] == ["deep/er/users.yml:1:9"]


def test_an_absent_folder_and_an_empty_one_are_said(tmp_path: Path) -> None:
    gone, empty = load(tmp_path / "gone", {}), load(tmp_path, {})
    assert gone.config is None
    assert [str(p) for p in gone.problems] == [f"{tmp_path}/gone: error: there is no such folder (give it with --config DIR)"]
    assert empty.config is None
    assert [str(p) for p in empty.problems] == [f"{tmp_path}: error: there is no .yaml file in this folder"]


def test_a_file_in_another_encoding_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("users: {ana: {name: José}}".encode("latin-1"))
    found = written(tmp_path, a="servics: {}\n")
    assert [(p.file, p.line) for p in found.problems] == [("a.yaml", 1), ("latin.yaml", 0)]
    assert "can't be read: 'utf-8'" in found.problems[1].message


def test_a_broken_person_is_one_mistake_though_many_name_them(tmp_path: Path) -> None:
    found = written(tmp_path, a="users: {ana: {}}\nteams: {a: {members: [ana]}, b: {lead: ana}}\n")
    assert [p.path for p in found.problems] == ["users.ana"]


def test_a_broken_person_with_a_dot_in_the_name_is_one_mistake_too(tmp_path: Path) -> None:
    found = written(tmp_path, a="users: {ana.ruiz: {}}\nteams: {a: {members: [ana.ruiz]}}\n")
    assert [p.path for p in found.problems] == ["users.ana.ruiz"]


def test_a_regular_expression_of_a_thousand_brackets_is_a_mistake_as_others(tmp_path: Path) -> None:
    found = written(tmp_path, a=f"routes: [{{name: r, match: {{x: {{re: '{'(' * 3000}{')' * 3000}'}}}}}}]\n")
    assert [p.path for p in found.problems] == ["routes[0].match.x.re"]
