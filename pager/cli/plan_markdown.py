"""A plan as Markdown, to paste into a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pager.cli.plan_text import (
    MOST_MOVES,
    NOTHING,
    alerts_elsewhere,
    both_reasons,
    changed,
    ends,
    gaps,
    headline,
    hours_text,
    nights_of,
    period,
    rest,
    services,
    title,
)
from pager.cli.printing import Zone, printable, zone
from pager.rehearse.moves import users
from pager.rehearse.plan import Plan, ScheduleMoves

_SPECIAL = re.compile(r"([\\`*_{}\[\]<|~&])")


def as_markdown(plan: Plan, old: str, new: str, zones: Mapping[str, str]) -> str:
    """`zones` has the zone of each schedule's times; under the empty name, that of the others."""
    lines = [f"### On call: {_text(old)} → {_text(new)}", "", f"{_text(period(plan, zone(zones[''])))}.", ""]
    if plan.is_empty:
        return "\n".join([*lines, NOTHING]) + "\n"
    lines += _people(plan)
    for one in plan.schedules:
        lines += ["", f"#### {_text(title(one, zones[one.schedule]))}", *(_schedule(one, zone(zones[one.schedule])) if one.moves else ())]
    for head, found in (
        ("Services that reach other people", [f"**{_text(names)}**: {_text('; '.join(stages))}" for names, stages in services(plan)]),
        (
            "Alerts that lead elsewhere",
            [f"{_text(alerts)}: {_text(before)} → {_text(after)}" for alerts, before, after in alerts_elsewhere(plan)],
        ),
        ("In the config", [_text(changed(change)) for change in plan.changes]),
    ):
        if found:
            lines += ["", f"#### {head}", "", *(f"- {line}" for line in found)]
    return "\n".join(lines) + "\n"


def _people(plan: Plan) -> Iterator[str]:
    yield f"**{_text(headline(plan))}**"
    if plan.people:
        yield ""
        yield from _table(
            ("who", "gets", "loses", "nights"),
            [
                (one.user, hours_text(one.gets) if one.gets else "", hours_text(one.loses) if one.loses else "", nights_of(one))
                for one in plan.people
            ],
        )
    for schedule, total in gaps(plan).items():
        yield ""
        yield f"> **Nobody** is on call in {_text(schedule)} for {hours_text(total)}, where somebody was."


def _schedule(one: ScheduleMoves, tz: Zone) -> Iterator[str]:
    yield ""
    yield from _table(
        ("from", "to", "hours", "was", "now", "why"),
        [
            (*ends(move, tz), hours_text(move.lasts), ", ".join(users(move.old)) or "nobody", ", ".join(users(move.new)) or "NOBODY",
             "; ".join(both_reasons(move)))
            for move in one.moves[:MOST_MOVES]
        ],
    )  # fmt: skip
    if len(one.moves) > MOST_MOVES:
        yield f"\nAnd {_text(rest(one, tz))}."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    yield from (f"| {' | '.join(map(_text, row))} |" for row in rows)


def _text(text: str) -> str:
    """As it is: whatever stands in a reason is no markup, and calls nobody."""
    return _SPECIAL.sub(r"\\\1", printable(text)).replace("->", "→").replace("@", "@&#8203;")
