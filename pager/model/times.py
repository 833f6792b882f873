"""Times and spans, written out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def duration(span: timedelta) -> str:
    """The two largest units that are not zero: `45s`, `2m`, `1h 5m`, `3d`. Less than a second, or a negative span, is `0s`."""
    seconds = max(int(span.total_seconds()), 0)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{n}{unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")) if n]
    return " ".join(parts[:2]) or "0s"


def rfc3339(at: datetime | None) -> str | None:
    """As RFC 3339 in UTC, to the millisecond; None stays None."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
