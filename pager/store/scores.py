"""Times as the store has them: whole milliseconds since the epoch as scores, seconds and microseconds in replies to TIME."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def moment(reply: Sequence[bytes]) -> datetime:
    """The UTC time in a reply to TIME."""
    seconds, micros = reply
    return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(micros))


def milliseconds(at: datetime) -> int:
    """The score of a moment, rounded up: what is due by its score is due by its time."""
    return -((_EPOCH - at) // _MILLISECOND)


def at_score(score: float) -> datetime:
    return _EPOCH + timedelta(milliseconds=score)
