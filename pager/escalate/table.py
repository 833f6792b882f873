"""The machine as a table: in which state, at which event, which step. What stands in no cell changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pager.escalate import due, pages, replies
from pager.escalate.draft import Draft
from pager.model.event import (
    Due,
    Look,
    PageAccepted,
    PageDeferred,
    PageDelivered,
    PageFailed,
    PageUnconfirmed,
    Reply,
    ReplyAction,
)
from pager.model.incident import State

Step = Callable[[Draft, Any], None]

_ANYWHERE = tuple(State)
_OPEN = tuple(s for s in State if s is not State.RESOLVED)


def _rows() -> list[tuple[tuple[State, ...], str, Step]]:
    return [
        # states                 event                        step
        (_OPEN,                  "due",                       due.on_due),
        (_OPEN,                  "look",                      due.on_due),
        (_ANYWHERE,              "page accepted",             pages.accepted),
        (_ANYWHERE,              "page deferred",             pages.deferred),
        (_ANYWHERE,              "page failed",               pages.failed),
        (_ANYWHERE,              "page delivered",            pages.delivered),
        (_ANYWHERE,              "page unconfirmed",          pages.unconfirmed),
        (_OPEN,                  "reply acknowledge",         replies.acknowledge),
        (_OPEN,                  "reply resolve",             replies.resolve),
        (_OPEN,                  "reply snooze",              replies.snooze),
        (_OPEN,                  "reply escalate",            replies.escalate),
        (_OPEN,                  "reply assign",              replies.assign),
        (_ANYWHERE,              "reply note",                replies.note),
        ((State.RESOLVED,),      "reply acknowledge",         replies.refuse_resolved),
        ((State.RESOLVED,),      "reply resolve",             replies.refuse_resolved),
        ((State.RESOLVED,),      "reply snooze",              replies.refuse_resolved),
        ((State.RESOLVED,),      "reply escalate",            replies.refuse_resolved),
        ((State.RESOLVED,),      "reply assign",              replies.refuse_resolved),
    ]  # fmt: skip


TABLE: dict[tuple[State, str], Step] = {(state, event): step for states, event, step in _rows() for state in states}

_NAMES: dict[type, str] = {
    Due: "due",
    Look: "look",
    PageAccepted: "page accepted",
    PageDeferred: "page deferred",
    PageFailed: "page failed",
    PageDelivered: "page delivered",
    PageUnconfirmed: "page unconfirmed",
}


def name_of(event: object) -> str:
    return f"reply {event.action}" if isinstance(event, Reply) else _NAMES[type(event)]


def step(d: Draft, event: object) -> None:
    """Do what the table says for the incident's state and this event."""
    found = TABLE.get((d.incident.state, name_of(event)))
    if found is not None:
        found(d, event)


EVENTS = (*_NAMES.values(), *(f"reply {action}" for action in ReplyAction))
