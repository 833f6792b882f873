"""Noise rules."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pager.config.named import with_condition
from pager.config.reading import Bool, Choice, Context, Either, Field, ListOf, Record, Shape
from pager.config.scalars import MOMENT, POSITIVE, SPAN, TEXT
from pager.config.shapes import (
    CEL,
    CONDITION,
    HOURS,
    MATCH,
    SEVERITY,
    TIMES_IN,
)
from pager.config.tree import Node
from pager.model.condition import Condition
from pager.model.mute import Silence
from pager.model.noise import TOGETHER, Flap, Group, Inhibit, Maintenance, Noise, Pause, Recurring, Storm, Threshold
from pager.model.origin import Origin
from pager.model.problem import Problem


class _Only(Shape[Condition]):
    """A condition written as its match map alone."""

    expected = MATCH.expected

    def read(self, node: Node, context: Context, path: str) -> Condition | None:
        terms = MATCH.read(node, context, path)
        return None if terms is None else Condition(terms=terms, origin=node.origin)

    def schema(self) -> dict[str, Any]:
        return MATCH.schema()


_ONLY = _Only()
_NAMED = {"name": Field(TEXT, required=True)}
_WHEN = {"match": Field(MATCH, to="terms", needed=True), "if": Field(CEL, to="expression", needed=True)}
_LONGEST_WINDOW = timedelta(days=7)  # what a group is remembered by is kept that long
_BY = ListOf(TEXT, or_one=True, least=1)


_WORDS = {"key", *TOGETHER}  # of `by` where alerts are counted; a label of that name is `labels.key`


def _counted(by: tuple[str, ...] = ()) -> tuple[str, ...]:
    """None, where each alert's key is counted for itself."""
    if len(by) > 1 and (word := next((one for one in by if one in _WORDS), None)):
        raise ValueError(f"`{word}` stands alone in `by`; the label of that name is labels.{word}")
    return () if by == ("key",) else by


def _threshold(by: tuple[str, ...] = (), **values: Any) -> Threshold:
    return with_condition(Threshold, required=True)(by=_counted(by), **values)  # type: ignore[no-any-return]


def _recurring(after: Any, by: tuple[str, ...] = (), **values: Any) -> Recurring:
    made = with_condition(Recurring, required=True)
    return made(count=after.count, within=after.within, by=_counted(by), **values)  # type: ignore[no-any-return]


def _group(window: timedelta, **values: Any) -> Group:
    if window > _LONGEST_WINDOW:
        raise ValueError("a group's `window` is at most 7d")
    return with_condition(Group)(window=window, **values)  # type: ignore[no-any-return]


def _noise(limits: Any = None, **values: Any) -> Noise:
    if isinstance(storm := values.get("storm"), Storm):
        values["storm"] = (storm,)
    elif storm and len({one.per for one in storm}) < len(storm):
        raise ValueError("two rules in `storm` have the same `per`")
    return Noise(suppress_at_most=limits, **values)


def _maintenance(start: Any = None, end: Any = None, **values: Any) -> Maintenance:
    if (values.get("hours") is None) == (start is None or end is None):
        raise ValueError("a maintenance window has hours, or from and to")
    if start is not None and end is not None:
        _in_order(start, end)
    return with_condition(Maintenance, mutes=True)(start=start, end=end, **values)  # type: ignore[no-any-return]


def _in_order(start: datetime, end: datetime) -> None:
    if (start.tzinfo is None) != (end.tzinfo is None):
        raise ValueError("`from` and `to` both have a time zone, or neither has")
    if end <= start:
        raise ValueError("`to` must be after `from`")


def _silence(name: str, start: Any, end: Any, why: str = "", by: str = "the config", **values: Any) -> Silence:
    _in_order(start, end)
    return with_condition(Silence, mutes=True)(id=name, start=start, end=end, by=by, why=why, **values)  # type: ignore[no-any-return]


_STORM = Record(
    {
        "pages": Field(POSITIVE, required=True),
        "within": Field(SPAN, required=True),
        "per": Choice({per: per for per in ("service", "team", "all")}),
    },
    Storm,
)
NOISE: Record[Noise] = Record(
    {
        "inhibit": ListOf(
            Record({**_NAMED, "if_open": Field(_ONLY, required=True), "mute": Field(_ONLY, required=True), "equal": _BY}, Inhibit)
        ),
        "group": ListOf(
            Record(
                {
                    **_NAMED,
                    "by": Field(_BY, required=True),
                    "window": Field(SPAN, required=True),
                    "sliding": Bool(),
                    "limit": POSITIVE,
                    **CONDITION,
                },
                _group,
            )
        ),
        "pause": ListOf(Record({**_NAMED, **_WHEN, "for": Field(SPAN, to="wait", required=True)}, with_condition(Pause, mutes=True))),
        "threshold": ListOf(
            Record(
                {**_NAMED, **CONDITION, "count": Field(POSITIVE, required=True), "within": Field(SPAN, required=True), "by": _BY},
                _threshold,
            )
        ),
        "recurring": ListOf(
            Record(
                {**_NAMED, **CONDITION, "after": Field(TIMES_IN, required=True), "severity": Field(SEVERITY, required=True), "by": _BY},
                _recurring,
            )
        ),
        "flap": Record(
            {"changes": Field(POSITIVE, required=True), "within": Field(SPAN, required=True), "hold": Field(SPAN, required=True)}, Flap
        ),
        "storm": Either(scalar=Choice({"off": ()}), map=_STORM, list=ListOf(_STORM)),
        "maintenance": ListOf(
            Record(
                {
                    **_NAMED,
                    **_WHEN,
                    "hours": Field(HOURS, needed=True),
                    "from": Field(MOMENT, to="start", needed=True),
                    "to": Field(MOMENT, to="end", needed=True),
                },
                _maintenance,
            )
        ),
        "silences": ListOf(
            Record(
                {
                    **_NAMED,
                    **_WHEN,
                    "from": Field(MOMENT, to="start", required=True),
                    "to": Field(MOMENT, to="end", required=True),
                    "by": TEXT,
                    "why": TEXT,
                },
                _silence,
            )
        ),
        "limits": Record({"suppress_at_most": Field(SPAN, required=True)}, lambda suppress_at_most: suppress_at_most, origin=False),
    },
    _noise,
    origin=False,
)


def named_twice(noise: Noise) -> list[Problem]:
    """Reports, and what is muted, know a rule by its kind and name."""
    found: list[Problem] = []
    for kind in ("inhibit", "group", "pause", "threshold", "recurring", "maintenance", "silences"):
        first: dict[str, Origin] = {}
        for rule in getattr(noise, kind):
            name, o = rule.id if isinstance(rule, Silence) else rule.name, rule.origin
            if name in first:
                message = f"{name!r} is here for the second time, first at {first[name]}"
                path, advice = f"noise.{kind}.{name}", "give each its own name"
                found.append(Problem(file=o.file, line=o.line, column=o.column, path=path, message=message, suggestion=advice))
            first.setdefault(name, o)
    return found
