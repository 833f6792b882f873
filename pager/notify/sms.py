"""How much fits into an SMS, and what is left out of a longer one.

Source: 3GPP TS 23.038 (the GSM 7-bit alphabet) and TS 23.040 (concatenated messages): 160 septets, or 153 in each of several segments; as
soon as one character is not in the alphabet, 70 UTF-16 units, or 67."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, islice

import msgspec

from pager.notify.text import clusters, one_line, shorten, width

MOST_SEGMENTS = 3
# A summary is not cut below this for the sake of what stands behind it. In UTF-16 units, as everything here that is not in septets.
LEAST_SUMMARY = 70
_MOST_UNITS = MOST_SEGMENTS * 160  # nothing longer can fit, so nothing longer is tried

_ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWO_SEPTETS = frozenset("\f^{}\\[~]|€")
_GSM = _ALPHABET | _TWO_SEPTETS
# One typographer's quote would more than halve what fits.
_PLAIN = str.maketrans(
    dict.fromkeys("“”„«»", '"') | dict.fromkeys("‘’‚´", "'") | dict.fromkeys("‐‑–—−", "-") | {"…": "...", "•": "*", "→": "->"}
)  # fmt: skip


class Segments(msgspec.Struct, frozen=True):
    encoding: str  # `GSM-7` or `UCS-2`
    count: int


def segments(text: str) -> Segments:
    """What the text costs. A character of two septets or units is never split over two segments."""
    if _GSM.issuperset(text):
        return Segments("GSM-7", _count([2 if c in _TWO_SEPTETS else 1 for c in text], alone=160, joined=153))
    return Segments("UCS-2", _count([width(c) for c in text], alone=70, joined=67))


def plain(text: str) -> str:
    """One line, with typographic characters written as the GSM alphabet can."""
    text = one_line(text)
    return text if text.isascii() else text.translate(_PLAIN)


def compose(opening: str, summary: str, extras: Sequence[Sequence[str]], closing: str, most: int = MOST_SEGMENTS) -> str:
    """`opening` and `closing` whole; of each extra the first of its wordings that fits, or none, the first extras first; and what room is
    left for the summary. With the opening and closing there must be room for LEAST_SUMMARY."""
    summary = shorten(summary, _MOST_UNITS)
    shortest = shorten(summary, LEAST_SUMMARY)
    kept: list[str] = []
    for wordings in extras:
        fitting = (w for w in wordings if w and fits(_text(opening, shortest, (*kept, w), closing), most))
        kept.extend(islice(fitting, 1))
    return _text(opening, _longest(opening, summary, kept, closing, most) or shortest, kept, closing)


def fits(text: str, most: int = MOST_SEGMENTS) -> bool:
    return segments(text).count <= most


def _longest(opening: str, summary: str, extras: Sequence[str], closing: str, most: int) -> str:
    """The longest start of the summary that fits; empty when even the shortest does not."""
    if fits(_text(opening, summary, extras, closing), most):
        return summary
    starts = [start.rstrip() + "..." for start in accumulate(clusters(summary))]
    # More text never costs fewer segments, so the first start that does not fit can be searched for.
    enough = bisect_right(starts, False, key=lambda start: not fits(_text(opening, start, extras, closing), most))
    return starts[enough - 1] if enough else ""


def _text(opening: str, summary: str, extras: Sequence[str], closing: str) -> str:
    first = f"{opening} {summary}" if summary else opening.rstrip(":")
    if not first.endswith((".", "!", "?")):
        first += "."
    return " ".join(filter(None, (first, *extras, closing)))


def _count(sizes: Sequence[int], alone: int, joined: int) -> int:
    if sum(sizes) <= alone:
        return 1
    count, used = 1, 0
    for size in sizes:
        if used + size > joined:
            count, used = count + 1, 0
        used += size
    return count
