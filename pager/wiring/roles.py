"""What a worker does: all of it, or the roles it was started with."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    INTAKE = "intake"  # alerts over HTTP
    INGEST = "ingest"  # from the alerts stream to incidents
    DEADLINES = "deadlines"  # timeouts, repeats, ends of snoozes
    DELIVER = "deliver"  # pages, notices, messages in chats
    WEB = "web"  # callbacks of providers, chat sockets, reply pages
    CADENCE = "cadence"  # what one of those that have it does: sweeping, retention


ALL = frozenset(Role)


def read_roles(text: str) -> frozenset[Role]:
    """`deliver,web`. Raises ValueError, which names those there are."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(Role)]
    if unknown or not names:
        what = f"there is no role {unknown[0]!r}" if unknown else "no role is given"
        raise ValueError(f"{what}: a comma between any of {', '.join(Role)}")
    return frozenset(map(Role, names))
