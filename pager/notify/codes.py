"""Page codes: what a person types to say which page is meant. A code counts only from the number it was sent to."""

from __future__ import annotations

import hmac
import re

LENGTH = 4
# No I, L, O or U: they read as 1, 1, 0 and V. 32 letters, so that a byte picks one without a bias.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("ILO", "110")
_CODE = re.compile(r"(?=.*[0-9])[0-9A-Z]{4,8}", re.ASCII)
_DURATION = re.compile(r"([0-9]+(S|SEC|M|H|HRS?|D|DAY|W))+", re.ASCII)  # as far as codes have the letters


def page_code(secret: bytes, incident: int, seq: int) -> str:
    """The code of page `seq` of the incident: the same each time, not to be guessed without `secret`, four of `0-9A-Z`.

    It has a digit, so it is no word and never one that belongs to the carrier (STOP, HELP), and a letter, so it is no incident number; it
    is no duration either. There are some 800,000, enough for one phone's open pages."""
    turn = 0
    while True:
        digest = hmac.digest(secret, f"{incident}-{seq}-{turn}".encode(), "sha256")
        code = "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:LENGTH])
        if is_code(code) and not code.isdigit() and not _DURATION.fullmatch(code):
            return code
        turn += 1


def is_code(text: str) -> bool:
    """Whether it has the shape of a page code: 4 to 8 of `0-9A-Z` in any case, with a digit."""
    return text.isascii() and _CODE.fullmatch(text.upper()) is not None  # "ß" has an upper case, too


def as_sent(code: str) -> str:
    """A code as it was sent, from how somebody typed it: upper case, and the letters that codes don't have as the digits they look like."""
    return code.upper().translate(_MISREAD)
