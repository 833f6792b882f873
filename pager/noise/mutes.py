"""Silences, maintenance and pauses: what mutes an alert at a moment, and until when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from pager.conditions.condition import Facts
from pager.conditions.index import RuleIndex
from pager.model.condition import Condition
from pager.model.mute import Mute, MuteKind, Silence, until
from pager.model.noise import Maintenance, Noise, Pause
from pager.model.times import duration
from pager.oncall.instants import instant, zone
from pager.oncall.windows import next_opening, standing


class _Window(msgspec.Struct, frozen=True):
    """`end_at` says until when the window is on at a moment; None: it is not. `next_at`: when it begins next after a moment."""

    condition: Condition
    end_at: Callable[[datetime], datetime | None]
    next_at: Callable[[datetime], datetime | None]
    mute: Mute


class Mutes:
    """All that mutes by the clock, indexed: what an alert costs does not grow with the silences that don't concern it."""

    def __init__(self, noise: Noise, silences: Iterable[Silence], timezone: str) -> None:
        """`timezone` is the installation's. Naive times of the config are in it."""
        tz = zone(timezone)
        said = [_silence(silence) for silence in (*(_of_files(s, tz) for s in noise.silences), *silences)]
        self._windows: Sequence[_Window] = [*said, *(_maintenance(rule, timezone) for rule in noise.maintenance)]
        self._index = RuleIndex([window.condition for window in self._windows])
        self._pauses: Sequence[Pause] = noise.pause
        self._pause_index = RuleIndex([pause.condition for pause in noise.pause])

    def at(self, facts: Facts, at: datetime, newer_than: datetime | None = None) -> list[Mute]:
        """The windows that are on. With `newer_than`, only those that somebody said after that moment."""
        if not self._windows:
            return []
        found: list[Mute] = []
        for k in self._index.all(facts):
            window = self._windows[k]
            said_at = window.mute.said_at
            if newer_than is not None and (said_at is None or said_at <= newer_than):
                continue
            end = window.end_at(at)
            if end is not None:
                found.append(msgspec.structs.replace(window.mute, until=end))
        return found

    def next_at(self, at: datetime) -> datetime | None:
        """When the next of the windows begins after that moment."""
        return min([begins for window in self._windows if (begins := window.next_at(at)) is not None], default=None)

    def still(self, mute: Mute, at: datetime) -> Mute | None:
        """A silence or maintenance that was on before, if it still is."""
        ends = [w.end_at(at) for w in self._windows if w.mute.kind is mute.kind and w.mute.rule == mute.rule]
        until = max([end for end in ends if end is not None], default=None)
        return msgspec.structs.replace(mute, until=until) if until else None

    def pause(self, facts: Facts, opened_at: datetime) -> Mute | None:
        """How long an alert is given to heal by itself; the longest where several rules hold."""
        rules = [self._pauses[k] for k in self._pause_index.all(facts)] if self._pauses else []
        if not rules:
            return None
        rule = max(rules, key=lambda pause: pause.wait)
        return Mute(
            MuteKind.PAUSE,
            rule.name,
            f"waits {duration(rule.wait)}: it may heal by itself (pause {rule.name})",
            opened_at + rule.wait,
            rule.origin,
        )


def longest(mutes: Iterable[Mute]) -> Mute | None:
    """The one that holds on longest: it is the one to be named. Those without an end hold on longer than any."""
    return max(mutes, key=lambda mute: (mute.until is None, mute.until and mute.until.timestamp()), default=None)


def _of_files(silence: Silence, tz: ZoneInfo) -> Silence:
    return msgspec.structs.replace(silence, start=instant(silence.start, tz), end=instant(silence.end, tz))


def _silence(silence: Silence) -> _Window:
    def end_at(at: datetime) -> datetime | None:
        return silence.end if silence.start <= at < silence.end else None

    def next_at(at: datetime) -> datetime | None:
        return silence.start if at < silence.start < silence.end else None

    why = f": {silence.why}" if silence.why else ""
    reason = f"silenced by {silence.by} {until(silence.end)}{why} (silence {silence.id})"
    mute = Mute(MuteKind.SILENCE, silence.id, reason, None, silence.origin, said_at=silence.said_at)
    return _Window(silence.condition, end_at, next_at, mute)


def _maintenance(rule: Maintenance, timezone: str) -> _Window:
    tz = zone(timezone)
    start, end = (instant(at, tz) if at else None for at in (rule.start, rule.end))

    def end_at(at: datetime) -> datetime | None:
        if start is not None and end is not None:
            return end if start <= at < end else None
        now = standing(rule.hours, at, timezone) if rule.hours else None
        return now.until if now and now.inside else None

    def next_at(at: datetime) -> datetime | None:
        if start is not None:
            return start if at < start else None
        return next_opening(rule.hours, at, timezone) if rule.hours else None

    return _Window(rule.condition, end_at, next_at, Mute(MuteKind.MAINTENANCE, rule.name, f"maintenance {rule.name}", None, rule.origin))
