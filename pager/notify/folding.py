"""One message that asks a person about several incidents: which it names, in what order, and what it says. Times are UTC."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from pager.model.alert import AlertRecord, Severity
from pager.model.event import ReplyAction
from pager.model.incident import Incident, Page
from pager.model.policy import Policy
from pager.notify.card import Card
from pager.notify.cards import title
from pager.notify.sms import MOST_SEGMENTS, fits, plain
from pager.notify.text import one_line, shorten
from pager.notify.wording import foreign, late_words, muted_words, opening_of, storm_words

MOST = 1000
"""Pages that one message speaks for. The others wait for the next."""
_SHORT = 45  # UTF-16 units of a summary, where there is room for it
_LINE, _STORM = 140, 60
_TITLES, _NUMBERS = 15, 60  # of a card: incidents told with their summary, and by their number alone
_MORE_SEGMENTS = 8  # where what is critical would have to wait else
_LATEST = "late by 23h59m."  # room is kept for it: that must be said


class Told(msgspec.Struct, frozen=True):
    """A page that waits, with its incident and alert as they stand."""

    incident: Incident
    record: AlertRecord
    page: Page
    policy: Policy | None = None

    @property
    def id(self) -> str:
        return f"{self.incident.number}-{self.page.seq}"

    @property
    def is_critical(self) -> bool:
        return self.incident.severity is Severity.CRITICAL


def in_order(waiting: Sequence[Told]) -> list[Told]:
    """The worst first; of equal ones what was due first."""
    return sorted(waiting, key=lambda told: (told.incident.severity.rank, told.page.due_at, told.incident.number))


def spoken_for(waiting: Sequence[Told], roomy: bool, since: str = "") -> list[Told]:
    """Those that one message speaks for, in order, the first of them the one it goes by. It names every critical one: what of them does not fit
    waits for the next message, and all others with it. `roomy`: a card, no SMS. `since`: it is the digest, of what has waited since then."""
    told = in_order(waiting)[:MOST]
    critical = [one for one in told if one.is_critical]
    named = _named(critical, len(told), roomy, since, _segments(critical, len(told), since))
    return told if named >= len(critical) else critical[:named]


def folded_sms(told: Sequence[Told], code: str, late: timedelta | None, since: str = "") -> str:
    """In at most three segments, or more where else a critical one would not be named: how many, then as many as fit, by their number and, the
    first of them, with what is wrong; the count of the rest; and `Reply CODE to acknowledge all N`, after which nothing else reads like that. That
    it storms is worth more than the numbers of those that are not critical."""
    head, tail = _head(told, since), f"Reply {code} to acknowledge{_all(len(told))}"
    storm = _storm(told, code)
    extras = [words for words in (late_words(late), storm, "" if since else _muted(told)) if words]
    short = [f"#{one.incident.number}" for one in told]
    critical = [one for one in told if one.is_critical]
    if (most := _segments(critical, len(told), since)) > MOST_SEGMENTS:
        return _critical_sms(head, short[: len(critical)], len(told) - len(critical), extras, tail, most)
    count = _named(told, len(told), False, since)
    while extras and not fits(_joined(head, short[:count], len(told) - count, extras, tail)):
        extras.pop()
    if storm and storm not in extras:
        extras.append(_storm(told, code, _STORM))
        fewer = range(count, len(critical) - 1, -1)
        count = next((k for k in fewer if fits(_joined(head, short[:k], len(told) - k, extras, tail))), count)
        if not fits(_joined(head, short[:count], len(told) - count, extras, tail)):
            extras.pop()
    long = [foreign(_long(one), code) for one in told[:count]]
    spelled = bisect_right(
        range(1, count + 1),
        False,
        key=lambda k: not fits(_joined(head, [*long[:k], *short[k:count]], len(told) - count, extras, tail)),
    )
    return _joined(head, [*long[:spelled], *short[spelled:count]], len(told) - count, extras, tail)


def _critical_sms(head: str, names: Sequence[str], left: int, extras: Sequence[str], tail: str, most: int) -> str:
    """Nothing but those, and what fits of the rest."""
    enough = next(k for k in range(len(extras), -1, -1) if k == 0 or fits(_joined(head, names, left, extras[:k], tail), most))
    return _joined(head, names, left, extras[:enough], tail)


def folded_card(told: Sequence[Told], late: timedelta | None, since: str = "", lead: Told | None = None) -> Card:
    """The same with more room. Acknowledge is offered for all of them; the answer is said of what `lead` (the first) speaks for."""
    first = lead or told[0]
    lines = [late_words(late), _storm(told), "" if since else _muted(told)]
    lines += [shorten(title(one.incident, one.record), _LINE) for one in told[:_TITLES]]
    others = told[_TITLES : _TITLES + _NUMBERS]
    lines += [f"And {', '.join(f'#{one.incident.number}' for one in others)}"] if others else []
    lines += [f"And {left} more"] if (left := len(told) - _TITLES - _NUMBERS) > 0 else []
    return Card(
        number=first.incident.number,
        title=_head(told, since).rstrip(":"),
        state=first.incident.state,
        severity=told[0].incident.severity,
        lines=tuple(filter(None, lines)),
        actions=(ReplyAction.ACKNOWLEDGE,),
        page=first.page.seq,
        all_of=len(told),
    )


def folded_text(told: Sequence[Told], late: timedelta | None, since: str = "") -> str:
    """For a terminal."""
    card = folded_card(told, late, since)
    numbers = " ".join(str(one.incident.number) for one in told[:_TITLES])
    return "\n".join((f"{card.title}:", *card.lines, f"To acknowledge: pagerd ack {numbers}"))


# ------------------------------------------------------------------------------------------------------------------------------------------
def _segments(critical: Sequence[Told], of: int, since: str) -> int:
    """Of a message for `of` pages."""
    return MOST_SEGMENTS if _named(critical, of, False, since) >= len(critical) else _MORE_SEGMENTS


def _named(told: Sequence[Told], of: int, roomy: bool, since: str, most: int = MOST_SEGMENTS) -> int:
    """How many of the first can be named, where the message speaks for `of`."""
    if roomy:
        return min(len(told), _TITLES + _NUMBERS)
    short = [f"#{one.incident.number}" for one in told]
    head, tail = _head(told, since, of), f"Reply 0000 to acknowledge{_all(of)}"

    def too_much(count: int) -> bool:
        return not fits(_joined(head, short[:count], of - count, (_LATEST,), tail), most)

    return bisect_right(range(1, len(short) + 1), False, key=too_much)


def _head(told: Sequence[Told], since: str, of: int | None = None) -> str:
    count = of or len(told)
    critical = sum(one.is_critical for one in told)
    services = {one.incident.service for one in told if one.incident.service}
    worst = f", {critical} CRITICAL" if critical else ""
    where = f" of {shorten(plain(*services), 40)}" if len(services) == 1 else f" of {len(services)} services" if services else ""
    drill = "DRILL " if all(one.incident.drill for one in told) else ""
    incidents = f"{count} incident{'s' if count > 1 else ''}"
    if since:
        return foreign(f"{drill}Digest, {incidents} of low urgency since {since}{worst}:")
    return foreign(f"{drill}{incidents}{worst}{where}:")


def _all(count: int) -> str:
    return f" all {count}" if count > 1 else ""  # all but one may have been answered by now


def _long(told: Told) -> str:
    return f"{opening_of(told.incident)} {shorten(plain(told.record.alert.summary), _SHORT)}".strip()


def _storm(told: Sequence[Told], code: str = "", most: int = _LINE) -> str:
    """For what the first of them speaks that does."""
    return foreign(next((storm_words(one.incident, most) for one in told if one.incident.storm), ""), code)


def _muted(told: Sequence[Told]) -> str:
    """Why they come only now, where that is the same for all."""
    words = {foreign(muted_words(one.incident, 0)) for one in told}
    if len(words) == 1:
        return words.pop()
    waited = sum(one.page.digest for one in told)
    return f"{waited} from the digest of low urgency." if waited else ""


def _joined(head: str, names: Sequence[str], left: int, extras: Sequence[str], tail: str) -> str:
    rest = f" and {left} more" if left else ""
    return " ".join((f"{head} {'; '.join(names)}{rest}.", *extras, tail))


def one_line_of(card: Card) -> str:
    """The message's first line, for a phone's lock screen and as a subject."""
    return one_line(f"{card.title}: {'; '.join(card.lines[:3])}")
