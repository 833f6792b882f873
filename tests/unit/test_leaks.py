"""The detector of secrets in logs can fail: what it guards against is found, and what is harmless is not."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.leak_watch import LeakWatch
from tests.leaks import KNOWN, LOGS, leaks, secrets_of

SECRET = 'p@ss/w"ord+0123 ü'
OTHERS = [
    ("a link", "GET https://pager.example.com/reply/WzEsMSwiYW5hIiwxNzM3XQ.c2lnbmF0dXJlLWhlcmU"),
    ("a store", "can't reach redis://pagerd:hunter2@db1:6379/0"),
    ("a store without a user", "redis://:hunter2@db1"),
    ("a header", "{'Authorization': 'Basic QUMwMDAwMDAwMDAwMTpm'}"),
    ("a token", "xapp-1-A0123456789-abcdef"),
    ("an intake", "POST /in/generic/0123456789abcdef 404"),
]
HARMLESS = [
    "page.accepted incident=42 via=sms receipt=SM0123456789abcdef0123456789abcdef",
    "redis://db1:6379/0", "https://pager.example.com/reply/…", "xoxb-… belongs into bot_token", "http://127.0.0.1:8080/in/generic/KEY",
    "user@example.com: refused", "basic settings, bearer of news",
]  # fmt: skip


@pytest.mark.parametrize("around", ["", "x", "xy", "xyz"])
@pytest.mark.parametrize(
    "form",
    [
        lambda text: text,
        lambda text: quote(text, safe=""),
        json.dumps,
        repr,
        lambda text: text.encode().hex(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_form(form: object, around: str) -> None:
    assert callable(form)
    told = f"before {form(f'{around}{SECRET}{around}')} after"
    found = leaks(told, [SECRET])
    assert found
    assert SECRET not in str(found)


@pytest.mark.parametrize(("what", "text"), OTHERS)
def test_what_looks_like_a_secret_is_found_without_being_known(what: str, text: str) -> None:
    assert leaks(text, []), what


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_is_not_found(text: str) -> None:
    assert leaks(text, [SECRET, "another-secret"]) == []


def test_the_secrets_of_a_config_are_known_from_its_text() -> None:
    text = """
    settings: {redis: {url: "redis://pagerd:one-secret@db1/0"}, http: {link_keys: [two-secret]}}
    providers:
      twilio: {account_sid: "AC1", auth_token: "three-secret", from: "+1"}
      slack: {bot_token: four-secret, app_token: 'five-secret', signing_secret: "six-secret"}
      email: {smtp: "smtps://u:seven-secret@mail"}
    integrations: {i: {kind: generic, key: eight-secret, secret: nine-secret, service: db}}
    """
    names = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    assert secrets_of(text) == {f"{name}-secret" for name in names}


def test_the_watch_fails_the_session_for_a_log_file_and_for_what_a_test_printed(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    log.write_text('{"event": "x", "url": "redis://:hunter2@db1"}\n')
    monkeypatch.setitem(LOGS, log, None)
    monkeypatch.setattr("tests.leak_watch.KNOWN", {*KNOWN, SECRET})
    watch, ended = LeakWatch(), request.session.exitstatus
    report = pytest.TestReport("a_test", ("", 0, ""), {}, "passed", None, "call", [("Captured stdout call", f"token {SECRET}")])
    watch.pytest_runtest_logreport(report)
    try:
        watch.pytest_sessionfinish(request.session)
        assert request.session.exitstatus == pytest.ExitCode.TESTS_FAILED
    finally:
        request.session.exitstatus = ended
    assert [line.split(":")[0].split(",")[0] for line in watch.found] == ["a_test", str(log)]


LEAKY = """
import pytest
from tests.leaks import LOGS, know

@pytest.mark.parametrize("k", range(4))
def test_one(k, tmp_path):
    know(f"summer-secret-{k}")
    log = tmp_path / f"log-{k}"
    log.write_text(f"listening, by summer-secret-{k}")
    LOGS[log] = None
"""


def test_a_session_of_several_processes_fails_for_the_logs_of_each(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_configure\n")
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    words = [
        "-p",
        "xdist",
        "-n",
        "2",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        f"--rootdir={tmp_path}",
        f"--basetemp={tmp_path / 'temp'}",
        str(tmp_path),
    ]
    # No other plugins: each of three processes would make them anew.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], capture_output=True, text=True, timeout=100, cwd=tmp_path, env=environment
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    told = done.stdout.partition("secrets in logs")[2]
    assert all(f"log-{k}: the text of the secret sum" in told for k in range(4)), done.stdout
    assert "summer-secret" not in told
