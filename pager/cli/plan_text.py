"""A plan for a terminal: the sum first, then each schedule, then what follows from it. No line is longer than there is room."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from pager.cli.printing import Zone, columns, printable, zone
from pager.model.alert import Severity
from pager.model.schedule import OnCall
from pager.model.times import duration
from pager.rehearse.changes import Change, What
from pager.rehearse.moves import Moved, Share, users
from pager.rehearse.plan import Plan, ScheduleMoves, StageMoves

MOST_MOVES = 40  # of one schedule; --json has all
_MOST_REASONS = 3
_LONG, _SHORT = "%a %Y-%m-%d %H:%M %Z", "%a %m-%d %H:%M %Z"
_INDENT = " " * 6


def as_text(plan: Plan, old: str, new: str, zones: Mapping[str, str]) -> str:
    """`zones` has the zone of each schedule's times; under the empty name, that of the others."""
    lines = [_wrapped(printable(f"{old} -> {new}, {period(plan, zone(zones['']))}"), "", "    "), ""]
    if plan.is_empty:
        return "\n".join([*lines[:1], NOTHING]) + "\n"
    lines += _people(plan)
    for one in plan.schedules:
        lines += ["", *_schedule(one, zones[one.schedule])]
    for title, found in (
        ("Services that reach other people:", [f"{names}: {'; '.join(stages)}" for names, stages in services(plan)]),
        ("Alerts that lead elsewhere:", [f"{alerts}: {before} -> {after}" for alerts, before, after in alerts_elsewhere(plan)]),
        ("In the config:", [changed(change) for change in plan.changes]),
    ):
        if found:
            lines += ["", title, *(_wrapped(printable(line), "  ", _INDENT) for line in found)]
    return "\n".join(lines) + "\n"


NOTHING = "Nothing changes for anybody."


def _people(plan: Plan) -> Iterator[str]:
    yield headline(plan)
    width = max((len(one.user) for one in plan.people), default=0)
    rows = [(one.user.ljust(width), hours_of(one), nights_of(one)) for one in plan.people]
    second = max((len(row[1]) for row in rows), default=0)
    yield from (f"  {user}  {hours.ljust(second)}  {nights}".rstrip() for user, hours, nights in rows)
    for schedule, total in gaps(plan).items():
        yield f"! Nobody is on call in {printable(schedule)} for {hours_text(total)}, where somebody was."


def _schedule(one: ScheduleMoves, timezone: str) -> Iterator[str]:
    tz = zone(timezone)
    yield _wrapped(printable(title(one, timezone)), "", "    ")
    for move in one.moves[:MOST_MOVES]:
        yield f"  {when(move, tz)}  {hours_text(move.lasts).rjust(6)}  {printable(flow(users(move.old), users(move.new)))}"
        yield from (_wrapped(printable(why), _INDENT, _INDENT + "    ") for why in both_reasons(move))
    if len(one.moves) > MOST_MOVES:
        yield f"  and {rest(one, tz)}: --json has them all"


def _wrapped(text: str, first: str, others: str) -> str:
    width = max(columns(), 40)
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False)


# --- words ----------------------------------------------------------------------------------------------------------------------------
def headline(plan: Plan) -> str:
    if not plan.people:
        return "Nobody's shifts move."
    what = "nights" if any(one.nights_more or one.nights_fewer for one in plan.people) else "hours"
    return f"{len(plan.people)} {'person gets' if len(plan.people) == 1 else 'people get'} other {what}:"


def period(plan: Plan, tz: Zone) -> str:
    return f"{duration(plan.end - plan.start)} from {plan.start.astimezone(tz):{_LONG}}"


def hours_text(span: timedelta) -> str:
    """`14 h`, `1.5 h`; below six minutes `5 min`."""
    hours = span / timedelta(hours=1)
    return f"{hours:.1f}".removesuffix(".0") + " h" if hours >= 0.1 else f"{max(round(hours * 60), 1)} min"


def hours_of(one: Share) -> str:
    return "  ".join(f"{sign}{hours_text(span)}" for sign, span in (("+", one.gets), ("-", one.loses)) if span)


def nights_of(one: Share) -> str:
    """`2 nights fewer`, `1 night more, 1 fewer`."""
    parts = [f"{n} {{}}{word}" for n, word in ((one.nights_more, "more"), (one.nights_fewer, "fewer")) if n]
    night = "night " if parts and parts[0].startswith("1 ") else "nights "
    return ", ".join(part.format("" if k else night) for k, part in enumerate(parts))


def gaps(plan: Plan) -> dict[str, timedelta]:
    found: dict[str, timedelta] = {}
    for schedule, move in plan.nobody:
        found[schedule] = found.get(schedule, timedelta(0)) + move.lasts
    return found


