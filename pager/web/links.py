"""Signed links. To answer by: who they were made for, about what, and until when; whoever has the link may answer as that person. To a calendar:
whose; whoever has it sees the shifts until its key is taken out."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from itsdangerous import BadData, URLSafeSerializer

_SALT = "pagerd-reply-link"
_CALENDAR_SALT = "pagerd-calendar-link"


def own_key(secret: bytes) -> str:
    """The key of an installation that configures none. `secret` is the installation's."""
    return hmac.digest(secret, b"reply links", "sha256").hex()


class Link(msgspec.Struct, frozen=True):
    """`id` is the same for the same link."""

    incident: int
    page: int
    user: str
    expires: datetime
    id: str


class ReplyLinks:
    """`keys` sign and verify; the first one signs. A key that is taken out makes its links worthless; an empty one is none."""

    def __init__(self, keys: Callable[[], Sequence[str]], base: Callable[[], str], lasts: Callable[[], timedelta]) -> None:
        self._keys = keys
        self._base = base
        self._lasts = lasts

    def make(self, incident: int, page: int, user: str, now: datetime) -> str:
        """The URL; empty where no public URL is known, or no key."""
        base, keys = self._base(), self._known_keys()
        if not (base and keys):
            return ""
        token = _serializer(keys).dumps([incident, page, user, int((now + self._lasts()).timestamp())])
        return f"{base.rstrip('/')}/reply/{token if isinstance(token, str) else token.decode()}"

    def read(self, token: str) -> Link | None:
        """What the link stands for, expired or not; None when it is none of ours."""
        try:
            incident, page, user, expires = _serializer(self._known_keys()).loads(token)
            until = datetime.fromtimestamp(expires, UTC)
        except (BadData, ValueError, TypeError, OverflowError, OSError):
            return None
        if not (isinstance(incident, int) and isinstance(page, int) and isinstance(user, str)):
            return None
        # Of what is signed, not of how it is written: base64 has several ways to write the same signature.
        return Link(incident, page, user, until, hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()[:32])

    def _known_keys(self) -> list[str]:
        return [key for key in self._keys() if key]


class CalendarLinks:
    """To the shifts of a `user` or a `schedule`. `keys` as for replies; a link to answer by is none to a calendar, nor the other way."""

    def __init__(self, keys: Callable[[], Sequence[str]], base: Callable[[], str]) -> None:
        self._keys = keys
        self._base = base

    def make(self, kind: str, name: str) -> str:
        """The URL, the same each time; empty where no public URL is known, or no key."""
        base, keys = self._base(), [key for key in self._keys() if key]
        if not (base and keys):
            return ""
        token = _serializer(keys, _CALENDAR_SALT).dumps([kind, name])
        return f"{base.rstrip('/')}/calendar/{token if isinstance(token, str) else token.decode()}.ics"

    def read(self, token: str) -> tuple[str, str] | None:
        """Kind and name; None when it is none of ours."""
        try:
            kind, name = _serializer([key for key in self._keys() if key], _CALENDAR_SALT).loads(token)
        except (BadData, ValueError, TypeError):
            return None
        return (kind, name) if isinstance(kind, str) and isinstance(name, str) else None


def _serializer(keys: list[str], salt: str = _SALT) -> URLSafeSerializer:
    # The library signs with the last key of its list.
    return URLSafeSerializer(keys[::-1], salt=salt, signer_kwargs={"digest_method": hashlib.sha256})
