"""Noise rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pager.config.named import with_condition
from pager.config.reading import Bool, Choice, Context, Either, Field, ListOf, Record, Shape
from pager.config.scalars import POSITIVE, SPAN, TEXT, WALL
from pager.config.shapes import (
    CONDITION,
    HOURS,
    MATCH,
    RATE,
    SEVERITY,
)
from pager.config.tree import Node
from pager.model.condition import Condition
from pager.model.mute import Silence
from pager.model.noise import TOGETHER, Flap, Group, Inhibit, Maintenance, Noise, Pause, Recurring, Storm, Threshold


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
    if values.get("storm") == ():  # `off`
        values["storm"] = None
    return Noise(suppress_at_most=limits, **values)


def _maintenance(**values: Any) -> Maintenance:
    if (values.get("hours") is None) == (values.get("start") is None or values.get("end") is None):
        raise ValueError("a maintenance window has hours, or from and to")
    return with_condition(Maintenance, required=True)(**values)  # type: ignore[no-any-return]


def _silence(name: str, start: Any, end: Any, why: str = "", by: str = "the config", **values: Any) -> Silence:
    if end <= start:
        raise ValueError("`to` must be after `from`")
    return with_condition(Silence, required=True)(id=name, start=start, end=end, by=by, why=why, **values)  # type: ignore[no-any-return]


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
        "pause": ListOf(
            Record({**_NAMED, **CONDITION, "for": Field(SPAN, to="wait", required=True)}, with_condition(Pause, required=True))
        ),
        "threshold": ListOf(
            Record(
                {**_NAMED, **CONDITION, "count": Field(POSITIVE, required=True), "within": Field(SPAN, required=True), "by": _BY},
                _threshold,
            )
        ),
        "recurring": ListOf(
            Record(
                {**_NAMED, **CONDITION, "after": Field(RATE, required=True), "severity": Field(SEVERITY, required=True), "by": _BY},
                _recurring,
            )
        ),
        "flap": Record(
            {"changes": Field(POSITIVE, required=True), "within": Field(SPAN, required=True), "hold": Field(SPAN, required=True)}, Flap
        ),
        "storm": Either(
            scalar=Choice({"off": ()}),
            map=Record(
                {
                    "pages": Field(POSITIVE, required=True),
                    "within": Field(SPAN, required=True),
                    "per": Choice({per: per for per in ("service", "team", "all")}),
                },
                Storm,
            ),
        ),
        "maintenance": ListOf(
            Record({**_NAMED, **CONDITION, "hours": HOURS, "from": Field(WALL, to="start"), "to": Field(WALL, to="end")}, _maintenance)
        ),
        "silences": ListOf(
            Record(
                {
                    **_NAMED,
                    **CONDITION,
                    "from": Field(WALL, to="start", required=True),
                    "to": Field(WALL, to="end", required=True),
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
