"""What people say back: ack, resolve, escalate, snooze, assign, note."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pager.cli.context import DEFAULT_CONFIG, GOOD, NO, USAGE, AsOption, ConfigOption, Number, at_desk, stop
from pager.cli.printing import duration
from pager.model.event import Answer, Reply, ReplyAction

if TYPE_CHECKING:
    from pager.wiring.desk import Desk

VIA = "cli"
_NOT_RECORDED = "NOT recorded: "
_OVER_ANYWAY = (ReplyAction.ACKNOWLEDGE, ReplyAction.RESOLVE)  # said of what is so already, they are true all the same


def register(app: typer.Typer) -> None:
    for command in (ack, resolve, escalate, snooze, assign, note):
        app.command()(command)


def ack(number: Number, by: AsOption = None, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Acknowledge: you have it, paging stops."""
    _say(number, by, config, ReplyAction.ACKNOWLEDGE)


def resolve(number: Number, by: AsOption = None, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Resolve: it is over."""
    _say(number, by, config, ReplyAction.RESOLVE)


def escalate(number: Number, by: AsOption = None, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Escalate: page the next stage now."""
    _say(number, by, config, ReplyAction.ESCALATE)


def snooze(
    number: Number,
    span: Annotated[str, typer.Argument(metavar="DURATION", help="Such as 30m or 2h.")],
    by: AsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Snooze: quiet for a while, then page the same stage again."""
    _say(number, by, config, ReplyAction.SNOOZE, span=span)


def assign(
    number: Number,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A user, or user:x, team:x, schedule:x.")],
    by: AsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Assign: page somebody else."""
    _say(number, by, config, ReplyAction.ASSIGN, target=target)


def note(
    number: Number,
    text: Annotated[list[str], typer.Argument(metavar="TEXT...")],
    by: AsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Note: say what you tried, for whoever is paged next."""
    _say(number, by, config, ReplyAction.NOTE, text=" ".join(text))


def _say(number: int, by: str | None, config: Path, action: ReplyAction, *, span: str = "", target: str = "", text: str = "") -> None:
    said = Reply(action=action, by=by or VIA, via=VIA, duration=duration(span) if span else None, target=target, text=text)

    async def reply(desk: Desk) -> Answer:
        from pager.advance import TooManyConflicts

        if by is not None and by not in desk.config.users:
            stop(USAGE, f"{by!r} is no user of the config: {', '.join(desk.config.users) or 'it has none'}")
        try:
            return await desk.door.reply(number, said)
        except TooManyConflicts:
            stop(NO, f"{_NOT_RECORDED}{number} changes all the time. Try again.")

    answer = at_desk(config, reply, if_gone=_NOT_RECORDED)
    if answer.done or (not answer.refused and action in _OVER_ANYWAY):
        print(answer.text)
        stop(GOOD)
    stop(NO, answer.text)
