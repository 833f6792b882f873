"""Whom an event of a calendar names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pager.model.person import Person


class Named(msgspec.Struct, frozen=True):
    """`users` in the order of the event; empty: `why` says so."""

    users: tuple[str, ...] = ()
    why: str = ""


class Names:
    """Attendees by their address, else a user's id or name as whole words of the summary, else the texts of `people`, else the organizer, who may
    only have written it down. Where two users share what is looked for, nobody is meant."""

    def __init__(self, users: Mapping[str, Person], people: Mapping[str, str]) -> None:
        self._emails = _by_word((person.contact.get("email", ""), user) for user, person in users.items())
        self._emails |= {text.casefold(): {user} for text, user in people.items() if "@" in text}
        self._own = _by_word((word, user) for user, person in users.items() for word in {user.casefold(), person.name.casefold()})
        self._people = _by_word((text, user) for text, user in people.items() if "@" not in text)

    def of(self, summary: str, attendees: Sequence[str], organizer: str = "") -> Named:
        """`attendees` and `organizer` are bare addresses."""
        for found in (
            [self._emails.get(address.casefold(), set()) for address in attendees],
            _words_of(summary, self._own),
            _words_of(summary, self._people),
            [self._emails.get(organizer.casefold(), set())],
        ):
            if any(found):
                return _named(found)
        return Named(why=f"names nobody of the users: {', '.join(attendees) or 'no attendee'}")


def _named(found: Sequence[set[str]]) -> Named:
    shared = next((users for users in found if len(users) > 1), None)
    if shared:
        return Named(why=f"may mean {' or '.join(sorted(shared))}")
    return Named(tuple(dict.fromkeys(user for users in found for user in users)))


def _by_word(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for word, user in pairs:
        if word.strip():
            found.setdefault(" ".join(word.casefold().split()), set()).add(user)
    return found


def _words_of(summary: str, known: Mapping[str, set[str]]) -> list[set[str]]:
    """In the order of the summary. A long name is taken before a short one that is a part of it."""
    text = " ".join(summary.casefold().split())
    if not known or not text:
        return []
    longest_first = sorted(known, key=lambda word: (-len(word), word))
    pattern = "|".join(re.escape(word) for word in longest_first)
    return [known[found[0]] for found in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", text)]
