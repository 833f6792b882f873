"""What wakes nobody for a time: silence add, list, remove."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from pager.cli.context import DEFAULT_CONFIG, NO, USAGE, AsOption, ConfigOption, JsonOption, at_desk, stop
from pager.cli.lately import open_since
from pager.cli.printing import Zone, clock, duration, period, print_json, printable, zone
from pager.conditions.matchers import read_matcher, tells_apart
from pager.model.condition import Condition
from pager.model.event import Entry
from pager.model.incident import State
from pager.model.mute import Silence
from pager.model.times import duration as in_words
from pager.model.times import rfc3339

if TYPE_CHECKING:
    from pager.model.config import Config
    from pager.rehearse.silencing import Matched
    from pager.wiring.desk import Desk

VIA = "cli"
_NOT_RECORDED = "NOT recorded: "
_NOW = "now"
_LONGEST_WHY = 300  # characters
_LOOKED_BACK = timedelta(days=7)
_SHOWN = 10  # incidents of a list
_SHORT = "%a %Y-%m-%d %H:%M %Z"
_ENDLESS = datetime.max.replace(tzinfo=UTC)


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="What wakes nobody for a time: at once, with a name to it, and with an end.")
    group.command("add")(add)
    group.command("list")(list_)
    group.command("remove")(remove)
    app.add_typer(group, name="silence")


# --- add ------------------------------------------------------------------------------------------------------------------------------
def add(
    matchers: Annotated[
        list[str] | None, typer.Argument(metavar="MATCHER…", help="name=value, name!=value, name=~regex or name!~regex: all must match.")
    ] = None,
    span: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="Until when, such as 2h.")] = None,
    start: Annotated[str, typer.Option("--from", metavar="T", help="RFC 3339, wall-clock time in the installation's zone, or now.")] = _NOW,
    end: Annotated[str | None, typer.Option("--to", metavar="T", help="The same, instead of --for.")] = None,
    why: Annotated[str, typer.Option("--why", metavar="TEXT")] = "",
    by: AsOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would mute.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Mute what matches, for a time; what still fires at the end pages."""
    from pager.rehearse.silencing import matched

    condition = _condition(matchers or [])
    if (end is None) == (span is None):
        stop(USAGE, "say until when: --for DURATION or --to T")
    lasts = duration(span) if span is not None else None

    async def work(desk: Desk) -> tuple[Zone, Silence, list[Matched], list[Matched]]:
        now, tz = await desk.incidents.now(), zone(desk.config.settings.timezone)
        _must_be_known(desk.config, by)
        begin, until = period(start, end, lasts, tz, now)
        _must_be_bounded(desk.config, until - max(begin, now.replace(microsecond=0)))
        silence = Silence(
            id="", condition=condition, start=begin, end=until, by=by or VIA, why=printable(why.strip())[:_LONGEST_WHY], said_at=now
        )  # fmt: skip
        lately = [one async for snapshot in open_since(desk, now - _LOOKED_BACK) if (one := matched(condition, snapshot)) is not None]
        if not dry_run:
            said = Entry(now, 0, "silence.added", silence.by, _words(silence, tz))
            silence = await desk.rota.add_silence(silence, said)
        return tz, silence, [one for one in lately if one.state is not State.RESOLVED], lately

    tz, silence, now_open, lately = at_desk(config, work, if_gone=_NOT_RECORDED)
    print(f"not added: {_words(silence, tz)}" if dry_run else f"silence {silence.id}: {_words(silence, tz)}")
    when = "mutes now" if start == _NOW and not dry_run else "would mute now"
    _print_matched(when, now_open)
    _print_matched(f"would have muted in the last {_LOOKED_BACK.days} days", lately)


def _condition(matchers: list[str]) -> Condition:
    if not matchers:
        stop(USAGE, "say what: at least one matcher, such as cluster=eu-1 or 'alertname=~Disk.*'")
    try:
        terms = tuple(map(read_matcher, matchers))
    except ValueError as error:
        stop(USAGE, str(error))
    if not tells_apart(terms):
        stop(USAGE, f"{' '.join(matchers)} would mute everything: at least one matcher must not match an empty value")
    return Condition(terms=terms)


def _must_be_known(config: Config, user: str | None) -> None:
    if user is not None and user not in config.users:
        stop(USAGE, f"{user!r} is no user of the config: {', '.join(config.users) or 'it has none'}")


