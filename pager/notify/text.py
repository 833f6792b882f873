"""Text from outside, made fit for a phone or a terminal: one line, nothing unseen, never cut inside of what looks like one character."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"
_KEPT_FORMATS = frozenset({_JOINER, "\u200c"})  # emoji and several scripts are spelled with them
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_SPACES = frozenset({"Zl", "Zp", "Zs"})
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Cn", "Co"})  # controls, direction overrides, halves of surrogate pairs, what no font has


def one_line(text: str) -> str:
    """The text on one line, composed (NFC), without control characters. White space becomes single blanks."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = "".join(_seen(c) for c in text)
    return " ".join(text.split())


def shorten(text: str, units: int, mark: str = "...") -> str:
    """The text in at most `units` UTF-16 units, with `mark` where something was cut off."""
    if width(text) <= units:
        return text
    kept, room = [], units - width(mark)
    for piece in clusters(text):
        room -= width(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + mark


def width(text: str) -> int:
    """In UTF-16 units, as phones count."""
    return len(text) if text.isascii() else sum(2 if ord(c) > 0xFFFF else 1 for c in text)


def clusters(text: str) -> Iterator[str]:
    """What a reader takes for one character each: a letter with its accents, a flag, a family of emoji.

    A simplification of Unicode's grapheme clusters (UAX 29), without its rules for Hangul letters and Indic conjuncts."""
    piece = ""
    for char in text:
        if piece and not _goes_on(piece, char):
            yield piece
            piece = ""
        piece += char
    if piece:
        yield piece


def _goes_on(piece: str, char: str) -> bool:
    if char.isascii():
        return False
    if char == _JOINER or piece[-1] == _JOINER or ord(char) in _SKIN_TONES:
        return True
    if ord(char) in _FLAG_LETTERS:
        return len(piece) == 1 and ord(piece) in _FLAG_LETTERS
    return unicodedata.category(char).startswith("M")


def _seen(char: str) -> str:
    if char.isspace() or unicodedata.category(char) in _SPACES:
        return " "
    if unicodedata.category(char) in _DROPPED and char not in _KEPT_FORMATS:
        return ""
    return char
