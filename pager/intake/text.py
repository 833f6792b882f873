"""Text from outside, made safe to keep and to read aloud."""

from __future__ import annotations

import hashlib
import unicodedata

MAX_SUMMARY = 1024
MAX_FIELD = 512
MAX_KEY = 255


def clean(text: str, limit: int) -> str:
    """One line without control characters, at most `limit` characters."""
    printable = text.isprintable()
    if printable and type(text) is str and len(text) <= limit and (" " not in text or ("  " not in text and text == text.strip())):
        return text  # as most are: of all kinds of space only the plain one is printable
    if not printable:
        text = "".join(c if c.isprintable() else _instead(c) for c in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _instead(char: str) -> str:
    if char.isspace():
        return " "
    # Format characters join emoji and letters of several scripts; direction overrides can make a text read as another.
    category = unicodedata.category(char)
    joins = category == "Cf" and not ("\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069")
    return char if joins or category == "Cn" else ""  # Cn: an emoji younger than Python's tables


def short_key(key: str) -> str:
    """A dedup_key of at most 255 characters. A longer one keeps its start and is told apart by a hash."""
    if len(key) <= MAX_KEY:
        return key
    return f"{key[:200]}~{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
