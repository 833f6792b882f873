"""What a channel with more room than an SMS shows of an incident: facts, sentences, links and what can be answered. No vendor's markup."""

from __future__ import annotations

import msgspec

from pager.model.alert import Link, Severity
from pager.model.event import ReplyAction
from pager.model.incident import State


class Fact(msgspec.Struct, frozen=True):
    """One thing to know at a glance: `Service`, `checkout`."""

    name: str
    value: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """All texts are one line each, in plain words, from outside as much as from us: whoever renders them escapes them. `title` is what a
    message would have as its subject. `actions` are the replies it offers, in order; empty once there is nothing to answer.
    `page` is the page it asks about (`3` of `42-3`), 0 where it is about the incident as such. `all_of`: for how many
    incidents it speaks; what is answered is said of all of them."""

    number: int
    title: str
    state: State
    severity: Severity
    facts: tuple[Fact, ...] = ()
    lines: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    actions: tuple[ReplyAction, ...] = ()
    page: int = 0
    all_of: int = 1
