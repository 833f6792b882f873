"""`pagerd plan`: two folders or revisions, and what is different for people."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import Result

from tests.payments import PAYMENTS
from tests.unit.cli.installation import Installation

AT = ("--at", "2026-10-19T00:00:00Z", "--for", "14d")
NIGHT = "{from: 2026-10-24T20:00, to: 2026-10-25T10:00, user: ben, reason: 'ana at a wedding | <b> @here'}"
CHANGED = PAYMENTS.replace("primary: {timezone: UTC,", f"primary: {{timezone: Europe/Madrid, overrides: [{NIGHT}],")
BEFORE = PAYMENTS.replace("primary: {timezone: UTC,", "primary: {timezone: Europe/Madrid,")
IDENTITY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}


def git(at: Path, *words: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", "-C", str(at), *words], capture_output=True, text=True, check=True, env={**clean, **IDENTITY})
    return done.stdout.strip()


def commit(at: Path, message: str = "x") -> None:
    git(at, "add", "-A")
    git(at, "commit", "-qm", message)


@pytest.fixture
def repo(tmp_path: Path, office: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The config is a folder `config` of a repository, two commits old, and the command is given there."""
    git(tmp_path, "init", "-q", "-b", "main")
    office.write(BEFORE)
    commit(tmp_path)
    office.write(CHANGED)
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    return office


def planned(at: Installation, *words: str, **environment: str) -> Result:
    return at.pagerd("plan", *words, *AT, **environment)


def moves(result: Result) -> dict[str, list[tuple[str, list[str], list[str]]]]:
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    return {
        one["schedule"]: [(m["from"], [o["user"] for o in m["old"]], [o["user"] for o in m["new"]]) for m in one["moved"]]
        for one in answer["schedules"]
    }


ONE_NIGHT = {"primary": [("2026-10-24T18:00:00.000Z", ["ana"], ["ben"])]}


