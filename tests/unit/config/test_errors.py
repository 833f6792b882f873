"""Every mistake is named at its place, all at once, with what to write instead."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager.config import Loaded, load, load_settings
from pager.model.problem import Problem

BASE = """\
users:
  ana: {name: Ana, contact: {sms: "+34600000001"}}
policies:
  p:
    stages:
      - {name: first, notify: ["user:ana"]}
"""


def read(tmp_path: Path, text: str | bytes, environment: dict[str, str] | None = None, **files: str) -> Loaded:
    for name, content in {"a.yaml": text, **{f"{k}.yaml": v for k, v in files.items()}}.items():
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return load(tmp_path, environment or {})


def place(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}:{problem.column}"


CASES = [
    # what follows BASE, where, path, message, suggestion
    ("service:\n  db: {}\n", "a.yaml:7:1", "service", "unknown section 'service'", "did you mean services?"),
    ("teams:\n  t: {member: [ana]}\n", "a.yaml:8:7", "teams.t.member", "unknown key 'member'", "did you mean members?"),
    ("teams:\n  t: {members: [anna]}\n", "a.yaml:8:17", "teams.t.members[0]", "there is no user 'anna'", "did you mean ana?"),
    ("services:\n  db: {policy: q}\n", "a.yaml:8:16", "services.db.policy", "there is no policy 'q'", "one of: p"),
    ("services:\n  db: {sla: {ack: soon}}\n", "a.yaml:8:19", "services.db.sla.ack", "expected a duration, found 'soon'", "such as 30s"),
    ("services:\n  db: {sla: {ack: 0s}}\n", "a.yaml:8:19", "services.db.sla.ack", "expected a duration", "more than nothing"),
    ("services:\n  db: [1]\n", "a.yaml:8:7", "services.db", "expected a map, found a list", ""),
    ("services:\n  db: {tier: -1}\n", "a.yaml:8:14", "services.db.tier", "expected a whole number", "at least 0"),
    ("services:\n  db: {urgency: hi}\n", "a.yaml:8:17", "services.db.urgency", "expected one of high, low", "did you mean high?"),
    ("services:\n  db: {}\n  db: {}\n", "a.yaml:9:3", "services.db", "stands here twice, first at a.yaml:8:3", ""),
    ("settings: {timezone: Europe/Madird}\n", "a.yaml:7:22", "settings.timezone", "expected a time zone", "IANA"),
    ("settings: {demo: yes}\n", "a.yaml:7:18", "settings.demo", "expected true or false, found 'yes'", ""),
    ("settings: {data_dir: \"${HOME_OF_PAGERD}\"}\n", "a.yaml:7:22", "settings.data_dir", "the variable HOME_OF_PAGERD is not set", "${HOME_OF_PAGERD:-default}"),
    ("settings: {catch_all: {every: 5m}}\n", "a.yaml:7:23", "settings.catch_all", "notify is missing", ""),
    ("settings: {catch_all: {notify: [ana]}}\n", "a.yaml:7:33", "settings.catch_all.notify[0]", "expected a target such as user:ana", ""),
    ("settings: {catch_all: {notify: [\"usr:ana\"]}}\n", "a.yaml:7:33", "settings.catch_all.notify[0]", "'usr' is no kind of target", "did you mean user?"),
    ("settings: {ladder: {high: [{after: 3m, via: [sms]}, {after: 1m, via: [voice]}]}}\n", "a.yaml:7:20", "settings.ladder", "in order of `after`", ""),
    ("settings: {ladder: {high: [{via: [smoke]}]}}\n", "a.yaml:7:35", "settings.ladder.high[0].via[0]", "expected one of sms", ""),
    ("channels: {sms: [twillio]}\nproviders:\n  twilio: {from: \"+1\"}\n", "a.yaml:7:18", "channels.sms[0]", "there is no provider 'twillio'", "did you mean twilio?"),
    ("providers:\n  acme: {api_url: x}\n", "a.yaml:8:3", "providers.acme", "provider acme needs a kind", ""),
    ("routes:\n  - {name: r, if: 'sevrity == \"x\"', suppress: s}\n", "a.yaml:8:20", "routes[0].if", "CEL: undeclared reference to 'sevrity'", ""),
    ("routes:\n  - {name: r, match: {alertname: {re: \"(\"}}, suppress: s}\n", "a.yaml:8:39", "routes[0].match.alertname.re", "regular expression", "position"),
    ("noise: {silences: [{name: n, from: 2026-11-25T00:00, to: 2026-11-27T00:00}]}\n", "a.yaml:7:20", "noise.silences[0]", "it would mute everything: say what with match or if", ""),
    ("noise: {maintenance: [{name: n, match: {}, hours: {from: \"02:00\", to: \"03:00\"}}]}\n", "a.yaml:7:23", "noise.maintenance[0]", "it would mute everything", ""),
    ("noise: {pause: [{name: n, for: 2m}]}\n", "a.yaml:7:17", "noise.pause[0]", "it would mute everything", ""),
    ("noise: {pause: [{name: n, match: {a: {re: \"(\"}}, for: 2m}]}\n", "a.yaml:7:43", "noise.pause[0].match.a.re", "expected a regular expression", ""),
    ("noise: {pause: [{name: n, if: 'sevrity == \"x\"', for: 2m}]}\n", "a.yaml:7:32", "noise.pause[0].if", "CEL: undeclared reference to 'sevrity'", ""),
    ("noise: {maintenance: [{name: n, match: {a: b}, from: 2026-11-25T00:00, to: 2026-11-24T00:00}]}\n", "a.yaml:7:23", "noise.maintenance[0]", "`to` must be after `from`", ""),
    ("noise: {maintenance: [{name: n, match: {a: b}, from: 2026-11-25T00:00Z, to: 2026-11-26T00:00}]}\n", "a.yaml:7:23", "noise.maintenance[0]", "`from` and `to` both have a time zone, or neither has", ""),
    ("noise: {maintenance: [{name: n, match: {a: b}, from: soon, to: 2026-11-26T00:00}]}\n", "a.yaml:7:54", "noise.maintenance[0].from", "expected a date and time, found 'soon'", "2026-01-05T09:00Z"),
    ("noise: {pause: [{name: n, match: {a: b}, for: 2m}, {name: n, match: {a: c}, for: 1m}]}\n", "a.yaml:7:52", "noise.pause.n", "'n' is here for the second time, first at a.yaml:7:17", "give each its own name"),
    ("noise: {storm: [{pages: 20, within: 1m}, {pages: 30, within: 2m}]}\n", "a.yaml:7:8", "noise", "two rules in `storm` have the same `per`", ""),
    ("noise: {recurring: [{name: n, match: {a: b}, after: 3 in, severity: critical}]}\n", "a.yaml:7:53", "noise.recurring[0].after", "expected how often in what time, found '3 in'", "such as 3 in 1h"),
    ("routes: [{name: r, match: {a: b}, suppress: \"\"}]\n", "a.yaml:7:45", "routes[0].suppress", "expected a reason, found ''", "say why"),
    ("routes:\n  - {name: r, match: {severity: critcal}}\n", "a.yaml:8:33", "routes[0].match.severity", "'critcal' is no severity", "did you mean critical?"),
    ("routes:\n  - {name: r, match: {env: x}, start_at: frist}\n", "a.yaml:8:42", "routes[0].start_at", "there is no stage 'frist'", "did you mean first?"),
    ("routes:\n  - {name: r, suppress: s}\n", "a.yaml:8:5", "routes[0]", "a route needs match or if", ""),
    ("schedules:\n  s: {layers: [{name: w, users: [ana], every: 1y, starts: 2026-01-05T09:00}]}\n", "a.yaml:8:47", "schedules.s.layers[0].every", "expected the length of a turn", "1mo"),
    ("schedules:\n  s: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00Z}]}\n", "a.yaml:8:59", "schedules.s.layers[0].starts", "expected a date and time", "without a time zone"),
    ("schedules:\n  s: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}], overrides: [{from: 2026-01-01T00:00, to: 2026-01-02T00:00, user: ana, add: ana}]}\n",
     "a.yaml:8:91", "schedules.s.overrides[0]", "one of user, add or remove", ""),
    ("schedules:\n  s: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00, only: {from: \"25:00\"}}]}\n", "a.yaml:8:90",
     "schedules.s.layers[0].only.from", "expected a time of day", "09:00"),
    ("teams: &t\n  x: {members: *t}\n", "a.yaml:8:7", "", "alias", ""),
    ("teams:\n\tt: {}\n", "a.yaml:8:1", "", "not YAML", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where", "path", "message", "suggestion"), CASES, ids=[c[2] or c[3] for c in CASES])
def test_a_mistake_is_named_at_its_place(tmp_path: Path, text: str, where: str, path: str, message: str, suggestion: str) -> None:
    loaded = read(tmp_path, BASE + text)
    assert loaded.config is None
    found = [p for p in loaded.problems if place(p) == where]
    assert found, [str(p) for p in loaded.problems]
    assert found[0].path == path
    assert message in found[0].message
    assert suggestion in found[0].suggestion


def test_all_errors_come_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    loaded = read(tmp_path, BASE + "teams:\n  t: {lead: bob}\nservices:\n  db: {sla: {ack: x, resolve: y}}\n", b="routes: 5\n")
    assert [place(p) for p in loaded.problems] == ["a.yaml:8:13", "a.yaml:10:19", "a.yaml:10:31", "b.yaml:1:9"]


def test_a_name_in_two_files_names_both_places(tmp_path: Path) -> None:
    [problem] = read(tmp_path, BASE, b="users:\n  ana: {name: Other}\n").problems
    assert (place(problem), "first at a.yaml:2:" in problem.message) == ("b.yaml:2:3", True)


def test_routes_in_two_files_are_refused_since_their_order_counts(tmp_path: Path) -> None:
    routes = "routes:\n  - {name: r, match: {env: x}, suppress: s}\n"
    [problem] = read(tmp_path, BASE + routes, b=routes).problems
    assert place(problem) == "b.yaml:1:1"
    assert "first at a.yaml:7:1" in problem.message


def test_a_mistake_in_a_user_is_not_repeated_for_each_who_names_them(tmp_path: Path) -> None:
    loaded = read(tmp_path, BASE.replace("+34600000001", "home"))
    assert [p.path for p in loaded.problems] == ["users.ana.contact.sms"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"users: \x00"])
def test_what_is_no_text_is_said(tmp_path: Path, content: bytes) -> None:
    loaded = read(tmp_path, content)
    assert loaded.config is None
    assert loaded.problems[0].file == "a.yaml"


def test_a_folder_that_is_not_there_and_one_that_is_empty_are_said(tmp_path: Path) -> None:
    assert "no such folder" in load(tmp_path / "nowhere", {}).problems[0].message
    assert "no .yaml file" in load(tmp_path, {}).problems[0].message


def test_aliases_that_unfold_to_millions_are_refused(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 9))
    assert "too large" in read(tmp_path, bomb).problems[0].message


def test_secrets_stand_in_no_problem(tmp_path: Path) -> None:
    text = (
        BASE
        + "providers:\n  twilio: {auth_token: [hunter2], account_sid: {x: hunter2}}\nintegrations:\n  i: {kind: hunter, key: [hunter2]}\n"
    )
    assert not any("hunter2" in str(p) for p in read(tmp_path, text).problems)


def test_settings_are_found_though_the_rest_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("settings: {redis: {url: redis://x}, timezone: nowhere}\nusers: 5\n")
    (tmp_path / "b.yaml").write_text("not: [yaml\n")
    assert load_settings(tmp_path, {}).redis_url == "redis://x"


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.sampled_from(["5m", "user:ana", "${X}", "high", "mon"])
names = st.sampled_from(
    ["settings", "users", "policies", "stages", "notify", "routes", "match", "if", "noise", "schedules", "layers", "only", "from", "x"]
)
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=25)


@given(st.dictionaries(names, trees, max_size=4))
def test_nothing_that_stands_there_raises(tree: dict[str, object]) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "a.yaml").write_text(json.dumps(tree))
        loaded = load(Path(folder), {"X": "y"})
    assert (loaded.config is None) == any(p.level == "error" for p in loaded.problems) or not tree


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_text_raises(text: str | bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "a.yaml").write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
        load(Path(folder), {})
