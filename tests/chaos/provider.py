"""The provider at the wire: it keeps what it accepted, and when, and fails now and then as providers do."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.acceptance.daemon import CODE
from tests.fakes.twilio_fake import Record, TwilioFake

KEY = re.compile(r"key-\d+")
_NUMBER = re.compile(r"#(\d+) ")
_NONE: dict[str, Any] = {
    "op": None, "to": None, "times": 1, "skip": 0, "status": None, "code": None, "retry_after": None, "hang": None, "drop": False,
    "garbage": False, "body": None, "accepted": False,
}  # fmt: skip
_REFUSALS: tuple[dict[str, Any], ...] = ({"status": 429, "retry_after": 1}, {"status": 503}, {"status": 500})
_MISHAPS: tuple[dict[str, Any], ...] = (
    *_REFUSALS,
    {"status": 500, "accepted": True},
    {"hang": 6.0, "accepted": True},
    {"hang": 6.0},
    {"hang": 0.7},
    {"drop": True, "accepted": True},
    {"drop": True},
    {"garbage": True},
)


@dataclass(frozen=True)
class PageSent:
    """A page that the provider accepted. `at` is in seconds of the run."""

    key: str
    incident: int
    to: str
    sender: str
    code: str
    at: float


class Provider(TwilioFake):
    """`mishaps` is the share of messages to which something happens. Looking up is spared: then nobody need be paged twice for it."""

    def __init__(self, dice: random.Random, now: Callable[[], float], mishaps: float) -> None:
        super().__init__(step=0.05)
        self._dice, self._now, self._mishaps = dice, now, mishaps
        self.is_out = False
        self.mishaps = 0
        self.pages: list[PageSent] = []
        self.told: list[str] = []  # notices and break-glass messages
        self.on_page: Callable[[PageSent], None] = lambda page: None

    def _take_fault(self, op: str, to: str | None) -> Record | None:
        if op != "CreateMessage":
            return None
        if self.is_out:
            return _NONE | self._dice.choice(_REFUSALS)
        if self._dice.random() >= self._mishaps:
            return None
        self.mishaps += 1
        return _NONE | self._dice.choice(_MISHAPS)

    def _create(self, params: Record) -> Record:
        made = super()._create(params)
        body = params["Body"]
        code, key, number = CODE.search(body), KEY.search(body), _NUMBER.search(body)
        if code and key and number:
            page = PageSent(key[0], int(number[1]), params["To"], params["From"], code[1], self._now())
            self.pages.append(page)
            self.on_page(page)
        else:
            self.told.append(body)
        return made