def _must_be_bounded(config: Config, span: timedelta) -> None:
    from pager.escalate.muting import AT_MOST

    most = config.noise.suppress_at_most or AT_MOST
    if span > most:
        stop(USAGE, f"{in_words(span)} is too long: nothing is muted for more than {in_words(most)} (noise.limits.suppress_at_most)")


# --- remove ---------------------------------------------------------------------------------------------------------------------------
def remove(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `silence list` names it.")],
    by: AsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """End a silence now: what still fires pages. One of the files is removed there."""
    from pager.rehearse.silencing import Standing, matched, muted_by, standing

    async def work(desk: Desk) -> tuple[Zone, Silence, list[Matched]]:
        now, tz = await desk.incidents.now(), zone(desk.config.settings.timezone)
        _must_be_known(desk.config, by)
        known = next((silence for silence in desk.facts.silences if silence.id == id_), None)
        if known is None:
            _unknown(desk.config, id_)
        if standing(known, now) is Standing.OVER:
            stop(NO, f"silence {id_} is over since {_clock(known.end, tz)}")
        found = [snapshot async for snapshot in open_since(desk, _ENDLESS) if snapshot.incident and muted_by(known, snapshot.incident)]
        ended = await desk.rota.end_silence(id_, now, Entry(now, 0, "silence.ended", by or VIA, _words(known, tz)))
        if ended is None:
            stop(NO, f"silence {id_} is over already")
        return tz, known, [one for snapshot in found if (one := matched(known.condition, snapshot)) is not None]

    tz, silence, held = at_desk(config, work, if_gone=_NOT_RECORDED)
    print(f"ended silence {id_}: {_words(silence, tz)}")
    _print_matched("muted until now; what still fires, and nothing else mutes, pages within 30 s", held)


def _unknown(config: Config, id_: str) -> NoReturn:
    of_file = next((silence for silence in config.noise.silences if silence.id == id_), None)
    if of_file is not None:
        stop(NO, f"silence {id_} stands in {of_file.origin}: take it out there")
    stop(NO, f"there is no silence {id_!r}: `pagerd silence list --all` names those there are")


# --- list -----------------------------------------------------------------------------------------------------------------------------
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Silences in force or to come: those of the files, then those of run time, which are kept for 30 days after their end."""
    from pager.rehearse.silencing import Standing, Tally, every_silence, silence_json, standing

    async def work(desk: Desk) -> tuple[Zone, list[dict[str, Any]]]:
        now = await desk.incidents.now()
        silences = [s for s in every_silence(desk.config, desk.facts) if every or standing(s, now) is not Standing.OVER]
        tally = Tally(silences, now)
        if silences:
            async for snapshot in open_since(desk, min(silence.start for silence in silences)):
                tally.add(snapshot)
        return zone(desk.config.settings.timezone), [silence_json(silence, now, tally) for silence in silences]

    tz, rows = at_desk(config, work)
    if as_json:
        return print_json(rows)
    if not rows:
        return print("no silences")
    for row in rows:
        span = f"from {clock(row['from'], tz, _SHORT)} to {clock(row['to'], tz, _SHORT)}"
        print(f"{row['id'] or 'file':<6}{row['state']}: {' '.join(row['matchers'])} {span}" + (f" ({row['why']})" if row["why"] else ""))
        place = f", {row['name']} in {row['origin']}" if row["origin"] else ""
        ended = f", ended by {row['ended_by']}" if row["ended_by"] else ""
        print(f"      by {row['by']}{place}{ended}; mutes {row['muting']} now, {row['muted']} in all")


# --- all of them ----------------------------------------------------------------------------------------------------------------------
def _words(silence: Silence, tz: Zone) -> str:
    from pager.rehearse.silencing import words

    why = f" ({silence.why})" if silence.why else ""
    return f"{' '.join(words(silence.condition))} from {_clock(silence.start, tz)} to {_clock(silence.end, tz)}{why}"


def _clock(at: datetime, tz: Zone) -> str:
    return clock(rfc3339(at), tz, _SHORT)


def _print_matched(title: str, found: list[Matched]) -> None:
    if not found:
        return print(f"{title}: nothing")
    paged = sum(1 for one in found if one.paged)
    print(f"{title}: {len(found)} incident{'s' if len(found) != 1 else ''}, {paged} of which paged")
    for one in found[:_SHOWN]:
        told = f"paged {', '.join(one.paged)}" if one.paged else "nobody was paged"
        print(f"  #{one.number} {one.severity} {one.service or '-'}: {printable(one.summary)} ({one.state}; {told})")
    if len(found) > _SHOWN:
        print(f"  and {len(found) - _SHOWN} more")