def title(one: ScheduleMoves, timezone: str) -> str:
    """`timezone` is that of the times that follow."""
    name = f"{one.schedule} ({timezone})"
    if one.was:
        return f"{name}: was called {one.was}, and has the same people"
    total = hours_text(sum((move.lasts for move in one.moves), timedelta(0)))
    what = {What.NEW: "new, ", What.GONE: "gone, ", What.CHANGED: ""}[one.what]
    return f"{name}: {what}{total} in {len(one.moves)} {'interval' if len(one.moves) == 1 else 'intervals'}"


def when(move: Moved, tz: Zone) -> str:
    return " - ".join(ends(move, tz))


def ends(move: Moved, tz: Zone) -> tuple[str, str]:
    """Where it begins and ends, in letters of the same width for all but the names of zones."""
    return _at(move.start, tz, _LONG), _at(move.end, tz, _LONG if move.end.year != move.start.year else _SHORT)


def _at(at: datetime, tz: Zone, form: str) -> str:
    return at.astimezone(tz).strftime(form)


def flow(old: Sequence[str], new: Sequence[str]) -> str:
    return f"{', '.join(old) or 'nobody'} -> {', '.join(new) or 'NOBODY'}"


def both_reasons(move: Moved) -> list[str]:
    """Why it was and why it will be; once where that is the same, such as the turn of a rotation whose people changed."""
    old, new = reasons(move.old), reasons(move.new)
    if old == new:
        return [f"both: {old}"]
    return [f"{word}: {said}" for word, said in (("was", old), ("now", new)) if said]


def reasons(on_call: Sequence[OnCall]) -> str:
    """Each with its place; of many, the first ones."""
    several = len(users(on_call)) > 1
    said = [f"{f'{o.user}: ' if several else ''}{o.because}{f' ({o.origin})' if o.origin else ''}" for o in on_call]
    more = len(said) - _MOST_REASONS
    return "; ".join(said[:_MOST_REASONS]) + (f"; and {more} more" if more > 0 else "")


def rest(one: ScheduleMoves, tz: Zone) -> str:
    left = one.moves[MOST_MOVES:]
    total = sum((move.lasts for move in left), timedelta(0))
    return f"{len(left)} more, {hours_text(total)} until {_at(left[-1].end, tz, _LONG)}"


# --- services, alerts, config ---------------------------------------------------------------------------------------------------------
def services(plan: Plan) -> Iterable[tuple[str, list[str]]]:
    """Names of services, and what changes in their stages; those with the same changes together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for one in plan.services:
        found.setdefault(tuple(_stage(stage) for stage in one.stages), []).append(one.service)
    return [(", ".join(names), list(stages)) for stages, names in found.items()]


def _stage(one: StageMoves) -> str:
    hours: dict[str, timedelta] = {}
    for move in one.moves:
        words = flow(users(move.old), users(move.new)) if one.old and one.new else ", ".join(users(move.new if one.new else move.old))
        hours[words] = hours.get(words, timedelta(0)) + move.lasts
    ordered = sorted(hours.items(), key=lambda item: (-item[1], item[0]))
    said = [words if one.always else f"{words} for {hours_text(total)}" for words, total in ordered[:_MOST_REASONS]]
    said += [f"and {len(ordered) - _MOST_REASONS} more"] if len(ordered) > _MOST_REASONS else []
    return f"{_stage_name(one)}: {', '.join(said)}" + (f" (by {', '.join(one.schedules)})" if one.schedules else "")


def _stage_name(one: StageMoves) -> str:
    if not one.old or not one.new:
        return f"{one.new} is new" if one.new else f"{one.old} is gone"
    return one.new if one.old == one.new else f"{one.old} becomes {one.new}"


def alerts_elsewhere(plan: Plan) -> Iterable[tuple[str, str, str]]:
    """Alerts, where they led and where they lead, in what differs; what goes the same way together."""
    severities: dict[tuple[str, str, str], list[str]] = {}
    for one in plan.redirected:
        severities.setdefault((one.alert, one.old.words(one.new), one.new.words(one.old)), []).extend(one.severities)
    found: dict[tuple[str, str, str], list[str]] = {}
    for (alert, old, new), these in severities.items():
        which = "" if len(these) == len(Severity) else f" ({', '.join(s for s in Severity if s in these)})"
        found.setdefault((which, old, new), []).append(alert)
    return [("; ".join(alerts) + which, old, new) for (which, old, new), alerts in found.items()]


def changed(change: Change) -> str:
    place = change.new or change.old
    how = f": {'; '.join(change.how)}" if change.how else ""
    if change.kind == "schedule" and change.what is What.CHANGED:
        how = ", and moves nobody in this time"
    name = change.kind if change.kind == change.name else f"{change.kind} {change.name}"
    return f"{name} {change.what}{how}" + (f" ({place})" if place else "")
