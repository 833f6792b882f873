"""What a rule selects: a match map and an optional CEL expression."""

from __future__ import annotations

import msgspec

from pager.model.origin import Origin

ALERT_FIELDS = ("severity", "source", "service", "component", "group", "class", "integration")


def key_of(name: str) -> str:
    """The key that a bare name of the config means: a field of the alert, the team, else a label."""
    return name if name in ALERT_FIELDS or name == "team" or name.startswith(("labels.", "details.")) else f"labels.{name}"


class Term(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One key of a match map. `key` is one of ALERT_FIELDS, `team` (the label of that name, else the team that owns the service), or starts with
    `labels.` or `details.`.
    Matches when the value is one of `values`, or when `regex` matches the whole of it. `negated`: when it does not.
    A missing key never matches."""

    key: str
    values: tuple[str, ...] = ()
    regex: str | None = None
    negated: bool = False


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All terms must match, and then `expression` (CEL) must be true. An empty condition holds always."""

    terms: tuple[Term, ...] = ()
    expression: str | None = None
    origin: Origin | None = None
