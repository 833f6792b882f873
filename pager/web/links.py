"""Signed links to answer by: who they were made for, about what, and until when. Whoever has the link may answer as that person."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from itsdangerous import BadData, URLSafeSerializer

_SALT = "pagerd-reply-link"


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


def _serializer(keys: list[str]) -> URLSafeSerializer:
    # The library signs with the last key of its list.
    return URLSafeSerializer(keys[::-1], salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256})
