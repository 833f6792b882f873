"""What can be configured and is not acted upon yet. Each is said by `pagerd check`; a line goes when its feature comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pager.intake.sources import ACTIVE
from pager.model.config import Config
from pager.model.origin import Origin
from pager.model.problem import Level, Problem

Finding = tuple[Origin | None, str]  # where, and the path
_ACTIVE_CHANNELS = ("sms", "chat", "email")


def not_active_yet(config: Config) -> list[Problem]:
    """A note for each place that configures something this release only reads."""
    return [
        Problem(
            level=Level.NOTE,
            file=origin.file if origin else "config",
            line=origin.line if origin else 0,
            column=origin.column if origin else 0,
            path=path,
            message=f"not active yet: {what}",
        )
        for what, find in _TABLE
        for origin, path in find(config)
    ]


def _channels(c: Config) -> Iterable[Finding]:
    return [(c.settings.origin, f"channels.{n}") for n in c.channels if n not in _ACTIVE_CHANNELS]


def _integrations(c: Config) -> Iterable[Finding]:
    return [(i.origin, f"integrations.{n}") for n, i in c.integrations.items() if i.kind not in ACTIVE]


def _signatures(c: Config) -> Iterable[Finding]:
    return [(i.origin, f"integrations.{n}.secret") for n, i in c.integrations.items() if i.secret and i.kind in ACTIVE]


def _major(c: Config) -> Iterable[Finding]:
    return [(s.origin, f"policies.{p.name}") for p in c.policies.values() for s in p.stages if s.major_incident]


def _settings(c: Config) -> Iterable[Finding]:
    s = c.settings
    if s.heartbeat_url:
        yield c.settings.origin, "settings.heartbeat_out"


_TABLE: tuple[tuple[str, Callable[[Config], Iterable[Finding]]], ...] = (
    ("pages over this channel; a stage or ladder goes on with the others", _channels),
    ("intake of this kind", _integrations),
    ("the tool's own signature: whoever has the key is let in", _signatures),
    ("heartbeats", lambda c: [(h.origin, f"heartbeats.{n}") for n, h in c.heartbeats.items()]),
    ("the chat channel of a major incident", _major),
    ("this setting", _settings),
)  # fmt: skip
