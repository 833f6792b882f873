"""What Slack's error strings mean for a page: is it worth another try, and where.

Source of the strings: https://docs.slack.dev/reference/methods/chat.postMessage#errors and its neighbours. One that is not here is a refusal
that another provider may not share."""

from __future__ import annotations

import re
from datetime import timedelta

from pager.model.event import Fault
from pager.ports import GiveUp, TryAgain

BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
BAD_METADATA = frozenset({"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_as_json"})
NO_CHANNEL = "channel_not_found"
MISSING_SCOPE = "missing_scope"
_BUSY_FOR = timedelta(seconds=2)  # Slack takes about one message a second for each channel
_DOWN_FOR = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=1)  # a page is worth minutes: what asks for longer is tried sooner, and then elsewhere

_TOKEN = "the token was refused: copy the Bot User OAuth Token (xoxb-...) of the installed app into bot_token"
_GONE = "the token is no longer valid: install the app into the workspace again and renew bot_token"
_INVITE = "the bot is not in that channel: invite it there with /invite @pagerd"
_ADMIN = "the workspace's administrators don't let the bot post: ask them"

_REFUSALS: dict[str, tuple[Fault, str]] = {
    "not_authed": (Fault.PROVIDER, _TOKEN),
    "invalid_auth": (Fault.PROVIDER, _TOKEN),
    "not_allowed_token_type": (Fault.PROVIDER, "the token is of another kind: bot_token begins with xoxb-, app_token with xapp-"),
    "token_revoked": (Fault.PROVIDER, _GONE),
    "token_expired": (Fault.PROVIDER, _GONE),
    "account_inactive": (Fault.PROVIDER, _GONE),
    "missing_scope": (Fault.PROVIDER, "the app lacks a scope: add it under OAuth & Permissions and install the app again"),
    "no_permission": (Fault.PROVIDER, "the app lacks a scope: add it under OAuth & Permissions and install the app again"),
    "access_denied": (Fault.PROVIDER, _ADMIN),
    "accesslimited": (Fault.PROVIDER, "Slack refuses our network: allow its address in the app's settings"),
    "ekm_access_denied": (Fault.PROVIDER, _ADMIN),
    "enterprise_is_restricted": (Fault.PROVIDER, _ADMIN),
    "team_access_not_granted": (Fault.PROVIDER, _ADMIN),
    "org_login_required": (Fault.PROVIDER, "the workspace is being moved by Slack: wait until that is over"),
    "two_factor_setup_required": (Fault.PROVIDER, "two-factor authentication must be set up for the account first"),
    "team_disabled": (Fault.PROVIDER, "the workspace is disabled"),
    "user_removed_from_team": (Fault.PROVIDER, _GONE),
    "forbidden_team": (Fault.PROVIDER, "this workspace may not use Socket Mode: ask its administrators"),
    "unknown_method": (Fault.PROVIDER, "no Slack at that address: check api_url"),
    "invalid_arguments": (Fault.PROVIDER, "Slack does not take the message as we write it: please report this"),
    "message_limit_exceeded": (Fault.PROVIDER, "the workspace has sent too many messages"),
    "channel_not_found": (Fault.ADDRESS, "no such channel, or a private one that the bot is not in: check it, or /invite @pagerd"),
    "not_in_channel": (Fault.ADDRESS, _INVITE),
    "is_archived": (Fault.ADDRESS, "the channel is archived: name another"),
    "user_not_found": (Fault.ADDRESS, "no such person: copy the member ID from their Slack profile"),
    "users_not_found": (Fault.ADDRESS, "no such person: copy the member ID from their Slack profile"),
    "user_not_visible": (Fault.ADDRESS, "the bot can't see that person"),
    "user_disabled": (Fault.ADDRESS, "the person's Slack account is deactivated"),
    "cannot_dm_bot": (Fault.ADDRESS, "a bot can't be paged: name a person"),
    "messages_tab_disabled": (Fault.PROVIDER, "the app takes no direct messages: turn on the Messages tab under App Home"),
    "restricted_action": (Fault.ADDRESS, "the channel's rules keep the bot from posting: change them, or name another"),
    "restricted_action_read_only_channel": (Fault.ADDRESS, "the channel is read-only: change that, or name another"),
    "restricted_action_non_threadable_channel": (Fault.ADDRESS, "the channel allows no threads"),
    "restricted_action_thread_only_channel": (Fault.ADDRESS, "the channel allows only replies in threads: name another"),
    "restricted_action_thread_locked": (Fault.ADDRESS, "the thread is locked"),
    "method_not_supported_for_channel_type": (Fault.ADDRESS, "this kind of channel can't be used: name another"),
    "message_not_found": (Fault.ADDRESS, "the message is gone: somebody deleted it"),
    "thread_not_found": (Fault.ADDRESS, "the message is gone: somebody deleted it"),
    "cannot_reply_to_message": (Fault.ADDRESS, "no thread can be opened under that message"),
    "cant_update_message": (Fault.ADDRESS, "the message is not ours: another app wrote it"),
    "no_such_subteam": (Fault.ADDRESS, "no such user group: copy its ID, S0..., from the end of its link, or turn it on again"),
    "subteam_not_found": (Fault.ADDRESS, "no such user group: copy its ID, S0..., from the end of its link, or turn it on again"),
    "invalid_users": (Fault.ADDRESS, "one of these people is not in the workspace, or deactivated: correct their member ID"),
    "failed_for_some_users": (Fault.ADDRESS, "one of these people is not in the group's workspace: correct their member ID"),
    "no_users_provided": (Fault.ADDRESS, "a user group can't be empty"),
    "plan_upgrade_required": (Fault.PROVIDER, "this workspace's plan has no user groups: leave user_group out, or pay for a plan that has"),
    "paid_teams_only": (Fault.PROVIDER, "this workspace's plan has no user groups: leave user_group out, or pay for a plan that has"),
    "permission_denied": (
        Fault.PROVIDER,
        "the workspace lets only some change user groups: let everybody, under Settings, Permissions, User Groups",
    ),
    "user_is_restricted": (Fault.PROVIDER, "the workspace lets only some do that: ask its administrators"),
    "user_is_bot": (Fault.PROVIDER, "the workspace lets no app do that: ask its administrators"),
    "too_long": (Fault.ADDRESS, "the topic is longer than 250 characters: shorten what people wrote there"),
    "edit_window_closed": (Fault.ADDRESS, "the message is too old to be changed in this workspace"),
}
_IN_DOUBT = frozenset({"fatal_error", "internal_error"})  # "some aspect of the operation may have succeeded"
_LATER = frozenset(
    {"ratelimited", "rate_limited", "service_unavailable", "request_timeout", "team_added_to_org", "external_channel_migrating"}
)


