"""One message in place of several notices for a person or a channel: what is said of the same is said together, what matters most first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from msgspec.structs import replace

from pager.model.outgoing import Notice, TellKind
from pager.notify.sms import fits, plain
from pager.notify.text import shorten
from pager.notify.wording import foreign

# What is said of how many, in the order of what matters. Kinds that don't stand here (a hand-off, dead letters) are sent each for itself.
_SAID = {
    TellKind.NOBODY: "NOBODY WAS PAGED for {}",
    TellKind.SLA_SOON: "the SLA is nearly over of {}",
    TellKind.NOT_RESOLVED: "{} not resolved in time",
    TellKind.ASK_OWNER: "please look at {}",
    TellKind.ESCALATED: "{} escalated, others are paged as well",
    TellKind.STABLE: "{} no longer flapping",
    TellKind.ACKNOWLEDGED: "{} acknowledged, you are not needed",
    TellKind.RESOLVED: "{} resolved",
}
_SHORT, _LINE = 45, 140  # UTF-16 units of what an incident is about
_TITLES, _NUMBERS = 15, 60  # of a kind, where there is room: told with what they are about, and by their number alone
_NAMED = 60  # more don't fit into an SMS
_ROOMY = ("chat", "email")


def may_wait(notice: Notice) -> bool:
    """Whether it may be held up for a moment, and said together with others."""
    return bool(notice.incident) and notice.kind in _SAID


def together(notices: Sequence[Notice]) -> Notice:
    """What all of them say by now, which were meant for the same address in this order: the last of its kind of each incident, and of what is
    over, that alone. In at most three segments of an SMS, without what could be taken for a code; with more room where there is."""
    over = {one.incident for one in notices if one.kind == TellKind.RESOLVED}
    by_kind: dict[str, dict[int, Notice]] = {kind: {} for kind in _SAID}
    for one in notices:
        if one.kind == TellKind.RESOLVED or one.incident not in over:
            by_kind[one.kind][one.incident] = one
    groups = [(kind, list(found.values())) for kind, found in by_kind.items() if found]
    if sum(len(found) for _, found in groups) == 1:
        return groups[0][1][0]
    heads = [_head(kind, len(found)) for kind, found in groups]
    last = notices[-1]
    if last.channel in _ROOMY:
        text = "\n".join(line for head, (_, found) in zip(heads, groups, strict=True) for line in _lines(head, found))
    else:
        text = _sms(heads, [found for _, found in groups])
    return replace(last, text=text, thread="", subject=_capital(", ".join(heads)))


def _head(kind: str, count: int) -> str:
    return _SAID[TellKind(kind)].format(f"{count} incident{'s' if count > 1 else ''}")


def _lines(head: str, found: Sequence[Notice]) -> list[str]:
    others = [f"#{one.incident}" for one in found[_TITLES : _TITLES + _NUMBERS]]
    left = len(found) - _TITLES - _NUMBERS
    lines = [f"{_capital(head)}:", *(f"{_title(one, _LINE)}" for one in found[:_TITLES])]
    return lines + ([f"And {', '.join(others)}"] if others else []) + ([f"And {left} more"] if left > 0 else [])


def _sms(heads: Sequence[str], found: Sequence[Sequence[Notice]]) -> str:
    """As many of them as fit with what they are about, the first kinds first; the others are counted."""

    def text(named: int) -> str:
        sentences = []
        for head, mine in zip(heads, found, strict=True):
            told = mine[:named]
            named -= len(told)
            left = f" and {len(mine) - len(told)} more" if told and len(mine) > len(told) else ""
            names = f": {'; '.join(_title(one, _SHORT) for one in told)}{left}" if told else ""
            sentences.append(f"{_capital(head)}{names}.")
        return " ".join(sentences)

    most = min(_NAMED, sum(map(len, found)))
    return text(bisect_right(range(1, most + 1), False, key=lambda k: not fits(text(k))))


def _title(one: Notice, most: int) -> str:
    """By its number and what it is about, as the subject says it."""
    about = plain(one.subject.replace(f"[#{one.incident}]", "", 1))
    return foreign(f"#{one.incident} {shorten(about, most)}".strip())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
