"""Commands typed in a chat: `ack 42`, `snooze 42 2h`, `note 42 on my way`, `list`."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto

import msgspec

from pager.model.event import ReplyAction
from pager.notify.replies import NotUnderstood, read_duration
from pager.notify.text import one_line

HELP = "Commands: list · ack 42 · resolve 42 · escalate 42 · snooze 42 2h · assign 42 ana · note 42 and a text"

_VERBS = {
    "ack": ReplyAction.ACKNOWLEDGE,
    "acknowledge": ReplyAction.ACKNOWLEDGE,
    "resolve": ReplyAction.RESOLVE,
    "escalate": ReplyAction.ESCALATE,
    "snooze": ReplyAction.SNOOZE,
    "assign": ReplyAction.ASSIGN,
    "note": ReplyAction.NOTE,
}


class Ask(Enum):
    LIST = auto()
    HELP = auto()


class Order(msgspec.Struct, frozen=True):
    """`duration` is that of a snooze, `target` that of an assignment, `text` that of a note."""

    action: ReplyAction
    incident: int
    duration: timedelta | None = None
    target: str = ""
    text: str = ""


def read_command(text: str) -> Order | Ask | NotUnderstood:
    words = one_line(text).split()
    verb = words[0].lower() if words else "help"
    if verb in ("list", "help"):
        return Ask.LIST if verb == "list" else Ask.HELP
    action = _VERBS.get(verb)
    if action is None:
        return NotUnderstood(f"{verb[:40]!r} is not understood, so nothing was done.")
    number = words[1].lstrip("#") if len(words) > 1 else ""
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        return NotUnderstood(f"Which incident? {verb} and its number, such as {verb} 42.")
    return _order(action, int(number), words[2:])


def _order(action: ReplyAction, number: int, rest: list[str]) -> Order | NotUnderstood:
    said = " ".join(rest)
    match action:
        case ReplyAction.SNOOZE:
            span = read_duration(said)
            return Order(action, number, duration=span) if span else NotUnderstood(f"Snooze for how long? snooze {number} 2h.")
        case ReplyAction.ASSIGN:
            return Order(action, number, target=said) if len(rest) == 1 else NotUnderstood(f"Assign to whom? assign {number} ana.")
        case ReplyAction.NOTE:
            return Order(action, number, text=said) if said else NotUnderstood(f"The note is empty: note {number} and a text.")
        case _:
            return NotUnderstood(f"{said[:40]!r} is not understood, so nothing was done.") if rest else Order(action, number)
