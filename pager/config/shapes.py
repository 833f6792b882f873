"""The shapes that several sections share: hours, conditions, targets, ladders."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from pager.conditions.cel import problem_with
from pager.config.reading import Choice, Context, Field, Json, ListOf, Record, Scalar, Shape, nearest, pairs_of
from pager.config.scalars import CLOCK, DATE, DURATION, POSITIVE, SPAN, TEXT, read_duration
from pager.config.tree import Node
from pager.model.alert import Severity, Urgency
from pager.model.condition import Condition, Term, key_of
from pager.model.hours import WEEKDAYS, Hours
from pager.model.person import Ladder, Limits, Rung
from pager.model.policy import Target, TargetKind
from pager.model.schedule import Every
from pager.model.settings import CHANNELS, Rate

SEVERITY = Choice({s.value: s for s in Severity})
URGENCY = Choice({u.value: u for u in Urgency})
CHANNEL = Choice({name: name for name in CHANNELS})


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("an IANA name such as Europe/Madrid or UTC") from None
    return name


ZONE = Scalar("a time zone", _zone)


# --- hours ----------------------------------------------------------------------------------------------------------------------------
def _hours(
    days: tuple[int, ...] = tuple(range(7)),
    start: time = time(0),
    end: time = time(0),
    timezone: str | None = None,
    first_date: date | None = None,
    last_date: date | None = None,
) -> Hours:
    if first_date and last_date and last_date < first_date:
        raise ValueError("the dates end before they begin")
    return Hours(days=days, start=start, end=end, timezone=timezone, first_date=first_date, last_date=last_date)


HOURS: Record[Hours] = Record(
    {
        "days": Field(ListOf(Choice({day: k for k, day in enumerate(WEEKDAYS)}), or_one=True, least=1)),
        "from": Field(CLOCK, to="start"),
        "to": Field(CLOCK, to="end"),
        "timezone": ZONE,
        "from_date": Field(DATE, to="first_date"),
        "to_date": Field(DATE, to="last_date"),
    },
    _hours,
    "hours such as {days: [mon], from: \"09:00\", to: \"17:00\"}",
    origin=False,
)  # fmt: skip


# --- chat channels --------------------------------------------------------------------------------------------------------------------
def _room(text: str) -> str:
    if not re.fullmatch(r"(slack:)?(#[^\s#@<>&,:|]{1,80}|[CG][A-Z0-9]{2,30})", text):
        raise ValueError("such as #payments, or the channel's ID")
    return text


ROOM = Scalar("a chat channel", _room)


# --- durations of another kind --------------------------------------------------------------------------------------------------------
def _every(text: str) -> Every:
    found = re.fullmatch(r"(\d+)(h|d|w|mo)", text)
    if not found or int(found[1]) < 1 or int(found[1]) > 10_000:
        raise ValueError("such as 12h, 1d, 1w, 2w or 1mo")
    count = int(found[1])
    if found[2] == "mo":
        return Every(months=count)
    return Every(wall=count * {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}[found[2]])


EVERY = Scalar("the length of a turn", _every, {"type": "string", "pattern": r"^\d+(h|d|w|mo)$"})


def _rate(text: str) -> Rate:
    found = re.fullmatch(r"(\d+)\s*(?:/|in)\s*(\S+)", text)
    if not found or int(found[1]) < 1:
        raise ValueError
    return Rate(int(found[1]), read_duration(found[2]))


RATE = Scalar("a rate", _rate, {"type": "string"}, "such as 10/1m")
TIMES_IN = Scalar("how often in what time", _rate, {"type": "string"}, "such as 3 in 1h")


# --- conditions -----------------------------------------------------------------------------------------------------------------------
class Match(Shape[tuple[Term, ...]]):
    """`{key: value | [values] | {re: "…"}}`. Bare names are the alert's fields, any other is a label."""

    expected = "a map of what must match"

    def read(self, node: Node, context: Context, path: str) -> tuple[Term, ...] | None:
        if node.kind != "map":
            return self.wrong(node, context, path)
        terms = []
        for key, value in pairs_of(node, context, path):
            term = self._term(key.text, value, context, f"{path}.{key.text}")
            terms.append(term or Term(key_of(key.text)))  # one mistake should not look like none was written
        return tuple(terms)

    def _term(self, name: str, value: Node, context: Context, path: str) -> Term | None:
        key = key_of(name)
        if value.kind == "map":
            pattern = _REGEX.read(value, context, path)
            return None if pattern is None else Term(key, regex=pattern)
        values = ListOf(TEXT, or_one=True, least=1).read(value, context, path)
        if key == "severity":
            for wrong in set(values or ()) - {s.value for s in Severity}:
                context.fail(value, path, f"{wrong!r} is no severity", nearest(wrong, [s.value for s in Severity]))
        return None if values is None else Term(key, values)

    def schema(self) -> Json:
        one: Json = {"type": ["string", "number", "boolean"]}
        regex: Json = {"type": "object", "properties": {"re": {"type": "string"}}, "required": ["re"], "additionalProperties": False}
        return {"type": "object", "additionalProperties": {"anyOf": [one, {"type": "array", "items": one}, regex]}}


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{error.msg} at position {error.pos}") from None
    except (RecursionError, OverflowError):
        raise ValueError("nested too deeply") from None
    return text


