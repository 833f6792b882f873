"""Finds secrets in what was logged or printed: those that were made known, in every form they may take on, and what looks like one."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 8  # what is shorter stands in many a text by chance

KNOWN: set[str] = set()
"""What the tests of this run use as secrets: the fakes and the daemons add theirs."""

_IN_CONFIG = re.compile(
    r"""(?<![\w])["']?(?:auth_token|bot_token|app_token|signing_secret|key|secret)["']?:\s*["']?([^\s"',{}\[\]]+)"""
    r"""|(?<![\w])link_keys:\s*\[?\s*["']?([^\s"',{}\[\]]+)"""
    r"""|\w+://[^\s/:@"']*:([^\s/@"']+)@"""
)
_SHAPES = {
    "a reply link": re.compile(r"/reply/[\w~.-]{24,}"),
    "a URL with a password": re.compile(r"\w://[^\s/:@'\"<>]*:[^\s/@'\"<>*]{3,}@[\w\[]"),
    "an Authorization header": re.compile(r"\b(?:Basic|Bearer) [\w+/=.-]{16,}"),
    "a Slack token": re.compile(r"\bx(?:ox[abeprs]|app)-[\w-]*\d[\w-]{6,}"),
    "a Slack address to answer at": re.compile(r"hooks\.slack\.com/\w+/\w+/\w+"),
    "a key in a path": re.compile(r"/(?:in/[a-z0-9-]+|heartbeat)/(?!KEY\b)[\w-]{12,}"),
}

LOGS: dict[Path, None] = {}
"""Files that processes of this run write their logs to."""


def know(*secrets: str) -> None:
    KNOWN.update(secret for secret in secrets if len(secret) >= SHORTEST)


def secrets_of(config: str) -> set[str]:
    """The secrets that stand in the text of a config."""
    return {word for found in _IN_CONFIG.findall(config) for word in found if word}


def leaks(text: str, secrets: Iterable[str]) -> list[str]:
    """What of it shows a secret, in words that don't repeat it."""
    found = [
        f"{how} of the secret {secret[:3]}… ({len(secret)} characters)" for secret in secrets for how, form in forms(secret) if form in text
    ]
    return found + [what for what, shape in _SHAPES.items() if shape.search(text)]


def forms(secret: str) -> Iterator[tuple[str, str]]:
    """How it may stand in a text: as it is, in a URL, in JSON, in a repr, in hex, and in base64 wherever it begins there."""
    raw = secret.encode()
    plain = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    yield from (("the text", form) for form in plain)
    yield from (("the URL form", form) for form in {quote(secret), quote(secret, safe=""), quote_plus(secret)} - plain)
    yield "the hex form", raw.hex()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        inner = encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]  # the rest depends on what stands around it
        yield "the base64 form", inner
        yield "the base64 form", inner.replace("+", "-").replace("/", "_")
