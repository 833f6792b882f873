"""What is said at a hand-off: lines for a chat or an email, and the same in one line for a phone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from pager.model.incident import Incident, State
from pager.model.times import duration
from pager.notify.cards import state_words
from pager.notify.clock import from_to, when
from pager.notify.handoffs import Handing, Kind
from pager.notify.sms import compose, plain
from pager.notify.text import one_line, shorten
from pager.notify.wording import foreign, opening_of, paged_words

_MOST_INCIDENTS = 5
_MOST_SERVICES = 5
_MOST_TRIED = 4  # people, the last ones
_MOST_NOTES = 2
_SUMMARY, _NOTE, _NAME, _SUBJECT = 160, 160, 60, 150  # UTF-16 units
_LATE = timedelta(minutes=2)  # a hand-off that is told later than this is told with its time


class Open(msgspec.Struct, frozen=True):
    """An incident that is not resolved."""

    incident: Incident
    summary: str


class Scene(msgspec.Struct, frozen=True):
    """What the people at a hand-off should know: the `services` that the schedule leads, their open incidents, the worst first, of which `more` are
    not among `incidents`, and people's names."""

    services: tuple[str, ...]
    incidents: tuple[Open, ...]
    names: Mapping[str, str]
    more: int = 0


class Words(msgspec.Struct, frozen=True):
    """`text` has lines, `short` is one line of at most three SMS segments, `subject` says it all."""

    text: str
    short: str
    subject: str


def words(h: Handing, scene: Scene, zone: str, now: datetime) -> Words:
    """Times are on the wall clock of `zone`, the reader's own."""
    head, over = _head(h, scene, zone, now), _hands_over(h, scene)
    listed = _listed(h, scene)
    lines = [f"{head}.", *_services(h, scene), *([f"{over}."] if over else []), *_incidents(h, listed, scene, now)]
    count = _count(h, listed, scene)
    titles = foreign("; ".join(plain(_title(o)) for o in listed[:_MOST_INCIDENTS]))
    short = compose(
        "pagerd:", plain(head), ([plain(f"{over}.")] if over else [], [f"{count}: {titles}.", f"{count}."] if listed else []), ""
    )
    return Words("\n".join(lines), short, shorten(f"{head}{_counted(h, listed, scene)}", _SUBJECT))


# --- the sentence that says it all ----------------------------------------------------------------------------------------------------
def _head(h: Handing, scene: Scene, zone: str, now: datetime) -> str:
    schedule = one_line(h.schedule)
    until = f" until {when(h.end, zone)}" if h.end is not None else ""
    match h.kind:
        case Kind.SOON:
            return f"You are on call in {_rough(h.start - now)} for {schedule}: {from_to(h.start, h.end, zone)}"
        case Kind.CHANGED:
            was = f", not {from_to(*h.before, zone)}" if h.before is not None else ""
            return f"Your time on call for {schedule} has changed: {from_to(h.start, h.end, zone)}{was}"
        case Kind.ON:
            since = f" since {when(h.start, zone)}" if now - h.start > _LATE else ""
            return f"You are on call now for {schedule}{since}{until}"
        case Kind.OFF:
            return f"You are off call for {schedule}: {_instead(h, scene)}"
        case Kind.NOT_AFTER_ALL:
            instead = f": {_people(h.others, scene)} {'is' if len(h.others) == 1 else 'are'}" if h.others else ": nobody is"
            return f"You are NOT on call for {schedule} after all, {from_to(h.start, h.end, zone)}{instead}"
        case Kind.POSTED:
            return f"On call for {schedule}: {_people(h.crew, scene)}{until}"
        case Kind.NOBODY:
            then = f"{until}, then {_people(h.crew, scene)}" if h.crew and until else until
            return f"NOBODY IS ON CALL for {schedule} since {when(h.start, zone)}{then}. Mend the schedule, or add an override"


def _hands_over(h: Handing, scene: Scene) -> str:
    match h.kind:
        case Kind.SOON | Kind.ON:
            return f"{_people(h.others, scene)} {'hands' if len(h.others) == 1 else 'hand'} over to you" if h.others else ""
        case Kind.POSTED | Kind.NOBODY:
            return f"{_people(h.others, scene)} handed over" if h.others and h.kind is Kind.POSTED else _last(h, scene)
        case _:
            return ""