_REGEX: Record[str] = Record(
    {"re": Field(Scalar("a regular expression", _pattern), required=True)}, lambda re: re, "a value, a list or {re: …}", origin=False
)
MATCH = Match()


class Expression(Shape[str]):
    """CEL, checked where it stands: the column of a mistake is that inside the expression."""

    expected = "a CEL expression"

    def __init__(self, problem_with: Callable[[str], tuple[int, str] | None] = problem_with) -> None:
        self._problem_with = problem_with

    def read(self, node: Node, context: Context, path: str) -> str | None:
        if node.kind != "scalar" or node.is_null:
            return self.wrong(node, context, path)
        text = context.text(node, path)
        problem = self._problem_with(text)
        if problem is not None:
            offset, message = problem
            quote = 0 if node.plain else 1
            o = node.origin
            place = type(o)(o.file, o.line, o.column + offset + quote) if "\n" not in text else o
            context.fail(type(node)(node.value, node.kind, node.plain, place), path, f"CEL: {message}")
            return None
        return text

    def schema(self) -> Json:
        return {"type": "string"}


CEL = Expression()
CONDITION = {"match": Field(MATCH, to="terms"), "if": Field(CEL, to="expression")}


def condition_of(values: dict[str, object]) -> Condition | None:
    """Take `terms` and `expression` out of what a record read; None when neither was written."""
    terms, expression = values.pop("terms", None), values.pop("expression", None)
    if terms is None and expression is None:
        return None
    return Condition(terms=terms or (), expression=expression, origin=values.get("origin"))  # type: ignore[arg-type]


# --- people and targets ---------------------------------------------------------------------------------------------------------------
class TargetShape(Shape[Target]):
    expected = "a target such as user:ana, schedule:x, team:x, service:x or channel:slack/#x"

    def read(self, node: Node, context: Context, path: str) -> Target | None:
        if node.kind != "scalar" or node.is_null:
            return self.wrong(node, context, path)
        text = context.text(node, path)
        kind, colon, name = text.partition(":")
        if not colon or not name:
            return self.wrong(node, context, path)
        if kind not in set(TargetKind):
            context.fail(node, path, f"{kind!r} is no kind of target", nearest(kind, [k.value for k in TargetKind]))
            return None
        if kind != TargetKind.CHANNEL:
            context.refer(kind, name.removesuffix("/next") if kind == TargetKind.SCHEDULE else name, node, path)
        return Target(TargetKind(kind), name, node.origin)

    def schema(self) -> Json:
        return {"type": "string", "pattern": r"^(user|schedule|team|service|channel):.+|\$\{"}


TARGETS = ListOf(TargetShape(), least=1)

_RUNG: Record[Rung] = Record(
    {"after": DURATION, "via": Field(ListOf(CHANNEL, least=1), required=True)},
    lambda via, after=timedelta(0): Rung(after, via),
    "a rung such as {after: 3m, via: [voice]}",
    origin=False,
)


def _ladder(high: tuple[Rung, ...] = (), low: tuple[Rung, ...] = ()) -> Ladder:
    for rungs in (high, low):
        if any(later.after < earlier.after for earlier, later in pairwise(rungs)):
            raise ValueError("the rungs of a ladder must be in order of `after`")
    if not high and not low:
        raise ValueError("a ladder needs high or low")
    return Ladder(high=high or low, low=low or high)


def _limits(
    night: Hours | None = None,
    pages_per_night: int | None = None,
    rest: timedelta | None = None,
    consecutive_weeks: int | None = None,
) -> Limits:
    if (pages_per_night, rest, consecutive_weeks) == (None, None, None):
        raise ValueError("expected one of pages_per_night, rest or consecutive_weeks")
    if night is not None and night.timezone:
        raise ValueError("a night is in the person's own zone: without timezone")
    return Limits(**({"night": night} if night else {}), pages_per_night=pages_per_night, rest=rest, consecutive_weeks=consecutive_weeks)


LIMITS: Record[Limits] = Record(
    {"night": HOURS, "pages_per_night": POSITIVE, "rest": SPAN, "consecutive_weeks": POSITIVE},
    _limits,
    "limits such as {pages_per_night: 3, rest: 8h}",
    origin=False,
)
LADDER: Record[Ladder] = Record({"high": ListOf(_RUNG, least=1), "low": ListOf(_RUNG, least=1)}, _ladder, "a ladder", origin=False)
