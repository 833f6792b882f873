"""Who is on call, as Slack shows it: the members of a user group, and a part of a channel's topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from pager.model.person import Person
from pager.notify.clock import when
from pager.notify.text import one_line, shorten
from pager.oncall.crews import Crew

OPENING = "On call: "
BETWEEN = " | "
MOST = 250  # characters of a topic
_NAME = 60
_A_WEEK = timedelta(days=7, hours=1)  # an hour more where the clocks change


class Shown(msgspec.Struct, frozen=True):
    """It is shown. `changed`: it was not before."""

    changed: bool


def members(users: Sequence[str], people: Mapping[str, Person]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The Slack IDs of those who have one, in a fixed order, and who has none."""
    handles = {user: people[user].contact.get("chat", "") if user in people else "" for user in users}
    ids = sorted({handle.removeprefix("slack:") for handle in handles.values() if handle})
    return tuple(ids), tuple(user for user, handle in handles.items() if not handle)


def topic_part(crew: Crew, people: Mapping[str, Person], zone: str) -> tuple[str, ...]:
    """`On call: Ana Ruiz until Mon 09:00 CET`, then shorter wordings. It depends on the crew alone, so it stays as it is until the next
    hand-off; the date stands there where the weekday says too little."""
    names = ", ".join(_name(user, people) for user in crew.users) or "nobody"
    if crew.end is None:
        return (f"{OPENING}{names}",)
    brief = crew.end - crew.start <= _A_WEEK
    return (f"{OPENING}{names} until {when(crew.end, zone, date=not brief)}", f"{OPENING}{names}")


def merged(topic: str, wordings: Sequence[str]) -> str | None:
    """The topic with our part in it, in the longest wording for which there is room, in place of our last one or in front. What people wrote is
    kept. None where there is no room for both."""
    parts = topic.split(BETWEEN) if topic.strip() else []
    ours = next((k for k, part in enumerate(parts) if part.startswith(OPENING)), None)
    for wording in wordings:
        whole = [wording, *parts] if ours is None else [*parts[:ours], wording, *parts[ours + 1 :]]
        if len(BETWEEN.join(whole)) <= MOST:
            return BETWEEN.join(whole)
    return None


def _name(user: str, people: Mapping[str, Person]) -> str:
    name = one_line(people[user].name if user in people else user).replace("|", "/")
    return shorten(name, _NAME)
