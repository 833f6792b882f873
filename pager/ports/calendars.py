"""Where calendars of others are read."""

from __future__ import annotations

from typing import Protocol


class NotRead(Exception):
    """In words, which never hold the address: it may be a secret."""


class CalendarSource(Protocol):
    async def read(self, url: str) -> str:
        """The text there, within ten seconds. Raises NotRead."""
