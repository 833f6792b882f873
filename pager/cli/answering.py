"""What people say back: ack, resolve, escalate, snooze, assign, note."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pager.cli.context import GOOD, NO, USAGE, AsOption, ConfigOption, Number, at_desk, stop
from pager.config.scalars import read_duration
from pager.model.event import Answer, Reply, ReplyAction

if TYPE_CHECKING:
    from pager.wiring import Desk


VIA = "cli"


def register(app: typer.Typer) -> None:
    for command in (ack, resolve, escalate, snooze, assign, note):
        app.command()(command)


def ack(number: Number, by: AsOption = None, config: ConfigOption = None) -> None:
    """Acknowledge: you have it, paging stops."""
    _say(number, ReplyAction.ACKNOWLEDGE, by, config)


def resolve(number: Number, by: AsOption = None, config: ConfigOption = None) -> None:
    """Resolve: it is over."""
    _say(number, ReplyAction.RESOLVE, by, config)


def escalate(number: Number, by: AsOption = None, config: ConfigOption = None) -> None:
    """Escalate: page the next stage now."""
    _say(number, ReplyAction.ESCALATE, by, config)


def snooze(
    number: Number,
    span: Annotated[str, typer.Argument(metavar="DURATION", help="Such as 30m or 2h.")],
    by: AsOption = None,
    config: ConfigOption = None,
) -> None:
    """Snooze: quiet for a while, then page the same stage again."""
    try:
        duration = read_duration(span)
    except ValueError as error:
        stop(USAGE, f"{span!r} is no duration: {error}")
    _say(number, ReplyAction.SNOOZE, by, config, duration=duration)


def assign(
    number: Number,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A user, or user:x, team:x, schedule:x.")],
    by: AsOption = None,
    config: ConfigOption = None,
) -> None:
    """Assign: page somebody else."""
    _say(number, ReplyAction.ASSIGN, by, config, target=target)


def note(number: Number, text: Annotated[str, typer.Argument(metavar="TEXT")], by: AsOption = None, config: ConfigOption = None) -> None:
    """Note: say what you tried, for whoever is paged next."""
    _say(number, ReplyAction.NOTE, by, config, text=text)


def _say(
    number: int,
    action: ReplyAction,
    by: str | None,
    config: Path | None,
    *,
    duration: timedelta | None = None,
    target: str = "",
    text: str = "",
) -> None:
    async def reply(desk: Desk) -> Answer:
        if by is not None and by not in desk.config.users:
            stop(USAGE, f"{by!r} is no user of the config: {', '.join(desk.config.users)}")
        said = Reply(action=action, by=by or VIA, via=VIA, duration=duration, target=target, text=text)
        return await desk.door.reply(number, said)

    answer = at_desk(config, reply)
    if answer.refused:
        stop(NO, answer.text)
    print(answer.text)
    stop(GOOD)