class TestSides:
    @pytest.mark.parametrize(("old", "new"), [("HEAD~1", "HEAD"), ("main~1", "main"), ("HEAD~1", "./config"), ("HEAD~1:config", "config")])
    def test_revisions_and_folders(self, repo: Installation, old: str, new: str) -> None:
        assert moves(planned(repo, old, new, "--json")) == ONE_NIGHT

    def test_the_work_tree_is_left_alone(self, repo: Installation, tmp_path: Path) -> None:
        repo.write(BEFORE + "# not committed\n")
        index = (tmp_path / ".git" / "index").stat()
        assert moves(planned(repo, "HEAD", "HEAD~1", "--json")) == {"primary": [("2026-10-24T18:00:00.000Z", ["ben"], ["ana"])]}
        assert (index.st_mtime_ns, index.st_ino) == ((tmp_path / ".git/index").stat().st_mtime_ns, (tmp_path / ".git/index").stat().st_ino)
        assert git(tmp_path, "status", "--porcelain") == "M config/pagerd.yaml"
        assert (repo.folder / "pagerd.yaml").read_text().endswith("# not committed\n")

    def test_in_a_worktree(self, repo: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        git(tmp_path, "worktree", "add", "-q", str(tmp_path / "elsewhere"), "HEAD~1")
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert moves(planned(repo, "HEAD", "main", "--json", "--config", "config")) == ONE_NIGHT

    def test_in_a_bare_repository(self, repo: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        git(tmp_path, "clone", "-q", "--bare", str(tmp_path), str(tmp_path / "bare.git"))
        monkeypatch.chdir(tmp_path / "bare.git")
        assert moves(planned(repo, "main~1", "main", "--json", "--config", "config")) == ONE_NIGHT

    def test_from_another_folder_of_the_repository(self, repo: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "docs").mkdir()
        monkeypatch.chdir(tmp_path / "docs")
        assert moves(planned(repo, "HEAD~1", "HEAD", "--json", "--config", "../config")) == ONE_NIGHT

    def test_the_config_may_be_the_root(self, repo: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        git(repo.folder, "init", "-q", "-b", "main")
        commit(repo.folder)
        repo.write(BEFORE)
        monkeypatch.chdir(repo.folder)
        assert moves(planned(repo, "./", "HEAD", "--json", "--config", ".")) == ONE_NIGHT

    def test_the_config_may_be_gone_from_the_work_tree(self, repo: Installation) -> None:
        (repo.folder / "pagerd.yaml").unlink()
        repo.folder.rmdir()
        assert moves(planned(repo, "HEAD~1", "HEAD", "--json")) == ONE_NIGHT

    def test_the_config_may_have_had_another_place(self, repo: Installation, tmp_path: Path) -> None:
        git(tmp_path, "mv", "config", "on-call")
        commit(tmp_path)
        result = planned(repo, "HEAD~2", "HEAD")
        assert result.exit_code == 2
        assert "there is no folder config at HEAD" in result.stderr
        assert moves(planned(repo, "HEAD~2", "HEAD:on-call", "--json")) == ONE_NIGHT

    def test_in_a_hook_where_git_says_by_a_relative_path_where_it_is(self, repo: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_DIR", ".git")
        monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
        assert moves(planned(repo, "HEAD~1", "HEAD", "--json")) == ONE_NIGHT

    def test_what_gitattributes_leaves_out_of_archives_is_read(self, repo: Installation, tmp_path: Path) -> None:
        (tmp_path / ".gitattributes").write_text("config export-ignore\n*.yaml export-subst\n")
        commit(tmp_path)
        assert moves(planned(repo, "HEAD~2", "HEAD", "--json")) == ONE_NIGHT

    def test_a_link_is_followed_inside_of_the_revision_and_never_out_of_it(self, repo: Installation, tmp_path: Path) -> None:
        git(tmp_path, "mv", "config/pagerd.yaml", "shared.yaml")
        (tmp_path / "config").mkdir(exist_ok=True)
        (tmp_path / "config" / "pagerd.yaml").symlink_to("../shared.yaml")
        commit(tmp_path)
        assert moves(planned(repo, "HEAD~2", "HEAD", "--json")) == ONE_NIGHT
        (tmp_path / "config" / "passwd.yaml").symlink_to("/etc/passwd")
        commit(tmp_path)
        result = planned(repo, "HEAD~3", "HEAD")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "passwd.yaml: leads out of the repository, to /etc/passwd" in result.stderr

    @pytest.mark.parametrize("word", ["nowhere", "HEAD~9", "v1.0:config", "nowhere/at/all", "-x"])
    def test_what_is_no_folder_and_no_revision_is_a_2(self, repo: Installation, word: str) -> None:
        result = repo.pagerd("plan", *AT, "--", word, "HEAD")
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{word!r} is no folder, and no git revision" in result.stderr

    def test_outside_of_a_repository_it_is_said(self, office: Installation) -> None:
        result = planned(office, "main", "HEAD", GIT_CEILING_DIRECTORIES=str(office.folder.parent.parent))
        assert result.exit_code == 2
        assert "not a git repository" in result.stderr

    def test_without_git_folders_can_still_be_compared(self, office: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        office.write(BEFORE)
        other = Installation(tmp_path / "other", CHANGED)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert moves(planned(office, str(office.folder), str(other.folder), "--json")) == ONE_NIGHT
        assert "git is not installed" in planned(office, "main", "HEAD").stderr

    def test_a_name_of_both_kinds_is_asked_to_be_said_in_full(self, repo: Installation, tmp_path: Path) -> None:
        git(tmp_path, "branch", "config", "HEAD~1")
        result = planned(repo, "config", "HEAD")
        assert result.exit_code == 2
        assert "write ./config or refs/heads/config" in result.stderr
        assert moves(planned(repo, "refs/heads/config", "./config", "--json")) == ONE_NIGHT

    def test_a_broken_side_is_said_with_its_place(self, repo: Installation, tmp_path: Path) -> None:
        repo.write(CHANGED.replace("user:erik", "user:erk"))
        result = planned(repo, "HEAD", "./config")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("./config: pagerd.yaml:")
        commit(tmp_path)
        result = planned(repo, "HEAD", "HEAD~1")
        assert result.exit_code == 1
        assert result.stderr.startswith("HEAD (")
        assert "): pagerd.yaml:" in result.stderr
        assert "/tmp" not in result.stderr

    def test_a_revision_without_a_config_in_that_folder_is_said(self, repo: Installation, tmp_path: Path) -> None:
        git(tmp_path, "rm", "-q", "-r", "config")
        (tmp_path / "config").mkdir(exist_ok=True)
        (tmp_path / "config" / "readme.txt").write_text("moved")
        commit(tmp_path)
        result = planned(repo, "HEAD~1", "HEAD")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "there is no .yaml file in config" in result.stderr

    def test_variables_that_are_not_set_stop_nothing(self, repo: Installation, tmp_path: Path) -> None:
        secret = CHANGED.replace("auth_token: t", 'auth_token: "${TWILIO_TOKEN_OF_PROD}"').replace('"+46700000005"', '"${ERIKS_PHONE}"')
        repo.write(secret)
        commit(tmp_path)
        result = planned(repo, "HEAD~2", "HEAD", "--json")
        assert moves(result) == ONE_NIGHT
        assert "not set here, and read as empty on both sides: ERIKS_PHONE, TWILIO_TOKEN_OF_PROD" in result.stderr

    def test_a_variable_that_says_who_is_asked_must_be_set(self, repo: Installation) -> None:
        repo.write(CHANGED.replace("lead: erik", 'lead: "${LEAD}"'))
        result = planned(repo, "HEAD", "./config")
        assert result.exit_code == 1
        assert "teams.payments.lead: the variable LEAD is not set" in result.stderr
        assert planned(repo, "HEAD", "./config", LEAD="erik").exit_code == 0


class TestWhatItSays:
    def test_the_sum_first_then_each_interval_with_both_reasons_then_the_services(self, repo: Installation) -> None:
        lines = planned(repo, "HEAD~1", "HEAD").stdout.splitlines()
        assert lines[2:5] == ["2 people get other nights:", "  ana  -15 h  1 night fewer", "  ben  +15 h  1 night more"]
        assert lines[6:8] == [
            "primary (Europe/Madrid): 15 h in 1 interval",
            "  Sat 2026-10-24 20:00 CEST - Sun 10-25 10:00 CET    15 h  ana -> ben",  # fourteen on the clock
        ]
        assert lines[8].startswith("      was: layer week, turn 42 (pagerd.yaml:")
        assert lines[9].startswith("      now: override by the config: ana at a wedding")
        assert "  checkout, plain: stage 1 of policy payments: ana -> ben for 15 h (by primary)" in lines

    @pytest.mark.parametrize("width", ["80", "60", "200"])
    def test_it_keeps_its_width(self, repo: Installation, width: str) -> None:
        text = planned(repo, "HEAD~1", "HEAD", COLUMNS=width).stdout
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= max(int(width), 80)

    def test_times_in_another_zone(self, repo: Installation) -> None:
        text = planned(repo, "HEAD~1", "HEAD", "--tz", "Asia/Kolkata").stdout
        assert "primary (Asia/Kolkata)" in text
        assert "Sat 2026-10-24 23:30 IST - Sun 10-25 14:30 IST" in text

    def test_nothing_is_said_of_nothing(self, repo: Installation) -> None:
        result = planned(repo, "HEAD", "HEAD", "--exit-code")
        assert result.exit_code == 0
        assert result.stdout.splitlines()[-1] == "Nothing changes for anybody."

    def test_a_change_is_a_0_unless_asked_for(self, repo: Installation) -> None:
        assert planned(repo, "HEAD~1", "HEAD").exit_code == 0
        for form in ((), ("--json",), ("--markdown",)):
            assert planned(repo, "HEAD~1", "HEAD", "--exit-code", *form).exit_code == 1

    def test_a_gap_is_loud(self, repo: Installation) -> None:
        repo.write(CHANGED.replace("user: ben, reason", "remove: ana, reason"))
        text = planned(repo, "HEAD~1", "./config").stdout
        assert "! Nobody is on call in primary for 15 h, where somebody was." in text.splitlines()
        assert "ana -> NOBODY" in text
        assert "> **Nobody** is on call in primary for 15 h" in planned(repo, "HEAD~1", "./config", "--markdown").stdout

    def test_markdown_is_a_table_that_no_reason_breaks(self, repo: Installation) -> None:
        text = planned(repo, "HEAD~1", "HEAD", "--markdown").stdout
        assert text.startswith("### On call: HEAD\\~1 (")
        assert "| ana |  | 15 h | 1 night fewer |" in text.splitlines()
        [row] = [line for line in text.splitlines() if "wedding" in line]
        assert row.replace("\\|", "").count("|") == 7
        assert "\\<b>" in row
        assert "@here" not in row

    def test_its_json_has_stable_names(self, repo: Installation) -> None:
        answer = json.loads(planned(repo, "HEAD~1", "HEAD", "--json").stdout)
        assert list(answer) == ["old", "new", "from", "to", "changes", "people", "nobody", "schedules", "services", "alerts", "config"]
        assert answer["people"][0] == {"user": "ana", "gets_hours": 0.0, "loses_hours": 15.0, "nights_more": 0, "nights_fewer": 1}
        [stage] = answer["services"][0]["stages"]
        assert list(stage) == ["stage", "old", "new", "schedules", "always", "moved"]
        assert stage["moved"] == [{"from": "2026-10-24T18:00:00.000Z", "to": "2026-10-25T09:00:00.000Z", "old": ["ana"], "new": ["ben"]}]
        [moved] = answer["schedules"][0]["moved"]
        assert moved["new"][0]["because"].startswith("override by the config")

    def test_many_moves_are_cut_and_the_rest_is_counted(self, repo: Installation) -> None:
        daily = BEFORE.replace("users: [ana], every: 1w", "users: [ana, ben], every: 1d")
        repo.write(daily)
        other = Installation(repo.folder.parent / "other", daily.replace("users: [ana, ben]", "users: [ben, ana]"))
        lines = repo.pagerd("plan", "./config", str(other.folder), *AT[:2], "--for", "60d").stdout.splitlines()
        assert len([line for line in lines if line.startswith("  ") and " - " in line]) == 40
        assert any(line.startswith("  and 21 more, ") and line.endswith("--json has them all") for line in lines)

    @pytest.mark.parametrize("words", [("--at", "soon"), ("--for", "0s"), ("--for", "99y"), ("--tz", "Mars/Olympus")])
    def test_nonsense_is_a_2(self, repo: Installation, words: tuple[str, ...]) -> None:
        assert repo.pagerd("plan", "HEAD~1", "HEAD", *words).exit_code == 2

    def test_it_needs_no_store(self, repo: Installation) -> None:
        repo.store.down = True
        assert planned(repo, "HEAD~1", "HEAD").exit_code == 0
        assert repo.opened == []
