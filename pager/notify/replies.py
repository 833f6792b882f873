"""What a person's text message says. Written at 3 a.m. with one thumb, so case, punctuation and order hardly count; nothing is guessed."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import msgspec

from pager.model.event import ReplyAction
from pager.notify.codes import as_sent, is_code
from pager.notify.text import one_line

# Alone, these are commands to the carrier or to Twilio, which answer them themselves.
CARRIER_WORDS = frozenset(
    ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "START", "YES", "UNSTOP", "HELP", "INFO")
)
LONGEST = timedelta(days=366)
HOW = "Reply the page's code to acknowledge; or the code and then ack, resolve, escalate, snooze 2h, or note and a text."

_VERBS = {
    "ack": ReplyAction.ACKNOWLEDGE,
    "acked": ReplyAction.ACKNOWLEDGE,
    "acknowledge": ReplyAction.ACKNOWLEDGE,
    "acknowledged": ReplyAction.ACKNOWLEDGE,
    "ok": ReplyAction.ACKNOWLEDGE,
    "👍": ReplyAction.ACKNOWLEDGE,
    "resolve": ReplyAction.RESOLVE,
    "resolved": ReplyAction.RESOLVE,
    "fixed": ReplyAction.RESOLVE,
    "escalate": ReplyAction.ESCALATE,
    "escalated": ReplyAction.ESCALATE,
    "esc": ReplyAction.ESCALATE,
    "snooze": ReplyAction.SNOOZE,
    "snoozed": ReplyAction.SNOOZE,
    "note": ReplyAction.NOTE,
}
_FILLERS = frozenset({"reply", "re", "code", "to", "for", "please", "pls", "it"})
_EDGES = " \t.,;:!?'\"`()[]<>{}*#_~«»“”„‘’…/\\-–—"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"([0-9]{1,5})(s|m|h|d|w)[a-z]*", re.ASCII)
_SPANS = re.compile(r"([0-9]{1,5}(?:s|sec|secs|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?))+", re.ASCII)


class Said(msgspec.Struct, frozen=True):
    """A reply understood. `code` is in upper case; `duration` is that of a snooze, `text` that of a note."""

    code: str
    action: ReplyAction = ReplyAction.ACKNOWLEDGE
    duration: timedelta | None = None
    text: str = ""


class NotUnderstood(msgspec.Struct, frozen=True):
    """`why` is a sentence to send back: what is missing, and how to say it."""

    why: str


class CarrierWord(msgspec.Struct, frozen=True):
    """A word that belongs to the carrier, in upper case: it has been answered there, and means nothing here."""

    word: str


def read_reply(body: str) -> Said | NotUnderstood | CarrierWord:
    """The code alone acknowledges; `7K3M ack`, `resolve 7K3M`, `Reply 7k3m to acknowledge`, `7K3M snooze 2h`, `7K3M note on my way`."""
    words = one_line(_ascii_digits(body)).split()
    bare = [w for w in (word.strip(_EDGES) for word in words) if w]
    if len(bare) == 1 and bare[0].upper() in CARRIER_WORDS:
        return CarrierWord(bare[0].upper())
    head, note = _split_note(words)
    plain = [w for w in (word.strip(_EDGES).lower() for word in head) if w and w not in _FILLERS]
    code = _code_of(plain)
    if code is None:
        return NotUnderstood(f"There is no page code in that. {HOW}")
    plain.remove(code)
    return _said(as_sent(code), plain, note)


def read_duration(text: str) -> timedelta | None:
    """`2h`, `1h30m`, `90 min`, `2 hours`; a bare number is minutes. None when it is none, is zero, or is over LONGEST."""
    packed = "".join(text.lower().replace(" and ", " ").split())
    if packed.isdecimal() and len(packed) <= 5:
        packed += "m"
    if not _SPANS.fullmatch(packed):
        return None
    spans = [timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _SPAN.findall(packed)]
    span = sum(spans, timedelta())
    return span if timedelta(0) < span <= LONGEST else None


def _said(code: str, words: list[str], note: str | None) -> Said | NotUnderstood:
    if note is not None:
        if words:
            return _unclear(words)
        return Said(code, ReplyAction.NOTE, text=note) if note else NotUnderstood(f"The note is empty. Reply {code} note and a text.")
    if not words:
        return Said(code)
    action = _VERBS.get(words[0])
    if action is ReplyAction.SNOOZE:
        span = read_duration(" ".join(words[1:]))
        return Said(code, action, span) if span else NotUnderstood(f"Snooze for how long? Reply {code} snooze 2h.")
    return _unclear(words) if action is None or len(words) > 1 else Said(code, action)


def _unclear(words: list[str]) -> NotUnderstood:
    """Not taken for an acknowledgement: `7K3M not me` must not stop the paging."""
    return NotUnderstood(f"{' '.join(words)[:40]!r} is not understood, so nothing was done. {HOW}")


def _split_note(words: list[str]) -> tuple[list[str], str | None]:
    """What stands before the word `note`, or `note CODE`, and the text of the note as it was typed."""
    at = next((i for i, word in enumerate(words) if word.strip(_EDGES).lower() == "note"), None)
    if at is None:
        return words, None
    head, text = words[:at], words[at + 1 :]
    if not any(is_code(word.strip(_EDGES)) for word in head) and text and is_code(text[0].strip(_EDGES)):
        head, text = [*head, text[0]], text[1:]
    return head, " ".join(text)


def _code_of(words: list[str]) -> str | None:
    """The first word with the shape of a code; one that could also be a duration (`120M`) only when there is no other."""
    codes = [w for w in words if is_code(w)]
    return next((w for w in codes if not _SPANS.fullmatch(w)), codes[0] if codes else None)


def _ascii_digits(text: str) -> str:
    """Full-width letters and the digits of all scripts as ASCII."""
    text = unicodedata.normalize("NFKC", text)
    return text if text.isascii() else "".join(c if c.isascii() or not c.isdecimal() else str(unicodedata.decimal(c)) for c in text)
