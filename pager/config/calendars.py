"""Calendars of others, and what stands in those that are files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from msgspec.structs import replace

from pager.config.named import Named
from pager.config.reading import Context, Field, MapOf, Record, Ref, Scalar
from pager.config.scalars import SPAN
from pager.config.shapes import ZONE
from pager.config.tree import Node
from pager.model.calendar import Calendar
from pager.model.config import Config
from pager.model.origin import Origin
from pager.model.problem import Level, Problem
from pager.model.schedule import Schedule
from pager.oncall.calendars import naming

SUFFIX = ".ics"
_LEAST_EVERY = timedelta(minutes=1)
_MOST_SAID = 20  # remarks on one file


class _Url(Scalar[str]):
    """An address that may be a secret: it is never quoted."""

    def read(self, node: Node, context: Context, path: str) -> str | None:
        try:
            return _address(context.text(node, path)) if node.kind == "scalar" and not node.is_null else self.wrong(node, context, path)
        except ValueError as error:
            context.fail(node, path, f"is no address of a calendar: {error}", "such as https://calendar.example.com/rota.ics")
            return None


def _address(text: str) -> str:
    """webcal is what browsers call it; it is https."""
    scheme, colon, rest = text.partition(":")
    scheme = {"webcal": "https", "webcals": "https"}.get(scheme.lower(), scheme.lower())
    if not colon or scheme not in ("http", "https"):
        raise ValueError(f"only https, http and webcal are read, not {scheme!r}" if colon and "/" not in scheme else "it has no scheme")
    url = f"{scheme}:{rest}"
    parts = urlsplit(url)
    if not parts.hostname or any(c.isspace() for c in url):
        raise ValueError("it names no host" if not parts.hostname else "a space stands in it")
    _ = parts.port  # raises ValueError for one that is none
    return url


def _file(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or path.suffix != SUFFIX or any(part.startswith(".") for part in path.parts):
        raise ValueError(f"inside of the config folder, by its path from there, and called {SUFFIX}: such as calendars/rota.ics")
    return str(path)


def _calendar(name: str, origin: Origin, file: str = "", url: str = "", every: timedelta | None = None, **values: object) -> Calendar:
    if bool(file) == bool(url):
        raise ValueError("a calendar has one of `file`, in this folder, and `url`")
    if file and every is not None:
        raise ValueError("`every` is how often a `url` is read; a file is read again when it changes")
    if every is not None and every < _LEAST_EVERY:
        raise ValueError("`every` is at least 1m")
    kept = {} if every is None else {"every": every}
    return Calendar(name=name, origin=origin, file=file, url=url, **kept, **values)  # type: ignore[arg-type]


CALENDARS = Named(
    Record(
        {
            "file": Scalar("a calendar file", _file),
            "url": _Url("an address", str),
            "every": SPAN,
            "people": Field(MapOf(Ref("user"), "a map from a text of the summary, or an attendee's address, to a user")),
            "timezone": ZONE,
        },
        _calendar,
    )
)


def read_files(config: Config, folder: Path, context: Context) -> tuple[Config, list[tuple[str, str]]]:
    """The config with what stands in its calendar files, and those files by name and text. What is wrong goes to `context`."""
    files: list[tuple[str, str]] = []
    calendars = dict(config.calendars)
    for calendar in calendars.values():
        text = _text(folder, calendar, context) if calendar.file else None
        if text is not None:
            files.append((calendar.file, text))
            calendars[calendar.name] = _read(calendar, text, config, context)
    schedules = {name: _with_named(schedule, calendars, config) for name, schedule in config.schedules.items()}
    return replace(config, calendars=calendars, schedules=schedules), files


def _text(folder: Path, calendar: Calendar, context: Context) -> str | None:
    from pager.oncall.ics import MOST_BYTES  # with a library that takes a tenth of a second, and only these need it

    path = folder / calendar.file
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"larger than {MOST_BYTES >> 20} MiB")
        return path.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        why = "there is no such file" if isinstance(error, FileNotFoundError) else f"can't be read: {error}"
        _say(context, calendar.origin, Level.ERROR, f"calendars.{calendar.name}.file", f"{calendar.file}: {why}")
        return None


def _read(calendar: Calendar, text: str, config: Config, context: Context) -> Calendar:
    from pager.oncall.ics import NotACalendar, read_ics

    path = f"calendars.{calendar.name}"
    try:
        read = read_ics(text, calendar, config.users, config.settings.timezone)
    except NotACalendar as error:
        _say(context, Origin(calendar.file, 1, 1), Level.ERROR, path, str(error))
        return calendar
    asked = any(calendar.name in naming(schedule) for schedule in config.schedules.values())
    said = [remark for remark in read.remarks if asked or not remark.names]
    for remark in said[:_MOST_SAID]:
        _say(context, Origin(calendar.file, remark.line, 1), Level.WARNING, path, f"event {remark.what}")
    if len(said) > _MOST_SAID:
        at = Origin(calendar.file, said[_MOST_SAID].line, 1)
        _say(context, at, Level.WARNING, path, f"and {len(said) - _MOST_SAID} more events of which something was not taken")
    return replace(calendar, series=read.series)


def _with_named(schedule: Schedule, calendars: dict[str, Calendar], config: Config) -> Schedule:
    """A file says whom it names; one that is read while the daemon runs may name anybody."""

    def of(calendar: Calendar) -> Iterator[str]:
        yield from config.users if calendar.url else (user for one in calendar.series for user in one.users)

    used: Iterable[Calendar] = (calendars[name] for name in naming(schedule) if name in calendars)
    named = tuple(sorted({user for calendar in used for user in of(calendar)}))
    return replace(schedule, named=named) if named else schedule


def _say(context: Context, origin: Origin | None, level: Level, path: str, message: str) -> None:
    file, line, column = (origin.file, origin.line, origin.column) if origin else ("config", 0, 0)
    context.problems.append(Problem(level=level, file=file, line=line, column=column, path=path, message=message))
