"""What Slack's words mean for a page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pager.channels.slack_errors import _REFUSALS, NotReached, Refused, in_words, refusal, word
from pager.channels.slack_http import _seconds
from pager.model.event import Fault
from pager.ports import GiveUp, TryAgain


@pytest.mark.parametrize(
    ("no", "fault"),
    [
        (Refused(200, "invalid_auth"), Fault.PROVIDER),
        (Refused(200, "not_allowed_token_type"), Fault.PROVIDER),
        (Refused(200, "missing_scope"), Fault.PROVIDER),
        (Refused(200, "is_archived"), Fault.ADDRESS),
        (Refused(200, "user_not_found"), Fault.ADDRESS),
        (Refused(200, "cannot_dm_bot"), Fault.ADDRESS),
        (Refused(200, "moon_in_capricorn"), Fault.PROVIDER),
        (Refused(401, "invalid_auth"), Fault.PROVIDER),
        (Refused(403), Fault.PROVIDER),
        (Refused(404), Fault.PROVIDER),
    ],
)
def test_a_no_says_how_far_it_reaches(no: Refused, fault: Fault) -> None:
    verdict = refusal(no)
    assert isinstance(verdict, GiveUp)
    assert verdict.fault is fault
    assert verdict.why == in_words(no)


@pytest.mark.parametrize(
    "no", [Refused(500), Refused(503), Refused(502, "fatal_error"), Refused(200, "internal_error"), Refused(200), Refused(0)]
)
def test_what_may_have_been_done_is_no_refusal(no: Refused) -> None:
    assert refusal(no) is None
    assert in_words(no).startswith("Slack answered with HTTP ")


@pytest.mark.parametrize(
    ("no", "after"),
    [
        (Refused(429), 2),
        (Refused(429, "ratelimited", timedelta(seconds=7)), 7),
        (Refused(200, "ratelimited"), 2),
        (Refused(429, "ratelimited", timedelta(hours=1)), 60),
        (Refused(200, "service_unavailable"), 5),
        (Refused(200, "external_channel_migrating", timedelta(seconds=3)), 3),
    ],
)
def test_what_was_surely_not_done_is_tried_again_after_as_long_as_is_asked(no: Refused, after: int) -> None:
    verdict = refusal(no)
    assert isinstance(verdict, TryAgain)
    assert verdict.after == timedelta(seconds=after)


@pytest.mark.parametrize("error", _REFUSALS)
def test_every_known_refusal_names_itself_and_what_is_the_matter(error: str) -> None:
    verdict = refusal(Refused(200, error))
    assert isinstance(verdict, GiveUp)
    assert verdict.why.startswith(f"Slack {error}: ")
    assert len(verdict.why.partition(": ")[2]) > 10


def test_the_scope_that_is_needed_is_named() -> None:
    assert in_words(Refused(200, "missing_scope", needed="chat:write")).endswith("(needed: chat:write)")


def test_only_what_looks_like_slacks_own_words_is_repeated() -> None:
    for known in ("channel_not_found", "chat:write,im:write", "users:read.email"):
        assert word(known) == known
    for odd in ("", None, 7, ["a"], "Oh no", "a\nb", "<html>", "x" * 81, "Bearer xoxb-1"):
        assert word(odd) == ""


def test_the_text_of_a_foreign_error_is_never_repeated() -> None:
    assert "xoxb" not in in_words(ValueError("xoxb-s3cr3t"))
    assert in_words(TimeoutError()) == "Slack did not answer in time"
    assert in_words(NotReached("no connection to slack.com: Gone")) == "no connection to slack.com: Gone"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30), ("0", 0), ("1.5", 1.5), (None, None), ("", None), ("soon", None), ("-1", None), ("nan", None), ("inf", None), ("1e99", None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
def test_only_seconds_that_make_sense_are_read(header: str | None, seconds: float | None) -> None:
    assert _seconds(header) == (None if seconds is None else timedelta(seconds=seconds))
