"""How hand-offs are told, and where on-call is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pager.config.reading import Bool, Choice, Either, Field, ListOf, Record, Scalar, Shape
from pager.config.scalars import SPAN
from pager.config.shapes import ROOM
from pager.model.handoff import Handoff, ShownInSlack
from pager.model.problem import Problem
from pager.model.schedule import Schedule

_FARTHEST = timedelta(days=31)
_MOST = 5


def _handoff(before: tuple[timedelta, ...] | None = None, **values: Any) -> Handoff:
    if before and max(before) > _FARTHEST:
        raise ValueError("`before` is 31 days at most")
    if before and len(before) > _MOST:
        raise ValueError(f"`before` has {_MOST} times at most")
    handoff = Handoff(before=tuple(sorted(set(before), reverse=True)) if before is not None else None, **values)
    if handoff.before == () and handoff.at is False:
        raise ValueError("tells nothing: give `before` a time, or `at: true`, or write `handoff: off`")
    return handoff


def _in_slack(user_group: str = "", topic: str = "", **values: Any) -> ShownInSlack:
    if not user_group and not topic:
        raise ValueError("needs user_group or topic")
    return ShownInSlack(user_group=user_group, topic=topic, **values)


def _group(text: str) -> str:
    if not re.fullmatch(r"S[A-Z0-9]{2,30}", text):
        raise ValueError("its ID, such as S0123ABCD: Slack shows it at the end of the group's link")
    return text


# Told over what people read, not over what rings them.
_FIELDS: dict[str, Field | Shape[Any]] = {
    "before": Field(ListOf(SPAN, or_one=True)),
    "at": Bool(),
    "via": Field(ListOf(Choice({name: name for name in ("chat", "email", "sms")}), or_one=True, least=1)),
    "channel": ROOM,
}
DEFAULT_HANDOFF = Record(_FIELDS, _handoff)
HANDOFF = Either(scalar=Choice({"off": Handoff(off=True)}), map=DEFAULT_HANDOFF)
IN_SLACK = Record({"user_group": Scalar("a user group of Slack", _group), "topic": ROOM}, _in_slack)


def shown_twice(schedules: Mapping[str, Schedule]) -> Iterator[Problem]:
    """Two schedules in one place would overwrite each other without end."""
    first: dict[tuple[str, str], str] = {}
    for name, schedule in schedules.items():
        shown = schedule.slack
        for key, place in (("user_group", shown.user_group), ("topic", shown.topic.removeprefix("slack:"))) if shown else ():
            before = first.setdefault((key, place), name)
            o = shown.origin if shown else None
            if place and before != name and o is not None:
                path, message = f"schedules.{name}.slack.{key}", f"{place} shows who is on call in {before} already"
                yield Problem(
                    file=o.file, line=o.line, column=o.column, path=path, message=message, suggestion="give each schedule its own"
                )