class Refused(Exception):
    """Slack answered, and it was no yes. `error` is its own word for it, empty where the answer holds none; `retry_after` what the header
    of that name asks for. The text holds nothing of the request or the answer, so it may be shown and logged."""

    def __init__(self, status: int, error: str = "", retry_after: timedelta | None = None, needed: str = "") -> None:
        super().__init__(f"HTTP {status}, {error}" if error else f"HTTP {status}")
        self.status = status
        self.error = error
        self.retry_after = retry_after
        self.needed = needed  # the scope that is missing


class NotReached(Exception):
    """No connection came about: nothing was asked of Slack, so nothing was done. The text is safe to show."""


def refusal(no: Refused) -> TryAgain | GiveUp | None:
    """What an answer other than yes means. None: nobody knows whether it was done (a 500, or a page of some proxy), so look it up."""
    if no.status == 429 or (no.status < 400 and no.error in _LATER):
        usual = _BUSY_FOR if "rate" in no.error or no.status == 429 else _DOWN_FOR
        return TryAgain(wait(no.retry_after, usual), f"Slack {no.error or 'HTTP 429'}: it does not take more right now")
    if no.status >= 500 or (no.error in _IN_DOUBT and no.status < 400):
        return None
    if no.status >= 400 and no.error not in _REFUSALS:
        words = _TOKEN if no.status in (401, 403) else "refused: check api_url"
        return GiveUp(f"Slack HTTP {no.status}: {words}", Fault.PROVIDER)
    if not no.error:
        return None
    fault, words = _REFUSALS.get(no.error, (Fault.PROVIDER, "refused: see the errors at https://docs.slack.dev/reference/methods"))
    return GiveUp(f"Slack {no.error}: {words}{f' (needed: {no.needed})' if no.needed else ''}", fault)


def wait(asked: timedelta | None, usual: timedelta) -> timedelta:
    return usual if asked is None else min(asked, _LONGEST_WAIT)


def word(value: object) -> str:
    """Slack's error string, or a list of scopes, where it looks like one: whatever else stands there may hold anything."""
    return value if isinstance(value, str) and re.fullmatch(r"[a-z0-9_:.,-]{1,80}", value) else ""


def in_words(error: BaseException) -> str:
    """Never the text of a foreign exception: it may hold the request."""
    match error:
        case Refused():
            verdict = refusal(error)
            return verdict.why if verdict is not None else f"Slack answered with {error}"
        case NotReached():
            return str(error)
        case TimeoutError():
            return "Slack did not answer in time"
        case _:
            return f"Slack's answer was cut or can't be read ({type(error).__name__})"
