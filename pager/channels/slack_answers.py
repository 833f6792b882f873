"""Answers to a press or a command, posted to the `response_url` that came with it: only the person sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from slack_sdk.webhook.async_client import AsyncWebhookClient

from pager.channels.slack_blocks import plain
from pager.channels.slack_errors import in_words
from pager.channels.slack_http import API_URL, quiet

_WITHIN = timedelta(seconds=10)
_SLACK = ("https", "hooks.slack.com")

log = structlog.get_logger()


class SlackAnswers:
    """Never raises: an answer that does not get through is in the log. What it answers to has been done, or was refused, all the same."""

    def __init__(self, api_urls: Iterable[str] = ()) -> None:
        self._taken = {_SLACK, *(_origin(url or API_URL) for url in api_urls)}

    async def __call__(self, url: str, body: Mapping[str, Any]) -> None:
        if _origin(url) not in self._taken:
            log.warning("slack.answer_not_posted", why="that address is not Slack's")
            return
        client = AsyncWebhookClient(url, timeout=round(_WITHIN.total_seconds()), retry_handlers=[], logger=quiet())
        client.proxy = None  # the SDK takes one from the environment, and asks no NO_PROXY
        try:
            answer = await client.send_dict({**body, "text": plain(str(body.get("text", "")))})
            if answer.status_code != 200:
                log.warning("slack.answer_not_posted", status=answer.status_code)
        except Exception as error:
            log.warning("slack.answer_not_posted", why=in_words(error))


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc
