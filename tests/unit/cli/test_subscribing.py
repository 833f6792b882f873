"""`pagerd calendar`: the link to subscribe to; and what `pagerd check` says of calendars."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pager.cli.main import app
from pager.web.links import CalendarLinks

CONFIG = """
settings:
  demo: true
  data_dir: /nowhere/at/all
  http: {public_url: "https://pager.example.com/", link_keys: ["${LINK_KEY:-}", "${OLD_KEY:-}"]}
  ladder: {high: [{after: 0s, via: [sms]}]}
  default_policy: p
users:
  ana: {name: Ana Ruiz, contact: {sms: "+12125550001"}}
  db: {name: Di Burns, contact: {sms: "+12125550002"}}
policies: {p: {stages: [{notify: ["schedule:db"]}]}}
services: {x: {policy: p}}
schedules: {db: {layers: [{name: w, users: [ana], every: 1w, starts: 2026-01-05T09:00}]}}
"""
KEYS = {"LINK_KEY": "winter-0123456789"}


def run(folder: Path, *words: str, text: str = CONFIG, **environment: str) -> Result:
    (folder / "c.yaml").write_text(text)
    return CliRunner().invoke(app, [*words, "--config", str(folder)], env={"XDG_STATE_HOME": str(folder), **environment})


def test_prints_a_link_that_the_daemon_reads_back(tmp_path: Path) -> None:
    done = run(tmp_path, "calendar", "ana", "--json", **KEYS)
    url = json.loads(done.stdout)["url"]
    assert url.startswith("https://pager.example.com/calendar/")
    links = CalendarLinks(lambda: ["winter-0123456789"], lambda: "https://pager.example.com")
    assert links.read(url.rpartition("/")[2].removesuffix(".ics")) == ("user", "ana")
    assert run(tmp_path, "calendar", "ana", **KEYS).stdout == f"{url}\n"


@pytest.mark.parametrize(
    ("words", "text", "code", "why"),
    [
        (("zoe",), CONFIG, 1, "'zoe' is no schedule or user. Schedules: db"),
        (("db",), CONFIG, 2, "a schedule and a user are called db: say schedule:db or user:db"),
        (("ana",), CONFIG.replace('public_url: "https://pager.example.com/", ', ""), 1, "settings.http.public_url is not set"),
        (("ana",), CONFIG.replace(":-}", "}"), 1, "the variable OLD_KEY is not set"),  # a link by another key would lead nowhere
    ],
)
def test_what_it_can_not_say_it_says(tmp_path: Path, words: tuple[str, ...], text: str, code: int, why: str) -> None:
    done = run(tmp_path, "calendar", *words, text=text, **KEYS)
    assert (done.exit_code, done.stdout) == (code, "")
    assert why in done.stderr


def test_which_of_two_can_be_said(tmp_path: Path) -> None:
    urls = {run(tmp_path, "calendar", f"{kind}:db", **KEYS).stdout for kind in ("user", "schedule")}
    assert len(urls) == 2


def test_without_keys_the_stores_is_needed(tmp_path: Path) -> None:
    done = run(tmp_path, "calendar", "ana")
    assert done.exit_code == 3
    assert "the installation's key is in the store" in done.stderr


def test_a_schedule_that_hangs_on_an_address_is_no_proof_of_a_hole(tmp_path: Path) -> None:
    text = CONFIG.replace("users: [ana], every: 1w, starts: 2026-01-05T09:00", "calendar: rota")
    done = run(tmp_path, "check", text=f"{text}calendars: {{rota: {{url: 'https://calendar.example.com/rota.ics'}}}}\n", **KEYS)
    assert (done.exit_code, "0 errors" in done.stdout) == (0, True), done.stdout
    nobody = f"{text}calendars: {{rota: {{file: rota.ics}}}}\n"
    fair = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260101T000000Z\r\nDURATION:P1D\r\nSUMMARY:Fair\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    (tmp_path / "rota.ics").write_text(fair, newline="")
    done = run(tmp_path, "check", text=nobody, **KEYS)
    assert done.exit_code == 1
    assert "rota.ics:2:1: warning: calendars.rota: event 'Fair' names nobody of the users: no attendee" in done.stdout