def _instead(h: Handing, scene: Scene) -> str:
    if h.others or not h.crew:
        return f"{_people(h.others, scene)} took over"
    return f"{_people(h.crew, scene)} {'goes' if len(h.crew) == 1 else 'go'} on"


def _last(h: Handing, scene: Scene) -> str:
    return f"The last was {_people(h.others, scene)}" if h.others and h.kind is Kind.NOBODY else ""


def _services(h: Handing, scene: Scene) -> list[str]:
    if h.kind in (Kind.OFF, Kind.NOT_AFTER_ALL):
        return []
    named = [one_line(name) for name in scene.services[:_MOST_SERVICES]]
    left = len(scene.services) - len(named)
    named += [f"{left} more"] if left else []
    return [f"Services: {', '.join(named)}."] if named else []


# --- incidents ------------------------------------------------------------------------------------------------------------------------
def _listed(h: Handing, scene: Scene) -> Sequence[Open]:
    """Who goes is told what they still hold; who is told that they don't come, nothing."""
    if h.kind is Kind.OFF:
        return [o for o in scene.incidents if o.incident.state is State.ACKNOWLEDGED and o.incident.acknowledged_by == h.user]
    return () if h.kind is Kind.NOT_AFTER_ALL else scene.incidents


def _incidents(h: Handing, listed: Sequence[Open], scene: Scene, now: datetime) -> list[str]:
    if not listed:
        return [] if h.kind in (Kind.NOT_AFTER_ALL, Kind.OFF, Kind.NOBODY) else ["No open incidents."]
    lines = [f"{_count(h, listed, scene)}:"]
    for o in listed[:_MOST_INCIDENTS]:
        lines.append(f"- {_title(o)} ({state_words(o.incident, scene.names)}, {_rough(now - o.incident.opened_at)} old)")
        lines += [] if h.kind in (Kind.POSTED, Kind.NOBODY) else [f"  {line}" for line in _tried(o.incident, scene.names)]
    left = _total(h, listed, scene) - min(len(listed), _MOST_INCIDENTS)
    return [*lines, f"and {left} more: pagerd list"] if left else lines


def _tried(incident: Incident, names: Mapping[str, str]) -> Iterable[str]:
    """Who was paged over what and what came of it, and what was noted."""
    paged = sorted((p for p in incident.paged if p.pages > 0), key=lambda p: p.at)
    if paged:
        left = max(len(paged) - _MOST_TRIED, 0)
        told = [f"{left} more"] if left else []
        yield f"paged: {', '.join([*told, *(paged_words(incident, p, names) for p in paged[left:])])}"
    for note in incident.notes[-_MOST_NOTES:]:
        yield f"noted: {shorten(one_line(note), _NOTE)}"


def _title(o: Open) -> str:
    return f"{opening_of(o.incident)} {shorten(one_line(o.summary), _SUMMARY)}".strip()


def _total(h: Handing, listed: Sequence[Open], scene: Scene) -> int:
    return len(listed) + (scene.more if h.kind is not Kind.OFF else 0)


def _count(h: Handing, listed: Sequence[Open], scene: Scene) -> str:
    total = _total(h, listed, scene)
    what = f"{total} open incident{'s' if total != 1 else ''}"
    return f"You still hold {what}" if h.kind is Kind.OFF else what


def _counted(h: Handing, listed: Sequence[Open], scene: Scene) -> str:
    if listed and h.kind is Kind.OFF:
        return f" (you still hold {len(listed)})"
    return f" ({_total(h, listed, scene)} open)" if listed and h.kind in (Kind.SOON, Kind.ON, Kind.CHANGED) else ""


def _people(users: Iterable[str], scene: Scene) -> str:
    return " and ".join(shorten(one_line(scene.names.get(user, user)), _NAME) for user in users) or "nobody"


def _rough(span: timedelta) -> str:
    """To the minute, once it is minutes."""
    minutes = (span + timedelta(seconds=30)) // timedelta(minutes=1)
    return duration(timedelta(minutes=minutes)) if minutes > 0 else duration(span)
